//! The templates of a business account (Meta, "templates"): read, hand in, change, delete.

mod wire;

use std::time::Duration;

use domain::inbound::ProviderError;
use domain::template::{ParameterFormat, TemplateCategory, TemplateComponents};
use serde_json::{Value, json};

use self::wire::{components, template, upper};
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
