use actix_web::{HttpResponse, post, web};
use domain::actor::Credential;
use domain::input;
use domain::one_time_token::TokenPurpose;
use domain::refusal::Code;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::one_time_token::OneTimeToken;
use crate::auth::password;
use crate::http::body::Body;
use crate::http::client_address::ClientAddress;
use crate::http::problem::Problem;
use crate::http::responses::Open;
use crate::ops::passwords;
use crate::state::App;

/// A new password, by a mailed link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordReset {
    /// The token of the link.
    pub token: String,
    /// The new password: 8 to 200 characters.
    #[schema(example = "kata-sandi-baru", min_length = 8, max_length = 200)]
    pub password: String,
}

/// Set a new password by a mailed link
///
/// The link is used up, and every sign-in of the member ends: its access tokens are refused and its
/// sockets closed within two seconds.
#[utoipa::path(tag = "sign in", request_body = PasswordReset, security(()),
    extensions(("x-roles" = json!(["public"]))),
    responses((status = 204, description = "Set; sign in with it"), Open))]
#[post("/v1/auth/password-reset/confirm")]
pub async fn confirm_password_reset(
    app: web::Data<App>,
    client: ClientAddress,
    body: Body<PasswordReset>,
) -> Result<HttpResponse, Problem> {
    let PasswordReset { token, password } = body.value;
    input::password("/password", &password)?;
    let token = OneTimeToken::read(&app.keys, TokenPurpose::PasswordReset, &token)
        .ok_or(Code::InvalidOneTimeToken)?;
    let hash = password::hash_in_background(password).await.map_err(Problem::internal)?;
    let shared = app.get_ref().clone();
    let ended = app.write(move |tx| passwords::reset(&shared, tx, token, client, hash.clone())).await?;
    ended.into_iter().for_each(|id| app.end_credential(Credential::SignIn(id)));
    Ok(HttpResponse::NoContent().finish())
}
