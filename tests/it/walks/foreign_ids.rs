//! S-03: ids of another workspace's things, in every field of every body that takes an id.

use std::collections::BTreeSet;

use harness::contract::{Operation, document, operations};
use harness::{Reply, TestApp, eventually};
use serde_json::{Map, Value, json};

use super::rights::{Ready, World, endpoints_rest};
use super::{NOBODY, operation_id};
use crate::attachments::PNG;
use crate::support::{template, text};

/// It passes over ids that mean nothing to the caller.
const PASSING_OVER: &str = "create_signed_urls";

/// The places of ids in a body, as JSON pointers.
fn places_of_ids(schema: &Value, place: &str, within: &[&str], found: &mut BTreeSet<String>) {
    if let Some(link) = schema["$ref"].as_str().filter(|link| !within.contains(link)) {
        let target = document().pointer(link.trim_start_matches('#')).unwrap();
        places_of_ids(target, place, &[within, &[link]].concat(), found);
    }
    if schema["format"] == "uuid" {
        found.insert(place.to_owned());
    }
    for choice in ["oneOf", "anyOf", "allOf"] {
        for part in schema[choice].as_array().into_iter().flatten() {
            places_of_ids(part, place, within, found);
        }
    }
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        places_of_ids(property, &format!("{place}/{name}"), within, found);
    }
    if schema["items"].is_object() {
        places_of_ids(&schema["items"], &format!("{place}/0"), within, found);
    }
}

/// The body with this id there, and what it must have beside it.
fn naming(operation: &Operation, ready: &Ready, place: &str, id: &str) -> Value {
    let mut body = match (operation_id(operation), place) {
        ("assign_conversation" | "read_notifications", _) => json!({}),
        ("create_message", "/attachment_id") => json!({ "kind": "image" }),
        ("create_message", "/template/template_id") => json!({ "kind": "template", "template": {} }),
        ("create_message", "/template/parameters/header/attachment_id") => {
            json!({ "kind": "template", "template": { "template_id": NOBODY } })
        }
        ("simulate_routing", "/policies/0/channel_ids/0") => {
            let mut body = ready.body.clone().unwrap();
            body["policies"] = json!([{ "sticky_agent": true }]);
            body
        }
        _ => ready.body.clone().unwrap(),
    };
    if place == "/contact_id" {
        // It takes the place of the number.
        body.as_object_mut().unwrap().remove("phone");
    }
    put(&mut body, place.trim_start_matches('/'), id);
    body
}

fn put(body: &mut Value, place: &str, id: &str) {
    let (name, rest) = place.split_once('/').map_or((place, None), |(name, rest)| (name, Some(rest)));
    let inner = if name == "0" {
        match body {
            Value::Array(items) if !items.is_empty() => &mut items[0],
            _ => {
                *body = json!([null]);
                &mut body[0]
            }
        }
    } else {
        if !body.is_object() {
            *body = Value::Object(Map::new());
        }
        &mut body[name]
    };
    match rest {
        Some(rest) => put(inner, rest, id),
        None => *inner = json!(id),
    }
}

/// The other workspace's things, by the field that names one.
struct Theirs {
    agent: String,
    supervisor: String,
    division: String,
    channel: String,
    contact: String,
    merge: String,
    message: String,
    notification: String,
    attachment: String,
    template: String,
}

