//! What people do to a conversation while its customer writes. Whatever the order turns out to be, everything agrees with
//! the log.

use std::collections::BTreeSet;

use futures_util::future::join;
use harness::{Caller, Reply, TestApp};
use serde_json::{Value, json};

use crate::labels::{label, place};
use crate::support::text;

const ROUNDS: usize = 50;

/// Whether a race goes on: so many rounds, and more until each of its `orders` has happened, which is chance.
fn goes_on(round: usize, seen: usize, orders: usize) -> bool {
    assert!(round < 20 * ROUNDS, "of {orders} orders only {seen} happened");
    round < ROUNDS || seen < orders
}

/// A conversation that two do something to at once, again and again.
struct Thread {
    app: TestApp,
    id: String,
    path: String,
}

impl Thread {
    async fn begin() -> Self {
        let app = TestApp::start().await;
        let id = app.conversation("6281234567890", "Halo").await;
        let path = format!("/v1/conversations/{id}");
        for who in [app.admin(), app.agent(0)] {
            who.token().await;
        }
        Self { app, id, path }
    }

    fn act(&self, who: &Caller, what: &str) -> impl Future<Output = Reply> + use<> {
        who.act(format!("{}/{what}", self.path)).into_future()
    }

    /// The customer writes; every other round a little later, so that each order happens.
    async fn customer_writes(&self, round: usize) {
        if round.is_multiple_of(2) {
            tokio::task::yield_now().await;
        }
        let words = format!("Pesan {round}");
        self.app.whatsapp_text("6281234567890", &format!("wamid.{round}"), &words).await;
    }

    async fn now(&self) -> Value {
        self.app.admin().get(&self.path).await.expect(200).json
    }

    /// What the log says since `from`: the events of the conversation and its messages. The state that they lead to is the
    /// one that is read.
    async fn told(&self, log: &mut harness::Follower, before: &Value) -> Vec<Value> {
        log.seen.clear();
        let told = log.rest().await.to_vec();
        let now = self.now().await;
        let mut folded = before.clone();
        for event in told.iter().filter(|event| event["data"]["id"] == self.id.as_str()) {
            let next = event["version"].as_i64().unwrap();
            assert_eq!(next, folded["version"].as_i64().unwrap() + 1, "a version is told once, in order");
            folded = event["data"].clone();
        }
        assert_eq!(folded, now);
        told
    }
}

/// Where in the log it is told.
fn at(told: &[Value], fits: impl Fn(&Value) -> bool) -> Option<usize> {
    told.iter().position(fits)
}

