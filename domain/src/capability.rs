//! What the provider of each kind of channel takes from a business, beside words.
//!
//! The numbers of the providers are their own (Meta "business-phone-numbers/media", "send-messages"; Bot API "sending files"),
//! except where a comment says that a bound is ours.

use crate::attachment::AttachmentKind;
use crate::channel::ChannelKind;
use crate::message::{MessageKind, TEXT_MAX_CHARS};
use crate::refusal::Refusal;
use crate::resource::{
    ChannelAttachmentLimits, ChannelCapabilities, ChannelLimits, InteractiveLimits, InteractiveListLimits,
};

const MEBIBYTE: i64 = 1024 * 1024;

/// What WhatsApp and Messenger call documents, as far as WhatsApp takes them.
const OFFICE: &[&str] = &[
    "application/pdf",
    "text/plain",
    "application/msword",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "application/vnd.ms-excel",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-powerpoint",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation",
];

/// What a bot may react with (Bot API, "ReactionTypeEmoji").
const TELEGRAM_REACTIONS: &[&str] = &[
    "❤",
    "👍",
    "👎",
    "🔥",
    "🥰",
    "👏",
    "😁",
    "🤔",
    "🤯",
    "😱",
    "🤬",
    "😢",
    "🎉",
    "🤩",
    "🤮",
    "💩",
    "🙏",
    "👌",
    "🕊",
    "🤡",
    "🥱",
    "🥴",
    "😍",
    "🐳",
    "❤‍🔥",
    "🌚",
    "🌭",
    "💯",
    "🤣",
    "⚡",
    "🍌",
    "🏆",
    "💔",
    "🤨",
    "😐",
    "🍓",
    "🍾",
    "💋",
    "🖕",
    "😈",
    "😴",
    "😭",
    "🤓",
    "👻",
    "👨‍💻",
    "👀",
    "🎃",
    "🙈",
    "😇",
    "😨",
    "🤝",
    "✍",
    "🤗",
    "🫡",
    "🎅",
    "🎄",
    "☃",
    "💅",
    "🤪",
    "🗿",
    "🆒",
    "💘",
    "🙉",
    "🦄",
    "😘",
    "💊",
    "🙊",
    "😎",
    "👾",
    "🤷‍♂",
    "🤷",
    "🤷‍♀",
    "😡",
];

/// The longest caption on a channel of an integrator: as long as a text.
const API_CAPTION_CHARS: usize = TEXT_MAX_CHARS;

/// The files of one kind that a provider takes.
struct FileRule {
    max_bytes: i64,
    /// `None`: any.
    content_types: Option<&'static [&'static str]>,
    /// `None`: no words go with it.
    caption_chars: Option<usize>,
}

