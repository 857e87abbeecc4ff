//! Sight restricted to the allocation: it covers every way to see something.

use std::collections::{BTreeMap, BTreeSet};

use api::stream::cursor::StreamCursor;
use api::stream::protocol::{Mode, ResetReason, ServerFrame, Signal};
use harness::hooks::telegram_message;
use harness::{Caller, Follower, StreamClient, TestApp};
use serde_json::{Value, json};

use super::settings::{SETTINGS, settings};
use crate::stream::{events, quick_app, up_to};
use crate::support::text;

/// The admin says which channels a member works for; its divisions stay.
async fn allocate(app: &TestApp, who: &Caller, kinds: &[&str]) {
    let path = format!("/v1/agents/{}", who.id());
    let member = app.admin().get(&path).await.expect(200);
    let divisions: Vec<&Value> =
        member["divisions"].as_array().unwrap().iter().map(|division| &division["id"]).collect();
    let channels: Vec<&str> = kinds.iter().map(|kind| app.channel(kind)).collect();
    let body = json!({ "channel_ids": channels, "division_ids": divisions });
    app.admin().put(format!("{path}/allocation"), body).await.expect(200);
}

/// Conversations by a letter: on WhatsApp `u` waits, `d` waits for the division, `0` is agent 0's, `x` is
/// archived; on Telegram `t` waits, `1` is agent 0's, `2` is agent 2's, `y` is archived.
struct World {
    app: TestApp,
    ids: BTreeMap<char, String>,
}

impl World {
    async fn make() -> Self {
        let app = quick_app().await;
        let mut ids = BTreeMap::new();
        for (number, letter) in "ud0xt12y".chars().enumerate() {
            let id = if "ud0x".contains(letter) {
                app.conversation(&format!("628120000000{number}"), "Halo").await
            } else {
                telegram(&app, number, "Halo bot").await
            };
            let path = format!("/v1/conversations/{id}");
            let to = match letter {
                'd' => Some(json!({ "division_id": app.division })),
                '0' | '1' => Some(json!({ "agent_id": app.agent(0).id() })),
                '2' => Some(json!({ "agent_id": app.agent(2).id() })),
                _ => None,
            };
            if let Some(to) = to {
                app.admin().post(format!("{path}/assign"), to).await.expect(200);
            }
            if matches!(letter, 'x' | 'y') {
                app.admin().act(format!("{path}/archive")).await.expect(200);
            }
            ids.insert(letter, id);
        }
        for who in [app.supervisor(), app.agent(0), app.agent(2)] {
            allocate(&app, &who, &["whatsapp"]).await;
        }
        Self { app, ids }
    }

    fn path(&self, letter: char) -> String {
        format!("/v1/conversations/{}", self.ids[&letter])
    }

    fn letters(&self, listed: &[Value], field: &str) -> String {
        let letter = |id: &str| *self.ids.iter().find(|(_, own)| *own == id).unwrap().0;
        let letters: BTreeSet<char> = listed.iter().map(|one| letter(one[field].as_str().unwrap())).collect();
        letters.into_iter().collect()
    }

    async fn tab(&self, who: &Caller, tab: &str) -> String {
        let listed = who.all(&format!("/v1/conversations?limit=2&tab={tab}")).await;
        self.letters(&listed, "id")
    }
}

/// A customer on Telegram writes; answers its conversation's id.
async fn telegram(app: &TestApp, customer: usize, words: &str) -> String {
    let number = i64::try_from(customer).unwrap();
    let update = 1 + app.count("messages WHERE direction = 'inbound'");
    let body =
        telegram_message(7_000_000_000 + number, update, update, app.clock.now().unix_seconds(), words);
    app.hook("telegram", body.to_string()).await.expect(200);
    let query = format!(
        "SELECT v.id::text AS value FROM conversations v JOIN contact_identities i ON i.id = v.identity_id
         WHERE i.external_id = '{}'",
        7_000_000_000 + number
    );
    app.database.values(&query).remove(0)
}

