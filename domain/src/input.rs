//! What people type, made safe once: after this a name is a name.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use chrono_tz::Tz;
use email_address::EmailAddress;

use crate::message::TEXT_MAX_CHARS;
use crate::refusal::Refusal;
use crate::search::folded;

/// The longest name of a label, in characters.
const LABEL_NAME_MAX_CHARS: usize = 50;
/// The longest note on a contact, in characters.
const NOTE_MAX_CHARS: usize = 5_000;

/// A name of an agent, division or channel: 1 to 100 characters, trimmed, on one line.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn name(pointer: &str, text: &str) -> Result<String, Refusal> {
    line(pointer, text, 100)
}

/// A name of a workspace: 1 to 200 characters, trimmed, on one line.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn workspace_name(pointer: &str, text: &str) -> Result<String, Refusal> {
    line(pointer, text, 200)
}

/// A name of a contact: 1 to 200 characters, trimmed, on one line.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn contact_name(pointer: &str, text: &str) -> Result<String, Refusal> {
    line(pointer, text, 200)
}

/// The short name of a workspace: 1 to 63 of a-z, 0-9 and `-`, not at its ends.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn slug(pointer: &str, text: &str) -> Result<String, Refusal> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let fits = (1..=63).contains(&text.len())
        && text.chars().all(inner)
        && !text.starts_with('-')
        && !text.ends_with('-');
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refusal::invalid(
            pointer,
            "slug",
            "must be 1 to 63 of a-z, 0-9 and -, and neither begin nor end with -",
        ))
    }
}

/// A time zone of the IANA database, by its name there: `Asia/Jakarta`.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn timezone(pointer: &str, text: &str) -> Result<String, Refusal> {
    match text.parse::<Tz>() {
        Ok(zone) => Ok(zone.name().to_owned()),
        Err(_) => Err(Refusal::invalid(pointer, "timezone", "must be a name of the IANA time zone database")),
    }
}

/// A name of a label: 1 to 50 characters, trimmed, on one line. Emojis are fine, those that are joined from several too.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn label_name(pointer: &str, text: &str) -> Result<String, Refusal> {
    const JOINER: char = '\u{200D}';
    // Between letters a joiner is a way to write the same name once more; between pictures it makes one of two.
    let picture = |part: &str| part.chars().next().is_some_and(|c| !c.is_ascii() && !c.is_alphanumeric());
    let parts: Vec<&str> = text.trim().split(JOINER).collect();
    let joined = parts.iter().all(|part| picture(part));
    let shown = if joined { parts.concat() } else { text.to_owned() };
    line(pointer, &shown, LABEL_NAME_MAX_CHARS)?;
    let name = line_length(pointer, text, LABEL_NAME_MAX_CHARS)?;
    if folded(name).trim().is_empty() {
        return Err(Refusal::invalid(pointer, "characters", "must have something that can be seen"));
    }
    Ok(name.to_owned())
}

/// A colour: `#` and six hexadecimal digits, which become upper-case.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn color(pointer: &str, text: &str) -> Result<String, Refusal> {
    match text.strip_prefix('#') {
        Some(digits) if digits.len() == 6 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            Ok(text.to_ascii_uppercase())
        }
        _ => Err(Refusal::invalid(pointer, "color", "must be # and six hexadecimal digits")),
    }
}

/// What is noted on a contact: 1 to 5,000 characters, not only white space, without NUL; lines are kept.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn note(pointer: &str, text: &str) -> Result<String, Refusal> {
    if text.contains('\0') {
        return Err(Refusal::invalid(pointer, "characters", "must not contain the character U+0000"));
    }
    line_length(pointer, text, NOTE_MAX_CHARS).map(ToOwned::to_owned)
}

/// What somebody searches names for: at most 100 characters, without control characters.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn search(pointer: &str, text: &str) -> Result<(), Refusal> {
    if text.chars().count() > 100 {
        return Err(Refusal::invalid(pointer, "length", "must be at most 100 characters"));
    }
    if text.chars().any(char::is_control) {
        return Err(Refusal::invalid(pointer, "characters", "must not contain control characters"));
    }
    Ok(())
}

/// A set of ids: at most `max`, none twice.
///
/// # Errors
/// `validation_failed`, at `pointer` or at the one that was there before.
pub fn distinct<Id: Copy + Ord>(pointer: &str, ids: &[Id], max: usize) -> Result<(), Refusal> {
    if ids.len() > max {
        return Err(Refusal::invalid(pointer, "too_many", format!("must be at most {max}")));
    }
    let mut known = BTreeSet::new();
    match ids.iter().position(|id| !known.insert(*id)) {
        Some(at) => {
            Err(Refusal::invalid(format!("{pointer}/{at}"), "duplicate", "must not be there more than once"))
        }
        None => Ok(()),
    }
}

