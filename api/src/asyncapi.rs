//! The AsyncAPI document of the live stream, from the types that are sent and read.

use domain::event::EventType;
use domain::resource::{
    Agent, ApiKey, AssignmentSettings, Channel, Contact, ContactMerge, Conversation, DistributionPolicy,
    Division, Label, Message, MessagingSettings, Note, Notification, NotificationPreferences,
    RoutingDecision, Template, TemplateSync, Ticket, WebhookEndpoint, Workspace,
};
use serde_json::{Map, Value, json};
use utoipa::{PartialSchema, ToSchema};

use crate::openapi::require_all;
use crate::stream::protocol::{ClientFrame, CloseCode, Envelope, SUBPROTOCOL, ServerFrame};

const DESCRIPTION: &str = "Everything that happens in a workspace, as it happens.\n\n\
    Load with the API, keep the header `Stream-Cursor` of the answer, and subscribe from it: nothing is missed and nothing comes \
    twice. Resume with the newest `cursor` received, in whatever frame it came. A resource carries a `version`: an event whose \
    version is not above the one held is ignored. The client holds `last == prev` of each event, or resumes.";

/// The document as YAML.
#[must_use]
pub fn document() -> String {
    serde_norway::to_string(&value()).unwrap_or_default()
}

/// The document.
#[must_use]
pub fn value() -> Value {
    let mut messages = Map::new();
    let mut sent = Vec::new();
    let mut read = Vec::new();
    for (op, payload) in variants(&ServerFrame::schema()) {
        if op == "event" {
            for event_type in EventType::ALL {
                let name = format!("event.{event_type}");
                sent.push(reference(&name));
                messages.insert(name, event_message(*event_type));
            }
        } else {
            sent.push(reference(&op));
            messages.insert(op.clone(), message(&op, &payload));
        }
    }
    for (op, payload) in variants(&ClientFrame::schema()) {
        let name = format!("client.{op}");
        read.push(reference(&name));
        messages.insert(name, message(&op, &payload));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tanggap live stream",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "servers": {
            "self": {
                "host": "{host}",
                "protocol": "wss",
                "description": "The server that serves this document",
                "variables": { "host": { "default": "127.0.0.1:8080" } },
            },
        },
        "channels": {
            "stream": {
                "address": "/v1/stream",
                "title": "The live stream",
                "description": "A WebSocket; JSON text frames, one object each.",
                "messages": messages.keys().map(|name| (name.clone(), component(name))).collect::<Map<_, _>>(),
                "bindings": { "ws": { "method": "GET", "headers": subprotocol() } },
                "x-close-codes": close_codes(),
            },
        },
        "operations": {
            "sendFrames": { "action": "send", "channel": { "$ref": "#/channels/stream" },
                "summary": "What the server sends", "messages": sent },
            "receiveFrames": { "action": "receive", "channel": { "$ref": "#/channels/stream" },
                "summary": "What the client sends", "messages": read },
        },
        "components": { "messages": messages, "schemas": schemas() },
    })
}

/// The variants of a frame, by their `op`.
fn variants(schema: &impl serde::Serialize) -> Vec<(String, Value)> {
    let schema = serde_json::to_value(schema).unwrap_or_default();
    let variants = schema["oneOf"].as_array().cloned().unwrap_or_default();
    variants.into_iter().filter_map(|variant| Some((op(&variant)?, variant))).collect()
}

/// The `op` that a variant demands, however deep it says so.
fn op(schema: &Value) -> Option<String> {
    if let Some(op) = schema["properties"]["op"]["enum"][0].as_str() {
        return Some(op.to_owned());
    }
    schema["allOf"].as_array()?.iter().find_map(op)
}

fn message(op: &str, payload: &Value) -> Value {
    let summary = payload["description"].as_str().unwrap_or(op);
    json!({ "name": op, "title": op, "summary": summary, "payload": payload })
}

/// An event is the envelope with the resource that its type is about. A hidden one has the id only;
/// one that is too large has a reference.
fn event_message(event_type: EventType) -> Value {
    let id_only = json!({ "type": "object", "properties": { "id": { "type": "string", "format": "uuid" } },
        "required": ["id"], "additionalProperties": false });
    let data = match event_type {
        EventType::ConversationHidden | EventType::TicketHidden | EventType::ContactHidden => id_only,
        other => json!({ "oneOf": [
            { "$ref": format!("#/components/schemas/{}", resource_of(other)) },
            { "$ref": "#/components/schemas/Reference" },
        ] }),
    };
    json!({
        "name": event_type,
        "title": event_type,
        "payload": { "allOf": [
            { "$ref": "#/components/schemas/Envelope" },
            { "type": "object", "required": ["op"], "properties": {
                "op": { "type": "string", "const": "event" },
                "type": { "type": "string", "const": event_type },
                "data": data,
            } },
        ] },
    })
}

