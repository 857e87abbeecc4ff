//! What is stored, when routing has nothing left to do.

use std::collections::{BTreeMap, BTreeSet};

use domain::conversation::{Conversation, State};
use domain::id::{AgentId, ConversationId};
use domain::routing::{Configuration, Member, Outcome, Team, decide};
use domain::time::Timestamp;
use domain::timer::{self, TimerKind};
use harness::TestApp;
use persistence::{conversations, routing, settings};

/// Rows that must not be there.
const WRONG: [(&str, &str); 5] = [
    (
        "counts are the facts",
        "SELECT n.agent_id || ': ' || n.assigned || ' by its count, ' || count(c.id) AS value
         FROM agent_counts n LEFT JOIN conversations c ON c.workspace_id = n.workspace_id AND c.assignee_id = n.agent_id
         GROUP BY n.workspace_id, n.agent_id, n.assigned HAVING n.assigned <> count(c.id)",
    ),
    (
        "the ticket has the one holder that the conversation has",
        "SELECT c.id || ': ' || coalesce(string_agg(h.agent_id::text, ', '), 'nobody') AS value
         FROM conversations c LEFT JOIN ticket_holders h
             ON h.workspace_id = c.workspace_id AND h.ticket_id = c.ticket_id AND h.to_at IS NULL
         GROUP BY c.workspace_id, c.id, c.assignee_id
         HAVING coalesce(string_agg(h.agent_id::text, ', '), '') <> coalesce(c.assignee_id::text, '')",
    ),
    (
        "no ticket of another session has a holder",
        "SELECT h.ticket_id::text AS value FROM ticket_holders h WHERE h.to_at IS NULL
             AND NOT EXISTS (SELECT FROM conversations c WHERE c.workspace_id = h.workspace_id AND c.ticket_id = h.ticket_id)",
    ),
    (
        "a stored decision says why it waits",
        "SELECT c.id || ' waits since ' || c.waiting_since AS value FROM conversations c JOIN assignment_settings s
             ON s.workspace_id = c.workspace_id AND s.assignment_enabled AND s.auto_assign
         WHERE c.waiting_since IS NOT NULL AND c.archived_at IS NULL AND NOT (c.waiting_decided AND EXISTS (
             SELECT FROM routing_decisions d WHERE d.workspace_id = c.workspace_id AND d.conversation_id = c.id
                 AND d.outcome = 'queued' AND d.at >= c.waiting_since))",
    ),
    (
        "at most one move per interval, and none is shorter than a minute",
        "SELECT h.ticket_id || ' moves at ' || h.from_at AS value FROM ticket_holders h JOIN ticket_holders b
             ON b.workspace_id = h.workspace_id AND b.ticket_id = h.ticket_id AND b.position = h.position - 1
         WHERE h.reason = 'unanswered_transfer' AND h.from_at < b.from_at + interval '1 minute'",
    ),
];

/// Everything that is stored, by the rules of the domain.
struct Stored {
    now: Timestamp,
    configuration: Configuration,
    members: Vec<Member>,
    conversations: Vec<Conversation>,
    resolvers: BTreeMap<ConversationId, AgentId>,
}

pub fn check(app: &TestApp) {
    for (what, query) in WRONG {
        let rows = app.database.values(query);
        assert!(rows.is_empty(), "{what}: {rows:?}");
    }
    let stored = Stored::read(app);
    for conversation in &stored.conversations {
        stored.check_reach(conversation);
    }
    stored.check_timers(app);
}

impl Stored {
    fn read(app: &TestApp) -> Self {
        let (mut conn, workspace) = (app.database.connect(), app.team.workspace);
        let ids: Vec<ConversationId> = app
            .database
            .values("SELECT id::text AS value FROM conversations")
            .iter()
            .map(|id| id.parse::<uuid::Uuid>().unwrap().into())
            .collect();
        let keys = ids.iter().map(|id| (workspace, *id)).collect();
        let found = conversations::lock_many(&mut conn, keys).unwrap();
        Self {
            now: app.clock.now(),
            configuration: settings::configuration(&mut conn, workspace).unwrap().unwrap(),
            members: routing::team(&mut conn, workspace).unwrap(),
            conversations: found.into_iter().map(|(_, conversation)| conversation).collect(),
            resolvers: routing::last_resolvers(&mut conn, workspace, ids).unwrap().into_iter().collect(),
        }
    }

    /// Nobody could take what waits, or what its holder has kept for too long.
    fn check_reach(&self, conversation: &Conversation) {
        let waits = match conversation.state {
            State::Waiting { .. } => conversation.archived_at.is_none() && self.configuration.assigns(),
            State::Held { .. } => self.is_overdue(conversation),
            State::Resolved => false,
        };
        if waits {
            let mut team = Team::default();
            self.members.iter().for_each(|member| team.insert(member.clone()));
            let resolver = self.resolvers.get(&conversation.id).copied();
            let decision = decide(&team, &self.configuration.inquiry(conversation, resolver));
            assert!(matches!(decision.outcome, Outcome::NotFound(_)), "{conversation:?} waits: {decision:?}");
        }
    }

    fn is_overdue(&self, conversation: &Conversation) -> bool {
        let rules = self.configuration.timer_rules(conversation.channel_id);
        timer::running(conversation, rules)
            .iter()
            .any(|one| one.kind == TimerKind::UnansweredTransfer && one.due_at <= self.now)
    }

    /// The timers that are stored are those that run by the rules; who is gone for too long holds nothing.
    fn check_timers(&self, app: &TestApp) {
        let mut wanted = BTreeSet::new();
        for conversation in &self.conversations {
            for one in timer::running(conversation, self.configuration.timer_rules(conversation.channel_id)) {
                wanted.insert(line(conversation.id, one.kind, one.since, one.due_at));
            }
        }
        for member in &self.members {
            let watched = member.is_gone() && member.load > 0;
            if let Some(grace) = self.configuration.handover_after().filter(|_| watched) {
                let since = app.database.values(&format!(
                    "SELECT running_since::text AS value FROM timers WHERE agent_id = '{}'",
                    member.id
                ));
                let since = since.first().unwrap_or_else(|| panic!("{member:?} is not watched"));
                let since =
                    Timestamp::new(chrono::DateTime::parse_from_str(since, "%F %T%.f%#z").unwrap().into());
                assert!(since.plus(grace) > self.now, "{member:?} is gone since {since} and holds something");
                wanted.insert(line(member.id, TimerKind::Handover, since, since.plus(grace)));
            }
        }
        let stored = |which: &str| -> BTreeSet<String> {
            let query = format!(
                "SELECT coalesce(conversation_id, agent_id) || ' ' || kind || ' '
                     || (extract(epoch FROM running_since) * 1000000)::bigint || ' '
                     || (extract(epoch FROM due_at) * 1000000)::bigint AS value FROM timers WHERE {which}"
            );
            app.database.values(&query).into_iter().collect()
        };
        // A notice that was given stays until an agent answers, also with the setting off: on again, it is not given twice.
        let given = stored("kind = 'supervisor_notice' AND state = 'fired'");
        let mut running = stored("true");
        running.retain(|one| wanted.contains(one) || !given.contains(one));
        assert_eq!(running, wanted);
    }
}

fn line(of: impl std::fmt::Display, kind: TimerKind, since: Timestamp, due: Timestamp) -> String {
    format!("{of} {kind} {} {}", since.unix_micros(), due.unix_micros())
}
