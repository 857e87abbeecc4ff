//! Uploads that nobody sends: taken back, or forgotten after a day, with their bytes.

use api::jobs::housekeeping;
use chrono::TimeDelta;
use futures_util::future::join_all;
use harness::uploads::{Part, form};
use harness::{Caller, TestApp, eventually};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::{PNG, stored};
use crate::support::text;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_sent_within_a_day_disappears() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let (old, sent) = (siti.upload("image", "a.png", PNG).await, siti.upload("image", "b.png", PNG).await);
    link(&app, &sent.id()).await;
    app.clock.advance(TimeDelta::hours(1));
    let young = siti.upload("image", "c.png", PNG).await.expect(201);
    // One whose process died while it was thrown away.
    let half = siti.upload("image", "d.png", PNG).await.expect(201);
    app.database.execute(&format!(
        "UPDATE attachments SET state = 'failed', failure = 'discarded' WHERE id = '{}'",
        half.id()
    ));
    app.clock.advance(TimeDelta::hours(23) + TimeDelta::seconds(1));
    housekeeping::forget(app.app()).await.unwrap();
    siti.get(format!("/v1/attachments/{}", old.id())).await.problem(404, "not_found");
    for kept in [&young, &sent] {
        siti.get(format!("/v1/attachments/{}/content", kept.id())).await.expect(200);
    }
    let mut files = stored(&app);
    files.sort_unstable();
    assert_eq!(files, [sent.id(), young.id()]);
    assert_eq!(app.count("attachments"), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_is_taken_back_until_it_is_sent() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let made = siti.upload("image", "a.png", PNG).await.expect(201);
    let path = format!("/v1/attachments/{}", made.id());
    siti.delete(&path).await.expect(204);
    siti.get(&path).await.problem(404, "not_found");
    siti.delete(&path).await.problem(404, "not_found");
    assert_eq!((app.count("attachments"), stored(&app).len()), (0, 0));
    let made = siti.upload("image", "a.png", PNG).await.expect(201);
    link(&app, &made.id()).await;
    siti.delete(format!("/v1/attachments/{}", made.id())).await.problem(409, "attachment_sent");
    siti.get(format!("/v1/attachments/{}/content", made.id())).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_14_a_member_has_so_many_unsent_files_and_no_more_however_many_come_at_once() {
    let app = TestApp::options().settings(|settings| settings.unsent_uploads = 3).start().await;
    let siti = app.agent(0);
    siti.token().await;
    let upload = |caller: &Caller, name: &str| caller.upload("image", name, PNG);
    let replies = join_all((0..8).map(|_| upload(&siti, "a.png").into_future())).await;
    let (made, refused): (Vec<_>, Vec<_>) = replies.into_iter().partition(|reply| reply.status == 201);
    for reply in refused {
        assert!(reply.problem(409, "too_many_uploads")["detail"].as_str().unwrap().starts_with("3 files"));
    }
    assert_eq!(made.len(), 3);
    upload(&siti, "c.png").await.problem(409, "too_many_uploads");
    assert_eq!((app.count("attachments"), stored(&app).len()), (3, 3));

    // Others have their own, what is sent or taken back makes room, and a repeat takes none.
    upload(&app.agent(1), "d.png").await.expect(201);
    link(&app, &made[0].id()).await;
    let last = upload(&siti, "e.png").key("berkas-akhir").await.expect(201);
    assert_eq!(upload(&siti, "e.png").key("berkas-akhir").await.expect(201).body, last.body);
    upload(&siti, "f.png").await.problem(409, "too_many_uploads");
    siti.delete(format!("/v1/attachments/{}", last.id())).await.expect(204);
    upload(&siti, "f.png").await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_that_broke_off_lock_nobody_out() {
    let app = TestApp::options().settings(|settings| settings.unsent_uploads = 1).start().await;
    let siti = app.agent(0);
    // What is left when a connection ends in the middle of a file.
    for _ in 0..2 {
        break_off(&app, &siti).await;
    }
    siti.upload("image", "a.png", PNG).await.problem(409, "too_many_uploads");
    // None of them can still be coming by then.
    app.clock.advance(TimeDelta::hours(1) + TimeDelta::seconds(1));
    siti.upload("image", "a.png", PNG).await.expect(201);
    siti.upload("image", "b.png", PNG).await.problem(409, "too_many_uploads");
}

/// Begins an upload and resets the connection in the middle of the file.
async fn break_off(app: &TestApp, caller: &Caller) {
    let waiting = app.count("attachments");
    let kind = Part { name: "kind", filename: None, bytes: b"image" };
    let (content_type, body) = form(&[kind, Part { name: "file", filename: Some("a.png"), bytes: PNG }]);
    let head = format!(
        "POST /v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        caller.token().await.unwrap(),
        body.len()
    );
    let address = app.base().strip_prefix("http://").unwrap();
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body[..body.len() / 2]).await.unwrap();
    eventually("the beginning of an upload", || async {
        (app.count("attachments WHERE state = 'pending'") == waiting + 1).then_some(())
    })
    .await;
    connection.set_zero_linger().unwrap();
}

/// Makes it the file of a message.
pub async fn link(app: &TestApp, id: &str) {
    let conversation = app.conversation("6281234567890", "Halo").await;
    let messages = format!("/v1/conversations/{conversation}/messages");
    let sent = app.agent(0).post(messages, text("Ini fotonya")).await.expect(201);
    take(app, 0, id, "image", &conversation, &sent.id()).await.unwrap();
}

/// As sending a message takes its file; answers the code of a refusal.
pub async fn take(
    app: &TestApp,
    who: usize,
    id: &str,
    kind: &str,
    conversation: &str,
    message: &str,
) -> Result<(), String> {
    let (owner, workspace) = (app.agent(who).me().id, app.workspace);
    let (id, kind) = (id.parse().unwrap(), kind.parse().unwrap());
    let link = (conversation.parse().unwrap(), message.parse().unwrap());
    let taken = app.app().write(move |tx| {
        api::ops::attachments::take_for_message(tx, owner, workspace, id, kind, link).map(|file| json!(file))
    });
    match taken.await {
        Ok(file) => {
            assert_eq!(file["state"], "stored");
            Ok(())
        }
        Err(persistence::error::Failure::Refused(refusal)) => {
            assert_eq!(refusal.errors[0].pointer, "/attachment_id");
            Err(refusal.errors[0].code.to_owned())
        }
        Err(other) => panic!("{other}"),
    }
}
