//! The shapes of channels of integrators: what became of what they deliver, and what their callbacks are handed.

use serde::{Deserialize, Serialize};

use super::{Attachment, Message};
use crate::id::{ChannelId, ContactId, ConversationId, MessageId};
use crate::message::MessageStatus;
use crate::text_enum::text_enum;

shape! {
    /// What became of a delivery. Each list is as long as the one that came, in the same order.
    pub struct Delivered {
        /// The messages.
        pub messages: Vec<DeliveredMessage>,
        /// The statuses.
        pub statuses: Vec<DeliveredStatus>,
    }
}

shape! {
    /// What became of a message that a customer wrote.
    pub struct DeliveredMessage {
        /// The integrator's id of it.
        pub external_id: String,
        /// The message.
        pub message_id: MessageId,
        /// Its conversation.
        pub conversation_id: ConversationId,
        /// Whether it is new; false where it was here before, and then nothing has changed.
        pub created: bool,
    }
}

shape! {
    /// What became of a status.
    pub struct DeliveredStatus {
        /// The message that it is about; null where the channel has no such message, and then nothing has changed.
        pub message_id: Option<MessageId>,
        /// Its conversation.
        pub conversation_id: Option<ConversationId>,
        /// How far the message has come, all told: further than this status where others came before it.
        pub status: Option<MessageStatus>,
    }
}

text_enum! {
    /// What a callback is asked to do.
    pub enum CallbackType {
        /// Bring a message to the customer.
        SendMessage = "message.send",
        /// Show the team's emoji on a message, or take it off.
        React = "message.react",
        /// Show that everything up to a message of the customer was read.
        MarkRead = "message.read",
        /// Show for a few seconds that somebody is writing. It is asked once, and not again if it fails.
        Type = "conversation.typing",
    }
}

shape! {
    /// What the callback of an `api` channel is handed.
    pub struct Callback {
        /// What is to be done.
        #[serde(rename = "type")]
        pub callback_type: CallbackType,
        /// The channel.
        pub channel_id: ChannelId,
        /// The conversation.
        pub conversation_id: ConversationId,
        /// The customer.
        pub contact: CallbackContact,
        /// The message that is to be sent, or that it is about, as `GET` returns it; null for `conversation.typing`.
        pub message: Option<Message>,
        /// The file of a message that is to be sent, with a link that needs no credentials and is good for five minutes.
        pub attachment: Option<Attachment>,
        /// The integrator's id of the message that is answered, where it has one.
        pub reply_to_external_id: Option<String>,
        /// The emoji of `message.react`; null takes it off.
        pub emoji: Option<String>,
    }
}

shape! {
    /// A customer, as a callback is told of it.
    pub struct CallbackContact {
        /// The contact.
        pub id: ContactId,
        /// The integrator's id of it.
        pub external_id: String,
        /// Its name.
        pub name: String,
        /// Its phone number on this channel, digits with country code.
        pub phone: Option<String>,
    }
}