fn is_inbound(event: &Value) -> bool {
    event["type"] == "message.created" && event["data"]["direction"] == "inbound"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn archiving_while_the_customer_writes_leaves_it_archived_only_if_the_message_came_first() {
    let thread = Thread::begin().await;
    let admin = thread.app.admin();
    let mut log = thread.app.follow().await;
    let mut outcomes = BTreeSet::new();
    let mut round = 0;
    while goes_on(round, outcomes.len(), 2) {
        let before = thread.now().await;
        let (archived, ()) = join(thread.act(&admin, "archive"), thread.customer_writes(round)).await;
        archived.expect(200);
        let told = thread.told(&mut log, &before).await;
        let archived = at(&told, |event| event["type"] == "conversation.archived").unwrap();
        let message = at(&told, is_inbound).unwrap();
        let now = thread.now().await;
        assert_eq!(now["archived_at"].is_null(), archived < message, "{told:#?}");
        assert_eq!(now["last_message"]["text"], format!("Pesan {round}"));
        outcomes.insert(archived < message);
        thread.act(&admin, "unarchive").await.expect(200);
        log.rest().await;
        round += 1;
    }
}

/// No message is in a session that was resolved before it came: of each, by the log.
async fn assert_no_message_after_the_end(app: &TestApp, told: &[Value]) {
    let sessions =
        app.database.values("SELECT id || ' ' || coalesce(session_id::text, '-') AS value FROM messages");
    let session_of = |id: &Value| {
        let line = sessions.iter().find_map(|line| line.strip_prefix(id.as_str().unwrap()));
        line.unwrap().trim().to_owned()
    };
    let mut ended = BTreeSet::new();
    for event in told.iter().filter(|event| event["type"] == "message.created") {
        let session = session_of(&event["data"]["id"]);
        if event["data"]["content"]["system"]["event"] == "resolved" {
            assert!(ended.insert(session), "a session ends once");
        } else {
            assert!(!ended.contains(&session), "a message in a session that had ended: {event}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resolving_while_the_agent_answers_or_the_customer_writes_ends_the_session_before_or_after_it() {
    let thread = Thread::begin().await;
    let (admin, siti) = (thread.app.admin(), thread.app.agent(0));
    let mut log = thread.app.follow().await;
    let (mut all, mut outcomes) = (Vec::new(), BTreeSet::new());
    let mut round = 0;
    while goes_on(round, outcomes.len(), 4) {
        let by_agent = round % 4 < 2;
        let to = json!({ "agent_id": siti.id() });
        admin.post(format!("{}/assign", thread.path), to).await.expect(200);
        all.extend(log.rest().await.iter().cloned());
        let before = thread.now().await;
        let write = async {
            if by_agent {
                let words = text(&format!("Jawaban {round}"));
                siti.post(format!("{}/messages", thread.path), words).await.expect(201);
            } else {
                thread.customer_writes(round).await;
            }
        };
        let resolve = thread.act(&admin, "resolve");
        // Who asks first is not always who is first.
        let resolved = match round % 8 < 4 {
            true => join(resolve, write).await.0,
            false => join(write, resolve).await.1,
        };
        resolved.expect(200);
        let told = thread.told(&mut log, &before).await;
        let resolved = at(&told, |event| event["type"] == "conversation.resolved").unwrap();
        let direction = if by_agent { "outbound" } else { "inbound" };
        let message =
            |event: &Value| event["type"] == "message.created" && event["data"]["direction"] == direction;
        let message = at(&told, message).unwrap();
        let now = thread.now().await;
        let status = match (resolved < message, by_agent) {
            (false, _) => "resolved",
            (true, true) => "answered",
            (true, false) => "open",
        };
        assert_eq!(now["status"], status, "{told:#?}");
        outcomes.insert((by_agent, resolved < message));
        log.seen.clear();
        all.extend(told);
        round += 1;
    }
    assert_no_message_after_the_end(&thread.app, &all).await;
    // Every ticket but that of the last session is closed.
    let open = thread.app.count("tickets WHERE closed_at IS NULL");
    assert_eq!(open, i64::from(!thread.now().await["ticket_id"].is_null()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_label_put_on_while_it_is_resolved_stays_and_both_are_told() {
    let thread = Thread::begin().await;
    let (admin, siti) = (thread.app.admin(), thread.app.agent(0));
    let vip = label(&admin, "VIP").await;
    let mut log = thread.app.follow().await;
    for round in 0..ROUNDS {
        thread.customer_writes(round).await;
        log.rest().await;
        let before = thread.now().await;
        let put = siti.put(place(&thread.id, &vip), json!({})).into_future();
        let (resolved, labelled) = join(thread.act(&admin, "resolve"), put).await;
        let version = |reply: Reply| reply.expect(200)["version"].as_i64().unwrap();
        assert_eq!((version(resolved) - version(labelled)).abs(), 1);
        let told = thread.told(&mut log, &before).await;
        assert_eq!(told.iter().filter(|event| event["data"]["id"] == thread.id.as_str()).count(), 2);
        let now = thread.now().await;
        assert_eq!((&now["status"], &now["labels"][0]["id"]), (&json!("resolved"), &json!(vip)));
        admin.delete(place(&thread.id, &vip)).await.expect(200);
        log.rest().await;
    }
}
