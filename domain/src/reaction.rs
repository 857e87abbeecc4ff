//! Emojis that the team puts on messages.

use crate::channel::ChannelKind;
use crate::refusal::Refusal;

/// The sign that asks for a colourful picture. Some write it, some do not: it makes no other emoji.
const PICTURE: char = '\u{FE0F}';

/// Exactly one emoji, which the channel can put on a message, as the provider wants it written.
///
/// # Errors
/// `validation_failed` at `/emoji`.
pub fn emoji(channel: ChannelKind, text: &str) -> Result<String, Refusal> {
    let Some(emoji) = emojis::get(text) else {
        return Err(Refusal::invalid("/emoji", "emoji", "must be one emoji and nothing else"));
    };
    let Some(taken) = channel.reaction_emojis() else { return Ok(emoji.as_str().to_owned()) };
    let plain = |text: &str| text.replace(PICTURE, "");
    match taken.iter().find(|one| plain(one) == plain(text)) {
        Some(one) => Ok((*one).to_owned()),
        None => {
            let detail = "cannot be put on a message on this channel; see limits.reaction_emojis";
            Err(Refusal::invalid("/emoji", "not_supported", detail))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::emoji;
    use crate::channel::ChannelKind::{self, Messenger, Telegram, WhatsApp};

    #[test]
    fn one_emoji_is_one_however_many_signs_it_takes() {
        for one in ["👍", "👍🏽", "❤️", "❤", "👨‍👩‍👧", "🇮🇩", "#️⃣"] {
            assert!(emoji(WhatsApp, one).is_ok(), "{one}");
        }
        for other in ["", " ", "👍👍", "a", "👍 ", "ok", "1", "\u{200d}", "❤️\u{0}"] {
            for channel in ChannelKind::ALL {
                assert!(emoji(*channel, other).is_err(), "{other:?}");
            }
        }
    }

    #[test]
    fn telegram_takes_those_of_its_list_as_they_stand_there() {
        assert_eq!(emoji(Telegram, "❤️").as_deref(), Ok("❤"));
        assert_eq!(emoji(Telegram, "❤").as_deref(), Ok("❤"));
        assert!(emoji(Telegram, "🇮🇩").is_err());
        assert_eq!(emoji(Messenger, "❤").as_deref(), Ok("❤️"));
        for one in Telegram.reaction_emojis().unwrap() {
            assert_eq!(emoji(Telegram, one).as_deref(), Ok(*one));
        }
    }
}
