//! Templates as the provider writes them.

use std::collections::BTreeMap;

use domain::template::{
    ButtonKind, HeaderFormat, ParameterFormat, TemplateBody, TemplateButton, TemplateCategory,
    TemplateComponents, TemplateHeader,
};
use serde_json::{Map, Value, json};

use super::ProviderTemplate;
use crate::channels::client::DETAIL_MAX_CHARS;
use crate::channels::json::{cut, id_at, text_at};

/// Reads a template; `None` for what has no id, name or language.
pub(super) fn template(value: &Value) -> Option<ProviderTemplate> {
    let named = text_at(value, "/parameter_format").is_some_and(|word| word == "NAMED");
    let mut read = Parts::default();
    for component in value.get("components").and_then(Value::as_array).into_iter().flatten() {
        read.take(component);
    }
    let reason = text_at(value, "/rejected_reason").filter(|reason| reason != "NONE");
    let TemplateCategoryWord(category, unknown) = category_of(value);
    read.unsupported.extend(unknown);
    Some(ProviderTemplate {
        id: id_at(value, "/id")?,
        name: text_at(value, "/name")?,
        language: text_at(value, "/language")?,
        category,
        status: text_at(value, "/status").unwrap_or_default(),
        parameter_format: if named { ParameterFormat::Named } else { ParameterFormat::Positional },
        components: TemplateComponents {
            header: read.header,
            body: read.body.unwrap_or_else(|| TemplateBody { text: String::new(), samples: BTreeMap::new() }),
            footer: read.footer,
            buttons: read.buttons,
        },
        unsupported: read.unsupported,
        quality: text_at(value, "/quality_score/score"),
        reason: reason.map(|reason| cut(reason, DETAIL_MAX_CHARS)),
    })
}

/// The category, and the provider's word for one that nobody knows.
struct TemplateCategoryWord(Option<TemplateCategory>, Option<String>);

fn category_of(value: &Value) -> TemplateCategoryWord {
    let word = text_at(value, "/category").unwrap_or_default();
    match TemplateCategory::of(&word) {
        Some(category) => TemplateCategoryWord(Some(category), None),
        None => TemplateCategoryWord(None, Some(cut(word, 50))),
    }
}

/// The components read so far.
#[derive(Default)]
struct Parts {
    header: Option<TemplateHeader>,
    body: Option<TemplateBody>,
    footer: Option<String>,
    buttons: Vec<TemplateButton>,
    unsupported: Vec<String>,
}

impl Parts {
    fn take(&mut self, component: &Value) {
        let kind = text_at(component, "/type").unwrap_or_default().to_ascii_uppercase();
        match kind.as_str() {
            "HEADER" => self.take_header(component),
            "BODY" => {
                let text = text_at(component, "/text").unwrap_or_default();
                self.body = Some(TemplateBody { text, samples: body_examples(component) });
            }
            "FOOTER" => self.footer = text_at(component, "/text"),
            "BUTTONS" => {
                for button in component.get("buttons").and_then(Value::as_array).into_iter().flatten() {
                    self.take_button(button);
                }
            }
            _ => self.unsupported.push(cut(kind, 50)),
        }
    }

    fn take_header(&mut self, component: &Value) {
        let word = text_at(component, "/format").unwrap_or_default();
        let Ok(format) = word.to_ascii_lowercase().parse::<HeaderFormat>() else {
            return self.unsupported.push(cut(format!("HEADER {word}"), 50));
        };
        let example = [
            "/example/header_text/0",
            "/example/header_text_named_params/0/example",
            "/example/header_handle/0",
        ];
        self.header = Some(TemplateHeader {
            format,
            text: text_at(component, "/text"),
            sample: example.into_iter().find_map(|pointer| text_at(component, pointer)),
        });
    }

    fn take_button(&mut self, button: &Value) {
        let word = text_at(button, "/type").unwrap_or_default();
        let Ok(kind) = word.to_ascii_lowercase().parse::<ButtonKind>() else {
            return self.unsupported.push(cut(format!("BUTTON {word}"), 50));
        };
        self.buttons.push(TemplateButton {
            kind,
            text: text_at(button, "/text").filter(|_| kind != ButtonKind::CopyCode),
            url: text_at(button, "/url"),
            phone_number: text_at(button, "/phone_number"),
            sample: text_at(button, "/example/0").or_else(|| text_at(button, "/example")),
        });
    }
}

fn body_examples(component: &Value) -> BTreeMap<String, String> {
    let named = component.pointer("/example/body_text_named_params").and_then(Value::as_array);
    if let Some(named) = named {
        let pair = |one: &Value| Some((text_at(one, "/param_name")?, text_at(one, "/example")?));
        return named.iter().filter_map(pair).collect();
    }
    let numbered = component.pointer("/example/body_text/0").and_then(Value::as_array);
    let texts = numbered.into_iter().flatten().map(|one| one.as_str().unwrap_or_default().to_owned());
    texts.enumerate().map(|(at, text)| ((at + 1).to_string(), text)).collect()
}

