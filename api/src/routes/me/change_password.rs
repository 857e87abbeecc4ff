use actix_web::{HttpResponse, put, web};
use domain::access::{Action, ManageOwnAccount};
use domain::actor::Credential;
use domain::input;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::auth::password;
use crate::http::body::Body;
use crate::http::client_address::ClientAddress;
use crate::http::problem::Problem;
use crate::http::responses::{Throttled, Writing};
use crate::ops::passwords;
use crate::state::App;

/// Another password for the caller.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordChange {
    /// The present password.
    #[schema(example = "kata-sandi-lama")]
    pub current_password: String,
    /// The new one: 8 to 200 characters.
    #[schema(example = "kata-sandi-baru", min_length = 8, max_length = 200)]
    pub new_password: String,
}

/// Change one's own password
///
/// Every other sign-in of the caller ends: its access tokens are refused and its sockets closed within
/// two seconds. The one that calls goes on.
#[utoipa::path(tag = "me", request_body = PasswordChange, extensions(("x-action" = json!(Action::ManageOwnAccount))),
    responses((status = 204, description = "Changed"), Writing, Throttled))]
#[put("/v1/me/password")]
pub async fn change_password(
    app: web::Data<App>,
    caller: Auth<ManageOwnAccount>,
    client: ClientAddress,
    body: Body<PasswordChange>,
) -> Result<HttpResponse, Problem> {
    let PasswordChange { current_password, new_password } = body.value;
    input::password("/new_password", &new_password)?;
    let _turn = password::turn(app.settings.database.wait).await?;
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let (admitted, checked) =
        app.write(move |tx| passwords::admit_change(&shared, tx, &actor, client)).await?;
    if !password::check(current_password, checked.clone()).await {
        return Err(passwords::wrong_password().into());
    }
    let hash = password::hash_in_background(new_password).await.map_err(Problem::internal)?;
    let ended = app
        .write(move |tx| passwords::change(tx, caller.actor(), admitted, checked.as_deref(), hash.clone()))
        .await?;
    ended.into_iter().for_each(|id| app.end_credential(Credential::SignIn(id)));
    Ok(HttpResponse::NoContent().finish())
}
