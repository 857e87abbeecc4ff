//! What was decided, carried out.

use std::collections::{BTreeMap, HashMap};

use domain::conversation::{Conversation, FreshIds, TicketChange};
use domain::event::{Audience, EventType, Sight};
use domain::id::{AgentId, ConversationId, RoutingDecisionId, WorkspaceId};
use domain::notification::NotificationKind;
use domain::resource::{
    self, AgentRef, EventActor, RoutingDecision, StickyAgent, SystemEvent, SystemEventType,
};
use domain::routing::{
    CANDIDATES_NAMED, Configuration, Decision, DecisionOutcome, Inquiry, Outcome, RULES_VERSION, Trigger,
};
use domain::time::Timestamp;
use domain::timer::{self, TimerState};
use persistence::agents::CountsChange;
use persistence::error::{Failure, StoreError};
use persistence::routing::StoredDecision;
use persistence::timers::{self, Due};
use persistence::{conversations, messages, routing};

use crate::ops::conversations::{changed, system_message};
use crate::ops::notifications::{About, Notice, notify};
use crate::ops::tickets;
use crate::ops::transaction::{Change, Look, Tx};

/// A decision about a conversation.
pub(super) struct Verdict {
    pub conversation: ConversationId,
    pub trigger: Trigger,
    /// The timer by which it was to go to somebody else.
    pub timer: Option<Due>,
    /// When it takes effect; no two assignments have the same time.
    pub at: Timestamp,
    pub duration_us: i64,
    pub winner: Option<(AgentId, String)>,
    pub inquiry: Inquiry,
    pub decision: Decision,
}

impl Verdict {
    pub(super) fn agent(&self) -> Option<AgentId> {
        self.decision.winner()
    }

    /// To whom the customer was to return, and what came of that.
    fn sticky_agent(&self, names: &HashMap<AgentId, String>) -> Option<StickyAgent> {
        let id = self.inquiry.sticky_agent_id?;
        Some(StickyAgent {
            agent: AgentRef { id, name: names.get(&id).cloned().unwrap_or_default() },
            chosen: self.agent() == Some(id),
            left_out: self.decision.candidate(id).and_then(|candidate| candidate.left_out),
        })
    }

    /// As it is kept.
    fn stored(&self, id: RoutingDecisionId, settings_version: i64) -> StoredDecision {
        let (candidates, omitted) = self.decision.ranked(CANDIDATES_NAMED);
        StoredDecision {
            id,
            conversation_id: self.conversation,
            trigger: self.trigger,
            at: self.at,
            outcome: self.outcome(),
            agent_id: self.agent(),
            reason: self.decision.reason,
            tie_break: self.decision.tie_break,
            inquiry: self.inquiry.clone(),
            candidates,
            omitted,
            settings_version,
            rules_version: RULES_VERSION,
            duration_us: self.duration_us,
        }
    }

    /// As events carry it.
    fn told(&self, stored: StoredDecision, names: &HashMap<AgentId, String>) -> RoutingDecision {
        RoutingDecision {
            id: stored.id,
            conversation_id: stored.conversation_id,
            trigger: stored.trigger,
            at: stored.at,
            outcome: stored.outcome,
            agent: self.winner.clone().map(|(id, name)| AgentRef { id, name }),
            reason: stored.reason,
            tie_break: stored.tie_break,
            sticky_agent: self.sticky_agent(names),
            inquiry: stored.inquiry,
            candidates: None,
            omitted: None,
            settings_version: stored.settings_version,
            rules_version: stored.rules_version,
            duration_us: stored.duration_us,
        }
    }

    fn outcome(&self) -> DecisionOutcome {
        match self.decision.outcome {
            Outcome::Found(_) => DecisionOutcome::Assigned,
            Outcome::NotFound(_) if self.timer.is_some() => DecisionOutcome::Kept,
            Outcome::NotFound(_) => DecisionOutcome::Queued,
        }
    }
}

/// A conversation that changed hands.
struct Moved {
    before: Conversation,
    after: Conversation,
    ticket: TicketChange,
    text: String,
    event: SystemEvent,
}

