//! A message from a template, as the provider wants it (Meta, "messages/template-messages").

use domain::template::{ButtonKind, FilledTemplate, HeaderFormat, ParameterFormat};
use serde_json::{Value, json};

/// What goes under `template`. `media` is the provider's id of the file that the header shows.
pub(super) fn content(template: &FilledTemplate, media: Option<&str>) -> Value {
    let components: Vec<Value> =
        header(template, media).into_iter().chain(body(template)).chain(buttons(template)).collect();
    let mut content = json!({ "name": template.name, "language": { "code": template.language } });
    if !components.is_empty() {
        content["components"] = Value::Array(components);
    }
    content
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

fn header(template: &FilledTemplate, media: Option<&str>) -> Option<Value> {
    let header = template.header.as_ref()?;
    let given = template.parameters.header.as_ref()?;
    let parameter = match header.format {
        HeaderFormat::Text => text(template, header.variable.as_deref(), given.text.as_deref()?),
        HeaderFormat::Location => {
            let place = given.location.as_ref()?;
            let mut location = json!({ "latitude": place.latitude, "longitude": place.longitude });
            for (field, value) in [("name", &place.name), ("address", &place.address)] {
                if let Some(value) = value {
                    location[field] = json!(value);
                }
            }
            json!({ "type": "location", "location": location })
        }
        HeaderFormat::Image | HeaderFormat::Video | HeaderFormat::Document => {
            let kind = header.format.as_str();
            json!({ "type": kind, kind: { "id": media? } })
        }
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
