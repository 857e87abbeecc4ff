//! The shapes of files, and of what is set about them.

use serde::{Deserialize, Serialize};

use crate::attachment::{AttachmentFailure, AttachmentKind, AttachmentState};
use crate::id::{AgentId, AttachmentId, ConversationId, MessageId};
use crate::time::Timestamp;

shape! {
    /// A file: uploaded to be sent, or of a message.
    pub struct Attachment {
        /// Its id.
        pub id: AttachmentId,
        /// What kind of file it is.
        pub kind: AttachmentKind,
        /// Its name, made safe; null where it has none.
        pub filename: Option<String>,
        /// The content type: by its bytes once they are here, until then as the provider says.
        pub content_type: Option<String>,
        /// The size in bytes; as the provider says until the bytes are here.
        pub size_bytes: Option<i64>,
        /// SHA-256 of its bytes, in hexadecimal digits; null until they are here.
        pub sha256: Option<String>,
        /// The width of a picture, in pixels, where its bytes tell.
        pub width: Option<i32>,
        /// The height of a picture, in pixels.
        pub height: Option<i32>,
        /// Where its bytes are.
        pub state: AttachmentState,
        /// Why they cannot be had, if they cannot.
        pub failure: Option<AttachmentFailure>,
        /// Where they can be read, with the caller's credentials; null until they are here.
        pub url: Option<String>,
        /// Where they can be read without credentials for a few minutes, for `<img>` and `<video>`; null until they are
        /// here, and in the answer to an upload.
        pub signed_url: Option<String>,
        /// Until when.
        pub signed_url_expires_at: Option<Timestamp>,
        /// Who uploaded it; null for a customer's file.
        pub uploaded_by: Option<AgentId>,
        /// The conversation of its message; null for an upload that was not sent.
        pub conversation_id: Option<ConversationId>,
        /// Its message.
        pub message_id: Option<MessageId>,
        /// When it was uploaded, or its message came.
        pub created_at: Timestamp,
    }
}

shape! {
    /// Where the bytes of a file can be read without credentials.
    pub struct SignedUrl {
        /// The file.
        pub attachment_id: AttachmentId,
        /// Where.
        pub signed_url: String,
        /// Until when.
        pub signed_url_expires_at: Timestamp,
    }
}

shape! {
    /// Links for several files.
    pub struct SignedUrls {
        /// One for each file that the caller may see and that is here; the others are left out.
        pub items: Vec<SignedUrl>,
    }
}

shape! {
    /// The largest upload of each kind, in bytes.
    pub struct AttachmentLimits {
        /// Pictures: at most 10485760.
        #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 10_485_760, example = 1_048_576))]
        pub image: u64,
        /// Videos: at most 52428800.
        #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 52_428_800, example = 1_048_576))]
        pub video: u64,
        /// Other files: at most 104857600.
        #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 104_857_600, example = 1_048_576))]
        pub document: u64,
        /// Sound files: at most 52428800.
        #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 52_428_800, example = 1_048_576))]
        pub audio: u64,
    }
}

shape! {
    /// What is set about messages.
    pub struct MessagingSettings {
        /// How many minutes before a reply window closes those concerned are told; null: they are not.
        #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 1440))]
        pub reply_window_warning_minutes: Option<u32>,
        /// The largest upload of each kind, in bytes. A channel may take less.
        pub attachment_limits: AttachmentLimits,
        /// Rises by one with every change.
        pub version: i64,
    }
}
