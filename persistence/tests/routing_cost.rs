//! What routing asks again and again reads no more than it needs, whatever else the tables hold, by PostgreSQL's own count.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use domain::id::{ConversationId, WorkspaceId};
use domain::routing::{Place, Reach};
use domain::time::Timestamp;
use persistence::routing::{self, Page};
use persistence::timers;
use throwaway::{Throwaway, reads};
use uuid::Uuid;

/// The conversations of the lists' tests, with timers and requests: of 40,000 timers 400 are blocked and 40 due.
const FILL: &str = "
    INSERT INTO timers (workspace_id, id, kind, conversation_id, running_since, due_at, state)
    SELECT workspace_id, id, 'unanswered_transfer', id, now(),
        now() + CASE WHEN n % 1000 = 1 THEN interval '-1 minute' ELSE interval '1 hour' END,
        CASE WHEN n % 100 = 0 THEN 'blocked' ELSE 'armed' END
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM conversations WHERE assignee_id IS NOT NULL) held;
    INSERT INTO routing_requests (workspace_id, id, cause, created_at)
    SELECT md5('workspace ' || (n = 1)::int)::uuid, md5(n::text)::uuid, 'slot_freed', now() FROM generate_series(1, 20000) n;
    UPDATE tickets SET closed_at = opened_at;
";
/// As routing asks, and as nobody does who has not asked often.
const MODES: [&str; 2] = ["force_generic_plan", "force_custom_plan"];

struct World {
    database: Throwaway,
    workspace: WorkspaceId,
    now: Timestamp,
    reach: Reach,
}

fn large() -> World {
    let database = Throwaway::migrated();
    let mut conn = database.connect();
    conn.batch_execute(include_str!("lists/large.sql")).unwrap();
    conn.batch_execute(FILL).unwrap();
    conn.batch_execute("VACUUM ANALYZE").unwrap();
    let id = |thing: &str| -> Uuid {
        database.values(&format!("SELECT md5('{thing}')::uuid::text AS value"))[0].parse().unwrap()
    };
    let open = |division| Place { channel: None, division, only: None };
    let places = vec![open(None), open(Some(id("division 0").into()))];
    let reach = Reach { places, ..Reach::default() };
    let now = database.values("SELECT floor(extract(epoch FROM now()))::bigint::text AS value")[0].parse();
    let workspace = id("workspace 0").into();
    World { workspace, now: Timestamp::from_unix_seconds(now.unwrap()).unwrap(), reach, database }
}

/// Nothing is read as a whole, and of the indexes no more than so many rows.
fn check(world: &World, what: &str, most: i64, work: impl Fn(&mut PgConnection) -> usize) {
    for mode in MODES {
        let mut conn = world.database.connect();
        conn.batch_execute(&format!("SET plan_cache_mode = {mode}")).unwrap();
        let mut found = 0;
        let read = reads(&mut conn, |conn| found = work(conn));
        assert!(found > 0, "{what} finds nothing");
        for table in ["conversations", "tickets", "timers", "routing_requests"] {
            assert!(!read.contains_key(table), "{what} reads all {table}, {mode}: {read:?}");
        }
        let rows: i64 = read.values().map(|(_, rows)| rows).sum();
        assert!(rows <= most, "{what} reads {rows} rows, {mode}: {read:?}");
    }
}

#[test]
fn what_routing_asks_is_found_by_the_indexes_meant_for_it() {
    let world = large();
    let World { workspace, now, reach, .. } = &world;
    let page = Page { after: None, reach: reach.clone(), undecided: false, limit: 200 };
    let waiting = |conn: &mut PgConnection| routing::waiting(conn, *workspace, page.clone()).unwrap();
    // One of seven that wait is archived.
    check(&world, "a page of the queue", 300, |conn| waiting(conn).len());
    let after = waiting(&mut world.database.connect()).last().copied();
    let next = Page { after, ..page.clone() };
    check(&world, "the next page", 300, |conn| {
        routing::waiting(conn, *workspace, next.clone()).unwrap().len()
    });
    check(&world, "who has work", 60, |conn| routing::workspaces_with_work(conn, *now, 256).unwrap().len());
    check(&world, "what is due", 60, |conn| timers::due(conn, *workspace, *now, 200).unwrap().len());
    check(&world, "when the next is due", 2, |conn| timers::next_due(conn).unwrap().into_iter().count());
    check(&world, "what is blocked", 1000, |conn| {
        timers::blocked(conn, *workspace, reach, 200).unwrap().len()
    });
    let ids: Vec<ConversationId> =
        waiting(&mut world.database.connect()).iter().map(|place| place.id).collect();
    check(&world, "who resolved the last tickets", 900, |conn| {
        routing::last_resolvers(conn, *workspace, ids.clone()).unwrap().len()
    });
}
