//! A page is found by the indexes meant for it and reads no more than it has to, by PostgreSQL's own count, whichever way it
//! makes its plans; and it makes them once.

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::{RunQueryDsl, sql_query};
use domain::access::{Scope, Seen, Visible};
use domain::actor::Allocation;
use domain::agent::Role;
use domain::conversation::{ConversationStatus, Tab};
use domain::id::{AgentId, ChannelId};
use domain::ticket::TicketStatus;
use domain::time::Timestamp;
use persistence::conversations::{self, Filter};
use persistence::tickets;
use uuid::Uuid;

use crate::throwaway::{Count, Throwaway, reads};

/// The id that `large.sql` gives to a thing.
pub fn thing<Id: From<Uuid>>(conn: &mut PgConnection, kind: &str, number: u32) -> Id {
    let found = sql_query(format!(
        "SELECT md5('{kind} {number}')::uuid::text AS name, 0::bigint AS scans, 0::bigint AS rows"
    ));
    found.get_result::<Count>(conn).unwrap().name.parse::<Uuid>().unwrap().into()
}

pub struct World {
    pub conn: PgConnection,
    // After the connection, which it outlives.
    database: Throwaway,
}

/// Who reads.
#[derive(Debug, Clone, Copy)]
pub enum Reader {
    Admin,
    /// A key of an admin for the channels 0 and 7.
    Key,
    /// Agent 1 with `view_all`.
    Agent,
    /// The same, allocated to the channels 0 and 7 and the division 1.
    Allocated,
    /// Agent 1 without `view_all`.
    Narrow,
    /// Agent 1, but a supervisor of the agents 2, 3 and 19.
    Supervisor,
    /// The same with the allocation.
    AllocatedSupervisor,
}

impl World {
    pub fn large() -> Self {
        let database = Throwaway::migrated();
        let mut conn = database.connect();
        conn.batch_execute(include_str!("large.sql")).unwrap();
        conn.batch_execute("VACUUM ANALYZE").unwrap();
        Self { conn, database }
    }

    /// A new connection that has not prepared anything.
    pub fn reconnect(&mut self, plan_cache_mode: &str) {
        self.conn = self.database.connect();
        self.conn.batch_execute(&format!("SET plan_cache_mode = {plan_cache_mode}")).unwrap();
    }

    pub fn visible(&mut self, reader: Reader) -> Visible {
        use Reader::{Admin, Agent, Allocated, AllocatedSupervisor, Key, Narrow, Supervisor};
        let conn = &mut self.conn;
        let own: AgentId = thing(conn, "agent", 1);
        let two: Vec<ChannelId> = vec![thing(conn, "channel", 0), thing(conn, "channel", 7)];
        let supervised = vec![thing(conn, "agent", 2), thing(conn, "agent", 3), thing(conn, "agent", 19)];
        let allocation = Allocation { channels: two.clone(), divisions: vec![thing(conn, "division", 1)] };
        let scope = |others| Scope {
            own,
            others,
            restricted_to: matches!(reader, Allocated | AllocatedSupervisor).then_some(allocation),
            only_channels: matches!(reader, Key).then_some(two),
        };
        let (conversations, tickets) = match reader {
            Admin | Key => (Seen::Everything, Seen::Everything),
            Agent | Allocated => (Seen::Everything, Seen::HeldBy { agents: Vec::new(), unassigned: false }),
            Narrow => {
                let none = Seen::HeldBy { agents: Vec::new(), unassigned: false };
                (none.clone(), none)
            }
            Supervisor | AllocatedSupervisor => (
                Seen::HeldBy { agents: supervised.clone(), unassigned: true },
                Seen::HeldBy { agents: supervised, unassigned: false },
            ),
        };
        let (conversations, tickets) = (scope.clone()(conversations), scope(tickets));
        Visible {
            workspace_id: thing(conn, "workspace", 0),
            agent_id: own,
            role: Role::Agent,
            conversations,
            tickets,
            kinds: None,
        }
    }

    /// How many rows fit `from`.
    pub fn count(&self, from: &str) -> i64 {
        let query = format!("SELECT count(*)::text AS value FROM {from}");
        self.database.values(&query)[0].parse().unwrap()
    }

    pub fn now(&mut self) -> Timestamp {
        let found = self.database.values("SELECT floor(extract(epoch FROM now()))::bigint::text AS value");
        Timestamp::from_unix_seconds(found[0].parse().unwrap()).unwrap()
    }
}

/// One list, and the searches that it takes: an index, and of how many runs.
struct Case {
    reader: Reader,
    tab: Tab,
    statuses: &'static [ConversationStatus],
    channels: &'static [u32],
    searches: &'static [(&'static str, i64)],
}

const fn case(
    reader: Reader,
    tab: Tab,
    statuses: &'static [ConversationStatus],
    channels: &'static [u32],
    searches: &'static [(&'static str, i64)],
) -> Case {
    Case { reader, tab, statuses, channels, searches }
}

use ConversationStatus::{Answered, Open, Resolved};
use Reader::{Admin, Agent, Allocated, AllocatedSupervisor, Key, Narrow, Supervisor};
use Tab::{All, Archived, Mine, Unassigned};

