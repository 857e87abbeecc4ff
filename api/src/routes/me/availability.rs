use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageOwnAccount};
use domain::agent::Availability;
use domain::resource::Agent;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::presence;
use crate::state::App;

/// What the caller says of itself.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnAvailability {
    /// Whether it wants to be given conversations.
    pub availability: Availability,
}

/// Say whether one wants to be given conversations
///
/// `online` in the answer says whether one counts as online: that also takes being there, by a live stream or
/// by calls, unless the workspace's presence is by availability alone.
#[utoipa::path(tag = "me", request_body = OwnAvailability, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageOwnAccount))),
    responses((status = 200, description = "The caller", body = Agent), Writing))]
#[put("/v1/me/availability")]
pub async fn set_availability(
    app: web::Data<App>,
    caller: Auth<ManageOwnAccount>,
    request: HttpRequest,
    body: Body<OwnAvailability>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let (caller, availability) = (caller.into_caller(), body.value.availability);
    let agent = app.write(move |tx| presence::set_availability(tx, &caller, expected, availability)).await?;
    Ok(reply::versioned(&agent))
}
