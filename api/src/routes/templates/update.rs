use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageTemplates};
use domain::id::TemplateId;
use domain::resource::Template;
use domain::template::TemplateComponents;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::templates::{self, TemplatePatch};
use crate::state::App;

/// What is to be changed of a template; what is absent stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateChange {
    /// Whether it may start a conversation, or open one again.
    #[schema(example = false)]
    initiate: Option<bool>,
    /// What it consists of: the whole of it.
    components: Option<TemplateComponents>,
}

/// Change a template
///
/// `initiate` can be changed at any time. Other components are handed in again, and it cannot be sent until they are
/// approved; the provider takes them only while it is `accepted`, `rejected` or `paused` (409 `template_not_changeable`),
/// and of an accepted one once a day. Where it refuses, the template is again as the provider has it, and
/// `rejection_reason` says why.
#[utoipa::path(tag = "templates", request_body = TemplateChange,
    params(("template_id" = TemplateId, Path, description = "The template"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageTemplates))),
    responses((status = 200, description = "Changed", body = Template), Writing))]
#[patch("/v1/templates/{template_id}")]
pub async fn update_template(
    app: web::Data<App>,
    caller: Auth<ManageTemplates>,
    id: web::Path<TemplateId>,
    request: HttpRequest,
    body: Body<TemplateChange>,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let patch = TemplatePatch { initiate: body.value.initiate, components: body.value.components };
    let caller = caller.into_caller();
    let template = app.write(move |tx| templates::update(tx, &caller, id, expected, &patch)).await?;
    Ok(reply::versioned(&template))
}
