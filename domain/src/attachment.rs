//! Files of messages.

use crate::message::MessageKind;
use crate::refusal::Refusal;
use crate::resource::AttachmentLimits;
use crate::text_enum::text_enum;

const MIB: u64 = 1024 * 1024;

/// The most that a workspace may allow per kind: what the most generous of the providers takes. A channel may take less.
pub const LIMITS_MAX: AttachmentLimits =
    AttachmentLimits { image: 10 * MIB, video: 50 * MIB, document: 100 * MIB, audio: 50 * MIB };

/// The largest file that is fetched from a provider, in bytes: WhatsApp lets customers send no larger one.
pub const RECEIVED_MAX_BYTES: u64 = 100 * MIB;

/// The most pixels of a picture that is taken, or shown in a page: unpacked it needs four bytes for each.
pub const PIXELS_MAX: u64 = 100_000_000;

/// The longest name of a file, in characters.
const NAME_MAX_CHARS: usize = 200;

text_enum! {
    /// What kind of file it is.
    pub enum AttachmentKind {
        /// A picture.
        Image = "image",
        /// A video.
        Video = "video",
        /// Any file.
        Document = "document",
        /// A sound file or voice note.
        Audio = "audio",
        /// A sticker; customers send them, the team does not.
        Sticker = "sticker",
    }
}

text_enum! {
    /// Why the bytes of a file cannot be had.
    pub enum AttachmentFailure {
        /// The provider does not have them any more.
        Gone = "gone",
        /// There are more than the provider hands out, or than are taken.
        TooLarge = "too_large",
        /// There are none.
        Empty = "empty",
        /// The provider names a place that is not asked, or does not let the channel have them.
        Refused = "refused",
        /// What came, several times, is not what the provider announced.
        Damaged = "damaged",
        /// The provider did not answer, however often it was asked.
        Unavailable = "unavailable",
        /// An upload was broken off or taken back; it is about to disappear.
        Discarded = "discarded",
    }
}

text_enum! {
    /// Where its bytes are.
    pub enum AttachmentState {
        /// Still at the provider: they are being fetched.
        Pending = "pending",
        /// Here.
        Stored = "stored",
        /// They cannot be had any more.
        Failed = "failed",
    }
}

impl AttachmentKind {
    /// The kind of the file that a message of this kind has; `None`: it has none.
    #[must_use]
    pub fn of(message: MessageKind) -> Option<Self> {
        match message {
            MessageKind::Image => Some(Self::Image),
            MessageKind::Video => Some(Self::Video),
            MessageKind::Document => Some(Self::Document),
            MessageKind::Audio => Some(Self::Audio),
            MessageKind::Sticker => Some(Self::Sticker),
            MessageKind::Text
            | MessageKind::Location
            | MessageKind::Contacts
            | MessageKind::Interactive
            | MessageKind::Template
            | MessageKind::Order
            | MessageKind::System
            | MessageKind::Unsupported => None,
        }
    }

    /// The kind of the message that has such a file.
    #[must_use]
    pub fn message_kind(self) -> MessageKind {
        match self {
            Self::Image => MessageKind::Image,
            Self::Video => MessageKind::Video,
            Self::Document => MessageKind::Document,
            Self::Audio => MessageKind::Audio,
            Self::Sticker => MessageKind::Sticker,
        }
    }
}

impl AttachmentLimits {
    /// The largest upload of this kind, in bytes; `None`: none can be uploaded.
    #[must_use]
    pub fn of(&self, kind: AttachmentKind) -> Option<u64> {
        match kind {
            AttachmentKind::Image => Some(self.image),
            AttachmentKind::Video => Some(self.video),
            AttachmentKind::Document => Some(self.document),
            AttachmentKind::Audio => Some(self.audio),
            AttachmentKind::Sticker => None,
        }
    }

    /// The largest upload of any kind.
    #[must_use]
    pub fn largest(&self) -> u64 {
        self.image.max(self.video).max(self.document).max(self.audio)
    }

    /// Checks limits that somebody wants.
    ///
    /// # Errors
    /// `validation_failed` for one that no provider could take, under `pointer`.
    pub fn check(&self, pointer: &str) -> Result<(), Refusal> {
        let (own, most) = (self, LIMITS_MAX);
        for (name, limit, most) in [
            ("image", own.image, most.image),
            ("video", own.video, most.video),
            ("document", own.document, most.document),
            ("audio", own.audio, most.audio),
        ] {
            if !(1..=most).contains(&limit) {
                let detail = format!("must be 1 to {most}");
                return Err(Refusal::invalid(format!("{pointer}/{name}"), "out_of_range", detail));
            }
        }
        Ok(())
    }
}

