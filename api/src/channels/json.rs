//! Reading JSON that others wrote: nothing in it is trusted to be there.
//!
//! Bodies are taken apart level by level as raw text, so that one part which cannot be read loses
//! only itself, and so that a message can be kept as it came.

use std::collections::HashMap;

use domain::time::Timestamp;
use serde_json::Value;
use serde_json::value::RawValue;

use super::InboundBodyError;

/// The longest id that is taken as one, in bytes. Real ones stay below 300; an id goes into an
/// index, and PostgreSQL refuses index entries above about 2,700 bytes.
const ID_MAX_BYTES: usize = 512;

/// Times outside these years are slips (milliseconds for seconds, zero), not times.
const FIRST_PLAUSIBLE_SECOND: i64 = 1_230_768_000; // 2009-01-01
const LAST_PLAUSIBLE_SECOND: i64 = 4_102_444_800; // 2100-01-01

/// One level of a JSON object: the last value of each name, not read yet.
pub(super) type Object<'a> = HashMap<String, &'a RawValue>;

/// The body as text that serde and PostgreSQL can both take: bytes that are not UTF-8, escaped NUL
/// characters and halves of surrogate pairs become U+FFFD. Everything else stays as it came.
///
/// Halves occur where a provider cuts a text in the middle of an emoji; serde refuses them.
pub(super) fn clean(body: &[u8]) -> String {
    const REPLACEMENT: &str = "\\ufffd";
    let text = String::from_utf8_lossy(body);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some((plain, _)) = rest.split_once('\\') {
        out.push_str(plain);
        let escape = rest.get(plain.len()..).unwrap_or_default();
        let (keep, length) = match code_unit(escape) {
            Some(0 | 0xDC00..=0xDFFF) => (REPLACEMENT, 6),
            Some(0xD800..=0xDBFF) => match escape.get(6..).and_then(code_unit) {
                Some(0xDC00..=0xDFFF) => (escape.get(..12).unwrap_or_default(), 12),
                _ => (REPLACEMENT, 6),
            },
            _ => {
                let length = 1 + escape.chars().nth(1).map_or(0, char::len_utf8);
                (escape.get(..length).unwrap_or_default(), length)
            }
        };
        out.push_str(keep);
        rest = escape.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The code unit of an escape `\uXXXX` at the start of `text`.
fn code_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    // `from_str_radix` alone would take a sign as well.
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u16::from_str_radix(digits, 16).ok()
}

/// The outermost level of a body.
pub(super) fn root(text: &str) -> Result<Object<'_>, InboundBodyError> {
    object(text).ok_or(InboundBodyError::NotJson)
}

/// One level of an object, or `None` if the text is something else.
pub(super) fn object(text: &str) -> Option<Object<'_>> {
    serde_json::from_str(text).ok()
}

/// The whole value. `None` where serde cannot hold it: nested too deeply, or a number too large.
pub(super) fn value(text: &str) -> Option<Value> {
    serde_json::from_str(text).ok()
}

/// The items of the array under `key`; none where it is absent or no array.
pub(super) fn items<'a>(object: &Object<'a>, key: &str) -> Vec<&'a RawValue> {
    object.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// The object under `key`.
pub(super) fn child<'a>(object: &Object<'a>, key: &str) -> Option<Object<'a>> {
    object.get(key).and_then(|raw| serde_json::from_str(raw.get()).ok())
}

/// The value under `key`; null where it is absent or cannot be held.
pub(super) fn field(object: &Object<'_>, key: &str) -> Value {
    object.get(key).and_then(|raw| value(raw.get())).unwrap_or_default()
}

/// An id: a string that is not empty, or a whole number. What is too long for an id is none.
pub(super) fn id(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if !number.is_f64() => number.to_string(),
        _ => return None,
    };
    (!id.is_empty() && id.len() <= ID_MAX_BYTES).then_some(id)
}

