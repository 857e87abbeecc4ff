//! A client's picture of what it may see: loaded by REST, kept by events.

use std::collections::BTreeMap;

use api::stream::protocol::{Envelope, ServerFrame};
use harness::{Caller, Reply};
use serde_json::{Value, json};
use url::Url;

use super::seq;

/// What a client shows.
#[derive(Debug, Default)]
pub struct Screen {
    /// By kind and id.
    pub things: BTreeMap<(&'static str, String), Value>,
    /// Up to where it surely has seen everything.
    pub seq: i64,
}

impl Screen {
    /// Everything that the caller may see, and the cursor from which to follow.
    pub async fn load(caller: &Caller) -> (Self, String) {
        let mut screen = Self::default();
        let mine = caller.get("/v1/conversations?limit=100").await.expect(200);
        let cursor = mine.header("stream-cursor").unwrap().to_owned();
        screen.seq = seq(&cursor);
        screen.take("conversation", &mine);
        for tab in ["all", "archived"] {
            let list = caller.get(format!("/v1/conversations?tab={tab}&limit=100")).await;
            // One without `view_all` has only its own.
            if list.status != 403 {
                screen.take("conversation", &list.expect(200));
            }
        }
        for (kind, path) in [
            ("ticket", "/v1/tickets?limit=100"),
            ("contact", "/v1/contacts?limit=100"),
            ("channel", "/v1/channels?limit=100"),
            ("agent", "/v1/agents?limit=100"),
            ("division", "/v1/divisions?limit=100"),
            ("label", "/v1/labels?limit=100"),
            ("notification", "/v1/notifications?limit=100"),
            ("template", "/v1/templates?limit=100"),
        ] {
            screen.take(kind, &caller.get(path).await.expect(200));
        }
        for (kind, path) in [
            ("api_key", "/v1/api-keys?limit=100"),
            ("policy", "/v1/distribution-policies?limit=100"),
            ("webhook_endpoint", "/v1/webhook-endpoints?limit=100"),
        ] {
            let list = caller.get(path).await;
            // Only admins see these.
            if list.status != 403 {
                screen.take(kind, &list.expect(200));
            }
        }
        screen.load_workspace(caller).await;
        for id in screen.ids("conversation") {
            screen.load_thread(caller, &id).await;
            screen.load_notes(caller, &id).await;
        }
        (screen, cursor)
    }

    /// What there is once: nothing tells of its beginning.
    pub async fn load_workspace(&mut self, caller: &Caller) {
        for (kind, path) in [
            ("workspace", "/v1/workspace"),
            ("settings", "/v1/settings/assignment"),
            ("notification_preferences", "/v1/me/notification-preferences"),
            ("messaging_settings", "/v1/settings/messaging"),
        ] {
            let read = caller.get(path).await;
            // The settings are the admins'.
            if kind == "workspace" || read.status != 403 {
                self.hold(kind, read.expect(200).json.clone());
            }
        }
    }

    /// The ids of all things of a kind.
    fn ids(&self, kind: &str) -> Vec<String> {
        self.things.keys().filter(|(of, _)| *of == kind).map(|(_, id)| id.clone()).collect()
    }

    /// What was written, and what routing decided.
    async fn load_thread(&mut self, caller: &Caller, conversation: &str) {
        for (kind, name) in [("message", "messages"), ("routing", "routing-decisions")] {
            let list = caller.get(format!("/v1/conversations/{conversation}/{name}?limit=100")).await;
            // It may have left the caller's sight by now; that will be told.
            if list.status != 404 {
                self.take(kind, &list.expect(200));
            }
        }
    }

    /// What is noted on the contact of a conversation: notes are shown beside it.
    async fn load_notes(&mut self, caller: &Caller, conversation: &str) {
        let key = ("conversation", conversation.to_owned());
        let Some(contact) = self.things.get(&key).map(|thing| thing["contact"]["id"].clone()) else { return };
        let list = caller.get(format!("/v1/contacts/{}/notes?limit=100", contact.as_str().unwrap())).await;
        if list.status != 404 {
            self.take("note", &list.expect(200));
        }
    }

    /// Is there a conversation with this contact?
    fn shows_contact(&self, contact: &Value) -> bool {
        self.things
            .iter()
            .any(|((kind, _), thing)| *kind == "conversation" && thing["contact"]["id"] == *contact)
    }

