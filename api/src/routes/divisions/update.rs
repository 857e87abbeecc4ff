use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageTeam};
use domain::id::DivisionId;
use domain::input;
use domain::resource::Division;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::divisions;
use crate::state::App;

/// What is to be changed of a division; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DivisionChange {
    /// Its name, 1 to 100 characters; no other division of the workspace has it.
    #[schema(example = "Penjualan Jawa", max_length = 100, format = "line")]
    pub name: Option<String>,
}

/// Rename a division
///
/// Only `division.updated` is told: clients change the name wherever they show it.
#[utoipa::path(tag = "team", request_body = DivisionChange,
    params(("division_id" = DivisionId, Path, description = "The division"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTeam))),
    responses((status = 200, description = "Changed", body = Division), Writing))]
#[patch("/v1/divisions/{division_id}")]
pub async fn update_division(
    app: web::Data<App>,
    caller: Auth<ManageTeam>,
    id: web::Path<DivisionId>,
    request: HttpRequest,
    body: Body<DivisionChange>,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let name = body.value.name.map(|name| input::name("/name", &name)).transpose()?;
    let caller = caller.into_caller();
    let division = app.write(move |tx| divisions::rename(tx, &caller, id, expected, name.as_deref())).await?;
    Ok(reply::versioned(&division))
}
