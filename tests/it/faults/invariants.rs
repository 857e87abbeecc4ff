//! What holds after every fault.

use std::collections::{BTreeMap, BTreeSet};

use harness::process::demand;
use serde_json::Value;

use super::items;
use super::traffic::Ledger;
use super::world::{World, eventually};

/// A webhook that was answered 200 is there; none is there twice.
pub fn assert_webhooks_stored_once(world: &World, ledger: &Ledger) {
    let mut stored: BTreeMap<String, usize> = BTreeMap::new();
    for id in world.values("SELECT provider_message_id AS value FROM messages WHERE direction = 'inbound'") {
        *stored.entry(id).or_default() += 1;
    }
    for (id, acknowledged) in &ledger.webhooks {
        let count = stored.get(id).copied().unwrap_or(0);
        let right = if *acknowledged { count == 1 } else { count <= 1 };
        assert!(right, "the webhook {id} (acknowledged: {acknowledged}) is stored {count} times");
    }
}

/// A reply that was answered 201 is there once, under the id of the answer. The customer has none twice, and
/// has what is said to be sent.
pub async fn assert_replies_sent_at_most_once(world: &World, ledger: &Ledger) {
    let rows = world.values(
        "SELECT client_message_id || ' ' || id || ' ' || status AS value FROM messages WHERE direction = 'outbound'",
    );
    let mut stored: BTreeMap<&str, Vec<(&str, &str)>> = BTreeMap::new();
    for row in &rows {
        let mut fields = row.split(' ');
        let (client, id, status) = (fields.next().unwrap(), fields.next().unwrap(), fields.next().unwrap());
        stored.entry(client).or_default().push((id, status));
    }
    for (client, acknowledged) in &ledger.replies {
        let messages = stored.get(client.as_str()).cloned().unwrap_or_default();
        assert!(messages.len() <= 1, "{client} is stored {} times", messages.len());
        if let Some(id) = acknowledged {
            assert_eq!(messages.first().map(|(id, _)| *id), Some(id.as_str()), "{client} was acknowledged");
        }
    }
    let received = world.received().await;
    for (id, status) in stored.values().flatten() {
        let count = received.get(*id).copied().unwrap_or(0);
        let right = match *status {
            "sent" | "delivered" | "read" => count == 1,
            "unknown" => count <= 1,
            _ => false,
        };
        assert!(right, "the message {id} is {status}, and its customer has it {count} times");
    }
}

