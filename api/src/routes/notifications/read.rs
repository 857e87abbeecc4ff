use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, MarkNotificationsRead};
use domain::id::NotificationId;
use domain::refusal::Refusal;
use domain::resource::NotificationsRead;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::notifications::{self, AT_ONCE, Which};
use crate::state::App;

/// What has been read: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({ "all": true }))]
pub struct ReadMarks {
    /// These notifications.
    #[schema(max_items = 1000)]
    pub ids: Option<Vec<NotificationId>>,
    /// `true`: all of one's own, the oldest thousand first.
    pub all: Option<bool>,
}

impl ReadMarks {
    fn which(self) -> Result<Which, Refusal> {
        match (self.ids, self.all) {
            (Some(ids), None) if ids.len() > AT_ONCE => {
                Err(Refusal::invalid("/ids", "length", format!("must be at most {AT_ONCE}")))
            }
            (Some(ids), None) => Ok(Which::These(ids)),
            (None, Some(true)) => Ok(Which::All),
            (None, Some(false)) => Err(Refusal::invalid("/all", "value", "must be true")),
            _ => Err(Refusal::invalid("", "one_of", "give either ids or all")),
        }
    }
}

/// Mark notifications as read
///
/// At most a thousand at once: after `all`, call again while `unread` is not 0. What has been read already stays as it is.
/// If one of `ids` is unknown, or somebody else's, none is marked.
#[utoipa::path(tag = "notifications", request_body = ReadMarks, params(RepeatHeader),
    extensions(("x-action" = json!(Action::MarkNotificationsRead))),
    responses((status = 200, description = "Marked", body = NotificationsRead), Writing))]
#[post("/v1/notifications/read")]
pub async fn read_notifications(
    app: web::Data<App>,
    caller: Auth<MarkNotificationsRead>,
    repeat: Repeat,
    body: Body<ReadMarks>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let which = body.value.which()?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::OK, move |tx| notifications::mark_read(tx, &caller, &which))
        .await
}
