//! Tickets: the records of sessions that agents handled.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::conversation::Session;
use domain::id::{TicketId, WorkspaceId};
use domain::resource::{self, AgentRef, ChannelRef, ContactRef, TicketHolder};
use domain::ticket::{Holding, Ticket};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

mod list;

pub use list::{After, list};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    conversation_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    session_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Timestamptz)]
    session_started_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    opened_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    answered_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    closed_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

#[derive(QueryableByName)]
struct HolderRow {
    #[diesel(sql_type = SqlUuid)]
    ticket_id: Uuid,
    #[diesel(sql_type = Integer)]
    position: i32,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Text)]
    agent_name: String,
    #[diesel(sql_type = Timestamptz)]
    from_at: DateTime<Utc>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    to_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Text)]
    reason: String,
}

impl Row {
    fn into_ticket(self, holders: Vec<Holding>) -> Ticket {
        Ticket {
            id: self.id.into(),
            conversation_id: self.conversation_id.into(),
            session: Session {
                id: self.session_id.into(),
                started_at: Timestamp::new(self.session_started_at),
            },
            agent_id: self.agent_id.into(),
            opened_at: Timestamp::new(self.opened_at),
            answered_at: self.answered_at.map(Timestamp::new),
            closed_at: self.closed_at.map(Timestamp::new),
            holders,
            version: self.version,
        }
    }
}

fn holders(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    tickets: Vec<Uuid>,
) -> Result<Vec<HolderRow>, StoreError> {
    Ok(sql("SELECT h.ticket_id, h.position, h.agent_id, a.name AS agent_name, h.from_at, h.to_at, h.reason FROM ticket_holders h
         JOIN agents a ON a.workspace_id = h.workspace_id AND a.id = h.agent_id
         WHERE h.workspace_id = $1 AND h.ticket_id = ANY($2) ORDER BY h.ticket_id, h.position")
        .bind(workspace)
        .bind(tickets)
        .load::<HolderRow>(conn)?)
}

/// The ticket with this id. Its conversation's lock guards it.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TicketId,
) -> Result<Option<Ticket>, StoreError> {
    let row = sql("SELECT id, conversation_id, session_id, agent_id, session_started_at, opened_at, answered_at, closed_at, version
         FROM tickets WHERE workspace_id = $1 AND id = $2")
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let holdings = holders(conn, workspace, vec![row.id])?
        .into_iter()
        .map(|holder| {
            Ok(Holding {
                agent_id: holder.agent_id.into(),
                from: Timestamp::new(holder.from_at),
                to: holder.to_at.map(Timestamp::new),
                reason: word("ticket_holders", "reason", holder.position, &holder.reason)?,
            })
        })
        .collect::<Result<_, StoreError>>()?;
    Ok(Some(row.into_ticket(holdings)))
}

/// Stores a new or changed ticket with its holders, raising its version by one.
///
/// # Errors
/// `Taken("tickets_one_unresolved")` if the conversation has another unresolved one, which the lock
/// on the conversation excludes.
pub fn save(conn: &mut PgConnection, workspace: WorkspaceId, ticket: &mut Ticket) -> Result<(), StoreError> {
    ticket.version += 1;
    let changed = sql("INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at,
             opened_at, answered_at, closed_at, version)
         SELECT c.workspace_id, $2, c.id, c.channel_id, $4, $5, $6, $7, $8, $9, $10
         FROM conversations c WHERE c.workspace_id = $1 AND c.id = $3
         ON CONFLICT (workspace_id, id) DO UPDATE SET channel_id = EXCLUDED.channel_id, agent_id = EXCLUDED.agent_id,
             answered_at = EXCLUDED.answered_at, closed_at = EXCLUDED.closed_at, version = EXCLUDED.version")
        .bind(workspace)
        .bind(ticket.id)
        .bind(ticket.conversation_id)
        .bind(ticket.session.id)
        .bind(ticket.agent_id)
        .bind(ticket.session.started_at)
        .bind(ticket.opened_at)
        .bind(ticket.answered_at)
        .bind(ticket.closed_at)
        .bind(ticket.version)
        .execute(conn)?;
    expect_rows("tickets::save", changed, 1)?;
    let positions: Vec<i32> = (0..).take(ticket.holders.len()).collect();
    let changed = sql(
        "INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, to_at, reason)
         SELECT $1, $2, n.position, n.agent_id, n.from_at, n.to_at, n.reason
         FROM unnest($3::integer[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::text[])
             AS n (position, agent_id, from_at, to_at, reason)
         ON CONFLICT (workspace_id, ticket_id, position) DO UPDATE SET to_at = EXCLUDED.to_at",
    )
    .bind(workspace)
    .bind(ticket.id)
    .bind(positions)
    .bind(ticket.holders.iter().map(|holding| holding.agent_id).collect::<Vec<_>>())
    .bind(ticket.holders.iter().map(|holding| holding.from).collect::<Vec<_>>())
    .bind(ticket.holders.iter().map(|holding| holding.to).collect::<Vec<_>>())
    .bind(ticket.holders.iter().map(|holding| holding.reason.as_str()).collect::<Vec<_>>())
    .execute(conn)?;
    expect_rows("tickets::save", changed, ticket.holders.len())
}

#[derive(QueryableByName)]
struct ShapeRow {
    #[diesel(embed)]
    stored: Row,
    #[diesel(sql_type = SqlUuid)]
    contact_id: Uuid,
    #[diesel(sql_type = Text)]
    contact_name: String,
    #[diesel(sql_type = Nullable<Text>)]
    contact_phone: Option<String>,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Text)]
    channel_kind: String,
    #[diesel(sql_type = Text)]
    channel_name: String,
    #[diesel(sql_type = Text)]
    agent_name: String,
}

