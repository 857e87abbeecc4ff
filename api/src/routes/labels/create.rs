use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, CreateLabel};
use domain::input;
use domain::resource::Label;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::labels;
use crate::state::App;

/// A label to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLabel {
    /// Its name, 1 to 50 characters on one line, emojis included; no other label of the workspace has it, whatever the
    /// case and the accents.
    #[schema(example = "Prioritas 🔥", max_length = 50, format = "line")]
    pub name: String,
    /// Its colour, `#RRGGBB`.
    #[schema(example = "#E5484D", pattern = "^#[0-9A-Fa-f]{6}$", max_length = 7)]
    pub color: String,
}

/// Make a label
///
/// A name that differs from another label's in case or accents only is taken.
#[utoipa::path(tag = "labels", request_body = NewLabel, params(RepeatHeader), extensions(("x-action" = json!(Action::CreateLabel))),
    responses((status = 201, description = "Made", body = Label), Writing))]
#[post("/v1/labels")]
pub async fn create_label(
    app: web::Data<App>,
    caller: Auth<CreateLabel>,
    repeat: Repeat,
    body: Body<NewLabel>,
) -> Result<HttpResponse, Problem> {
    let name = input::label_name("/name", &body.value.name)?;
    let color = input::color("/color", &body.value.color)?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| labels::create(tx, &caller, &name, &color))
        .await
}
