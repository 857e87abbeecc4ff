//! Where the conversations of a list are: stretches of indexes with nothing but what the reader may see.
//!
//! A run is all of one shelf, or what of it is on a channel, or held by an agent, or waits for a division: in an
//! index it lies in one piece, newest first. A list is the newest of a few runs.

use std::collections::BTreeSet;

use domain::access::{Scope, Seen};
use domain::actor::Allocation;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId, DivisionId};

use crate::lists::{Channels, narrowed};

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
/// its channel.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) shelves: Vec<Shelf>,
    pub(super) channels: Vec<(ChannelId, Shelf)>,
    pub(super) holders: Vec<(AgentId, Shelf)>,
    pub(super) holders_on_channels: Vec<(AgentId, ChannelId, Shelf)>,
    pub(super) divisions: Vec<(DivisionId, ChannelId, Shelf)>,
}

impl Runs {
    /// What of a list is in the scope.
    pub(super) fn of(scope: &Scope, filter: &Filter) -> Self {
        let shelves = Shelf::of(filter);
        let asked = Some(filter.channels.as_slice()).filter(|channels| !channels.is_empty());
        let channels = narrowed(narrowed(None, asked), scope.only_channels.as_deref());
        let mut runs = Self::default();
        if filter.tab == Tab::Mine {
            runs.add_held(&BTreeSet::from([scope.own]), &channels, &shelves);
            return runs;
        }
        let allocation = scope.restricted_to.as_ref();
        let of_others =
            narrowed(channels.clone(), allocation.map(|allocation| allocation.channels.as_slice()));
        match &scope.others {
            Seen::Everything if allocation.is_none() => runs.add_all(&channels, &shelves),
            Seen::Everything => {
                runs.add_held(&BTreeSet::from([scope.own]), &channels, &shelves);
                runs.add_allocated(&of_others, allocation, &shelves);
            }
            Seen::HeldBy { agents, unassigned } => {
                runs.add_held(&BTreeSet::from([scope.own]), &channels, &shelves);
                let agents = agents.iter().copied().filter(|agent| *agent != scope.own).collect();
                runs.add_held(&agents, &of_others, &shelves);
                let free: Vec<_> =
                    shelves.into_iter().filter(|shelf| *unassigned && !shelf.is_held()).collect();
                runs.add_allocated(&of_others, allocation, &free);
            }
        }
        runs
    }

    /// Nothing can be in the list.
    pub(super) fn is_empty(&self) -> bool {
        self.shelves.is_empty()
            && self.channels.is_empty()
            && self.holders.is_empty()
            && self.holders_on_channels.is_empty()
            && self.divisions.is_empty()
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
