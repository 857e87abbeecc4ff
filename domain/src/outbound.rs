//! What a member of the team sends.

use serde_json::{Value, json};

use crate::channel::ChannelKind;
use crate::input;
use crate::message::MessageKind;
use crate::refusal::Refusal;
use crate::template::FilledTemplate;

/// What a message to a customer says, as far as it is not a file.
#[derive(Clone, PartialEq)]
pub enum OutboundContent {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A message that the provider approved, filled in.
    Template {
        /// The words that the customer reads.
        text: String,
        /// What was filled in.
        template: Box<FilledTemplate>,
    },
}

impl OutboundContent {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
            Self::Template { .. } => MessageKind::Template,
        }
    }

    /// The words or the caption.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } | Self::Template { text, .. } => Some(text),
        }
    }

    /// What is stored beside the words.
    #[must_use]
    pub fn content(&self) -> Option<Value> {
        match self {
            Self::Text { .. } => None,
            Self::Template { template, .. } => Some(json!({ "template": template })),
        }
    }

    /// What was stored, to be sent. `None` if it is of a kind that is not sent.
    #[must_use]
    pub fn stored(kind: MessageKind, text: Option<String>, content: Option<Value>) -> Option<Self> {
        match kind {
            MessageKind::Template => {
                let template = content?.get_mut("template")?.take();
                let template = serde_json::from_value(template).ok()?;
                Some(Self::Template { text: text.unwrap_or_default(), template: Box::new(template) })
            }
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
            // What may be filled in was checked when it was.
            Self::Template { .. } if channel.has_templates() => Ok(()),
            Self::Template { .. } => Err(Refusal::invalid(
                "/kind",
                "not_supported",
                format!("a {channel} channel has no templates"),
            )),
        }
    }
}
