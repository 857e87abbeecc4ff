//! What the provider takes as a template: checked here, so that nobody waits a day to be told of a slip.

use std::collections::{BTreeMap, BTreeSet};

use super::variable::{Variable, variables};
use super::{
    ButtonKind, HeaderFormat, ParameterFormat, TemplateBody, TemplateButton, TemplateComponents,
    TemplateHeader,
};
use crate::refusal::{Code, Refusal};

/// The longest name.
const NAME_MAX: usize = 512;
/// The longest words in the header and the footer, in characters.
const LINE_MAX: usize = 60;
/// The longest text, in characters.
pub(super) const BODY_MAX: usize = 1024;
/// The most buttons.
const BUTTONS_MAX: usize = 10;
/// The longest words on a button, in characters.
const LABEL_MAX: usize = 25;
/// The longest address of a page, in characters.
const URL_MAX: usize = 2000;
/// The longest telephone number, and the longest code to copy.
const SHORT_MAX: usize = 20;
/// The longest handle of a sample file, in bytes.
const HANDLE_MAX: usize = 2048;

/// What is wrong, all of it.
pub(super) struct Errors(Refusal);

impl Errors {
    pub(super) fn none() -> Self {
        Self(Refusal::new(Code::ValidationFailed))
    }

    pub(super) fn add(&mut self, pointer: impl Into<String>, code: &'static str, detail: impl Into<String>) {
        self.0.errors.push(crate::refusal::FieldError {
            pointer: pointer.into(),
            code,
            detail: detail.into(),
        });
    }

    pub(super) fn into_result(self) -> Result<(), Refusal> {
        if self.0.errors.is_empty() { Ok(()) } else { Err(self.0) }
    }

    fn length(&mut self, pointer: &str, text: &str, max: usize) {
        if text.trim().is_empty() || text.chars().count() > max {
            self.add(pointer, "length", format!("must be 1 to {max} characters"));
        } else if text.contains('\0') {
            self.add(pointer, "characters", "must not contain the character U+0000");
        }
    }

    fn one_line(&mut self, pointer: &str, text: &str, max: usize) {
        self.length(pointer, text, max);
        if text.chars().any(char::is_control) {
            self.add(pointer, "characters", "must be on one line");
        }
    }

    fn absent(&mut self, pointer: String, value: Option<&String>, what: &str) {
        if value.is_some() {
            self.add(pointer, "not_supported", format!("must be absent for {what}"));
        }
    }
}

/// Checks the name of a template: a-z, 0-9 and `_`.
///
/// # Errors
/// `validation_failed` at `/name`.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(inner) {
        Ok(())
    } else {
        let detail = format!("must be 1 to {NAME_MAX} of a-z, 0-9 and _");
        Err(Refusal::invalid("/name", "template_name", detail))
    }
}

/// Checks the language of a template: `id`, `en_US`, `zh_CN`.
///
/// # Errors
/// `validation_failed` at `/language`.
pub fn check_language(language: &str) -> Result<(), Refusal> {
    let (language, region) = language.split_once('_').unwrap_or((language, "XX"));
    let fits = (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_lowercase())
        && (2..=4).contains(&region.len())
        && region.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if fits {
        Ok(())
    } else {
        let detail = "must be a language of the provider: id, en_US, zh_CN";
        Err(Refusal::invalid("/language", "language", detail))
    }
}

/// Checks the parts of a template.
///
/// # Errors
/// `validation_failed`, with everything that is wrong and where.
pub fn check_components(components: &TemplateComponents, format: ParameterFormat) -> Result<(), Refusal> {
    let mut errors = Errors::none();
    if let Some(header) = &components.header {
        check_header(&mut errors, header, format);
    }
    check_body(&mut errors, &components.body, format);
    if let Some(footer) = &components.footer {
        errors.one_line("/components/footer", footer, LINE_MAX);
        if variables(footer).is_none_or(|found| !found.is_empty()) {
            errors.add("/components/footer", "variable", "must have no variables");
        }
    }
    if components.buttons.len() > BUTTONS_MAX {
        errors.add("/components/buttons", "too_many", format!("must be at most {BUTTONS_MAX}"));
    }
    for (at, button) in components.buttons.iter().enumerate().take(BUTTONS_MAX) {
        check_button(&mut errors, at, button);
    }
    errors.into_result()
}