const SHELF: &str = "conversations_by_shelf";
const CHANNEL: &str = "conversations_by_channel";
const HOLDER: &str = "conversations_by_assignee";
const BOTH: &str = "conversations_by_assignee_and_channel";
const DIVISION: &str = "conversations_by_division";

/// The shelves of a tab are four: answered, open, directed (waiting for a division) and resolved.
const CASES: &[Case] = &[
    case(Admin, Mine, &[], &[], &[(HOLDER, 1)]),
    case(Admin, Mine, &[], &[7], &[(BOTH, 1)]),
    case(Admin, All, &[], &[], &[(SHELF, 4)]),
    case(Admin, All, &[Open], &[], &[(SHELF, 2)]),
    case(Admin, All, &[Resolved, Answered], &[], &[(SHELF, 2)]),
    case(Admin, All, &[], &[7], &[(CHANNEL, 4)]),
    case(Admin, All, &[Open], &[0, 6, 7], &[(CHANNEL, 6)]),
    case(Admin, Unassigned, &[], &[], &[(SHELF, 3)]),
    case(Admin, Unassigned, &[Open], &[6], &[(CHANNEL, 2)]),
    case(Admin, Archived, &[], &[], &[(SHELF, 4)]),
    case(Admin, Archived, &[Resolved], &[6, 7], &[(CHANNEL, 2)]),
    case(Key, Mine, &[], &[], &[(BOTH, 2)]),
    case(Key, All, &[], &[], &[(CHANNEL, 8)]),
    case(Key, All, &[Answered], &[6, 7], &[(CHANNEL, 1)]),
    case(Agent, All, &[], &[], &[(SHELF, 4)]),
    case(Allocated, Mine, &[], &[], &[(HOLDER, 1)]),
    case(Allocated, All, &[], &[], &[(HOLDER, 1), (CHANNEL, 6), (DIVISION, 2)]),
    case(Allocated, All, &[], &[6, 7], &[(BOTH, 2), (CHANNEL, 3), (DIVISION, 1)]),
    case(Allocated, All, &[Answered], &[], &[(HOLDER, 1), (CHANNEL, 2)]),
    case(Allocated, Unassigned, &[], &[], &[(CHANNEL, 4), (DIVISION, 2)]),
    case(Allocated, Unassigned, &[Open], &[], &[(CHANNEL, 2), (DIVISION, 2)]),
    case(Allocated, Archived, &[], &[], &[(HOLDER, 1), (CHANNEL, 6), (DIVISION, 2)]),
    case(Narrow, Mine, &[], &[], &[(HOLDER, 1)]),
    case(Narrow, Archived, &[], &[], &[(HOLDER, 1)]),
    case(Supervisor, All, &[], &[], &[(HOLDER, 4), (SHELF, 3)]),
    case(Supervisor, All, &[Answered], &[], &[(HOLDER, 4)]),
    case(Supervisor, All, &[], &[7], &[(BOTH, 4), (CHANNEL, 3)]),
    case(Supervisor, Unassigned, &[], &[], &[(SHELF, 3)]),
    case(Supervisor, Archived, &[], &[], &[(HOLDER, 4), (SHELF, 3)]),
    case(AllocatedSupervisor, All, &[], &[], &[(HOLDER, 1), (BOTH, 6), (CHANNEL, 4), (DIVISION, 2)]),
    case(AllocatedSupervisor, All, &[], &[7], &[(BOTH, 4), (CHANNEL, 2), (DIVISION, 1)]),
];

