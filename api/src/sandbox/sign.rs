//! The bytes of a webhook as Meta sends them, and their signature.

use std::fmt::Write as _;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// How a provider writes JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escaping {
    /// WhatsApp: everything outside ASCII becomes `\uXXXX`.
    Unicode,
    /// Messenger: as WhatsApp, and `/` becomes `\/`.
    UnicodeAndSlash,
    /// Telegram: plain UTF-8.
    None,
}

/// Writes `body` the way the provider does.
pub(super) fn encode(body: &Value, escaping: Escaping) -> Vec<u8> {
    let plain = body.to_string();
    if escaping == Escaping::None {
        return plain.into_bytes();
    }
    let mut out = String::with_capacity(plain.len());
    let mut units = [0_u16; 2];
    // Outside of strings JSON has neither slashes nor letters beyond ASCII.
    for character in plain.chars() {
        match character {
            '/' if escaping == Escaping::UnicodeAndSlash => out.push_str("\\/"),
            ascii if ascii.is_ascii() => out.push(ascii),
            other => {
                for unit in other.encode_utf16(&mut units) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.into_bytes()
}

/// The value of `X-Hub-Signature-256` for these bytes.
pub(super) fn hub_signature(app_secret: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()) else {
        // HMAC takes a key of any length; a wrong signature is the honest answer to a broken one.
        return "sha256=".to_owned();
    };
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

/// The first eight bytes of the SHA-256 of `text`, as a number.
pub(super) fn short_hash(text: &str) -> u64 {
    Sha256::digest(text.as_bytes()).iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[cfg(test)]
mod tests {
    use super::{Escaping, encode, hub_signature};
    use serde_json::json;

    #[test]
    fn escapes_as_each_provider_does() {
        let body = json!({"text": "Malang ä / 📮"});
        let text = |escaping| String::from_utf8(encode(&body, escaping)).unwrap();
        assert_eq!(text(Escaping::UnicodeAndSlash), r#"{"text":"Malang \u00e4 \/ \ud83d\udcee"}"#);
        assert_eq!(text(Escaping::Unicode), r#"{"text":"Malang \u00e4 / \ud83d\udcee"}"#);
        assert_eq!(text(Escaping::None), r#"{"text":"Malang ä / 📮"}"#);
    }

    #[test]
    fn signs_like_an_independent_implementation() {
        // printf '{"object":"page"}' | openssl dgst -sha256 -hmac fixture-app-secret
        assert_eq!(
            hub_signature("fixture-app-secret", br#"{"object":"page"}"#),
            "sha256=696837f9fafc948015a5ceb9758cc8bdbeceb6336b36eceb9fd8d4d543a82c41"
        );
    }
}