fn check_header(errors: &mut Errors, header: &TemplateHeader, format: ParameterFormat) {
    const TEXT: &str = "/components/header/text";
    const SAMPLE: &str = "/components/header/sample";
    match (header.format, &header.text) {
        (HeaderFormat::Text, None) => errors.add(TEXT, "required", "must not be empty"),
        (HeaderFormat::Text, Some(text)) => {
            errors.one_line(TEXT, text, LINE_MAX);
            let Some(found) = check_names(errors, TEXT, text, format) else { return };
            if found.len() > 1 {
                errors.add(TEXT, "too_many", "must have at most one variable");
            }
            match (&header.sample, found.is_empty()) {
                (Some(_), true) => errors.add(SAMPLE, "unknown", "there is no variable that it could be for"),
                (None, false) => errors.add(SAMPLE, "required", "says what the variable may be"),
                (Some(sample), false) => errors.one_line(SAMPLE, sample, LINE_MAX),
                (None, true) => {}
            }
        }
        (other, text) => {
            errors.absent(TEXT.to_owned(), text.as_ref(), other.as_str());
            let fits = |handle: &String| {
                (1..=HANDLE_MAX).contains(&handle.len()) && handle.bytes().all(|b| b.is_ascii_graphic())
            };
            match &header.sample {
                Some(_) if other == HeaderFormat::Location => {
                    errors.absent(SAMPLE.to_owned(), header.sample.as_ref(), other.as_str());
                }
                None if other == HeaderFormat::Location => {}
                Some(handle) if fits(handle) => {}
                _ => errors.add(
                    SAMPLE,
                    "required",
                    "must be the handle of a sample file, as the provider's upload gives it",
                ),
            }
        }
    }
}

fn check_body(errors: &mut Errors, body: &TemplateBody, format: ParameterFormat) {
    const TEXT: &str = "/components/body/text";
    errors.length(TEXT, &body.text, BODY_MAX);
    let Some(found) = check_names(errors, TEXT, &body.text, format) else { return };
    let text = body.text.trim();
    let offset = body.text.len() - body.text.trim_start().len();
    if found.first().is_some_and(|first| first.start == offset) {
        errors.add(TEXT, "variable", "must not begin with a variable");
    }
    if found.last().is_some_and(|last| last.end == offset + text.len()) {
        errors.add(TEXT, "variable", "must not end with a variable");
    }
    if found.windows(2).any(|pair| body.text[pair[0].end..pair[1].start].trim().is_empty()) {
        errors.add(TEXT, "variable", "must have words between two variables");
    }
    if format == ParameterFormat::Positional {
        let numbers: BTreeSet<usize> = found.iter().filter_map(|one| one.name.parse().ok()).collect();
        if numbers.iter().copied().ne(1..=numbers.len()) {
            errors.add(TEXT, "variable", "must number its variables from 1 on, without a gap");
        }
    }
    check_samples(errors, &found, &body.samples);
}