/// Who sees what in `mine`, `all`, `unassigned` and `archived` while sight is restricted.
fn eyes(app: &TestApp) -> [(Caller, [&'static str; 4]); 6] {
    [
        (app.admin(), ["", "012dtu", "dtu", "xy"]),
        // Of agent 0, whose conversation on Telegram is not on a channel of the supervisor's.
        (app.supervisor(), ["", "0u", "u", "x"]),
        (app.lone_supervisor(), ["", "", "", ""]),
        // A member of the division; one's own stays visible wherever it is.
        (app.agent(0), ["01", "01du", "du", "x"]),
        (app.agent(2), ["2", "02u", "u", "x"]),
        (app.agent(1), ["", "", "", ""]),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_restricted_sight_nothing_outside_the_allocation_exists() {
    let world = World::make().await;
    let app = &world.app;
    app.admin().put(SETTINGS, settings(true, true, true)).await.expect(200);
    for (who, [mine, all, unassigned, archived]) in eyes(app) {
        let name = who.me().name.clone();
        for (tab, letters) in
            [("mine", mine), ("all", all), ("unassigned", unassigned), ("archived", archived)]
        {
            assert_eq!(world.tab(&who, tab).await, letters, "{name}: {tab}");
        }
        let sees = format!("{all}{archived}");
        for letter in world.ids.keys().copied() {
            let path = world.path(letter);
            for path in [path.clone(), format!("{path}/messages")] {
                let reply = who.get(path).await;
                match sees.contains(letter) {
                    true => drop(reply.expect(200)),
                    false => drop(reply.problem(404, "not_found")),
                }
            }
            if sees.contains(letter) {
                continue;
            }
            let rows = app.database.snapshot();
            for what in ["claim", "unassign", "resolve", "archive", "unarchive", "read"] {
                who.act(format!("{path}/{what}")).await.problem(404, "not_found");
            }
            for to in [json!({ "agent_id": who.id() }), json!({ "division_id": app.division })] {
                who.post(format!("{path}/assign"), to).await.problem(404, "not_found");
            }
            who.post(format!("{path}/messages"), text("Halo")).await.problem(404, "not_found");
            assert_eq!(app.database.snapshot(), rows, "{name}: {letter}");
        }
        let tickets = who.all("/v1/tickets?limit=1").await;
        let expected = match name.as_str() {
            "Dewi Lestari" => "012",
            "Budi Santoso" => "0",
            "Siti Rahmawati" => "01",
            "Rina Marlina" => "2",
            _ => "",
        };
        assert_eq!(world.letters(&tickets, "conversation_id"), expected, "{name}: tickets");
        for ticket in app.admin().all("/v1/tickets").await {
            let sees = tickets.contains(&ticket);
            let path = format!("/v1/tickets/{}", ticket["id"].as_str().unwrap());
            for path in [path.clone(), format!("{path}/messages")] {
                assert_eq!(who.get(&path).await.status, if sees { 200 } else { 404 }, "{name}: {path}");
            }
        }
    }
    // What it is given is its own, whatever the channel.
    let to = json!({ "agent_id": app.agent(1).id() });
    app.admin().post(format!("{}/assign", world.path('t')), to).await.expect(200);
    assert_eq!(world.tab(&app.agent(1), "all").await, "t");
    app.agent(1).post(format!("{}/messages", world.path('t')), text("Halo")).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_restricted_sight_the_log_tells_nothing_from_outside_the_allocation() {
    let world = World::make().await;
    let app = &world.app;
    app.admin().put(SETTINGS, settings(true, true, true)).await.expect(200);
    let beginning = StreamCursor::new(app.app().epoch, 0).to_string();
    let mut contacts = BTreeMap::new();
    for letter in world.ids.keys() {
        let conversation = app.admin().get(world.path(*letter)).await.expect(200);
        contacts.insert(*letter, conversation["contact"]["id"].clone());
    }
    let mut streams = Vec::new();
    for (who, [_, all, _, archived]) in eyes(app) {
        let sees = format!("{all}{archived}");
        // The past, as one sees it now: some of it began before the division was asked for.
        let past = Follower::from_cursor(who.clone(), beginning.clone()).rest().await.to_vec();
        for letter in world.ids.keys().copied().filter(|letter| !sees.contains(*letter)) {
            let seen = past.iter().filter(|event| event["conversation_id"] == world.ids[&letter]);
            let types: Vec<_> = seen.map(harness::events::name).collect();
            let was_open = letter == 'd' && sees.contains('u');
            assert_eq!(types.is_empty(), !was_open, "{}: {letter}: {types:?}", who.me().name);
            assert!(!was_open || types.last().unwrap() == "conversation.hidden", "{types:?}");
        }
        let knows = |letter: &char| sees.contains(*letter) || (*letter == 'd' && sees.contains('u'));
        let known: Vec<_> =
            world.ids.keys().filter(|letter| knows(letter)).map(|letter| &contacts[letter]).collect();
        let customers: Vec<_> = past
            .iter()
            .filter(|event| event["type"] == "contact.created")
            .map(|event| &event["data"]["id"])
            .collect();
        assert_eq!(customers.is_empty(), !sees.contains('u'), "{}", who.me().name);
        assert!(customers.iter().all(|customer| known.contains(customer)), "{}", who.me().name);
        let (client, ready) = StreamClient::by_frame(app, &who, None).await;
        streams.push((who, sees, client, ready.cursor));
    }
    for (number, letter) in "ud0xt12y".chars().enumerate() {
        match "ud0x".contains(letter) {
            true => drop(app.conversation(&format!("628120000000{number}"), "Lagi").await),
            false => drop(telegram(app, number, "Lagi bot").await),
        }
    }
    let head = app.head(app.workspace).await;
    for (who, sees, client, began) in &mut streams {
        let live = events(up_to(client, head).await);
        let told: BTreeSet<String> =
            live.iter().filter_map(|event| event.conversation_id).map(|id| id.to_string()).collect();
        // Those that were archived are back, and waiting.
        let expected = world.ids.iter().filter(|(letter, _)| sees.contains(**letter));
        assert_eq!(told, expected.map(|(_, id)| id.clone()).collect(), "{}", who.me().name);
        let (mut again, _) = StreamClient::of(app, who, Some(began)).await;
        assert_eq!(again.caught_up().await, live, "{}", who.me().name);
        let polled = Follower::from_cursor(who.clone(), began.clone()).rest().await.to_vec();
        let plain: Vec<_> = live.iter().map(|event| serde_json::to_value(event).unwrap()).collect();
        assert_eq!(polled, plain, "{}", who.me().name);
    }
    // A conversation that leaves the division that one works for leaves one's sight, and comes back.
    let path = world.path('u');
    app.admin().post(format!("{path}/assign"), json!({ "division_id": app.division })).await.expect(200);
    let head = app.head(app.workspace).await;
    for (who, _, client, _) in &mut streams {
        let types: Vec<_> =
            events(up_to(client, head).await).iter().map(|event| event.event_type.to_string()).collect();
        let expected: &[&str] = match who.me().name.as_str() {
            "Dewi Lestari" | "Siti Rahmawati" => {
                &["conversation.updated", "message.created", "conversation.updated"]
            }
            "Budi Santoso" | "Rina Marlina" => &["conversation.hidden"],
            _ => &[],
        };
        assert_eq!(
            types.first().map(String::as_str),
            expected.first().copied(),
            "{}: {types:?}",
            who.me().name
        );
        assert_eq!(types.is_empty(), expected.is_empty());
        assert!(types.iter().all(|told| expected.contains(&told.as_str())), "{}: {types:?}", who.me().name);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_restricted_sight_typing_is_seen_within_the_allocation_only() {
    let world = World::make().await;
    let app = &world.app;
    app.admin().put(SETTINGS, settings(true, true, true)).await.expect(200);
    let (mut writer, _) = StreamClient::by_frame(app, &app.admin(), None).await;
    let mut readers = Vec::new();
    for (who, [_, all, ..]) in eyes(app).into_iter().skip(1) {
        readers.push((who.me().name.clone(), all, StreamClient::by_frame(app, &who, None).await.0));
    }
    for letter in "t1du0".chars() {
        writer.send(json!({ "op": "typing", "conversation_id": world.ids[&letter] })).await;
    }
    // A signal is not stored: an event after it says that it would have come.
    app.admin().patch("/v1/workspace", json!({ "name": "Sesudah" })).await.expect(200);
    up_to(&mut writer, app.head(app.workspace).await).await;
    app.admin().patch("/v1/workspace", json!({ "name": "Lama sesudah" })).await.expect(200);
    let head = app.head(app.workspace).await;
    for (name, sees, client) in &mut readers {
        let mut seen = BTreeSet::new();
        for frame in up_to(client, head).await {
            if let ServerFrame::Signal(Signal::Typing { conversation_id, .. }) = frame {
                seen.insert(conversation_id.to_string());
            }
        }
        let expected = "t1du0".chars().filter(|letter| sees.contains(*letter));
        assert_eq!(seen, expected.map(|letter| world.ids[&letter].clone()).collect(), "{name}");
    }
    let (mut outside, _) = StreamClient::by_frame(app, &app.agent(1), None).await;
    outside.send(json!({ "op": "typing", "conversation_id": world.ids[&'u'] })).await;
    let refused = outside.next().await;
    assert!(matches!(refused, ServerFrame::Error(_)), "{refused:?}");
}

/// Reads up to `reset`, loads anew and subscribes again.
async fn reset(client: &mut StreamClient, who: &Caller) {
    loop {
        match client.next().await {
            ServerFrame::Event(_) => {}
            ServerFrame::Reset(reset) => {
                assert_eq!(reset.reason, ResetReason::ScopeChanged);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    let loaded = who.get("/v1/conversations").await.expect(200);
    let since = loaded.header("stream-cursor").unwrap();
    client.send(json!({ "op": "subscribe", "since": since })).await;
    assert_eq!(client.ready().await.mode, Mode::Replay);
    client.caught_up().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_comes_to_see_more_or_less_is_told_to_load_anew() {
    let world = World::make().await;
    let app = &world.app;
    let (admin, rina, budi) = (app.admin(), app.agent(2), app.supervisor());
    let (mut unmoved, _) = StreamClient::of(app, &admin, None).await;
    let (mut narrowed, _) = StreamClient::of(app, &rina, None).await;
    let (mut above, _) = StreamClient::of(app, &budi, None).await;
    let old = Follower::from_now(rina.clone()).await.cursor;

    admin.put(SETTINGS, settings(true, true, true)).await.expect(200);
    reset(&mut narrowed, &rina).await;
    reset(&mut above, &budi).await;
    assert_eq!(world.tab(&rina, "all").await, "02u");
    let stale = rina.get(format!("/v1/events?since={old}")).await.expect(200);
    assert_eq!((&stale["reset"], &stale["items"]), (&json!("scope_changed"), &json!([])));

    // She comes to the division: what waits for it is hers to see.
    let members = format!("/v1/divisions/{}/members", app.division);
    admin.put(&members, json!({ "agent_ids": [app.agent(0).id(), rina.id()] })).await.expect(200);
    reset(&mut narrowed, &rina).await;
    assert_eq!(world.tab(&rina, "all").await, "02du");
    admin.delete(format!("/v1/divisions/{}", app.division)).await.expect(200);
    reset(&mut narrowed, &rina).await;
    assert_eq!(world.tab(&rina, "all").await, "02du", "now it waits for anybody");

    allocate(app, &rina, &["whatsapp", "telegram"]).await;
    reset(&mut narrowed, &rina).await;
    assert_eq!(world.tab(&rina, "all").await, "012dtu");
    admin.put(SETTINGS, settings(true, true, false)).await.expect(200);
    reset(&mut narrowed, &rina).await;
    reset(&mut above, &budi).await;
    assert_eq!(world.tab(&budi, "all").await, "01dtu");

    // Other settings change no sight, and an admin's never changes.
    admin.put(SETTINGS, settings(false, false, false)).await.expect(200);
    let head = app.head(app.workspace).await;
    for client in [&mut narrowed, &mut above] {
        assert_eq!(events(up_to(client, head).await), [], "settings are the admins'");
    }
    let told = events(up_to(&mut unmoved, head).await);
    assert_eq!(told.last().unwrap().event_type.as_str(), "settings.updated");
}