/// The log of every workspace is numbered from one without gaps, up to its counter.
pub fn assert_log_without_gaps(world: &World) {
    let wrong = world.values(
        "SELECT c.workspace_id || ': ' || c.seq || ' events by the counter, ' || count(e.seq) || ' in the log, the last is '
             || coalesce(max(e.seq), 0) AS value
         FROM event_counters c LEFT JOIN events e ON e.workspace_id = c.workspace_id GROUP BY c.workspace_id, c.seq
         HAVING count(e.seq) <> c.seq OR coalesce(max(e.seq), 0) <> c.seq",
    );
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// A held conversation has one open ticket, the one it names; any other has none that is held.
pub fn assert_one_open_ticket(world: &World) {
    let wrong = world.values(
        "SELECT c.id || ': ' || count(t.id) || ' open tickets' AS value
         FROM conversations c LEFT JOIN tickets t
             ON t.workspace_id = c.workspace_id AND t.conversation_id = c.id AND t.closed_at IS NULL
         GROUP BY c.workspace_id, c.id
         HAVING count(t.id) > 1 OR (c.ticket_id IS NOT NULL) <> (count(t.id) = 1)
             OR bool_or(t.id IS DISTINCT FROM c.ticket_id)",
    );
    assert!(wrong.is_empty(), "{wrong:?}");
    assert_ne!(
        world.values("SELECT count(*)::text AS value FROM tickets WHERE closed_at IS NOT NULL"),
        ["0"]
    );
}

/// The kept sums are what counting gives.
pub fn assert_counts(world: &World) {
    let sums = "SELECT workspace_id, channel_id, shelf, assignee_id, division_id, unread, count FROM conversation_counts
                WHERE count > 0";
    let counted = "SELECT workspace_id, channel_id, shelf, coalesce(assignee_id, nil), CASE WHEN assignee_id IS NULL
                       THEN coalesce(division_id, nil) ELSE nil END, unread_count > 0, count(*)
                   FROM conversations, (SELECT '00000000-0000-0000-0000-000000000000'::uuid) AS none (nil) GROUP BY 1, 2, 3, 4, 5, 6";
    let wrong = world.values(&format!(
        "SELECT 'too much: ' || o::text AS value FROM ({sums} EXCEPT {counted}) o
         UNION ALL SELECT 'missing: ' || o::text FROM ({counted} EXCEPT {sums}) o"
    ));
    assert!(wrong.is_empty(), "{wrong:?}");
}

/// What is listed by a customer's name has the name that the customer has.
pub fn assert_names(world: &World) {
    let strays = world.values(harness::database::STRAY_NAMES);
    assert!(strays.is_empty(), "{strays:?}");
}

/// Whoever applies the events has what a fresh list shows. Late statuses of the provider may still move
/// things; then both are read again.
pub async fn assert_fold_equals_list(world: &World, beginning: &str) {
    eventually("the fold of the events equals the list", || async {
        let listed = listed(world).await;
        let mut folded = folded(world, beginning).await;
        // What nobody touched has no event.
        folded.retain(|id, _| listed.contains_key(id));
        let same = folded.iter().all(|(id, one)| listed.get(id) == Some(one));
        (same && folded.len() >= listed.len() / 2).then_some(())
    })
    .await;
}

async fn listed(world: &World) -> BTreeMap<String, Value> {
    let path = "/v1/conversations?tab=all&limit=100";
    let page = demand(world.site.addr, "GET", path, &world.site.admin, &Value::Null).await.unwrap();
    items(&page).into_iter().map(|one| (one["id"].as_str().unwrap().to_owned(), one)).collect()
}

async fn folded(world: &World, beginning: &str) -> BTreeMap<String, Value> {
    let mut folded: BTreeMap<String, Value> = BTreeMap::new();
    let (mut cursor, mut last) = (beginning.to_owned(), None::<i64>);
    let private: BTreeSet<i64> = world
        .values("SELECT seq::text AS value FROM events WHERE audience = 'agent'")
        .iter()
        .map(|seq| seq.parse().unwrap())
        .collect();
    loop {
        let path = format!("/v1/events?since={cursor}&limit=500");
        let page = demand(world.site.addr, "GET", &path, &world.site.admin, &Value::Null).await.unwrap();
        assert_eq!(page["reset"], Value::Null);
        let events = items(&page);
        if events.is_empty() {
            return folded;
        }
        for event in events {
            let seq = event["seq"].as_i64().unwrap();
            // What is for one member only is not told to the admin.
            let between = last.unwrap_or(seq - 1) + 1..seq;
            assert!(between.clone().all(|seq| private.contains(&seq)), "after event {last:?} came {seq}");
            last = Some(seq);
            apply(&mut folded, &event);
        }
        cursor = page["cursor"].as_str().unwrap().to_owned();
    }
}

/// As a client does it: what has no higher version is ignored.
fn apply(folded: &mut BTreeMap<String, Value>, event: &Value) {
    if !event["type"].as_str().unwrap().starts_with("conversation.") {
        return;
    }
    let id = event["data"]["id"].as_str().unwrap().to_owned();
    let held = folded.get(&id).and_then(|one| one["version"].as_i64());
    if held.is_none_or(|held| event["data"]["version"].as_i64().unwrap() > held) {
        folded.insert(id, event["data"].clone());
    }
}
