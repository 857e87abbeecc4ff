use actix_web::{HttpResponse, post, web};
use chrono::TimeDelta;
use domain::input;
use domain::refusal::Code;
use persistence::{accounts, agents};
use serde::Deserialize;
use utoipa::ToSchema;

use super::SignedIn;
use crate::auth::password;
use crate::http::body::Body;
use crate::http::client_address::ClientAddress;
use crate::http::problem::Problem;
use crate::http::responses::{Open, Throttled};
use crate::ops::sign_in_throttle::{self, Attempt};
use crate::ops::sign_ins;
use crate::state::App;

/// Who wants to sign in.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The workspace's slug; needed only if more than one workspace knows the address.
    #[schema(example = "demo", max_length = 63)]
    pub workspace: Option<String>,
    /// The member's address.
    #[schema(example = "admin@demo.example", max_length = 254)]
    pub email: String,
    /// The member's password.
    #[schema(example = "tanggap-demo", max_length = 200)]
    pub password: String,
}

/// Sign in
///
/// Answers an access token for the calls and a refresh token for the next sign-in. An unknown address
/// and a wrong password get the same answer after the same time. Who gave wrong passwords has to wait
/// before the next one is looked at, longer each time; others with the same account hardly notice.
#[utoipa::path(tag = "sign in", request_body = Login, security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "Signed in", body = SignedIn), Open, Throttled))]
#[post("/v1/auth/login")]
pub async fn login(
    app: web::Data<App>,
    client: ClientAddress,
    body: Body<Login>,
) -> Result<HttpResponse, Problem> {
    let Login { workspace, email, password } = body.value;
    // What is no address, or no slug, is nobody's.
    let email = input::email("/email", &email).map_err(|_| Code::InvalidCredentials)?;
    let workspace = workspace.map(|slug| input::slug("/workspace", &slug)).transpose();
    let workspace = workspace.map_err(|_| Code::InvalidCredentials)?;
    let _turn = password::turn(app.settings.database.wait).await?;
    // With the workspace named there is one at most; without, two are as bad as many.
    let most = if workspace.is_some() { 1 } else { 2 };
    let keys = app.keys.clone();
    let (admitted, logins) = app
        .write(move |tx| {
            let logins = accounts::logins(tx.conn, workspace.clone(), email.clone(), most)?;
            let realm = match &logins[..] {
                [one] => one.workspace_id.to_string(),
                _ => workspace.clone().unwrap_or_default(),
            };
            let admitted = sign_in_throttle::admit(tx, Attempt::new(&keys, &realm, &email, client))?;
            Ok((admitted, logins))
        })
        .await?;
    let ambiguous = logins.len() > 1;
    let login = the_one(logins, password, most).await.ok_or(Code::InvalidCredentials)?;
    if ambiguous {
        // Told only to who knows the password: that there is another account is nobody else's business.
        app.write(move |tx| sign_in_throttle::succeeded(tx, admitted)).await?;
        return Err(Code::WorkspaceRequired.into());
    }
    let lifetime = TimeDelta::from_std(app.settings.times.refresh_token).map_err(Problem::internal)?;
    let (token, agent) = app
        .write(move |tx| {
            let token = sign_ins::begin_checked(tx, &login, lifetime)?;
            let agent = agents::get(tx.conn, login.workspace_id, login.agent_id)?;
            sign_in_throttle::succeeded(tx, admitted)?;
            Ok((token, agent.ok_or(Code::InvalidCredentials)?))
        })
        .await?;
    Ok(HttpResponse::Ok().json(SignedIn::new(&app, token, agent)?))
}

/// The account that the password belongs to. As many are tried for an unknown address as for a known
/// one, so that both take as long.
async fn the_one(logins: Vec<accounts::Login>, password: String, tries: i64) -> Option<accounts::Login> {
    let mut found = None;
    let mut logins = logins.into_iter();
    for _ in 0..tries {
        let account = logins.next();
        let hash = account.as_ref().and_then(|account| account.password_hash.clone());
        if password::check(password.clone(), hash).await {
            found = found.or(account);
        }
    }
    found
}
