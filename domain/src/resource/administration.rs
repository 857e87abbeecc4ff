//! The shapes of administration: who did what, and the keys of programs.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::{AgentRef, ChannelRef};
use crate::access::KeyScope;
use crate::actor::Actor;
use crate::audit::{AuditAction, AuditSubject};
use crate::event::ActorType;
use crate::id::{ApiKeyId, AuditEntryId};
use crate::time::Timestamp;

shape! {
    /// A program's credential. The key itself is shown once, when it is made.
    pub struct ApiKey {
        /// Its id.
        pub id: ApiKeyId,
        /// Its name.
        pub name: String,
        /// The member in whose name it acts: it may do what the member may, within its scopes.
        pub agent: AgentRef,
        /// What it may do.
        pub scopes: Vec<KeyScope>,
        /// If present: nothing of other channels exists for it.
        pub channels: Option<Vec<ChannelRef>>,
        /// The last four characters of the key, to tell one from another.
        pub ends_with: String,
        /// When it runs out.
        pub expires_at: Option<Timestamp>,
        /// When it was last used, to within a minute. Null in events, and before the first time.
        pub last_used_at: Option<Timestamp>,
        /// Who made it.
        pub created_by: AgentRef,
        /// When it was made.
        pub created_at: Timestamp,
    }
}

shape! {
    /// One administrative change.
    pub struct AuditEntry {
        /// Its id.
        pub id: AuditEntryId,
        /// When.
        pub at: Timestamp,
        /// Who did it.
        pub actor: EventActor,
        /// What was done.
        pub action: AuditAction,
        /// To what.
        pub subject: AuditSubjectRef,
        /// What changed, as it was before; null for what is new.
        pub before: Option<Value>,
        /// What changed, as it is since; null for what is gone.
        pub after: Option<Value>,
    }
}

shape! {
    /// Who did it.
    pub struct EventActor {
        /// What it is.
        #[serde(rename = "type")]
        pub actor_type: ActorType,
        /// The agent or contact.
        pub id: Option<Uuid>,
        /// The name to show.
        pub name: Option<String>,
        /// The key, if a program acted in the agent's name.
        pub api_key: Option<ApiKeyRef>,
    }
}

impl EventActor {
    /// The product itself.
    #[must_use]
    pub fn system() -> Self {
        Self { actor_type: ActorType::System, id: None, name: None, api_key: None }
    }

    /// The operator.
    #[must_use]
    pub fn operator() -> Self {
        Self { actor_type: ActorType::Operator, id: None, name: None, api_key: None }
    }

    /// A customer.
    #[must_use]
    pub fn contact(id: Uuid, name: String) -> Self {
        Self { actor_type: ActorType::Contact, id: Some(id), name: Some(name), api_key: None }
    }
}

impl From<&Actor> for EventActor {
    fn from(actor: &Actor) -> Self {
        Self {
            actor_type: ActorType::Agent,
            id: Some(actor.agent_id.0),
            name: Some(actor.name.clone()),
            api_key: actor.key().map(|key| ApiKeyRef { id: key.id, name: key.name.clone() }),
        }
    }
}

shape! {
    /// A reference to an API key.
    pub struct ApiKeyRef {
        /// The key.
        pub id: ApiKeyId,
        /// Its name.
        pub name: String,
    }
}

shape! {
    /// What an administrative change was made to.
    pub struct AuditSubjectRef {
        /// What it is.
        #[serde(rename = "type")]
        pub subject_type: AuditSubject,
        /// Which.
        pub id: Uuid,
        /// Its name at the time.
        pub name: String,
    }
}