    /// What `GET /v1/conversations/counts` would answer, by what is held.
    pub fn counts(&self, reader: &Caller, sees_others: bool) -> Value {
        let conversations =
            || self.things.iter().filter(|((kind, _), _)| *kind == "conversation").map(|(_, one)| one);
        let count = |is_in: &dyn Fn(&Value) -> bool| conversations().filter(|one| is_in(one)).count();
        let here = |one: &Value| one["archived_at"].is_null();
        let all = count(&here);
        let unassigned = count(&|one| here(one) && one["assignee"].is_null());
        json!({
            "mine": count(&|one| here(one) && one["assignee"]["id"] == reader.id().as_str()),
            "all": sees_others.then_some(all),
            "unassigned": sees_others.then_some(unassigned),
            "archived": count(&|one| !here(one)),
            "unread": count(&|one| here(one) && one["unread_count"] != 0),
        })
    }

    fn take(&mut self, kind: &'static str, list: &Reply) {
        assert_eq!(list["next_cursor"], Value::Null, "more than a page");
        for item in list["items"].as_array().unwrap() {
            self.hold(kind, item.clone());
        }
    }

    /// Holds a thing, unless a version as new is held already.
    fn hold(&mut self, kind: &'static str, mut thing: Value) {
        // By REST only.
        let untold: &[&str] = match kind {
            "channel" => &["secrets", "callback_url"],
            "agent" => &["counts", "last_seen_at"],
            "api_key" => &["last_used_at"],
            "webhook_endpoint" => &["failing_since"],
            "routing" => &["candidates", "omitted"],
            _ => &[],
        };
        for field in untold {
            thing[*field] = Value::Null;
        }
        if kind == "webhook_endpoint" {
            let url: Url = thing["url"].as_str().unwrap().parse().unwrap();
            thing["url"] = json!(url.origin().ascii_serialization());
        }
        // By name, which may have changed since.
        if let Some(labels) = thing["labels"].as_array_mut() {
            labels.sort_by_key(|label| label["id"].to_string());
        }
        let held = self.things.entry((kind, id_of(&thing))).or_insert(Value::Null);
        // A key and a decision have no version: they are never changed. A notification is read, and that is all.
        let read = kind == "notification" && !thing["read_at"].is_null();
        if held.is_null() || held["version"].as_i64() < thing["version"].as_i64() || read {
            *held = thing;
        }
    }

    /// What a frame of the stream changes.
    pub async fn apply(&mut self, frame: &ServerFrame, caller: &Caller) {
        match frame {
            ServerFrame::Event(event) => self.apply_event(event, caller).await,
            other => panic!("not an event: {other:?}"),
        }
    }

    async fn apply_event(&mut self, event: &Envelope, caller: &Caller) {
        let (kind, what) = event.event_type.as_str().split_once('.').unwrap();
        let (id, data) = (id_of(&event.data), &event.data);
        let unversioned = ["api_key", "routing", "notification"].contains(&kind);
        if what != "hidden" && what != "synced" && !unversioned {
            assert_eq!(data["version"], event.version, "{event:?}");
        }
        match (kind, what) {
            ("conversation", "hidden") => {
                self.things.remove(&("conversation", id.clone()));
                let stays = |kind: &str| ["ticket", "notification"].contains(&kind);
                self.things.retain(|(of, _), thing| thing["conversation_id"] != id.as_str() || stays(of));
                let notes: Vec<_> = self.ids("note").into_iter().map(|id| ("note", id)).collect();
                for note in notes {
                    if !self.shows_contact(&self.things[&note]["contact_id"]) {
                        self.things.remove(&note);
                    }
                }
            }
            ("conversation", "shown") => {
                self.hold("conversation", data.clone());
                self.load_thread(caller, &id).await;
                self.load_notes(caller, &id).await;
            }
            ("conversation", _) => self.hold("conversation", data.clone()),
            ("message", _) => self.hold("message", data.clone()),
            ("routing", _) => self.hold("routing", data.clone()),
            ("notification", _) => self.hold("notification", data.clone()),
            ("ticket", "hidden") => {
                self.things.remove(&("ticket", id));
            }
            ("ticket", _) => self.hold("ticket", data.clone()),
            ("api_key", "created") => self.hold("api_key", data.clone()),
            ("api_key", "deleted") => {
                self.things.remove(&("api_key", id));
            }
            ("webhook_endpoint", "deleted") => {
                self.things.remove(&("webhook_endpoint", id));
            }
            ("webhook_endpoint", _) => self.hold("webhook_endpoint", data.clone()),
            ("policy", "deleted") => {
                self.things.remove(&("policy", id));
            }
            ("policy", _) => self.hold("policy", data.clone()),
            // It has nothing to show but that it ended.
            ("template", "synced") => {}
            ("template", "deleted") => {
                self.things.remove(&("template", id));
            }
            ("template", _) => self.hold("template", data.clone()),
            ("agent" | "division", "deleted") => {
                // With a member go its keys.
                self.things.retain(|(of, _), thing| *of != "api_key" || thing["agent"]["id"] != id.as_str());
                self.things.retain(|(of, own), _| *of != kind || *own != id);
                self.rename(data);
            }
            ("agent" | "division" | "channel" | "workspace", _) => {
                let kind = ["agent", "division", "channel", "workspace"].into_iter().find(|one| *one == kind);
                self.hold(kind.unwrap(), data.clone());
                self.rename(data);
            }
            ("label", "deleted") => {
                self.things.remove(&("label", id.clone()));
                for thing in self.things.values_mut() {
                    if let Some(labels) = thing["labels"].as_array_mut() {
                        labels.retain(|label| label["id"] != id.as_str());
                    }
                }
            }
            ("label", _) => {
                self.hold("label", data.clone());
                self.rename(data);
            }
            ("note", "deleted") => {
                self.things.remove(&("note", id));
            }
            ("note", _) if self.shows_contact(&data["contact_id"]) => self.hold("note", data.clone()),
            ("note", _) => {}
            ("settings", _) => self.hold("settings", data.clone()),
            ("messaging_settings", _) => self.hold("messaging_settings", data.clone()),
            ("notification_preferences", _) => self.hold("notification_preferences", data.clone()),
            ("contact", "hidden" | "deleted") => {
                self.things.remove(&("contact", id));
            }
            ("contact", "merged") => self.moves_to(data, &data["contact"]),
            ("contact", "unmerged") => self.moves_to(data, &data["merged"]),
            // Conversations and tickets name them.
            ("contact", _) => {
                self.hold("contact", data.clone());
                let mut named = data.clone();
                named["blocked"] = Value::Bool(!data["blocked_at"].is_null());
                self.rename(&named);
            }
            _ => panic!("a client knows nothing of {}", event.event_type),
        }
    }

