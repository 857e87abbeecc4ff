//! Signing in and out, joining, and forgotten passwords.

mod accept_invite;
mod confirm_password_reset;
mod login;
mod logout;
mod refresh;
mod request_password_reset;

use domain::resource::Agent;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::access_token;
use crate::auth::refresh_token::RefreshToken;
use crate::http::problem::Problem;
use crate::state::App;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(login::login)
        .service(refresh::refresh)
        .service(logout::logout)
        .service(accept_invite::accept_invite)
        .service(request_password_reset::request_password_reset)
        .service(confirm_password_reset::confirm_password_reset);
}

/// A signed-in member and its tokens.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// For `Authorization: Bearer`; good for `expires_in` seconds.
    pub access_token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: String,
    /// How long the access token is good, in seconds.
    #[schema(example = 900)]
    pub expires_in: u64,
    /// To be exchanged for new tokens, once.
    pub refresh_token: String,
    /// Who signed in.
    pub agent: Agent,
}

impl SignedIn {
    fn new(app: &App, token: RefreshToken, agent: Agent) -> Result<Self, Problem> {
        let lifetime = app.settings.times.access_token;
        let (now, workspace) = (app.clock.now(), token.workspace_id);
        let delta = chrono::TimeDelta::from_std(lifetime).map_err(Problem::internal)?;
        let access_token = access_token::issue(&app.keys, workspace, agent.id, token.sign_in_id, delta, now)
            .map_err(Problem::internal)?;
        Ok(Self {
            access_token,
            token_type: "Bearer".to_owned(),
            expires_in: lifetime.as_secs(),
            refresh_token: token.write(&app.keys),
            agent,
        })
    }
}
