//! A file on its way to a provider.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use domain::id::{AttachmentId, WorkspaceId};
use domain::inbound::ProviderError;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, stream};
use reqwest::Body;
use reqwest::multipart::Part;

use super::errors;
use super::outbound::SendFailure;
use crate::attachment_store::AttachmentStore;

/// What a provider is told of a file.
#[derive(Clone, PartialEq, Eq)]
pub struct OutboundFile {
    /// Its name.
    pub filename: Option<String>,
    /// The content type, by its bytes.
    pub content_type: String,
    /// What the provider calls it, where it has its bytes already.
    pub provider_media_id: Option<String>,
}

// By hand: a name of a file may name a person.
impl fmt::Debug for OutboundFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundFile").field("content_type", &self.content_type).finish_non_exhaustive()
    }
}

impl OutboundFile {
    /// Its name; one that tells what it is, if it has none.
    pub(super) fn name(&self) -> String {
        self.filename.clone().unwrap_or_else(|| {
            let ending = mime_ending(&self.content_type);
            format!("file.{ending}")
        })
    }
}

/// Providers look at the ending too.
fn mime_ending(content_type: &str) -> &'static str {
    match content_type {
        "image/jpeg" => "jpg",
        "image/png" => "png",
        "image/webp" => "webp",
        "video/mp4" => "mp4",
        "video/3gpp" => "3gp",
        "audio/aac" => "aac",
        "audio/amr" => "amr",
        "audio/mpeg" => "mp3",
        "audio/mp4" => "m4a",
        "audio/ogg" => "ogg",
        "application/pdf" => "pdf",
        "text/plain" => "txt",
        _ => "bin",
    }
}

/// Whether all bytes of a request were handed over. Before that the provider cannot have acted on it.
#[derive(Debug, Clone, Default)]
pub(super) struct Handed(Arc<AtomicBool>);

impl Handed {
    pub(super) fn is_whole(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// The bytes of a file, read as they are sent.
pub struct FileBytes {
    stream: BoxStream<'static, Result<Bytes, object_store::Error>>,
    length: u64,
}

impl fmt::Debug for FileBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBytes").field("length", &self.length).finish_non_exhaustive()
    }
}

impl FileBytes {
    /// Begins to read a file of this length.
    ///
    /// # Errors
    /// If it is not there, or the store cannot be reached; then another try may help.
    pub async fn open(
        store: &AttachmentStore,
        (workspace, id): (WorkspaceId, AttachmentId),
        length: u64,
    ) -> Result<Self, SendFailure> {
        let failure = |error: object_store::Error| {
            let verdict = match error {
                object_store::Error::NotFound { .. } => errors::FILE_LOST,
                _ => errors::FILE_UNAVAILABLE,
            };
            // What the store says may name a place of the installation.
            verdict.failure(ProviderError { code: "file".to_owned(), detail: String::new() }, None)
        };
        let stream = store.read(workspace, id, None).await.map_err(failure)?;
        Ok(Self { stream, length })
    }

    /// A part of a form, and whether it has been handed over to its end.
    pub(super) fn into_part(self, file: &OutboundFile) -> Result<(Part, Handed), SendFailure> {
        let handed = Handed::default();
        let whole = handed.clone();
        // The end of the form comes after the end of the file.
        let end = stream::once(async move {
            whole.0.store(true, Ordering::Release);
            Ok(Bytes::new())
        });
        let body = Body::wrap_stream(self.stream.chain(end));
        let part = Part::stream_with_length(body, self.length).file_name(file.name());
        let wrong = |_| {
            let detail = "the content type cannot be written".to_owned();
            errors::MEDIA_REJECTED.failure(ProviderError { code: "request".to_owned(), detail }, None)
        };
        Ok((part.mime_str(&file.content_type).map_err(wrong)?, handed))
    }
}
