//! What is asked of each delivery is found by its key, however many wait for one endpoint and whatever PostgreSQL takes the
//! table to be, by its own count.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use chrono::TimeDelta;
use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use domain::event::EventType;
use domain::id::{WebhookEndpointId, WorkspaceId};
use domain::time::Timestamp;
use domain::webhook::DeliveryState;
use persistence::db::keep_plans_by_key;
use persistence::webhooks::fan_out::{self, NewDelivery};
use persistence::webhooks::ledger::{self, Again};
use persistence::webhooks::sending::{self, Claimed, Room, Settled};
use serde_json::json;
use throwaway::{Throwaway, reads};
use uuid::Uuid;

/// PostgreSQL is not to learn anything of the deliveries by itself.
const BEGIN: &str = "
    ALTER TABLE webhook_deliveries SET (autovacuum_enabled = off);
    INSERT INTO workspaces (id, name, slug, timezone, created_at)
    VALUES (md5('workspace')::uuid, 'Satu', 'satu', 'Asia/Jakarta', now());
    INSERT INTO webhook_endpoints (workspace_id, id, url, event_types, secrets, secret_ends_with, position, created_at)
    VALUES (md5('workspace')::uuid, md5('endpoint')::uuid, 'https://crm.example', '{}', '', 'abcd', 11000, now());
";
/// 11,000 deliveries for one endpoint in 1,000 lanes.
const FILL: &str = "
    INSERT INTO webhook_deliveries (workspace_id, endpoint_id, id, event_id, event_type, seq, lane, state, due_at, created_at)
    SELECT md5('workspace')::uuid, md5('endpoint')::uuid, md5('delivery ' || n)::uuid, md5('event ' || n)::uuid, 'message.created',
        n, md5('lane ' || n % 1000)::uuid, 'pending', CASE WHEN n <= 1000 THEN to_timestamp(1795000000 - n) END, now()
    FROM generate_series(1, 11000) n;
";
/// Deliveries in each of these.
const SOME: usize = 64;

fn id<Id: From<Uuid>>(database: &Throwaway, thing: &str) -> Id {
    let found = database.values(&format!("SELECT md5('{thing}')::uuid::text AS value"));
    found[0].parse::<Uuid>().unwrap().into()
}

/// Of the indexes no more rows than a few for each delivery: some have old versions.
fn check<T>(conn: &mut PgConnection, what: &str, work: impl FnOnce(&mut PgConnection) -> T) -> T {
    let mut found = None;
    let read = reads(conn, |conn| {
        keep_plans_by_key(conn).unwrap();
        found = Some(work(conn));
    });
    let rows: i64 = read.values().map(|(_, rows)| rows).sum();
    assert!(rows <= 16 * i64::try_from(SOME).unwrap(), "{what} reads {rows} rows: {read:?}");
    found.unwrap()
}

fn settled(claimed: &[Claimed], state: DeliveryState) -> Vec<Settled> {
    let settled = |one: &Claimed| Settled {
        workspace_id: one.workspace_id,
        endpoint_id: one.endpoint_id,
        id: one.id,
        tried: one.tried,
        state,
        due_at: None,
        attempt: Some(json!({})),
    };
    claimed.iter().map(settled).collect()
}

struct World {
    database: Throwaway,
    workspace: WorkspaceId,
    endpoint: WebhookEndpointId,
    now: Timestamp,
}

impl World {
    fn new() -> Self {
        let database = Throwaway::migrated();
        database.connect().batch_execute(BEGIN).unwrap();
        let now = Timestamp::from_unix_seconds(1_795_000_000).unwrap();
        Self { workspace: id(&database, "workspace"), endpoint: id(&database, "endpoint"), now, database }
    }

    fn claim(&self, conn: &mut PgConnection) -> Vec<Claimed> {
        let most = i64::try_from(SOME).unwrap();
        let rooms = [Room { workspace_id: self.workspace, endpoint_id: self.endpoint, most }];
        let until = self.now.plus(TimeDelta::minutes(1));
        check(conn, "a claim", |conn| sending::claim(conn, &rooms, 4, self.now, until).unwrap())
    }

    fn settle(&self, conn: &mut PgConnection, settled: &[Settled]) {
        check(conn, "what came of it", |conn| sending::settle(conn, settled, self.now).unwrap());
    }

    fn again(&self, conn: &mut PgConnection, again: Again) {
        let key = (self.workspace, self.endpoint);
        check(conn, "what is sent again", |conn| ledger::redeliver(conn, key, again, self.now).unwrap());
    }

    fn add(&self, conn: &mut PgConnection, number: u32) {
        let new: Vec<NewDelivery> = (0..u32::try_from(SOME).unwrap())
            .map(|lane| NewDelivery {
                endpoint_id: self.endpoint,
                id: Uuid::from_u128((number + lane).into()).into(),
                event_id: Uuid::from_u128((number + lane).into()).into(),
                event_type: EventType::LabelCreated,
                seq: i64::from(number + lane),
                lane: id(&self.database, &format!("lane {lane}")),
                first: true,
            })
            .collect();
        check(conn, "what is new", |conn| fan_out::insert(conn, self.workspace, &new, self.now).unwrap());
    }

    fn count(&self, condition: &str) -> usize {
        let query = format!("SELECT count(*)::text AS value FROM webhook_deliveries WHERE {condition}");
        self.database.values(&query)[0].parse().unwrap()
    }
}

/// The plans are made while the table is empty, when it has become large, and when PostgreSQL has learned of it.
#[test]
fn each_delivery_is_found_by_its_key() {
    for when in ["empty", "filled", "analyzed"] {
        let world = World::new();
        let mut conn = world.database.connect();
        if when == "empty" {
            world.add(&mut conn, 100_000);
            let delivered = settled(&world.claim(&mut conn), DeliveryState::Delivered);
            world.settle(&mut conn, &delivered);
            world.again(&mut conn, Again::One(delivered[0].id));
            let range = Again::Range { from_seq: 1, to_seq: 1, failed_only: false, most: 1 };
            world.again(&mut conn, range);
            world.database.connect().batch_execute("DELETE FROM webhook_deliveries").unwrap();
        }
        world.database.connect().batch_execute(FILL).unwrap();
        if when == "analyzed" {
            conn.batch_execute("VACUUM ANALYZE").unwrap();
        }
        let claimed = world.claim(&mut conn);
        assert_eq!(claimed.len(), SOME);
        world.settle(&mut conn, &settled(&claimed, DeliveryState::Delivered));
        let due = "due_at IS NOT NULL";
        assert_eq!(
            (world.count("state = 'delivered'"), world.count(due)),
            (SOME, 1000),
            "the next of each lane is due"
        );
        world.again(&mut conn, Again::One(claimed[0].id));
        let to_seq = 1000;
        let from_seq = to_seq - i64::try_from(SOME).unwrap() + 1;
        world.again(&mut conn, Again::Range { from_seq, to_seq, failed_only: false, most: 10_000 });
        assert_eq!(world.count("state = 'delivered'"), 0);
        world.add(&mut conn, 20_000);
        assert_eq!(world.count("seq >= 20000 AND due_at IS NULL"), SOME, "others of their lanes come first");
    }
}
