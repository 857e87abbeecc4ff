//! Ids in the providers' shapes, and what can be read from a phone number.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::sign::short_hash;

/// Calling codes of two digits; `1` and `7` have one, all others three.
const TWO_DIGIT_CODES: [&str; 41] = [
    "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48",
    "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81",
    "82", "84", "86", "90", "91", "92", "95",
];

/// More of them, kept apart only for the length of the line.
const MORE_TWO_DIGIT_CODES: [&str; 3] = ["93", "94", "98"];

/// Which way a message went; WhatsApp's ids tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Written by the customer.
    FromCustomer,
    /// Sent by the business.
    ToCustomer,
}

/// A WhatsApp message id: base64 over the person and a random number, as the real ones are.
pub(super) fn wamid(person: &str, way: Way) -> String {
    let (mark, length) = match way {
        Way::FromCustomer => (0x12, 20),
        Way::ToCustomer => (0x11, 18),
    };
    let random = format!("{:032X}", rand::random::<u128>());
    let random = random.as_bytes().get(..length).unwrap_or_default();
    let mut bytes = vec![0x1c, 0x18, u8::try_from(person.len()).unwrap_or(u8::MAX)];
    bytes.extend_from_slice(person.as_bytes());
    bytes.extend_from_slice(&[0x15, 0x02, 0x00, mark, 0x18]);
    bytes.push(u8::try_from(random.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(random);
    bytes.push(0);
    format!("wamid.{}", STANDARD.encode(bytes))
}

/// A Messenger message id.
pub(super) fn mid() -> String {
    format!("m_{}", random_token(32))
}

/// The trace id in a Graph error.
pub(super) fn trace_id() -> String {
    format!("A{}", random_token(16))
}

/// A made-up media id: digits, as WhatsApp's.
pub(super) fn media_id() -> String {
    format!("{:016}", rand::random::<u64>() % 9_000_000_000_000_000 + 1_000_000_000_000_000)
}

/// Random letters, from `bytes` random bytes (32 at most).
pub(super) fn random_token(bytes: usize) -> String {
    let random: [u8; 32] = rand::random();
    URL_SAFE_NO_PAD.encode(random.get(..bytes).unwrap_or(&random))
}

/// The business-scoped user id of a phone number: always the same for the same number. An id stays what it is.
pub(super) fn bsuid(phone: &str) -> String {
    if phone.starts_with("ID.") {
        return phone.to_owned();
    }
    format!("ID.{:016}", short_hash(phone) % 10_000_000_000_000_000)
}

/// The digits of a phone number.
pub(super) fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// The country's calling code at the start of an international number.
pub(super) fn calling_code(display_phone_number: &str) -> String {
    let digits = digits(display_phone_number);
    let two = digits.get(..2).unwrap_or(&digits);
    let length = match digits.as_bytes().first() {
        Some(b'1' | b'7') => 1,
        _ if TWO_DIGIT_CODES.contains(&two) || MORE_TWO_DIGIT_CODES.contains(&two) => 2,
        _ => 3,
    };
    digits.get(..length).unwrap_or(&digits).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{Way, bsuid, calling_code, wamid};
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    #[test]
    fn reads_the_calling_code() {
        assert_eq!(calling_code("+62 811-1987-6543"), "62");
        assert_eq!(calling_code("15550001111"), "1");
        assert_eq!(calling_code("+6707712345"), "670");
    }

    #[test]
    fn a_wamid_holds_the_number_as_the_real_ones_do() {
        let id = wamid("6281234567890", Way::FromCustomer);
        assert!(id.starts_with("wamid.HBgNNjI4MTIzNDU2Nzg5MBUCABIYF"), "{id}");
        let bytes = STANDARD.decode(id.trim_start_matches("wamid.")).unwrap();
        assert_eq!(bytes.len(), 3 + 13 + 6 + 20 + 1);
        assert_ne!(id, wamid("6281234567890", Way::FromCustomer));
    }

    #[test]
    fn a_bsuid_is_stable_and_shaped() {
        let id = bsuid("6281234567890");
        assert_eq!(id, bsuid("6281234567890"));
        assert_ne!(id, bsuid("6281234567891"));
        assert_eq!(id.len(), "ID.8841920577310462".len());
    }
}
