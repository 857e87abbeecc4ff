//! The time in which a business may write freely to a customer.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

use crate::channel::ChannelKind;
use crate::message::MessageKind;
use crate::refusal::{Code, Refusal};
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// Whether free messages are allowed.
    pub enum ReplyWindowState {
        /// Until `expires_at`.
        Open = "open",
        /// Not until the customer writes again.
        Closed = "closed",
        /// Always: the channel has no window.
        Unlimited = "unlimited",
    }
}

/// What may be sent now, and how long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReplyWindow {
    /// Whether free messages are allowed.
    pub state: ReplyWindowState,
    /// When it closes, or closed; null without a window and before the customer's first message.
    pub expires_at: Option<Timestamp>,
    /// The kinds of message that may be sent now.
    pub allowed: Vec<MessageKind>,
}

/// The window of a conversation whose customer last wrote at `last_inbound_at`.
#[must_use]
pub fn reply_window(channel: ChannelKind, last_inbound_at: Option<Timestamp>, now: Timestamp) -> ReplyWindow {
    let Some(hours) = channel.reply_window_hours() else {
        return ReplyWindow {
            state: ReplyWindowState::Unlimited,
            expires_at: None,
            allowed: channel.kinds().to_vec(),
        };
    };
    let expires_at = last_inbound_at.map(|at| at.plus(TimeDelta::hours(hours)));
    let open = expires_at.is_some_and(|at| now < at);
    let always: &[MessageKind] = if channel.has_templates() { &[MessageKind::Template] } else { &[] };
    ReplyWindow {
        state: if open { ReplyWindowState::Open } else { ReplyWindowState::Closed },
        expires_at,
        allowed: if open { channel.kinds() } else { always }.to_vec(),
    }
}

impl ReplyWindow {
    /// Refuses what may not be sent now.
    ///
    /// # Errors
    /// `reply_window_closed`, naming when it closed.
    pub fn check(&self, kind: MessageKind) -> Result<(), Refusal> {
        if self.allowed.contains(&kind) { Ok(()) } else { Err(self.closed()) }
    }

    /// Refuses what is free but no message, as a reaction is, while free messages are not allowed.
    ///
    /// # Errors
    /// As [`Self::check`].
    pub fn check_open(&self) -> Result<(), Refusal> {
        if self.state == ReplyWindowState::Closed { Err(self.closed()) } else { Ok(()) }
    }

    fn closed(&self) -> Refusal {
        let closed_at = self.expires_at.map_or_else(|| "-".to_owned(), |at| at.to_string());
        Refusal::new(Code::ReplyWindowClosed).with("closed_at", closed_at)
    }
}

#[cfg(test)]
mod tests {
    use super::{ReplyWindowState, reply_window};
    use crate::channel::ChannelKind;
    use crate::message::MessageKind;
    use crate::time::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_seconds(seconds).unwrap()
    }

    #[test]
    fn closes_exactly_24_hours_after_the_last_message_of_the_customer() {
        let day = 24 * 60 * 60;
        for kind in [ChannelKind::WhatsApp, ChannelKind::Messenger] {
            let before = reply_window(kind, Some(at(0)), at(day - 1));
            let after = reply_window(kind, Some(at(0)), at(day));
            assert_eq!((before.state, before.check(MessageKind::Text)), (ReplyWindowState::Open, Ok(())));
            assert_eq!(after.state, ReplyWindowState::Closed);
            assert!(after.check(MessageKind::Text).is_err());
            assert_eq!(before.expires_at, Some(at(day)));
        }
    }

    #[test]
    fn a_customer_who_never_wrote_opened_no_window_and_telegram_has_none() {
        assert_eq!(reply_window(ChannelKind::WhatsApp, None, at(0)).state, ReplyWindowState::Closed);
        assert_eq!(reply_window(ChannelKind::Telegram, None, at(0)).state, ReplyWindowState::Unlimited);
    }
}
