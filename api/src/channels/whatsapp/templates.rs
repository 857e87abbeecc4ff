//! The templates of a business account (Meta, "templates"): read, hand in, change, delete.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::inbound::ProviderError;
use domain::template::{
    ButtonKind, HeaderFormat, ParameterFormat, TemplateBody, TemplateButton, TemplateCategory,
    TemplateComponents, TemplateHeader,
};
use serde_json::{Map, Value, json};

use super::outbound::WhatsAppCredentials;
use crate::channels::client::{Answer, DETAIL_MAX_CHARS};
use crate::channels::json::{cut, id_at, int_at, text_at};
use crate::channels::outbound::{FailureClass, SendFailure};
use crate::channels::{ProviderClient, errors};

/// How many templates one answer has: texts in scripts that JSON escapes are long.
const PAGE: &str = "25";
/// What is asked of a template.
const FIELDS: &str =
    "id,name,language,status,category,parameter_format,components,quality_score,rejected_reason";

/// A template as the provider has it.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderTemplate {
    /// Its id there.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// What it is for; `None` for a category that nobody knows yet.
    pub category: Option<TemplateCategory>,
    /// The provider's word for how it stands.
    pub status: String,
    /// How its variables are called.
    pub parameter_format: ParameterFormat,
    /// What it consists of.
    pub components: TemplateComponents,
    /// What of it is not understood here.
    pub unsupported: Vec<String>,
    /// How customers take it.
    pub quality: Option<String>,
    /// Why it was rejected.
    pub reason: Option<String>,
}

/// A page of templates.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderPage {
    /// The templates.
    pub templates: Vec<ProviderTemplate>,
    /// Where the next page begins.
    pub after: Option<String>,
}

/// What the provider makes of a template that was handed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// Its id there.
    pub id: String,
    /// The provider's word for how it stands.
    pub status: String,
    /// What it is for, if the provider says so.
    pub category: Option<TemplateCategory>,
}

/// A template to be handed in.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its language.
    pub language: &'a str,
    /// What it is for.
    pub category: TemplateCategory,
    /// How its variables are called.
    pub parameter_format: ParameterFormat,
    /// What it consists of.
    pub components: &'a TemplateComponents,
}

