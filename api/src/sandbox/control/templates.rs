//! `/sandbox/templates`: what the provider's reviewers do, and what is made at the provider.

use std::sync::Arc;
use std::time::Duration;

use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpResponse, get, post, put};
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::{Refusal, read_json};
use super::select;
use crate::sandbox::channel::{SandboxChannel, SandboxKind};
use crate::sandbox::deliver::{Outcome, Start, Webhook, start};
use crate::sandbox::faults::Event;
use crate::sandbox::ids::media_id;
use crate::sandbox::shared::Shared;
use crate::sandbox::sign::{Escaping, encode};
use crate::sandbox::whatsapp::templates::Template;
use crate::sandbox::world::World;

/// A template that somebody makes at the provider.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTemplate {
    channel: Option<String>,
    id: Option<String>,
    name: String,
    #[serde(default = "indonesian")]
    language: String,
    #[serde(default = "utility")]
    category: String,
    #[serde(default = "approved")]
    status: String,
    #[serde(default = "positional")]
    parameter_format: String,
    components: Value,
}

fn indonesian() -> String {
    "id".to_owned()
}

fn utility() -> String {
    "UTILITY".to_owned()
}

fn approved() -> String {
    "APPROVED".to_owned()
}

fn positional() -> String {
    "POSITIONAL".to_owned()
}

/// What the provider decides of a template.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Decision {
    status: Option<String>,
    reason: Option<String>,
    category: Option<String>,
    quality: Option<String>,
}

/// Makes a template at the provider; nobody is told.
#[post("/sandbox/templates")]
pub(in crate::sandbox) async fn create_template(
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let new: NewTemplate = read_json(&body)?;
    let mut world = shared.world();
    let SandboxChannel::Whatsapp { waba_id, .. } = select::channel(&world, new.channel.as_deref())? else {
        return Err(Refusal::invalid("only a whatsapp channel has templates"));
    };
    let template = Template {
        business: waba_id,
        id: new.id.unwrap_or_else(media_id),
        name: new.name,
        language: new.language,
        status: new.status,
        category: new.category,
        parameter_format: new.parameter_format,
        components: new.components,
        quality_score: json!({ "score": "UNKNOWN" }),
        rejected_reason: "NONE".to_owned(),
    };
    let shown = json!(template);
    world.templates.push(template);
    drop(world);
    shared.notify();
    Ok(HttpResponse::Created().json(shown))
}

/// All templates at the provider.
#[get("/sandbox/templates")]
pub(in crate::sandbox) async fn list_templates(shared: Data<Arc<Shared>>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "items": shared.world().templates }))
}

/// Decides: the template changes and Tanggap is told, by one webhook for each thing that is decided.
#[put("/sandbox/templates/{id}")]
pub(in crate::sandbox) async fn update_template(
    path: Path<String>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let decision: Decision = read_json(&body)?;
    let (webhooks, shown) = decide(&shared, &path, &decision)?;
    shared.notify();
    let mut delivered = !webhooks.is_empty();
    for webhook in webhooks {
        let first = start(&shared, vec![webhook], Start::AtOnce);
        let patience = shared.webhook_timeout + Duration::from_secs(1);
        let outcome = match tokio::time::timeout(patience, first).await {
            Ok(Ok(outcome)) => outcome,
            _ => Outcome::default(),
        };
        delivered &= outcome.delivered;
    }
    Ok(HttpResponse::Ok().json(json!({ "template": shown, "delivered": delivered })))
}

fn decide(shared: &Shared, id: &str, decision: &Decision) -> Result<(Vec<Webhook>, Value), Refusal> {
    let now = shared.now();
    let mut world = shared.world();
    let found = world.templates.iter_mut().find(|one| one.id == id);
    let template = found.ok_or_else(|| Refusal::not_found(format!("no template `{id}` is there")))?;
    let mut news = Vec::new();
    if let Some(status) = &decision.status {
        template.status.clone_from(status);
        template.rejected_reason = decision.reason.clone().unwrap_or_else(|| "NONE".to_owned());
        news.push(("message_template_status_update", json!({
            "event": status, "reason": template.rejected_reason, "message_template_category": template.category,
        })));
    }
    if let Some(category) = &decision.category {
        let before = std::mem::replace(&mut template.category, category.clone());
        news.push((
            "template_category_update",
            json!({ "previous_category": before, "new_category": category }),
        ));
    }
    if let Some(quality) = &decision.quality {
        template.quality_score = json!({ "score": quality });
    }
    let template = template.clone();
    if ["DELETED", "PENDING_DELETION"].contains(&template.status.as_str()) {
        world.templates.retain(|one| one.id != id);
    }
    let account = account_of(&world, &template.business)?;
    let webhook = |(field, mut value): (&str, Value)| {
        // Meta writes it as a number.
        value["message_template_id"] = template.id.parse::<i64>().map_or(Value::Null, |id| json!(id));
        value["message_template_name"] = json!(template.name);
        value["message_template_language"] = json!(template.language);
        let body = json!({ "object": "whatsapp_business_account", "entry": [{
            "id": template.business, "time": now.unix_seconds(), "changes": [{ "field": field, "value": value }],
        }] });
        Webhook {
            account: account.clone(),
            kind: SandboxKind::Whatsapp,
            customer: String::new(),
            event: Event::Status,
            label: "template",
            body: encode(&body, Escaping::Unicode),
            // It is about no message.
            entry: 0,
            at: now,
        }
    };
    Ok((news.into_iter().map(webhook).collect(), json!(template)))
}

/// Meta tells an application once, whichever number it is.
fn account_of(world: &World, business: &str) -> Result<String, Refusal> {
    let of = |channel: &&SandboxChannel| matches!(channel, SandboxChannel::Whatsapp { waba_id, .. } if waba_id == business);
    let found = world.channels.iter().find(of).map(|channel| channel.account().to_owned());
    found.ok_or_else(|| Refusal::conflict("no number of the business account is connected"))
}
