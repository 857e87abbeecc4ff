//! What customers do to messages that are here.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::id::{AgentId, MessageId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

/// The customer changed a message. False if a newer change is known already.
///
/// # Errors
/// Only those of the database.
pub fn edit(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    text: Option<String>,
    edited_at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE messages SET text = $3, edited_at = $4, version = version + 1
         WHERE workspace_id = $1 AND id = $2 AND direction = 'inbound' AND (edited_at IS NULL OR edited_at < $4)")
        .bind(workspace)
        .bind(id)
        .bind(text)
        .bind(edited_at)
        .execute(conn)?;
    Ok(changed > 0)
}

/// The customer took a message back; its text stays here. False if that is known already.
///
/// # Errors
/// Only those of the database.
pub fn revoke(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE messages SET revoked_at = $3, version = version + 1
         WHERE workspace_id = $1 AND id = $2 AND direction = 'inbound' AND revoked_at IS NULL")
    .bind(workspace)
    .bind(id)
    .bind(at)
    .execute(conn)?;
    Ok(changed > 0)
}

/// A contact reacted, or (without emoji) took its reaction back. False if newer news is known, or
/// nothing changes.
///
/// # Errors
/// Only those of the database.
pub fn react(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    contact: Uuid,
    emoji: Option<String>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed =
        sql("INSERT INTO message_reactions (workspace_id, message_id, author_type, author_id, emoji, at)
         VALUES ($1, $2, 'contact', $3, $4, $5)
         ON CONFLICT (workspace_id, message_id, author_type, author_id) DO UPDATE SET emoji = $4, at = $5
         WHERE message_reactions.at <= $5 AND message_reactions.emoji IS DISTINCT FROM $4")
        .bind(workspace)
        .bind(id)
        .bind(contact)
        .bind(emoji)
        .bind(at)
        .execute(conn)?;
    if changed > 0 {
        raise_version(conn, workspace, id)?;
    }
    Ok(changed > 0)
}

/// The team put an emoji on a message, or (without one) took it off. There is one of the whole team, as there is one of
/// the business at the provider; whoever put it there last is its author. False if nothing changes.
///
/// # Errors
/// Only those of the database.
pub fn react_as_team(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
    reaction: Option<(AgentId, &str)>,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let (author, emoji) = reaction.unzip();
    let emoji = emoji.map(ToOwned::to_owned);
    let gone = sql("DELETE FROM message_reactions
         WHERE workspace_id = $1 AND message_id = $2 AND author_type = 'agent'
             AND (author_id IS DISTINCT FROM $3 OR emoji IS DISTINCT FROM $4)")
    .bind(workspace)
    .bind(id)
    .bind(author.map(Uuid::from))
    .bind(emoji.clone())
    .execute(conn)?;
    let put = match author {
        Some(author) => {
            sql("INSERT INTO message_reactions (workspace_id, message_id, author_type, author_id, emoji, at)
             VALUES ($1, $2, 'agent', $3, $4, $5) ON CONFLICT DO NOTHING")
            .bind(workspace)
            .bind(id)
            .bind(author)
            .bind(emoji)
            .bind(at)
            .execute(conn)?
        }
        None => 0,
    };
    let changed = gone + put > 0;
    if changed {
        raise_version(conn, workspace, id)?;
    }
    Ok(changed)
}

/// Something that the message shows has changed.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn raise_version(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
) -> Result<(), StoreError> {
    let raised = sql("UPDATE messages SET version = version + 1 WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .execute(conn)?;
    expect_rows("messages::raise_version", raised, 1)
}
