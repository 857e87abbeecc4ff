//! Of two attempts at a delivery the last one counts.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use diesel::connection::SimpleConnection;
use domain::time::Timestamp;
use domain::webhook::DeliveryState;
use persistence::webhooks::sending::{self, Settled};
use serde_json::json;
use throwaway::Throwaway;
use uuid::Uuid;

/// A delivery that is being tried for the first time.
const FILL: &str = "
    INSERT INTO workspaces (id, name, slug, timezone, created_at)
    VALUES ('00000000-0000-0000-0000-000000000001', 'Satu', 'satu', 'Asia/Jakarta', now());
    INSERT INTO webhook_endpoints (workspace_id, id, url, event_types, secrets, secret_ends_with, position, created_at)
    SELECT id, id, 'https://crm.example', '{}', '', 'abcd', 1, now() FROM workspaces;
    INSERT INTO webhook_deliveries (workspace_id, endpoint_id, id, event_id, event_type, seq, lane, state, due_at, tried, created_at)
    SELECT id, id, id, id, 'label.created', 1, id, 'pending', now(), 1, now() FROM workspaces;
";

#[test]
fn an_outcome_that_waits_while_another_attempt_begins_changes_nothing() {
    let database = Throwaway::migrated();
    let mut other = database.connect();
    other.batch_execute(FILL).unwrap();
    let id = Uuid::from_u128(1);
    let late = Settled {
        workspace_id: id.into(),
        endpoint_id: id.into(),
        id: id.into(),
        tried: 1,
        state: DeliveryState::Failed,
        due_at: None,
        attempt: Some(json!({})),
    };
    let now = Timestamp::from_unix_seconds(1_795_000_000).unwrap();
    other.batch_execute("BEGIN; UPDATE webhook_deliveries SET tried = 2").unwrap();
    std::thread::scope(|scope| {
        let settling = scope.spawn(|| sending::settle(&mut database.connect(), &[late], now).unwrap());
        let waits = "SELECT count(*)::text AS value FROM pg_locks WHERE NOT granted";
        while database.values(waits) == ["0"] && !settling.is_finished() {}
        other.batch_execute("COMMIT").unwrap();
    });
    let found =
        database.values("SELECT state || ' ' || tried || ' ' || attempts AS value FROM webhook_deliveries");
    assert_eq!(found, ["pending 2 []"]);
}
