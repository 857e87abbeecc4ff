//! The team at any moment, as it was and as the simulation has it.

use std::collections::{HashMap, HashSet};

use super::history::{History, Recorded};
use crate::agent::{Availability, Role};
use crate::id::{AgentId, ChannelId, DivisionId};
use crate::routing::{Candidate, LeftOut, Member, Team};
use crate::time::Timestamp;

/// What decides who could be given a conversation at all.
pub(super) type Pool = (ChannelId, Option<DivisionId>);

/// Which of the two is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Real,
    Simulated,
}

#[derive(Debug, Default)]
struct Known {
    online: bool,
    load: i64,
    /// How many more it holds in the simulation.
    more: i64,
    own_limit: Option<u32>,
    /// Its last assignment, as it was last recorded.
    last: Option<Timestamp>,
    /// The last one of those that are in the simulation too.
    last_shared: Option<Timestamp>,
    /// The last one that is in the simulation only.
    last_simulated: Option<Timestamp>,
    /// Those that are not in the simulation.
    void: HashSet<Timestamp>,
}

impl Known {
    fn load_in(&self, view: View) -> i64 {
        match view {
            View::Real => self.load,
            View::Simulated => self.load + self.more,
        }
    }
}

/// What is known of the team.
#[derive(Debug)]
pub(super) struct World<'a> {
    own_limits: &'a HashMap<AgentId, u32>,
    known: HashMap<AgentId, Known>,
    pools: HashMap<Pool, Vec<AgentId>>,
}

impl<'a> World<'a> {
    pub(super) fn new(history: &'a History) -> Self {
        Self { own_limits: &history.own_limits, known: HashMap::new(), pools: HashMap::new() }
    }

    /// Takes over what a decision recorded.
    pub(super) fn observe(&mut self, made: &Recorded) {
        let could = |one: &&Candidate| one.left_out.is_none_or(LeftOut::depends_on_the_moment);
        let mut pool: Vec<AgentId> = made.candidates.iter().filter(could).map(|one| one.agent_id).collect();
        for one in &made.candidates {
            let known = self.known.entry(one.agent_id).or_default();
            known.load = i64::from(one.load);
            known.last = one.last_assigned_at;
            if one.last_assigned_at.is_none_or(|last| !known.void.contains(&last)) {
                known.last_shared = one.last_assigned_at;
            }
            let own = self.own_limits.get(&one.agent_id).copied();
            let is_own = one.limit != made.inquiry.max_conversations || own == one.limit;
            known.own_limit = one.limit.filter(|_| is_own);
            if could(&one) {
                known.online = !matches!(one.left_out, Some(LeftOut::Offline | LeftOut::Away));
            }
        }
        // Of a large team not all are recorded: who was given it could be.
        if let Some(agent) = made.agent_id.filter(|agent| !pool.contains(agent)) {
            pool.push(agent);
            self.known.entry(agent).or_default().online = true;
        }
        self.pools.insert((made.inquiry.channel_id, made.inquiry.division_id), pool);
    }

    pub(super) fn set_online(&mut self, agent: AgentId, online: bool) {
        self.known.entry(agent).or_default().online = online;
    }

    /// A member really holds so many more from now on.
    pub(super) fn really_holds(&mut self, agent: AgentId, more: i64) {
        self.known.entry(agent).or_default().load += more;
    }

    /// The simulation has so many more with this member than there really are.
    pub(super) fn differs(&mut self, agent: AgentId, more: i64) {
        self.known.entry(agent).or_default().more += more;
    }

    /// A real assignment that the simulation does not have.
    pub(super) fn void(&mut self, agent: AgentId, at: Timestamp) {
        self.known.entry(agent).or_default().void.insert(at);
    }

    /// An assignment that only the simulation has.
    pub(super) fn simulate(&mut self, agent: AgentId, at: Timestamp) {
        let known = self.known.entry(agent).or_default();
        known.last_simulated = known.last_simulated.max(Some(at));
    }

    fn member(&self, agent: AgentId, division: Option<DivisionId>) -> Option<Member> {
        let known = self.known.get(&agent)?;
        let shared = match known.last {
            Some(last) if known.void.contains(&last) => known.last_shared,
            last => last,
        };
        // Allocation and roles have been applied: whoever is in the pool could be given the conversation.
        Some(Member {
            id: agent,
            role: Role::Agent,
            availability: if known.online { Availability::Online } else { Availability::Offline },
            online: known.online,
            max_conversations: known.own_limit,
            channels: Vec::new(),
            divisions: division.into_iter().collect(),
            load: u32::try_from(known.load_in(View::Simulated)).unwrap_or(0),
            last_assigned_at: shared.max(known.last_simulated),
        })
    }

    /// All who could be given a conversation of this pool, as the simulation has them.
    pub(super) fn team(&self, pool: Pool) -> Team {
        let mut team = Team::default();
        for agent in self.pools.get(&pool).into_iter().flatten() {
            if let Some(member) = self.member(*agent, pool.1) {
                team.insert(member);
            }
        }
        team
    }

    /// Whether one of them has room.
    pub(super) fn has_room(&self, pool: Pool, view: View, of_workspace: Option<u32>) -> bool {
        let agents = self.pools.get(&pool).map(Vec::as_slice).unwrap_or_default();
        agents.iter().filter_map(|agent| self.known.get(agent)).any(|known| {
            let limit = known.own_limit.or(of_workspace).map(i64::from);
            known.online && limit.is_none_or(|limit| known.load_in(view) < limit)
        })
    }
}
