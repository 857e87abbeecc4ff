//! How members want to be told of what they are to know of.

use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, WorkspaceId};
use domain::resource::NotificationPreferences;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Bool)]
    sound: bool,
    #[diesel(sql_type = Bool)]
    toast: bool,
    #[diesel(sql_type = Array<Text>)]
    muted_kinds: Vec<String>,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

impl Row {
    fn into_preferences(self, agent: AgentId) -> Result<NotificationPreferences, StoreError> {
        let kinds = self.muted_kinds.iter();
        let muted_kinds = kinds
            .map(|kind| word("notification_preferences", "muted_kinds", agent, kind))
            .collect::<Result<_, _>>()?;
        Ok(NotificationPreferences {
            sound: self.sound,
            toast: self.toast,
            muted_kinds,
            version: self.version,
        })
    }
}

macro_rules! query {
    ($lock:literal) => {
        concat!(
            "SELECT sound, toast, muted_kinds, version FROM notification_preferences WHERE workspace_id = $1 AND agent_id = $2",
            $lock
        )
    };
}

/// How a member wants to be told.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
) -> Result<NotificationPreferences, StoreError> {
    let row = sql(query!("")).bind(workspace).bind(agent).get_result::<Row>(conn).optional()?;
    row.map_or_else(|| Ok(NotificationPreferences::default()), |row| row.into_preferences(agent))
}

/// The same, locked until the transaction ends.
///
/// # Errors
/// As [`get`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
) -> Result<NotificationPreferences, StoreError> {
    let NotificationPreferences { sound, toast, version, .. } = NotificationPreferences::default();
    // Two who are the first to say something wait for each other as well.
    sql("INSERT INTO notification_preferences (workspace_id, agent_id, sound, toast, muted_kinds, version)
         VALUES ($1, $2, $3, $4, '{}', $5) ON CONFLICT (workspace_id, agent_id) DO NOTHING")
    .bind(workspace)
    .bind(agent)
    .bind(sound)
    .bind(toast)
    .bind(version)
    .execute(conn)?;
    sql(query!(" FOR UPDATE")).bind(workspace).bind(agent).get_result::<Row>(conn)?.into_preferences(agent)
}

/// Stores how a member wants to be told, raising the version by one. They are locked.
///
/// # Errors
/// Only those of the database.
pub fn save(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    agent: AgentId,
    preferences: &mut NotificationPreferences,
) -> Result<(), StoreError> {
    preferences.version += 1;
    let changed =
        sql("UPDATE notification_preferences SET sound = $3, toast = $4, muted_kinds = $5, version = $6
         WHERE workspace_id = $1 AND agent_id = $2")
        .bind(workspace)
        .bind(agent)
        .bind(preferences.sound)
        .bind(preferences.toast)
        .bind(preferences.muted_kinds.iter().map(|kind| kind.as_str()).collect::<Vec<_>>())
        .bind(preferences.version)
        .execute(conn)?;
    expect_rows("notification_preferences::save", changed, 1)
}
