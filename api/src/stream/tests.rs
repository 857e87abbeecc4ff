//! Connections over a log in memory.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::carrier::{End, Incoming};
use super::cursor::StreamCursor;
use super::event::{LogEvent, Reading};
use super::hub::Hub;
use super::protocol::{CloseCode, Envelope, SignalType};
use super::reader::View;
use super::testing::{
    Client, EPOCH, Entry, Memory, admin, agent, agent_id, conversation_id, facts, token, workspace,
};
use crate::config::StreamSettings;
use domain::access::KeyScope;
use domain::actor::{Actor, KeyLimits, Via};
use domain::agent::{Availability, Role};
use domain::event::EventType;

fn cursor(seq: i64) -> Option<String> {
    Some(StreamCursor::new(EPOCH, seq).to_string())
}

fn server(members: &[Actor]) -> (Memory, Hub) {
    let memory = Memory::default();
    for member in members {
        memory.know(member.clone());
    }
    (memory, Hub::default())
}

#[tokio::test(start_paused = true)]
async fn live_begins_at_the_head() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    for _ in 0..3 {
        memory.append(Entry::everyone());
    }
    let (mut client, ready) = Client::join(&memory, &hub, &siti, None).await;
    assert_eq!((&ready["mode"], &ready["reason"]), (&json!("live"), &Value::Null));
    let begin: StreamCursor = ready["cursor"].as_str().unwrap().parse().unwrap();
    assert_eq!(begin.seq, 3);
    memory.commit(&hub, Entry::everyone());
    let event = client.next().await;
    assert_eq!((&event["op"], &event["seq"], &event["prev"]), (&json!("event"), &json!(4), &json!(3)));
    assert_eq!(event["type"], "contact.updated");
    let place: StreamCursor = event["cursor"].as_str().unwrap().parse().unwrap();
    assert_eq!((place.epoch, place.seq), (EPOCH, 4));
}

#[tokio::test(start_paused = true)]
async fn a_replay_flows_into_live_without_a_gap() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    for _ in 0..700 {
        memory.append(Entry::everyone());
    }
    let writer = {
        let (memory, hub) = (memory.clone(), hub.clone());
        tokio::spawn(async move {
            for number in 0..600_u64 {
                memory.commit(&hub, Entry::everyone());
                if number % 7 == 0 {
                    sleep(Duration::from_millis(1)).await;
                } else {
                    tokio::task::yield_now().await;
                }
            }
        })
    };
    let (mut client, ready) = Client::join(&memory, &hub, &siti, cursor(10)).await;
    assert_eq!(ready["mode"], "replay");
    let (mut last, mut caught_up) = (10, None);
    while last < 1300 {
        let frame = client.next_answering().await;
        match frame["op"].as_str() {
            Some("event") => {
                assert_eq!((&frame["prev"], &frame["seq"]), (&json!(last), &json!(last + 1)));
                last += 1;
            }
            Some("caught_up") => assert_eq!(caught_up.replace(frame["seq"].as_i64().unwrap()), None),
            other => panic!("{other:?}"),
        }
    }
    writer.await.unwrap();
    assert!(caught_up.is_some_and(|seq| seq >= 700), "{caught_up:?}");
    assert!(client.is_silent(Duration::from_secs(20)).await);
}

#[tokio::test(start_paused = true)]
async fn resuming_at_the_head_replays_nothing() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    memory.append(Entry::everyone());
    let (mut client, ready) = Client::join(&memory, &hub, &siti, cursor(1)).await;
    assert_eq!(ready["mode"], "replay");
    let caught_up = client.next().await;
    assert_eq!((&caught_up["op"], &caught_up["seq"]), (&json!("caught_up"), &json!(1)));
    assert!(client.is_silent(Duration::from_secs(20)).await);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_cannot_be_followed_is_told_why() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    for _ in 0..6000 {
        memory.append(Entry::everyone());
    }
    memory.forget(500);
    let foreign = StreamCursor::new(workspace().0, 5999).to_string();
    let other_scope = StreamCursor::in_scope(EPOCH, 5999, View::of(&agent(2)).scope).to_string();
    let cases = [
        (cursor(499), "expired"),
        (cursor(999), "too_far"),
        (cursor(6001), "epoch"),
        (Some(foreign), "epoch"),
        (Some("nonsense".to_owned()), "epoch"),
        (Some(other_scope), "scope_changed"),
    ];
    for (since, reason) in cases {
        let (mut client, ready) = Client::join(&memory, &hub, &siti, since.clone()).await;
        assert_eq!((&ready["mode"], &ready["reason"]), (&json!("reset"), &json!(reason)));
        assert_eq!(ready["cursor"], json!(since), "a client that resumes from it is told again");
        assert!(client.is_silent(Duration::from_secs(20)).await, "{reason}");
        client.send(&json!({"op": "subscribe", "since": cursor(5999)}));
        assert_eq!(client.next_answering().await["mode"], "replay");
        assert_eq!(client.next_answering().await["seq"], 6000);
        assert_eq!(client.next_answering().await["op"], "caught_up");
    }
    let (_, ready) = Client::join(&memory, &hub, &siti, cursor(1000)).await;
    assert_eq!(ready["mode"], "replay");
}

