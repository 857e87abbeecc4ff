//! How many calls a credential has, and that what is told of it is true.

use std::num::NonZeroU32;

use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::{Caller, Reply, StreamClient, TestApp};
use serde_json::json;
use tokio_tungstenite::tungstenite::Error;

use crate::attachments::PNG;

/// So many calls a minute: one comes back every six seconds.
const QUOTA: u32 = 10;

async fn limited() -> TestApp {
    TestApp::options().settings(|settings| settings.rate_limit = NonZeroU32::new(QUOTA)).start().await
}

/// What is left by the headers of an answer: calls, and seconds until there is one more.
#[track_caller]
fn left(reply: &Reply) -> (u32, i64) {
    assert_eq!(reply.header("ratelimit-policy"), Some("\"default\";q=10;w=60"), "{}", reply.what);
    let text = reply.header("ratelimit").unwrap();
    let (calls, seconds) = text.strip_prefix("\"default\";r=").unwrap().split_once(";t=").unwrap();
    (calls.parse().unwrap(), seconds.parse().unwrap())
}

/// The seconds to wait by a refusal, of which all headers have to say the same.
#[track_caller]
fn refused(reply: Reply) -> i64 {
    let reply = reply.problem(429, "rate_limited");
    let wait = reply.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(left(&reply), (0, wait));
    wait
}

/// Calls until nothing is left; answers how many calls there were.
async fn use_up(caller: &Caller) -> u32 {
    for calls in 0..=QUOTA {
        let reply = caller.get("/v1/me").await;
        if reply.status == 429 {
            return calls;
        }
        reply.expect(200);
    }
    panic!("more calls than the quota passed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_10_of_twenty_calls_at_once_the_quota_passes_and_the_others_are_told_truly_when_to_come() {
    let app = limited().await;
    let siti = app.agent(0);
    siti.token().await;
    let call = siti.get("/v1/me");
    let replies = join_all((0..20).map(|_| call.clone().into_future())).await;
    let (passed, late): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 200);
    let mut remaining: Vec<_> = passed.iter().map(left).collect();
    remaining.sort_unstable();
    assert_eq!(remaining, (0..QUOTA).map(|calls| (calls, 6)).collect::<Vec<_>>());
    assert_eq!(late.len(), 10);
    for reply in late {
        assert_eq!(refused(reply), 6);
    }
    // Refusals count nothing, and a part of a second does not count as waited for.
    app.clock.advance(TimeDelta::milliseconds(1500));
    assert_eq!(refused(call.clone().await), 5);
    app.clock.advance(TimeDelta::milliseconds(4499));
    assert_eq!(refused(call.clone().await), 1);
    app.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(left(&call.clone().await.expect(200)), (0, 6));
    assert_eq!(refused(call.await), 6);
    app.clock.advance(TimeDelta::seconds(60));
    assert_eq!(use_up(&siti).await, QUOTA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_10_a_credential_has_its_own_calls_and_new_tokens_bring_no_more() {
    let app = limited().await;
    let key = crate::auth::api_keys::key(&app, json!({})).await;
    let device = app.agent(0).sign_in().await;
    let caller = app.bearer(device["access_token"].as_str().unwrap());
    assert_eq!(use_up(&caller).await, QUOTA);
    // Another token a second later, as their times are whole seconds.
    app.clock.advance(TimeDelta::seconds(1));
    let body = json!({ "refresh_token": device["refresh_token"] });
    let fresh = app.anonymous().post("/v1/auth/refresh", body).await.expect(200);
    assert_ne!(fresh["access_token"], device["access_token"]);
    refused(app.bearer(fresh["access_token"].as_str().unwrap()).get("/v1/me").await);

    let other_device = app.agent(0).sign_in().await;
    assert_eq!(use_up(&app.bearer(other_device["access_token"].as_str().unwrap())).await, QUOTA);
    assert_eq!(use_up(&app.agent(1)).await, QUOTA);
    assert_eq!(use_up(&app.another_team("dua").await.admin()).await, QUOTA);
    // A program's calls are not its member's.
    use_up(&app.admin()).await;
    assert_eq!(use_up(&key.program).await, QUOTA);
    refused(app.admin().get("/v1/me").await);
    // Each server counts for itself.
    let node = app.node(|_| ()).await;
    assert_eq!(use_up(&key.program.at(node.wire())).await, QUOTA);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_10_every_call_with_good_credentials_counts_and_nothing_else_is_limited() {
    let app = limited().await;
    let siti = app.agent(0);
    let file = siti.upload("image", "foto.png", PNG).await.expect(201);
    let file = siti.get(format!("/v1/attachments/{}", file.id())).await.expect(200);
    let link = file["signed_url"].as_str().unwrap().strip_prefix(app.base()).unwrap().to_owned();
    assert_eq!(left(&file).0, 8);
    for (calls, reply) in [
        (7, siti.get("/v1/conversations/bukan-id").await.problem(404, "not_found")),
        (6, siti.post("/v1/labels", json!([])).await.problem(422, "validation_failed")),
        (5, siti.get("/v1/settings/assignment").await.problem(403, "forbidden")),
        (4, siti.get("/v1/nothing").undocumented().await.problem(404, "not_found")),
        (3, siti.get("/v1/events").await.expect(200)),
    ] {
        assert_eq!(left(&reply).0, calls, "{}", reply.what);
    }
    let wrong = app.bearer("x").get("/v1/me").await.problem(401, "invalid_token");
    assert!(wrong.header("ratelimit").is_none());
    assert_eq!(use_up(&siti).await, 3);

    refused(siti.get("/v1/events?wait=30").await);
    let page = siti.get("/v1/me").header("Origin", "https://app.example").await;
    assert_eq!(page.header("access-control-allow-origin"), Some("https://app.example"));
    assert!(
        page.header("access-control-expose-headers").unwrap().to_lowercase().contains("ratelimit-policy")
    );
    refused(page);
    refused(siti.upload("image", "foto.png", PNG).await);
    for free in ["/healthz", "/readyz", "/openapi.json", "/asyncapi.yaml"] {
        let reply = siti.get(free).await.expect(200);
        assert!(reply.header("ratelimit").is_none(), "{free}");
    }
    app.anonymous().get(link).await.expect(200);
    app.whatsapp_text("6281234567890", "wamid.SATU", "Halo").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_10_opening_a_stream_is_a_call_and_an_open_one_goes_on() {
    let app = limited().await;
    let siti = app.agent(0);
    let token = siti.token().await.unwrap();
    let (mut by_header, _) = StreamClient::of(&app, &siti, None).await;
    let (_by_frame, _) = StreamClient::by_frame(&app, &siti, None).await;
    assert_eq!(use_up(&siti).await, QUOTA - 2);

    match StreamClient::open(&app, "", &[("Authorization", format!("Bearer {token}"))]).await {
        Err(Error::Http(response)) => {
            assert_eq!(response.status(), 429);
            assert_eq!(response.headers()["retry-after"], "6");
        }
        other => panic!("{other:?}"),
    }
    let mut late = StreamClient::connect(&app).await;
    late.auth(&token, None).await;
    assert_eq!(late.closed().await, Some(4429));

    by_header.auth(&token, None).await;
    app.conversation("6281234567890", "Halo").await;
    by_header.next_event().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_limit_nothing_is_told_of_one() {
    let app = TestApp::start().await;
    let node = app.node(|settings| settings.rate_limit = None).await;
    let reply = app.agent(0).at(node.wire()).get("/v1/me").undocumented().await.expect(200);
    assert!(reply.header("ratelimit").is_none() && reply.header("ratelimit-policy").is_none());
}
