//! Lists page by key: nothing twice, nothing left out, and a cursor belongs to one list.

use std::collections::BTreeSet;

use harness::{Caller, TestApp};
use serde_json::Value;

use crate::support::Messages;

fn ids(items: &[Value]) -> Vec<String> {
    items.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

async fn whole(caller: &Caller, list: &str, limit: usize, expected: usize) -> Vec<Value> {
    let glue = if list.contains('?') { '&' } else { '?' };
    let items = caller.all(&format!("{list}{glue}limit={limit}")).await;
    let distinct: BTreeSet<_> = ids(&items).into_iter().collect();
    assert_eq!((items.len(), distinct.len()), (expected, expected), "{list} by {limit}");
    items
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_gives_everything_once_however_it_is_cut() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let mut paths = Vec::new();
    // The clock stands still: all that orders them is their ids.
    for n in 0..12 {
        let id = app.conversation(&format!("6281200000{n:03}"), "Halo").await;
        paths.push(format!("/v1/conversations/{id}"));
    }
    for path in &paths[..6] {
        admin.act(format!("{path}/claim")).await.expect(200);
    }
    admin.act(format!("{}/resolve", paths[0])).await.expect(200);
    admin.act(format!("{}/archive", paths[11])).await.expect(200);
    for n in 0..10 {
        app.whatsapp_text("6281200000001", &format!("wamid.n{n}"), &format!("lagi {n}")).await;
    }
    let ticket = admin.get(&paths[1]).await.expect(200)["ticket_id"].as_str().unwrap().to_owned();
    let transcript = format!("/v1/tickets/{ticket}/messages");
    for (list, count) in [
        ("/v1/conversations?tab=all", 11),
        ("/v1/conversations?tab=mine", 5),
        ("/v1/conversations?tab=unassigned", 6),
        ("/v1/conversations?tab=archived", 1),
        ("/v1/conversations?tab=all&status=open&status=resolved", 6),
        ("/v1/tickets", 6),
        ("/v1/agents", 7),
        ("/v1/channels", 4),
        ("/v1/divisions", 1),
        (transcript.as_str(), 12),
    ] {
        let by_one = whole(&admin, list, 1, count).await;
        for limit in [3, count, 100] {
            let items = whole(&admin, list, limit, count).await;
            assert_eq!(ids(&items), ids(&by_one), "{list}: the order depends on the page");
        }
    }
    let newest = admin.all_messages(&paths[1]).await;
    assert_eq!(newest.len(), 12);
    let mut forward = Vec::new();
    let mut from = newest.last().unwrap()["id"].as_str().unwrap().to_owned();
    loop {
        let page = admin.get(format!("{}/messages?limit=4&after={from}", paths[1])).await.expect(200);
        forward.extend(ids(page["items"].as_array().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut from),
            None => break,
        }
    }
    let mut backward = ids(&newest);
    backward.reverse();
    assert_eq!(forward, backward[1..], "forward from the oldest is backward from the newest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_activity_comes_first_and_what_is_written_meanwhile_doubles_nothing() {
    let app = TestApp::start().await;
    for n in 0..9 {
        app.conversation(&format!("628120000000{n}"), "Halo").await;
        app.advance(chrono::TimeDelta::seconds(1));
    }
    let list = "/v1/conversations?tab=all&limit=3";
    let first = app.admin().get(list).await.expect(200);
    let activity: Vec<_> =
        app.admin().all(list).await.iter().map(|one| one["last_activity_at"].to_string()).collect();
    assert!(activity.is_sorted_by(|a, b| a > b));
    // One of the page to come and one of the page before become the newest.
    app.whatsapp_text("6281200000002", "wamid.a", "lagi").await;
    app.whatsapp_text("6281200000008", "wamid.b", "lagi").await;
    let mut seen = ids(first["items"].as_array().unwrap());
    let next = first["next_cursor"].as_str().map(ToOwned::to_owned);
    seen.extend(ids(&app.admin().all_after(list, next).await));
    let distinct: BTreeSet<_> = seen.iter().collect();
    assert_eq!(distinct.len(), seen.len(), "seen twice");
    assert_eq!(seen.len(), 8, "only the one that moved to the front is missed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_07_cursors_that_were_changed_cut_or_belong_elsewhere_are_refused() {
    let app = TestApp::start().await;
    let stranger = app.another_team("dua").await.admin();
    let mut conversations = Vec::new();
    for n in 0..3 {
        let id = app.conversation(&format!("628120000000{n}"), "Halo").await;
        app.admin().act(format!("/v1/conversations/{id}/claim")).await.expect(200);
        app.whatsapp_text(&format!("628120000000{n}"), &format!("wamid.n{n}"), "lagi").await;
        conversations.push(id);
    }
    let cursor_of = |path: String| {
        let admin = app.admin();
        async move { admin.get(&path).await.expect(200)["next_cursor"].as_str().unwrap().to_owned() }
    };
    let list = "/v1/conversations?tab=all&limit=1";
    let good = cursor_of(list.to_owned()).await;
    app.admin().get(format!("{list}&cursor={good}")).await.expect(200);
    app.admin().get(format!("/v1/conversations?tab=all&limit=2&cursor={good}")).await.expect(200);
    let mut bad = vec![
        "x".to_owned(),
        "%00".to_owned(),
        "'".to_owned(),
        format!("{good}A"),
        good[..good.len() - 1].to_owned(),
        good[1..].to_owned(),
    ];
    for at in [0, 5, 17, good.len() / 2, good.len() - 3] {
        let mut bent = good.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        bad.push(String::from_utf8(bent).unwrap());
    }
    for cursor in &bad {
        app.admin().get(format!("{list}&cursor={cursor}")).await.problem(422, "invalid_cursor");
    }
    let channel = app.channel("whatsapp");
    for elsewhere in [
        "/v1/conversations?tab=mine".to_owned(),
        "/v1/conversations?tab=archived".to_owned(),
        "/v1/conversations?tab=all&status=open".to_owned(),
        format!("/v1/conversations?tab=all&channel_id={channel}"),
        "/v1/conversations?tab=all&q=a".to_owned(),
        "/v1/conversations?tab=all&unread=true".to_owned(),
        "/v1/conversations?tab=all&channel_kind=whatsapp".to_owned(),
        format!("/v1/conversations?tab=all&agent_id={}", app.agent(0).id()),
        "/v1/tickets?limit=1".to_owned(),
        "/v1/agents?limit=1".to_owned(),
    ] {
        app.admin().get(format!("{elsewhere}&cursor={good}")).await.problem(422, "invalid_cursor");
    }
    stranger.get(format!("{list}&cursor={good}")).await.problem(422, "invalid_cursor");
    let messages = cursor_of(format!("/v1/conversations/{}/messages?limit=1", conversations[0])).await;
    for way in ["before", "after"] {
        let path = format!("/v1/conversations/{}/messages?{way}={messages}", conversations[1]);
        app.admin().get(path).await.problem(422, "invalid_cursor");
    }
    for elsewhere in ["/v1/agents", "/v1/tickets", "/v1/channels"] {
        let foreign = cursor_of(format!("{elsewhere}?limit=1")).await;
        app.admin().get(format!("/v1/divisions?cursor={foreign}")).await.problem(422, "invalid_cursor");
        stranger.get(format!("{elsewhere}?cursor={foreign}")).await.problem(422, "invalid_cursor");
    }
}
