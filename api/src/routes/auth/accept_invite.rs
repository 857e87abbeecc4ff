use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use domain::input;
use domain::one_time_token::TokenPurpose;
use domain::refusal::Code;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SignedIn;
use crate::auth::one_time_token::OneTimeToken;
use crate::auth::password;
use crate::http::body::Body;
use crate::http::client_address::ClientAddress;
use crate::http::problem::Problem;
use crate::http::responses::Open;
use crate::ops::invitations::{self, Joining};
use crate::ops::sign_ins;
use crate::state::App;

/// An invited member joins.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AcceptInvite {
    /// The token of the link in the invitation.
    #[schema(max_length = 200)]
    pub token: String,
    /// The password to sign in with from now on: 8 to 200 characters.
    #[schema(example = "kata-sandi-saya", min_length = 8, max_length = 200)]
    pub password: String,
    /// The member's name, if it is not the one in the invitation.
    #[schema(example = "Siti Rahmawati", max_length = 100, format = "line")]
    pub name: Option<String>,
}

/// Accept an invitation
///
/// Stores the password and signs the member in. The link is used up; it is good for `TANGGAP_INVITATION_LIFETIME` (seven days), and
/// until a newer one was sent.
#[utoipa::path(tag = "sign in", request_body = AcceptInvite, security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "Joined and signed in", body = SignedIn), Open))]
#[post("/v1/auth/accept-invite")]
pub async fn accept_invite(
    app: web::Data<App>,
    client: ClientAddress,
    body: Body<AcceptInvite>,
) -> Result<HttpResponse, Problem> {
    let AcceptInvite { token, password, name } = body.value;
    input::password("/password", &password)?;
    let name = name.map(|name| input::name("/name", &name)).transpose()?;
    let token =
        OneTimeToken::read(&app.keys, TokenPurpose::Invitation, &token).ok_or(Code::InvalidOneTimeToken)?;
    let password_hash = password::hash_in_background(password).await.map_err(Problem::internal)?;
    let lifetime = TimeDelta::from_std(app.settings.times.refresh_token).map_err(Problem::internal)?;
    let (shared, joining) = (app.get_ref().clone(), Joining { password_hash, name });
    let (refresh_token, agent) = app
        .write(move |tx| {
            let agent = invitations::accept(&shared, tx, token, client, &joining)?;
            Ok((sign_ins::begin(tx, token.workspace_id, agent.id, lifetime)?, agent))
        })
        .await?;
    Ok(HttpResponse::Ok().json(SignedIn::new(&app, refresh_token, agent)?))
}
