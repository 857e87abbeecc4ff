use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageLabels};
use domain::id::LabelId;
use domain::input;
use domain::resource::Label;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::labels;
use crate::state::App;

/// What is to be changed of a label; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelChange {
    /// Its name, 1 to 50 characters on one line; no other label of the workspace has it.
    #[schema(example = "Prioritas", max_length = 50, format = "line")]
    pub name: Option<String>,
    /// Its colour, `#RRGGBB`.
    #[schema(example = "#30A46C", pattern = "^#[0-9A-Fa-f]{6}$", max_length = 7)]
    pub color: Option<String>,
}

/// Change a label
///
/// Only `label.updated` is told: clients change name and colour wherever they show them.
#[utoipa::path(tag = "labels", request_body = LabelChange,
    params(("label_id" = LabelId, Path, description = "The label"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageLabels))),
    responses((status = 200, description = "Changed", body = Label), Writing))]
#[patch("/v1/labels/{label_id}")]
pub async fn update_label(
    app: web::Data<App>,
    caller: Auth<ManageLabels>,
    id: web::Path<LabelId>,
    request: HttpRequest,
    body: Body<LabelChange>,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let name = body.value.name.map(|name| input::label_name("/name", &name)).transpose()?;
    let color = body.value.color.map(|color| input::color("/color", &color)).transpose()?;
    let caller = caller.into_caller();
    let label = app
        .write_configuration(move |tx| {
            labels::update(tx, &caller, id, expected, (name.as_deref(), color.as_deref()))
        })
        .await?;
    Ok(reply::versioned(&label))
}
