//! The variables in a text.

use std::collections::BTreeMap;

use super::ParameterFormat;

/// A variable where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Variable<'a> {
    /// Its number or name.
    pub name: &'a str,
    /// Where its braces begin.
    pub start: usize,
    /// Where they have ended.
    pub end: usize,
}

/// The variables of a text in their order; `None` if its double braces do not fit together.
pub(super) fn variables(text: &str) -> Option<Vec<Variable<'_>>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find("{{") {
        let start = from + at;
        if text[from..start].contains("}}") {
            return None;
        }
        let inner = start + 2;
        let length = text[inner..].find("}}")?;
        let name = &text[inner..inner + length];
        if name.contains(['{', '}']) {
            return None;
        }
        from = inner + length + 2;
        found.push(Variable { name, start, end: from });
    }
    (!text[from..].contains("}}")).then_some(found)
}

impl Variable<'_> {
    /// Whether variables of this format are called like this.
    pub(super) fn fits(&self, format: ParameterFormat) -> bool {
        match format {
            ParameterFormat::Positional => {
                !self.name.is_empty()
                    && self.name.bytes().all(|byte| byte.is_ascii_digit())
                    && !self.name.starts_with('0')
            }
            ParameterFormat::Named => {
                let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
                self.name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase())
                    && self.name.bytes().all(inner)
            }
        }
    }
}

/// The text with its variables replaced; one without a value stays.
pub(super) fn rendered(text: &str, values: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    for variable in variables(text).unwrap_or_default() {
        out.push_str(&text[from..variable.start]);
        match values.get(variable.name) {
            Some(value) => out.push_str(value),
            None => out.push_str(&text[variable.start..variable.end]),
        }
        from = variable.end;
    }
    out.push_str(&text[from..]);
    out
}
