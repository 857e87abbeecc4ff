//! A message from a template, as the provider wants it (Meta, "messages/template-messages").

use domain::attachment::AttachmentKind;
use domain::template::{ButtonKind, FilledTemplate, ParameterFormat};
use serde_json::{Value, json};

use crate::channels::file::OutboundFile;

/// What goes under `template`; `None` if the file that its header shows was not handed over.
pub(super) fn content(template: &FilledTemplate, file: Option<&OutboundFile>) -> Option<Value> {
    let header = match template.attachment_kind() {
        Some(kind) => Some(media(kind, file?)?),
        None => header(template),
    };
    let components: Vec<Value> = header.into_iter().chain(body(template)).chain(buttons(template)).collect();
    let mut content = json!({ "name": template.name, "language": { "code": template.language } });
    if !components.is_empty() {
        content["components"] = Value::Array(components);
    }
    Some(content)
}

fn media(kind: AttachmentKind, file: &OutboundFile) -> Option<Value> {
    let mut media = json!({ "id": file.provider_media_id.as_ref()? });
    if kind == AttachmentKind::Document {
        media["filename"] = json!(file.name());
    }
    let kind = kind.as_str();
    Some(json!({ "type": "header", "parameters": [{ "type": kind, kind: media }] }))
}

/// A variable's value, with its name where variables have names.
fn text(template: &FilledTemplate, name: Option<&str>, value: &str) -> Value {
    match (template.parameter_format, name) {
        (ParameterFormat::Named, Some(name)) => {
            json!({ "type": "text", "parameter_name": name, "text": value })
        }
        _ => json!({ "type": "text", "text": value }),
    }
}

fn header(template: &FilledTemplate) -> Option<Value> {
    let (header, given) = (template.header.as_ref()?, template.parameters.header.as_ref()?);
    let parameter = match (&given.text, &given.location) {
        (Some(value), _) => text(template, header.variable.as_deref(), value),
        (None, Some(place)) => json!({ "type": "location", "location": place }),
        (None, None) => return None,
    };
    Some(json!({ "type": "header", "parameters": [parameter] }))
}

fn body(template: &FilledTemplate) -> Option<Value> {
    let mut values: Vec<(&String, &String)> = template.parameters.body.iter().collect();
    // Numbers count as numbers: 10 comes after 9.
    values.sort_by_key(|(name, _)| name.parse::<usize>().unwrap_or_default());
    let parameters: Vec<Value> =
        values.into_iter().map(|(name, value)| text(template, Some(name), value)).collect();
    (!parameters.is_empty()).then(|| json!({ "type": "body", "parameters": parameters }))
}

fn buttons(template: &FilledTemplate) -> impl Iterator<Item = Value> {
    template.parameters.buttons.iter().filter_map(|given| {
        let kind = template.buttons.get(given.index)?.kind;
        let (sub_type, parameter) = match kind {
            ButtonKind::Url | ButtonKind::Otp => ("url", json!({ "type": "text", "text": given.value })),
            ButtonKind::CopyCode => {
                ("copy_code", json!({ "type": "coupon_code", "coupon_code": given.value }))
            }
            ButtonKind::QuickReply => ("quick_reply", json!({ "type": "payload", "payload": given.value })),
            ButtonKind::PhoneNumber | ButtonKind::RequestContactInfo => return None,
        };
        let index = given.index.to_string();
        Some(json!({ "type": "button", "sub_type": sub_type, "index": index, "parameters": [parameter] }))
    })
}
