//! Tickets: the records of sessions that agents handled.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::conversation::Session;
use domain::id::{TicketId, WorkspaceId};
use domain::resource::{self, AgentRef, ChannelRef, ContactRef, TicketHolder};
use domain::ticket::{Holding, Ticket};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

mod list;

pub use list::{After, Filter, list};

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

/// The tickets with these ids, in no order. Their conversations' locks guard them.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get_many(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<TicketId>,
) -> Result<Vec<Ticket>, StoreError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let rows = sql("SELECT id, conversation_id, session_id, agent_id, session_started_at, opened_at, answered_at, closed_at, version
         FROM tickets WHERE workspace_id = $1 AND id = ANY($2)")
        .bind(workspace)
        .bind(ids)
        .load::<Row>(conn)?;
    let mut holdings: HashMap<Uuid, Vec<Holding>> = HashMap::new();
    for holder in holders(conn, workspace, rows.iter().map(|row| row.id).collect())? {
        holdings.entry(holder.ticket_id).or_default().push(Holding {
            agent_id: holder.agent_id.into(),
            from: Timestamp::new(holder.from_at),
            to: holder.to_at.map(Timestamp::new),
            reason: word("ticket_holders", "reason", holder.position, &holder.reason)?,
        });
    }
    Ok(rows
        .into_iter()
        .map(|row| {
            let holdings = holdings.remove(&row.id).unwrap_or_default();
            row.into_ticket(holdings)
        })
        .collect())
}

/// The ticket with this id. Its conversation's lock guards it.
///
/// # Errors
/// As [`get_many`].
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TicketId,
) -> Result<Option<Ticket>, StoreError> {
    Ok(get_many(conn, workspace, vec![id])?.pop())
}

/// Stores new or changed tickets with their holders, raising the version of each by one.
///
/// # Errors
/// `Taken("tickets_one_unresolved")` if a conversation has another unresolved one, which the lock
/// on the conversation excludes.
pub fn save_many(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    tickets: &mut [Ticket],
) -> Result<(), StoreError> {
    if tickets.is_empty() {
        return Ok(());
    }
    for ticket in tickets.iter_mut() {
        ticket.version += 1;
    }
    let column = |of: fn(&Ticket) -> Uuid| tickets.iter().map(of).collect::<Vec<Uuid>>();
    let changed = sql("INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at,
             opened_at, answered_at, closed_at, version)
         SELECT c.workspace_id, n.id, c.id, c.channel_id, n.session_id, n.agent_id, n.session_started_at, n.opened_at,
             n.answered_at, n.closed_at, n.version
         FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
                     $9::timestamptz[], $10::bigint[])
             AS n (id, conversation_id, session_id, agent_id, session_started_at, opened_at, answered_at, closed_at, version)
         JOIN conversations c ON c.workspace_id = $1 AND c.id = n.conversation_id
         ON CONFLICT (workspace_id, id) DO UPDATE SET channel_id = EXCLUDED.channel_id, agent_id = EXCLUDED.agent_id,
             answered_at = EXCLUDED.answered_at, closed_at = EXCLUDED.closed_at, version = EXCLUDED.version")
        .bind(workspace)
        .bind(column(|ticket| ticket.id.0))
        .bind(column(|ticket| ticket.conversation_id.0))
        .bind(column(|ticket| ticket.session.id.0))
        .bind(column(|ticket| ticket.agent_id.0))
        .bind(tickets.iter().map(|ticket| ticket.session.started_at).collect::<Vec<_>>())
        .bind(tickets.iter().map(|ticket| ticket.opened_at).collect::<Vec<_>>())
        .bind(tickets.iter().map(|ticket| ticket.answered_at).collect::<Vec<_>>())
        .bind(tickets.iter().map(|ticket| ticket.closed_at).collect::<Vec<_>>())
        .bind(tickets.iter().map(|ticket| ticket.version).collect::<Vec<_>>())
        .execute(conn)?;
    expect_rows("tickets::save_many", changed, tickets.len())?;
    let holdings: Vec<(TicketId, i32, Holding)> = tickets
        .iter()
        .flat_map(|ticket| (0..).zip(&ticket.holders).map(|(position, one)| (ticket.id, position, *one)))
        .collect();
    let changed = sql(
        "INSERT INTO ticket_holders (workspace_id, ticket_id, position, agent_id, from_at, to_at, reason)
         SELECT $1, n.ticket_id, n.position, n.agent_id, n.from_at, n.to_at, n.reason
         FROM unnest($2::uuid[], $3::integer[], $4::uuid[], $5::timestamptz[], $6::timestamptz[], $7::text[])
             AS n (ticket_id, position, agent_id, from_at, to_at, reason)
         ON CONFLICT (workspace_id, ticket_id, position) DO UPDATE SET to_at = EXCLUDED.to_at",
    )
    .bind(workspace)
    .bind(holdings.iter().map(|(ticket, ..)| *ticket).collect::<Vec<_>>())
    .bind(holdings.iter().map(|(_, position, _)| *position).collect::<Vec<_>>())
    .bind(holdings.iter().map(|(.., holding)| holding.agent_id).collect::<Vec<_>>())
    .bind(holdings.iter().map(|(.., holding)| holding.from).collect::<Vec<_>>())
    .bind(holdings.iter().map(|(.., holding)| holding.to).collect::<Vec<_>>())
    .bind(holdings.iter().map(|(.., holding)| holding.reason.as_str()).collect::<Vec<_>>())
    .execute(conn)?;
    expect_rows("tickets::save_many", changed, holdings.len())
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
    #[diesel(sql_type = Bool)]
    contact_blocked: bool,
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
                blocked: self.contact_blocked,
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
             t.closed_at, t.version, c.contact_id, p.name AS contact_name, p.phone AS contact_phone,
             p.blocked_at IS NOT NULL AS contact_blocked, c.channel_id,
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

/// The shapes of these tickets, whoever asks, in no order.
///
/// # Errors
/// As [`get_many`].
pub fn shapes(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    ids: Vec<TicketId>,
) -> Result<Vec<resource::Ticket>, StoreError> {
    let rows =
        sql(concat!(columns!(), "FROM tickets t", joins!(), " WHERE t.workspace_id = $1 AND t.id = ANY($2)"))
            .bind(workspace)
            .bind(ids)
            .load::<ShapeRow>(conn)?;
    with_holders(conn, workspace, rows)
}

/// The shape of one ticket, whoever asks.
///
/// # Errors
/// As [`get_many`].
pub fn shape(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TicketId,
) -> Result<Option<resource::Ticket>, StoreError> {
    Ok(shapes(conn, workspace, vec![id])?.pop())
}
