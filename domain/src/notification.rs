//! What a member is to know of.

use crate::text_enum::text_enum;

text_enum! {
    /// What happened.
    pub enum NotificationKind {
        /// It was given a conversation, by hand or by routing.
        Assigned = "assigned",
        /// A conversation of its own went to somebody else.
        Transferred = "transferred",
        /// It was given a conversation because its holder went offline.
        HandedOver = "handed_over",
        /// A customer has been waiting for an answer for too long.
        Unanswered = "unanswered",
        /// A customer wrote in a conversation that it holds.
        NewMessage = "new_message",
        /// The provider refuses a channel: nothing is sent there until somebody sees to it.
        ChannelAttention = "channel_attention",
        /// A webhook endpoint has failed for too long, or is gone: nothing is sent there until somebody sees to it.
        WebhookPaused = "webhook_paused",
    }
}
