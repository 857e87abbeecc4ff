//! What it takes to do something about a message at its provider.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{AgentId, ConversationId, MessageId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use super::IdRow;
use crate::error::StoreError;
use crate::sql::sql;

/// A message, and the customer of its conversation, as the provider knows them.
#[derive(Debug, Clone)]
pub struct Target {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The version of the message.
    pub version: i64,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// The provider's lasting id of the customer.
    pub external_id: String,
    /// The customer's phone number on this channel.
    pub phone: Option<String>,
    /// The customer's last message, for the reply window.
    pub last_inbound_at: Option<Timestamp>,
    /// Whether the contact is shut out.
    pub blocked: bool,
    /// The emoji that the team put on it, and who did.
    pub reaction: Option<(AgentId, String)>,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<Text>)]
    provider_message_id: Option<String>,
    #[diesel(sql_type = Text)]
    external_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    phone: Option<String>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    last_inbound_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Bool)]
    blocked: bool,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    reaction_by: Option<Uuid>,
    #[diesel(sql_type = Nullable<Text>)]
    reaction: Option<String>,
}

/// Reads what it takes to do something about a message.
///
/// # Errors
/// Only those of the database.
pub fn target(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: MessageId,
) -> Result<Option<Target>, StoreError> {
    let row =
        sql("SELECT m.conversation_id, m.version, m.provider_message_id, i.external_id, i.phone, c.last_inbound_at,
             p.blocked_at IS NOT NULL AS blocked, e.author_id AS reaction_by, e.emoji AS reaction
         FROM messages m
         JOIN conversations c ON c.workspace_id = m.workspace_id AND c.id = m.conversation_id
         JOIN contact_identities i ON i.workspace_id = c.workspace_id AND i.id = c.identity_id
         JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
         LEFT JOIN message_reactions e ON e.workspace_id = m.workspace_id AND e.message_id = m.id
             AND e.author_type = 'agent'
         WHERE m.workspace_id = $1 AND m.id = $2")
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?;
    Ok(row.map(|row| Target {
        conversation_id: row.conversation_id.into(),
        version: row.version,
        provider_message_id: row.provider_message_id,
        external_id: row.external_id,
        phone: row.phone,
        last_inbound_at: row.last_inbound_at.map(Timestamp::new),
        blocked: row.blocked,
        reaction: row.reaction_by.map(AgentId::from).zip(row.reaction),
    }))
}

/// The newest message of the customer that the provider can be told about.
///
/// # Errors
/// Only those of the database.
pub fn newest_inbound(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
) -> Result<Option<MessageId>, StoreError> {
    let row = sql("SELECT id FROM messages
         WHERE workspace_id = $1 AND conversation_id = $2 AND direction = 'inbound' AND provider_message_id IS NOT NULL
         ORDER BY id DESC LIMIT 1")
    .bind(workspace)
    .bind(conversation)
    .get_result::<IdRow>(conn)
    .optional()?;
    Ok(row.map(|row| row.id.into()))
}

/// The customer is to be told that everything up to this message was read. False if it was told before.
///
/// # Errors
/// Only those of the database.
pub fn note_receipt(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    conversation: ConversationId,
    newest: MessageId,
) -> Result<bool, StoreError> {
    let changed = sql("UPDATE conversations SET receipt_message_id = $3
         WHERE workspace_id = $1 AND id = $2 AND receipt_message_id IS DISTINCT FROM $3")
    .bind(workspace)
    .bind(conversation)
    .bind(newest)
    .execute(conn)?;
    Ok(changed > 0)
}