/// Stores what was decided and everything that follows from it, and tells of it.
pub(super) fn apply(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    locked: &BTreeMap<ConversationId, Conversation>,
    verdicts: Vec<Verdict>,
) -> Result<(), Failure> {
    if verdicts.is_empty() {
        return Ok(());
    }
    let mut moved: Vec<Moved> = Vec::new();
    let (mut decided, mut blocked) = (Vec::new(), Vec::new());
    for verdict in &verdicts {
        let Some(before) = locked.get(&verdict.conversation) else { continue };
        match move_one(tx, workspace, configuration, before, verdict) {
            Some(one) => moved.push(one),
            None if verdict.timer.is_some() => blocked.extend(verdict.timer.map(|timer| timer.id)),
            None => decided.push(verdict.conversation),
        }
    }
    timers::set_state(tx.conn, workspace, blocked, TimerState::Blocked)?;
    if !decided.is_empty() {
        conversations::mark_decided(tx.conn, workspace, decided)?;
    }
    tell_moved(tx, workspace, &mut moved)?;
    keep(tx, workspace, configuration, locked, &moved, &verdicts)?;
    tell_people(tx, workspace, &moved, &verdicts)
}

/// Lets the conversation go where it was decided. `None`: it stays where it is.
fn move_one(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    before: &Conversation,
    verdict: &Verdict,
) -> Option<Moved> {
    let mut after = before.clone();
    let now = tx.now;
    let fresh = FreshIds { session: tx.id(), ticket: tx.id() };
    let ticket = match verdict.decision.outcome {
        Outcome::Found(placement) => after.place(placement, verdict.trigger, fresh, now),
        Outcome::NotFound(_) if verdict.timer.is_some() => None,
        Outcome::NotFound(nobody) => after.queue(nobody, verdict.trigger, now),
    }?;
    let rules = configuration.timer_rules(after.channel_id);
    tx.run_timers(workspace, after.id, timer::running(&after, rules));
    if let Some(holder) = before.assignee() {
        tx.count(workspace, holder, CountsChange { assigned: -1, ..CountsChange::default() });
        tx.look_at(workspace, Look::Agent(holder), Trigger::SlotFreed);
    }
    if let Some((agent, _)) = &verdict.winner {
        let member = verdict.decision.candidate(*agent);
        let change = CountsChange {
            assigned: 1,
            assigned_at: Some(verdict.at),
            at_most: member.and_then(|one| one.limit).map(i64::from),
            ..CountsChange::default()
        };
        tx.count(workspace, *agent, change);
    }
    let (text, event) = words(verdict);
    Some(Moved { before: before.clone(), after, ticket, text, event })
}

/// What the thread says of it.
fn words(verdict: &Verdict) -> (String, SystemEvent) {
    let agent = verdict.winner.as_ref().map(|(id, name)| AgentRef { id: *id, name: name.clone() });
    let name = verdict.winner.as_ref().map(|(_, name)| name.as_str());
    let text = match (name, verdict.trigger) {
        (Some(name), Trigger::Unanswered) => {
            format!("The conversation went to {name}: it was not answered in time")
        }
        (Some(name), Trigger::Handover) => format!("The conversation went to {name}: its holder is offline"),
        (Some(name), _) => format!("The conversation was given to {name}"),
        (None, _) => "The conversation is back in the queue: its holder is offline".to_owned(),
    };
    let event = if name.is_some() { SystemEventType::Routed } else { SystemEventType::Queued };
    (text, SystemEvent { agent, trigger: Some(verdict.trigger), ..SystemEvent::new(event) })
}

