//! What a channel can do.

use serde::{Deserialize, Serialize};

use crate::attachment::AttachmentKind;
use crate::message::MessageKind;

shape! {
    /// What a channel can do. What it says can be sent; what it does not say is refused.
    pub struct ChannelCapabilities {
        /// The kinds of message that can be sent.
        pub kinds: Vec<MessageKind>,
        /// Whether the customer is shown that somebody is writing. That the customer is writing is told by no provider.
        pub typing: bool,
        /// Whether reading is told: the customer's here, and the team's to the customer.
        pub read_receipts: bool,
        /// Whether the team can put an emoji on a message.
        pub reactions: bool,
        /// How long after the customer's last message free messages are allowed, in hours; null: always.
        pub reply_window_hours: Option<i64>,
        /// Upper bounds of what can be sent.
        pub limits: ChannelLimits,
    }
}

shape! {
    /// Upper bounds of what a channel can send.
    pub struct ChannelLimits {
        /// The longest text, in Unicode scalar values.
        pub text_chars: usize,
        /// The files that can be sent, by kind. Uploads may be limited further.
        pub attachments: Vec<ChannelAttachmentLimits>,
        /// Buttons and lists.
        pub interactive: InteractiveLimits,
        /// What a reaction may be; null: any emoji.
        pub reaction_emojis: Option<Vec<String>>,
    }
}

shape! {
    /// The files of one kind that a channel can send.
    pub struct ChannelAttachmentLimits {
        /// The kind.
        pub kind: AttachmentKind,
        /// The largest file, in bytes.
        pub max_bytes: i64,
        /// The content types that are taken; null: any.
        pub content_types: Option<Vec<String>>,
        /// The longest caption, in Unicode scalar values; null: there is no caption.
        pub caption_chars: Option<usize>,
    }
}

shape! {
    /// Upper bounds of buttons and lists. Lengths are in Unicode scalar values, those of ids in bytes of UTF-8.
    pub struct InteractiveLimits {
        /// The words above.
        pub text_chars: usize,
        /// The line at the top; null: there is none.
        pub header_chars: Option<usize>,
        /// The line at the bottom; null: there is none.
        pub footer_chars: Option<usize>,
        /// How many buttons.
        pub buttons: usize,
        /// What is written on a button.
        pub button_title_chars: usize,
        /// What comes back when a button is pressed.
        pub button_id_bytes: usize,
        /// Lists; null: there are none.
        pub list: Option<InteractiveListLimits>,
    }
}

shape! {
    /// Upper bounds of a list. Lengths are in Unicode scalar values, those of ids in bytes of UTF-8.
    pub struct InteractiveListLimits {
        /// How many rows in all sections together.
        pub rows: usize,
        /// How many sections.
        pub sections: usize,
        /// What is written on the button that opens the list.
        pub button_chars: usize,
        /// What is written above a section.
        pub section_title_chars: usize,
        /// What is written in a row.
        pub row_title_chars: usize,
        /// What is written beneath it.
        pub row_description_chars: usize,
        /// What comes back when a row is chosen.
        pub row_id_bytes: usize,
    }
}
