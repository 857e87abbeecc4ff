//! Where the tickets of a list are: stretches of indexes with nothing but what the reader may see, newest first.
//!
//! A run is all of one status, or what of it is on a channel, or an agent's, or both.

use std::collections::BTreeSet;

use domain::access::{Scope, Seen};
use domain::id::{AgentId, ChannelId};
use domain::ticket::TicketStatus;

use crate::lists::{Channels, narrowed};
use crate::sql::Sql;

use super::Filter;

/// The runs of a list. No ticket is in more than two: one by its holder, and one by its channel.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) all: Vec<TicketStatus>,
    pub(super) channels: Vec<(ChannelId, TicketStatus)>,
    pub(super) holders: Vec<(AgentId, TicketStatus)>,
    pub(super) holders_on_channels: Vec<(AgentId, ChannelId, TicketStatus)>,
}

impl Runs {
    /// What of a list is in the scope. Somebody always holds a ticket: those that nobody holds are none.
    pub(super) fn of(scope: &Scope, filter: &Filter) -> Self {
        let statuses = filter.statuses();
        let mut runs = Self::default();
        let asked = Some(filter.channels.as_slice()).filter(|channels| !channels.is_empty());
        let channels = narrowed(narrowed(None, asked), scope.only_channels.as_deref());
        let allocated = scope.restricted_to.as_ref().map(|allocation| allocation.channels.as_slice());
        let of_others = narrowed(channels.clone(), allocated);
        let wanted = |agent: &AgentId| filter.agents.is_empty() || filter.agents.contains(agent);
        let own = BTreeSet::from([scope.own]).into_iter().filter(wanted).collect();
        let others = |agents: &[AgentId]| {
            agents.iter().copied().filter(|agent| *agent != scope.own && wanted(agent)).collect()
        };
        match &scope.others {
            Seen::Everything if filter.agents.is_empty() => {
                if allocated.is_some() {
                    runs.add_held(&own, &channels, &statuses);
                }
                runs.add_all(&of_others, &statuses);
            }
            Seen::Everything => {
                runs.add_held(&own, &channels, &statuses);
                runs.add_held(&others(&filter.agents), &of_others, &statuses);
            }
            Seen::HeldBy { agents, .. } => {
                runs.add_held(&own, &channels, &statuses);
                runs.add_held(&others(agents), &of_others, &statuses);
            }
        }
        runs
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.all.len() + self.channels.len() + self.holders.len() + self.holders_on_channels.len()
    }

    fn add_all(&mut self, channels: &Channels, statuses: &[TicketStatus]) {
        match channels {
            None => self.all.extend(statuses),
            Some(channels) => {
                for channel in channels {
                    self.channels.extend(statuses.iter().map(|status| (*channel, *status)));
                }
            }
        }
    }

    fn add_held(&mut self, agents: &BTreeSet<AgentId>, channels: &Channels, statuses: &[TicketStatus]) {
        for agent in agents {
            for status in statuses {
                match channels {
                    None => self.holders.push((*agent, *status)),
                    Some(channels) => self
                        .holders_on_channels
                        .extend(channels.iter().map(|channel| (*agent, *channel, *status))),
                }
            }
        }
    }

    /// Gives `$5` to `$12` their values; the text names those that there are.
    pub(super) fn bind_to(&self, statement: Sql) -> Sql {
        let word = TicketStatus::as_str;
        let there = &self.holders_on_channels;
        statement
            .bind(self.all.iter().map(|status| word(*status)).collect::<Vec<_>>())
            .bind(self.channels.iter().map(|run| run.0).collect::<Vec<_>>())
            .bind(self.channels.iter().map(|run| word(run.1)).collect::<Vec<_>>())
            .bind(self.holders.iter().map(|run| run.0).collect::<Vec<_>>())
            .bind(self.holders.iter().map(|run| word(run.1)).collect::<Vec<_>>())
            .bind(there.iter().map(|run| run.0).collect::<Vec<_>>())
            .bind(there.iter().map(|run| run.1).collect::<Vec<_>>())
            .bind(there.iter().map(|run| word(run.2)).collect::<Vec<_>>())
    }
}

/// Where a ticket lies.
pub(super) const PLACE: &str = "t.ctid AS place";

/// The newest of each of a set of runs; why it is written like this is said at the list of conversations.
macro_rules! newest {
    ($runs:literal, $condition:literal) => {
        concat!(
            "SELECT newest.* FROM ",
            $runs,
            " CROSS JOIN LATERAL (
                 SELECT t.opened_at, t.id, {column} FROM tickets t
                 WHERE t.workspace_id = (SELECT $1::uuid) AND ",
            $condition,
            "        AND (t.opened_at, t.id) < ((SELECT coalesce($2::timestamptz, 'infinity')),
                         (SELECT coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
                     AND t.opened_at >= (SELECT coalesce($4::timestamptz, '-infinity'))
                 ORDER BY t.opened_at DESC, t.id DESC LIMIT {length}) newest"
        )
    };
}

const ALL: &str = newest!("unnest((SELECT $5::text[])) AS run (status)", "t.status = run.status");

const ON_CHANNELS: &str = newest!(
    "unnest((SELECT $6::uuid[]), (SELECT $7::text[])) AS run (channel_id, status)",
    "t.channel_id = run.channel_id AND t.status = run.status"
);

const HELD: &str = newest!(
    "unnest((SELECT $8::uuid[]), (SELECT $9::text[])) AS run (agent_id, status)",
    "t.agent_id = run.agent_id AND t.status = run.status"
);

const HELD_ON_CHANNELS: &str = newest!(
    "unnest((SELECT $10::uuid[]), (SELECT $11::uuid[]), (SELECT $12::text[])) AS run (agent_id, channel_id, status)",
    "t.agent_id = run.agent_id AND t.channel_id = run.channel_id AND t.status = run.status"
);

/// The newest tickets of these runs, `{length}` of them: what orders them, and a column: where they lie
/// ([`PLACE`]), or what the indexes have besides. One text of few.
pub(super) fn text(runs: &Runs, column: &str) -> String {
    let (held, held_on_channels) = (!runs.holders.is_empty(), !runs.holders_on_channels.is_empty());
    let kinds: Vec<&str> = [
        (!runs.all.is_empty(), ALL),
        (!runs.channels.is_empty(), ON_CHANNELS),
        (held, HELD),
        (held_on_channels, HELD_ON_CHANNELS),
    ]
    .into_iter()
    .filter_map(|(is_there, kind)| is_there.then_some(kind))
    .collect();
    let mut found = kinds.join("\nUNION ALL ").replace("{column}", column);
    if (held || held_on_channels) && !runs.channels.is_empty() {
        // Twice the page has at least a page of different ones.
        found = format!(
            "SELECT DISTINCT ON (opened_at, id) * FROM (
                 SELECT * FROM ({found}) found ORDER BY opened_at DESC, id DESC LIMIT 2 * {{length}}) twice
             ORDER BY opened_at DESC, id DESC"
        );
    }
    format!("SELECT * FROM ({found}) found ORDER BY opened_at DESC, id DESC LIMIT {{length}}")
}
