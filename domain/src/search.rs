//! Names as they are searched: without case and accents.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// A name as it is compared: decomposed, without marks, in lower case.
#[must_use]
pub fn folded(name: &str) -> String {
    name.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

/// A pattern of `LIKE` that fits any folded name with these words in it; `%`, `_` and `\` are taken as
/// they are.
#[must_use]
pub fn pattern(words: &str) -> String {
    let mut pattern = String::from("%");
    for c in folded(words.trim()).chars() {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}

/// The pieces that a folded name with these words in it has for certain: all of three characters, or, of shorter words, the
/// words themselves. The index of names knows pieces of one to three characters.
#[must_use]
pub fn pieces(words: &str) -> Vec<String> {
    let chars: Vec<char> = folded(words.trim()).chars().collect();
    let mut pieces: Vec<String> = chars.windows(chars.len().clamp(1, 3)).map(String::from_iter).collect();
    pieces.sort_unstable();
    pieces.dedup();
    pieces
}

#[cfg(test)]
mod tests {
    use super::{folded, pattern, pieces};

    #[test]
    fn case_and_accents_make_no_difference() {
        assert_eq!(folded("José ÅNGSTRÖM Ｗｉｄｅ"), "jose angstrom wide");
        assert_eq!(folded("İstanbul"), "istanbul");
        assert_eq!(pattern(" 50%_\\É "), "%50\\%\\_\\\\e%");
    }

    #[test]
    fn words_fall_into_pieces_of_three_characters_or_are_one() {
        assert_eq!(pieces(" Énéa "), ["ene", "nea"]);
        assert_eq!(pieces("王"), ["王"]);
        assert_eq!(pieces("aaaaa"), ["aaa"]);
        assert_eq!(pieces(" "), Vec::<String>::new());
    }
}
