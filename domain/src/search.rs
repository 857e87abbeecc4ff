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

#[cfg(test)]
mod tests {
    use super::{folded, pattern};

    #[test]
    fn case_and_accents_make_no_difference() {
        assert_eq!(folded("José ÅNGSTRÖM Ｗｉｄｅ"), "jose angstrom wide");
        assert_eq!(folded("İstanbul"), "istanbul");
        assert_eq!(pattern(" 50%_\\É "), "%50\\%\\_\\\\e%");
    }
}
