//! The team, as routing sees it.

use std::collections::{BTreeMap, HashMap};

use chrono::TimeDelta;

use crate::agent::{Availability, Role};
use crate::id::{AgentId, ChannelId, DivisionId};
use crate::time::Timestamp;

/// An active member of the team, with all that routing asks of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The member.
    pub id: AgentId,
    /// Its role.
    pub role: Role,
    /// What it says of itself.
    pub availability: Availability,
    /// Whether it counts as online.
    pub online: bool,
    /// Its own limit of held conversations; `None`: the workspace's.
    pub max_conversations: Option<u32>,
    /// The channels that it is allocated to.
    pub channels: Vec<ChannelId>,
    /// The divisions that it belongs to.
    pub divisions: Vec<DivisionId>,
    /// How many conversations it holds.
    pub load: u32,
    /// When it last came to hold one.
    pub last_assigned_at: Option<Timestamp>,
}

impl Member {
    /// Is it gone, so that its conversations are handed over? Who is away said so, and keeps them.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        !self.online && self.availability != Availability::Away
    }

    /// The most conversations that it is given, where the workspace's limit is this.
    #[must_use]
    pub fn limit(&self, of_workspace: Option<u32>) -> Option<u32> {
        self.max_conversations.or(of_workspace)
    }

    /// Has it room for one more?
    #[must_use]
    pub fn has_room(&self, of_workspace: Option<u32>) -> bool {
        self.limit(of_workspace).is_none_or(|limit| self.load < limit)
    }
}

/// All active members.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Team {
    members: BTreeMap<AgentId, Member>,
    /// How many members are allocated to a channel; one without any is open to all.
    allocated: HashMap<ChannelId, usize>,
    /// The newest assignment of anybody: the next one is after it, so that the order of turns is never in doubt.
    latest: Option<Timestamp>,
}

/// What somebody who is online and has room takes. It depends on nothing but the conversation's channel and division, and
/// on who holds it: where somebody else is in reach, [`decide`](super::decide()) finds somebody.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reach {
    /// The channels with agents of their own.
    pub allocated: Vec<ChannelId>,
    /// What is taken.
    pub places: Vec<Place>,
    /// How many more conversations can be given to somebody; `None`: any number.
    pub slots: Option<u32>,
}

/// A channel and a division from which somebody takes conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The channel; `None`: every one without agents of its own.
    pub channel: Option<ChannelId>,
    /// The division that is asked for; `None`: conversations that ask for none.
    pub division: Option<DivisionId>,
    /// The member, if there is only one.
    pub only: Option<AgentId>,
}

impl Team {
    /// What those who are online and have room could take, where the workspace's limit is this.
    #[must_use]
    pub fn reach(&self, of_workspace: Option<u32>) -> Reach {
        let mut places: BTreeMap<(Option<ChannelId>, Option<DivisionId>), Option<AgentId>> = BTreeMap::new();
        let mut slots = Some(0_u32);
        for member in self.iter().filter(|member| member.online && member.has_room(of_workspace)) {
            let divisions = || std::iter::once(None).chain(member.divisions.iter().copied().map(Some));
            let of_channels = member
                .channels
                .iter()
                .flat_map(|channel| divisions().map(|division| (Some(*channel), division)));
            // Admins and supervisors take conversations only of what they are allocated to by name.
            let by_name = |division: &Option<DivisionId>| member.role == Role::Agent || division.is_some();
            let open = divisions().filter(by_name).map(|division| (None, division));
            for place in of_channels.chain(open) {
                places.entry(place).and_modify(|only| *only = None).or_insert(Some(member.id));
            }
            let room = member.limit(of_workspace).map(|limit| limit.saturating_sub(member.load));
            slots = slots.zip(room).map(|(sum, room)| sum.saturating_add(room));
        }
        let place = |((channel, division), only)| Place { channel, division, only };
        let places = places.into_iter().map(place).collect();
        Reach { allocated: self.allocated.keys().copied().collect(), places, slots }
    }

    /// Puts a member in, or in the place of what was known of it.
    pub fn insert(&mut self, member: Member) {
        self.remove(member.id);
        for channel in &member.channels {
            *self.allocated.entry(*channel).or_default() += 1;
        }
        self.note_turn(member.last_assigned_at);
        self.members.insert(member.id, member);
    }

