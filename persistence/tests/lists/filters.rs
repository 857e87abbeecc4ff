//! Lists of tickets and contacts with every filter, alone and together, are what a look at all of them finds.

use std::cell::RefCell;

use diesel::pg::PgConnection;
use domain::access::{Facts, Scope, Seen, Visible};
use domain::actor::Allocation;
use domain::agent::Role;
use domain::id::WorkspaceId;
use domain::search::{CustomerSearch, folded};
use domain::ticket::TicketStatus;
use persistence::contacts::{self, ContactSearch, NameSearch};
use persistence::tickets;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::people::{LABELS, Person, WORKSPACE, at, label, people, store};
use crate::throwaway::Throwaway;
use crate::truth::{all_pages, some_of};
use crate::world::{AGENTS, CHANNELS, agent, channel};

/// More than a search looks at before it goes by what is searched for.
const PEOPLE: usize = 6000;
const QUESTIONS: u32 = 150;

/// What is asked for, in numbers instead of ids; one above the last is a stranger's or gone.
#[derive(Debug, Clone)]
struct Question {
    reader: u128,
    everything: bool,
    agents: Vec<u128>,
    restricted_to: Option<Vec<u128>>,
    only_channels: Option<Vec<u128>>,
    q: String,
    asked: Asked,
    limit: i64,
}

#[derive(Debug, Clone)]
struct Asked {
    statuses: Vec<TicketStatus>,
    from: Option<i64>,
    to: Option<i64>,
    agents: Vec<u128>,
    channels: Vec<u128>,
    labels: Vec<u128>,
    blocked: Option<bool>,
}

fn mostly_none(count: u128) -> impl Strategy<Value = Vec<u128>> {
    prop_oneof![2 => Just(Vec::new()), 1 => some_of(count)]
}

prop_compose! {
    fn asked()(
        statuses in prop_oneof![Just(Vec::new()), subsequence(TicketStatus::ALL, 1..=3)],
        from in proptest::option::weighted(0.3, 0..400_i64), to in proptest::option::weighted(0.3, 0..400_i64),
        agents in mostly_none(AGENTS), channels in mostly_none(CHANNELS), labels in mostly_none(LABELS),
        blocked in prop_oneof![2 => Just(None), 1 => proptest::option::of(any::<bool>())],
    ) -> Asked {
        Asked { statuses, from, to, agents, channels, labels, blocked }
    }
}

prop_compose! {
    fn questions()(
        reader in 0..AGENTS, everything: bool, agents in some_of(AGENTS),
        restricted_to in proptest::option::weighted(0.4, some_of(CHANNELS)),
        only_channels in proptest::option::weighted(0.3, some_of(CHANNELS)),
        // None, what many have, what few have, what nobody has, a wild-card of `LIKE`, a part of a number.
        q in prop_oneof![3 => Just(String::new()), 1 => select(vec!["a", "BUDI", " á", "明"]).prop_map(String::from),
            2 => select(vec!["zq", "Xyzq A", "王明", "cc", "q"]).prop_map(String::from), 1 => Just("nobody".to_owned()),
            1 => select(vec!["%", "_", "% _", "\\"]).prop_map(String::from), 1 => "0?[0-9]{3,4}"],
        asked in asked(), limit in select(vec![7_i64, 26, 101]),
    ) -> Question {
        Question { reader, everything, agents, restricted_to, only_channels, q, asked, limit }
    }
}

impl Question {
    fn visible(&self, workspace_id: WorkspaceId) -> Visible {
        let channels = |all: &[u128]| all.iter().map(|one| channel(WORKSPACE, *one)).collect::<Vec<_>>();
        let scope = Scope {
            own: agent(WORKSPACE, self.reader),
            others: if self.everything {
                Seen::Everything
            } else {
                let agents = self.agents.iter().map(|one| agent(WORKSPACE, *one)).collect();
                Seen::HeldBy { agents, unassigned: false }
            },
            restricted_to: self
                .restricted_to
                .as_deref()
                .map(|allocated| Allocation { channels: channels(allocated), divisions: Vec::new() }),
            only_channels: self.only_channels.as_deref().map(channels),
        };
        Visible {
            workspace_id,
            agent_id: scope.own,
            role: Role::Agent,
            conversations: scope.clone(),
            tickets: scope,
            kinds: None,
        }
    }

    fn is_named(&self, person: &Person) -> bool {
        folded(&person.name).contains(&folded(self.q.trim()))
    }

    /// The digits are looked for in numbers too, without the zero that they are dialled with at home.
    fn is_number_of(&self, person: &Person) -> bool {
        let digits = self.q.trim_start_matches('0');
        let is_number = digits.len() > 2 && self.q.bytes().all(|byte| byte.is_ascii_digit());
        is_number && person.phone.as_ref().is_some_and(|phone| phone.contains(digits))
    }