impl ShapeRow {
    fn into_resource(self, holders: Vec<TicketHolder>) -> Result<resource::Ticket, StoreError> {
        let kind = word("channels", "kind", self.channel_id, &self.channel_kind)?;
        let ticket = self.stored.into_ticket(Vec::new());
        Ok(resource::Ticket {
            id: ticket.id,
            conversation_id: ticket.conversation_id,
            contact: ContactRef {
                id: self.contact_id.into(),
                name: self.contact_name,
                phone: self.contact_phone,
            },
            channel: ChannelRef { id: self.channel_id.into(), kind, name: self.channel_name },
            agent: AgentRef { id: ticket.agent_id, name: self.agent_name },
            status: ticket.status(),
            session_started_at: ticket.session.started_at,
            opened_at: ticket.opened_at,
            answered_at: ticket.answered_at,
            closed_at: ticket.closed_at,
            holders,
            version: ticket.version,
        })
    }
}

/// The columns of the shape; `t` is the ticket.
macro_rules! columns {
    () => {
        "SELECT t.id, t.conversation_id, t.session_id, t.agent_id, t.session_started_at, t.opened_at, t.answered_at,
             t.closed_at, t.version, c.contact_id, p.name AS contact_name, p.phone AS contact_phone, c.channel_id,
             h.kind AS channel_kind, h.name AS channel_name, a.name AS agent_name "
    };
}

/// What the columns are taken from, besides the ticket.
macro_rules! joins {
    () => {
        " JOIN conversations c ON c.workspace_id = t.workspace_id AND c.id = t.conversation_id
         JOIN contacts p ON p.workspace_id = c.workspace_id AND p.id = c.contact_id
         JOIN channels h ON h.workspace_id = c.workspace_id AND h.id = c.channel_id
         JOIN agents a ON a.workspace_id = t.workspace_id AND a.id = t.agent_id"
    };
}

const COLUMNS: &str = columns!();
const JOINS: &str = joins!();

fn with_holders(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    rows: Vec<ShapeRow>,
) -> Result<Vec<resource::Ticket>, StoreError> {
    let ids = rows.iter().map(|row| row.stored.id).collect();
    let mut by_ticket: HashMap<Uuid, Vec<TicketHolder>> = HashMap::new();
    for holder in holders(conn, workspace, ids)? {
        let reason = word("ticket_holders", "reason", holder.position, &holder.reason)?;
        by_ticket.entry(holder.ticket_id).or_default().push(TicketHolder {
            agent: AgentRef { id: holder.agent_id.into(), name: holder.agent_name },
            from: Timestamp::new(holder.from_at),
            to: holder.to_at.map(Timestamp::new),
            reason,
        });
    }
    rows.into_iter()
        .map(|row| {
            let holders = by_ticket.remove(&row.stored.id).unwrap_or_default();
            row.into_resource(holders)
        })
        .collect()
}

/// The shape of one ticket, whoever asks.
///
/// # Errors
/// As [`get`].
pub fn shape(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TicketId,
) -> Result<Option<resource::Ticket>, StoreError> {
    let rows =
        sql(concat!(columns!(), "FROM tickets t", joins!(), " WHERE t.workspace_id = $1 AND t.id = $2"))
            .bind(workspace)
            .bind(id)
            .load::<ShapeRow>(conn)?;
    Ok(with_holders(conn, workspace, rows)?.pop())
}
