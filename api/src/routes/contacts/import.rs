use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, ImportContacts};
use domain::refusal::Code;
use domain::resource::ContactImport;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use utoipa::IntoParams;

use super::file;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::contacts;
use crate::state::App;

/// How to take the file.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ImportQuery {
    /// Only say what would become of it.
    #[serde(default)]
    dry_run: bool,
}

/// Bring in contacts from a CSV file
///
/// UTF-8, at most 1 MB and 5,000 lines, cells apart by `,`, `;` or tabs. The first line names the columns: `id`, `name`, `phone`, `email`,
/// `company`; every other one is an attribute (`Paket Kita` is `paket_kita`). `created_at`, `blocked_at` and `opted_out_at`, which
/// an export has, are passed over.
///
/// A line is about the contact with its `id`, else the one with its number, else a new one, which needs a name. A cell that is empty
/// changes nothing. Lines that are right are taken, all at once; the answer says of each line what became of it. Cells are
/// texts, formulas too; a `'` in front of one, as an export has it, is taken off.
#[utoipa::path(tag = "contacts", params(ImportQuery, RepeatHeader),
    request_body(content = String, content_type = "text/csv", description = "The file",
        example = json!("name,phone,kota\nAni Wijaya,+62 812-3456-7890,Malang\n")),
    extensions(("x-action" = json!(Action::ImportContacts))),
    responses((status = 200, description = "What became of it", body = ContactImport), Writing))]
#[post("/v1/contacts/import")]
pub async fn import_contacts(
    app: web::Data<App>,
    caller: Auth<ImportContacts>,
    repeat: Repeat,
    query: Query<ImportQuery>,
    request: HttpRequest,
    body: web::Bytes,
) -> Result<HttpResponse, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/csv") {
        return Err(Code::UnsupportedMediaType.into());
    }
    let dry_run = query.0.dry_run;
    let digest = Sha256::digest([&[u8::from(dry_run)][..], &body].concat()).into();
    let rows = file::read(&body)?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(digest)
        .write(&app, &actor, StatusCode::OK, move |tx| contacts::import(tx, &caller, &rows, dry_run))
        .await
}