/// The resource that an event carries: the first part of its type says, but for merges.
fn resource_of(event_type: EventType) -> &'static str {
    if matches!(event_type, EventType::ContactMerged | EventType::ContactUnmerged) {
        return "ContactMerge";
    }
    match event_type.as_str().split('.').next() {
        Some("conversation") => "Conversation",
        Some("message") => "Message",
        Some("ticket") => "Ticket",
        Some("contact") => "Contact",
        Some("division") => "Division",
        Some("channel") => "Channel",
        Some("workspace") => "Workspace",
        Some("settings") => "AssignmentSettings",
        Some("messaging_settings") => "MessagingSettings",
        Some("api_key") => "ApiKey",
        Some("policy") => "DistributionPolicy",
        Some("routing") => "RoutingDecision",
        Some("notification") => "Notification",
        Some("notification_preferences") => "NotificationPreferences",
        Some("template") if event_type == EventType::TemplateSynced => "TemplateSync",
        Some("template") => "Template",
        Some("label") => "Label",
        Some("webhook_endpoint") => "WebhookEndpoint",
        Some("note") => "Note",
        _ => "Agent",
    }
}

fn schemas() -> Map<String, Value> {
    let mut collected = Vec::new();
    macro_rules! collect {
        ($($name:ty),+) => {$(
            <$name as ToSchema>::schemas(&mut collected);
            collected.push((<$name as ToSchema>::name().into_owned(), <$name as PartialSchema>::schema()));
        )+};
    }
    <ServerFrame as ToSchema>::schemas(&mut collected);
    <ClientFrame as ToSchema>::schemas(&mut collected);
    collect!(
        Envelope,
        Agent,
        ApiKey,
        AssignmentSettings,
        Channel,
        Contact,
        ContactMerge,
        Conversation,
        DistributionPolicy,
        Division,
        Label,
        Message,
        MessagingSettings,
        Note,
        Notification,
        NotificationPreferences,
        RoutingDecision,
        Template,
        TemplateSync,
        Ticket,
        WebhookEndpoint,
        Workspace
    );
    let mut schemas: Map<String, Value> = collected
        .into_iter()
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    // What the server sends is complete: absent is null. What clients send need not be.
    let clients = clients_own();
    for (_, schema) in schemas.iter_mut().filter(|(name, _)| !clients.contains(name)) {
        require_all(schema);
    }
    let reference = json!({
        "type": "object",
        "description": "Where a resource that is too large for an event can be read",
        "properties": { "ref": { "type": "string" } },
        "required": ["ref"],
        "additionalProperties": false,
    });
    schemas.insert("Reference".to_owned(), reference);
    schemas
}

/// The schemas of frames that clients send.
fn clients_own() -> Vec<String> {
    let mut own = Vec::new();
    <ClientFrame as ToSchema>::schemas(&mut own);
    own.into_iter().map(|(name, _)| name).filter(|name| !name.ends_with("Id")).collect()
}

fn close_codes() -> Vec<Value> {
    CloseCode::ALL
        .iter()
        .map(|code| json!({ "code": code.number(), "meaning": code.meaning(), "client": code.advice() }))
        .collect()
}

fn subprotocol() -> Value {
    json!({ "type": "object", "properties": {
        "Sec-WebSocket-Protocol": { "type": "string", "enum": [SUBPROTOCOL] },
        "Authorization": { "type": "string", "description": "`Bearer` and an access token or API key; or send the frame `auth`" },
    } })
}

fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/channels/stream/messages/{name}") })
}

fn component(name: &str) -> Value {
    json!({ "$ref": format!("#/components/messages/{name}") })
}

#[cfg(test)]
mod tests {
    use super::value;
    use serde_json::Value;
    use std::collections::BTreeSet;

    #[test]
    fn every_reference_leads_somewhere_and_every_frame_is_there() {
        let document = value();
        let mut links = BTreeSet::new();
        collect(&document, &mut links);
        for link in &links {
            let pointer = link.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{link} leads nowhere");
        }
        let messages = document["components"]["messages"].as_object().unwrap();
        for name in
            ["hello", "ready", "caught_up", "goaway", "event.message.created", "client.auth", "client.pong"]
        {
            assert!(messages.contains_key(name), "{name} is not documented");
        }
        assert_eq!(document["channels"]["stream"]["x-close-codes"].as_array().unwrap().len(), 14);
    }

    fn collect(value: &Value, links: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                links.extend(map.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                map.values().for_each(|value| collect(value, links));
            }
            Value::Array(items) => items.iter().for_each(|value| collect(value, links)),
            _ => {}
        }
    }
}
