//! A list is what `Scope::contains` says of each conversation and ticket, in order, however it is cut into pages.

use std::ops::RangeInclusive;

use diesel::pg::PgConnection;
use domain::access::{Facts, Scope, Seen, Visible};
use domain::actor::Allocation;
use domain::agent::Role;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::WorkspaceId;
use domain::time::Timestamp;
use persistence::conversations::{self, Filter};
use persistence::tickets;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::cost::list_plans;
use crate::throwaway::Throwaway;
use crate::world::{AGENTS, CHANNELS, DIVISIONS, Known, agent, channel, conversations, division, store};

const WORLDS: u128 = 3;
const QUESTIONS: u32 = 250;

/// What is asked for, in numbers instead of ids; one above the last is a stranger's or gone.
#[derive(Debug, Clone)]
pub struct Question {
    reader: u128,
    everything: bool,
    agents: Vec<u128>,
    unassigned: bool,
    restricted_to: Option<(Vec<u128>, Vec<u128>)>,
    only_channels: Option<Vec<u128>>,
    tab: Tab,
    statuses: Vec<ConversationStatus>,
    pub channels: Vec<u128>,
    pub divisions: Vec<u128>,
    pub limit: i64,
}

pub fn some_of(count: u128) -> impl Strategy<Value = Vec<u128>> {
    let numbers: Vec<u128> = (0..=count).collect();
    subsequence(numbers, 0..=usize::try_from(count).unwrap()).prop_shuffle()
}

prop_compose! {
    fn questions()(
        reader in 0..AGENTS, everything: bool, agents in some_of(AGENTS), unassigned: bool,
        restricted_to in proptest::option::of((some_of(CHANNELS), some_of(DIVISIONS))),
        only_channels in proptest::option::weighted(0.3, some_of(CHANNELS)),
        tab in select(Tab::ALL),
        statuses in prop_oneof![Just(Vec::new()), subsequence(ConversationStatus::ALL, 1..=3)],
        channels in prop_oneof![Just(Vec::new()), some_of(CHANNELS)],
        divisions in prop_oneof![3 => Just(Vec::new()), 1 => some_of(DIVISIONS)],
        // The lengths that there are texts for, and others.
        limit in prop_oneof![1..6_i64, Just(26), Just(27), Just(51), Just(52), Just(101)],
    ) -> Question {
        Question {
            reader, everything, agents, unassigned, restricted_to, only_channels, tab, statuses, channels, divisions, limit
        }
    }
}

impl Question {
    pub fn scope(&self, workspace: u128) -> Scope {
        let channels = |all: &[u128]| all.iter().map(|one| channel(workspace, *one)).collect::<Vec<_>>();
        Scope {
            own: agent(workspace, self.reader),
            others: if self.everything {
                Seen::Everything
            } else {
                let agents = self.agents.iter().map(|one| agent(workspace, *one)).collect();
                Seen::HeldBy { agents, unassigned: self.unassigned }
            },
            restricted_to: self.restricted_to.as_ref().map(|(allocated, divisions)| Allocation {
                channels: channels(allocated),
                divisions: divisions.iter().map(|one| division(workspace, *one)).collect(),
            }),
            only_channels: self.only_channels.as_deref().map(channels),
        }
    }

    pub fn visible(&self, workspace: u128, workspace_id: WorkspaceId) -> Visible {
        let scope = self.scope(workspace);
        Visible {
            workspace_id,
            agent_id: scope.own,
            role: Role::Agent,
            conversations: scope.clone(),
            tickets: scope,
            kinds: None,
        }
    }

    fn filter(&self, workspace: u128) -> Filter {
        let channels = self.channels.iter().map(|one| channel(workspace, *one)).collect();
        Filter { tab: self.tab, channels, statuses: self.statuses.clone() }
    }

    fn asks_for(&self, one: &Known) -> bool {
        one.is_in(self.tab, self.reader)
            && (self.statuses.is_empty() || self.statuses.contains(&one.status))
            && (self.channels.is_empty() || self.channels.contains(&one.channel))
    }
}

