use actix_web::{HttpResponse, post, web};
use domain::input;
use domain::resource::{Agent, Workspace};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::extract::Operator;
use crate::auth::password;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::responses::Writing;
use crate::ops::workspaces::{self, WorkspaceDraft};
use crate::state::App;

/// A tenant to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewWorkspace {
    /// Its name.
    #[schema(example = "Toko Tani", max_length = 200, format = "line")]
    pub name: String,
    /// Its short name, unique in the installation: 1 to 63 of a-z, 0-9 and `-`.
    #[schema(max_length = 63, example = "toko-tani", format = "slug")]
    pub slug: String,
    /// Its time zone (IANA); `Asia/Jakarta` if absent.
    #[schema(max_length = 64, example = "Asia/Makassar", format = "timezone")]
    pub timezone: Option<String>,
    /// Its first admin.
    pub admin: FirstAdmin,
}

/// The first admin of a tenant.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FirstAdmin {
    /// Its name.
    #[schema(example = "Dewi", max_length = 100, format = "line")]
    pub name: String,
    /// The address it signs in with.
    #[schema(example = "dewi@toko-tani.example", max_length = 254, format = "email")]
    pub email: String,
    /// Its password: 8 to 200 characters.
    #[schema(example = "kata-sandi-panjang", min_length = 8, max_length = 200)]
    pub password: String,
}

/// A tenant that was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CreatedWorkspace {
    /// The tenant.
    pub workspace: Workspace,
    /// Its first admin.
    pub agent: Agent,
}

/// Make a workspace
///
/// For the operator of the installation: the key is the setting `TANGGAP_OPERATOR_KEY`.
#[utoipa::path(tag = "installation", request_body = NewWorkspace, security(("operator_key" = [])),
    extensions(("x-roles" = json!(["operator"]))),
    responses((status = 201, description = "Made", body = CreatedWorkspace), Writing))]
#[post("/v1/workspaces")]
pub async fn create_workspace(
    app: web::Data<App>,
    _operator: Operator,
    body: Body<NewWorkspace>,
) -> Result<HttpResponse, Problem> {
    let NewWorkspace { name, slug, timezone, admin } = body.value;
    input::password("/admin/password", &admin.password)?;
    let draft = WorkspaceDraft {
        name,
        slug,
        timezone,
        admin_name: admin.name,
        admin_email: admin.email,
        admin_password_hash: password::hash_in_background(admin.password).await.map_err(Problem::internal)?,
    };
    let (workspace, agent) = app.write(move |tx| workspaces::create(tx, &draft)).await?;
    Ok(HttpResponse::Created().json(CreatedWorkspace { workspace, agent }))
}
