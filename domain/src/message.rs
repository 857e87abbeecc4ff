//! Messages: their kinds, and how far a sent one has come.

use serde::{Deserialize, Serialize};

use crate::id::MessageId;
use crate::text_enum::text_enum;
use crate::time::Timestamp;

text_enum! {
    /// What a message is. `unsupported` keeps what no other kind fits; nothing is dropped.
    pub enum MessageKind {
        /// Words.
        Text = "text",
        /// A picture, with an optional caption.
        Image = "image",
        /// A video, with an optional caption.
        Video = "video",
        /// A file, with an optional caption.
        Document = "document",
        /// A sound file or a voice note (`content.media.voice`).
        Audio = "audio",
        /// A sticker.
        Sticker = "sticker",
        /// A place.
        Location = "location",
        /// Contact cards.
        Contacts = "contacts",
        /// Buttons or a list, or what a customer chose of them.
        Interactive = "interactive",
        /// A message from an approved template.
        Template = "template",
        /// Products ordered from a catalogue.
        Order = "order",
        /// What the product itself notes in the thread: assigned, resolved, ...
        System = "system",
        /// A kind this version does not know, kept with its raw body.
        Unsupported = "unsupported",
    }
}

text_enum! {
    /// Which way a message went.
    pub enum Direction {
        /// From the customer.
        Inbound = "inbound",
        /// To the customer.
        Outbound = "outbound",
        /// Neither: a note of the product in the thread.
        System = "system",
    }
}

text_enum! {
    /// Who wrote a message.
    pub enum AuthorType {
        /// The customer.
        Contact = "contact",
        /// A member of the team.
        Agent = "agent",
        /// A bot.
        Bot = "bot",
        /// The product.
        System = "system",
    }
}

text_enum! {
    /// How far a message has come. It moves only forward; see [`MessageStatus::advance`].
    pub enum MessageStatus {
        /// It came from a customer (or is a system message) and is here.
        Received = "received",
        /// Waiting to be handed to the provider.
        Queued = "queued",
        /// The provider has it.
        Sent = "sent",
        /// It is on the customer's device.
        Delivered = "delivered",
        /// The customer saw it.
        Read = "read",
        /// It will not arrive; the message's `error` says why.
        Failed = "failed",
        /// Whether the provider has it cannot be known; a status callback or a retry by hand
        /// settles it.
        Unknown = "unknown",
    }
}

impl MessageStatus {
    /// The status after news of `next`, or `None` if the news changes nothing.
    ///
    /// `sent < delivered < read`, never down. `failed` is believed only until the message is known
    /// to have arrived; a message that failed or is unknown is believed to have arrived if the
    /// provider says so, because providers report out of order (CW #14529, 2026).
    #[must_use]
    pub fn advance(self, next: Self) -> Option<Self> {
        let allowed = match (self, next) {
            (Self::Received, _) | (_, Self::Received | Self::Queued) => false,
            (Self::Queued, Self::Unknown) => true,
            (_, Self::Unknown) => false,
            (Self::Queued | Self::Unknown | Self::Sent, Self::Failed) => true,
            (_, Self::Failed) => false,
            (Self::Failed, Self::Sent) => false,
            (from, to) => to.rank() > from.rank(),
        };
        allowed.then_some(next)
    }

    /// True for the statuses from which a person may send again.
    #[must_use]
    pub fn may_retry(self) -> bool {
        matches!(self, Self::Failed | Self::Unknown)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Received | Self::Queued | Self::Failed | Self::Unknown => 0,
            Self::Sent => 1,
            Self::Delivered => 2,
            Self::Read => 3,
        }
    }
}

/// One time per status that a message has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StatusTimes {
    /// When it was accepted here for sending.
    pub queued: Option<Timestamp>,
    /// When the provider took it.
    pub sent: Option<Timestamp>,
    /// When it reached the device. Equal to `read` if the provider reported only that.
    pub delivered: Option<Timestamp>,
    /// When the customer saw it.
    pub read: Option<Timestamp>,
    /// When it was given up.
    pub failed: Option<Timestamp>,
    /// Since when its fate is not known.
    pub unknown: Option<Timestamp>,
}

impl StatusTimes {
    /// Notes when `status` was reached. The first time stays, so that repeated news changes nothing;
    /// what a later status implies is filled in: WhatsApp sends only `read` when the customer is
    /// looking at the chat.
    pub fn note(&mut self, status: MessageStatus, at: Timestamp) {
        let slot = match status {
            MessageStatus::Received => return,
            MessageStatus::Queued => &mut self.queued,
            MessageStatus::Sent => &mut self.sent,
            MessageStatus::Delivered => &mut self.delivered,
            MessageStatus::Read => &mut self.read,
            MessageStatus::Failed => &mut self.failed,
            MessageStatus::Unknown => &mut self.unknown,
        };
        slot.get_or_insert(at);
        if status == MessageStatus::Read {
            self.delivered.get_or_insert(at);
        }
        if matches!(status, MessageStatus::Delivered | MessageStatus::Read) {
            self.sent.get_or_insert(at);
        }
    }
}

/// The longest text that a provider takes, in Unicode scalar values, is the channel's; this is the
/// bound on what a caller may hand in at all.
pub const TEXT_MAX_CHARS: usize = 4096;

/// A message that another one answers, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ReplyTo {
    /// The answered message; `None` if it was never stored here.
    pub message_id: Option<MessageId>,
    /// Its text, where it is known and has one.
    pub text: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{MessageStatus, StatusTimes};
    use crate::time::Timestamp;
    use MessageStatus::{Delivered, Failed, Queued, Read, Received, Sent, Unknown};

    const ALL: [MessageStatus; 7] = [Received, Queued, Sent, Delivered, Read, Failed, Unknown];

    #[test]
    fn d_05_a_read_message_stays_read_whatever_comes_later() {
        for next in ALL {
            assert_eq!(Read.advance(next), None, "{next}");
        }
    }

    #[test]
    fn news_applied_twice_changes_nothing_the_second_time() {
        for from in ALL {
            for next in ALL {
                if let Some(now) = from.advance(next) {
                    assert_eq!(now.advance(next), None, "{from} then {next} twice");
                }
            }
        }
    }

    #[test]
    fn proof_of_arrival_beats_failure_and_doubt() {
        for from in [Failed, Unknown] {
            assert_eq!(from.advance(Delivered), Some(Delivered));
            assert_eq!(from.advance(Read), Some(Read));
        }
        assert_eq!(Unknown.advance(Sent), Some(Sent));
        assert_eq!(Delivered.advance(Failed), None);
    }

    #[test]
    fn read_tells_that_it_was_delivered_and_the_first_time_of_each_stays() {
        let (one, two) = (Timestamp::from_unix_seconds(1).unwrap(), Timestamp::from_unix_seconds(2).unwrap());
        let mut times = StatusTimes::default();
        times.note(Read, one);
        times.note(Delivered, two);
        assert_eq!((times.sent, times.delivered, times.read), (Some(one), Some(one), Some(one)));
    }
}