/// A number within bounds.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn number(pointer: &str, value: u32, bounds: RangeInclusive<u32>) -> Result<(), Refusal> {
    if bounds.contains(&value) {
        Ok(())
    } else {
        let detail = format!("must be {} to {}", bounds.start(), bounds.end());
        Err(Refusal::invalid(pointer, "out_of_range", detail))
    }
}

/// An e-mail address, lower-cased: addresses that differ only in case are one person's.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn email(pointer: &str, text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let fits = text.len() <= 254 && EmailAddress::is_valid(text) && text.contains('@') && text.is_ascii();
    if fits {
        Ok(text.to_lowercase())
    } else {
        Err(Refusal::invalid(pointer, "email", "must be an e-mail address"))
    }
}

/// A new password: 8 to 200 characters.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn password(pointer: &str, text: &str) -> Result<(), Refusal> {
    if (8..=200).contains(&text.chars().count()) {
        Ok(())
    } else {
        Err(Refusal::invalid(pointer, "length", "must be 8 to 200 characters"))
    }
}

/// The text of a message: 1 to `max` characters (at most [`TEXT_MAX_CHARS`]), not only white space,
/// without NUL.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn message_text(pointer: &str, text: &str, max: usize) -> Result<(), Refusal> {
    let max = max.min(TEXT_MAX_CHARS);
    if text.trim().is_empty() {
        return Err(Refusal::invalid(pointer, "required", "must not be empty"));
    }
    if text.contains('\0') {
        return Err(Refusal::invalid(pointer, "characters", "must not contain the character U+0000"));
    }
    if text.chars().count() > max {
        return Err(Refusal::invalid(
            pointer,
            "too_long",
            format!("must be at most {max} characters on this channel"),
        ));
    }
    Ok(())
}

/// An identifier or secret of a provider, or a key that a caller chose: 1 to `max` visible ASCII
/// characters.
///
/// # Errors
/// `validation_failed` at `pointer`.
pub fn token(pointer: &str, text: &str, max: usize) -> Result<String, Refusal> {
    let fits = (1..=max).contains(&text.len()) && text.chars().all(|c| c.is_ascii_graphic());
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refusal::invalid(
            pointer,
            "token",
            format!("must be 1 to {max} visible ASCII characters without spaces"),
        ))
    }
}

/// The text without white space around it, if the rest is 1 to `max` characters.
fn line_length<'a>(pointer: &str, text: &'a str, max: usize) -> Result<&'a str, Refusal> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > max {
        return Err(Refusal::invalid(pointer, "length", format!("must be 1 to {max} characters")));
    }
    Ok(text)
}

fn line(pointer: &str, text: &str, max: usize) -> Result<String, Refusal> {
    let text = line_length(pointer, text, max)?;
    let invisible = |c: char| {
        c.is_control()
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{2069}' | '\u{FEFF}')
    };
    if text.chars().any(invisible) {
        return Err(Refusal::invalid(
            pointer,
            "characters",
            "must not contain control, zero-width or direction characters",
        ));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{color, distinct, label_name, timezone};

    #[test]
    fn a_label_is_named_by_what_can_be_seen() {
        for name in ["VIP", "🔥", "👩‍👩‍👧", "🏳️‍🌈", "Prioritas 🔥", "Müller & Söhne", &"é".repeat(50)]
        {
            assert_eq!(label_name("/name", &format!("  {name} ")).as_deref(), Ok(name));
        }
        for wrong in [
            "",
            "   ",
            "V\u{200d}IP",
            "VIP\u{200d}",
            "\u{200d}",
            "🔥\u{200d}",
            "VIP\u{200b}",
            "a\nb",
            "a\0",
            "\u{202e}abc",
            "\u{301}",
            &"x".repeat(51),
        ] {
            assert!(label_name("/name", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn colours_have_one_way_to_be_written() {
        assert_eq!(color("/color", "#a1B2c3").as_deref(), Ok("#A1B2C3"));
        for wrong in ["", "#", "red", "a1b2c3", "#12345", "#1234567", "#12345g", "#１２３４５６", " #123456"]
        {
            assert!(color("/color", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn zones_are_those_of_the_database() {
        for name in ["Asia/Jakarta", "Asia/Jayapura", "UTC", "Etc/GMT+7"] {
            assert_eq!(timezone("/timezone", name).as_deref(), Ok(name));
        }
        for wrong in ["", "asia/jakarta", "Asia/Atlantis", "Asia/Jakarta ", "+07:00", "../../etc/passwd"] {
            assert!(timezone("/timezone", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_second_of_two_is_named() {
        assert_eq!(distinct("/ids", &[1, 2, 3], 3), Ok(()));
        let refused = distinct("/ids", &[1, 2, 1], 3).map_err(|refusal| refusal.errors[0].pointer.clone());
        assert_eq!(refused, Err("/ids/2".to_owned()));
        assert!(distinct("/ids", &[1, 2, 3, 4], 3).is_err());
    }
}
