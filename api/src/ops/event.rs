//! The envelope of an event: built once, at the commit, and never again. The stream,
//! `GET /v1/events` and outgoing webhooks carry these bytes.

use domain::actor::Actor;
use domain::event::EventType;
use domain::id::{ConversationId, EventId};
use domain::resource::{Agent, Channel, Contact, Conversation, Division, Message, Ticket};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// The largest event that is written out, in bytes; of a larger one the reader gets a reference.
pub const EVENT_MAX_BYTES: usize = 64 * 1024;

/// What did something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EventActorType {
    /// A member of the team.
    Agent,
    /// A customer.
    Contact,
    /// The product itself: a job, a provider's news.
    System,
    /// The operator of the installation.
    Operator,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventActor {
    /// What it is.
    #[serde(rename = "type")]
    pub actor_type: EventActorType,
    /// The agent or contact.
    pub id: Option<Uuid>,
    /// The name to show.
    pub name: Option<String>,
}

impl EventActor {
    /// The product itself.
    #[must_use]
    pub fn system() -> Self {
        Self { actor_type: EventActorType::System, id: None, name: None }
    }

    /// The operator.
    #[must_use]
    pub fn operator() -> Self {
        Self { actor_type: EventActorType::Operator, id: None, name: None }
    }

    /// A customer.
    #[must_use]
    pub fn contact(id: Uuid, name: String) -> Self {
        Self { actor_type: EventActorType::Contact, id: Some(id), name: Some(name) }
    }
}

impl From<&Actor> for EventActor {
    fn from(actor: &Actor) -> Self {
        Self { actor_type: EventActorType::Agent, id: Some(actor.agent_id.0), name: Some(actor.name.clone()) }
    }
}

/// A resource that events carry.
pub trait Subject {
    /// Rises with every change of the resource.
    fn version(&self) -> i64;
    /// Where the resource can be read.
    fn path(&self) -> String;
}

macro_rules! subjects {
    ($($name:ident: |$this:ident| $path:expr);+ $(;)?) => {$(
        impl Subject for $name {
            fn version(&self) -> i64 {
                self.version
            }

            fn path(&self) -> String {
                let $this = self;
                $path
            }
        }
    )+};
}

subjects! {
    Agent: |it| format!("/v1/agents/{}", it.id);
    Channel: |it| format!("/v1/channels/{}", it.id);
    Contact: |it| format!("/v1/contacts/{}", it.id);
    Conversation: |it| format!("/v1/conversations/{}", it.id);
    Division: |it| format!("/v1/divisions/{}", it.id);
    Message: |it| format!("/v1/conversations/{}/messages/{}", it.conversation_id, it.id);
    Ticket: |it| format!("/v1/tickets/{}", it.id);
}

/// The fields of the envelope after `seq` and `prev`.
#[derive(Serialize)]
pub(crate) struct Body<'a, T> {
    pub id: EventId,
    #[serde(rename = "type")]
    pub event_type: EventType,
    pub at: Timestamp,
    pub actor: &'a EventActor,
    pub conversation_id: Option<ConversationId>,
    pub version: i64,
    pub data: &'a T,
    pub previous: Value,
}

impl<T: Serialize + Subject> Body<'_, T> {
    /// JSON text without the opening brace, to which a reader adds its own beginning.
    pub(crate) fn write(&self) -> String {
        let whole = serde_json::to_string(self).unwrap_or_default();
        let text = if whole.len() > EVENT_MAX_BYTES { self.as_reference() } else { whole };
        text.strip_prefix('{').unwrap_or(&text).to_owned()
    }

    fn as_reference(&self) -> String {
        json!({
            "id": self.id,
            "type": self.event_type,
            "at": self.at,
            "actor": self.actor,
            "conversation_id": self.conversation_id,
            "version": self.version,
            "data": { "ref": self.data.path() },
            "previous": null,
        })
        .to_string()
    }
}
