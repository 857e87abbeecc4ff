//! Customers by a part of their name, or of their number.

use domain::search::{pattern, pieces};

/// The fewest digits that are taken for a part of a number.
const DIGITS_MIN: usize = 3;

/// A part of a customer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSearch {
    /// A pattern of `LIKE` for folded names.
    pub(crate) pattern: String,
    /// The pieces that such a name has: by them the index finds it.
    pub(crate) pieces: Vec<String>,
}

impl NameSearch {
    /// Names with these words in them; `None` for no words, which every name has.
    #[must_use]
    pub fn of(words: &str) -> Option<Self> {
        let pieces = pieces(words);
        (!pieces.is_empty()).then(|| Self { pattern: pattern(words), pieces })
    }
}

/// A part of a customer's name or, if it looks like one, number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactSearch {
    /// The name.
    pub(crate) name: NameSearch,
    /// The number's digits, in the same way.
    pub(crate) number: Option<NameSearch>,
}

impl ContactSearch {
    /// Customers with these words in their name or number; `None` for no words.
    #[must_use]
    pub fn of(words: &str) -> Option<Self> {
        let name = NameSearch::of(words)?;
        Some(Self { name, number: digits(words).and_then(|digits| NameSearch::of(&digits)) })
    }
}

/// The digits of what may be a part of a number, as numbers are stored: with the country's code, and so without the zero that
/// stands for it at home.
fn digits(words: &str) -> Option<String> {
    let is_number =
        words.chars().all(|c| c.is_ascii_digit() || matches!(c, '+' | ' ' | '-' | '(' | ')' | '.'));
    let digits: String = words.chars().filter(char::is_ascii_digit).collect();
    let digits = digits.trim_start_matches('0');
    (is_number && digits.len() >= DIGITS_MIN).then(|| digits.to_owned())
}

#[cfg(test)]
mod tests {
    use super::digits;

    #[test]
    fn numbers_are_found_as_people_write_them() {
        for words in ["0812-3456", "+812 3456", "(0812) 3456", "8123456"] {
            assert_eq!(digits(words).as_deref(), Some("8123456"), "{words}");
        }
        assert_eq!(digits("Budi 081"), None);
        assert_eq!(digits("012"), None);
    }
}
