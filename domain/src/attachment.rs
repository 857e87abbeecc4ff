//! Files of messages.

use crate::message::MessageKind;
use crate::text_enum::text_enum;

text_enum! {
    /// What kind of file it is.
    pub enum AttachmentKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// Any file.
        Document = "document",
        /// A sound file or voice note.
        Audio = "audio",
        /// A sticker; customers send them, the team does not.
        Sticker = "sticker",
    }
}

text_enum! {
    /// Where its bytes are.
    pub enum AttachmentState {
        /// Still at the provider: they are being fetched.
        Pending = "pending",
        /// Here.
        Stored = "stored",
        /// They cannot be had any more.
        Failed = "failed",
    }
}

impl AttachmentKind {
    /// The kind of the file that a message of this kind has; `None`: it has none.
    #[must_use]
    pub fn of(message: MessageKind) -> Option<Self> {
        match message {
            MessageKind::Image => Some(Self::Image),
            MessageKind::Video => Some(Self::Video),
            MessageKind::Document => Some(Self::Document),
            MessageKind::Audio => Some(Self::Audio),
            MessageKind::Sticker => Some(Self::Sticker),
            MessageKind::Text
            | MessageKind::Location
            | MessageKind::Contacts
            | MessageKind::Interactive
            | MessageKind::Template
            | MessageKind::Order
            | MessageKind::System
            | MessageKind::Unsupported => None,
        }
    }

    /// The kind of the message that has such a file.
    #[must_use]
    pub fn message_kind(self) -> MessageKind {
        match self {
            Self::Image => MessageKind::Image,
            Self::Video => MessageKind::Video,
            Self::Document => MessageKind::Document,
            Self::Audio => MessageKind::Audio,
            Self::Sticker => MessageKind::Sticker,
        }
    }
}
