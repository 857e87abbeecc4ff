//! Distribution policies: routing options of channels. The lock of the settings guards them.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, DistributionPolicyId, WorkspaceId};
use domain::resource::DistributionPolicy;
use domain::routing::Strategy;
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, json, word};
use crate::sql::sql;

/// What is set of a policy; its words have been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyTerms {
    /// Its name.
    pub name: String,
    /// The channels that it is for, none twice.
    pub channels: Vec<ChannelId>,
    /// Whether a returning customer goes to the agent who resolved the last ticket.
    pub sticky_agent: bool,
    /// Takes the place of the workspace's `unanswered_transfer_minutes`.
    pub idle_transfer_minutes: Option<u32>,
    /// Takes the place of the workspace's strategy.
    pub strategy: Option<Strategy>,
}

impl PolicyTerms {
    /// Minutes as the column has them; what was checked is at most 1440.
    fn minutes(&self) -> Option<i32> {
        self.idle_transfer_minutes.and_then(|minutes| i32::try_from(minutes).ok())
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Jsonb)]
    channels: Value,
    #[diesel(sql_type = Bool)]
    sticky_agent: bool,
    #[diesel(sql_type = Nullable<Integer>)]
    idle_transfer_minutes: Option<i32>,
    #[diesel(sql_type = Nullable<Text>)]
    strategy: Option<String>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_policy(self) -> Result<DistributionPolicy, StoreError> {
        let (table, id) = ("distribution_policies", self.id);
        Ok(DistributionPolicy {
            id: id.into(),
            channels: json(table, "channels", id, self.channels)?,
            sticky_agent: self.sticky_agent,
            idle_transfer_minutes: self.idle_transfer_minutes.and_then(|minutes| u32::try_from(minutes).ok()),
            strategy: self.strategy.map(|text| word(table, "strategy", id, &text)).transpose()?,
            name: self.name,
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, sticky_agent, idle_transfer_minutes, strategy, version, created_at,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'kind', c.kind, 'name', c.name)
                                            ORDER BY c.name, c.id), '[]')
                  FROM distribution_policy_channels pc
                  JOIN channels c ON c.workspace_id = pc.workspace_id AND c.id = pc.channel_id
                  WHERE pc.workspace_id = p.workspace_id AND pc.policy_id = p.id) AS channels
             FROM distribution_policies p ",
            $rest
        )
    };
}

/// The policy with this id.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DistributionPolicyId,
) -> Result<Option<DistributionPolicy>, StoreError> {
    sql(select!("WHERE workspace_id = $1 AND id = $2"))
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?
        .map(Row::into_policy)
        .transpose()
}

/// Where a page of [`list`] begins: after this name and id.
pub type After = (String, DistributionPolicyId);

/// Policies by name, at most `limit`.
///
/// # Errors
/// As [`get`].
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<DistributionPolicy>, StoreError> {
    let (name, id) = after.map_or((None, None), |(name, id)| (Some(name), Some(id)));
    sql(select!(
        "WHERE workspace_id = $1 AND ($2::text IS NULL OR (name, id) > ($2, $3::uuid)) ORDER BY name, id LIMIT $4"
    ))
    .bind(workspace)
    .bind(name)
    .bind(id)
    .bind(limit)
    .load::<Row>(conn)?
    .into_iter()
    .map(Row::into_policy)
    .collect()
}

/// Stores a new policy. Its channels must be locked, and have none.
///
/// # Errors
/// `Taken("distribution_policies_workspace_id_name_key")` if another has the name.
pub fn insert(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DistributionPolicyId,
    terms: &PolicyTerms,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO distribution_policies (workspace_id, id, name, sticky_agent, idle_transfer_minutes, strategy, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)")
        .bind(workspace)
        .bind(id)
        .bind(terms.name.clone())
        .bind(terms.sticky_agent)
        .bind(terms.minutes())
        .bind(terms.strategy.map(Strategy::as_str))
        .bind(now)
        .execute(conn)?;
    set_channels(conn, workspace, id, terms)
}

/// Stores a changed policy, raising its version. The channels that come and go must be locked, and those that come
/// have none.
///
/// # Errors
/// As [`insert`]; `RowCount` if it is not there.
pub fn update(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DistributionPolicyId,
    terms: &PolicyTerms,
) -> Result<(), StoreError> {
    let changed =
        sql("UPDATE distribution_policies SET name = $3, sticky_agent = $4, idle_transfer_minutes = $5,
             strategy = $6, version = version + 1 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .bind(terms.name.clone())
        .bind(terms.sticky_agent)
        .bind(terms.minutes())
        .bind(terms.strategy.map(Strategy::as_str))
        .execute(conn)?;
    expect_rows("policies::update", changed, 1)?;
    set_channels(conn, workspace, id, terms)
}

fn set_channels(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DistributionPolicyId,
    terms: &PolicyTerms,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM distribution_policy_channels WHERE workspace_id = $1 AND policy_id = $2 AND channel_id <> ALL($3)",
        "INSERT INTO distribution_policy_channels (workspace_id, policy_id, channel_id)
         SELECT $1, $2, c.id FROM unnest($3::uuid[]) AS c (id)
         WHERE NOT EXISTS (SELECT FROM distribution_policy_channels o
                           WHERE o.workspace_id = $1 AND o.policy_id = $2 AND o.channel_id = c.id)",
    ] {
        sql(statement).bind(workspace).bind(id).bind(terms.channels.clone()).execute(conn)?;
    }
    Ok(())
}

/// Deletes a policy; its channels have none any longer.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn delete(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: DistributionPolicyId,
) -> Result<(), StoreError> {
    let changed = sql("DELETE FROM distribution_policies WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("policies::delete", changed, 1)
}
