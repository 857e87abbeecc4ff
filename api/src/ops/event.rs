//! The envelope of an event: built once, at the commit, and never again. The stream,
//! `GET /v1/events` and outgoing webhooks carry these bytes.

use domain::audit::AuditSubject;
use domain::event::EventType;
use domain::id::{ConversationId, EventId, WorkspaceId};
use domain::resource::{
    Agent, ApiKey, AssignmentSettings, Channel, Contact, ContactMerge, Conversation, DistributionPolicy,
    Division, EventActor, Label, Message, MessagingSettings, Note, Notification, NotificationPreferences,
    RoutingDecision, Template, TemplateSync, Ticket, WebhookEndpoint, Workspace,
};
use domain::time::Timestamp;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The largest event that is written out, in bytes; of a larger one the reader gets a reference.
pub const EVENT_MAX_BYTES: usize = 64 * 1024;

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
    Workspace: |_it| "/v1/workspace".to_owned();
    AssignmentSettings: |_it| "/v1/settings/assignment".to_owned();
    MessagingSettings: |_it| "/v1/settings/messaging".to_owned();
    Agent: |it| format!("/v1/agents/{}", it.id);
    Channel: |it| format!("/v1/channels/{}", it.id);
    Contact: |it| format!("/v1/contacts/{}", it.id);
    ContactMerge: |it| format!("/v1/contacts/{}/merges", it.contact.id);
    Conversation: |it| format!("/v1/conversations/{}", it.id);
    DistributionPolicy: |it| format!("/v1/distribution-policies/{}", it.id);
    Division: |it| format!("/v1/divisions/{}", it.id);
    Label: |it| format!("/v1/labels/{}", it.id);
    Note: |it| format!("/v1/contacts/{}/notes", it.contact_id);
    Message: |it| format!("/v1/conversations/{}/messages/{}", it.conversation_id, it.id);
    NotificationPreferences: |_it| "/v1/me/notification-preferences".to_owned();
    Template: |it| format!("/v1/templates/{}", it.id);
    Ticket: |it| format!("/v1/tickets/{}", it.id);
    WebhookEndpoint: |it| format!("/v1/webhook-endpoints/{}", it.id);
}

impl Subject for ApiKey {
    /// A key is never changed.
    fn version(&self) -> i64 {
        1
    }

    fn path(&self) -> String {
        "/v1/api-keys".to_owned()
    }
}

impl Subject for RoutingDecision {
    /// A decision is never changed.
    fn version(&self) -> i64 {
        1
    }

    fn path(&self) -> String {
        format!("/v1/conversations/{}/routing-decisions", self.conversation_id)
    }
}

impl Subject for Notification {
    /// It can be read, and that is all.
    fn version(&self) -> i64 {
        if self.read_at.is_some() { 2 } else { 1 }
    }

    fn path(&self) -> String {
        "/v1/notifications".to_owned()
    }
}

impl Subject for TemplateSync {
    /// It ends once.
    fn version(&self) -> i64 {
        1
    }

    fn path(&self) -> String {
        format!("/v1/templates?channel_id={}", self.channel_id)
    }
}

/// A resource that is administered: its changes are kept in the audit trail.
pub trait Administered: Clone + Serialize + Subject {
    /// What it is.
    const SUBJECT: AuditSubject;
    /// Which it is; what there is once in a workspace is known by the workspace's id.
    fn subject_id(&self, workspace: WorkspaceId) -> Uuid;
    /// Its name.
    fn subject_name(&self) -> String;
    /// As events carry it: without what changes untold, or is not for everybody.
    #[must_use]
    fn told(&self) -> Self {
        self.clone()
    }
}

impl Administered for Agent {
    const SUBJECT: AuditSubject = AuditSubject::Agent;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }

    fn told(&self) -> Self {
        Self { counts: None, last_seen_at: None, ..self.clone() }
    }
}

impl Administered for Channel {
    const SUBJECT: AuditSubject = AuditSubject::Channel;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }

    fn told(&self) -> Self {
        Self { secrets: None, callback_url: None, ..self.clone() }
    }
}

impl Administered for ApiKey {
    const SUBJECT: AuditSubject = AuditSubject::ApiKey;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }

    fn told(&self) -> Self {
        Self { last_used_at: None, ..self.clone() }
    }
}

impl Administered for WebhookEndpoint {
    const SUBJECT: AuditSubject = AuditSubject::WebhookEndpoint;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    /// Its host: what follows in the URL may be secret.
    fn subject_name(&self) -> String {
        host(&self.url)
    }

    fn told(&self) -> Self {
        Self { url: origin(&self.url), failing_since: None, ..self.clone() }
    }
}

/// Scheme, host and port of an endpoint: what follows may be secret.
fn origin(url: &str) -> String {
    url::Url::parse(url).map(|url| url.origin().ascii_serialization()).unwrap_or_default()
}

/// The host of an endpoint, for people.
pub(super) fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(ToOwned::to_owned)).unwrap_or_default()
}

impl Administered for Division {
    const SUBJECT: AuditSubject = AuditSubject::Division;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }
}

impl Administered for DistributionPolicy {
    const SUBJECT: AuditSubject = AuditSubject::DistributionPolicy;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }
}

impl Administered for Template {
    const SUBJECT: AuditSubject = AuditSubject::Template;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        format!("{} ({})", self.name, self.language)
    }
}

impl Administered for Label {
    const SUBJECT: AuditSubject = AuditSubject::Label;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }
}

impl Administered for Contact {
    const SUBJECT: AuditSubject = AuditSubject::Contact;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }
}

impl Administered for ContactMerge {
    const SUBJECT: AuditSubject = AuditSubject::ContactMerge;

    fn subject_id(&self, _: WorkspaceId) -> Uuid {
        self.id.0
    }

    fn subject_name(&self) -> String {
        format!("{} into {}", self.merged.name, self.contact.name)
    }
}

impl Administered for Workspace {
    const SUBJECT: AuditSubject = AuditSubject::Workspace;

    fn subject_id(&self, workspace: WorkspaceId) -> Uuid {
        workspace.0
    }

    fn subject_name(&self) -> String {
        self.name.clone()
    }
}

impl Administered for AssignmentSettings {
    const SUBJECT: AuditSubject = AuditSubject::AssignmentSettings;

    fn subject_id(&self, workspace: WorkspaceId) -> Uuid {
        workspace.0
    }

    fn subject_name(&self) -> String {
        "assignment settings".to_owned()
    }
}

impl Administered for MessagingSettings {
    const SUBJECT: AuditSubject = AuditSubject::MessagingSettings;

    fn subject_id(&self, workspace: WorkspaceId) -> Uuid {
        workspace.0
    }

    fn subject_name(&self) -> String {
        "messaging settings".to_owned()
    }
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
