//! Counts of members change together and keep to limits.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use std::collections::BTreeMap;

use diesel::connection::SimpleConnection;
use domain::id::{AgentId, WorkspaceId};
use persistence::agents::{CountsChange, change_counts};
use persistence::error::StoreError;
use throwaway::Throwaway;
use uuid::Uuid;

fn agent(number: u128) -> AgentId {
    Uuid::from_u128(number).into()
}

fn assigned(database: &Throwaway) -> Vec<String> {
    database.values("SELECT assigned::text AS value FROM agent_counts ORDER BY agent_id")
}

#[test]
fn counts_of_many_change_together_or_not_at_all() {
    let database = Throwaway::migrated();
    let workspace: WorkspaceId = Uuid::from_u128(1).into();
    let fill = "INSERT INTO workspaces (id, name, slug, timezone, created_at)
                VALUES (lpad('1', 32, '0')::uuid, 'Toko', 'toko', 'UTC', now());
         INSERT INTO agents (workspace_id, id, name, email, password_hash, role, created_at)
         SELECT lpad('1', 32, '0')::uuid, lpad(n::text, 32, '0')::uuid, 'A', n || '@toko.example', '-', 'agent', now()
         FROM generate_series(1, 3) n;
         INSERT INTO agent_counts (workspace_id, agent_id) SELECT workspace_id, id FROM agents";
    let mut conn = database.connect();
    conn.batch_execute(fill).unwrap();
    let of = |changes: &[(u128, i64, Option<i64>)]| -> BTreeMap<_, _> {
        let change = |assigned, at_most| CountsChange { assigned, at_most, ..CountsChange::default() };
        changes.iter().map(|(n, by, at_most)| ((workspace, agent(*n)), change(*by, *at_most))).collect()
    };
    change_counts(&mut conn, &BTreeMap::new()).unwrap();
    change_counts(&mut conn, &of(&[(1, 2, Some(2))])).unwrap();
    change_counts(&mut conn, &of(&[(1, -1, None), (2, 3, Some(3)), (3, 4, None)])).unwrap();
    assert_eq!(assigned(&database), ["1", "3", "4"]);
    conn.batch_execute("BEGIN").unwrap();
    let full = change_counts(&mut conn, &of(&[(1, 1, Some(2)), (2, 1, Some(3))]));
    assert!(matches!(full, Err(StoreError::RunAgain(_))), "{full:?}");
    conn.batch_execute("ROLLBACK").unwrap();
    assert_eq!(assigned(&database), ["1", "3", "4"]);
    let unknown = change_counts(&mut conn, &of(&[(9, 1, None)]));
    assert!(matches!(unknown, Err(StoreError::RowCount { .. })), "{unknown:?}");
}
