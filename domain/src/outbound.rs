//! What a member of the team sends.

use std::fmt;

use serde_json::{Value, json};

use crate::attachment::AttachmentKind;
use crate::channel::ChannelKind;
use crate::input;
use crate::interactive::Interactive;
use crate::location::Location;
use crate::message::MessageKind;
use crate::refusal::Refusal;
use crate::template::FilledTemplate;

/// What a message to a customer says. The file that belongs to it is an attachment of the message.
#[derive(Clone, PartialEq)]
pub enum OutboundContent {
    /// Words.
    Text {
        /// The words.
        text: String,
    },
    /// A file.
    File {
        /// What kind of file.
        kind: AttachmentKind,
        /// Words beneath it.
        caption: Option<String>,
    },
    /// A place.
    Location(Location),
    /// Words with something to tap.
    Interactive {
        /// The words.
        text: String,
        /// What can be tapped.
        interactive: Interactive,
    },
    /// A message that the provider approved, filled in.
    Template {
        /// The words that the customer reads.
        text: String,
        /// What was filled in.
        template: Box<FilledTemplate>,
    },
}

// By hand: what a message says may not get into a log by way of `{:?}`.
impl fmt::Debug for OutboundContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OutboundContent").field("kind", &self.kind()).finish_non_exhaustive()
    }
}

impl OutboundContent {
    /// What it is.
    #[must_use]
    pub fn kind(&self) -> MessageKind {
        match self {
            Self::Text { .. } => MessageKind::Text,
            Self::File { kind, .. } => kind.message_kind(),
            Self::Location(_) => MessageKind::Location,
            Self::Interactive { .. } => MessageKind::Interactive,
            Self::Template { .. } => MessageKind::Template,
        }
    }

    /// The words or the caption; the name of a place.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text { text } | Self::Interactive { text, .. } | Self::Template { text, .. } => Some(text),
            Self::File { caption, .. } => caption.as_deref(),
            Self::Location(place) => place.name.as_deref(),
        }
    }

    /// The kind of the file that belongs to it, if one does.
    #[must_use]
    pub fn file_kind(&self) -> Option<AttachmentKind> {
        match self {
            Self::File { kind, .. } => Some(*kind),
            Self::Template { template, .. } => template.attachment_kind(),
            Self::Text { .. } | Self::Location(_) | Self::Interactive { .. } => None,
        }
    }

    /// What is stored beside the words. Places look as those that customers send do.
    #[must_use]
    pub fn content(&self) -> Option<Value> {
        match self {
            Self::Text { .. } | Self::File { .. } => None,
            Self::Location(place) => Some(json!({ "location": place })),
            Self::Interactive { interactive, .. } => Some(json!({ "interactive": interactive })),
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
            MessageKind::Location => {
                let place = content?.get_mut("location")?.take();
                Some(Self::Location(serde_json::from_value(place).ok()?))
            }
            MessageKind::Interactive => {
                let interactive = content?.get_mut("interactive")?.take();
                let interactive = serde_json::from_value(interactive).ok()?;
                Some(Self::Interactive { text: text.unwrap_or_default(), interactive })
            }
            other => {
                let kind = AttachmentKind::of(other).filter(|kind| *kind != AttachmentKind::Sticker)?;
                Some(Self::File { kind, caption: text })
            }
        }
    }

    /// Refuses what the channel cannot send. The file itself is looked at by [`ChannelKind::check_file`].
    ///
    /// # Errors
    /// `validation_failed`, with a pointer into the body of the call.
    pub fn check(&self, channel: ChannelKind) -> Result<(), Refusal> {
        let kind = self.kind();
        if !channel.kinds().contains(&kind) {
            let detail = format!("messages of kind {kind} cannot be sent on this channel");
            return Err(Refusal::invalid("/kind", "not_supported", detail));
        }
        match self {
            Self::Text { text } => input::message_text("/text", text, channel.text_max_chars()),
            Self::File { caption: None, .. } => Ok(()),
            Self::File { kind, caption: Some(caption) } => match channel.caption_max_chars(*kind) {
                Some(max) => input::message_text("/caption", caption, max),
                None => {
                    let detail = format!("no words go with files of kind {kind} on this channel");
                    Err(Refusal::invalid("/caption", "not_supported", detail))
                }
            },
            Self::Location(place) => place.check(),
            Self::Interactive { text, interactive } => {
                input::message_text("/text", text, channel.interactive_limits().text_chars)?;
                interactive.check(channel)
            }
            // What may be filled in was checked when it was.
            Self::Template { .. } => Ok(()),
        }
    }
}
