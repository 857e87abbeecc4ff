use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, KeyScope, ManageApiKeys};
use domain::id::{AgentId, ChannelId};
use domain::resource::ApiKey;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::api_keys::{self, ApiKeyDraft};
use crate::state::App;

/// A key to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApiKey {
    /// What it is for.
    #[schema(example = "Sinkronisasi CRM", max_length = 100, format = "line")]
    name: String,
    /// What it may do. A scope that its member's role cannot use does nothing as long as that is its role.
    #[schema(value_type = BTreeSet<KeyScope>, example = json!(["conversations:read", "messages:write"]), min_items = 1)]
    scopes: Vec<KeyScope>,
    /// The member in whose name it acts: it never may do more than the member. The caller if absent.
    agent_id: Option<AgentId>,
    /// If present: nothing of other channels exists for it.
    #[schema(value_type = Option<BTreeSet<ChannelId>>, min_items = 1, max_items = 100)]
    channel_ids: Option<Vec<ChannelId>>,
    /// When it runs out, at most five years ahead; never if absent.
    expires_at: Option<Timestamp>,
}

/// A key that was just made.
#[derive(Serialize, ToSchema)]
pub struct CreatedApiKey {
    /// What can be read of it later.
    api_key: ApiKey,
    /// The key, to be used as bearer. It is shown this once.
    #[schema(
        example = "tgk_AZMvanwee1KdDFpL4fCkxwGTL2p8HntSnQxaS-HwpMhrJ0mZ4nqPz1Vd5cX8uT3wYb7eR2sK6hF9gL0jN4mQxA"
    )]
    key: String,
}

/// Make an API key
///
/// A program acts with it in a member's name: as bearer of any request whose `security` has `api_key`, and
/// on the stream. What it does is told and audited with the key's name. The key is shown in this answer
/// only; a repeat with the same `Idempotency-Key` shows it again for 24 hours.
#[utoipa::path(tag = "team", request_body = NewApiKey, params(RepeatHeader),
    extensions(("x-action" = json!(Action::ManageApiKeys))),
    responses((status = 201, description = "Made", body = CreatedApiKey), Writing))]
#[post("/v1/api-keys")]
pub async fn create_api_key(
    app: web::Data<App>,
    caller: Auth<ManageApiKeys>,
    repeat: Repeat,
    body: Body<NewApiKey>,
) -> Result<HttpResponse, Problem> {
    let NewApiKey { name, scopes, agent_id, channel_ids, expires_at } = body.value;
    let draft = ApiKeyDraft { name, scopes, agent_id, channel_ids, expires_at };
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .with_secret_answer()
        .write(&app, &actor, StatusCode::CREATED, move |tx| {
            let (api_key, key) = api_keys::create(tx, &caller, &draft)?;
            Ok(CreatedApiKey { api_key, key })
        })
        .await
}
