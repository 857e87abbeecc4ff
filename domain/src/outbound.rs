//! What a member of the team sends.

use serde_json::Value;

use crate::channel::ChannelKind;
use crate::input;
use crate::message::MessageKind;
use crate::refusal::Refusal;

/// What a message to a customer says, as far as it is not a file.
#[derive(Clone, PartialEq)]
pub enum OutboundContent {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
}

impl OutboundContent {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
        }
    }

    /// The words or the caption.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } => Some(text),
        }
    }

    /// What is stored beside the words.
    #[must_use]
    pub fn content(&self) -> Option<Value> {
        match self {
            Self::Text { .. } => None,
        }
    }

    /// What was stored, to be sent. `None` if it is of a kind that is not sent.
    #[must_use]
    pub fn stored(kind: MessageKind, text: Option<String>, _content: Option<Value>) -> Option<Self> {
        match kind {
            MessageKind::Text => Some(Self::Text { text: text.unwrap_or_default() }),
            _ => None,
        }
    }

    /// Refuses what the channel cannot send.
    ///
    /// # Errors
    /// `validation_failed`, with a pointer into the body of the call.
    pub fn check(&self, channel: ChannelKind) -> Result<(), Refusal> {
        match self {
            Self::Text { text } => input::message_text("/text", text, channel.text_max_chars()),
        }
    }
}
