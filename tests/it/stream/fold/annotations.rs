//! Labels on conversations, notes on contacts.

use serde_json::json;

use super::Fold;

/// What a label is called, its colour and that it is gone show on every conversation that has it.
pub(super) async fn labels_and_notes(fold: &mut Fold) {
    let (admin, siti) = (fold.app.admin(), fold.app.agent(0));
    let mut labels = Vec::new();
    for (name, color) in [("Keluhan", "#FF0000"), ("Prioritas 🔥", "#00FF00")] {
        let body = json!({ "name": name, "color": color });
        labels.push(fold.does(201, siti.post("/v1/labels", body)).await.id());
    }
    for customer in ["6281200000001", "6281200000009"] {
        let id = fold.app.conversation(customer, "Halo").await;
        fold.settle("a message of one to be labelled").await;
        for label in &labels {
            let path = format!("/v1/conversations/{id}/labels/{label}");
            fold.does(200, admin.put(path, json!({}))).await;
        }
    }
    let first = format!("/v1/labels/{}", labels[0]);
    fold.does(200, admin.patch(&first, json!({ "name": "Zona merah", "color": "#aa0000" }))).await;
    let id = fold.app.conversation("6281200000001", "Lagi").await;
    fold.settle("a message of one that is labelled").await;
    fold.does(200, admin.delete(format!("/v1/conversations/{id}/labels/{}", labels[1]))).await;
    fold.does(200, admin.delete(&first)).await;

    let contact = admin.get(format!("/v1/conversations/{id}")).await.expect(200)["contact"]["id"].clone();
    let notes = format!("/v1/contacts/{}/notes", contact.as_str().unwrap());
    let note = fold.does(201, siti.post(&notes, json!({ "text": "Minta diskon" }))).await;
    let note = format!("{notes}/{}", note.id());
    fold.does(200, siti.patch(&note, json!({ "text": "Minta diskon dua kali" }))).await;
    fold.does(204, admin.delete(note)).await;
    fold.does(201, admin.post(notes, json!({ "text": "Diberi diskon" }))).await;
}
