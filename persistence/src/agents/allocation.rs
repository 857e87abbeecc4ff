//! The channels and divisions that members work for.

use diesel::pg::PgConnection;
use diesel::sql_types::Uuid as SqlUuid;
use diesel::{QueryableByName, RunQueryDsl};
use domain::actor::Allocation;
use domain::id::{AgentId, ChannelId, DivisionId, WorkspaceId};
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::{Sql, sql};

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

fn ids<Id: From<Uuid>>(conn: &mut PgConnection, query: Sql) -> Result<Vec<Id>, StoreError> {
    Ok(query.load::<IdRow>(conn)?.into_iter().map(|row| row.id.into()).collect())
}

/// What a member works for, in the order of ids. Its row's lock guards it.
///
/// # Errors
/// Only those of the database.
pub fn allocation(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
) -> Result<Allocation, StoreError> {
    let channels = sql(
        "SELECT channel_id AS id FROM channel_agents WHERE workspace_id = $1 AND agent_id = $2 ORDER BY 1",
    )
    .bind(workspace)
    .bind(agent);
    let divisions = sql(
        "SELECT division_id AS id FROM division_members WHERE workspace_id = $1 AND agent_id = $2 ORDER BY 1",
    )
    .bind(workspace)
    .bind(agent);
    Ok(Allocation { channels: ids(conn, channels)?, divisions: ids(conn, divisions)? })
}

#[derive(QueryableByName)]
struct AllocatedRow {
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
}

/// Which of these members is allocated to which channels.
///
/// # Errors
/// Only those of the database.
pub fn allocated_channels(
    conn: &mut PgConnection,
    members: Vec<(WorkspaceId, AgentId)>,
) -> Result<Vec<(AgentId, ChannelId)>, StoreError> {
    let (workspaces, agents): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let rows = sql(
        "SELECT m.agent_id, m.channel_id FROM unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, agent_id)
         JOIN channel_agents m ON m.workspace_id = k.workspace_id AND m.agent_id = k.agent_id",
    )
    .bind(workspaces)
    .bind(agents)
    .load::<AllocatedRow>(conn)?;
    Ok(rows.into_iter().map(|row| (row.agent_id.into(), row.channel_id.into())).collect())
}

/// From now on a member works for these and no others. All of them, and the member, must be locked.
///
/// # Errors
/// Only those of the database.
pub fn allocate(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    to: Allocation,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM channel_agents WHERE workspace_id = $1 AND agent_id = $2 AND channel_id <> ALL($3)",
        "INSERT INTO channel_agents (workspace_id, agent_id, channel_id) SELECT $1, $2, unnest($3) ON CONFLICT DO NOTHING",
    ] {
        sql(statement).bind(workspace).bind(agent).bind(to.channels.clone()).execute(conn)?;
    }
    for statement in [
        "DELETE FROM division_members WHERE workspace_id = $1 AND agent_id = $2 AND division_id <> ALL($3)",
        "INSERT INTO division_members (workspace_id, agent_id, division_id) SELECT $1, $2, unnest($3) ON CONFLICT DO NOTHING",
    ] {
        sql(statement).bind(workspace).bind(agent).bind(to.divisions.clone()).execute(conn)?;
    }
    Ok(())
}

/// Those of these channels that the workspace has.
///
/// # Errors
/// Only those of the database.
pub fn known_channels(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    among: Vec<ChannelId>,
) -> Result<Vec<ChannelId>, StoreError> {
    ids(
        conn,
        sql("SELECT id FROM channels WHERE workspace_id = $1 AND id = ANY($2)").bind(workspace).bind(among),
    )
}

/// Locks those of these divisions that the workspace has, in the order of ids, until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_divisions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    among: Vec<DivisionId>,
) -> Result<Vec<DivisionId>, StoreError> {
    let query = sql(
        "SELECT id FROM divisions WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(workspace)
    .bind(among);
    ids(conn, query)
}

/// Says that the members of these divisions changed. All must be locked.
///
/// # Errors
/// `RowCount` if one is not there.
pub fn raise_divisions(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    divisions: Vec<DivisionId>,
) -> Result<(), StoreError> {
    let count = divisions.len();
    let changed = sql("UPDATE divisions SET version = version + 1 WHERE workspace_id = $1 AND id = ANY($2)")
        .bind(workspace)
        .bind(divisions)
        .execute(conn)?;
    expect_rows("agents::raise_divisions", changed, count)
}

/// Says that the members allocated to these channels changed. All must be locked.
///
/// # Errors
/// `RowCount` if one is not there.
pub fn raise_channels(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channels: Vec<ChannelId>,
) -> Result<(), StoreError> {
    let count = channels.len();
    let changed = sql("UPDATE channels SET version = version + 1 WHERE workspace_id = $1 AND id = ANY($2)")
        .bind(workspace)
        .bind(channels)
        .execute(conn)?;
    expect_rows("agents::raise_channels", changed, count)
}
