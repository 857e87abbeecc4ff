//! Which members are there, and how long they were available.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::agent::Availability;
use domain::id::{AgentId, AvailabilityPeriodId, SignInId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// A member was here, by a device that was signed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The member.
    pub agent_id: AgentId,
    /// The device. One that has been signed out since counts for nothing.
    pub sign_in_id: SignInId,
    /// When.
    pub at: Timestamp,
}

#[derive(QueryableByName)]
struct MemberRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
}

/// Stores when those were last seen who are known to be there. Answers whom: not who is still to
/// arrive, and not whose row somebody else is changing; those are for another time.
///
/// # Errors
/// Only those of the database.
pub fn touch(
    conn: &mut PgConnection,
    sightings: &[Sighting],
) -> Result<Vec<(WorkspaceId, AgentId)>, StoreError> {
    let rows = sql("WITH seen AS (
             SELECT i.workspace_id, i.agent_id, max(s.at) AS at
             FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS s (workspace_id, sign_in_id, at)
             JOIN sign_ins i ON i.workspace_id = s.workspace_id AND i.id = s.sign_in_id
             WHERE i.revoked_at IS NULL AND i.expires_at > s.at
             GROUP BY i.workspace_id, i.agent_id
         ), held AS (
             SELECT a.workspace_id, a.id, seen.at FROM agents a
             JOIN seen ON seen.workspace_id = a.workspace_id AND seen.agent_id = a.id
             WHERE a.present AND a.active
             ORDER BY a.workspace_id, a.id FOR NO KEY UPDATE OF a SKIP LOCKED
         )
         UPDATE agents a SET last_seen_at = greatest(a.last_seen_at, held.at) FROM held
         WHERE a.workspace_id = held.workspace_id AND a.id = held.id
         RETURNING a.workspace_id, a.id AS agent_id")
    .bind(sightings.iter().map(|one| one.workspace_id).collect::<Vec<_>>())
    .bind(sightings.iter().map(|one| one.sign_in_id).collect::<Vec<_>>())
    .bind(sightings.iter().map(|one| one.at).collect::<Vec<_>>())
    .load::<MemberRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.workspace_id.into(), row.agent_id.into())).collect())
}

/// Makes those present who were not. Answers whom; their rows stay locked until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn arrive(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    sightings: &[Sighting],
) -> Result<Vec<AgentId>, StoreError> {
    let rows = sql("WITH seen AS (
             SELECT i.agent_id, max(s.at) AS at
             FROM unnest($2::uuid[], $3::timestamptz[]) AS s (sign_in_id, at)
             JOIN sign_ins i ON i.workspace_id = $1 AND i.id = s.sign_in_id
             WHERE i.revoked_at IS NULL AND i.expires_at > s.at
             GROUP BY i.agent_id
         ), held AS (
             SELECT a.id, seen.at FROM agents a JOIN seen ON seen.agent_id = a.id
             WHERE a.workspace_id = $1 AND NOT a.present AND a.active
             ORDER BY a.id FOR NO KEY UPDATE OF a SKIP LOCKED
         )
         UPDATE agents a SET present = true, last_seen_at = greatest(a.last_seen_at, held.at) FROM held
         WHERE a.workspace_id = $1 AND a.id = held.id
         RETURNING a.workspace_id, a.id AS agent_id")
    .bind(workspace)
    .bind(sightings.iter().map(|one| one.sign_in_id).collect::<Vec<_>>())
    .bind(sightings.iter().map(|one| one.at).collect::<Vec<_>>())
    .load::<MemberRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.agent_id.into()).collect())
}

#[derive(QueryableByName)]
struct WorkspaceRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
}

/// Some of the workspaces with present members who were last seen before `before`.
///
/// # Errors
/// Only those of the database.
pub fn overdue(conn: &mut PgConnection, before: Timestamp) -> Result<Vec<WorkspaceId>, StoreError> {
    let rows = sql("SELECT DISTINCT workspace_id FROM agents WHERE present AND last_seen_at < $1 LIMIT 100")
        .bind(before)
        .load::<WorkspaceRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.workspace_id.into()).collect())
}

/// Makes those absent who were last seen before `before`, at most `limit`. Answers whom; their rows stay
/// locked until the transaction ends. Those that another node is at are its business.
///
/// # Errors
/// Only those of the database.
pub fn leave(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<AgentId>, StoreError> {
    let rows = sql("WITH held AS (
             SELECT id FROM agents WHERE workspace_id = $1 AND present AND last_seen_at < $2
             ORDER BY id LIMIT $3 FOR NO KEY UPDATE SKIP LOCKED
         )
         UPDATE agents a SET present = false FROM held WHERE a.workspace_id = $1 AND a.id = held.id
         RETURNING a.workspace_id, a.id AS agent_id")
    .bind(workspace)
    .bind(before)
    .bind(limit)
    .load::<MemberRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.agent_id.into()).collect())
}

#[derive(QueryableByName)]
struct PresentRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Bool)]
    present: bool,
}

/// Locks every active member of a workspace; says who is present.
///
/// # Errors
/// Only those of the database.
pub fn lock_all(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Vec<(AgentId, bool)>, StoreError> {
    let rows = sql("SELECT id, present FROM agents WHERE workspace_id = $1 AND active
         ORDER BY id FOR NO KEY UPDATE")
    .bind(workspace)
    .load::<PresentRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.id.into(), row.present)).collect())
}

/// A stretch of a member's availability that begins.
#[derive(Debug, Clone, Copy)]
pub struct NewPeriod {
    /// Its id.
    pub id: AvailabilityPeriodId,
    /// The member.
    pub agent_id: AgentId,
    /// What it says of itself.
    pub availability: Availability,
    /// Whether it counts as online.
    pub online: bool,
    /// Since when.
    pub from: Timestamp,
}

#[derive(QueryableByName)]
struct ClosedRow {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    to_at: DateTime<Utc>,
}

/// Ends the open periods of members. Answers whose, and when they end: now, or where a node with a
/// faster clock began them.
///
/// # Errors
/// Only those of the database.
pub fn close_periods(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agents: Vec<AgentId>,
    now: Timestamp,
) -> Result<Vec<(AgentId, Timestamp)>, StoreError> {
    let rows = sql("UPDATE availability_periods SET to_at = greatest(from_at, $3)
         WHERE workspace_id = $1 AND agent_id = ANY($2) AND to_at IS NULL RETURNING agent_id, to_at")
    .bind(workspace)
    .bind(agents)
    .bind(now)
    .load::<ClosedRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.agent_id.into(), Timestamp::new(row.to_at))).collect())
}

/// Begins periods, of members that have no open one.
///
/// # Errors
/// `Taken` for a member with an open one.
pub fn open_periods(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    periods: &[NewPeriod],
) -> Result<(), StoreError> {
    let changed =
        sql("INSERT INTO availability_periods (workspace_id, id, agent_id, availability, online, from_at)
         SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::boolean[], $6::timestamptz[])")
        .bind(workspace)
        .bind(periods.iter().map(|one| one.id).collect::<Vec<_>>())
        .bind(periods.iter().map(|one| one.agent_id).collect::<Vec<_>>())
        .bind(periods.iter().map(|one| one.availability.as_str()).collect::<Vec<_>>())
        .bind(periods.iter().map(|one| one.online).collect::<Vec<_>>())
        .bind(periods.iter().map(|one| one.from).collect::<Vec<_>>())
        .execute(conn)?;
    expect_rows("presence::open_periods", changed, periods.len())
}
