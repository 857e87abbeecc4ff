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

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use domain::attachment::AttachmentKind;
    use domain::outbound::OutboundContent;
    use futures_util::{StreamExt, stream};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::{FileBytes, OutboundFile};
    use crate::channels::testing::{client, message, refusal, telegram};
    use crate::channels::{FailureClass, SendOutcome, outbound};

    const CHUNK: &[u8] = &[7; 64 * 1024];
    /// More than fits between two sockets.
    const CHUNKS: usize = 512;

    fn bytes(whole: bool) -> FileBytes {
        let end = if whole { CHUNKS } else { CHUNKS / 2 };
        let chunks = stream::iter((0..end).map(|_| Ok(Bytes::from_static(CHUNK))));
        let broken = (!whole).then(|| {
            Err(object_store::Error::NotImplemented {
                operation: "reading on".into(),
                implementer: "the test".into(),
            })
        });
        let length = u64::try_from(CHUNKS * CHUNK.len()).unwrap();
        FileBytes { stream: chunks.chain(stream::iter(broken)).boxed(), length }
    }

    /// Sends a picture to a provider that closes after this many bytes, or after the end of the form.
    async fn outcome(bytes: FileBytes, closes_after: Option<usize>) -> SendOutcome {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(listener.local_addr().unwrap().port());
        let provider = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (mut part, mut read, mut last) = (vec![0; 1024 * 1024], 0, Vec::new());
            while closes_after.is_none_or(|most| read < most) && !last.ends_with(b"--\r\n") {
                let count = stream.read(&mut part).await.unwrap_or(0);
                if count == 0 {
                    break;
                }
                read += count;
                last = part[..count].to_vec();
            }
        };
        let mut picture = message("7512345678");
        picture.content = OutboundContent::File { kind: AttachmentKind::Image, caption: None };
        let content_type = "image/jpeg".to_owned();
        picture.file = Some(OutboundFile { filename: None, content_type, provider_media_id: None });
        let credentials = telegram();
        let sending = outbound::send(&client, &credentials, &picture, Some(bytes));
        tokio::join!(sending, provider).0
    }

    #[tokio::test]
    async fn a_form_that_breaks_off_was_not_sent_and_one_that_ended_may_have_been() {
        let broken = outcome(bytes(true), Some(CHUNK.len())).await;
        assert_eq!(refusal(broken).class, FailureClass::Retry);
        let unread = outcome(bytes(false), None).await;
        assert_eq!(refusal(unread).class, FailureClass::Retry);
        let whole = outcome(bytes(true), None).await;
        assert!(matches!(whole, SendOutcome::Ambiguous { .. }), "{whole:?}");
    }
}
