use actix_web::{HttpResponse, delete, web};
use domain::access::{Action, ManageApiKeys};
use domain::actor::Credential;
use domain::id::ApiKeyId;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::responses::Writing;
use crate::ops::api_keys;
use crate::state::App;

/// End an API key
///
/// At once: its calls are refused and its streams closed, on other nodes within two seconds. Ending a key
/// again changes nothing.
#[utoipa::path(tag = "team", params(("api_key_id" = ApiKeyId, Path, description = "The key")),
    extensions(("x-action" = json!(Action::ManageApiKeys))),
    responses((status = 204, description = "Ended"), Writing))]
#[delete("/v1/api-keys/{api_key_id}")]
pub async fn delete_api_key(
    app: web::Data<App>,
    caller: Auth<ManageApiKeys>,
    id: web::Path<ApiKeyId>,
) -> Result<HttpResponse, Problem> {
    let (id, caller) = (id.into_inner(), caller.into_caller());
    app.write(move |tx| api_keys::delete(tx, &caller, id)).await?;
    app.end_credential(Credential::ApiKey(id));
    Ok(HttpResponse::NoContent().finish())
}
