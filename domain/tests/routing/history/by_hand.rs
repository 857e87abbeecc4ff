//! What people do, and what it entails.

use chrono::TimeDelta;
use domain::conversation::Conversation;
use domain::id::{AgentId, ConversationId};
use domain::routing::{Configuration, Member};
use domain::timer::running;

use super::operations::Operation;
use super::world::World;
use crate::random::id;
use crate::timers::permit;

impl World {
    /// Lets something happen, but for routing. What is refused changes nothing.
    pub fn happen(&mut self, operation: Operation) {
        match operation {
            Operation::CustomerWrites(which) => {
                let (message, session, now) = (self.id(), self.id(), self.now);
                let mut after = self.conversations[&id(which)].clone();
                after.receive(message, now, session, now);
                self.save(after, None, now);
            }
            Operation::Reply(which, who) if self.member(id(who)).is_some() => self.reply(id(which), id(who)),
            Operation::Claim(which, who) if self.member(id(who)).is_some() => {
                let (fresh, now) = (self.fresh(), self.now);
                let mut after = self.conversations[&id(which)].clone();
                if let Ok(ticket) = after.claim(&permit(id(who), &after), fresh, now) {
                    self.save(after, ticket, now);
                }
            }
            Operation::Assign(which, who) if self.member(id(who)).is_some() => {
                let (fresh, now) = (self.fresh(), self.now);
                let mut after = self.conversations[&id(which)].clone();
                let ticket = after.assign(&permit(id(99), &after), id(who), fresh, now);
                self.save(after, ticket, now);
            }
            Operation::Unassign(which) => self.unassign(id(which)),
            Operation::Resolve(which) => self.resolve(id(which)),
            Operation::Archive(which, archived) => {
                let mut after = self.conversations[&id(which)].clone();
                after.archive(&permit(id(99), &after), archived, self.now);
                self.save(after, None, self.now);
            }
            Operation::GiveToDivision(which, division) => {
                let mut after = self.conversations[&id(which)].clone();
                if let Ok(ticket) = after.assign_division(&permit(id(99), &after), id(division), self.now) {
                    self.loses(id(which));
                    self.save(after, ticket, self.now);
                }
            }
            Operation::DeleteDivision(division) => self.delete_division(division),
            Operation::Says(who, availability, online) => {
                self.change_member(id(who), |member| {
                    (member.availability, member.online) = (availability, online)
                });
            }
            Operation::Limit(who, limit) => {
                self.change_member(id(who), |member| member.max_conversations = limit);
            }
            Operation::Allocate(who, channels, divisions) => {
                self.change_member(id(who), |member| {
                    (member.channels, member.divisions) = (channels, divisions)
                });
            }
            Operation::Leave(who) => self.leave(id(who)),
            Operation::Join(who, like) if self.member(id(who)).is_none() => {
                self.set_member(id(who), Some(like));
            }
            Operation::Configure(configuration) => self.configure(configuration),
            Operation::Clock(seconds) => {
                self.now = self.now.plus(TimeDelta::seconds(seconds));
                self.ledger.moved_at.values_mut().for_each(|(_, latest)| *latest = self.now.max(*latest));
            }
            Operation::Reply(..) | Operation::Claim(..) | Operation::Assign(..) | Operation::Join(..) => {}
            Operation::Route => self.route(),
        }
    }

    fn reply(&mut self, which: ConversationId, who: AgentId) {
        let (fresh, now) = (self.fresh(), self.now);
        let mut after = self.conversations[&which].clone();
        let ticket = after.reply(&permit(who, &after), fresh, now);
        self.ledger.lost.remove(&which);
        self.save(after, ticket, now);
    }

    fn unassign(&mut self, which: ConversationId) {
        let mut after = self.conversations[&which].clone();
        if let Ok(ticket) = after.unassign(&permit(id(99), &after), self.now) {
            self.loses(which);
            self.save(after, Some(ticket), self.now);
        }
    }

    fn resolve(&mut self, which: ConversationId) {
        let mut after = self.conversations[&which].clone();
        let holder = after.assignee();
        if after.resolve(&permit(id(99), &after)).is_ok() {
            self.resolvers.extend(holder.map(|holder| (which, holder)));
            self.ledger.lost.remove(&which);
            self.save(after, None, self.now);
        }
    }

    /// Whoever holds it is remembered as one who had it.
    pub fn loses(&mut self, which: ConversationId) {
        if let Some(holder) = self.conversations[&which].assignee() {
            self.ledger.lost.entry(which).or_default().insert(holder);
        }
    }

    fn delete_division(&mut self, division: u128) {
        let waiting: Vec<Conversation> = self
            .conversations
            .values()
            .filter(|one| one.division_id == Some(id(division)))
            .cloned()
            .collect();
        self.asked.whole |= !waiting.is_empty();
        for mut after in waiting {
            after.leave_division(&permit(id(99), &after));
            self.conversations.insert(after.id, after);
        }
        for member in self.members() {
            if member.divisions.contains(&id(division)) {
                self.change_member(member.id, |member| member.divisions.retain(|one| *one != id(division)));
            }
        }
    }

    fn change_member(&mut self, who: AgentId, change: impl FnOnce(&mut Member)) {
        if let Some(mut member) = self.member(who) {
            change(&mut member);
            self.set_member(who, Some(member));
        }
    }

    fn leave(&mut self, who: AgentId) {
        let held: Vec<Conversation> =
            self.conversations.values().filter(|one| one.assignee() == Some(who)).cloned().collect();
        for mut after in held {
            let ticket = after.lose_holder(&permit(id(99), &after), self.now);
            self.save(after, ticket, self.now);
        }
        self.set_member(who, None);
    }

    fn configure(&mut self, configuration: Configuration) {
        let before = std::mem::replace(&mut self.configuration, configuration);
        self.configuration.version = before.version + 1;
        // What was remembered was by other settings.
        self.memory = None;
        self.asked.whole = true;
        let unanswered: Vec<Conversation> =
            self.conversations.values().filter(|one| one.unanswered_since.is_some()).cloned().collect();
        for conversation in unanswered {
            let channel = conversation.channel_id;
            let (old, new) = (before.timer_rules(channel), self.configuration.timer_rules(channel));
            if old != new {
                self.run_timers(conversation.id, running(&conversation, new));
            }
        }
    }
}
