//! The Graph API's paths for templates.

use std::sync::Arc;

use actix_web::web::{Bytes, Data, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::channel::SandboxChannel;
use super::graph::bearer;
use super::reply::{GraphError, Reply};
use super::shared::Shared;
use super::whatsapp::templates::{check_components, made};

/// How many templates a page has that is asked for without a limit.
const PAGE: usize = 25;

/// Which templates.
#[derive(Deserialize)]
pub(super) struct ListQuery {
    name: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// The templates of a business account, page by page.
#[get("/{version:v\\d+\\.\\d+}/{business:\\d+}/message_templates")]
pub(super) async fn list_templates(
    request: HttpRequest,
    path: Path<(String, String)>,
    query: Query<ListQuery>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let business = path.into_inner().1;
    if let Err(error) = allow(&shared, &request, &business) {
        return Reply::from(error).into_response();
    }
    let world = shared.world();
    let wanted = query.name.as_deref().unwrap_or_default();
    let own = world.templates.iter().filter(|one| one.business == business && one.name.contains(wanted));
    let mut own: Vec<_> = own.collect();
    own.sort_by(|a, b| a.id.cmp(&b.id));
    let first = query
        .after
        .as_deref()
        .map_or(0, |after| own.iter().take_while(|one| one.id.as_str() <= after).count());
    let limit = query.limit.unwrap_or(PAGE).clamp(1, 100);
    let page: Vec<_> = own.iter().skip(first).take(limit).collect();
    let mut body = json!({ "data": page });
    if let (Some(from), Some(to)) = (page.first(), page.last()) {
        body["paging"] = json!({ "cursors": { "before": from.id, "after": to.id } });
        if own.len() > first + page.len() {
            let next = format!("{}{}?after={}", shared.base_url, request.path(), to.id);
            body["paging"]["next"] = json!(next);
        }
    }
    Reply::ok(body).into_response()
}

/// Makes a template, which waits for its review.
#[post("/{version:v\\d+\\.\\d+}/{business:\\d+}/message_templates")]
pub(super) async fn create_template(
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let business = path.into_inner().1;
    let outcome = allow(&shared, &request, &business)
        .and_then(|()| object(&body))
        .and_then(|body| made(&business, &body))
        .and_then(|new| {
            let mut world = shared.world();
            let taken = world
                .templates
                .iter()
                .any(|one| one.business == business && one.name == new.name && one.language == new.language);
            if taken {
                let words = "There is already content for this template in this language.";
                return Err(GraphError::new(100, "Invalid parameter").subcode(2_388_024).details(words));
            }
            let answer = json!({ "id": new.id, "status": new.status, "category": new.category });
            world.templates.push(new);
            Ok(Reply::ok(answer))
        });
    shared.notify();
    outcome.unwrap_or_else(Reply::from).into_response()
}

/// Changes the components of a template, which waits for its review again.
#[post("/{version:v\\d+\\.\\d+}/{template:\\d+}")]
pub(super) async fn edit_template(
    request: HttpRequest,
    path: Path<(String, String)>,
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let id = path.into_inner().1;
    let outcome = edit(&shared, &request, &id, &body);
    shared.notify();
    outcome.unwrap_or_else(Reply::from).into_response()
}

fn edit(shared: &Shared, request: &HttpRequest, id: &str, body: &[u8]) -> Result<Reply, GraphError> {
    let business = shared.world().templates.iter().find(|one| one.id == id).map(|one| one.business.clone());
    allow(shared, request, &business.ok_or_else(|| GraphError::unknown_object(id))?)?;
    let body = object(body)?;
    let components = body.get("components").ok_or_else(|| GraphError::required("components"))?;
    check_components(components)?;
    let mut world = shared.world();
    let found = world.templates.iter_mut().find(|one| one.id == id);
    let template = found.ok_or_else(|| GraphError::unknown_object(id))?;
    if !["APPROVED", "REJECTED", "PAUSED"].contains(&template.status.as_str()) {
        let words = "Message template can only be edited when it is approved, rejected or paused.";
        return Err(GraphError::new(100, "Invalid parameter").subcode(2_388_025).details(words));
    }
    template.components = components.clone();
    template.status = "PENDING".to_owned();
    Ok(Reply::ok(json!({ "success": true })))
}

/// Which language of a template is to be deleted; all of them without its id.
#[derive(Deserialize)]
pub(super) struct DeleteQuery {
    name: Option<String>,
    hsm_id: Option<String>,
}

/// Deletes a template.
#[delete("/{version:v\\d+\\.\\d+}/{business:\\d+}/message_templates")]
pub(super) async fn delete_template(
    request: HttpRequest,
    path: Path<(String, String)>,
    query: Query<DeleteQuery>,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let business = path.into_inner().1;
    let outcome = allow(&shared, &request, &business).and_then(|()| {
        let name = query.name.as_deref().ok_or_else(|| GraphError::required("name"))?;
        let mut world = shared.world();
        let before = world.templates.len();
        world.templates.retain(|one| {
            let is_it = one.business == business && one.name == name;
            !(is_it && query.hsm_id.as_ref().is_none_or(|id| *id == one.id))
        });
        if world.templates.len() == before {
            let words = "The template was not found.";
            return Err(GraphError::new(100, "Invalid parameter").subcode(2_593_002).details(words));
        }
        Ok(Reply::ok(json!({ "success": true })))
    });
    shared.notify();
    outcome.unwrap_or_else(Reply::from).into_response()
}

fn object(body: &[u8]) -> Result<Map<String, Value>, GraphError> {
    serde_json::from_slice(body)
        .map_err(|error| GraphError::new(100, format!("Invalid JSON object: {error}")))
}

/// Whether the bearer may manage the templates of a business account.
fn allow(shared: &Shared, request: &HttpRequest, business: &str) -> Result<(), GraphError> {
    let token = bearer(request).ok_or_else(|| GraphError::unauthorized(false))?;
    let world = shared.world();
    let own: Vec<_> = world.channels.iter().filter(|channel| channel.token() == token).collect();
    if own.is_empty() {
        return Err(GraphError::unauthorized(true));
    }
    let is_its = |channel: &&SandboxChannel| matches!(channel, SandboxChannel::Whatsapp { waba_id, .. } if waba_id == business);
    if own.iter().any(is_its) { Ok(()) } else { Err(GraphError::unknown_object(business)) }
}
