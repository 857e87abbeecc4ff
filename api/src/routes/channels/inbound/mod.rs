use std::collections::HashMap;

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, DeliverInbound};
use domain::id::ChannelId;
use domain::inbound::InboundMessage;
use domain::refusal::{Code, Refusal};
use domain::resource::Delivered;
use domain::time::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;

use self::message::{NewInboundMessage, below};
use self::status::NewInboundStatus;
use self::text::few;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::inbound::{self, InboundDraft};
use crate::outbound_url::GuardedClient;
use crate::state::App;

mod message;
mod status;
mod text;

/// The most messages, and the most statuses, of one delivery.
const ITEMS_MAX: usize = 100;

/// What happened on an integrator's side.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Inbound {
    /// What customers wrote, in order, at most 100.
    #[serde(default)]
    #[schema(max_items = 100)]
    messages: Vec<NewInboundMessage>,
    /// What became of messages of the team, at most 100.
    #[serde(default)]
    #[schema(max_items = 100)]
    statuses: Vec<NewInboundStatus>,
}

impl Inbound {
    /// Checks everything, so that whoever sent it learns of all that is wrong at once.
    fn checked(self, guarded: &GuardedClient, now: Timestamp) -> Result<InboundDraft, Refusal> {
        let messages = few("/messages", self.messages, ITEMS_MAX)?;
        let statuses = few("/statuses", self.statuses, ITEMS_MAX)?;
        let (mut draft, mut wrong) = (InboundDraft::default(), Vec::new());
        let mut writers: HashMap<String, String> = HashMap::new();
        for (at, message) in messages.into_iter().enumerate() {
            match message.checked(guarded, now).and_then(|message| written_by_one(&mut writers, message)) {
                Ok(message) => draft.messages.push(message),
                Err(refusal) => wrong.extend(below(&format!("/messages/{at}"), refusal).errors),
            }
        }
        for (at, status) in statuses.into_iter().enumerate() {
            match status.checked(now) {
                Ok(status) => draft.statuses.push(status),
                Err(refusal) => wrong.extend(below(&format!("/statuses/{at}"), refusal).errors),
            }
        }
        if wrong.is_empty() {
            return Ok(draft);
        }
        Err(Refusal { errors: wrong, ..Refusal::new(Code::ValidationFailed) })
    }
}

/// Passes on a message unless the delivery has said that somebody else wrote it.
fn written_by_one(
    writers: &mut HashMap<String, String>,
    message: InboundMessage,
) -> Result<InboundMessage, Refusal> {
    let writer = &message.sender.external_id;
    if writers.entry(message.provider_message_id.clone()).or_insert_with(|| writer.clone()) == writer {
        return Ok(message);
    }
    let detail = "an earlier message of this delivery has this id and another contact";
    Err(Refusal::invalid("/external_id", "duplicate", detail))
}

/// Deliver what happened on an `api` channel
///
/// For the integrator whose channel it is: what its customers wrote, and what became of the team's messages. 200 means that all of
/// it is stored; 422 that nothing is, and `errors` says what is wrong in each item (`/messages/3/contact/phone`). Deliver again
/// whenever no answer came: what was stored before is recognized by its `external_id`, changes nothing and is answered with the
/// same ids. A status of a message that the channel does not have changes nothing either, and is answered with nulls: deliver it
/// again if it names the message by your id alone and your answer to the callback may not have come yet.
///
/// A key with the scope `channels:inbound` may do this and nothing else; limit it to the channel.
#[utoipa::path(tag = "channels", request_body = Inbound,
    params(("channel_id" = ChannelId, Path, description = "A channel of kind `api`"), RepeatHeader),
    extensions(("x-action" = json!(Action::DeliverInbound))),
    responses((status = 200, description = "Stored", body = Delivered), Writing))]
#[post("/v1/channels/{channel_id}/inbound")]
pub async fn deliver_inbound(
    app: web::Data<App>,
    caller: Auth<DeliverInbound>,
    id: web::Path<ChannelId>,
    repeat: Repeat,
    body: Body<Inbound>,
) -> Result<HttpResponse, Problem> {
    let draft = body.value.checked(&app.guarded, app.clock.now())?;
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let id = id.into_inner();
    // As webhooks do: whoever changes settings must not wait for a pause in a stream of deliveries.
    let _gate = app.configuration_gate.read().await;
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::OK, move |tx| inbound::deliver(&shared, tx, &caller, id, &draft))
        .await
}