/// Who reads, how the tickets stand and whose they are that it asks for (in numbers), and the searches that it takes.
type TicketCase =
    (Reader, &'static [TicketStatus], &'static [u32], &'static [u32], &'static [(&'static str, i64)]);

/// The statuses of tickets are three.
const TICKET_CASES: &[TicketCase] = &[
    (Admin, &[], &[], &[], &[("tickets_by_status", 3)]),
    (Admin, &[TicketStatus::Open], &[], &[], &[("tickets_by_status", 1)]),
    (Admin, &[TicketStatus::Resolved], &[], &[], &[("tickets_by_status", 1)]),
    (Admin, &[], &[], &[6, 7], &[("tickets_by_channel", 6)]),
    (Admin, &[TicketStatus::Open], &[2, 3], &[], &[("tickets_by_agent", 2)]),
    (Admin, &[], &[2, 19], &[7], &[("tickets_by_agent_and_channel", 6)]),
    (Key, &[], &[], &[], &[("tickets_by_channel", 6)]),
    (Agent, &[], &[], &[], &[("tickets_by_agent", 3)]),
    (Supervisor, &[], &[], &[], &[("tickets_by_agent", 12)]),
    (Supervisor, &[TicketStatus::Open], &[2, 9], &[], &[("tickets_by_agent", 1)]),
    (AllocatedSupervisor, &[], &[], &[], &[("tickets_by_agent", 3), ("tickets_by_agent_and_channel", 18)]),
];

/// The runs were searched, each by its index and for no more than a page; besides, what is shown of those listed.
fn check(
    what: &str,
    read: &BTreeMap<String, (i64, i64)>,
    searches: &[(&str, i64)],
    table: &str,
    limit: i64,
    listed: usize,
) {
    let prefix = format!("{table}_by_");
    let (runs, shown): (BTreeMap<&str, _>, BTreeMap<&str, _>) = read
        .iter()
        .map(|(name, count)| (name.as_str(), *count))
        .partition(|(name, _)| name.starts_with(&prefix));
    let searched: BTreeMap<&str, i64> = runs.iter().map(|(name, (scans, _))| (*name, *scans)).collect();
    assert_eq!(searched, searches.iter().copied().collect(), "{what}: {read:?}");
    for (name, (scans, rows)) in runs {
        assert!(rows <= scans * limit, "{what}: {rows} rows of {name} for {scans} runs: {read:?}");
    }
    for table in ["conversations", "tickets", "messages", "contacts", "agents", "channels", "divisions"] {
        assert!(!read.contains_key(table), "{what} reads all {table}: {read:?}");
    }
    // A row of up to six tables for each; the workspace's few members, channels and divisions may be read at once.
    let shown: i64 = shown.values().map(|(_, rows)| rows).sum();
    let needed = 6 * i64::try_from(listed).unwrap() + 32;
    assert!(shown <= needed, "{what}: {shown} rows for showing {listed}: {read:?}");
}

fn channels(world: &mut World, numbers: &[u32]) -> Vec<ChannelId> {
    numbers.iter().map(|number| thing(&mut world.conn, "channel", *number)).collect()
}

/// The lists' texts that a connection has prepared: how often each was planned for one call, and how often the plan that is
/// kept was used.
pub fn list_plans(conn: &mut PgConnection) -> Vec<(String, i64, i64)> {
    let lists = sql_query(
        "SELECT statement AS name, custom_plans AS scans, generic_plans AS rows FROM pg_prepared_statements
         WHERE statement LIKE '%AS place%'",
    );
    let lists: Vec<Count> = lists.load(conn).unwrap();
    lists.into_iter().map(|list| (list.name, list.scans, list.rows)).collect()
}

/// From the sixth call of a text on PostgreSQL uses the plan that it keeps.
fn check_plans(conn: &mut PgConnection) {
    let plans = list_plans(conn);
    assert!(plans.len() > 10, "the query finds the lists");
    for (text, planned, kept) in plans {
        assert!(planned <= 5, "planned {planned} times: {text}");
        assert!(kept > 0, "no plan is kept: {text}");
    }
}

#[test]
fn every_kind_of_list_reads_its_page_by_its_indexes_and_is_planned_once() {
    let mut world = World::large();
    let now = world.now();
    let deep = now.plus(chrono::TimeDelta::seconds(-30_000));
    for mode in ["force_generic_plan", "auto"] {
        world.reconnect(mode);
        for case in CASES {
            let visible = world.visible(case.reader);
            let channels = channels(&mut world, case.channels);
            let filter = Filter { channels, statuses: case.statuses.to_vec(), ..Filter::of(case.tab) };
            for (after, limit) in [(None, 26), (None, 101), (Some(deep), 26), (Some(deep), 51)] {
                let after = after.map(|at| (at, Uuid::max().into()));
                let page = |conn: &mut PgConnection| {
                    conversations::list(conn, &visible, &filter, after, limit, now).unwrap().len()
                };
                // More often than PostgreSQL tries plans for single calls.
                for _ in 0..7 {
                    page(&mut world.conn);
                }
                let mut listed = 0;
                let read = reads(&mut world.conn, |conn| listed = page(conn));
                let what = format!(
                    "{:?} {} {:?} {:?} after {after:?} limit {limit}, {mode}",
                    case.reader, case.tab, case.statuses, case.channels
                );
                check(&what, &read, case.searches, "conversations", limit, listed);
            }
        }
        for (reader, statuses, agents, on, searches) in TICKET_CASES {
            let visible = world.visible(*reader);
            let channels = channels(&mut world, on);
            let agents = agents.iter().map(|number| thing(&mut world.conn, "agent", *number)).collect();
            // A range that leaves everything in.
            let opened_from = Some(now.plus(chrono::TimeDelta::days(-30)));
            let filter = tickets::Filter {
                statuses: statuses.to_vec(),
                agents,
                channels,
                opened_from,
                ..Default::default()
            };
            for (after, limit) in [(None, 26), (None, 101), (Some(deep), 26), (Some(deep), 51)] {
                let after = after.map(|at| (at, Uuid::max().into()));
                let page = |conn: &mut PgConnection| {
                    tickets::list(conn, &visible, &filter, after, limit).unwrap().len()
                };
                for _ in 0..7 {
                    page(&mut world.conn);
                }
                let mut listed = 0;
                let read = reads(&mut world.conn, |conn| listed = page(conn));
                let what = format!("tickets of {reader:?} {filter:?} after {after:?} limit {limit}, {mode}");
                check(&what, &read, searches, "tickets", limit, listed);
            }
        }
        check_plans(&mut world.conn);
    }
}
