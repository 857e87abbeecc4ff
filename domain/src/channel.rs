//! Channels: what each kind can do.

use crate::text_enum::text_enum;

text_enum! {
    /// Where customers write.
    pub enum ChannelKind {
        /// A WhatsApp number (Cloud API).
        WhatsApp = "whatsapp",
        /// A Facebook Page.
        Messenger = "messenger",
        /// A Telegram bot.
        Telegram = "telegram",
        /// An integrator's own: it delivers what customers write, and its callback takes what is written to them.
        Api = "api",
    }
}

text_enum! {
    /// Whether a channel works.
    pub enum ChannelState {
        /// It does, as far as is known.
        Connected = "connected",
        /// The provider refuses our credentials, or restricted the account; what waits stays queued
        /// until an admin enters new credentials.
        NeedsAttention = "needs_attention",
    }
}

impl ChannelKind {
    /// How long after the customer's last message free messages are allowed, in hours; `None`: always.
    #[must_use]
    pub fn reply_window_hours(self) -> Option<i64> {
        match self {
            Self::WhatsApp | Self::Messenger => Some(24),
            Self::Telegram | Self::Api => None,
        }
    }

    /// The longest text that the provider takes, in Unicode scalar values.
    #[must_use]
    pub fn text_max_chars(self) -> usize {
        match self {
            Self::WhatsApp | Self::Telegram | Self::Api => 4096,
            Self::Messenger => 2000,
        }
    }

    /// Whether there are messages that the provider approves, and that may be sent at any time.
    #[must_use]
    pub fn has_templates(self) -> bool {
        matches!(self, Self::WhatsApp)
    }

    /// Whether the provider tells when a message is delivered and read.
    #[must_use]
    pub fn has_receipts(self) -> bool {
        !matches!(self, Self::Telegram)
    }

    /// Whether who is handed a message drops it when it comes again, by its id. Then a message of which nobody knows
    /// whether it arrived is handed over again; it never becomes `unknown`.
    #[must_use]
    pub fn drops_repeats(self) -> bool {
        matches!(self, Self::Api)
    }
}
