use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageWebhookEndpoints};
use domain::id::WebhookEndpointId;
use domain::refusal::Refusal;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::webhooks;
use crate::state::App;

/// The greatest number of an event: what every JSON reader can tell from its neighbours.
const SEQ_MAX: i64 = 9_007_199_254_740_991;

/// Which deliveries are to be made again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Redelivery {
    /// The number of the first event.
    #[schema(example = 1042, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub from_seq: i64,
    /// The number of the last event.
    #[schema(example = 1100, minimum = 1, maximum = 9_007_199_254_740_991_i64)]
    pub to_seq: i64,
    /// Whether only those that failed are; `true` if absent.
    #[schema(example = true)]
    pub failed_only: Option<bool>,
}

/// What will be delivered again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Redelivered {
    /// How many: at most 10,000, the oldest.
    #[schema(example = 7)]
    pub count: usize,
    /// The number of the last event that was looked at. If it is before the one that was asked for, call again from the number
    /// after.
    #[schema(example = 1100)]
    pub to_seq: i64,
}

/// Deliver a range of events again
///
/// What was settled is sent again from the beginning of the schedule, in order; what is pending stays as it is. Events keep
/// their ids, so a receiver that drops what it has seen loses nothing. 409 `event_expired`: the first
/// of them is no longer kept; `detail` says from which number on they are.
#[utoipa::path(tag = "webhooks", request_body = Redelivery,
    params(("endpoint_id" = WebhookEndpointId, Path, description = "The endpoint"), RepeatHeader),
    extensions(("x-action" = json!(Action::ManageWebhookEndpoints))),
    responses((status = 202, description = "They will be delivered again", body = Redelivered), Writing))]
#[post("/v1/webhook-endpoints/{endpoint_id}/redeliver")]
pub async fn redeliver_webhook_range(
    app: web::Data<App>,
    caller: Auth<ManageWebhookEndpoints>,
    id: web::Path<WebhookEndpointId>,
    repeat: Repeat,
    body: Body<Redelivery>,
) -> Result<HttpResponse, Problem> {
    let Redelivery { from_seq, to_seq, failed_only } = body.value;
    if from_seq < 1 {
        return Err(Refusal::invalid("/from_seq", "range", "must be at least 1").into());
    }
    if to_seq > SEQ_MAX {
        let detail = format!("must be at most {SEQ_MAX}");
        return Err(Refusal::invalid("/to_seq", "range", detail).into());
    }
    if to_seq < from_seq {
        return Err(Refusal::invalid("/to_seq", "range", "must not be before `from_seq`").into());
    }
    let (id, failed_only) = (id.into_inner(), failed_only.unwrap_or(true));
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    let answer = repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::ACCEPTED, move |tx| {
            let range = (from_seq, to_seq);
            let (count, to_seq) = webhooks::redeliver_range(tx, &caller, id, range, failed_only)?;
            Ok(Redelivered { count, to_seq })
        })
        .await;
    app.webhooks.changed_by_hand();
    answer
}
