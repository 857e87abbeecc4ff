//! Taking bytes in: stored, hashed and looked at as they come, never whole in memory.

use bytes::Bytes;
use domain::attachment::{AttachmentKind, PIXELS_MAX, may_be_sent, may_be_shown};
use domain::id::{AttachmentId, WorkspaceId};
use domain::refusal::Refusal;
use object_store::WriteMultipart;
use persistence::attachments::Content;
use sha2::{Digest, Sha256};

use super::content_type::Sniffer;
use crate::attachment_store::AttachmentStore;

/// Parts that are on their way to the store at once.
const PARTS: usize = 2;

/// Why bytes are not taken in.
#[derive(Debug, thiserror::Error)]
pub enum IntakeError {
    /// There are more than the limit.
    #[error("the file is larger than {0} bytes")]
    TooLarge(u64),
    /// The store did not take them.
    #[error("the store did not take the file")]
    Store(#[from] object_store::Error),
}

/// A file on its way in. It is in the store once [`Received::keep`] has answered; dropped before, it is not.
pub struct Intake {
    writer: WriteMultipart,
    sniffer: Sniffer,
    hash: Sha256,
    size: u64,
    limit: u64,
}

/// A file whose bytes have all come, and are not in place yet.
pub struct Received {
    writer: WriteMultipart,
    hides_markup: bool,
    /// What they are.
    pub content: Content,
}

impl Intake {
    /// Begins; more than `limit` bytes are not taken.
    ///
    /// # Errors
    /// If the store cannot be reached.
    pub async fn begin(
        store: &AttachmentStore,
        workspace: WorkspaceId,
        id: AttachmentId,
        limit: u64,
    ) -> Result<Self, IntakeError> {
        let writer = store.write(workspace, id).await?;
        Ok(Self { writer, sniffer: Sniffer::default(), hash: Sha256::new(), size: 0, limit })
    }

    /// Takes the next bytes, as fast as the store does.
    ///
    /// # Errors
    /// `TooLarge`; if the store does not take them.
    pub async fn take(&mut self, bytes: Bytes) -> Result<(), IntakeError> {
        self.size += bytes.len() as u64;
        if self.size > self.limit {
            return Err(IntakeError::TooLarge(self.limit));
        }
        self.sniffer.look(&bytes);
        self.hash.update(&bytes);
        self.writer.wait_for_capacity(PARTS).await?;
        self.writer.write(&bytes);
        Ok(())
    }

    /// Gives up: what came is thrown away.
    pub async fn abort(self) {
        // What could not be thrown away is in nobody's sight, and the store's own rules clean it up.
        let _ = self.writer.abort().await;
    }

    /// All bytes have come.
    #[must_use]
    pub fn complete(self, kind: AttachmentKind) -> Received {
        let content_type = self.sniffer.content_type(kind).to_owned();
        let dimensions = self.sniffer.dimensions().filter(|_| content_type.starts_with("image/"));
        let content = Content {
            content_type,
            // The limit is far below.
            size_bytes: i64::try_from(self.size).unwrap_or(i64::MAX),
            sha256: self.hash.finalize().to_vec(),
            dimensions,
        };
        Received { writer: self.writer, hides_markup: self.sniffer.hides_markup(), content }
    }
}

impl Received {
    /// Whether a member may upload it as this kind.
    ///
    /// # Errors
    /// `validation_failed` at `/file`.
    pub fn check(&self, kind: AttachmentKind) -> Result<(), Refusal> {
        let refused = |code, detail: String| Err(Refusal::invalid("/file", code, detail));
        let content_type = self.content.content_type.as_str();
        if self.content.size_bytes == 0 {
            return refused("empty", "must not be empty".to_owned());
        }
        if !may_be_sent(kind, content_type) {
            return refused(
                "content_type",
                format!("is {content_type} by its content, which cannot be sent as {kind}"),
            );
        }
        if !content_type.starts_with("image/") {
            return Ok(());
        }
        if may_be_shown(content_type) && self.hides_markup {
            return refused("content_type", "is a picture with a page hidden in it".to_owned());
        }
        match self.content.dimensions {
            None => refused("unreadable", "does not tell the size of its picture".to_owned()),
            Some(size) if pixels(size) > PIXELS_MAX => {
                refused("too_many_pixels", format!("must have at most {PIXELS_MAX} pixels"))
            }
            Some(_) => Ok(()),
        }
    }

    /// Puts the bytes into place.
    ///
    /// # Errors
    /// If the store does not take them.
    pub async fn keep(self) -> Result<Content, IntakeError> {
        self.writer.finish().await?;
        Ok(self.content)
    }

    /// Throws them away.
    pub async fn abort(self) {
        // As for `Intake::abort`.
        let _ = self.writer.abort().await;
    }
}

/// How many pixels a picture has.
pub(crate) fn pixels((width, height): (i32, i32)) -> u64 {
    u64::from(width.unsigned_abs()) * u64::from(height.unsigned_abs())
}
