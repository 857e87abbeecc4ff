//! A page of a thousand members is read from an index in the order of the list, not sorted.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use diesel::connection::SimpleConnection;
use domain::agent::AgentSort;
use domain::id::WorkspaceId;
use persistence::agents::{self, After, Filter};
use throwaway::Throwaway;
use uuid::Uuid;

const WORKSPACE: &str = "00000000-0000-0000-0000-000000000001";
const PAGE: i64 = 26;

fn team_of_a_thousand() -> Throwaway {
    let database = Throwaway::migrated();
    let fill = format!(
        "INSERT INTO workspaces (id, name, slug, timezone, created_at) VALUES ('{WORKSPACE}', 'Toko', 'toko', 'UTC', now());
         INSERT INTO agents (workspace_id, id, name, name_folded, email, password_hash, role, created_at)
         SELECT '{WORKSPACE}', md5(n::text)::uuid, 'Agen ' || n, 'agen ' || n, n || '@toko.example', '-', 'agent', now()
         FROM generate_series(1, 1000) n;
         INSERT INTO agent_counts (workspace_id, agent_id, assigned, handled, resolved)
         SELECT workspace_id, id, length(name), ('x' || left(md5(name), 4))::bit(16)::int, 7 FROM agents;
         ANALYZE"
    );
    database.connect().batch_execute(&fill).unwrap();
    database
}

/// How many entries of an index were read so far.
fn read_entries(database: &Throwaway, index: &str) -> i64 {
    let query = format!(
        "SELECT coalesce(sum(idx_tup_read), 0)::text AS value FROM pg_stat_user_indexes WHERE indexrelname = '{index}'"
    );
    database.values(&query)[0].parse().unwrap()
}

#[test]
fn every_order_of_the_list_comes_from_its_index() {
    let database = team_of_a_thousand();
    let workspace = WorkspaceId(WORKSPACE.parse::<Uuid>().unwrap());
    for (sort, index) in [
        (AgentSort::Name, "agents_by_name"),
        (AgentSort::Assigned, "agent_counts_by_assigned"),
        (AgentSort::Handled, "agent_counts_by_handled"),
        (AgentSort::Resolved, "agent_counts_by_resolved"),
    ] {
        let mut conn = database.connect();
        let filter = || Filter { active: true, ..Filter::default() };
        let first = agents::list(&mut conn, workspace, filter(), sort, None, PAGE).unwrap();
        let last = first.last().unwrap();
        let counts = last.counts.as_ref().unwrap();
        let after = match sort {
            AgentSort::Name => After::Name(last.name.clone(), last.id),
            AgentSort::Assigned => After::Count(counts.assigned, last.id),
            AgentSort::Handled => After::Count(counts.handled, last.id),
            AgentSort::Resolved => After::Count(counts.resolved, last.id),
        };
        // From the sixth time on PostgreSQL may plan once for all values; the second round makes sure of that.
        for (time, after) in [None, Some(after)].iter().cycle().take(20).enumerate() {
            if time == 10 {
                conn.batch_execute("SET plan_cache_mode = force_generic_plan").unwrap();
            }
            let before = read_entries(&database, index);
            let page = agents::list(&mut conn, workspace, filter(), sort, after.clone(), PAGE).unwrap();
            let known = page.iter().filter(|one| first.iter().any(|other| other.id == one.id)).count();
            assert_eq!((page.len(), known), (26, if after.is_none() { 26 } else { 0 }));
            conn.batch_execute("SELECT pg_stat_force_next_flush()").unwrap();
            conn.batch_execute("SELECT 1").unwrap();
            let entries = read_entries(&database, index) - before;
            assert!((1..100).contains(&entries), "{sort}: {entries} entries of {index} were read");
        }
    }
}
