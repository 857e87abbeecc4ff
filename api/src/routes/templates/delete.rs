use actix_web::{HttpRequest, HttpResponse, delete, web};
use domain::access::{Action, ManageTemplates};
use domain::id::TemplateId;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::templates;
use crate::state::App;

/// Delete a template
///
/// Here at once, and at the provider soon after; of its name only this language. Other channels of the same business
/// account lose it when the provider says so. The provider keeps the name of an approved template for 30 days.
#[utoipa::path(tag = "templates",
    params(("template_id" = TemplateId, Path, description = "The template"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTemplates))),
    responses((status = 204, description = "Deleted"), Writing))]
#[delete("/v1/templates/{template_id}")]
pub async fn delete_template(
    app: web::Data<App>,
    caller: Auth<ManageTemplates>,
    id: web::Path<TemplateId>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let caller = caller.into_caller();
    app.write(move |tx| templates::delete(tx, &caller, id, expected)).await?;
    Ok(HttpResponse::NoContent().finish())
}
