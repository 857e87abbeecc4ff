//! Settings of a workspace, and the distribution policies that refine them.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Jsonb, Nullable, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::channel::ChannelKind;
use domain::id::{ChannelId, DistributionPolicyId, WorkspaceId};
use domain::resource::AssignmentSettings;
use domain::routing::{Configuration, Policy, Strategy};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, json, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = Bool)]
    assignment_enabled: bool,
    #[diesel(sql_type = Bool)]
    agents_may_claim: bool,
    #[diesel(sql_type = Bool)]
    agents_may_transfer: bool,
    #[diesel(sql_type = Bool)]
    auto_assign: bool,
    #[diesel(sql_type = Text)]
    strategy: String,
    #[diesel(sql_type = Nullable<Integer>)]
    max_conversations_per_agent: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    unanswered_transfer_minutes: Option<i32>,
    #[diesel(sql_type = Nullable<Integer>)]
    notify_supervisor_minutes: Option<i32>,
    #[diesel(sql_type = Bool)]
    auto_handover: bool,
    #[diesel(sql_type = Integer)]
    handover_grace_seconds: i32,
    #[diesel(sql_type = Bool)]
    restrict_to_allocation: bool,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = BigInt)]
    routing_version: i64,
    #[diesel(sql_type = Jsonb)]
    policies: Value,
    #[diesel(sql_type = BigInt)]
    policies_version: i64,
    #[diesel(sql_type = Nullable<Integer>)]
    reply_window_warning_minutes: Option<i32>,
    #[diesel(sql_type = Jsonb)]
    channels: Value,
}

#[derive(Deserialize)]
struct PolicyRow {
    id: DistributionPolicyId,
    channels: Vec<ChannelId>,
    sticky_agent: bool,
    idle_transfer_minutes: Option<u32>,
    strategy: Option<Strategy>,
}

#[derive(Deserialize)]
struct ChannelRow {
    id: ChannelId,
    kind: ChannelKind,
}

/// How long after the customer's last message somebody is told that the reply window is about to close, by channel.
fn warnings(minutes: Option<i32>, channels: Vec<ChannelRow>) -> BTreeMap<ChannelId, TimeDelta> {
    let Some(before) = minutes.map(|minutes| TimeDelta::minutes(i64::from(minutes))) else {
        return BTreeMap::new();
    };
    let after = |channel: ChannelRow| {
        let window = TimeDelta::hours(channel.kind.reply_window_hours()?);
        Some((channel.id, (window - before).max(TimeDelta::zero())))
    };
    channels.into_iter().filter_map(after).collect()
}

impl Row {
    fn into_configuration(self) -> Result<(WorkspaceId, Configuration), StoreError> {
        let id = self.workspace_id;
        let unreadable =
            |column| StoreError::Unreadable { table: "assignment_settings", column, id: id.to_string() };
        let number = |column, value: i32| u32::try_from(value).map_err(|_| unreadable(column));
        let perhaps = |column, value: Option<i32>| value.map(|value| number(column, value)).transpose();
        let settings = AssignmentSettings {
            assignment_enabled: self.assignment_enabled,
            agents_may_claim: self.agents_may_claim,
            agents_may_transfer: self.agents_may_transfer,
            auto_assign: self.auto_assign,
            strategy: word("assignment_settings", "strategy", id, &self.strategy)?,
            max_conversations_per_agent: perhaps(
                "max_conversations_per_agent",
                self.max_conversations_per_agent,
            )?,
            unanswered_transfer_minutes: perhaps(
                "unanswered_transfer_minutes",
                self.unanswered_transfer_minutes,
            )?,
            notify_supervisor_minutes: perhaps("notify_supervisor_minutes", self.notify_supervisor_minutes)?,
            auto_handover: self.auto_handover,
            handover_grace_seconds: number("handover_grace_seconds", self.handover_grace_seconds)?,
            restrict_to_allocation: self.restrict_to_allocation,
            version: self.version,
        };
        let policies: Vec<PolicyRow> = json("distribution_policies", "policies", id, self.policies)?;
        let policies = policies
            .into_iter()
            .map(|policy| Policy {
                id: policy.id,
                channels: policy.channels,
                sticky_agent: policy.sticky_agent,
                idle_transfer_minutes: policy.idle_transfer_minutes,
                strategy: policy.strategy,
            })
            .collect();
        let channels = json("channels", "kind", id, self.channels)?;
        let reply_window_warnings = warnings(self.reply_window_warning_minutes, channels);
        let version = self.routing_version;
        Ok((id.into(), Configuration { settings, policies, version, reply_window_warnings }))
    }
}

