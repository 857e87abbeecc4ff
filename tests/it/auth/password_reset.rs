//! A forgotten password, set anew by a link in a mail.

use std::time::{Duration, Instant};

use api::auth::keys::Keys;
use api::auth::one_time_token::OneTimeToken;
use chrono::TimeDelta;
use domain::one_time_token::TokenPurpose;
use futures_util::future::join_all;
use harness::app::SECRET_KEY;
use harness::client::PASSWORD;
use harness::{MailServer, StreamClient, TestApp, eventually};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{accept, ask_reset, confirm, login};

const NEW: &str = "kata-sandi-baru";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_password_is_set_anew_and_every_sign_in_ends() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let email = app.agent(0).me().email.clone();
    let (one, other) = (app.agent(0).sign_in().await, app.agent(0).sign_in().await);
    let device = |tokens: &harness::Reply| app.bearer(tokens["access_token"].as_str().unwrap());
    let (mut stream, _) = StreamClient::of(&app, &device(&one), None).await;

    ask_reset(&app.anonymous(), &email.to_uppercase()).await.expect(202);
    let mail = mails.next().await;
    assert_eq!((mail.from.as_str(), &mail.to), ("tanggap@surat.example", &vec![email.clone()]));
    assert!(mail.link().starts_with("https://app.example/reset-password#token=tgo_"), "{}", mail.link());
    assert!(mail.text.contains("Halo Siti Rahmawati") && mail.text.contains("Hello Siti Rahmawati"));
    assert!(mail.text.contains("Toko satu") && mail.text.contains("2026-11-20 08:33 UTC"), "{}", mail.text);
    assert_eq!(mail.header("Auto-Submitted"), ["auto-generated"]);
    // The mail server has it a moment before the job is settled.
    eventually("no job is left", || async { (app.count("jobs") == 0).then_some(()) }).await;

    // Nothing that signs anybody in is stored.
    let stored = app.database.values("SELECT t::text AS value FROM one_time_tokens t").concat();
    assert!(!stored.contains(&mail.token()[4..24]));
    device(&one).get("/v1/me").await.expect(200);
    confirm(&app.anonymous(), &mail.token(), NEW).await.expect(204);
    assert_eq!(stream.closed().await, Some(4403));
    for ended in [&one, &other] {
        device(ended).get("/v1/me").await.problem(401, "invalid_token");
        let refresh = json!({ "refresh_token": ended["refresh_token"] });
        app.anonymous().post("/v1/auth/refresh", refresh).await.problem(401, "invalid_refresh_token");
    }
    login(&app.anonymous(), &email, PASSWORD).await.problem(401, "invalid_credentials");
    login(&app.anonymous(), &email, NEW).await.expect(200);
    confirm(&app.anonymous(), &mail.token(), PASSWORD).await.problem(401, "invalid_one_time_token");
    login(&app.anonymous(), &email, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_lets_in_at_once_whoever_failed_before() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let email = app.agent(0).me().email.clone();
    for _ in 0..5 {
        login(&app.anonymous(), &email, "salah-sekali").await.problem(401, "invalid_credentials");
    }
    login(&app.anonymous(), &email, "salah-sekali").await.problem(429, "too_many_requests");
    ask_reset(&app.anonymous(), &email).await.expect(202);
    confirm(&app.anonymous(), &mails.next().await.token(), NEW).await.expect(204);
    login(&app.anonymous(), &email, NEW).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_token_that_is_not_good_gets_the_same_answer_and_does_nothing() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let email = app.agent(0).me().email.clone();
    app.invite("Nina", "nina@satu.example").await;
    let invitation = mails.next().await.token();
    ask_reset(&app.anonymous(), &email).await.expect(202);
    let older = mails.next().await.token();
    app.advance(TimeDelta::minutes(1));
    ask_reset(&app.anonymous(), &email).await.expect(202);
    let good = mails.next().await.token();
    let keys = Keys::from_secret(SECRET_KEY).unwrap();
    let token = |keys: &Keys, id| {
        let purpose = TokenPurpose::PasswordReset;
        OneTimeToken { workspace_id: app.workspace, id, purpose }.write(keys)
    };
    let id = OneTimeToken::read(&keys, TokenPurpose::PasswordReset, &good).unwrap().id;
    assert_eq!(token(&keys, id), good);
    let other_key = Keys::from_secret(&SECRET_KEY.replace('0', "f")).unwrap();
    let mut elsewhere = OneTimeToken::read(&keys, TokenPurpose::PasswordReset, &good).unwrap();
    elsewhere.workspace_id = app.another_team("dua").await.workspace;
    let rows = app.database.snapshot();
    let mut answers = Vec::new();
    for bad in [
        older,
        invitation.clone(),
        token(&other_key, id),
        token(&keys, Uuid::from_u128(7).into()),
        elsewhere.write(&keys),
        good[4..].to_owned(),
        format!("{good}A"),
        app.agent(0).sign_in().await["refresh_token"].as_str().unwrap().to_owned(),
        String::new(),
    ] {
        let mut answer =
            confirm(&app.anonymous(), &bad, NEW).await.problem(401, "invalid_one_time_token").json;
        answer["request_id"] = Value::Null;
        answers.push(answer);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    // The other way round, too.
    let joining = json!({ "token": good, "password": NEW });
    accept(&app.anonymous(), joining).await.problem(401, "invalid_one_time_token");
    assert_eq!(app.database.snapshot(), rows);
    app.advance(TimeDelta::minutes(60));
    confirm(&app.anonymous(), &good, NEW).await.problem(401, "invalid_one_time_token");
    assert_eq!(app.database.snapshot(), rows);
    login(&app.anonymous(), &email, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_uses_at_once_one_wins() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let email = app.agent(0).me().email.clone();
    ask_reset(&app.anonymous(), &email).await.expect(202);
    let token = mails.next().await.token();
    let passwords: Vec<String> = (0..6).map(|number| format!("kata-sandi-{number}")).collect();
    let uses = passwords.iter().map(|password| confirm(&app.anonymous(), &token, password).into_future());
    let statuses: Vec<u16> = join_all(uses).await.into_iter().map(|reply| reply.status).collect();
    let won: Vec<_> = statuses.iter().enumerate().filter(|(_, status)| **status == 204).collect();
    assert_eq!(won.len(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 401).count(), 5, "{statuses:?}");
    login(&app.anonymous(), &email, &passwords[won[0].0]).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asking_tells_nobody_who_is_a_member_and_mails_each_once_a_minute() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let (siti, gone) = (app.agent(0).me().email.clone(), app.agent(1).me().email.clone());
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", app.agent(1).id()));
    app.invite("Nina", "nina@satu.example").await;
    mails.next().await;
    let call = ask_reset(&app.anonymous(), &siti);
    for reply in join_all((0..5).map(|_| call.clone().into_future())).await {
        reply.expect(202);
    }
    for nobody in [gone.as_str(), "siapa@tidak.example", "nina@satu.example"] {
        let reply = ask_reset(&app.anonymous(), nobody).await.expect(202);
        assert!(reply.body.is_empty());
    }
    let elsewhere = json!({ "workspace": "tidak-ada", "email": siti });
    app.anonymous().post("/v1/auth/password-reset", elsewhere).await.expect(202);
    assert_eq!(mails.next().await.to, [siti.as_str()]);
    // What was mailed is noted a moment later.
    eventually("that nothing waits to be mailed", || async { (app.count("jobs") == 0).then_some(()) }).await;
    app.advance(TimeDelta::seconds(59));
    call.clone().await.expect(202);
    assert_eq!(app.count("jobs"), 0);
    app.advance(TimeDelta::seconds(1));
    call.await.expect(202);
    assert_eq!(mails.next().await.to, [siti.as_str()]);
    assert_eq!(mails.count(), 3);

    // Without a workspace each one that knows the address sends its own.
    let body = json!({ "name": "Toko Dua", "slug": "dua", "admin": { "name": "Siti", "email": siti, "password": PASSWORD } });
    app.operator().post("/v1/workspaces", body).await.expect(201);
    app.advance(TimeDelta::minutes(1));
    app.anonymous().post("/v1/auth/password-reset", json!({ "email": siti })).await.expect(202);
    let texts = [mails.next().await.text, mails.next().await.text];
    for name in ["Toko satu", "Toko Dua"] {
        assert!(texts.iter().any(|text| text.contains(name)), "{texts:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_comes_not_before_its_time() {
    let mails = MailServer::start().await;
    let least = Duration::from_millis(400);
    let app = TestApp::options()
        .mail(&mails)
        .settings(move |settings| settings.times.password_reset_answer = least)
        .start()
        .await;
    for email in [app.agent(0).me().email.as_str(), "siapa@tidak.example"] {
        let began = Instant::now();
        ask_reset(&app.anonymous(), email).await.expect(202);
        assert!(began.elapsed() >= least);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_mail_server_it_is_said_to_everybody() {
    let app = TestApp::start().await;
    for email in [app.agent(0).me().email.as_str(), "siapa@tidak.example", "bukan alamat"] {
        ask_reset(&app.anonymous(), email).await.problem(409, "mail_not_configured");
    }
    assert_eq!(app.count("one_time_tokens") + app.count("jobs"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_in_a_request_is_said_and_stores_nothing() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let rows = app.database.snapshot();
    let post = |path: &str, body: Value| app.anonymous().post(format!("/v1/auth/{path}"), body);
    for (path, body, pointer) in [
        ("password-reset", json!({}), "/email"),
        ("password-reset", json!({ "email": "bukan alamat" }), "/email"),
        ("password-reset", json!({ "email": "a@b.example\r\nBcc: c@d.example" }), "/email"),
        ("password-reset", json!({ "email": 7 }), "/email"),
        ("password-reset", json!({ "email": "a@b.example", "workspace": "Tidak Sah" }), "/workspace"),
        ("password-reset", json!({ "email": "a@b.example", "warna": "merah" }), "/warna"),
        ("password-reset/confirm", json!({ "password": NEW }), "/token"),
        ("password-reset/confirm", json!({ "token": 7, "password": NEW }), "/token"),
        ("password-reset/confirm", json!({ "token": "x" }), "/password"),
        ("password-reset/confirm", json!({ "token": "x", "password": "pendek" }), "/password"),
        ("password-reset/confirm", json!({ "token": "x", "password": "x".repeat(201) }), "/password"),
        ("accept-invite", json!({ "password": NEW }), "/token"),
        ("accept-invite", json!({ "token": "x", "password": "pendek" }), "/password"),
        ("accept-invite", json!({ "token": "x", "password": NEW, "name": " " }), "/name"),
        ("accept-invite", json!({ "token": "x", "password": NEW, "name": "a\nb" }), "/name"),
        ("accept-invite", json!({ "token": "x", "password": NEW, "name": "x".repeat(101) }), "/name"),
        ("accept-invite", json!({ "token": "x", "password": NEW, "email": "a@b.example" }), "/email"),
    ] {
        let refused = post(path, body.clone()).await.problem(422, "validation_failed");
        let first = refused["errors"][0]["pointer"].as_str().unwrap();
        // What is missing is missing in the whole.
        let missing = first.is_empty() && body.get(&pointer[1..]).is_none();
        assert!(first == pointer || missing, "{path} {body}: {first}");
    }
    assert_eq!(app.database.snapshot(), rows);
}