    /// Takes a member out.
    pub fn remove(&mut self, id: AgentId) {
        let Some(member) = self.members.remove(&id) else { return };
        for channel in &member.channels {
            if let Some(count) = self.allocated.get_mut(channel) {
                *count -= 1;
                if *count == 0 {
                    self.allocated.remove(channel);
                }
            }
        }
    }

    /// A member.
    #[must_use]
    pub fn get(&self, id: AgentId) -> Option<&Member> {
        self.members.get(&id)
    }

    /// Every member, in the order of ids.
    pub fn iter(&self) -> impl Iterator<Item = &Member> {
        self.members.values()
    }

    /// How many members there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there is no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Does the channel have agents of its own? One without is open to all.
    #[must_use]
    pub fn is_allocated(&self, channel: ChannelId) -> bool {
        self.allocated.contains_key(&channel)
    }

    /// Now, or a microsecond after the newest assignment: no two assignments have the same time, and none is earlier than
    /// one before it, even when the clock is set back.
    #[must_use]
    pub fn next_turn(&self, now: Timestamp) -> Timestamp {
        self.latest.map_or(now, |latest| now.max(latest.plus(TimeDelta::microseconds(1))))
    }

    /// Somebody was given a conversation at this time, who need not be in the team any longer.
    pub fn note_turn(&mut self, at: Option<Timestamp>) {
        self.latest = self.latest.max(at);
    }

    /// A member holds one conversation more, as of `at`.
    pub fn give(&mut self, id: AgentId, at: Timestamp) {
        self.note_turn(Some(at));
        if let Some(member) = self.members.get_mut(&id) {
            member.load = member.load.saturating_add(1);
            member.last_assigned_at = Some(at);
        }
    }

    /// A member holds one conversation less.
    pub fn take(&mut self, id: AgentId) {
        if let Some(member) = self.members.get_mut(&id) {
            member.load = member.load.saturating_sub(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::{Inquiry, Outcome, Strategy, decide};
    use uuid::Uuid;

    fn channel(n: u128) -> ChannelId {
        ChannelId(Uuid::from_u128(n))
    }

    fn division(n: u128) -> DivisionId {
        DivisionId(Uuid::from_u128(n))
    }

    /// The n-th of 128 kinds of members.
    fn member(id: u128, n: u32) -> Member {
        let (full, bits) = (n & 1 == 1, |at: u32| (1..=2).filter(move |of| n >> (at + of - 1) & 1 == 1));
        Member {
            id: AgentId(Uuid::from_u128(id)),
            role: if n >> 1 & 1 == 1 { Role::Supervisor } else { Role::Agent },
            availability: Availability::Online,
            online: n >> 2 & 1 == 0,
            max_conversations: full.then_some(1),
            channels: bits(3).map(|of| channel(u128::from(of))).collect(),
            divisions: bits(5).map(|of| division(u128::from(of))).collect(),
            load: 1,
            last_assigned_at: None,
        }
    }

    fn is_in_reach(reach: &Reach, inquiry: &Inquiry) -> bool {
        let channel = Some(inquiry.channel_id).filter(|channel| reach.allocated.contains(channel));
        reach.places.iter().any(|place| {
            place.channel == channel
                && place.division == inquiry.division_id
                && (place.only.is_none() || place.only != inquiry.holder_id)
        })
    }

    #[test]
    fn what_is_in_reach_is_what_somebody_is_found_for() {
        for n in 0..128 * 128 {
            let mut team = Team::default();
            team.insert(member(1, n % 128));
            team.insert(member(2, n / 128));
            let reach = team.reach(None);
            for asked in 0..27 {
                let inquiry = Inquiry {
                    channel_id: channel(asked % 3),
                    division_id: Some(asked / 3 % 3).filter(|of| *of > 0).map(division),
                    holder_id: Some(asked / 9).filter(|of| *of > 0).map(|of| AgentId(Uuid::from_u128(of))),
                    previous_holder_ids: vec![AgentId(Uuid::from_u128(1))],
                    sticky_agent_id: None,
                    strategy: Strategy::LeastBusy,
                    max_conversations: None,
                };
                let found = matches!(decide(&team, &inquiry).outcome, Outcome::Found(_));
                assert_eq!(is_in_reach(&reach, &inquiry), found, "{team:?} {inquiry:?}");
            }
        }
    }
}
