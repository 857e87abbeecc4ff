//! The templates of business accounts, and whether a message fits one.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::check::text_of;
use crate::sandbox::ids::media_id;
use crate::sandbox::reply::GraphError;

/// A template, as the Graph API shows it.
#[derive(Debug, Clone, Serialize)]
pub(in crate::sandbox) struct Template {
    #[serde(skip)]
    pub(in crate::sandbox) business: String,
    pub(in crate::sandbox) id: String,
    pub(in crate::sandbox) name: String,
    pub(in crate::sandbox) language: String,
    pub(in crate::sandbox) status: String,
    pub(in crate::sandbox) category: String,
    pub(in crate::sandbox) parameter_format: String,
    pub(in crate::sandbox) components: Value,
    pub(in crate::sandbox) quality_score: Value,
    pub(in crate::sandbox) rejected_reason: String,
}

/// Reads a template that is to be made, as strictly as the real API.
pub(in crate::sandbox) fn made(business: &str, body: &Map<String, Value>) -> Result<Template, GraphError> {
    let name = text_of(body, "name").ok_or_else(|| GraphError::required("name"))?;
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.len() > 512 || !name.bytes().all(inner) {
        return Err(GraphError::new(
            100,
            "Param name can only have lowercase letters, numbers and underscores.",
        ));
    }
    let language = text_of(body, "language").ok_or_else(|| GraphError::required("language"))?;
    let category = text_of(body, "category").ok_or_else(|| GraphError::required("category"))?;
    if !["MARKETING", "UTILITY", "AUTHENTICATION"].contains(&category) {
        return Err(GraphError::new(
            100,
            "Param category must be one of {UTILITY, MARKETING, AUTHENTICATION}.",
        ));
    }
    let format = text_of(body, "parameter_format").unwrap_or("POSITIONAL");
    if !["POSITIONAL", "NAMED"].contains(&format) {
        return Err(GraphError::new(100, "Param parameter_format must be one of {POSITIONAL, NAMED}."));
    }
    let components = body.get("components").ok_or_else(|| GraphError::required("components"))?;
    check_components(components)?;
    Ok(Template {
        business: business.to_owned(),
        id: media_id(),
        name: name.to_owned(),
        language: language.to_owned(),
        status: "PENDING".to_owned(),
        category: category.to_owned(),
        parameter_format: format.to_owned(),
        components: components.clone(),
        quality_score: json!({ "score": "UNKNOWN" }),
        rejected_reason: "NONE".to_owned(),
    })
}

/// Checks the components of a template.
pub(in crate::sandbox) fn check_components(components: &Value) -> Result<(), GraphError> {
    let all =
        components.as_array().ok_or_else(|| GraphError::new(100, "Param components must be an array."))?;
    let body = component(components, "BODY").ok_or_else(|| GraphError::required("components['BODY']"))?;
    let text = body.get("text").and_then(Value::as_str).unwrap_or_default();
    let wrong =
        |title: &str| Err(GraphError::new(100, "Invalid parameter").subcode(2_388_043).details(title));
    if text.trim().is_empty() || text.chars().count() > 1024 {
        return wrong("The body must have 1 to 1024 characters.");
    }
    if text.trim().starts_with("{{") || text.trim().ends_with("}}") {
        return wrong("Variables can't be at the start or end of the template.");
    }
    let examples =
        body.pointer("/example/body_text/0").or_else(|| body.pointer("/example/body_text_named_params"));
    let given = examples.and_then(Value::as_array).map_or(0, Vec::len);
    if given != variables(text).len() {
        return wrong("Templates with variables must have an example of each.");
    }
    for one in all {
        let kind = one.get("type").and_then(Value::as_str).unwrap_or_default();
        let length = one.get("text").and_then(Value::as_str).unwrap_or_default().chars().count();
        if ["HEADER", "FOOTER"].contains(&kind) && length > 60 {
            return wrong("Headers and footers must have at most 60 characters.");
        }
        if one.get("buttons").and_then(Value::as_array).is_some_and(|buttons| buttons.len() > 10) {
            return wrong("There can be at most 10 buttons.");
        }
    }
    Ok(())
}

/// Checks a message against the templates of a business account; yields the text that the customer reads.
pub(in crate::sandbox) fn fitting(
    templates: &[Template],
    business: &str,
    content: &Value,
) -> Result<String, GraphError> {
    let name = content.get("name").and_then(Value::as_str).unwrap_or_default();
    let language = content.pointer("/language/code").and_then(Value::as_str).unwrap_or_default();
    let same = |one: &&Template| one.business == business && one.name == name && one.language == language;
    let found = templates.iter().find(same).ok_or_else(|| missing(name, language))?;
    match found.status.as_str() {
        "APPROVED" => {}
        "PAUSED" => {
            return Err(GraphError::new(132_015, "Template is Paused")
                .details("Template is paused due to low quality."));
        }
        "DISABLED" => {
            return Err(
                GraphError::new(132_016, "Template is Disabled").details("Template was paused too often.")
            );
        }
        _ => return Err(missing(name, language)),
    }
    for one in content.get("components").and_then(Value::as_array).into_iter().flatten() {
        check_values(one)?;
    }
    check_header(found, content)?;
    check_buttons(found, content)?;
    let text = component(&found.components, "BODY").and_then(|body| body.get("text")).and_then(Value::as_str);
    rendered(found, text.unwrap_or_default(), parameters(content, "body"))
}

