use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageOwnAccount};
use domain::notification::NotificationKind;
use domain::resource::NotificationPreferences;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::notification_preferences;
use crate::state::App;

/// How the caller wants to be notified: all of it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewNotificationPreferences {
    /// Whether clients make a sound.
    #[schema(example = true)]
    pub sound: bool,
    /// Whether clients show it where the member is working.
    #[schema(example = true)]
    pub toast: bool,
    /// The kinds that it does not want to know of.
    #[schema(example = json!(["assigned"]))]
    pub muted_kinds: Vec<NotificationKind>,
}

impl From<NewNotificationPreferences> for NotificationPreferences {
    fn from(new: NewNotificationPreferences) -> Self {
        let mut muted_kinds = new.muted_kinds;
        muted_kinds.sort_unstable();
        muted_kinds.dedup();
        Self { sound: new.sound, toast: new.toast, muted_kinds, version: 0 }
    }
}

/// Say how one wants to be notified
///
/// Sound and toasts are up to clients, which learn of a change by `notification_preferences.updated`. Of a muted kind the
/// caller gets no notifications from then on: they are neither listed nor sent.
#[utoipa::path(tag = "me", request_body = NewNotificationPreferences, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageOwnAccount))),
    responses((status = 200, description = "Set", body = NotificationPreferences), Writing))]
#[put("/v1/me/notification-preferences")]
pub async fn update_notification_preferences(
    app: web::Data<App>,
    caller: Auth<ManageOwnAccount>,
    request: HttpRequest,
    body: Body<NewNotificationPreferences>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let (caller, wanted) = (caller.into_caller(), body.value.into());
    let preferences =
        app.write(move |tx| notification_preferences::set(tx, &caller, expected, &wanted)).await?;
    Ok(reply::versioned(&preferences))
}
