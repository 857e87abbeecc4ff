use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageOwnAccount};
use domain::input;
use domain::resource::Agent;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::profile;
use crate::state::App;

/// What is to be changed of one's own profile; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnProfileChange {
    /// The name that others see.
    #[schema(example = "Siti Rahmawati", max_length = 100, format = "line")]
    pub name: Option<String>,
}

/// Change one's own profile
///
/// The role, and whom and what one works for, are for admins to change.
#[utoipa::path(tag = "me", request_body = OwnProfileChange, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageOwnAccount))),
    responses((status = 200, description = "The caller", body = Agent), Writing))]
#[patch("/v1/me")]
pub async fn update_me(
    app: web::Data<App>,
    caller: Auth<ManageOwnAccount>,
    request: HttpRequest,
    body: Body<OwnProfileChange>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let name = body.value.name.map(|name| input::name("/name", &name)).transpose()?;
    let (credential, caller) = (caller.actor().credential(), caller.into_caller());
    let agent = app.write(move |tx| profile::update(tx, &caller, expected, name.as_deref())).await?;
    // Its next message is to carry the new name.
    app.actors.forget(credential);
    Ok(reply::versioned(&agent))
}
