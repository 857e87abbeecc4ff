use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadAuditTrail};
use domain::audit::AuditSubject;
use domain::id::AgentId;
use domain::refusal::Refusal;
use domain::resource::AuditEntry;
use domain::time::Timestamp;
use persistence::audit::{self, Filter};
use serde::Deserialize;
use utoipa::IntoParams;
use uuid::Uuid;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which entries.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what this member did, or a program in its name; repeat it for "any of".
    #[serde(default)]
    actor_id: Vec<AgentId>,
    /// Only what was done to this kind of thing; repeat it for "any of".
    #[serde(default)]
    subject_type: Vec<AuditSubject>,
    /// Only what was done to this thing; repeat it for "any of". The workspace and its settings have the
    /// workspace's id.
    #[serde(default)]
    subject_id: Vec<Uuid>,
    /// Only what was done at this time or later.
    from: Option<Timestamp>,
    /// Only what was done before this time.
    to: Option<Timestamp>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

impl AuditQuery {
    fn into_filter(self) -> Result<Filter, Refusal> {
        if self.from.zip(self.to).is_some_and(|(from, to)| to < from) {
            return Err(Refusal::invalid("?to", "range", "must not be before `from`"));
        }
        Ok(Filter {
            actors: self.actor_id.into_iter().map(|id| id.0).collect(),
            subjects: self.subject_type,
            subject_ids: self.subject_id,
            from: self.from,
            to: self.to,
        })
    }
}

/// List the audit trail
///
/// Administrative changes, newest first: who did what to what, and how it was before and is since. What a
/// customer or an agent did with a conversation is not here but on the stream and in the thread. Secrets
/// are in no entry.
#[utoipa::path(tag = "administration", params(AuditQuery), extensions(("x-action" = json!(Action::ReadAuditTrail))),
    responses((status = 200, description = "A page of entries", body = Page<AuditEntry>), Reading))]
#[get("/v1/audit-entries")]
pub async fn list_audit_entries(
    app: web::Data<App>,
    caller: Auth<ReadAuditTrail>,
    query: Query<AuditQuery>,
) -> Result<HttpResponse, Problem> {
    caller.on_workspace()?;
    let (workspace, query) = (caller.actor().workspace_id, query.0);
    let limit = page::limit(query.limit)?;
    let narrowed = (&query.actor_id, &query.subject_type, &query.subject_id, query.from, query.to);
    let list = List::new(&app.keys, workspace, "audit_entries", &narrowed);
    let after = list.after(query.cursor.as_deref())?;
    let filter = query.into_filter()?;
    let read = app
        .read(workspace, move |conn| {
            let rows = audit::list(conn, workspace, filter, after, limit + 1)?;
            Ok(list.page(rows, limit, |entry| entry.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
