//! What a provider's webhook says, in the words of the product.
//!
//! Every channel turns its bodies into these; what happens with them is decided once, for all
//! channels. Nothing here is stored as it is.

use crate::id::AttachmentId;
use crate::message::{MessageKind, MessageStatus};
use crate::resource::{MessageContent, MessageReferral};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};

/// One thing that one webhook body says, addressed to one account at the provider.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundEvent {
    /// The account it is for: a WhatsApp phone number id, a Page id, a bot id. What WhatsApp tells of
    /// a whole business account (templates, restrictions) names that account's id instead; empty
    /// where the provider names none.
    pub account: String,
    /// What happened.
    pub what: InboundKind,
}

/// What happened, according to the provider.
#[derive(Debug, Clone, PartialEq)]
pub enum InboundKind {
    /// A customer wrote.
    Message(Box<InboundMessage>),
    /// A customer changed what it wrote before.
    Edit(Box<InboundEdit>),
    /// A customer took a message back.
    Revoke {
        /// Who.
        sender: Sender,
        /// The provider's id of the message taken back.
        target: String,
        /// When.
        at: Timestamp,
    },
    /// A customer reacted to a message, or took the reaction back.
    Reaction {
        /// Who.
        sender: Sender,
        /// The provider's id of the message reacted to.
        target: String,
        /// The emoji; `None` takes the reaction back.
        emoji: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// News of a message that we sent.
    Status(Box<InboundStatus>),
    /// Everything sent to a customer up to a moment has reached `status` (Messenger).
    Watermark {
        /// The customer's id at the provider.
        customer: String,
        /// `delivered` or `read`.
        status: MessageStatus,
        /// Messages sent at or before this moment are meant.
        up_to: Timestamp,
    },
    /// A customer has a new phone number or a new id.
    IdentityChange(IdentityChange),
    /// A customer came through an advertisement or a link and wrote nothing; it may open the reply
    /// window.
    Referral {
        /// Who.
        sender: Sender,
        /// What the provider tells of the advertisement or link.
        referral: Box<MessageReferral>,
        /// When.
        at: Timestamp,
    },
    /// A customer wants, or no longer wants, marketing messages.
    MarketingPreference {
        /// Who.
        sender: Sender,
        /// True: no more marketing.
        stopped: bool,
        /// When.
        at: Timestamp,
    },
    /// A customer blocked the bot or let it in again (Telegram).
    BotBlocked {
        /// Who.
        sender: Sender,
        /// True: blocked.
        blocked: bool,
        /// When.
        at: Timestamp,
    },
    /// The provider changed its mind about a template.
    TemplateStatus {
        /// The template's id at the provider.
        template_id: String,
        /// Its name.
        name: String,
        /// Its language, as the provider writes it.
        language: String,
        /// The provider's word: `APPROVED`, `REJECTED`, ...
        status: String,
        /// The provider's reason, where it gives one.
        reason: Option<String>,
    },
    /// The provider moved a template to another category.
    TemplateCategory {
        /// The template's id at the provider.
        template_id: String,
        /// The category before.
        from: Option<String>,
        /// The category now.
        to: String,
    },
    /// Something is wrong with the account or the application.
    ChannelError {
        /// The provider's code.
        code: i64,
        /// The provider's text.
        detail: String,
    },
    /// The provider tells something of the account that is not an error of a call: a restriction,
    /// a quality rating, a limit.
    ChannelAlert {
        /// The provider's word, `ACCOUNT_RESTRICTION` for example.
        event: String,
    },
    /// Something that has no effect here. It is counted and answered 200.
    Ignored {
        /// Why, in a few words without anything personal.
        why: &'static str,
    },
}

/// Who wrote, as the provider knows them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sender {
    /// What the provider promises to keep: WhatsApp's business-scoped user id (falling back to the
    /// phone number while the provider sends no other), Messenger's page-scoped id, Telegram's
    /// chat id.
    pub external_id: String,
    /// The phone number, digits only with country code, where the provider gives it (WhatsApp).
    pub phone: Option<String>,
    /// The public user name without `@`; may change at any time, for display only.
    pub username: Option<String>,
    /// The name the customer shows.
    pub name: Option<String>,
    /// The e-mail address, where an integrator knows it.
    pub email: Option<String>,
}

/// A message of a customer.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundMessage {
    /// Who.
    pub sender: Sender,
    /// The provider's id; unique on the channel. On Telegram `<chat id>:<message id>`, and
    /// `<chat id>:callback:<id>` for a pressed button; on Messenger `<id>#2` and so on for each
    /// further file of one message.
    pub provider_message_id: String,
    /// When it was written, by the provider's clock.
    pub at: Timestamp,
    /// What it is.
    pub kind: MessageKind,
    /// The text, the caption, or the words on the pressed button.
    pub text: Option<String>,
    /// What the kind needs beside the text. Neither this nor any text here contains a NUL character, which PostgreSQL
    /// could not store.
    pub content: MessageContent,
    /// The picture, video, document, voice note or sticker, which is fetched later.
    pub media: Option<InboundMedia>,
    /// The file that was uploaded here before, in place of `media` (channels of integrators).
    pub upload: Option<AttachmentId>,
    /// The provider's id of the message that this one answers.
    pub reply_to: Option<String>,
    /// The provider's own JSON of this message, as it came but for escapes that PostgreSQL cannot
    /// store (NUL, halves of surrogate pairs), which are `\ufffd`.
    pub raw: String,
}

/// Bytes that wait at the provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboundMedia {
    /// The provider's id of the file; `None` where only a link is given (Messenger).
    pub provider_media_id: Option<String>,
    /// Where the bytes are now; short-lived, and useless without credentials on WhatsApp.
    pub url: Option<String>,
    /// The content type, as the provider says, parameters included.
    pub content_type: Option<String>,
    /// The file's name as the customer's device gave it.
    pub filename: Option<String>,
    /// The size in bytes, where the provider tells.
    pub size_bytes: Option<i64>,
    /// SHA-256 of the bytes in base64, where the provider tells (WhatsApp).
    pub sha256: Option<String>,
}

/// A changed message of a customer. If the original is unknown it is stored as a message.
#[derive(Debug, Clone, PartialEq)]
pub struct InboundEdit {
    /// The message as it reads now; `provider_message_id` is the original's, `at` the original's
    /// time where known, else the time of the edit.
    pub message: InboundMessage,
    /// When it was changed.
    pub edited_at: Timestamp,
}

/// News of a message that we sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboundStatus {
    /// The provider's id of the message.
    pub provider_message_id: String,
    /// Our own id of the message, if the provider carries it back (WhatsApp's
    /// `biz_opaque_callback_data`).
    pub our_reference: Option<String>,
    /// `sent`, `delivered`, `read` or `failed`.
    pub status: MessageStatus,
    /// When, by the provider's clock.
    pub at: Timestamp,
    /// Why it failed.
    pub error: Option<ProviderError>,
}

/// An error as the provider told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderError {
    /// The provider's code, as text: `131047`, `10/2018278`, `403`.
    pub code: String,
    /// The provider's own words.
    pub detail: String,
}

/// A customer's number or id changed. At least one of the `new_` fields is set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdentityChange {
    /// The phone number or id until now.
    pub old: String,
    /// The phone number from now on.
    pub new_phone: Option<String>,
    /// The id from now on.
    pub new_external_id: Option<String>,
    /// When.
    pub at: Timestamp,
}