impl Theirs {
    async fn make(app: &TestApp) -> Self {
        let team = app.another_team("dua").await;
        let admin = team.admin();
        let account = harness::app::channels().remove(0).1;
        let channel = admin.post("/v1/channels", account).await.expect(201).id();
        let body = harness::hooks::whatsapp_message(
            "6281234567890",
            "wamid.DUA",
            app.clock.now().unix_seconds(),
            "Halo dua",
        );
        let signature =
            api::channels::signature::sign(body.to_string().as_bytes(), harness::fixtures::APP_SECRET);
        let hook = app.anonymous().act(format!("/hooks/whatsapp/{channel}"));
        let hook = hook.header("X-Hub-Signature-256", signature);
        hook.bytes("application/json", body.to_string()).await.expect(200);
        let conversation = admin.all("/v1/conversations?tab=all").await.remove(0);
        let path = format!("/v1/conversations/{}", conversation["id"].as_str().unwrap());
        admin.post(format!("{path}/assign"), json!({ "agent_id": team.agent(0).id() })).await.expect(200);
        let notification = team.agent(0).all("/v1/notifications").await.remove(0);
        let mut contacts = Vec::new();
        for name in ["Ani", "Ina"] {
            contacts.push(admin.post("/v1/contacts", json!({ "name": name })).await.expect(201).id());
        }
        let merge = format!("/v1/contacts/{}/merge", contacts[0]);
        let merged = admin.post(merge, json!({ "contact_id": contacts[1] })).await.expect(200);
        let template = admin.post("/v1/templates", template(&channel, "templat_dua")).await.expect(201);
        Self {
            agent: team.agent(0).id(),
            supervisor: team.supervisor().id(),
            division: team.division.to_string(),
            contact: contacts.remove(0),
            merge: merged["merge"]["id"].as_str().unwrap().to_owned(),
            message: conversation["last_message"]["id"].as_str().unwrap().to_owned(),
            notification: notification["id"].as_str().unwrap().to_owned(),
            attachment: team.agent(0).upload("image", "foto.png", PNG).await.expect(201).id(),
            template: template.id(),
            channel,
        }
    }

    fn named_by(&self, place: &str) -> &str {
        let name = place.trim_end_matches("/0").rsplit('/').next().unwrap();
        match name {
            "agent_id" | "agent_ids" => &self.agent,
            "supervisor_id" => &self.supervisor,
            "division_id" | "division_ids" => &self.division,
            "channel_id" | "channel_ids" => &self.channel,
            "contact_id" => &self.contact,
            "merge_id" => &self.merge,
            "reply_to" | "message_id" => &self.message,
            "ids" => &self.notification,
            "attachment_id" | "attachment_ids" => &self.attachment,
            "template_id" => &self.template,
            other => panic!("say which {other} the other workspace has"),
        }
    }
}

/// What an answer says, but for what belongs to the request.
fn said(reply: &Reply) -> (u16, Value) {
    let mut body = reply.json.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.remove("request_id");
    }
    (reply.status, body)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_03_an_id_of_another_workspace_is_an_unknown_one_in_every_field_of_every_body() {
    let world = World::new().await;
    let (app, admin) = (&world.app, world.app.admin());
    let theirs = Theirs::make(app).await;
    let settled = || async {
        let jobs = app.count("jobs WHERE attempts = 0 OR claimed_until IS NOT NULL");
        (jobs == 0 && endpoints_rest(app)).then_some(())
    };
    let mut tried = BTreeSet::new();
    for operation in operations() {
        let what = operation_id(&operation);
        let mut places = BTreeSet::new();
        for media in operation.spec["requestBody"]["content"].as_object().into_iter().flat_map(Map::values) {
            places_of_ids(&media["schema"], "", &[], &mut places);
        }
        for place in places {
            let ready = world.ready(&operation, &admin).await;
            eventually("that nothing is under way", settled).await;
            let rows = app.database.snapshot();
            let with = |id: &str| {
                let body = Some(naming(&operation, &ready, &place, id));
                Ready { path: ready.path.clone(), body }.call(&admin, &operation)
            };
            let (foreign, unknown) = (with(theirs.named_by(&place)).await, with(NOBODY).await);
            assert_eq!(said(&foreign), said(&unknown), "{what} {place}");
            let expected: &[u16] = if what == PASSING_OVER { &[200] } else { &[404, 422] };
            assert!(
                expected.contains(&foreign.status),
                "{what} {place}: {} {}",
                foreign.status,
                foreign.json
            );
            assert_eq!(app.database.snapshot(), rows, "{what} {place}");
            tried.insert(format!("{what} {place}"));
        }
    }
    assert!(tried.len() > 20, "only {tried:?}");
    // It is the place that refuses: with a thing of one's own there the same call works.
    let mine = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{mine}/messages");
    let own = app.admin().get(&path).await.expect(200)["items"][0]["id"].clone();
    let mut reply = text("Ya");
    reply["reply_to"] = own;
    app.admin().post(path, reply).await.expect(201);
}