#[tokio::test(start_paused = true)]
async fn the_log_is_read_once_for_all_readers() {
    let members: Vec<_> = (1..=50).map(admin).collect();
    let (memory, hub) = server(&members);
    let mut clients = Vec::new();
    for member in &members {
        clients.push(Client::join(&memory, &hub, member, None).await.0);
    }
    let before = memory.reads();
    for _ in 0..100 {
        memory.commit(&hub, Entry::everyone());
    }
    for client in &mut clients {
        for seq in 1..=100 {
            assert_eq!(client.next().await["seq"], seq);
        }
    }
    assert!(memory.reads() - before < 10, "{} reads", memory.reads() - before);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_read_for_nobody() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    let (first, _) = Client::join(&memory, &hub, &siti, None).await;
    let (mut second, _) = Client::join(&memory, &hub, &siti, None).await;
    first.say.send(Incoming::Close).unwrap();
    first.end().await;
    memory.commit(&hub, Entry::everyone());
    assert_eq!(second.next().await["seq"], 1);
    second.say.send(Incoming::Close).unwrap();
    second.end().await;
    tokio::task::yield_now().await;
    assert_eq!((hub.connections(), memory.users()), (0, 1), "what reads for the readers ends with the last");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_delays_nobody_and_is_dropped() {
    let (siti, budi) = (admin(1), admin(2));
    let (memory, hub) = server(&[siti.clone(), budi.clone()]);
    let settings = StreamSettings::default();
    let stuck = Client::connect(&memory, &hub, &settings, 2);
    stuck.auth(&siti, None);
    let (mut client, _) = Client::join(&memory, &hub, &budi, None).await;
    let begin = Instant::now();
    for seq in 1..=5000 {
        memory.commit(&hub, Entry::everyone());
        assert_eq!(client.next().await["seq"], seq);
    }
    assert!(begin.elapsed() < Duration::from_secs(1), "{:?}", begin.elapsed());
    let end = timeout(Duration::from_secs(31), stuck.served).await.expect("dropped").unwrap();
    assert_eq!(end, End::Stuck(CloseCode::TooSlow));
    assert_eq!(hub.connections(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_wake_up_and_an_outage_cost_only_time() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    let poller = hub.start(memory.clone(), Duration::from_millis(500));
    let (mut client, _) = Client::join(&memory, &hub, &siti, None).await;
    memory.append(Entry::everyone());
    let event = timeout(Duration::from_millis(501), client.next()).await.expect("the poll finds it");
    assert_eq!(event["seq"], 1);
    memory.set_away(true);
    memory.commit(&hub, Entry::everyone());
    assert!(client.is_silent(Duration::from_secs(20)).await);
    memory.set_away(false);
    assert_eq!(timeout(Duration::from_secs(1), client.next()).await.unwrap()["seq"], 2);
    hub.shutdown(Duration::from_secs(1), Duration::from_secs(1)).await;
    timeout(Duration::from_secs(1), poller).await.expect("ends with the server").unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_sent_away_ends_with_the_right_code() {
    let (siti, budi, tono) = (admin(1), admin(2), admin(3));
    let (memory, hub) = server(&[siti.clone(), budi.clone(), tono.clone()]);
    let poller = hub.start(memory.clone(), Duration::from_millis(500));
    let (by_hub, _) = Client::join(&memory, &hub, &siti, None).await;
    let (by_poll, _) = Client::join(&memory, &hub, &budi, None).await;
    let (mut stays, _) = Client::join(&memory, &hub, &tono, None).await;
    hub.revoked(siti.credential());
    memory.end(budi.credential());
    assert_eq!(by_hub.end().await, End::Close(CloseCode::Revoked));
    let end = timeout(Duration::from_secs(2), by_poll.end()).await.expect("within two seconds");
    assert_eq!(end, End::Close(CloseCode::Revoked));
    let stopping = hub.clone();
    let stopped =
        tokio::spawn(async move { stopping.shutdown(Duration::from_secs(5), Duration::from_secs(3)).await });
    let goaway = stays.next().await;
    assert_eq!((&goaway["op"], &goaway["reason"]), (&json!("goaway"), &json!("deploy")));
    assert!((0..5000).contains(&goaway["after_ms"].as_u64().unwrap()));
    assert_eq!(stays.end().await, End::Close(CloseCode::Restart));
    assert!(stopped.await.unwrap());
    poller.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_eleventh_connection_closes_the_first() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    let mut clients = Vec::new();
    for _ in 0..11 {
        clients.push(Client::join(&memory, &hub, &siti, None).await.0);
    }
    let first = clients.remove(0);
    assert_eq!(first.end().await, End::Close(CloseCode::TooManyConnections));
    assert!(clients.iter().all(|client| !client.served.is_finished()));
}

#[tokio::test(start_paused = true)]
async fn what_is_no_frame_closes() {
    let siti = admin(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    let long = format!(r#"{{"op":"pong","seq":1,"x":"{}"}}"#, "x".repeat(16 * 1024));
    let cases = [
        (Incoming::Text("{".into()), CloseCode::Malformed),
        (Incoming::Text(r#"{"op":"dance"}"#.into()), CloseCode::Malformed),
        (Incoming::Unreadable, CloseCode::Malformed),
        (Incoming::Text(long.into()), CloseCode::TooLarge),
        (Incoming::TooLarge, CloseCode::TooLarge),
        (Incoming::Close, CloseCode::Normal),
    ];
    for (incoming, code) in cases {
        let (client, _) = Client::join(&memory, &hub, &siti, None).await;
        client.say.send(incoming).unwrap();
        assert_eq!(client.end().await, End::Close(code));
    }
    let client = Client::connect(&memory, &hub, &StreamSettings::default(), 8);
    client.send(&json!({"op": "auth", "token": "nonsense"}));
    assert_eq!(client.end().await, End::Close(CloseCode::Unauthenticated));
    let (client, _) = Client::join(&memory, &hub, &siti, None).await;
    for _ in 0..30 {
        client.send(&json!({"op": "pong", "seq": 0}));
    }
    assert_eq!(client.end().await, End::Close(CloseCode::TooFast));
}

#[tokio::test(start_paused = true)]
async fn a_fresh_token_has_to_be_the_same_members() {
    let (siti, budi) = (admin(1), admin(2));
    let (memory, hub) = server(&[siti.clone(), budi.clone()]);
    memory.tokens_last(Duration::from_secs(180));
    let (mut client, _) = Client::join(&memory, &hub, &siti, None).await;
    for _ in 0..3 {
        let due = client.next_answering().await;
        assert_eq!((&due["op"], &due["in_seconds"]), (&json!("auth_due"), &json!(60)));
        client.send(&json!({"op": "auth", "token": token(&siti)}));
    }
    client.send(&json!({"op": "auth", "token": token(&budi)}));
    assert_eq!(client.end().await, End::Close(CloseCode::Unauthenticated));
}

#[tokio::test(start_paused = true)]
async fn a_changed_scope_is_told_before_what_follows_it() {
    let mut lead = Actor { role: Role::Supervisor, supervises: vec![agent_id(2)], ..agent(1) };
    let (memory, hub) = server(std::slice::from_ref(&lead));
    let (mut client, _) = Client::join(&memory, &hub, &lead, None).await;
    memory.commit(&hub, Entry::moved(1, 1, None, facts(Some(2))));
    assert_eq!(client.next().await["seq"], 1);
    // The agent is no longer supervised: what it does then is none of the supervisor's business.
    lead.supervises.clear();
    memory.know(lead.clone());
    memory.append(Entry { event_type: EventType::AgentCreated, ..Entry::everyone() });
    memory.commit(&hub, Entry::moved(1, 2, Some(facts(Some(2))), facts(Some(2))));
    let reset = client.next().await;
    assert_eq!((&reset["op"], &reset["reason"]), (&json!("reset"), &json!("scope_changed")));
    assert!(client.is_silent(Duration::from_secs(20)).await);
    client.send(&json!({"op": "subscribe", "since": cursor(1)}));
    assert_eq!(client.next_answering().await["mode"], "replay");
    assert_eq!(client.next_answering().await["seq"], 2);
    assert_eq!(client.next_answering().await["op"], "caught_up");
}

#[tokio::test(start_paused = true)]
async fn a_scope_that_changes_while_the_client_is_slow_still_comes_first() {
    let mut lead = Actor { role: Role::Supervisor, supervises: vec![agent_id(2)], ..agent(1) };
    let (memory, hub) = server(std::slice::from_ref(&lead));
    let mut client = Client::connect(&memory, &hub, &StreamSettings::default(), 1);
    client.auth(&lead, None);
    assert_eq!(
        (client.next().await["op"].take(), client.next().await["op"].take()),
        (json!("hello"), json!("ready"))
    );
    for version in 1..=4 {
        memory.commit(&hub, Entry::moved(1, version, Some(facts(Some(2))), facts(Some(2))));
    }
    sleep(Duration::from_millis(5)).await;
    lead.supervises.clear();
    memory.know(lead);
    memory.append(Entry { event_type: EventType::AgentCreated, ..Entry::everyone() });
    memory.commit(&hub, Entry::moved(1, 6, Some(facts(Some(2))), facts(Some(2))));
    sleep(Duration::from_millis(5)).await;
    let mut seen = Vec::new();
    loop {
        let frame = client.next().await;
        if frame["op"] == "reset" {
            break;
        }
        seen.push(frame["seq"].as_i64().unwrap());
    }
    assert!(seen.iter().all(|seq| *seq < 5), "{seen:?}");
    assert!(client.is_silent(Duration::from_secs(5)).await);
}

#[tokio::test(start_paused = true)]
async fn pings_say_how_far_the_reader_is_and_what_it_must_not_see_counts() {
    let siti = agent(1);
    let (memory, hub) = server(std::slice::from_ref(&siti));
    let (mut client, _) = Client::join(&memory, &hub, &siti, None).await;
    for version in 1..=5 {
        memory.commit(&hub, Entry::moved(1, version, None, facts(Some(2))));
    }
    let ping = client.next().await;
    assert_eq!((&ping["op"], &ping["seq"]), (&json!("ping"), &json!(5)));
    client.send(&json!({"op": "pong", "seq": 5}));
    memory.commit(&hub, Entry::everyone());
    let event = client.next().await;
    assert_eq!((&event["seq"], &event["prev"]), (&json!(6), &json!(0)));
}

#[tokio::test(start_paused = true)]
async fn typing_reaches_those_who_may_see_it_only() {
    let (siti, budi, boss) = (agent(1), agent(2), admin(3));
    let (memory, hub) = server(&[siti.clone(), budi.clone(), boss.clone()]);
    memory.hold(1, Some(1));
    let (mut writer, _) = Client::join(&memory, &hub, &siti, None).await;
    let (mut stranger, _) = Client::join(&memory, &hub, &budi, None).await;
    let (mut reader, _) = Client::join(&memory, &hub, &boss, None).await;
    writer.send(&json!({"op": "typing", "conversation_id": conversation_id(1)}));
    let signal = reader.next().await;
    let expected = json!({"op": "signal", "type": "typing", "conversation_id": conversation_id(1), "agent_id": agent_id(1)});
    assert_eq!(signal, expected);
    assert!(writer.is_silent(Duration::from_secs(5)).await);
    assert!(stranger.is_silent(Duration::from_secs(5)).await);
    stranger.send(&json!({"op": "typing", "conversation_id": conversation_id(1)}));
    assert_eq!(stranger.next().await, json!({"op": "error", "code": "not_found"}));
    hub.typing(workspace(), conversation_id(2), facts(Some(2)), agent_id(2), None);
    assert_eq!(stranger.next().await["conversation_id"], json!(conversation_id(2)));
}

#[tokio::test(start_paused = true)]
async fn presence_reaches_those_who_asked_and_are_told_of_members() {
    let (siti, boss) = (agent(1), admin(3));
    let key = |number: u128, scopes| Actor {
        via: Via::ApiKey(KeyLimits {
            id: Uuid::from_u128(number).into(),
            name: "CRM".to_owned(),
            scopes,
            channels: None,
        }),
        ..admin(3)
    };
    let (blind, seeing) = (key(70, vec![KeyScope::TicketsRead]), key(71, vec![KeyScope::TeamRead]));
    let (memory, hub) = server(&[siti.clone(), boss.clone()]);
    let mut clients = Vec::new();
    for (actor, signals) in [
        (&boss, &[SignalType::Presence][..]),
        (&seeing, &[SignalType::Typing, SignalType::Presence][..]),
        (&boss, &[SignalType::Typing][..]),
        (&siti, &[][..]),
        (&blind, &[SignalType::Presence][..]),
    ] {
        memory.know(actor.clone());
        let mut client = Client::connect(&memory, &hub, &StreamSettings::default(), 64);
        assert_eq!(client.next().await["op"], "hello");
        client.auth_with(actor, None, signals);
        assert_eq!(client.next().await["op"], "ready");
        clients.push(client);
    }
    memory.commit(&hub, Entry::member(1, Availability::Online, true, json!({"online": false})));
    memory.commit(&hub, Entry::member(1, Availability::Online, true, json!({"name": "Siti"})));
    let expected = json!({"op": "signal", "type": "presence", "agent_id": agent_id(1), "availability": "online", "online": true});
    for (which, client) in clients.iter_mut().enumerate() {
        let mut signals = Vec::new();
        for _ in 0..[3, 3, 2, 2, 0][which] {
            let frame = client.next().await;
            if frame["op"] == "signal" {
                signals.push(frame);
            }
        }
        let asked = [1, 1, 0, 0, 0][which];
        assert_eq!(signals, vec![expected.clone(); asked], "{which}");
        assert!(client.is_silent(Duration::from_secs(1)).await, "{which}");
    }
}

/// What a client knows of conversations: by id, version and holder.
type Known = BTreeMap<String, (i64, Value)>;

fn fold(known: &mut Known, frame: &Value) {
    let id = frame["data"]["id"].as_str().unwrap().to_owned();
    let version = frame["version"].as_i64().unwrap();
    if frame["type"] == "conversation.hidden" {
        assert_eq!(frame["data"], json!({"id": id}), "ids only");
        assert!(known.remove(&id).is_some(), "hidden from who saw it");
    } else {
        let newer = known.get(&id).is_none_or(|(held, _)| version > *held);
        assert_eq!(frame["type"] == "conversation.shown", !known.contains_key(&id) && version > 1);
        assert!(newer);
        known.insert(id, (version, frame["data"]["assignee"].clone()));
    }
}

proptest! {
    #[test]
    fn what_a_reader_is_sent_adds_up_to_what_it_may_see(
        moves in proptest::collection::vec((0_u128..4, proptest::option::of(1_u128..5)), 0..40),
        role in 0..3_u8,
        begin in 0_usize..40,
    ) {
        let reader = match role {
            0 => agent(1),
            1 => Actor { role: Role::Supervisor, supervises: vec![agent_id(2)], ..agent(1) },
            _ => admin(1),
        };
        let view = View::of(&reader);
        let mut now: BTreeMap<u128, (i64, Option<u128>)> = BTreeMap::new();
        let sees = |holder: Option<u128>| view.visible.conversations.contains(facts(holder));
        let state = |now: &BTreeMap<u128, (i64, Option<u128>)>| -> Known {
            now.iter().filter(|(_, (_, holder))| sees(*holder))
                .map(|(id, (version, holder))| (conversation_id(*id).to_string(), (*version, json!(holder.map(agent_id)))))
                .collect()
        };
        // The client loads somewhere on the way, and follows from there.
        let (mut known, mut prev) = (Known::new(), 0);
        for (at, (conversation, holder)) in moves.iter().enumerate() {
            let seq = i64::try_from(at).unwrap() + 1;
            if at == begin {
                known = state(&now);
                prev = seq - 1;
            }
            let before = now.get(conversation).copied();
            let version = before.map_or(1, |(version, _)| version + 1);
            now.insert(*conversation, (version, *holder));
            let entry = Entry::moved(*conversation, version, before.map(|(_, holder)| facts(holder)), facts(*holder));
            let event = LogEvent::from(entry.stored(seq));
            let reading = Reading { epoch: EPOCH, visible: &view.visible, scope: view.scope, prev };
            let frame = event.frame(reading);
            if begin < moves.len() && at < begin {
                continue;
            }
            if let Some(frame) = frame {
                prop_assert_eq!(frame.contains("secret"), !frame.contains("hidden"));
                let json: Value = serde_json::from_str(&frame).unwrap();
                let envelope = event.envelope(reading).unwrap();
                prop_assert_eq!(serde_json::from_str::<Envelope>(&frame).unwrap(), serde_json::from_str(&envelope).unwrap());
                prop_assert_eq!(&json["prev"], &json!(prev));
                prop_assert_eq!(event.frame(reading).unwrap(), frame, "the same again from the cache");
                fold(&mut known, &json);
                prev = seq;
            }
        }
        prop_assert_eq!(known, state(&now));
    }
}
