//! S-17. Wrong passwords have to wait, and nobody can lock the owner of an account out.

use std::net::IpAddr;

use api::http::client_address::TrustedProxies;
use api::jobs::housekeeping;
use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::client::PASSWORD;
use harness::{Caller, Reply, TestApp};
use serde_json::json;

use super::login;

const WRONG: &str = "salah-sekali";

/// The seconds of a refusal by the throttle.
#[track_caller]
fn wait(reply: Reply) -> i64 {
    reply.problem(429, "too_many_requests").header("retry-after").unwrap().parse().unwrap()
}

/// So many wrong passwords, each as soon as it is looked at.
async fn fail(app: &TestApp, caller: &Caller, email: &str, times: usize) {
    for _ in 0..times {
        let mut reply = login(caller, email, WRONG).await;
        if reply.status == 429 {
            app.advance(TimeDelta::seconds(wait(reply)));
            reply = login(caller, email, WRONG).await;
        }
        reply.problem(401, "invalid_credentials");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_of_twenty_wrong_passwords_at_once_five_are_looked_at_and_the_owner_gets_in_from_elsewhere() {
    let app = TestApp::start().await;
    let email = app.agent(0).me().email.clone();
    let call = login(&app.anonymous(), &email, WRONG);
    let replies = join_all((0..20).map(|_| call.clone().into_future())).await;
    let (looked_at, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 401);
    assert_eq!((looked_at.len(), refused.len()), (5, 15));
    for reply in refused {
        assert_eq!(wait(reply), 1);
    }
    // The right one has to wait as well, or it would be told apart.
    assert_eq!(wait(login(&app.anonymous(), &email, PASSWORD).await), 1);
    login(&app.anonymous_from("127.0.0.2"), &email, PASSWORD).await.expect(200);
    // Refusals count nothing: a second is enough, whatever was tried meanwhile.
    app.advance(TimeDelta::seconds(1));
    login(&app.anonymous(), &email, PASSWORD).await.expect(200);
    fail(&app, &app.anonymous(), &email, 4).await;
    login(&app.anonymous(), &email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_whoever_has_the_right_password_may_come_with_many_devices_at_once() {
    let app = TestApp::start().await;
    let call = login(&app.anonymous(), &app.agent(0).me().email, PASSWORD);
    for reply in join_all((0..20).map(|_| call.clone().into_future())).await {
        reply.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_the_delay_doubles_is_told_truly_and_is_the_same_for_unknown_accounts() {
    let app = TestApp::start().await;
    let known = app.agent(0).me().email.clone();
    let mut told = Vec::new();
    for email in [known.as_str(), "siapa@tidak.example"] {
        let (caller, mut waits) = (app.anonymous(), Vec::new());
        for _ in 0..5 {
            login(&caller, email, WRONG).await.problem(401, "invalid_credentials");
        }
        for _ in 0..11 {
            let seconds = wait(login(&caller, email, WRONG).await);
            app.advance(TimeDelta::milliseconds(seconds * 1000 - 1));
            assert_eq!(wait(login(&caller, email, PASSWORD).await), 1);
            app.advance(TimeDelta::milliseconds(1));
            login(&caller, email, WRONG).await.problem(401, "invalid_credentials");
            waits.push(seconds);
        }
        told.push(waits);
    }
    assert_eq!(told[0], [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]);
    assert_eq!(told[0], told[1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_one_address_cannot_try_one_password_on_every_account() {
    let app = TestApp::start().await;
    let caller = app.anonymous();
    let calls = (0..60).map(|n| login(&caller, &format!("orang{n}@satu.example"), WRONG).into_future());
    let replies = join_all(calls).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 401).count(), 50);
    let email = app.agent(0).me().email.clone();
    assert_eq!(wait(login(&caller, &email, PASSWORD).await), 1);
    login(&app.anonymous_from("127.0.0.2"), &email, PASSWORD).await.expect(200);
    // A success takes back its own attempt and no other's.
    app.advance(TimeDelta::seconds(1));
    login(&caller, &email, PASSWORD).await.expect(200);
    login(&caller, "orang@satu.example", WRONG).await.problem(401, "invalid_credentials");
    assert_eq!(wait(login(&caller, &email, PASSWORD).await), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_strangers_delay_unknown_addresses_mildly_and_known_ones_not_at_all() {
    let app = TestApp::start().await;
    let email = app.agent(0).me().email.clone();
    login(&app.anonymous(), &email, PASSWORD).await.expect(200);
    for number in 10..16 {
        fail(&app, &app.anonymous_from(&format!("127.0.0.{number}")), &email, 5).await;
    }
    let stranger = app.anonymous_from("127.0.0.2");
    assert_eq!(wait(login(&stranger, &email, PASSWORD).await), 30);
    login(&app.anonymous(), &email, PASSWORD).await.expect(200);
    app.advance(TimeDelta::seconds(30));
    login(&stranger, &email, PASSWORD).await.expect(200);
    // An address is known for thirty days.
    app.advance(TimeDelta::days(31));
    for number in 20..24 {
        fail(&app, &app.anonymous_from(&format!("127.0.0.{number}")), &email, 5).await;
    }
    assert_eq!(wait(login(&stranger, &email, PASSWORD).await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_the_count_is_one_over_nodes_and_is_forgotten_in_the_end() {
    let app = TestApp::start().await;
    let node = app.node(|_| {}).await;
    let email = app.agent(0).me().email.clone();
    for number in 0..5 {
        let caller = if number % 2 == 0 { app.anonymous() } else { Caller::anonymous(node.wire()) };
        login(&caller, &email, WRONG).await.problem(401, "invalid_credentials");
    }
    for caller in [app.anonymous(), Caller::anonymous(node.wire())] {
        assert_eq!(wait(login(&caller, &email, PASSWORD).await), 1);
    }
    let stored = app.database.values("SELECT t::text AS value FROM sign_in_throttles t").concat();
    assert!(!stored.contains("127.0.0.1") && !stored.contains(&email));
    let failures = "sign_in_throttles WHERE forgotten_at > last_failure_at";
    assert_eq!(app.count(failures), 3);
    app.advance(TimeDelta::hours(5));
    housekeeping::forget(app.app()).await.unwrap();
    assert_eq!(app.count(failures), 0);
    // An address that gave the right password is remembered longer.
    login(&app.anonymous(), &email, PASSWORD).await.expect(200);
    app.advance(TimeDelta::days(29));
    housekeeping::forget(app.app()).await.unwrap();
    assert_eq!(app.count("sign_in_throttles"), 2, "the admin's and the member's");
    app.advance(TimeDelta::days(2));
    housekeeping::forget(app.app()).await.unwrap();
    assert_eq!(app.count("sign_in_throttles"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_a_proxy_is_believed_about_its_clients_and_a_client_is_not() {
    let trusted = |range: &'static str| {
        TestApp::options().settings(move |settings| settings.trusted_proxies = range.parse().unwrap())
    };
    let forwarded = |app: &TestApp, email: &str, hops: &str| {
        login(&app.anonymous(), email, WRONG).header("X-Forwarded-For", hops)
    };
    let app = trusted("127.0.0.0/8").start().await;
    let email = app.agent(0).me().email.clone();
    for number in 0..5 {
        // What the client itself wrote is further left, and changes.
        let hops = format!("192.0.2.{number}, 203.0.113.7, 127.0.0.9");
        forwarded(&app, &email, &hops).await.problem(401, "invalid_credentials");
    }
    assert_eq!(wait(forwarded(&app, &email, "192.0.2.99, 203.0.113.7").await), 1);
    forwarded(&app, &email, "203.0.113.8").await.problem(401, "invalid_credentials");

    let app = trusted("10.0.0.0/8").start().await;
    for number in 0..5 {
        forwarded(&app, &email, &format!("192.0.2.{number}")).await.problem(401, "invalid_credentials");
    }
    assert_eq!(wait(forwarded(&app, &email, "192.0.2.99").await), 1);
    let nobody = TrustedProxies::default();
    let peer: IpAddr = "127.0.0.1".parse().unwrap();
    assert!(nobody.client(peer, &["192.0.2.1"]) == nobody.client(peer, &[]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_17_an_account_elsewhere_with_the_same_address_clears_nothing_here() {
    let app = TestApp::start().await;
    let email = app.agent(0).me().email.clone();
    let other = app.another_team("dua").await;
    let twin = json!({ "name": "Bukan Siti", "email": email, "role": "agent", "password": PASSWORD });
    other.admin().post("/v1/agents", twin).await.expect(201);
    let elsewhere = json!({ "workspace": "dua", "email": email, "password": PASSWORD });
    for _ in 0..5 {
        login(&app.anonymous(), &email, WRONG).await.problem(401, "invalid_credentials");
        app.anonymous().post("/v1/auth/login", elsewhere.clone()).await.expect(200);
    }
    assert_eq!(wait(login(&app.anonymous(), &email, WRONG).await), 1);
    app.anonymous().post("/v1/auth/login", elsewhere).await.expect(200);
}
