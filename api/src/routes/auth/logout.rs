use actix_web::{HttpResponse, post, web};

use domain::actor::Credential;
use domain::refusal::Refusal;

use super::refresh::{REFRESH_TOKEN_MAX_CHARS, Refresh};
use crate::auth::refresh_token::RefreshToken;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::responses::Open;
use crate::ops::sign_ins;
use crate::state::App;

/// Sign out
///
/// Ends the sign-in that the refresh token belongs to: its access tokens are refused and its sockets
/// closed within two seconds. Signing out twice, or with a token that is not ours, is no error.
#[utoipa::path(tag = "sign in", request_body = Refresh, security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 204, description = "Signed out"), Open))]
#[post("/v1/auth/logout")]
pub async fn logout(app: web::Data<App>, body: Body<Refresh>) -> Result<HttpResponse, Problem> {
    if body.value.refresh_token.chars().count() > REFRESH_TOKEN_MAX_CHARS {
        let detail = format!("must be at most {REFRESH_TOKEN_MAX_CHARS} characters");
        return Err(Refusal::invalid("/refresh_token", "too_long", detail).into());
    }
    if let Some(token) = RefreshToken::read(&app.keys, &body.value.refresh_token) {
        app.write(move |tx| sign_ins::end(tx, token.workspace_id, token.sign_in_id)).await?;
        app.end_credential(Credential::SignIn(token.sign_in_id));
    }
    Ok(HttpResponse::NoContent().finish())
}
