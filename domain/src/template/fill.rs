//! Filling in what a template leaves open, for one message.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rules::{BODY_MAX, Errors, escaped};
use super::variable::{rendered, variables};
use super::{ButtonKind, HeaderFormat, ParameterFormat, TemplateButton, TemplateCategory, TemplateHeader};
use crate::attachment::AttachmentKind;
use crate::id::{AttachmentId, TemplateId};
use crate::location::Location;
use crate::refusal::Refusal;
use crate::resource::Template;

/// Where the parameters stand in the body of a call.
const PLACE: &str = "/template/parameters";

/// The longest value of a variable in a page's address, in characters.
const SUFFIX_MAX: usize = 2000;
/// The longest code to copy, and the longest one-time code, in characters.
const CODE_MAX: usize = 20;
/// The longest payload of a quick reply, in characters.
const PAYLOAD_MAX: usize = 128;

/// What a template leaves open.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TemplateParameters {
    /// For the header, if it leaves something open.
    pub header: Option<HeaderParameter>,
    /// For each variable of the text, by its number or name.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(example = json!({ "1": "Kak Rina", "2": "INV-2041" })))]
    pub body: BTreeMap<String, String>,
    /// For each button that leaves something open.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schema(example = json!([])))]
    pub buttons: Vec<ButtonParameter>,
}

/// What the header of a template leaves open: exactly one of these.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HeaderParameter {
    /// The variable of a header with words.
    #[cfg_attr(feature = "schema", schema(example = "INV-2041"))]
    pub text: Option<String>,
    /// The picture, video or document: an uploaded file of that kind.
    #[cfg_attr(feature = "schema", schema(example = json!(null)))]
    pub attachment_id: Option<AttachmentId>,
    /// The place.
    #[cfg_attr(feature = "schema", schema(example = json!(null)))]
    pub location: Option<Location>,
}

/// What a button leaves open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ButtonParameter {
    /// Which button, from 0 on.
    #[cfg_attr(feature = "schema", schema(example = 0, minimum = 0, maximum = 9))]
    pub index: usize,
    /// The end of the page's address, the code, or what a quick reply answers with beside its words.
    #[cfg_attr(feature = "schema", schema(example = "JNE-0042"))]
    pub value: String,
}

/// A template with everything filled in: what is stored with the message, and sent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FilledTemplate {
    /// The template.
    pub id: TemplateId,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// What it was for when it was sent.
    pub category: TemplateCategory,
    /// How its variables are called.
    pub parameter_format: ParameterFormat,
    /// What is above the text.
    pub header: Option<FilledHeader>,
    /// The text.
    pub body: String,
    /// What is below the text.
    pub footer: Option<String>,
    /// The buttons.
    pub buttons: Vec<FilledButton>,
    /// What was filled in.
    pub parameters: TemplateParameters,
}

/// The header of a message from a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FilledHeader {
    /// What it is.
    pub format: HeaderFormat,
    /// The words.
    pub text: Option<String>,
    /// What the variable in them is called.
    pub variable: Option<String>,
}

/// A button of a message from a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FilledButton {
    /// What it does.
    #[serde(rename = "type")]
    pub kind: ButtonKind,
    /// The words on it.
    pub text: Option<String>,
    /// The page.
    pub url: Option<String>,
}

impl FilledTemplate {
    /// The words that the customer reads.
    #[must_use]
    pub fn text(&self) -> String {
        let header = self.header.as_ref().and_then(|header| header.text.as_deref());
        let parts = [header, Some(self.body.as_str()), self.footer.as_deref()];
        parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n")
    }

    /// The file that its header shows.
    #[must_use]
    pub fn attachment(&self) -> Option<AttachmentId> {
        self.parameters.header.as_ref().and_then(|header| header.attachment_id)
    }

    /// What kind of file that must be.
    #[must_use]
    pub fn attachment_kind(&self) -> Option<AttachmentKind> {
        match self.header.as_ref()?.format {
            HeaderFormat::Image => Some(AttachmentKind::Image),
            HeaderFormat::Video => Some(AttachmentKind::Video),
            HeaderFormat::Document => Some(AttachmentKind::Document),
            HeaderFormat::Text | HeaderFormat::Location => None,
        }
    }
}

/// Fills in a template. Whether it may be sent is not asked here.
///
/// # Errors
/// `validation_failed`, with one error for each parameter that is missing, too much, or not what the provider takes.
pub fn fill(template: &Template, parameters: &TemplateParameters) -> Result<FilledTemplate, Refusal> {
    let mut errors = Errors::none();
    if !template.unsupported.is_empty() {
        let detail = format!("has parts that cannot be filled in here: {}", template.unsupported.join(", "));
        errors.add("/template/template_id", "not_supported", detail);
    }
    let components = &template.components;
    let header = fill_header(&mut errors, components.header.as_ref(), parameters.header.as_ref());
    let body = fill_body(&mut errors, &components.body.text, &parameters.body);
    let buttons = fill_buttons(&mut errors, &components.buttons, &parameters.buttons);
    errors.into_result()?;
    Ok(FilledTemplate {
        id: template.id,
        name: template.name.clone(),
        language: template.language.clone(),
        category: template.category,
        parameter_format: template.parameter_format,
        header,
        body,
        footer: components.footer.clone(),
        buttons,
        parameters: parameters.clone(),
    })
}

