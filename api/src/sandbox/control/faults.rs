//! `/sandbox/faults`.

use std::sync::Arc;

use actix_web::web::{Bytes, Data};
use actix_web::{HttpResponse, delete, get, put};
use serde::Deserialize;
use serde_json::json;

use super::refusal::{Refusal, read_json};
use crate::sandbox::deliver::release_held;
use crate::sandbox::faults::Rule;
use crate::sandbox::shared::Shared;

/// The rules to set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    rules: Vec<Rule>,
}

/// Replaces all rules; counters start anew and what was held goes out.
#[put("/sandbox/faults")]
pub(in crate::sandbox) async fn replace_faults(
    body: Bytes,
    shared: Data<Arc<Shared>>,
) -> Result<HttpResponse, Refusal> {
    let Rules { mut rules } = read_json(&body)?;
    for (index, rule) in rules.iter_mut().enumerate() {
        if let Some(problem) = rule.problem() {
            return Err(Refusal::invalid(format!("`rules[{index}]`: {problem}")));
        }
        rule.applied = 0;
        // Customers are known by their digits.
        if let Some(digits) = rule.customer.as_deref().and_then(|id| id.strip_prefix('+')) {
            rule.customer = Some(digits.to_owned());
        }
    }
    let answer = HttpResponse::Ok().json(json!({ "rules": rules }));
    shared.world().rules = rules;
    release_held(&shared);
    Ok(answer)
}

/// The rules, and how often each was applied.
#[get("/sandbox/faults")]
pub(in crate::sandbox) async fn list_faults(shared: Data<Arc<Shared>>) -> HttpResponse {
    HttpResponse::Ok().json(json!({ "rules": shared.world().rules }))
}

/// Removes all rules; what was held goes out.
#[delete("/sandbox/faults")]
pub(in crate::sandbox) async fn delete_faults(shared: Data<Arc<Shared>>) -> HttpResponse {
    shared.world().rules.clear();
    release_held(&shared);
    HttpResponse::NoContent().finish()
}