fn tell_moved(tx: &mut Tx<'_>, workspace: WorkspaceId, moved: &mut [Moved]) -> Result<(), Failure> {
    if moved.is_empty() {
        return Ok(());
    }
    let (actor, now) = (EventActor::system(), tx.now);
    let mut saved: Vec<_> = moved.iter().map(|one| (workspace, one.after.clone())).collect();
    conversations::save_many(tx.conn, &mut saved)?;
    for (one, (_, after)) in moved.iter_mut().zip(saved) {
        one.after = after;
    }
    let keys = moved.iter().map(|one| (workspace, one.after.id)).collect();
    let mut shapes: HashMap<ConversationId, resource::Conversation> =
        conversations::shapes(tx.conn, keys, now)?.into_iter().map(|(_, shape)| (shape.id, shape)).collect();
    let mut notes = Vec::with_capacity(moved.len());
    for one in moved.iter() {
        let shape = shapes.remove(&one.after.id).ok_or_else(|| gone(one.after.id))?;
        let assigned = one.after.assignee().is_some();
        tx.tell(Change {
            workspace_id: workspace,
            event_type: if assigned {
                EventType::ConversationAssigned
            } else {
                EventType::ConversationUnassigned
            },
            audience: Audience::Conversation(Sight {
                before: Some(one.before.facts()),
                after: Some(one.after.facts()),
            }),
            conversation_id: Some(one.after.id),
            actor: &actor,
            data: &shape,
            previous: Some(changed(&one.before, &one.after)),
        });
        let session = one.after.session().map(|session| session.id);
        let (text, event) = (one.text.clone(), one.event.clone());
        notes.push(system_message(tx, workspace, &one.after, session, text, event));
    }
    let facts: HashMap<ConversationId, _> =
        moved.iter().map(|one| (one.after.id, one.after.facts())).collect();
    let keys = notes.iter().map(|note| (workspace, note.id)).collect();
    messages::insert_new(tx.conn, notes)?;
    for (_, message) in messages::shapes(tx.conn, keys)? {
        let Some(facts) = facts.get(&message.conversation_id) else { continue };
        tx.tell(Change {
            workspace_id: workspace,
            event_type: EventType::MessageCreated,
            audience: Audience::Conversation(Sight::unchanged(*facts)),
            conversation_id: Some(message.conversation_id),
            actor: &actor,
            data: &message,
            previous: None,
        });
    }
    let changes: Vec<_> = moved.iter().map(|one| (&one.after, one.ticket)).collect();
    tickets::follow_many(tx, workspace, &changes, &actor)
}

/// Stores the decisions and tells of them.
fn keep(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    configuration: &Configuration,
    locked: &BTreeMap<ConversationId, Conversation>,
    moved: &[Moved],
    verdicts: &[Verdict],
) -> Result<(), Failure> {
    let stored: Vec<StoredDecision> =
        verdicts.iter().map(|verdict| verdict.stored(tx.id(), configuration.version)).collect();
    routing::insert_decisions(tx.conn, workspace, &stored)?;
    let after: HashMap<ConversationId, &Conversation> =
        moved.iter().map(|one| (one.after.id, &one.after)).collect();
    let wanted: Vec<AgentId> =
        verdicts.iter().filter_map(|verdict| verdict.inquiry.sticky_agent_id).collect();
    let names = if wanted.is_empty() { HashMap::new() } else { routing::names(tx.conn, workspace, wanted)? };
    for (decision, verdict) in stored.into_iter().zip(verdicts) {
        let id = decision.conversation_id;
        let Some(conversation) = after.get(&id).copied().or_else(|| locked.get(&id)) else { continue };
        let shape = verdict.told(decision, &names);
        let event_type = match shape.outcome {
            DecisionOutcome::Assigned => EventType::RoutingDecided,
            DecisionOutcome::Queued | DecisionOutcome::Kept => EventType::RoutingQueued,
        };
        tx.tell(Change {
            workspace_id: workspace,
            event_type,
            audience: Audience::Conversation(Sight::unchanged(conversation.facts())),
            conversation_id: Some(id),
            actor: &EventActor::system(),
            data: &shape,
            previous: None,
        });
    }
    Ok(())
}

fn tell_people(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    moved: &[Moved],
    verdicts: &[Verdict],
) -> Result<(), Failure> {
    let after: HashMap<ConversationId, &Moved> = moved.iter().map(|one| (one.after.id, one)).collect();
    let mut notices = Vec::new();
    for verdict in verdicts {
        let Some(one) = after.get(&verdict.conversation) else { continue };
        let notice = |agent_id, kind| Notice {
            agent_id,
            kind,
            about: About::Conversation(one.after.id, one.after.ticket()),
            text: one.text.clone(),
        };
        if let Some((agent, _)) = &verdict.winner {
            let handed_over = verdict.trigger == Trigger::Handover && one.before.assignee().is_some();
            let kind = if handed_over { NotificationKind::HandedOver } else { NotificationKind::Assigned };
            notices.push(notice(*agent, kind));
        }
        if let Some(holder) = one.before.assignee() {
            notices.push(notice(holder, NotificationKind::Transferred));
        }
    }
    notify(tx, workspace, &EventActor::system(), notices)
}

fn gone(id: ConversationId) -> StoreError {
    StoreError::Unreadable { table: "conversations", column: "id", id: id.to_string() }
}
