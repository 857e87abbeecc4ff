use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTemplates};
use domain::id::TemplateId;
use domain::refusal::Code;
use domain::resource::Template;
use persistence::templates;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Read a template
///
/// With what the provider says of it: whether it may be used, and why not.
#[utoipa::path(tag = "templates", params(("template_id" = TemplateId, Path, description = "The template")),
    extensions(("x-action" = json!(Action::ReadTemplates))),
    responses((status = 200, description = "The template", body = Template), Reading))]
#[get("/v1/templates/{template_id}")]
pub async fn get_template(
    app: web::Data<App>,
    caller: Auth<ReadTemplates>,
    id: web::Path<TemplateId>,
) -> Result<HttpResponse, Problem> {
    let (caller, id) = (caller.into_caller(), id.into_inner());
    let workspace = caller.actor().workspace_id;
    let read = app
        .read(workspace, move |conn| {
            let template = templates::get(conn, workspace, id)?.ok_or(Code::NotFound)?;
            caller.on_channel(template.channel.id)?;
            Ok(template)
        })
        .await?;
    Ok(reply::read_versioned(&app, &read))
}