    fn tickets(&self, visible: &Visible, people: &[Person]) -> Vec<(domain::time::Timestamp, Uuid)> {
        let asked = &self.asked;
        let any = |wanted: &[u128], one: u128| wanted.is_empty() || wanted.contains(&one);
        let mut keys = Vec::new();
        for person in people.iter().filter(|person| self.is_named(person)) {
            for (identity, conversation) in person.conversations() {
                for ticket in &conversation.tickets {
                    let facts = Facts {
                        channel: channel(WORKSPACE, identity.channel),
                        assignee: Some(agent(WORKSPACE, ticket.agent)),
                        division: None,
                    };
                    let is_in = (asked.statuses.is_empty() || asked.statuses.contains(&ticket.status))
                        && asked.from.is_none_or(|from| ticket.opened_at >= from)
                        && asked.to.is_none_or(|to| ticket.opened_at < to)
                        && any(&asked.agents, ticket.agent)
                        && any(&asked.channels, identity.channel)
                        && visible.tickets.contains(facts);
                    keys.extend(is_in.then(|| (at(ticket.opened_at), ticket.id)));
                }
            }
        }
        keys.sort_unstable_by(|one, other| other.cmp(one));
        keys
    }

    fn contacts(&self, visible: &Visible, people: &[Person]) -> Vec<Uuid> {
        let labelled = |person: &Person| {
            let wanted = &self.asked.labels;
            let has = |labels: &[u128]| labels.iter().any(|label| wanted.contains(label));
            wanted.is_empty() || person.conversations().any(|(_, one)| has(&one.labels))
        };
        let mut keys: Vec<(String, Uuid)> = people
            .iter()
            .filter(|one| self.is_named(one) || self.is_number_of(one))
            .filter(|one| labelled(one) && self.asked.blocked.is_none_or(|blocked| one.blocked == blocked))
            .filter(|one| visible.sees_contact(&one.facts()))
            .map(|one| (folded(&one.name), one.id()))
            .collect();
        keys.sort_unstable();
        keys.into_iter().map(|(_, id)| id).collect()
    }
}

fn ask(check: impl Fn(&mut PgConnection, WorkspaceId, &[Person], &Question)) {
    let database = Throwaway::migrated();
    let mut conn = database.connect();
    let known = people(PEOPLE).new_tree(&mut TestRunner::deterministic()).unwrap().current();
    let workspace = store(&mut conn, &known);
    let conn = RefCell::new(conn);
    let config = Config { cases: QUESTIONS, failure_persistence: None, ..Config::default() };
    let outcome = TestRunner::new(config).run(&questions(), |question| {
        check(&mut conn.borrow_mut(), workspace, &known, &question);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn a_list_of_tickets_is_what_all_its_filters_leave() {
    ask(|conn, workspace, known, question| {
        let (visible, asked) = (question.visible(workspace), &question.asked);
        let filter = tickets::Filter {
            statuses: asked.statuses.clone(),
            opened_from: asked.from.map(at),
            opened_to: asked.to.map(at),
            agents: asked.agents.iter().map(|one| agent(WORKSPACE, *one)).collect(),
            channels: asked.channels.iter().map(|one| channel(WORKSPACE, *one)).collect(),
            name: CustomerSearch::of("?q", &question.q).ok().map(NameSearch::from),
        };
        let listed = all_pages(question.limit, |after| {
            let after = after.map(|(at, id)| (at, id.into()));
            let page = tickets::list(conn, &visible, &filter, after, question.limit).unwrap();
            page.into_iter().map(|one| (one.opened_at, one.id.into())).collect()
        });
        assert_eq!(listed, question.tickets(&visible, known));
    });
}

#[test]
fn a_list_of_contacts_is_what_all_its_filters_leave_of_those_who_are_seen() {
    ask(|conn, workspace, known, question| {
        let (visible, asked) = (question.visible(workspace), &question.asked);
        let filter = contacts::Filter {
            search: CustomerSearch::of("?q", &question.q).ok().map(ContactSearch::from),
            labels: asked.labels.iter().map(|one| label(*one)).collect(),
            blocked: asked.blocked,
        };
        let (mut listed, mut after) = (Vec::new(), None);
        loop {
            let page = contacts::list(conn, &visible, &filter, after.clone(), question.limit).unwrap();
            after = page.last().map(|(key, _)| key.clone());
            let read = i64::try_from(page.len()).unwrap();
            listed.extend(page.into_iter().map(|(_, contact)| Uuid::from(contact.id)));
            if read < question.limit {
                break;
            }
        }
        assert_eq!(listed, question.contacts(&visible, known));
    });
}