fn check_samples(errors: &mut Errors, found: &[Variable<'_>], samples: &BTreeMap<String, String>) {
    let names: BTreeSet<&str> = found.iter().map(|one| one.name).collect();
    for name in &names {
        let pointer = format!("/components/body/samples/{name}");
        match samples.get(*name) {
            None => errors.add(pointer, "required", "says what the variable may be"),
            Some(sample) => errors.one_line(&pointer, sample, BODY_MAX),
        }
    }
    for name in samples.keys().filter(|name| !names.contains(name.as_str())) {
        errors.add(
            format!("/components/body/samples/{}", escaped(name)),
            "unknown",
            "there is no such variable",
        );
    }
}

/// The variables of a text, if they are called as they must.
fn check_names<'a>(
    errors: &mut Errors,
    pointer: &str,
    text: &'a str,
    format: ParameterFormat,
) -> Option<Vec<Variable<'a>>> {
    let Some(found) = variables(text) else {
        errors.add(pointer, "variable", "has double braces that do not fit together");
        return None;
    };
    if found.iter().all(|one| one.fits(format)) {
        return Some(found);
    }
    let detail = match format {
        ParameterFormat::Positional => "must have variables of the form {{1}}",
        ParameterFormat::Named => "must have variables of the form {{order_number}}: a-z, 0-9 and _",
    };
    errors.add(pointer, "variable", detail);
    None
}

fn check_button(errors: &mut Errors, at: usize, button: &TemplateButton) {
    let place = |field: &str| format!("/components/buttons/{at}/{field}");
    let kind = button.kind;
    match (&button.text, kind) {
        (text, ButtonKind::CopyCode) => errors.absent(place("text"), text.as_ref(), kind.as_str()),
        (None, _) => errors.add(place("text"), "required", "must not be empty"),
        (Some(text), _) => {
            errors.one_line(&place("text"), text, LABEL_MAX);
            if variables(text).is_none_or(|found| !found.is_empty()) {
                errors.add(place("text"), "variable", "must have no variables");
            }
        }
    }
    if kind != ButtonKind::Url {
        errors.absent(place("url"), button.url.as_ref(), kind.as_str());
    }
    if kind != ButtonKind::PhoneNumber {
        errors.absent(place("phone_number"), button.phone_number.as_ref(), kind.as_str());
    }
    match kind {
        ButtonKind::Url => check_url(errors, at, button),
        ButtonKind::PhoneNumber => {
            let number = button.phone_number.as_deref().unwrap_or_default();
            let digits = number.strip_prefix('+').unwrap_or(number);
            let fits =
                (7..SHORT_MAX).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            if !fits || digits.starts_with('0') {
                errors.add(
                    place("phone_number"),
                    "phone",
                    "must be a number with its country code: +6281119876543",
                );
            }
            errors.absent(place("sample"), button.sample.as_ref(), kind.as_str());
        }
        ButtonKind::CopyCode => match &button.sample {
            Some(code) => errors.one_line(&place("sample"), code, SHORT_MAX),
            None => errors.add(place("sample"), "required", "says what the code may be"),
        },
        ButtonKind::QuickReply => errors.absent(place("sample"), button.sample.as_ref(), kind.as_str()),
        ButtonKind::Otp | ButtonKind::RequestContactInfo => {
            errors.add(place("type"), "not_supported", "such a button is made at the provider");
        }
    }
}

fn check_url(errors: &mut Errors, at: usize, button: &TemplateButton) {
    let (pointer, sample) =
        (format!("/components/buttons/{at}/url"), format!("/components/buttons/{at}/sample"));
    let Some(url) = &button.url else {
        return errors.add(pointer, "required", "must not be empty");
    };
    errors.one_line(&pointer, url, URL_MAX);
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).unwrap_or_default();
    if host.is_empty() || host.starts_with(['/', '{', '?', '#']) || url.contains(char::is_whitespace) {
        errors.add(&*pointer, "url", "must be an address that begins with https:// or http://");
    }
    let found = variables(url);
    let has_variable = match found.as_deref() {
        Some([]) => false,
        // The provider numbers it, whatever the format of the rest.
        Some([one]) if one.name == "1" && one.end == url.len() => true,
        _ => return errors.add(pointer, "variable", "may have one variable, {{1}}, at its end"),
    };
    match (&button.sample, has_variable) {
        (Some(_), false) => errors.add(sample, "unknown", "there is no variable that it could be for"),
        (None, true) => errors.add(sample, "required", "says what the variable may be"),
        (Some(value), true) => errors.one_line(&sample, value, URL_MAX),
        (None, false) => {}
    }
}

/// A name as part of a JSON pointer.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
