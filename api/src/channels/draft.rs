//! A message while a parser puts it together.

use domain::inbound::{InboundEvent, InboundKind, InboundMedia, InboundMessage, Sender};
use domain::message::MessageKind;
use domain::resource::{
    ChoiceType, MediaDetails, MessageChoice, MessageContent, MessageReferral, UnsupportedContent,
};
use domain::time::Timestamp;

use super::json;

/// The longest name kept, in characters: of a person, and of a file.
pub(super) const NAME_MAX_CHARS: usize = 200;

/// What a message says, without who said it and when.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub(super) kind: MessageKind,
    pub(super) text: Option<String>,
    pub(super) media: Option<InboundMedia>,
    pub(super) content: MessageContent,
}

impl Draft {
    pub(super) fn new(kind: MessageKind, text: Option<String>) -> Self {
        Self { kind, text, media: None, content: MessageContent::default() }
    }

    /// A message that this version cannot show; the raw JSON is kept with it.
    pub(super) fn unsupported(provider_type: Option<String>) -> Self {
        let provider_type = provider_type.map(|word| json::cut(word, NAME_MAX_CHARS));
        let mut draft = Self::new(MessageKind::Unsupported, None);
        draft.content.unsupported = Some(UnsupportedContent { provider_type, error_code: None });
        draft
    }

    /// A pressed button or a chosen row.
    pub(super) fn choice(choice_type: ChoiceType, payload: Option<String>, words: Option<String>) -> Self {
        let title = words.clone();
        let mut draft = Self::new(MessageKind::Interactive, words);
        let choice = MessageChoice { choice_type, payload, title, description: None, press_id: None };
        draft.content.choice = Some(choice);
        draft
    }

    /// Bytes that wait at the provider.
    pub(super) fn file(kind: MessageKind, text: Option<String>, media: InboundMedia) -> Self {
        let mut draft = Self::new(kind, text);
        draft.media = Some(media);
        draft
    }

    /// Adds what is known of the file, if anything is.
    pub(super) fn detailed(mut self, details: MediaDetails) -> Self {
        self.content.media = (details != MediaDetails::default()).then_some(details);
        self
    }

    /// Adds how the customer came, if that is told.
    pub(super) fn referred(mut self, referral: Option<MessageReferral>) -> Self {
        self.content.referral = referral;
        self
    }

    /// The message, once who, when and which are known.
    pub(super) fn into_message(self, envelope: Envelope) -> InboundMessage {
        InboundMessage {
            sender: envelope.sender,
            provider_message_id: envelope.id,
            at: envelope.at,
            kind: self.kind,
            text: self.text,
            content: self.content,
            media: self.media,
            upload: None,
            reply_to: envelope.reply_to,
            raw: envelope.raw,
        }
    }
}

/// Who, when and which.
#[derive(Debug, Clone)]
pub(super) struct Envelope {
    pub(super) sender: Sender,
    pub(super) id: String,
    pub(super) at: Timestamp,
    pub(super) reply_to: Option<String>,
    pub(super) raw: String,
}

/// A customer's message as an event.
pub(super) fn message(draft: Draft, envelope: Envelope) -> InboundKind {
    InboundKind::Message(Box::new(draft.into_message(envelope)))
}

/// Something without effect.
pub(super) fn ignored(why: &'static str) -> InboundKind {
    InboundKind::Ignored { why }
}

/// Something that happened to `account`.
pub(super) fn event(account: &str, what: InboundKind) -> InboundEvent {
    InboundEvent { account: account.to_owned(), what }
}

/// A person's name, cut to what is kept; `None` where nothing but white space is left.
pub(super) fn name(text: Option<String>) -> Option<String> {
    let text = text?;
    let text = text.trim();
    (!text.is_empty()).then(|| json::cut(text.to_owned(), NAME_MAX_CHARS))
}

/// A public user name without its `@`.
pub(super) fn username(text: Option<String>) -> Option<String> {
    name(text.map(|text| text.trim_start_matches('@').to_owned()))
}
