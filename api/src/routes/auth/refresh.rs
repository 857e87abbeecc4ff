use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use domain::actor::Credential;
use domain::refusal::Code;
use persistence::agents;
use serde::Deserialize;
use utoipa::ToSchema;

use super::SignedIn;
use crate::auth::refresh_token::RefreshToken;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::responses::Open;
use crate::ops::sign_ins::{self, Exchange};
use crate::state::App;

/// The longest text that may be a refresh token, in characters. Ours are shorter.
pub const REFRESH_TOKEN_MAX_CHARS: usize = 200;

/// A refresh token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Refresh {
    /// The token of the last answer of `login` or `refresh`.
    #[schema(max_length = 200)]
    pub refresh_token: String,
}

/// Exchange a refresh token
///
/// Answers new tokens; the old refresh token is used up. A repeat within ten seconds, because an
/// answer got lost, gets the same successor. A later repeat means that somebody else has the token:
/// the sign-in ends, its sockets are closed.
#[utoipa::path(tag = "sign in", request_body = Refresh, security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "New tokens", body = SignedIn), Open))]
#[post("/v1/auth/refresh")]
pub async fn refresh(app: web::Data<App>, body: Body<Refresh>) -> Result<HttpResponse, Problem> {
    let token = RefreshToken::read(&app.keys, &body.value.refresh_token).ok_or(Code::InvalidRefreshToken)?;
    let times = &app.settings.times;
    let lifetime = TimeDelta::from_std(times.refresh_token).map_err(Problem::internal)?;
    let grace = TimeDelta::from_std(times.refresh_grace).map_err(Problem::internal)?;
    let exchanged = app
        .write(move |tx| match sign_ins::exchange(tx, token, lifetime, grace)? {
            Exchange::Successor { token, agent_id } => {
                let agent = agents::get(tx.conn, token.workspace_id, agent_id)?.filter(|agent| agent.active);
                Ok(Some((token, agent.ok_or(Code::InvalidRefreshToken)?)))
            }
            Exchange::Reused => Ok(None),
        })
        .await?;
    let Some((successor, agent)) = exchanged else {
        app.end_credential(Credential::SignIn(token.sign_in_id));
        return Err(Code::RefreshTokenReused.into());
    };
    Ok(HttpResponse::Ok().json(SignedIn::new(&app, successor, agent)?))
}