/// May a file with this content be sent as this kind? The type is that of the bytes. Documents may be anything that is
/// known and that no browser would run.
#[must_use]
pub fn may_be_sent(kind: AttachmentKind, content_type: &str) -> bool {
    match kind {
        AttachmentKind::Image => matches!(content_type, "image/jpeg" | "image/png" | "image/webp"),
        AttachmentKind::Video => matches!(content_type, "video/mp4" | "video/3gpp"),
        AttachmentKind::Audio => {
            matches!(content_type, "audio/aac" | "audio/amr" | "audio/mpeg" | "audio/mp4" | "audio/ogg")
        }
        AttachmentKind::Document => may_be_shown(content_type) || is_document(content_type),
        AttachmentKind::Sticker => false,
    }
}

/// May a browser show it within a page? Only what has no script in it; everything else is handed out to be saved.
#[must_use]
pub fn may_be_shown(content_type: &str) -> bool {
    matches!(
        content_type,
        "image/jpeg"
            | "image/png"
            | "image/webp"
            | "image/gif"
            | "video/mp4"
            | "video/3gpp"
            | "video/quicktime"
            | "video/webm"
            | "audio/aac"
            | "audio/amr"
            | "audio/mpeg"
            | "audio/mp4"
            | "audio/ogg"
    )
}

fn is_document(content_type: &str) -> bool {
    const OFFICE: [&str; 2] =
        ["application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."];
    matches!(
        content_type,
        "application/pdf"
            | "text/plain"
            | "application/rtf"
            | "application/zip"
            | "application/msword"
            | "application/vnd.ms-excel"
            | "application/vnd.ms-powerpoint"
    ) || OFFICE.iter().any(|office| content_type.starts_with(office))
}

/// The name of a file, made safe: without folders, without characters that are not seen or turn the writing around, and
/// not too long, its ending kept. `None` if nothing is left of it.
#[must_use]
pub fn safe_name(text: &str) -> Option<String> {
    let base = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let visible: String = base.chars().filter(|c| !c.is_control() && !is_invisible(*c)).collect();
    let name = visible.trim_matches(|c: char| c.is_whitespace() || c == '.');
    if name.is_empty() {
        return None;
    }
    let surplus = name.chars().count().saturating_sub(NAME_MAX_CHARS);
    if surplus == 0 {
        return Some(name.to_owned());
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.chars().count() <= 10 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let kept = NAME_MAX_CHARS - ending.chars().count();
    Some(stem.chars().take(kept).chain(ending.chars()).collect())
}

/// Marks of direction, joiners, separators of lines and the like.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::{LIMITS_MAX, safe_name};
    use crate::resource::AttachmentLimits;

    #[test]
    fn names_keep_what_people_read_and_nothing_else() {
        for (given, name) in [
            ("faktur.pdf", Some("faktur.pdf")),
            ("../../etc/passwd", Some("passwd")),
            ("C:\\Users\\siti\\foto.jpg", Some("foto.jpg")),
            ("a\r\nSet-Cookie: x=1.png", Some("aSet-Cookie: x=1.png")),
            ("foto\u{202e}gpj.exe", Some("fotogpj.exe")),
            ("nul\0l.pdf", Some("null.pdf")),
            (" .hidden ", Some("hidden")),
            ("résumé 履歴書.pdf", Some("résumé 履歴書.pdf")),
            ("..", None),
            ("folder/", None),
            ("", None),
        ] {
            assert_eq!(safe_name(given).as_deref(), name, "{given:?}");
        }
        let long = safe_name(&format!("{}.pdf", "é".repeat(500))).unwrap();
        assert_eq!((long.chars().count(), long.ends_with("é.pdf")), (200, true));
        assert_eq!(safe_name(&format!("a.{}", "x".repeat(500))).unwrap().chars().count(), 200);
    }

    #[test]
    fn limits_are_what_a_provider_could_take() {
        assert_eq!(LIMITS_MAX.check(""), Ok(()));
        let refused =
            AttachmentLimits { audio: LIMITS_MAX.audio + 1, ..LIMITS_MAX }.check("/limits").unwrap_err();
        assert_eq!(refused.errors[0].pointer, "/limits/audio");
        assert!(AttachmentLimits { image: 0, ..LIMITS_MAX }.check("").is_err());
    }
}
