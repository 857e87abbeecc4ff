//! Lists of tickets: the newest of a few runs, as with conversations.

use std::collections::BTreeSet;

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::access::{Scope, Seen, Visible};
use domain::id::{AgentId, ChannelId, TicketId};
use domain::resource;
use domain::time::Timestamp;

use crate::error::StoreError;
use crate::lists::{Channels, Length, cut, narrowed};
use crate::sql::sql;

use super::{ShapeRow, with_holders};

/// Where a page of [`list`] begins: after this opening and id.
pub type After = (Timestamp, TicketId);

/// Tickets by opening, newest first, at most `limit`.
///
/// # Errors
/// As [`super::get`]; a fault of ours for a limit above [`crate::lists::LONGEST`].
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<resource::Ticket>, StoreError> {
    let runs = Runs::of(&visible.tickets);
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let length = Length::of(limit)?;
    let mut rows = sql(text(&runs, length))
        .bind(visible.workspace_id)
        .bind(at)
        .bind(id)
        .bind(runs.channels)
        .bind(runs.holders)
        .bind(runs.holders_on_channels.iter().map(|run| run.0).collect::<Vec<_>>())
        .bind(runs.holders_on_channels.iter().map(|run| run.1).collect::<Vec<_>>())
        .load::<ShapeRow>(conn)?;
    cut(&mut rows, limit);
    with_holders(conn, visible.workspace_id, rows)
}

/// Where the tickets of a scope are. None is in more than two runs: one by its holder, and one by its channel.
#[derive(Debug, Default)]
struct Runs {
    all: bool,
    channels: Vec<ChannelId>,
    holders: Vec<AgentId>,
    holders_on_channels: Vec<(AgentId, ChannelId)>,
}

impl Runs {
    fn of(scope: &Scope) -> Self {
        let mut runs = Self::default();
        let channels = narrowed(None, scope.only_channels.as_deref());
        let allocated = scope.restricted_to.as_ref().map(|allocation| allocation.channels.as_slice());
        let of_others = narrowed(channels.clone(), allocated);
        // Somebody always holds a ticket: those that nobody holds are none.
        match &scope.others {
            Seen::Everything => {
                if allocated.is_some() {
                    runs.add_held(BTreeSet::from([scope.own]), &channels);
                }
                match of_others {
                    None => runs.all = true,
                    Some(channels) => runs.channels = channels.into_iter().collect(),
                }
            }
            Seen::HeldBy { agents, .. } => {
                runs.add_held(BTreeSet::from([scope.own]), &channels);
                let agents = agents.iter().copied().filter(|agent| *agent != scope.own).collect();
                runs.add_held(agents, &of_others);
            }
        }
        runs
    }

    fn add_held(&mut self, agents: BTreeSet<AgentId>, channels: &Channels) {
        match channels {
            None => self.holders.extend(agents),
            Some(channels) => {
                for agent in agents {
                    self.holders_on_channels.extend(channels.iter().map(|channel| (agent, *channel)));
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        !self.all
            && self.channels.is_empty()
            && self.holders.is_empty()
            && self.holders_on_channels.is_empty()
    }
}

/// The newest of each of a set of runs; why it is written like this is said at the list of conversations.
macro_rules! newest {
    ($runs:literal, $condition:literal) => {
        concat!(
            "SELECT newest.* FROM ",
            $runs,
            " CROSS JOIN LATERAL (
                 SELECT t.opened_at, t.id, t.ctid AS place FROM tickets t
                 WHERE t.workspace_id = (SELECT $1::uuid) AND ",
            $condition,
            "        AND (t.opened_at, t.id) < ((SELECT coalesce($2::timestamptz, 'infinity')),
                         (SELECT coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
                 ORDER BY t.opened_at DESC, t.id DESC LIMIT {length}) newest"
        )
    };
}

const ALL: &str = newest!("(SELECT) AS run", "true");

const ON_CHANNELS: &str =
    newest!("unnest((SELECT $4::uuid[])) AS run (channel_id)", "t.channel_id = run.channel_id");

const HELD: &str = newest!("unnest((SELECT $5::uuid[])) AS run (agent_id)", "t.agent_id = run.agent_id");

const HELD_ON_CHANNELS: &str = newest!(
    "unnest((SELECT $6::uuid[]), (SELECT $7::uuid[])) AS run (agent_id, channel_id)",
    "t.agent_id = run.agent_id AND t.channel_id = run.channel_id"
);

/// The statement for a list of these runs: one of few.
fn text(runs: &Runs, length: Length) -> String {
    let (held, held_on_channels) = (!runs.holders.is_empty(), !runs.holders_on_channels.is_empty());
    let kinds: Vec<&str> = [
        (runs.all, ALL),
        (!runs.channels.is_empty(), ON_CHANNELS),
        (held, HELD),
        (held_on_channels, HELD_ON_CHANNELS),
    ]
    .into_iter()
    .filter_map(|(is_there, kind)| is_there.then_some(kind))
    .collect();
    let mut found = kinds.join("\nUNION ALL ");
    if (held || held_on_channels) && !runs.channels.is_empty() {
        // Twice the page has at least a page of different ones.
        found = format!(
            "SELECT DISTINCT ON (opened_at, id) * FROM (
                 SELECT * FROM ({found}) found ORDER BY opened_at DESC, id DESC LIMIT 2 * {{length}}) twice
             ORDER BY opened_at DESC, id DESC"
        );
    }
    let (columns, joins) = (super::COLUMNS, super::JOINS);
    let text = format!(
        "{columns} FROM (SELECT place FROM ({found}) found ORDER BY opened_at DESC, id DESC LIMIT {{length}}) page
         JOIN tickets t ON t.ctid = page.place {joins}
         ORDER BY t.opened_at DESC, t.id DESC"
    );
    length.put_into(&text)
}