    /// Conversations are another contact's now, and with them their messages and tickets.
    fn moves_to(&mut self, merge: &Value, contact: &Value) {
        let moved = merge["conversation_ids"].as_array().unwrap();
        for ((kind, _), thing) in &mut self.things {
            if !moved.contains(&thing["conversation_id"]) {
                continue;
            }
            match *kind {
                "ticket" => thing["contact"].clone_from(contact),
                "message" => {
                    if thing["author"]["type"] == "contact" {
                        thing["author"]["id"].clone_from(&contact["id"]);
                        thing["author"]["name"].clone_from(&contact["name"]);
                    }
                    for reaction in thing["reactions"].as_array_mut().unwrap() {
                        if reaction["author_type"] == "contact" {
                            reaction["author_id"].clone_from(&contact["id"]);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    /// A thing is named by others with some of its fields, wherever its id stands.
    fn rename(&mut self, data: &Value) {
        for thing in self.things.values_mut().filter(|thing| thing["id"] != data["id"]) {
            rename_within(thing, data);
        }
    }

    /// How this differs from another picture: kind, id, this, the other.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let keys: std::collections::BTreeSet<_> = self.things.keys().chain(other.things.keys()).collect();
        let differ = keys.into_iter().filter(|key| self.things.get(*key) != other.things.get(*key));
        differ
            .map(|key| format!("{key:?}\n  {:?}\n  {:?}", self.things.get(key), other.things.get(key)))
            .collect()
    }
}

fn rename_within(thing: &mut Value, data: &Value) {
    match thing {
        Value::Object(fields) if fields.get("id") == Some(&data["id"]) => {
            for (field, value) in fields {
                if let Some(new) = data.get(field.as_str()).filter(|_| field != "type") {
                    value.clone_from(new);
                }
            }
        }
        // What a message tells of the past keeps the names of then.
        Value::Object(fields) => fields
            .iter_mut()
            .filter(|(field, _)| *field != "content")
            .for_each(|(_, inner)| rename_within(inner, data)),
        Value::Array(items) => items.iter_mut().for_each(|inner| rename_within(inner, data)),
        _ => {}
    }
}

/// Settings have none: there is one of each.
fn id_of(thing: &Value) -> String {
    let own = ["agents_may_claim", "attachment_limits", "muted_kinds", "finished_at"];
    let only = own.into_iter().find(|field| thing.get(field).is_some());
    let id = thing["id"].as_str().or(only);
    id.unwrap_or_else(|| panic!("{thing} has no id")).to_owned()
}
