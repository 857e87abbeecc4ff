//! Who changed what: the audit trail.

use chrono::{DateTime, TimeDelta, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::audit::{AuditAction, AuditSubject};
use domain::id::{AuditEntryId, WorkspaceId};
use domain::resource::{ApiKeyRef, AuditEntry, AuditSubjectRef, EventActor};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// An entry to be written.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id; entries are read in the order of ids.
    pub id: AuditEntryId,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: EventActor,
    /// What was done.
    pub action: AuditAction,
    /// To what kind of thing.
    pub subject: AuditSubject,
    /// To which.
    pub subject_id: Uuid,
    /// Its name at the time.
    pub subject_name: String,
    /// What changed, as it was.
    pub before: Option<Value>,
    /// What changed, as it is since.
    pub after: Option<Value>,
}

/// Writes an entry.
///
/// # Errors
/// Only those of the database.
pub fn insert(conn: &mut PgConnection, entry: NewAuditEntry) -> Result<(), StoreError> {
    let (key_id, key_name) = entry.actor.api_key.map(|key| (key.id, key.name)).unzip();
    sql("INSERT INTO audit_entries (workspace_id, id, at, actor_type, actor_id, actor_name, api_key_id, api_key_name,
             action, subject_type, subject_id, subject_name, before, after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)")
        .bind(entry.workspace_id)
        .bind(entry.id)
        .bind(entry.at)
        .bind(entry.actor.actor_type.as_str())
        .bind(entry.actor.id)
        .bind(entry.actor.name)
        .bind(key_id)
        .bind(key_name)
        .bind(entry.action.as_str())
        .bind(entry.subject.as_str())
        .bind(entry.subject_id)
        .bind(entry.subject_name)
        .bind(entry.before)
        .bind(entry.after)
        .execute(conn)?;
    Ok(())
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    at: DateTime<Utc>,
    #[diesel(sql_type = Text)]
    actor_type: String,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    actor_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    actor_name: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    api_key_id: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    api_key_name: Option<String>,
    #[diesel(sql_type = Text)]
    action: String,
    #[diesel(sql_type = Text)]
    subject_type: String,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Text)]
    subject_name: String,
    #[diesel(sql_type = Nullable<Jsonb>)]
    before: Option<Value>,
    #[diesel(sql_type = Nullable<Jsonb>)]
    after: Option<Value>,
}

impl Row {
    fn into_entry(self) -> Result<AuditEntry, StoreError> {
        let api_key = self.api_key_id.zip(self.api_key_name);
        Ok(AuditEntry {
            at: Timestamp::new(self.at),
            actor: EventActor {
                actor_type: word("audit_entries", "actor_type", self.id, &self.actor_type)?,
                id: self.actor_id,
                name: self.actor_name,
                api_key: api_key.map(|(id, name)| ApiKeyRef { id: id.into(), name }),
            },
            action: word("audit_entries", "action", self.id, &self.action)?,
            subject: AuditSubjectRef {
                subject_type: word("audit_entries", "subject_type", self.id, &self.subject_type)?,
                id: self.subject_id,
                name: self.subject_name,
            },
            id: self.id.into(),
            before: self.before,
            after: self.after,
        })
    }
}

/// Which entries a list shows; an empty list of what it may be means any.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Done by one of these.
    pub actors: Vec<Uuid>,
    /// To one of these kinds of things.
    pub subjects: Vec<AuditSubject>,
    /// To one of these things.
    pub subject_ids: Vec<Uuid>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub to: Option<Timestamp>,
}

/// Entries of the heads, if there are any: each head is read backwards from an index, and no further than
/// a page. Conditions that are not asked for are not there, and the upper bound is a comparison of rows:
/// with `$n IS NULL OR ..`, or two plain bounds, PostgreSQL takes so few rows to be in between that it
/// reads and sorts them all.
macro_rules! page {
    ([$($heads:literal)?], $($condition:literal)+) => {
        concat!(
            "SELECT e.* FROM ", $("(SELECT DISTINCT unnest(", $heads, ") AS head) h CROSS JOIN LATERAL ",)?
            "(SELECT id, at, actor_type, actor_id, actor_name, api_key_id, api_key_name, action, subject_type,
                  subject_id, subject_name, before, after
              FROM audit_entries WHERE workspace_id = $1 AND ", $($condition,)+
            "     AND (workspace_id, id) < ($1, $2) AND id >= $3
                  AND ($4::timestamptz IS NULL OR at >= $4) AND ($5::timestamptz IS NULL OR at < $5)
              ORDER BY id DESC LIMIT $9) e
             ORDER BY e.id DESC LIMIT $9"
        )
    };
}

fn statement(filter: &Filter) -> &'static str {
    match (filter.subject_ids.is_empty(), filter.actors.is_empty(), filter.subjects.is_empty()) {
        (true, true, true) => page!([], "true"),
        (true, true, false) => page!(["$7::text[]"], "subject_type = h.head"),
        (true, false, true) => page!(["$6::uuid[]"], "actor_id = h.head"),
        (true, false, false) => page!(["$6::uuid[]"], "actor_id = h.head" " AND subject_type = ANY($7)"),
        (false, true, true) => page!(["$8::uuid[]"], "subject_id = h.head"),
        (false, true, false) => page!(["$8::uuid[]"], "subject_id = h.head" " AND subject_type = ANY($7)"),
        (false, false, true) => page!(["$8::uuid[]"], "subject_id = h.head" " AND actor_id = ANY($6)"),
        (false, false, false) => {
            page!(["$8::uuid[]"], "subject_id = h.head" " AND actor_id = ANY($6)" " AND subject_type = ANY($7)")
        }
    }
}

/// Entries, newest first, at most `limit`, below the id `after`.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    filter: Filter,
    after: Option<AuditEntryId>,
    limit: i64,
) -> Result<Vec<AuditEntry>, StoreError> {
    let below = after.map_or(Uuid::max(), |id| id.0);
    let end = filter.to.map_or(Uuid::max(), |to| first_id_at(to.plus(SET_BACK)));
    let subjects: Vec<&'static str> = filter.subjects.iter().map(|subject| subject.as_str()).collect();
    sql(statement(&filter))
        .bind(workspace)
        .bind(below.min(end))
        .bind(filter.from.map_or(Uuid::nil(), first_id_at))
        .bind(filter.from)
        .bind(filter.to)
        .bind(filter.actors)
        .bind(subjects)
        .bind(filter.subject_ids)
        .bind(limit)
        .load::<Row>(conn)?
        .into_iter()
        .map(Row::into_entry)
        .collect()
}

/// An id is never of an earlier time than its entry, and of a later one by less than this: while a
/// clock that was set back has not caught up, ids keep the time it had reached.
const SET_BACK: TimeDelta = TimeDelta::days(1);

/// No id made at this time or later is below this one: ids begin with 48 bits of milliseconds.
fn first_id_at(at: Timestamp) -> Uuid {
    let millis = u128::try_from(at.unix_micros().div_euclid(1000)).unwrap_or(0);
    Uuid::from_u128(millis.min((1 << 48) - 1) << 80)
}
