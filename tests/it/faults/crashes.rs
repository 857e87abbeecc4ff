//! A process that is killed at the one moment that matters.

use harness::process::demand;
use serde_json::{Value, json};

use super::world::{World, customer, eventually};

/// Only transactions of calls with an `Idempotency-Key` wait for a standby.
const ONLY_KEYED_WRITES_WAIT: &str = "
    ALTER DATABASE tanggap SET synchronous_commit = local;
    CREATE FUNCTION wait_for_a_standby() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM set_config('synchronous_commit', 'on', true); RETURN NEW; END $$;
    CREATE TRIGGER wait_for_a_standby BEFORE INSERT ON idempotency_keys
        FOR EACH ROW EXECUTE FUNCTION wait_for_a_standby();
";

/// D-01. The server is killed when its write is in the database and before it could answer: whoever repeats the call gets
/// the answer that it missed, and nothing happens twice.
#[tokio::test(flavor = "multi_thread")]
async fn d_01_an_answer_that_a_kill_swallowed_is_given_to_the_repeat() {
    let world = World::build(&[]).await;
    world.postgres.execute(ONLY_KEYED_WRITES_WAIT);
    let server = world.launch.start().await.unwrap();
    // Their commits are written, and told to nobody before a standby has them that there is not.
    world.postgres.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'");
    world.postgres.execute("SELECT pg_reload_conf()");
    let site = world.site.clone();
    let swallowed = tokio::spawn(async move { site.reply_once(0, "kunci-1", "Siap kak").await });
    eventually("the commit waits", || async {
        let waiting =
            "SELECT count(*)::text AS value FROM pg_stat_activity a JOIN pg_locks l ON l.pid = a.pid
            WHERE a.wait_event = 'SyncRep' AND l.relation = 'idempotency_keys'::regclass";
        (world.values(waiting) != ["0"]).then_some(())
    })
    .await;
    server.kill().unwrap();
    assert!(swallowed.await.unwrap().is_err(), "the call was answered");
    world.postgres.execute("ALTER SYSTEM RESET synchronous_standby_names");
    world.postgres.execute("SELECT pg_reload_conf()");
    let made = eventually("the message is there", || async {
        world.values("SELECT id::text AS value FROM messages WHERE text = 'Siap kak'").pop()
    })
    .await;

    let _server = world.launch.start().await.unwrap();
    let first = world.site.reply_once(0, "kunci-1", "Siap kak").await.unwrap();
    assert_eq!((first.status, first.json()["id"].as_str()), (201, Some(made.as_str())));
    let again = world.site.reply_once(0, "kunci-1", "Siap kak").await.unwrap();
    assert_eq!((again.status, again.body), (201, first.body));
    let other = world.site.reply_once(0, "kunci-1", "Bukan itu").await.unwrap();
    assert_eq!((other.status, &other.json()["code"]), (422, &json!("idempotency_key_reused")));
    world.until_sent().await;
    assert_eq!(world.values("SELECT text AS value FROM messages WHERE direction = 'outbound'"), ["Siap kak"]);
    assert_eq!(world.received().await, [(made, 1)].into());
}

/// D-15. The server is killed when the provider has taken a message and before that could be written down: the message is
/// in doubt, and the provider is not called again.
#[tokio::test(flavor = "multi_thread")]
async fn d_15_a_kill_between_the_providers_acceptance_and_its_record_leaves_a_doubt_and_no_second_copy() {
    let world = World::build(&[("TANGGAP_PROVIDER_TIMEOUT", "2s")]).await;
    let rules = json!([
        { "target": "send", "times": 1, "action": { "type": "accept_then_hang", "ms": null } },
        { "target": "webhook", "event": "status", "customer": customer(0), "action": { "type": "drop" } },
    ]);
    let faults = json!({ "rules": rules });
    demand(world.sandbox.addr, "PUT", "/sandbox/faults", "", &faults).await.unwrap();
    let server = world.launch.start().await.unwrap();
    let sent = world.site.reply_once(0, "kunci-1", "Siap kak").await.unwrap();
    assert_eq!(sent.status, 201);
    let id = sent.json()["id"].as_str().unwrap().to_owned();
    eventually("the provider has it", || async { world.received().await.contains_key(&id).then_some(()) })
        .await;
    server.kill().unwrap();
    let status = "SELECT status AS value FROM messages WHERE direction = 'outbound'";
    assert_eq!(world.values(status), ["queued"], "it was written down before the kill");

    let _server = world.launch.start().await.unwrap();
    world.until_sent().await;
    assert_eq!(world.values(status), ["unknown"]);
    assert_eq!(world.received().await, [(id, 1)].into());
    let used = demand(world.sandbox.addr, "GET", "/sandbox/faults", "", &Value::Null).await.unwrap();
    assert_eq!(used["rules"][0]["applied"], 1, "{used}");
}