pub type Key = (Timestamp, Uuid);

/// Every page after another, as a client reads them.
pub fn all_pages(limit: i64, mut page: impl FnMut(Option<Key>) -> Vec<Key>) -> Vec<Key> {
    let mut all: Vec<Key> = Vec::new();
    loop {
        let one = page(all.last().copied());
        let full = one.len() == usize::try_from(limit).unwrap();
        assert!(full || one.len() < usize::try_from(limit).unwrap(), "a page longer than asked for");
        all.extend(one);
        if !full {
            return all;
        }
    }
}

fn expected(known: &[Known], workspace: u128, is_in: impl Fn(&Known) -> bool) -> Vec<Key> {
    let chosen = known.iter().filter(|one| is_in(one));
    let mut keys: Vec<Key> = chosen.map(|one| (one.active_at(), one.id(workspace))).collect();
    keys.sort_by(|one, other| other.cmp(one));
    keys
}

/// A few worlds, and many questions to each; all by so many texts.
pub fn ask(
    texts: RangeInclusive<usize>,
    check: impl Fn(&mut PgConnection, u128, WorkspaceId, &[Known], &Question),
) {
    let database = Throwaway::migrated();
    let mut conn = database.connect();
    let mut runner = TestRunner::deterministic();
    let worlds: Vec<(u128, Vec<Known>)> = (1..=WORLDS)
        .map(|world| (world, conversations(250).new_tree(&mut runner).unwrap().current()))
        .collect();
    let ids: Vec<WorkspaceId> = worlds.iter().map(|(world, known)| store(&mut conn, *world, known)).collect();
    let conn = std::cell::RefCell::new(conn);
    for ((world, known), id) in worlds.iter().zip(ids) {
        let mut runner =
            TestRunner::new(Config { cases: QUESTIONS, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&questions(), |question| {
            check(&mut conn.borrow_mut(), *world, id, known, &question);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{error}"));
    }
    let prepared = list_plans(&mut conn.into_inner()).len();
    assert!(texts.contains(&prepared), "{prepared} texts");
}

#[test]
fn a_list_of_conversations_is_what_its_scope_contains() {
    // Runs by shelf, with or without held ones, or any of the four other kinds together; three lengths.
    let texts = (2 + 15) * 3;
    let now = Timestamp::from_unix_seconds(1_795_100_000).unwrap();
    ask(2..=texts, |conn, world, workspace_id, known, question| {
        let (visible, filter) = (question.visible(world, workspace_id), question.filter(world));
        let listed = all_pages(question.limit, |after| {
            let after = after.map(|(at, id)| (at, id.into()));
            let page = conversations::list(conn, &visible, &filter, after, question.limit, now).unwrap();
            page.into_iter().map(|one| (one.last_activity_at, one.id.into())).collect()
        });
        let scope = question.scope(world);
        let expected =
            expected(known, world, |one| question.asks_for(one) && scope.contains(one.facts(world)));
        assert_eq!(listed, expected);
    });
}

#[test]
fn a_list_of_tickets_is_what_its_scope_contains() {
    // All of them, or any of the three kinds of runs together; three lengths.
    let texts = (1 + 7) * 3;
    ask(2..=texts, |conn, world, workspace_id, known, question| {
        let visible = question.visible(world, workspace_id);
        let listed = all_pages(question.limit, |after| {
            let after = after.map(|(at, id)| (at, id.into()));
            let page = tickets::list(conn, &visible, &Default::default(), after, question.limit).unwrap();
            page.into_iter().map(|one| (one.opened_at, one.id.into())).collect()
        });
        let scope = question.scope(world);
        let facts = |one: &Known| Facts {
            channel: channel(world, one.channel),
            assignee: Some(agent(world, one.assignee)),
            division: None,
        };
        assert_eq!(listed, expected(known, world, |one| scope.contains(facts(one))));
    });
}
