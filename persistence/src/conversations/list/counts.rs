//! How many conversations each tab has, without counting any.

use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::Visible;
use domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::sql;

use super::runs::Runs;
use super::text;

/// How many conversations of a scope are in each tab, and with unread messages in any but the archived.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Counts {
    /// Held by the reader.
    #[diesel(sql_type = BigInt)]
    pub mine: i64,
    /// All but the archived.
    #[diesel(sql_type = BigInt)]
    pub all: i64,
    /// Held by nobody.
    #[diesel(sql_type = BigInt)]
    pub unassigned: i64,
    /// Archived.
    #[diesel(sql_type = BigInt)]
    pub archived: i64,
    /// With unread messages, but for archived ones.
    #[diesel(sql_type = BigInt)]
    pub unread: i64,
}

/// Counts what the reader sees, by the sums that the database keeps with each change (`conversation_counts`). There are as many
/// of those as ways in which conversations stand, however many conversations there are.
///
/// # Errors
/// Only those of the database.
pub fn counts(conn: &mut PgConnection, visible: &Visible) -> Result<Counts, StoreError> {
    let runs = Runs::whole(&visible.conversations);
    let text = format!(
        "SELECT coalesce(sum(n.count) FILTER (WHERE n.shelf = 'answered' AND n.assignee_id = $18), 0)::bigint AS mine,
             coalesce(sum(n.count) FILTER (WHERE NOT starts_with(n.shelf, 'archived')), 0)::bigint AS all,
             coalesce(sum(n.count) FILTER (WHERE n.shelf IN ('open', 'directed', 'resolved')), 0)::bigint AS unassigned,
             coalesce(sum(n.count) FILTER (WHERE starts_with(n.shelf, 'archived')), 0)::bigint AS archived,
             coalesce(sum(n.count) FILTER (WHERE n.unread AND NOT starts_with(n.shelf, 'archived')), 0)::bigint AS unread
         FROM conversation_counts n WHERE n.workspace_id = $1 AND {}",
        text::in_runs("n")
    );
    // A scope has no page to begin after.
    let statement = sql(text).bind(visible.workspace_id).bind(None::<Timestamp>).bind(None::<Timestamp>);
    Ok(runs.bind(statement).bind(visible.conversations.own).get_result(conn)?)
}
