use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageWorkspace};
use domain::agent::PresenceMode;
use domain::input;
use domain::refusal::Refusal;
use domain::resource::Workspace;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::workspaces::{self, WorkspacePatch};
use crate::state::App;

/// What is to be changed of a workspace; what is absent stays.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WorkspaceChange {
    /// Its name.
    #[schema(example = "Toko Tani Jaya", max_length = 200, format = "line")]
    pub name: Option<String>,
    /// Its time zone (IANA).
    #[schema(max_length = 64, example = "Asia/Makassar", format = "timezone")]
    pub timezone: Option<String>,
    /// What makes members count as online, beside their own word.
    pub presence: Option<PresenceMode>,
}

impl WorkspaceChange {
    fn into_patch(self) -> Result<WorkspacePatch, Refusal> {
        Ok(WorkspacePatch {
            name: self.name.map(|name| input::workspace_name("/name", &name)).transpose()?,
            timezone: self.timezone.map(|zone| input::timezone("/timezone", &zone)).transpose()?,
            presence: self.presence,
        })
    }
}

/// Change the caller's workspace
///
/// With another presence mode some members count as online, or no longer do: each is told as
/// `agent.updated`.
#[utoipa::path(tag = "installation", request_body = WorkspaceChange, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 200, description = "Changed", body = Workspace), Writing))]
#[patch("/v1/workspace")]
pub async fn update_workspace(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    request: HttpRequest,
    body: Body<WorkspaceChange>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let patch = body.value.into_patch()?;
    let caller = caller.into_caller();
    let workspace = app.write(move |tx| workspaces::update(tx, &caller, expected, &patch)).await?;
    Ok(reply::versioned(&workspace))
}
