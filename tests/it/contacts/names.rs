//! What is listed by a customer's name is listed by the name that the customer has now.

use harness::TestApp;
use harness::database::STRAY_NAMES;
use serde_json::json;

use super::{contact_of, merged};
use crate::labels::{label, place};

/// Who finds both conversations, their label and their tickets, in this order.
async fn found(app: &TestApp, label: &str, q: &str) -> [usize; 3] {
    let admin = app.admin();
    let mut counts = [0; 3];
    for (count, path) in counts.iter_mut().zip([
        format!("/v1/conversations?tab=all&q={q}"),
        format!("/v1/conversations?tab=all&label_id={label}&q={q}"),
        format!("/v1/tickets?q={q}"),
    ]) {
        *count = admin.all(&path).await.len();
    }
    assert_eq!(app.database.values(STRAY_NAMES), Vec::<String>::new());
    counts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_renamed_merged_and_parted_is_found_by_the_name_of_now() {
    let app = TestApp::start().await;
    let (admin, siti) = (app.admin(), app.agent(0));
    let label = label(&admin, "Penting").await;
    let mut contacts = Vec::new();
    for phone in ["6281234567890", "6281234567891"] {
        let conversation = app.conversation(phone, "Halo").await;
        siti.act(format!("/v1/conversations/{conversation}/claim")).await.expect(200);
        siti.put(place(&conversation, &label), json!({})).await.expect(200);
        contacts.push(contact_of(&app, &conversation).await);
    }
    let [stays, goes] = &contacts[..] else { panic!("two") };
    for (path, name) in [(stays, "Rina"), (goes, "Dewi Lestari")] {
        admin.patch(path, json!({ "name": name })).await.expect(200);
    }
    assert_eq!(found(&app, &label, "rina").await, [1, 1, 1]);
    assert_eq!(found(&app, &label, "lesta").await, [1, 1, 1]);

    let one = merged(&app, stays, goes).await;
    assert_eq!(found(&app, &label, "rina").await, [2, 2, 2]);
    assert_eq!(found(&app, &label, "lesta").await, [0, 0, 0]);
    admin.patch(stays, json!({ "name": "Wulan" })).await.expect(200);
    assert_eq!(found(&app, &label, "rina").await, [0, 0, 0]);
    assert_eq!(found(&app, &label, "wulan").await, [2, 2, 2]);

    let undo = json!({ "merge_id": one["merge"]["id"] });
    admin.post(format!("{stays}/unmerge"), undo).await.expect(200);
    assert_eq!(found(&app, &label, "wulan").await, [1, 1, 1]);
    assert_eq!(found(&app, &label, "lesta").await, [1, 1, 1]);
}