/// The id at a JSON pointer.
pub(super) fn id_at(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(id)
}

/// The text at a JSON pointer; `None` where it is absent, empty or no text.
pub(super) fn text_at(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// The whole number at a JSON pointer, written as a number or as text.
pub(super) fn int_at(value: &Value, pointer: &str) -> Option<i64> {
    int(value.pointer(pointer)?)
}

fn int(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

/// The number at a JSON pointer, written as a number or as text.
pub(super) fn number_at(value: &Value, pointer: &str) -> Option<f64> {
    let number = match value.pointer(pointer)? {
        Value::String(text) => text.trim().parse().ok()?,
        other => other.as_f64()?,
    };
    f64::is_finite(number).then_some(number)
}

/// True if the value at a JSON pointer is `true`.
pub(super) fn is_true_at(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer) == Some(&Value::Bool(true))
}

/// At most `max` characters of a text.
pub(super) fn cut(text: String, max: usize) -> String {
    match text.char_indices().nth(max) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}

/// A time in seconds since 1970 (WhatsApp, Telegram), if it is there and plausible.
pub(super) fn seconds(value: &Value) -> Option<Timestamp> {
    int(value)
        .filter(|seconds| (FIRST_PLAUSIBLE_SECOND..LAST_PLAUSIBLE_SECOND).contains(seconds))
        .and_then(Timestamp::from_unix_seconds)
}

/// A time in milliseconds since 1970 (Messenger), if it is there and plausible.
pub(super) fn millis(value: &Value) -> Option<Timestamp> {
    int(value)
        .filter(|millis| (FIRST_PLAUSIBLE_SECOND..LAST_PLAUSIBLE_SECOND).contains(&(millis / 1000)))
        .and_then(Timestamp::from_unix_millis)
}

#[cfg(test)]
mod tests {
    use super::{clean, cut, id, millis, seconds, value};
    use serde_json::json;

    #[test]
    fn nul_and_broken_pairs_are_replaced_and_nothing_else_is_touched() {
        let cases = [
            (r#""a\u0000b""#, "a\u{fffd}b"),
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\ud83d\u0041""#, "\u{fffd}A"),
            (r#""\udcee tail""#, "\u{fffd} tail"),
            (r#""whole \ud83d\udcee""#, "whole 📮"),
            (r#""a backslash \\u0000 stays""#, r"a backslash \u0000 stays"),
            (r#""\"\/\n\u00e4""#, "\"/\nä"),
        ];
        for (body, expected) in cases {
            assert_eq!(value(&clean(body.as_bytes())), Some(json!(expected)), "{body}");
        }
        assert_eq!(clean(b"\"\xff\""), "\"\u{fffd}\"");
        assert_eq!(clean(br"ends in \"), r"ends in \");
        assert_eq!(clean("\\ä\\u12".as_bytes()), "\\ä\\u12");
    }

    #[test]
    fn an_id_is_a_short_text_or_a_whole_number() {
        assert_eq!(id(&json!(7512345678_i64)).as_deref(), Some("7512345678"));
        assert_eq!(id(&json!("m_1")).as_deref(), Some("m_1"));
        for no in [json!(""), json!(1.5), json!(null), json!("x".repeat(513))] {
            assert_eq!(id(&no), None);
        }
    }

    #[test]
    fn absurd_times_are_none() {
        for no in [json!(0), json!("soon"), json!(null), json!(1_795_140_843_000_i64), json!(i64::MIN)] {
            assert_eq!(seconds(&no), None, "{no}");
        }
        assert!(seconds(&json!("1795140843")).is_some());
        assert!(millis(&json!(1_795_154_400_417_i64)).is_some());
        assert_eq!(millis(&json!(1_795_154_400)), None);
    }

    #[test]
    fn cutting_counts_characters() {
        assert_eq!(cut("ä".repeat(201), 200), "ä".repeat(200));
        assert_eq!(cut("short".into(), 200), "short");
    }
}
