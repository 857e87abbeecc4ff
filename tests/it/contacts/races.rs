//! Many at once: nobody is there twice, and nothing is lost.

use futures_util::future::{join, join_all};
use harness::TestApp;
use harness::database::STRAY_NAMES;
use harness::hooks::whatsapp_message;
use serde_json::json;

use super::{contact_of, id, made};

const NOBODY: [&str; 0] = [];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_made_by_hand_while_writing_for_the_first_time_is_one() {
    let app = TestApp::start().await;
    app.admin().token().await;
    let at = app.clock.now().unix_seconds();
    for round in 0..40 {
        let phone = format!("62812000{round:05}");
        let hook = whatsapp_message(&phone, &format!("wamid.{round}"), at, "Halo").to_string();
        let body = json!({ "name": "Ani", "phone": phone });
        let (written, made) = join(async { app.hook("whatsapp", hook).await.expect(200) }, async {
            app.admin().post("/v1/contacts", body).await
        })
        .await;
        drop(written);
        assert!(matches!(made.status, 201 | 409), "{}", made.json);
        assert_eq!(
            app.count(&format!("contacts WHERE phone = '{phone}'")),
            1,
            "round {round}: {}",
            made.status
        );
        assert_eq!(
            app.count(&format!(
                "conversations c JOIN contacts p ON p.id = c.contact_id WHERE p.phone = '{phone}'"
            )),
            1
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_renamed_while_writing_for_the_first_time_is_listed_by_the_new_name() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let at = app.clock.now().unix_seconds();
    for round in 0..40 {
        let phone = format!("62812000{round:05}");
        let contact = made(&app, json!({ "name": "Ani", "phone": phone })).await;
        let hook = whatsapp_message(&phone, &format!("wamid.{round}"), at, "Halo").to_string();
        let (_, renamed) = join(async { app.hook("whatsapp", hook).await.expect(200) }, async {
            admin.patch(&contact, json!({ "name": format!("Rina {round}") })).await
        })
        .await;
        renamed.expect(200);
        assert_eq!(app.count("conversations"), round + 1);
        assert_eq!(app.database.values(STRAY_NAMES), NOBODY, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_many_give_at_once_is_one_contacts() {
    let app = TestApp::start().await;
    app.admin().token().await;
    let made = join_all((0..10).map(|n| {
        {
            app.admin()
                .post("/v1/contacts", json!({ "name": format!("Ani {n}"), "phone": "6281234567890" }))
                .key(&format!("k{n}"))
        }
        .into_future()
    }))
    .await;
    assert_eq!(made.iter().filter(|reply| reply.status == 201).count(), 1);
    assert!(made.iter().all(|reply| matches!(reply.status, 201 | 409)));
    assert_eq!(app.count("contacts"), 1);
}

/// D-04 beside merging: messages come on both sides while two become one and two again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_message_is_lost_while_contacts_are_merged_and_parted() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let customers = ["6281234567890", "6281234567891"];
    let mut conversations = Vec::new();
    for customer in customers {
        conversations.push(app.conversation(customer, "Halo").await);
    }
    let (stays, goes) =
        (contact_of(&app, &conversations[0]).await, contact_of(&app, &conversations[1]).await);
    let at = app.clock.now().unix_seconds();
    let mut sent = 2;
    for round in 0..15 {
        let write = |n: usize| {
            let customer = customers[n % 2];
            let mut hook = whatsapp_message(customer, &format!("wamid.{round}.{n}"), at, "Lagi");
            // A name that changes is written to the contact.
            hook["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["name"] =
                json!(format!("Nama {round} {n}"));
            app.hook("whatsapp", hook.to_string()).into_future()
        };
        let merging = async {
            let merged =
                admin.post(format!("{stays}/merge"), json!({ "contact_id": id(&goes) })).await.expect(200);
            let undo = json!({ "merge_id": merged["merge"]["id"] });
            if round % 3 == 2 {
                None
            } else {
                Some(admin.post(format!("{stays}/unmerge"), undo).await.expect(200))
            }
        };
        let (answers, parted) = join(join_all((0..8).map(write)), merging).await;
        assert!(answers.iter().all(|answer| answer.status == 200), "{answers:?}");
        sent += 8;
        assert_eq!(app.count("messages WHERE direction = 'inbound'"), sent);
        let owner = if parted.is_some() { &goes } else { &stays };
        assert_eq!(contact_of(&app, &conversations[0]).await, stays);
        assert_eq!(contact_of(&app, &conversations[1]).await, *owner);
        let strays = "contact_identities i JOIN conversations c ON c.identity_id = i.id WHERE c.contact_id <> i.contact_id";
        assert_eq!(app.count(strays), 0);
        assert_eq!(app.database.values(STRAY_NAMES), NOBODY);
        if parted.is_none() {
            let merges = admin.all(&format!("{stays}/merges")).await;
            let undo = json!({ "merge_id": merges[0]["id"] });
            admin.post(format!("{stays}/unmerge"), undo).await.expect(200);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_comes_while_a_contact_is_blocked_begins_nothing_afterwards() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let contact = contact_of(&app, &id).await;
    let at = app.clock.now().unix_seconds();
    for round in 0..15 {
        let write = |n: usize| {
            let hook = whatsapp_message("6281234567890", &format!("wamid.{round}.{n}"), at, "Lagi");
            app.hook("whatsapp", hook.to_string()).into_future()
        };
        let path = format!("/v1/conversations/{id}");
        let claim = async { app.agent(0).act(format!("{path}/claim")).await.status };
        let block = async { app.admin().act(format!("{contact}/block")).await.expect(200) };
        let (answers, (claimed, _)) = join(join_all((0..4).map(write)), join(claim, block)).await;
        assert!(answers.iter().all(|answer| answer.status == 200));
        assert!(matches!(claimed, 200 | 409), "{claimed}");
        let shown = app.admin().get(&path).await.expect(200);
        assert_eq!((&shown["status"], &shown["unread_count"]), (&json!("resolved"), &json!(0)));
        assert_eq!(app.count("tickets WHERE closed_at IS NULL"), 0);
        app.admin().act(format!("{contact}/unblock")).await.expect(200);
        app.conversation("6281234567890", "Masih").await;
    }
    assert_eq!(app.count("messages WHERE direction = 'inbound'"), 1 + 15 * 5);
}