/// The components as the provider wants them.
pub(super) fn components(of: &TemplateComponents, format: ParameterFormat) -> Value {
    let mut all = Vec::new();
    if let Some(header) = &of.header {
        all.push(header_component(header, format));
    }
    let mut body = json!({ "type": "BODY", "text": of.body.text });
    if !of.body.samples.is_empty() {
        body["example"] = match format {
            ParameterFormat::Positional => {
                let mut numbered: Vec<(usize, &String)> = of
                    .body
                    .samples
                    .iter()
                    .filter_map(|(name, text)| Some((name.parse().ok()?, text)))
                    .collect();
                numbered.sort_unstable();
                json!({ "body_text": [numbered.into_iter().map(|(_, text)| text).collect::<Vec<_>>()] })
            }
            ParameterFormat::Named => {
                let named = of.body.samples.iter();
                let named: Vec<_> =
                    named.map(|(name, text)| json!({ "param_name": name, "example": text })).collect();
                json!({ "body_text_named_params": named })
            }
        };
    }
    all.push(body);
    if let Some(footer) = &of.footer {
        all.push(json!({ "type": "FOOTER", "text": footer }));
    }
    if !of.buttons.is_empty() {
        all.push(json!({ "type": "BUTTONS", "buttons": of.buttons.iter().map(button).collect::<Vec<_>>() }));
    }
    Value::Array(all)
}

fn header_component(header: &TemplateHeader, format: ParameterFormat) -> Value {
    let mut component = json!({ "type": "HEADER", "format": upper(header.format.as_str()) });
    let text = header.text.as_deref().unwrap_or_default();
    if header.format == HeaderFormat::Text {
        component["text"] = json!(text);
    }
    if let Some(example) = &header.sample {
        component["example"] = match (header.format, format) {
            (HeaderFormat::Text, ParameterFormat::Positional) => json!({ "header_text": [example] }),
            (HeaderFormat::Text, ParameterFormat::Named) => {
                let name =
                    text.split_once("{{").and_then(|(_, rest)| rest.split_once("}}")).map(|(name, _)| name);
                json!({ "header_text_named_params": [{ "param_name": name, "example": example }] })
            }
            _ => json!({ "header_handle": [example] }),
        };
    }
    component
}

fn button(button: &TemplateButton) -> Value {
    let mut out = Map::new();
    out.insert("type".to_owned(), json!(upper(button.kind.as_str())));
    for (name, value) in
        [("text", &button.text), ("url", &button.url), ("phone_number", &button.phone_number)]
    {
        if let Some(value) = value {
            out.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(example) = &button.sample {
        let value = if button.kind == ButtonKind::Url { json!([example]) } else { json!(example) };
        out.insert("example".to_owned(), value);
    }
    Value::Object(out)
}

/// The provider writes its words in capitals.
pub(super) fn upper(word: &str) -> String {
    word.to_ascii_uppercase()
}

#[cfg(test)]
mod tests {
    use domain::template::{ParameterFormat, check_components};
    use serde_json::json;

    use super::{components, template};

    #[test]
    fn what_is_handed_in_is_read_back_as_it_was() {
        for (format, header, text, examples) in [
            (
                ParameterFormat::Positional,
                json!({ "format": "text", "text": "Pesanan {{1}}", "sample": "INV-1" }),
                "Halo {{1}}, pesanan {{2}} sudah kami kirim ya.",
                json!({ "1": "Rina", "2": "INV-1" }),
            ),
            (
                ParameterFormat::Named,
                json!({ "format": "text", "text": "Pesanan {{nomor}}", "sample": "INV-1" }),
                "Halo {{nama}}, pesanan {{nomor}} sudah kami kirim ya.",
                json!({ "nama": "Rina", "nomor": "INV-1" }),
            ),
            (
                ParameterFormat::Positional,
                json!({ "format": "image", "text": null, "sample": "4::aW1hZ2U" }),
                "Tanpa variabel.",
                json!({}),
            ),
        ] {
            let own = serde_json::from_value(json!({
                "header": header, "body": { "text": text, "samples": examples }, "footer": "Toko Tani",
                "buttons": [
                    { "type": "quick_reply", "text": "Terima kasih" },
                    { "type": "url", "text": "Lacak", "url": "https://toko.example/{{1}}", "sample": "42" },
                    { "type": "phone_number", "text": "Telepon", "phone_number": "+6281119876543" },
                    { "type": "copy_code", "sample": "HEMAT10" },
                ],
            }))
            .unwrap();
            assert_eq!(check_components(&own, format), Ok(()));
            let theirs = json!({
                "id": "1689556908129832", "name": "a", "language": "id", "status": "APPROVED", "category": "UTILITY",
                "parameter_format": format.as_str().to_uppercase(), "components": components(&own, format),
            });
            let read = template(&theirs).unwrap();
            assert_eq!((read.components, read.parameter_format), (own, format));
            assert!(read.unsupported.is_empty());
        }
    }

    #[test]
    fn what_nobody_knows_is_named() {
        let theirs = json!({ "id": 7, "name": "a", "language": "id", "status": "APPROVED", "category": "NEW_KIND",
            "components": [
                { "type": "HEADER", "format": "PRODUCT" }, { "type": "BODY", "text": "Halo" }, { "type": "CAROUSEL", "cards": [] },
                { "type": "BUTTONS", "buttons": [{ "type": "FLOW", "text": "Isi", "flow_id": 1 }] },
            ] });
        let read = template(&theirs).unwrap();
        assert_eq!(read.unsupported, ["HEADER PRODUCT", "CAROUSEL", "BUTTON FLOW", "NEW_KIND"]);
        assert_eq!(template(&json!({ "name": "a" })), None);
    }
}