fn missing(name: &str, language: &str) -> GraphError {
    GraphError::new(132_001, "Template name does not exist in the translation")
        .status(404)
        .details(format!("template name ({name}) does not exist in {language}"))
}

fn mismatch(expected: usize, given: usize) -> GraphError {
    GraphError::new(132_000, "Number of parameters does not match the expected number of params").details(format!(
        "body: number of localizable_params ({given}) does not match the expected number of params ({expected})"
    ))
}

fn wrong_format(details: impl Into<String>) -> GraphError {
    GraphError::new(132_012, "Parameter format does not match format in the created template")
        .details(details)
}

/// The variables of a text, each once.
fn variables(text: &str) -> BTreeSet<&str> {
    let after = text.split("{{").skip(1);
    after.filter_map(|part| part.split_once("}}")).map(|(name, _)| name).collect()
}

fn component<'a>(components: &'a Value, kind: &str) -> Option<&'a Value> {
    components
        .as_array()?
        .iter()
        .find(|one| one["type"].as_str().is_some_and(|word| word.eq_ignore_ascii_case(kind)))
}

/// What a message gives for a component.
fn parameters<'a>(content: &'a Value, kind: &str) -> &'a [Value] {
    let found = content.get("components").and_then(|components| component(components, kind));
    found.and_then(|one| one["parameters"].as_array()).map_or(&[], Vec::as_slice)
}

fn check_values(component: &Value) -> Result<(), GraphError> {
    for parameter in component["parameters"].as_array().into_iter().flatten() {
        let Some(text) = parameter.get("text").and_then(Value::as_str) else { continue };
        if text.is_empty() {
            return Err(GraphError::required("template['components'][0]['parameters'][0]['text']"));
        }
        if text.contains(['\n', '\t', '\r']) || text.contains("     ") {
            return Err(GraphError::invalid(
                "Param text cannot have new-line/tab characters or more than 4 consecutive spaces",
            ));
        }
    }
    Ok(())
}

fn check_header(template: &Template, content: &Value) -> Result<(), GraphError> {
    let given = parameters(content, "header");
    let header = component(&template.components, "HEADER");
    let format = header.and_then(|header| header["format"].as_str()).unwrap_or("NONE").to_ascii_lowercase();
    let expected = match format.as_str() {
        "none" => 0,
        "text" => variables(header.and_then(|header| header["text"].as_str()).unwrap_or_default()).len(),
        _ => 1,
    };
    if given.len() != expected {
        return Err(mismatch(expected, given.len()));
    }
    for parameter in given {
        let kind = parameter["type"].as_str().unwrap_or_default();
        let media = ["image", "video", "document"].contains(&kind);
        if kind != format || (media && parameter[kind]["id"].as_str().is_none_or(str::is_empty)) {
            return Err(wrong_format(format!("header: Format mismatch, expected {format}, received {kind}")));
        }
    }
    Ok(())
}

fn check_buttons(template: &Template, content: &Value) -> Result<(), GraphError> {
    let buttons = component(&template.components, "BUTTONS").and_then(|one| one["buttons"].as_array());
    let buttons = buttons.map_or(&[][..], Vec::as_slice);
    let given: Vec<&Value> = content["components"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|one| one["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("button")))
        .collect();
    for (at, button) in buttons.iter().enumerate() {
        let dynamic = button["url"].as_str().is_some_and(|url| url.contains("{{"));
        let wanted = match button["type"].as_str().unwrap_or_default() {
            "URL" if dynamic => "url",
            "COPY_CODE" => "copy_code",
            _ => continue,
        };
        let is_it = |one: &&&Value| one["index"] == json!(at.to_string()) && one["sub_type"] == wanted;
        if given.iter().find(is_it).is_none() {
            return Err(GraphError::new(131_008, "Required parameter is missing")
                .details(format!("Button at index {at} of type {wanted} requires a parameter")));
        }
    }
    match given.iter().find(|one| {
        one["index"].as_str().and_then(|at| at.parse().ok()).is_none_or(|at: usize| at >= buttons.len())
    }) {
        Some(_) => Err(wrong_format("buttons: there is no button at this index")),
        None => Ok(()),
    }
}

fn rendered(template: &Template, text: &str, given: &[Value]) -> Result<String, GraphError> {
    let expected = variables(text);
    if expected.len() != given.len() {
        return Err(mismatch(expected.len(), given.len()));
    }
    let mut out = text.to_owned();
    for (at, parameter) in given.iter().enumerate() {
        let name = match template.parameter_format.as_str() {
            "NAMED" => parameter["parameter_name"].as_str().unwrap_or_default().to_owned(),
            _ => (at + 1).to_string(),
        };
        if !expected.contains(name.as_str()) {
            return Err(wrong_format(format!("body: Parameter name is missing or empty: {name}")));
        }
        out = out.replace(&format!("{{{{{name}}}}}"), parameter["text"].as_str().unwrap_or_default());
    }
    if out.chars().count() > 1024 {
        return Err(GraphError::new(132_005, "Template Hydrated Text too long")
            .details("The translated text is too long."));
    }
    Ok(out)
}