/// What came of a call about templates.
#[derive(Debug, Clone, PartialEq)]
pub enum Managed<T> {
    /// It was done.
    Done(T),
    /// There was no answer, or not now. Whether it was done is not known.
    Later {
        /// How long the provider wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// The provider refuses it.
    Refused {
        /// Its words.
        words: String,
    },
    /// Nothing can be done on this channel until an administrator acts.
    Stopped(SendFailure),
}

/// Reads a page of the templates of a business account.
pub async fn list(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    business: &str,
    after: Option<&str>,
) -> Managed<ProviderPage> {
    let mut query = vec![("fields", FIELDS), ("limit", PAGE)];
    query.extend(after.map(|after| ("after", after)));
    read(get(client, credentials, business, &query).await, page)
}

/// Reads the template with this name and language.
pub async fn find(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    business: &str,
    name: &str,
    language: &str,
) -> Managed<Option<ProviderTemplate>> {
    let query = [("fields", FIELDS), ("limit", PAGE), ("name", name)];
    let found = match read(get(client, credentials, business, &query).await, page) {
        Managed::Done(page) => page,
        Managed::Later { retry_after } => return Managed::Later { retry_after },
        Managed::Refused { words } => return Managed::Refused { words },
        Managed::Stopped(failure) => return Managed::Stopped(failure),
    };
    // The provider looks for names that contain this one.
    let same = |one: &ProviderTemplate| one.name == name && one.language == language;
    Managed::Done(found.templates.into_iter().find(same))
}

/// Hands in a new template.
pub async fn create(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    business: &str,
    new: &Submission<'_>,
) -> Managed<Submitted> {
    let body = json!({
        "name": new.name,
        "language": new.language,
        "category": upper(new.category.as_str()),
        "parameter_format": upper(new.parameter_format.as_str()),
        "components": components(new.components, new.parameter_format),
    });
    let url = client.graph_url(&[business, "message_templates"]);
    read(client.post(url, Some(&credentials.access_token), &body).await, |body| submitted(body, None))
}

/// Hands in other components of a template.
pub async fn edit(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    id: &str,
    new: &Submission<'_>,
) -> Managed<Submitted> {
    let body = json!({ "components": components(new.components, new.parameter_format) });
    let answer = client.post(client.graph_url(&[id]), Some(&credentials.access_token), &body).await;
    read(answer, |body| submitted(body, Some(id)))
}

/// Deletes one language of a template. What is not there is as good as deleted.
pub async fn delete(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    business: &str,
    id: &str,
    name: &str,
) -> Managed<()> {
    let url = client.graph_url(&[business, "message_templates"]).map(|mut url| {
        url.query_pairs_mut().append_pair("hsm_id", id).append_pair("name", name);
        url
    });
    let answer = client.delete(url, &credentials.access_token, None).await;
    let gone = matches!(&answer, Answer::Came { body, .. }
        if int_at(body, "/error/error_subcode").is_some_and(|code| matches!(code, 33 | 2_593_002)));
    if gone { Managed::Done(()) } else { read(answer, |_| Some(())) }
}

async fn get(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    business: &str,
    query: &[(&str, &str)],
) -> Answer {
    let url = client.graph_url(&[business, "message_templates"]).map(|mut url| {
        url.query_pairs_mut().extend_pairs(query);
        url
    });
    client.get(url, &credentials.access_token).await
}

fn read<T>(answer: Answer, make: impl FnOnce(&Value) -> Option<T>) -> Managed<T> {
    let (status, retry_after, body) = match answer {
        Answer::Came { status, retry_after, body } => (status, retry_after, body),
        Answer::NotSent { .. } | Answer::Lost { .. } => return Managed::Later { retry_after: None },
        Answer::Unusable { detail } => return Managed::Refused { words: detail },
    };
    let Some(code) = int_at(&body, "/error/code") else {
        return match (status, make(&body)) {
            (200..=299, Some(made)) => Managed::Done(made),
            (400..=499, _) if !matches!(status, 408 | 429) => {
                Managed::Refused { words: format!("HTTP {status} without the provider's answer") }
            }
            _ => Managed::Later { retry_after },
        };
    };
    let words = ["/error/error_user_msg", "/error/error_data/details", "/error/message"];
    let words = words.into_iter().find_map(|pointer| text_at(&body, pointer)).unwrap_or_default();
    let words = cut(words, DETAIL_MAX_CHARS);
    let provider = ProviderError { code: code.to_string(), detail: words.clone() };
    let verdict = errors::whatsapp(code).unwrap_or_else(|| errors::unlisted(status, false));
    let failure = verdict.failure(provider, retry_after);
    match failure.class {
        FailureClass::Retry => Managed::Later { retry_after },
        // Other codes of this class say no more than that the token may not manage templates.
        FailureClass::ChannelStopped if matches!(code, 0 | 190) => Managed::Stopped(failure),
        _ => Managed::Refused { words },
    }
}

fn page(body: &Value) -> Option<ProviderPage> {
    let templates = body.get("data")?.as_array()?.iter().filter_map(template).collect();
    let more = body.pointer("/paging/next").is_some();
    let after = if more { text_at(body, "/paging/cursors/after") } else { None };
    Some(ProviderPage { templates, after })
}

fn submitted(body: &Value, known: Option<&str>) -> Option<Submitted> {
    Some(Submitted {
        id: id_at(body, "/id").or_else(|| known.map(ToOwned::to_owned))?,
        // An edit is answered `success` only, and reviewed.
        status: text_at(body, "/status").unwrap_or_else(|| "PENDING".to_owned()),
        category: text_at(body, "/category").and_then(|word| TemplateCategory::of(&word)),
    })
}

/// Reads a template; `None` for what has no id, name or language.
fn template(value: &Value) -> Option<ProviderTemplate> {
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
            body: read
                .body
                .unwrap_or_else(|| TemplateBody { text: String::new(), examples: BTreeMap::new() }),
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
                self.body = Some(TemplateBody { text, examples: body_examples(component) });
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
            example: example.into_iter().find_map(|pointer| text_at(component, pointer)),
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
            example: text_at(button, "/example/0").or_else(|| text_at(button, "/example")),
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
fn components(of: &TemplateComponents, format: ParameterFormat) -> Value {
    let mut all = Vec::new();
    if let Some(header) = &of.header {
        all.push(header_component(header, format));
    }
    let mut body = json!({ "type": "BODY", "text": of.body.text });
    if !of.body.examples.is_empty() {
        body["example"] = match format {
            ParameterFormat::Positional => {
                let mut numbered: Vec<(usize, &String)> = of
                    .body
                    .examples
                    .iter()
                    .filter_map(|(name, text)| Some((name.parse().ok()?, text)))
                    .collect();
                numbered.sort_unstable();
                json!({ "body_text": [numbered.into_iter().map(|(_, text)| text).collect::<Vec<_>>()] })
            }
            ParameterFormat::Named => {
                let named = of.body.examples.iter();
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
    if let Some(example) = &header.example {
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
    if let Some(example) = &button.example {
        let value = if button.kind == ButtonKind::Url { json!([example]) } else { json!(example) };
        out.insert("example".to_owned(), value);
    }
    Value::Object(out)
}

fn upper(word: &str) -> String {
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
                json!({ "format": "text", "text": "Pesanan {{1}}", "example": "INV-1" }),
                "Halo {{1}}, pesanan {{2}} sudah kami kirim ya.",
                json!({ "1": "Rina", "2": "INV-1" }),
            ),
            (
                ParameterFormat::Named,
                json!({ "format": "text", "text": "Pesanan {{nomor}}", "example": "INV-1" }),
                "Halo {{nama}}, pesanan {{nomor}} sudah kami kirim ya.",
                json!({ "nama": "Rina", "nomor": "INV-1" }),
            ),
            (
                ParameterFormat::Positional,
                json!({ "format": "image", "text": null, "example": "4::aW1hZ2U" }),
                "Tanpa variabel.",
                json!({}),
            ),
        ] {
            let own = serde_json::from_value(json!({
                "header": header, "body": { "text": text, "examples": examples }, "footer": "Toko Tani",
                "buttons": [
                    { "type": "quick_reply", "text": "Terima kasih" },
                    { "type": "url", "text": "Lacak", "url": "https://toko.example/{{1}}", "example": "42" },
                    { "type": "phone_number", "text": "Telepon", "phone_number": "+6281119876543" },
                    { "type": "copy_code", "example": "HEMAT10" },
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