impl ChannelKind {
    /// The kinds of message that can be sent while free messages are allowed.
    #[must_use]
    pub fn kinds(self) -> &'static [MessageKind] {
        use MessageKind::{Audio, Document, Image, Interactive, Location, Template, Text, Video};
        match self {
            Self::WhatsApp => &[Text, Image, Video, Document, Audio, Location, Interactive, Template],
            Self::Telegram | Self::Api => &[Text, Image, Video, Document, Audio, Location, Interactive],
            // A Page cannot send places.
            Self::Messenger => &[Text, Image, Video, Document, Audio, Interactive],
        }
    }

    fn file_rule(self, kind: AttachmentKind) -> Option<FileRule> {
        use AttachmentKind::{Audio, Document, Image, Sticker, Video};
        let rule = |mebibytes: i64, content_types, caption_chars| {
            Some(FileRule { max_bytes: mebibytes * MEBIBYTE, content_types, caption_chars })
        };
        match (self, kind) {
            (_, Sticker) => None,
            (Self::WhatsApp, Image) => rule(5, Some(&["image/jpeg", "image/png"]), Some(1024)),
            (Self::WhatsApp, Video) => rule(16, Some(&["video/mp4", "video/3gpp"]), Some(1024)),
            (Self::WhatsApp, Audio) => {
                rule(16, Some(&["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"]), None)
            }
            (Self::WhatsApp, Document) => rule(100, Some(OFFICE), Some(1024)),
            // A message of a Page has either words or a file.
            (Self::Messenger, Image) => rule(25, Some(&["image/jpeg", "image/png"]), None),
            (Self::Messenger, Video) => rule(25, Some(&["video/mp4"]), None),
            (Self::Messenger, Audio) => rule(25, Some(&["audio/aac", "audio/mpeg", "audio/mp4"]), None),
            (Self::Messenger, Document) => rule(25, None, None),
            (Self::Telegram, Image) => rule(10, Some(&["image/jpeg", "image/png", "image/webp"]), Some(1024)),
            (Self::Telegram, Video) => rule(50, Some(&["video/mp4"]), Some(1024)),
            (Self::Telegram, Audio) => rule(50, Some(&["audio/mpeg", "audio/mp4", "audio/ogg"]), Some(1024)),
            (Self::Telegram, Document) => rule(50, None, Some(1024)),
            // What can be uploaded at all: what the integrator does with it is its own affair.
            (Self::Api, Image) => rule(10, None, Some(API_CAPTION_CHARS)),
            (Self::Api, Video | Audio) => rule(50, None, Some(API_CAPTION_CHARS)),
            (Self::Api, Document) => rule(100, None, Some(API_CAPTION_CHARS)),
        }
    }

    /// How many characters may go under a file of this kind; `None`: none at all.
    #[must_use]
    pub fn caption_max_chars(self, kind: AttachmentKind) -> Option<usize> {
        self.file_rule(kind)?.caption_chars
    }

    /// Refuses a file that the provider does not take as this kind.
    ///
    /// # Errors
    /// `validation_failed` at `/attachment_id`.
    pub fn check_file(
        self,
        kind: AttachmentKind,
        content_type: &str,
        size_bytes: i64,
    ) -> Result<(), Refusal> {
        let refuse = |code, detail: String| Err(Refusal::invalid("/attachment_id", code, detail));
        let Some(rule) = self.file_rule(kind) else {
            return refuse(
                "type_not_supported",
                format!("files of kind {kind} cannot be sent on this channel"),
            );
        };
        if let Some(taken) = rule.content_types
            && !taken.contains(&content_type)
        {
            let detail =
                format!("this channel takes {} as {kind}, and this file is {content_type}", taken.join(", "));
            return refuse("type_not_supported", detail);
        }
        if size_bytes > rule.max_bytes {
            let detail = format!("this channel takes at most {} bytes as {kind}", rule.max_bytes);
            return refuse("too_large", detail);
        }
        Ok(())
    }

    /// Buttons and lists.
    #[must_use]
    pub fn interactive_limits(self) -> InteractiveLimits {
        match self {
            Self::WhatsApp => InteractiveLimits {
                text_chars: 1024,
                header_chars: Some(60),
                footer_chars: Some(60),
                buttons: 3,
                button_title_chars: 20,
                button_id_bytes: 256,
                list: Some(InteractiveListLimits {
                    rows: 10,
                    sections: 10,
                    button_chars: 20,
                    section_title_chars: 24,
                    row_title_chars: 24,
                    row_description_chars: 72,
                    row_id_bytes: 200,
                }),
            },
            // Quick replies.
            Self::Messenger => InteractiveLimits {
                text_chars: self.text_max_chars(),
                header_chars: None,
                footer_chars: None,
                buttons: 13,
                button_title_chars: 20,
                button_id_bytes: 1000,
                list: None,
            },
            // An inline keyboard, a row for each button. How many, and how long their titles are, is bounded by us: a
            // phone's screen.
            Self::Telegram => InteractiveLimits {
                text_chars: self.text_max_chars(),
                header_chars: None,
                footer_chars: None,
                buttons: 10,
                button_title_chars: 64,
                button_id_bytes: 64,
                list: None,
            },
            // All bounds are ours: what any window of a chat can show.
            Self::Api => InteractiveLimits {
                text_chars: self.text_max_chars(),
                header_chars: Some(60),
                footer_chars: Some(60),
                buttons: 10,
                button_title_chars: 64,
                button_id_bytes: 256,
                list: Some(InteractiveListLimits {
                    rows: 50,
                    sections: 10,
                    button_chars: 64,
                    section_title_chars: 64,
                    row_title_chars: 64,
                    row_description_chars: 200,
                    row_id_bytes: 256,
                }),
            },
        }
    }

    /// What a reaction may be; `None`: any emoji.
    #[must_use]
    pub fn reaction_emojis(self) -> Option<&'static [&'static str]> {
        match self {
            Self::WhatsApp | Self::Messenger | Self::Api => None,
            Self::Telegram => Some(TELEGRAM_REACTIONS),
        }
    }

    /// Everything that the channel can do, as clients see it.
    #[must_use]
    pub fn capabilities(self) -> ChannelCapabilities {
        let files = AttachmentKind::ALL.iter().filter_map(|kind| {
            let rule = self.file_rule(*kind)?;
            Some(ChannelAttachmentLimits {
                kind: *kind,
                max_bytes: rule.max_bytes,
                content_types: rule.content_types.map(owned),
                caption_chars: rule.caption_chars,
            })
        });
        ChannelCapabilities {
            kinds: self.kinds().to_vec(),
            typing: true,
            read_receipts: self.has_receipts(),
            reactions: true,
            reply_window_hours: self.reply_window_hours(),
            limits: ChannelLimits {
                text_chars: self.text_max_chars(),
                attachments: files.collect(),
                interactive: self.interactive_limits(),
                reaction_emojis: self.reaction_emojis().map(owned),
            },
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
