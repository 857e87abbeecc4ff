//! Where the conversations of a list are: stretches of indexes with nothing but what the reader may see.
//!
//! A run is all of one shelf, or what of it is on a channel, or held by an agent, or waits for a division: in an
//! index it lies in one piece, newest first. A list is the newest of a few runs.

use std::collections::BTreeSet;

use domain::access::{Scope, Seen};
use domain::actor::Allocation;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, DivisionId, LabelId};

use crate::lists::{Channels, narrowed};
use crate::sql::Sql;

use super::Filter;

/// How a conversation stands, as far as lists tell apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Held.
    Answered,
    /// Waiting, for anybody.
    Open,
    /// Waiting for a division.
    Directed,
    /// Without a session.
    Resolved,
}

/// How a conversation stands, and whether it is archived: the column `shelf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shelf {
    standing: Standing,
    archived: bool,
}

impl Shelf {
    /// The word in the column.
    pub(super) fn word(self) -> &'static str {
        match (self.standing, self.archived) {
            (Standing::Answered, false) => "answered",
            (Standing::Open, false) => "open",
            (Standing::Directed, false) => "directed",
            (Standing::Resolved, false) => "resolved",
            (Standing::Answered, true) => "archived_answered",
            (Standing::Open, true) => "archived_open",
            (Standing::Directed, true) => "archived_directed",
            (Standing::Resolved, true) => "archived_resolved",
        }
    }

    fn is_held(self) -> bool {
        self.standing == Standing::Answered
    }

    /// What waits for anybody, and what is resolved, is for no division.
    fn may_have_division(self) -> bool {
        matches!(self.standing, Standing::Answered | Standing::Directed)
    }

    /// The shelves that a list shows anything of.
    fn of(filter: &Filter) -> Vec<Self> {
        [Standing::Answered, Standing::Open, Standing::Directed, Standing::Resolved]
            .into_iter()
            .map(|standing| Self { standing, archived: filter.tab == Tab::Archived })
            .filter(|shelf| match filter.tab {
                Tab::Mine => shelf.is_held(),
                Tab::Unassigned => !shelf.is_held(),
                Tab::All | Tab::Archived => true,
            })
            .filter(|shelf| filter.statuses.is_empty() || filter.statuses.contains(&shelf.standing.status()))
            .collect()
    }
}

impl Standing {
    fn status(self) -> ConversationStatus {
        match self {
            Self::Answered => ConversationStatus::Answered,
            Self::Open | Self::Directed => ConversationStatus::Open,
            Self::Resolved => ConversationStatus::Resolved,
        }
    }
}

/// The runs of a list, by the index that they lie in. No conversation is in more than two: one by its holder, and one by
/// its channel; but for those by label, of which it may be in as many as it has labels.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) shelves: Vec<Shelf>,
    pub(super) channels: Vec<(ChannelId, Shelf)>,
    pub(super) holders: Vec<(AgentId, Shelf)>,
    pub(super) holders_on_channels: Vec<(AgentId, ChannelId, Shelf)>,
    pub(super) divisions: Vec<(DivisionId, ChannelId, Shelf)>,
    pub(super) labels: Vec<(LabelId, ChannelId, Shelf)>,
}

impl Runs {
    /// What of a list is in the scope. `channels` are those that the filter leaves, `None`: all. `every` are all of the
    /// workspace, which are needed for a filter by division or label.
    pub(super) fn of(scope: &Scope, filter: &Filter, channels: Channels, every: &[ChannelId]) -> Self {
        let shelves = Shelf::of(filter);
        let channels = narrowed(channels, scope.only_channels.as_deref());
        let allocation = scope.restricted_to.as_ref();
        let of_others =
            narrowed(channels.clone(), allocation.map(|allocation| allocation.channels.as_slice()));
        let asked = |agent: &AgentId| filter.agents.is_empty() || filter.agents.contains(agent);
        let own: BTreeSet<AgentId> = Some(scope.own).filter(asked).into_iter().collect();
        let mut runs = Self::default();
        if filter.tab == Tab::Mine {
            runs.add_held(&own, &channels, &shelves);
            return runs;
        }
        match &scope.others {
            Seen::Everything if filter.agents.is_empty() => match allocation {
                None => runs.add_all(&channels, &shelves),
                Some(_) => {
                    runs.add_held(&own, &channels, &shelves);
                    runs.add_allocated(&of_others, allocation, &shelves);
                }
            },
            Seen::Everything => {
                runs.add_held(&own, &channels, &shelves);
                let agents = filter.agents.iter().copied().filter(|agent| *agent != scope.own).collect();
                runs.add_held(&agents, &of_others, &shelves);
            }
            Seen::HeldBy { agents, unassigned } => {
                runs.add_held(&own, &channels, &shelves);
                let others = agents.iter().copied().filter(|agent| *agent != scope.own);
                runs.add_held(&others.filter(asked).collect(), &of_others, &shelves);
                if *unassigned && filter.agents.is_empty() {
                    let free: Vec<_> = shelves.into_iter().filter(|shelf| !shelf.is_held()).collect();
                    runs.add_allocated(&of_others, allocation, &free);
                }
            }
        }
        runs.keep_divisions(&filter.divisions, every);
        runs.keep_labels(&filter.labels, every);
        runs
    }

