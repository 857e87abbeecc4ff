//! Members are invited by mail and join with a password of their own.

use api::mail::MailConfigured;
use api::ops::invitations;
use chrono::TimeDelta;
use domain::id::AgentId;
use domain::refusal::Code;
use futures_util::future::join_all;
use harness::{MailServer, TestApp};
use persistence::error::Failure;
use serde_json::{Value, json};

use super::{accept, login};

const EMAIL: &str = "nina@satu.example";
const NEW: &str = "kata-sandi-nina";

async fn invite_again(app: &TestApp, agent: AgentId) -> Result<(), Failure> {
    let (mail, workspace) = (MailConfigured::check(&app.app().settings).unwrap(), app.workspace);
    app.app().write(move |tx| invitations::invite(tx, mail, workspace, agent)).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_invited_joins_once_and_is_signed_in() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let id = app.invite("Nina", EMAIL).await;
    // Whatever is tried as a password: there is none.
    let nobody = login(&app.anonymous(), "siapa@tidak.example", NEW).await.expect(401);
    for guess in [NEW, "", "null"] {
        let mut refused =
            login(&app.anonymous(), EMAIL, guess).await.problem(401, "invalid_credentials").json;
        refused["request_id"] = nobody["request_id"].clone();
        assert_eq!(refused, nobody.json);
    }
    let mail = mails.next().await;
    assert_eq!(mail.to, [EMAIL]);
    assert!(mail.link().starts_with("https://app.example/accept-invite#token=tgo_"), "{}", mail.link());
    assert!(mail.text.contains("2026-11-27 07:33 UTC"), "{}", mail.text);

    let mut log = app.follow().await;
    let body = json!({ "token": mail.token(), "password": NEW, "name": " Nina Kartika " });
    let signed_in = accept(&app.anonymous(), body.clone()).await.expect(200);
    assert_eq!(
        (&signed_in["agent"]["id"], &signed_in["agent"]["name"]),
        (&json!(id), &json!("Nina Kartika"))
    );
    let told = log.until("the name", |event| event["type"] == "agent.updated").await;
    assert_eq!(told["previous"], json!({ "name": "Nina", "joined": false }));
    assert_eq!(told["data"]["version"], signed_in["agent"]["version"]);
    assert_eq!((&told["actor"]["id"], &told["actor"]["type"]), (&json!(id), &json!("agent")));
    let nina = app.bearer(signed_in["access_token"].as_str().unwrap());
    assert_eq!(nina.get("/v1/me").await.expect(200).json, signed_in["agent"]);
    let refresh = json!({ "refresh_token": signed_in["refresh_token"] });
    app.anonymous().post("/v1/auth/refresh", refresh).await.expect(200);
    login(&app.anonymous(), EMAIL, NEW).await.expect(200);

    accept(&app.anonymous(), body).await.problem(401, "invalid_one_time_token");
    let again = invite_again(&app, id).await;
    assert!(matches!(again, Err(Failure::Refused(refusal)) if refusal.code == Code::AlreadyJoined));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newer_invitation_makes_the_older_void_and_all_run_out() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let id = app.invite("Nina", EMAIL).await;
    let first = mails.next().await.token();
    invite_again(&app, id).await.unwrap();
    let second = mails.next().await.token();
    assert_ne!(first, second);
    let body = |token: &str| json!({ "token": token, "password": NEW });
    accept(&app.anonymous(), body(&first)).await.problem(401, "invalid_one_time_token");
    app.advance(TimeDelta::days(7));
    accept(&app.anonymous(), body(&second)).await.problem(401, "invalid_one_time_token");
    invite_again(&app, id).await.unwrap();
    let third = mails.next().await.token();
    app.advance(TimeDelta::days(7) - TimeDelta::seconds(1));
    let joined = accept(&app.anonymous(), body(&third)).await.expect(200);
    assert_eq!((&joined["agent"]["name"], &joined["agent"]["joined"]), (&json!("Nina"), &json!(true)));
    assert_eq!(app.events().await.last().unwrap()["previous"], json!({ "joined": false }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_several_acceptances_at_once_one_wins() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    app.invite("Nina", EMAIL).await;
    let body = json!({ "token": mails.next().await.token(), "password": NEW });
    let call = accept(&app.anonymous(), body);
    let statuses: Vec<u16> =
        join_all((0..6).map(|_| call.clone().into_future())).await.iter().map(|reply| reply.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(app.count("sign_ins"), 2, "the admin's and the new member's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_before_joining_stays_out_and_the_token_is_not_used_up() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let id = app.invite("Nina", EMAIL).await;
    let body = json!({ "token": mails.next().await.token(), "password": NEW });
    let set_active = |active: bool| {
        app.database.execute(&format!("UPDATE agents SET active = {active} WHERE id = '{id}'"))
    };
    set_active(false);
    let rows = app.database.snapshot();
    accept(&app.anonymous(), body.clone()).await.problem(401, "invalid_one_time_token");
    assert_eq!(app.database.snapshot(), rows);
    assert!(matches!(invite_again(&app, id).await, Err(Failure::Refused(no)) if no.code == Code::AgentLeft));
    set_active(true);
    let joined = accept(&app.anonymous(), body).await.expect(200);
    assert_eq!(joined["agent"]["active"], Value::Bool(true));
}
