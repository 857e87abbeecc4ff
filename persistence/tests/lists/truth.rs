//! A list is what `Scope::contains` says of each conversation and ticket, in order, however it is cut into pages.

use std::ops::RangeInclusive;

use diesel::pg::PgConnection;
use domain::access::{Facts, Scope, Seen, Visible};
use domain::actor::Allocation;
use domain::agent::Role;
use domain::channel::ChannelKind;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::WorkspaceId;
use domain::search::CustomerSearch;
use domain::time::Timestamp;
use persistence::conversations::{self, Counts, Filter};
use persistence::tickets;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use crate::cost::list_plans;
use crate::throwaway::Throwaway;
use crate::world::{
    AGENTS, CHANNELS, DIVISIONS, Known, LABELS, agent, channel, conversations, division, kind, label, store,
};

/// How many conversations each world has: of the last not all are read when a page is looked for.
const WORLDS: [usize; 3] = [250, 250, 1200];
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
    kinds: Vec<ChannelKind>,
    labels: Vec<u128>,
    held_by: Vec<u128>,
    unread: bool,
    words: Option<&'static str>,
    pub limit: i64,
}

/// Parts of names in one and more pieces, of numbers as people write them, of user names; ids; and what nobody has.
const WORDS: [&str; 22] = [
    "b",
    "x",
    "大",
    "%",
    "_",
    "\\",
    "an",
    "bu",
    "ST",
    "100%",
    "x_y",
    "san",
    "Åsa",
    "budi santoso",
    "0812",
    "+62 812 0",
    "123",
    "@budi_a",
    "siti_",
    "id.7",
    "id.",
    "budo",
];

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
        (kinds, labels, held_by, unread, words) in (
            prop_oneof![4 => Just(Vec::new()), 1 => subsequence(ChannelKind::ALL, 1..=2)],
            prop_oneof![2 => Just(Vec::new()), 1 => some_of(LABELS)],
            prop_oneof![3 => Just(Vec::new()), 1 => some_of(AGENTS)],
            proptest::bool::weighted(0.3),
            proptest::option::weighted(0.4, select(WORDS.as_slice())),
        ),
        // The lengths that there are texts for, and others.
        limit in prop_oneof![1..6_i64, Just(26), Just(27), Just(51), Just(52), Just(101)],
    ) -> Question {
        Question {
            reader, everything, agents, unassigned, restricted_to, only_channels, tab, statuses, channels, divisions,
            kinds, labels, held_by, unread, words, limit
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
        fn all<Id>(numbers: &[u128], id: impl Fn(u128) -> Id) -> Vec<Id> {
            numbers.iter().map(|number| id(*number)).collect()
        }
        Filter {
            statuses: self.statuses.clone(),
            channels: all(&self.channels, |one| channel(workspace, one)),
            channel_kinds: self.kinds.clone(),
            labels: all(&self.labels, |one| label(workspace, one)),
            divisions: all(&self.divisions, |one| division(workspace, one)),
            agents: all(&self.held_by, |one| agent(workspace, one)),
            unread: self.unread,
            search: self.words.map(|words| CustomerSearch::of("?q", words).unwrap()),
            ..Filter::of(self.tab)
        }
    }

    fn asks_for(&self, one: &Known) -> bool {
        one.is_in(self.tab, self.reader)
            && (self.statuses.is_empty() || self.statuses.contains(&one.status))
            && (self.channels.is_empty() || self.channels.contains(&one.channel))
            && (self.kinds.is_empty() || self.kinds.contains(&kind(one.channel)))
            && (self.labels.is_empty() || self.labels.iter().any(|label| one.labels.contains(label)))
            && (self.divisions.is_empty() || one.division.is_some_and(|one| self.divisions.contains(&one)))
            && (self.held_by.is_empty() || one.is_held() && self.held_by.contains(&one.assignee))
            && (!self.unread || one.unread)
            && self.words.is_none_or(|words| one.is_named(words))
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
    let worlds: Vec<(u128, Vec<Known>)> = (1..)
        .zip(WORLDS)
        .map(|(world, count)| (world, conversations(count).new_tree(&mut runner).unwrap().current()))
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
    // Runs by shelf, of what is unread only or not, with or without held ones, or any of the four other kinds together; three
    // lengths. Steps of five depths, by shelves of what is unread or not, and four other ways to begin.
    let texts = (4 + 15) * 3 + 5 * 2 + 4;
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

#[test]
fn counts_are_what_a_scope_contains_of_each_tab() {
    ask(0..=0, |conn, world, workspace_id, known, question| {
        let scope = question.scope(world);
        let count = |tab: Tab, unread: bool| {
            let is_in = |one: &&Known| {
                one.is_in(tab, question.reader) && (!unread || one.unread) && scope.contains(one.facts(world))
            };
            i64::try_from(known.iter().filter(is_in).count()).unwrap()
        };
        let expected = Counts {
            mine: count(Tab::Mine, false),
            all: count(Tab::All, false),
            unassigned: count(Tab::Unassigned, false),
            archived: count(Tab::Archived, false),
            unread: count(Tab::All, true),
        };
        assert_eq!(conversations::counts(conn, &question.visible(world, workspace_id)).unwrap(), expected);
    });
}
