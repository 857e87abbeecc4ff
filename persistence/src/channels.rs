//! Connected accounts.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Binary, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::channel::{ChannelKind, ChannelState};
use domain::id::{ChannelId, WorkspaceId};
use domain::resource::{AgentRef, PolicyRef};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, json, word};
use crate::sql::sql;

/// A channel as it is stored.
#[derive(Debug, Clone)]
pub struct StoredChannel {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id.
    pub id: ChannelId,
    /// What kind of account.
    pub kind: ChannelKind,
    /// Its name.
    pub name: String,
    /// The account at the provider.
    pub external_id: String,
    /// What may be shown of the account.
    pub config: Value,
    /// The encrypted rest.
    pub secrets: Vec<u8>,
    /// Whether it works.
    pub state: ChannelState,
    /// What is wrong.
    pub state_detail: Option<String>,
    /// The members that are allocated to it.
    pub agents: Vec<AgentRef>,
    /// Its distribution policy.
    pub policy: Option<PolicyRef>,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was connected.
    pub created_at: Timestamp,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Jsonb)]
    config: Value,
    #[diesel(sql_type = Binary)]
    secrets: Vec<u8>,
    #[diesel(sql_type = Text)]
    state: String,
    #[diesel(sql_type = Nullable<Text>)]
    state_detail: Option<String>,
    #[diesel(sql_type = Jsonb)]
    agents: Value,
    #[diesel(sql_type = Nullable<Jsonb>)]
    policy: Option<Value>,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
}

impl Row {
    fn into_channel(self) -> Result<StoredChannel, StoreError> {
        Ok(StoredChannel {
            kind: word("channels", "kind", self.id, &self.kind)?,
            state: word("channels", "state", self.id, &self.state)?,
            agents: json("channels", "agents", self.id, self.agents)?,
            policy: self.policy.map(|policy| json("channels", "policy", self.id, policy)).transpose()?,
            workspace_id: self.workspace_id.into(),
            id: self.id.into(),
            name: self.name,
            external_id: self.external_id,
            config: self.config,
            secrets: self.secrets,
            state_detail: self.state_detail,
            version: self.version,
            created_at: Timestamp::new(self.created_at),
        })
    }
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT workspace_id, id, kind, name, external_id, config, secrets, state, state_detail, version, created_at,
                 (SELECT coalesce(jsonb_agg(jsonb_build_object('id', a.id, 'name', a.name) ORDER BY a.name, a.id), '[]')
                  FROM channel_agents ca JOIN agents a ON a.workspace_id = ca.workspace_id AND a.id = ca.agent_id
                  WHERE ca.workspace_id = channels.workspace_id AND ca.channel_id = channels.id) AS agents,
                 (SELECT jsonb_build_object('id', p.id, 'name', p.name) FROM distribution_policy_channels pc
                  JOIN distribution_policies p ON p.workspace_id = pc.workspace_id AND p.id = pc.policy_id
                  WHERE pc.workspace_id = channels.workspace_id AND pc.channel_id = channels.id) AS policy
             FROM channels ",
            $rest
        )
    };
}

/// Stores a new channel.
///
/// # Errors
/// `Taken("channels_workspace_id_kind_external_id_key")` if the account is connected already.
pub fn insert(conn: &mut PgConnection, channel: StoredChannel) -> Result<(), StoreError> {
    sql("INSERT INTO channels (workspace_id, id, kind, name, external_id, config, secrets, state, state_detail, version, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)")
        .bind(channel.workspace_id)
        .bind(channel.id)
        .bind(channel.kind.as_str())
        .bind(channel.name)
        .bind(channel.external_id)
        .bind(channel.config)
        .bind(channel.secrets)
        .bind(channel.state.as_str())
        .bind(channel.state_detail)
        .bind(channel.version)
        .bind(channel.created_at)
        .execute(conn)?;
    Ok(())
}

/// Stores a changed channel, raising its version.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn update(conn: &mut PgConnection, channel: &mut StoredChannel) -> Result<(), StoreError> {
    channel.version += 1;
    let changed = sql("UPDATE channels SET name = $3, config = $4, secrets = $5, state = $6, state_detail = $7, version = $8
         WHERE workspace_id = $1 AND id = $2")
        .bind(channel.workspace_id)
        .bind(channel.id)
        .bind(channel.name.clone())
        .bind(channel.config.clone())
        .bind(channel.secrets.clone())
        .bind(channel.state.as_str())
        .bind(channel.state_detail.clone())
        .bind(channel.version)
        .execute(conn)?;
    expect_rows("channels::update", changed, 1)
}

/// The channel with this id.
///
/// # Errors
/// Only those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ChannelId,
) -> Result<Option<StoredChannel>, StoreError> {
    sql(select!("WHERE workspace_id = $1 AND id = $2"))
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?
        .map(Row::into_channel)
        .transpose()
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: ChannelId,
) -> Result<Option<StoredChannel>, StoreError> {
    sql("SELECT FROM channels WHERE workspace_id = $1 AND id = $2 FOR NO KEY UPDATE")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    // By a statement of its own: one that waited for the lock would show the members of before.
    get(conn, workspace, id)
}

/// The channel that a provider's webhook names in its path; the only look-up that no tenant scopes,
/// because the provider knows none. The signature proves the rest.
///
/// # Errors
/// Only those of the database.
pub fn by_webhook(conn: &mut PgConnection, id: ChannelId) -> Result<Option<StoredChannel>, StoreError> {
    sql(select!("WHERE id = $1"))
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?
        .map(Row::into_channel)
        .transpose()
}

/// The channel of a tenant with this account at the provider.
///
/// # Errors
/// Only those of the database.
pub fn by_account(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    kind: ChannelKind,
    external_id: String,
) -> Result<Option<StoredChannel>, StoreError> {
    sql(select!("WHERE workspace_id = $1 AND kind = $2 AND external_id = $3"))
        .bind(workspace)
        .bind(kind.as_str())
        .bind(external_id)
        .get_result::<Row>(conn)
        .optional()?
        .map(Row::into_channel)
        .transpose()
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// Which of these channels there are. They stay until the transaction ends.
///
/// # Errors
/// Only those of the database.
pub fn lock_existing(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<ChannelId>,
) -> Result<Vec<ChannelId>, StoreError> {
    let rows =
        sql("SELECT id FROM channels WHERE workspace_id = $1 AND id = ANY($2) ORDER BY id FOR KEY SHARE")
            .bind(workspace)
            .bind(ids)
            .load::<IdRow>(conn)?;
    Ok(rows.into_iter().map(|row| row.id.into()).collect())
}

/// Where a page of [`list`] begins: after this name and id.
pub type After = (String, ChannelId);

/// Channels by name, at most `limit`; if `only` is present, of those.
///
/// # Errors
/// Only those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    only: Option<Vec<ChannelId>>,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<StoredChannel>, StoreError> {
    let (name, id) = after.map_or((None, None), |(name, id)| (Some(name), Some(id)));
    sql(select!(
        "WHERE workspace_id = $1 AND ($2::text IS NULL OR (name, id) > ($2, $3::uuid))
             AND ($5::uuid[] IS NULL OR id = ANY($5)) ORDER BY name, id LIMIT $4"
    ))
    .bind(workspace)
    .bind(name)
    .bind(id)
    .bind(limit)
    .bind(only)
    .load::<Row>(conn)?
    .into_iter()
    .map(Row::into_channel)
    .collect()
}
