//! S-16: whose files one may see, send and throw away.

use chrono::TimeDelta;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

use super::unsent::take;
use super::{PNG, stored};
use crate::support::text;

/// Everything that can be asked of a file is answered as if it were not there.
async fn is_hidden(who: &Caller, id: &str) {
    let path = format!("/v1/attachments/{id}");
    who.get(&path).await.problem(404, "not_found");
    who.get(format!("{path}/content")).await.problem(404, "not_found");
    who.delete(&path).await.problem(404, "not_found");
    let body = json!({ "attachment_ids": [id] });
    assert_eq!(who.post("/v1/attachments/signed-urls", body).await.expect(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_16_an_upload_is_its_owners_alone() {
    let app = TestApp::start().await;
    let (siti, stranger) = (app.agent(0), app.another_team("dua").await);
    let made = siti.upload("image", "a.png", PNG).await.expect(201);
    let id = made.id();
    siti.get(format!("/v1/attachments/{id}")).await.expect(200);
    for other in [app.admin(), app.supervisor(), app.agent(1), stranger.admin(), stranger.agent(0)] {
        is_hidden(&other, &id).await;
    }
    assert_eq!((stored(&app), app.count("attachments WHERE state = 'stored'")), (vec![id.clone()], 1));
    let next = siti.upload("image", "b.png", PNG).await.expect(201).id();

    let conversation = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let (one, two) = (siti.post(&path, text("a")).await.id(), siti.post(&path, text("b")).await.id());
    let nobody = "0192f000-0000-7000-8000-000000000000";
    for (who, file, kind, refused) in [
        (1, id.as_str(), "image", "unknown"),
        (0, nobody, "image", "unknown"),
        (0, &id, "document", "wrong_kind"),
    ] {
        let taken = take(&app, who, file, kind, &conversation, &one).await;
        assert_eq!(taken, Err(refused.to_owned()));
    }
    take(&app, 0, &id, "image", &conversation, &one).await.unwrap();
    assert_eq!(take(&app, 0, &id, "image", &conversation, &two).await, Err("already_sent".to_owned()));
    // An upload that has not all its bytes yet is nobody's.
    app.database.execute(&format!("UPDATE attachments SET state = 'pending' WHERE id = '{next}'"));
    assert_eq!(take(&app, 0, &next, "image", &conversation, &two).await, Err("unknown".to_owned()));
    is_hidden(&siti, &next).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_16_the_file_of_a_message_is_for_who_sees_the_conversation_now() {
    let app = TestApp::start().await;
    let (admin, siti, rina, joko) = (app.admin(), app.agent(0), app.agent(2), app.narrow_agent());
    let conversation = app.conversation("6281234567890", "Halo").await;
    let assign = format!("/v1/conversations/{conversation}/assign");
    admin.post(&assign, json!({ "agent_id": siti.id() })).await.expect(200);
    let path = format!("/v1/conversations/{conversation}/messages");
    let message = siti.post(path, text("Ini")).await.expect(201).id();
    let id = siti.upload("image", "a.png", PNG).await.expect(201).id();
    take(&app, 0, &id, "image", &conversation, &message).await.unwrap();
    let (file, bytes) = (format!("/v1/attachments/{id}"), format!("/v1/attachments/{id}/content"));
    for who in [&admin, &siti, &rina, &app.supervisor()] {
        assert_eq!(who.get(&file).await.expect(200)["message_id"], message.as_str());
        assert_eq!(who.get(&bytes).await.expect(200).body, PNG);
    }
    is_hidden(&joko, &id).await;
    admin.post(&assign, json!({ "agent_id": joko.id() })).await.expect(200);
    joko.get(&bytes).await.expect(200);
    // A link outlives sight of the conversation, but not its five minutes.
    let link = joko.get(&file).await.expect(200)["signed_url"].as_str().unwrap().to_owned();
    let link = link.strip_prefix(app.base()).unwrap().to_owned();
    admin.post(&assign, json!({ "agent_id": rina.id() })).await.expect(200);
    is_hidden(&joko, &id).await;
    let anyone = app.anonymous();
    assert_eq!(anyone.get(&link).await.expect(200).body, PNG);
    // Nothing in it can be changed.
    let other = siti.upload("image", "b.png", PNG).await.expect(201).id();
    let (before, signature) = link.split_once("signature=").unwrap();
    let mut flipped = signature.to_owned();
    flipped.replace_range(40..41, if &signature[40..41] == "A" { "B" } else { "A" });
    for wrong in [
        link.replace(&id, &other),
        link.replace("expires=1", "expires=2"),
        format!("{before}signature={flipped}"),
        before.trim_end_matches('&').to_owned(),
        format!("{bytes}?signature={signature}"),
        format!("{bytes}?expires=9999999999&signature={}", "A".repeat(64)),
    ] {
        anyone.get(&wrong).await.problem(401, "invalid_link");
    }
    anyone.get(format!("{before}signature=")).await.problem(422, "validation_failed");
    anyone.get(&bytes).await.problem(401, "missing_credentials");
    app.clock.advance(TimeDelta::seconds(301));
    anyone.get(&link).await.problem(401, "invalid_link");
    // One call for a page of messages; what the caller does not see is left out.
    let wanted = json!({ "attachment_ids": [id, other, "0192f000-0000-7000-8000-000000000000"] });
    let links = rina.post("/v1/attachments/signed-urls", wanted.clone()).await.expect(200);
    assert_eq!(links["items"].as_array().unwrap().len(), 1);
    let url = links["items"][0]["signed_url"].as_str().unwrap();
    anyone.get(url.strip_prefix(app.base()).unwrap()).await.expect(200);
    assert_eq!(
        siti.post("/v1/attachments/signed-urls", wanted).await.expect(200)["items"].as_array().unwrap().len(),
        2
    );
    let many: Vec<Value> = (0..101).map(|n| json!(format!("0192f000-0000-7000-8000-{n:012}"))).collect();
    let many = json!({ "attachment_ids": many });
    rina.post("/v1/attachments/signed-urls", many).await.problem(422, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_is_kept_to_channels_has_the_files_of_these() {
    let app = TestApp::start().await;
    let conversation = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{conversation}/messages");
    let message = app.agent(0).post(path, text("Ini")).await.expect(201).id();
    let id = app.agent(0).upload("image", "a.png", PNG).await.expect(201).id();
    take(&app, 0, &id, "image", &conversation, &message).await.unwrap();
    for (channel, scopes, status) in [
        ("whatsapp", json!(["messages:read"]), 200),
        ("telegram", json!(["messages:read"]), 404),
        ("whatsapp", json!(["conversations:read"]), 403),
    ] {
        let body = json!({ "name": "Kunci", "scopes": scopes, "channel_ids": [app.channel(channel)] });
        let key = app.admin().post("/v1/api-keys", body).await.expect(201);
        let program = app.bearer(key["key"].as_str().unwrap());
        assert_eq!(program.get(format!("/v1/attachments/{id}/content")).await.status, status, "{channel}");
    }
}