macro_rules! configuration_query {
    ($rest:literal) => {
        concat!(
            "SELECT s.workspace_id, s.assignment_enabled, s.agents_may_claim, s.agents_may_transfer, s.auto_assign, s.strategy,
                 s.max_conversations_per_agent, s.unanswered_transfer_minutes, s.notify_supervisor_minutes, s.auto_handover,
                 s.handover_grace_seconds, s.restrict_to_allocation, s.version, s.routing_version,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'sticky_agent', p.sticky_agent,
                      'idle_transfer_minutes', p.idle_transfer_minutes, 'strategy', p.strategy,
                      'channels', ARRAY(SELECT c.channel_id FROM distribution_policy_channels c
                                        WHERE c.workspace_id = p.workspace_id AND c.policy_id = p.id ORDER BY 1))
                      ORDER BY p.id), '[]')
                  FROM distribution_policies p WHERE p.workspace_id = s.workspace_id) AS policies,
                 (SELECT o.routing_version FROM assignment_settings o WHERE o.workspace_id = s.workspace_id) AS policies_version,
                 m.reply_window_warning_minutes,
                 -- The channels matter only to who wants to be warned.
                 CASE WHEN m.reply_window_warning_minutes IS NULL THEN '[]' ELSE
                     (SELECT coalesce(jsonb_agg(jsonb_build_object('id', h.id, 'kind', h.kind)), '[]')
                      FROM channels h WHERE h.workspace_id = s.workspace_id) END AS channels
             FROM assignment_settings s LEFT JOIN messaging_settings m ON m.workspace_id = s.workspace_id ",
            $rest
        )
    };
}

/// The settings of a workspace with its policies, as they are now.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn configuration(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Option<Configuration>, StoreError> {
    one(sql(configuration_query!("WHERE s.workspace_id = $1")).bind(workspace).load::<Row>(conn)?)
}

/// The same of several workspaces. None of it changes until the transaction ends: what follows from it, timers above
/// all, is written by these settings, or by newer ones when they come.
///
/// # Errors
/// As [`configuration`].
pub fn hold_configurations(
    conn: &mut PgConnection,
    workspaces: Vec<WorkspaceId>,
) -> Result<Vec<(WorkspaceId, Configuration)>, StoreError> {
    let mut rows =
        sql(configuration_query!("WHERE s.workspace_id = ANY($1) ORDER BY s.workspace_id FOR SHARE OF s"))
            .bind(workspaces.clone())
            .load::<Row>(conn)?;
    // Whoever waited for the lock is shown the settings of now, and the policies of when it began to wait.
    if rows.iter().any(|row| row.routing_version != row.policies_version) {
        rows = sql(configuration_query!("WHERE s.workspace_id = ANY($1) ORDER BY s.workspace_id"))
            .bind(workspaces)
            .load::<Row>(conn)?;
    }
    rows.into_iter().map(Row::into_configuration).collect()
}

/// The same, to be changed: nobody else acts by it until the transaction ends.
///
/// # Errors
/// As [`configuration`].
pub fn lock_configuration(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Option<Configuration>, StoreError> {
    sql("SELECT FROM assignment_settings WHERE workspace_id = $1 FOR NO KEY UPDATE")
        .bind(workspace)
        .execute(conn)?;
    // Read after the lock was had: the policies are other rows, guarded by it.
    configuration(conn, workspace)
}

fn one(rows: Vec<Row>) -> Result<Option<Configuration>, StoreError> {
    let one = rows.into_iter().next().map(Row::into_configuration).transpose()?;
    Ok(one.map(|(_, configuration)| configuration))
}

/// The assignment settings of a workspace.
///
/// # Errors
/// As [`configuration`].
pub fn assignment(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Option<AssignmentSettings>, StoreError> {
    Ok(configuration(conn, workspace)?.map(|configuration| configuration.settings))
}

/// Stores changed assignment settings, raising their version and that of the configuration.
///
/// # Errors
/// `RowCount` if there are none.
pub fn save_assignment(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    settings: &mut AssignmentSettings,
) -> Result<(), StoreError> {
    // Parsed input is at most 86400.
    let number = |value: u32| i32::try_from(value).unwrap_or(i32::MAX);
    settings.version += 1;
    let changed = sql("UPDATE assignment_settings SET assignment_enabled = $2, agents_may_claim = $3, agents_may_transfer = $4,
             auto_assign = $5, strategy = $6, max_conversations_per_agent = $7, unanswered_transfer_minutes = $8,
             notify_supervisor_minutes = $9, auto_handover = $10, handover_grace_seconds = $11, restrict_to_allocation = $12,
             version = $13, routing_version = routing_version + 1 WHERE workspace_id = $1")
    .bind(workspace)
    .bind(settings.assignment_enabled)
    .bind(settings.agents_may_claim)
    .bind(settings.agents_may_transfer)
    .bind(settings.auto_assign)
    .bind(settings.strategy.as_str())
    .bind(settings.max_conversations_per_agent.map(number))
    .bind(settings.unanswered_transfer_minutes.map(number))
    .bind(settings.notify_supervisor_minutes.map(number))
    .bind(settings.auto_handover)
    .bind(number(settings.handover_grace_seconds))
    .bind(settings.restrict_to_allocation)
    .bind(settings.version)
    .execute(conn)?;
    expect_rows("settings::save_assignment", changed, 1)
}

/// Says that a policy changed.
///
/// # Errors
/// `RowCount` if the workspace has no settings.
pub fn raise_routing_version(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<(), StoreError> {
    let changed =
        sql("UPDATE assignment_settings SET routing_version = routing_version + 1 WHERE workspace_id = $1")
            .bind(workspace)
            .execute(conn)?;
    expect_rows("settings::raise_routing_version", changed, 1)
}