    /// All that a scope contains, of every tab.
    pub(super) fn whole(scope: &Scope) -> Self {
        let mut runs = Self::of(scope, &Filter::of(Tab::All), None, &[]);
        let archived = Self::of(scope, &Filter::of(Tab::Archived), None, &[]);
        runs.shelves.extend(archived.shelves);
        runs.channels.extend(archived.channels);
        runs.holders.extend(archived.holders);
        runs.holders_on_channels.extend(archived.holders_on_channels);
        runs.divisions.extend(archived.divisions);
        runs
    }

    /// Leaves what is for one of these divisions, if there are any. What is held lies in no order of divisions: that is left as
    /// it is, see [`Runs::has_held`].
    fn keep_divisions(&mut self, divisions: &[DivisionId], every: &[ChannelId]) {
        if divisions.is_empty() {
            return;
        }
        let divisions: BTreeSet<_> = divisions.iter().copied().collect();
        self.divisions.retain(|(division, ..)| divisions.contains(division));
        for (channel, shelf) in self.take_channels(every) {
            if shelf.may_have_division() {
                self.divisions.extend(divisions.iter().map(|division| (*division, channel, shelf)));
            }
        }
    }

    /// Leaves what has one of these labels, if there are any, but for what is held or is for a division.
    fn keep_labels(&mut self, labels: &[LabelId], every: &[ChannelId]) {
        if labels.is_empty() {
            return;
        }
        let labels: BTreeSet<_> = labels.iter().copied().collect();
        for (channel, shelf) in self.take_channels(every) {
            self.labels.extend(labels.iter().map(|label| (*label, channel, shelf)));
        }
    }

    /// Takes out the runs of shelves and of channels, all by channel.
    fn take_channels(&mut self, every: &[ChannelId]) -> Vec<(ChannelId, Shelf)> {
        let shelves = std::mem::take(&mut self.shelves);
        let of_shelves =
            shelves.into_iter().flat_map(|shelf| every.iter().map(move |channel| (*channel, shelf)));
        std::mem::take(&mut self.channels).into_iter().chain(of_shelves).collect()
    }

    /// Are there runs by holder?
    pub(super) fn has_held(&self) -> bool {
        !self.holders.is_empty() || !self.holders_on_channels.is_empty()
    }

    /// Are there runs of shelves, and no others?
    pub(super) fn is_of_shelves(&self) -> bool {
        self.count() == self.shelves.len()
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.shelves.len()
            + self.channels.len()
            + self.holders.len()
            + self.holders_on_channels.len()
            + self.divisions.len()
            + self.labels.len()
    }

    /// Nothing can be in the list.
    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Gives `$4` to `$17` their values; a text names those that it needs.
    pub(super) fn bind(&self, statement: Sql) -> Sql {
        let (channels, on_channels): (Vec<_>, Vec<_>) =
            self.channels.iter().map(|(channel, shelf)| (*channel, shelf.word())).unzip();
        let (holders, held): (Vec<_>, Vec<_>) =
            self.holders.iter().map(|(holder, shelf)| (*holder, shelf.word())).unzip();
        let (there, waiting) = (&self.holders_on_channels, &self.divisions);
        statement
            .bind(self.shelves.iter().map(|shelf| shelf.word()).collect::<Vec<_>>())
            .bind(channels)
            .bind(on_channels)
            .bind(holders)
            .bind(held)
            .bind(there.iter().map(|run| run.0).collect::<Vec<_>>())
            .bind(there.iter().map(|run| run.1).collect::<Vec<_>>())
            .bind(there.iter().map(|run| run.2.word()).collect::<Vec<_>>())
            .bind(waiting.iter().map(|run| run.0).collect::<Vec<_>>())
            .bind(waiting.iter().map(|run| run.1).collect::<Vec<_>>())
            .bind(waiting.iter().map(|run| run.2.word()).collect::<Vec<_>>())
            .bind(self.labels.iter().map(|run| run.0).collect::<Vec<_>>())
            .bind(self.labels.iter().map(|run| run.1).collect::<Vec<_>>())
            .bind(self.labels.iter().map(|run| run.2.word()).collect::<Vec<_>>())
    }

    fn add_held(&mut self, agents: &BTreeSet<AgentId>, channels: &Channels, shelves: &[Shelf]) {
        for shelf in shelves.iter().copied().filter(|shelf| shelf.is_held()) {
            for agent in agents.iter().copied() {
                match channels {
                    None => self.holders.push((agent, shelf)),
                    Some(channels) => self
                        .holders_on_channels
                        .extend(channels.iter().map(|channel| (agent, *channel, shelf))),
                }
            }
        }
    }

    fn add_all(&mut self, channels: &Channels, shelves: &[Shelf]) {
        match channels {
            None => self.shelves.extend(shelves),
            Some(channels) => {
                for channel in channels.iter().copied() {
                    self.channels.extend(shelves.iter().map(|shelf| (channel, *shelf)));
                }
            }
        }
    }

    /// What waits for a division only if it is one of the allocation's.
    fn add_allocated(&mut self, channels: &Channels, allocation: Option<&Allocation>, shelves: &[Shelf]) {
        let Some(allocation) = allocation else { return self.add_all(channels, shelves) };
        let (directed, others): (Vec<Shelf>, Vec<Shelf>) =
            shelves.iter().partition(|shelf| shelf.standing == Standing::Directed);
        self.add_all(channels, &others);
        let divisions: BTreeSet<_> = allocation.divisions.iter().copied().collect();
        for shelf in directed {
            for channel in channels.iter().flatten().copied() {
                self.divisions.extend(divisions.iter().map(|division| (*division, channel, shelf)));
            }
        }
    }
}
