//! Mails are sent by a durable job, whatever the mail server does.

use std::time::Duration;

use chrono::TimeDelta;
use harness::{MailServer, TestApp, eventually};

use super::ask_reset;
use crate::support::{claimed, text};

/// A mail was tried so often, and waits.
async fn tried(app: &TestApp, times: i64) {
    eventually(&format!("attempt {times}"), || async {
        let waiting =
            format!("jobs WHERE kind = 'send_mail' AND attempts = {times} AND claimed_until IS NULL");
        (app.count(&waiting) == 1).then_some(())
    })
    .await;
}

async fn no_jobs(app: &TestApp) {
    eventually("no job is left", || async { (app.count("jobs") == 0).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_now_is_tried_again_ever_later() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    mails.refuse_next(&["451 4.3.0 later", "421 4.7.0 busy", "554 5.7.0 not you"]);
    ask_reset(&app.anonymous(), &app.agent(0).me().email).await.expect(202);
    for (attempt, seconds) in [(1, 15), (2, 30), (3, 60)] {
        tried(&app, attempt).await;
        app.advance(TimeDelta::seconds(seconds - 1));
        // The worker has looked: another kind of work would be done by now.
        assert_eq!(app.count("jobs WHERE claimed_until IS NULL"), 1);
        app.advance(TimeDelta::seconds(1));
    }
    let mail = mails.next().await;
    no_jobs(&app).await;
    assert_eq!((mails.count(), mails.connections()), (1, 4));
    super::confirm(&app.anonymous(), &mail.token(), "kata-sandi-baru").await.expect(204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_given_up_when_the_recipient_is_refused_or_the_link_no_longer_good() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let email = app.agent(0).me().email.clone();
    mails.refuse_next(&["550 5.1.1 nobody here"]);
    ask_reset(&app.anonymous(), &email).await.expect(202);
    eventually("a connection", || async { (mails.connections() == 1).then_some(()) }).await;
    no_jobs(&app).await;

    app.advance(TimeDelta::minutes(1));
    mails.refuse_next(&["451 4.3.0 later"]);
    ask_reset(&app.anonymous(), &email).await.expect(202);
    tried(&app, 1).await;
    app.advance(TimeDelta::hours(1));
    no_jobs(&app).await;
    assert_eq!((mails.count(), mails.connections()), (0, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_hangs_holds_up_no_message_and_the_mail_comes_later() {
    let mails = MailServer::start().await;
    mails.hang(true);
    let app = TestApp::options()
        .sandbox()
        .mail(&mails)
        .settings(|settings| settings.times.mail_total = Duration::from_secs(2))
        .start()
        .await;
    // More than are sent at once.
    for which in 0..4 {
        ask_reset(&app.anonymous(), &app.agent(which).me().email).await.expect(202);
    }
    for caller in [app.supervisor(), app.lone_supervisor(), app.admin()] {
        ask_reset(&app.anonymous(), &caller.me().email).await.expect(202);
    }
    eventually("every slot is taken", || async { (mails.connections() == 4).then_some(()) }).await;
    let customer = app.customer("whatsapp", "6281234567890");
    customer.writes("Halo").await;
    let path = claimed(&app, &app.agent(0), "whatsapp").await;
    app.agent(0).post(format!("{path}/messages"), text("Halo juga")).await.expect(201);
    assert_eq!(customer.receives(1).await, ["Halo juga"]);
    assert_eq!(app.count("jobs WHERE kind = 'send_mail' AND claimed_until IS NOT NULL"), 4);
    assert_eq!(mails.count(), 0);

    mails.hang(false);
    eventually("the others come", || async { (mails.count() >= 3).then_some(()) }).await;
    app.advance(TimeDelta::seconds(15));
    eventually("all come", || async { (mails.count() == 7).then_some(()) }).await;
    no_jobs(&app).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_waits_for_a_server_that_breaks_off() {
    let mails = MailServer::start().await;
    mails.away(true);
    let app = TestApp::options().mail(&mails).start().await;
    app.invite("Nina", "nina@satu.example").await;
    tried(&app, 1).await;
    mails.away(false);
    app.advance(TimeDelta::seconds(15));
    assert_eq!(mails.next().await.to, ["nina@satu.example"]);
    no_jobs(&app).await;
    assert_eq!(mails.count(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_begin_no_header_and_no_line() {
    let mails = MailServer::start().await;
    let app = TestApp::options().mail(&mails).start().await;
    let evil = "Nina\r\nBcc: semua@jahat.example\r\n\r\n.\r\nQUIT";
    app.database.execute(&format!("UPDATE workspaces SET name = E'{}'", evil.replace("\r\n", "\\r\\n")));
    app.invite(evil, "nina@satu.example").await;
    let mail = mails.next().await;
    assert_eq!(mail.to, ["nina@satu.example"]);
    let names: Vec<String> = mail.headers.iter().map(|(name, _)| name.to_lowercase()).collect();
    assert!(!names.iter().any(|name| name == "bcc"), "{names:?}");
    let allowed = [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
    ];
    assert!(names.iter().all(|name| allowed.contains(&name.as_str())), "{names:?}");
    assert!(mail.text.contains("Halo Nina Bcc: semua@jahat.example . QUIT,"), "{}", mail.text);
    assert!(!mail.text.lines().any(|line| line.starts_with("Bcc") || line.trim() == "."));
    assert_eq!(mail.header("To"), ["nina@satu.example"]);
}