/// Refuses what the provider does not take in place of a variable.
fn check_value(errors: &mut Errors, pointer: &str, value: &str, max: usize) {
    let is_break =
        |c: char| matches!(c, '\n' | '\r' | '\t' | '\u{B}' | '\u{C}' | '\u{85}' | '\u{2028}' | '\u{2029}');
    if value.trim().is_empty() {
        errors.add(pointer, "empty", "must not be empty");
    } else if value.contains(is_break) {
        errors.add(pointer, "line_break", "must not contain line breaks or tabs");
    } else if value.contains("    ") {
        errors.add(pointer, "spaces", "must not contain four or more spaces in a row");
    } else if value.contains('\0') {
        errors.add(pointer, "characters", "must not contain the character U+0000");
    } else if value.chars().count() > max {
        errors.add(pointer, "too_long", format!("must be at most {max} characters"));
    }
}

fn fill_body(errors: &mut Errors, text: &str, values: &BTreeMap<String, String>) -> String {
    let names: BTreeSet<&str> = variables(text).unwrap_or_default().iter().map(|one| one.name).collect();
    for name in &names {
        let pointer = format!("{PLACE}/body/{}", escaped(name));
        match values.get(*name) {
            None => errors.add(pointer, "missing", format!("the template has a variable {name}")),
            Some(value) => check_value(errors, &pointer, value, BODY_MAX),
        }
    }
    for name in values.keys().filter(|name| !names.contains(name.as_str())) {
        let pointer = format!("{PLACE}/body/{}", escaped(name));
        errors.add(pointer, "unknown", "the template has no such variable");
    }
    let body = rendered(text, values);
    if body.chars().count() > BODY_MAX {
        errors.add(
            format!("{PLACE}/body"),
            "too_long",
            format!("the whole text must be at most {BODY_MAX} characters"),
        );
    }
    body
}

fn fill_header(
    errors: &mut Errors,
    header: Option<&TemplateHeader>,
    given: Option<&HeaderParameter>,
) -> Option<FilledHeader> {
    let place = |field: &str| format!("{PLACE}/header/{field}");
    let text = header.and_then(|header| header.text.as_deref());
    let variable = text.and_then(|text| variables(text)?.first().map(|one| one.name.to_owned()));
    let open = match header.map(|header| header.format) {
        None => None,
        Some(HeaderFormat::Text) => variable.as_ref().map(|_| "text"),
        Some(HeaderFormat::Image | HeaderFormat::Video | HeaderFormat::Document) => Some("attachment_id"),
        Some(HeaderFormat::Location) => Some("location"),
    };
    let fields = given.map_or([false; 3], |given| {
        [given.text.is_some(), given.attachment_id.is_some(), given.location.is_some()]
    });
    for (field, is_given) in ["text", "attachment_id", "location"].into_iter().zip(fields) {
        match (open == Some(field), is_given) {
            (true, false) => {
                errors.add(place(field), "missing", "the header of the template leaves this open")
            }
            (false, true) => {
                errors.add(place(field), "unknown", "the header of the template does not leave this open");
            }
            _ => {}
        }
    }
    let mut values = BTreeMap::new();
    if let (Some(name), Some(value)) = (&variable, given.and_then(|given| given.text.as_ref())) {
        check_value(errors, &place("text"), value, 60);
        values.insert(name.clone(), value.clone());
    }
    if let Some(location) = given.and_then(|given| given.location.as_ref()) {
        for error in location.check().err().into_iter().flat_map(|refusal| refusal.errors) {
            errors.add(format!("{PLACE}/header{}", error.pointer), error.code, error.detail);
        }
    }
    Some(FilledHeader { format: header?.format, text: text.map(|text| rendered(text, &values)), variable })
}

fn fill_buttons(
    errors: &mut Errors,
    buttons: &[TemplateButton],
    given: &[ButtonParameter],
) -> Vec<FilledButton> {
    let mut values: BTreeMap<usize, &str> = BTreeMap::new();
    for (at, parameter) in given.iter().enumerate() {
        let pointer = format!("{PLACE}/buttons/{at}/index");
        let Some(button) = buttons.get(parameter.index) else {
            errors.add(pointer, "unknown", "the template has no such button");
            continue;
        };
        if open(button).is_none() {
            errors.add(pointer, "unknown", "this button leaves nothing open");
        } else if values.insert(parameter.index, &parameter.value).is_some() {
            errors.add(pointer, "duplicate", "must not be there more than once");
        } else if let Some(open) = open(button) {
            check_value(errors, &format!("{PLACE}/buttons/{at}/value"), &parameter.value, open.max);
        }
    }
    for (index, button) in buttons.iter().enumerate() {
        if open(button).is_some_and(|open| open.required) && !values.contains_key(&index) {
            errors.add(
                format!("{PLACE}/buttons"),
                "missing",
                format!("button {index} of the template leaves something open"),
            );
        }
    }
    let filled = buttons.iter().enumerate().map(|(index, button)| {
        let suffix = values.get(&index).map(|value| ("1".to_owned(), (*value).to_owned()));
        let url = button.url.as_deref().map(|url| rendered(url, &suffix.into_iter().collect()));
        FilledButton { kind: button.kind, text: button.text.clone(), url }
    });
    filled.collect()
}

/// What a button leaves open.
struct Open {
    required: bool,
    max: usize,
}

fn open(button: &TemplateButton) -> Option<Open> {
    let has_variable = || button.url.as_deref().and_then(variables).is_some_and(|found| !found.is_empty());
    match button.kind {
        ButtonKind::Url => has_variable().then_some(Open { required: true, max: SUFFIX_MAX }),
        ButtonKind::CopyCode | ButtonKind::Otp => Some(Open { required: true, max: CODE_MAX }),
        ButtonKind::QuickReply => Some(Open { required: false, max: PAYLOAD_MAX }),
        ButtonKind::PhoneNumber | ButtonKind::RequestContactInfo => None,
    }
}
