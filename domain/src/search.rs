//! What people search for: names as they are compared, without case and accents, and customers by more than their name.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::refusal::Refusal;

/// The longest words that are searched for, in characters.
const WORDS_MAX: usize = 100;
/// The fewest digits of a number, and the fewest characters of a user name, that customers are found by. Fewer are in nearly
/// everybody's.
const PIECE_MIN: usize = 3;

/// How long a folded name is at most, in bytes: some characters become many, and an index takes about 2700 bytes.
const FOLDED_MAX: usize = 1200;

/// A name as it is compared: decomposed, without marks, in lower case; of a very long one the beginning.
#[must_use]
pub fn folded(name: &str) -> String {
    let mut folded: String =
        name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect();
    folded.truncate(folded.floor_char_boundary(FOLDED_MAX));
    folded
}

/// A pattern of `LIKE` that fits any folded name with these words in it; `%`, `_` and `\` are taken as
/// they are.
#[must_use]
pub fn pattern(words: &str) -> String {
    containing(&folded(words.trim()))
}

/// A pattern of `LIKE` that fits any text with this one in it.
#[must_use]
pub fn containing(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in text.chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// Which customers are searched for. One is found who fits in any of these ways.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerSearch {
    /// A part of the folded name.
    pub name: String,
    /// A part of the phone number, digits only; `None`: what was typed is no number.
    pub number: Option<String>,
    /// A part of the user name, in lower case; `None`: what was typed is none.
    pub username: Option<String>,
    /// The whole of the provider's id, in lower case; `None`: what was typed is none.
    pub external_id: Option<String>,
}

impl CustomerSearch {
    /// Reads what somebody typed.
    ///
    /// A number may be written in any way: `+62 812-3456` and `0812 3456` find `628123456`. What is dialled first within a
    /// country, or to leave it, is not part of the number.
    ///
    /// # Errors
    /// `validation_failed` at `pointer` unless it is 1 to 100 characters, none of them a control character.
    pub fn of(pointer: &str, words: &str) -> Result<Self, Refusal> {
        let words = words.trim();
        let name = folded(words);
        if name.is_empty() || words.chars().count() > WORDS_MAX {
            return Err(Refusal::invalid(pointer, "length", format!("must be 1 to {WORDS_MAX} characters")));
        }
        if words.chars().any(char::is_control) {
            return Err(Refusal::invalid(pointer, "characters", "must not contain control characters"));
        }
        let one_word = |text: &str| !text.contains(char::is_whitespace);
        let username = words.strip_prefix('@').unwrap_or(words).to_lowercase();
        Ok(Self {
            name,
            number: number(words),
            username: Some(username).filter(|name| one_word(name) && name.chars().count() >= PIECE_MIN),
            external_id: Some(words.to_lowercase()).filter(|id| one_word(id)),
        })
    }
}

fn number(words: &str) -> Option<String> {
    let of_a_number = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '(' | ')' | '.' | '/' | ' ');
    if !words.chars().all(of_a_number) {
        return None;
    }
    let digits: String = words.chars().filter(char::is_ascii_digit).collect();
    let number = digits.trim_start_matches('0');
    (number.len() >= PIECE_MIN).then(|| number.to_owned())
}

#[cfg(test)]
mod tests {
    use super::{CustomerSearch, folded, pattern};

    #[test]
    fn numbers_user_names_and_ids_are_told_from_names() {
        let of = |words| CustomerSearch::of("?q", words).unwrap();
        for written in ["+62 812-3456", "0062 812 3456", "62(812)3456", " 628123456 "] {
            assert_eq!(of(written).number.as_deref(), Some("628123456"), "{written}");
        }
        assert_eq!(of("0812 3456").number.as_deref(), Some("8123456"));
        assert_eq!((of("08").number, of("812 Budi").number), (None, None));
        assert_eq!(of("@Budi_S").username.as_deref(), Some("budi_s"));
        assert_eq!((of("bu").username, of("budi s").username), (None, None));
        assert_eq!(of("ID.88A").external_id.as_deref(), Some("id.88a"));
        assert_eq!(of("ID 88").external_id, None);
        assert_eq!(of(" É ").name, "e");
        let accent = "\u{301}";
        for wrong in ["", "  ", "a\0b", accent, &"é".repeat(101)] {
            assert!(CustomerSearch::of("?q", wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn case_and_accents_make_no_difference() {
        assert_eq!(folded("José ÅNGSTRÖM Ｗｉｄｅ"), "jose angstrom wide");
        assert_eq!(folded("İstanbul"), "istanbul");
        // Each is written out as a sentence of eighteen letters, and each letter takes two bytes.
        let long = folded(&"\u{fdfa}".repeat(200));
        assert!((1195..=1200).contains(&long.len()), "{}", long.len());
        assert_eq!(pattern(" 50%_\\É "), "%50\\%\\_\\\\e%");
    }
}
