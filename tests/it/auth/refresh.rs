//! Refresh tokens: used once, forgiven for ten seconds, and the end of the sign-in when stolen.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{Reply, StreamClient, TestApp};
use serde_json::json;

fn token<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply[name].as_str().unwrap()
}

fn refresh(app: &TestApp, token: &str) -> harness::client::Call {
    app.anonymous().post("/v1/auth/refresh", json!({ "refresh_token": token }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_07_a_chain_of_exchanges_and_a_repeat_within_the_grace_gets_the_same_successor() {
    let app = TestApp::start().await;
    let first = app.agent(0).sign_in().await;
    let second = refresh(&app, token(&first, "refresh_token")).await.expect(200);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!(second["agent"]["id"], app.agent(0).id());
    app.advance(TimeDelta::seconds(10));
    let repeat = refresh(&app, token(&first, "refresh_token")).await.expect(200);
    assert_eq!(repeat["refresh_token"], second["refresh_token"]);
    for kept in [&first, &second, &repeat] {
        app.bearer(token(kept, "access_token")).get("/v1/me").await.expect(200);
    }
    app.advance(TimeDelta::days(29));
    let third = refresh(&app, token(&second, "refresh_token")).await.expect(200);
    app.advance(TimeDelta::days(29));
    let fourth = refresh(&app, token(&third, "refresh_token")).await.expect(200);
    app.advance(TimeDelta::days(30));
    refresh(&app, token(&fourth, "refresh_token")).await.problem(401, "invalid_refresh_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_07_a_late_repeat_ends_the_sign_in_and_closes_its_stream() {
    let app = TestApp::start().await;
    let (first, elsewhere) = (app.agent(0).sign_in().await, app.agent(0).sign_in().await);
    let second = refresh(&app, token(&first, "refresh_token")).await.expect(200);
    let thief = app.bearer(token(&second, "access_token"));
    thief.get("/v1/me").await.expect(200);
    let (mut stream, _) = StreamClient::of(&app, &thief, None).await;
    app.advance(TimeDelta::seconds(11));
    refresh(&app, token(&first, "refresh_token")).await.problem(401, "refresh_token_reused");
    assert_eq!(stream.closed().await, Some(4403));
    for dead in [&first, &second] {
        app.bearer(token(dead, "access_token")).get("/v1/me").await.problem(401, "invalid_token");
        refresh(&app, token(dead, "refresh_token")).await.problem(401, "invalid_refresh_token");
    }
    app.bearer(token(&elsewhere, "access_token")).get("/v1/me").await.expect(200);
    refresh(&app, token(&elsewhere, "refresh_token")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_07_a_token_two_generations_old_is_never_forgiven() {
    let app = TestApp::start().await;
    let first = app.agent(0).sign_in().await;
    let second = refresh(&app, token(&first, "refresh_token")).await.expect(200);
    let third = refresh(&app, token(&second, "refresh_token")).await.expect(200);
    refresh(&app, token(&first, "refresh_token")).await.problem(401, "refresh_token_reused");
    refresh(&app, token(&third, "refresh_token")).await.problem(401, "invalid_refresh_token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_07_ten_exchanges_at_once_give_one_successor() {
    let app = TestApp::start().await;
    let first = app.agent(0).sign_in().await;
    let call = refresh(&app, token(&first, "refresh_token"));
    let replies = join_all((0..10).map(|_| call.clone().into_future())).await;
    let successors: BTreeSet<String> =
        replies.into_iter().map(|reply| token(&reply.expect(200), "refresh_token").to_owned()).collect();
    assert_eq!(successors.len(), 1);
    let successor = successors.first().unwrap();
    refresh(&app, successor).await.expect(200);
    assert_eq!(app.count("sign_ins WHERE generation = 3"), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changed_and_foreign_refresh_tokens_are_refused_and_nothing_of_them_is_stored() {
    let app = TestApp::start().await;
    let first = app.agent(0).sign_in().await;
    let good = token(&first, "refresh_token").to_owned();
    for at in [4, 10, good.len() / 2, good.len() - 2] {
        let mut bent = good.clone().into_bytes();
        bent[at] = if bent[at] == b'A' { b'B' } else { b'A' };
        refresh(&app, &String::from_utf8(bent).unwrap()).await.problem(401, "invalid_refresh_token");
    }
    for odd in
        ["", "tgr_", &good[4..], &good[..good.len() - 1], &format!("{good}A"), token(&first, "access_token")]
    {
        refresh(&app, odd).await.problem(401, "invalid_refresh_token");
    }
    let stored = app.database.values("SELECT s::text AS value FROM sign_ins s").concat();
    assert!(!stored.contains(&good[4..24]));
    refresh(&app, &good).await.expect(200);
}
