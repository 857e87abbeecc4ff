//! Stand-ins for tests: a log, members and clients in memory.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytestring::ByteString;
use domain::access::Facts;
use domain::actor::{Actor, Credential, Via};
use domain::agent::{Availability, Role};
use domain::event::{Audience, EventType, Sight};
use domain::id::{AgentId, ConversationId, EventId, WorkspaceId};
use domain::time::Timestamp;
use futures_util::Stream;
use futures_util::stream::unfold;
use persistence::error::{Failure, StoreError};
use persistence::events::StoredEvent;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::backend::{Admitted, Backend, Bounds, News};
use super::carrier::{End, Gone, Incoming, Outgoing, Outlet};
use super::conn::{Conn, Opening};
use super::event::LogEvent;
use super::hub::Hub;
use super::protocol::{Auth, CloseCode, SignalType};
use crate::config::StreamSettings;

pub const EPOCH: Uuid = Uuid::from_u128(77);

pub fn workspace() -> WorkspaceId {
    Uuid::from_u128(1).into()
}

pub fn agent_id(number: u128) -> AgentId {
    Uuid::from_u128(number).into()
}

pub fn conversation_id(number: u128) -> ConversationId {
    Uuid::from_u128(number + 5000).into()
}

/// An agent without further sight.
pub fn agent(number: u128) -> Actor {
    Actor {
        workspace_id: workspace(),
        agent_id: agent_id(number),
        via: Via::SignIn(Uuid::from_u128(number + 1000).into()),
        name: format!("Agent {number}"),
        role: Role::Agent,
        view_all: false,
        supervises: Vec::new(),
        restricted_to: None,
        agents_may_claim: true,
        agents_may_transfer: true,
    }
}

pub fn admin(number: u128) -> Actor {
    Actor { role: Role::Admin, ..agent(number) }
}

pub fn facts(assignee: Option<u128>) -> Facts {
    Facts { channel: Uuid::nil().into(), assignee: assignee.map(agent_id), division: None }
}

/// What is to be written to the log.
#[derive(Debug, Clone)]
pub struct Entry {
    pub event_type: EventType,
    pub audience: Audience,
    pub conversation: Option<u128>,
    pub version: i64,
    pub data: Value,
    pub previous: Value,
}

impl Entry {
    /// A message that everybody sees.
    pub fn everyone() -> Self {
        Self {
            event_type: EventType::ContactUpdated,
            audience: Audience::Everyone,
            conversation: None,
            version: 1,
            data: json!({"id": Uuid::nil()}),
            previous: json!({"was": 1}),
        }
    }

    /// A conversation goes from one holder to another.
    pub fn moved(conversation: u128, version: i64, before: Option<Facts>, after: Facts) -> Self {
        Self {
            event_type: EventType::ConversationAssigned,
            audience: Audience::Conversation(Sight { before, after: Some(after) }),
            conversation: Some(conversation),
            version,
            data: json!({"id": conversation_id(conversation), "assignee": after.assignee, "secret": "name"}),
            ..Self::everyone()
        }
    }

    /// A member is now like this.
    pub fn member(agent: u128, availability: Availability, online: bool, previous: Value) -> Self {
        Self {
            event_type: EventType::AgentUpdated,
            data: json!({"id": agent_id(agent), "availability": availability, "online": online}),
            previous,
            ..Self::everyone()
        }
    }

    pub fn stored(self, seq: i64) -> StoredEvent {
        let id: EventId = Uuid::from_u128(u128::try_from(seq).unwrap()).into();
        let at = Timestamp::from_unix_seconds(1_800_000_000 + seq).unwrap();
        let conversation_id = self.conversation.map(conversation_id);
        let event_type = self.event_type;
        let actor = json!({"type": "system", "id": null, "name": null});
        let whole = json!({
            "id": id, "type": event_type, "at": at, "actor": actor, "conversation_id": conversation_id,
            "version": self.version, "data": self.data, "previous": self.previous,
        });
        let body = whole.to_string().strip_prefix('{').unwrap().to_owned();
        StoredEvent { seq, event_type, id, at, audience: self.audience, conversation_id, body }
    }
}

/// A server in memory.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    events: Vec<Arc<LogEvent>>,
    forgotten: usize,
    reads: usize,
    away: bool,
    actors: HashMap<Credential, Actor>,
    lifetime: Option<Duration>,
    facts: HashMap<ConversationId, Facts>,
}

impl Memory {
    fn with<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> T {
        work(&mut self.0.lock().unwrap())
    }

    /// Appends, without waking anybody. Answers the head.
    pub fn append(&self, entry: Entry) -> i64 {
        self.with(|inner| {
            let seq = i64::try_from(inner.events.len()).unwrap() + 1;
            inner.events.push(Arc::new(entry.stored(seq).into()));
            seq
        })
    }

    /// Appends and wakes, as a commit does.
    pub fn commit(&self, hub: &Hub, entry: Entry) -> i64 {
        let seq = self.append(entry);
        hub.reached(workspace(), seq);
        seq
    }

    pub fn forget(&self, count: usize) {
        self.with(|inner| inner.forgotten = count);
    }

    pub fn set_away(&self, away: bool) {
        self.with(|inner| inner.away = away);
    }

    /// How many parts of the server hold on to it.
    pub fn users(&self) -> usize {
        Arc::strong_count(&self.0)
    }

    pub fn reads(&self) -> usize {
        self.with(|inner| inner.reads)
    }

    pub fn know(&self, actor: Actor) {
        self.with(|inner| inner.actors.insert(actor.credential(), actor));
    }

    pub fn end(&self, credential: Credential) {
        self.with(|inner| inner.actors.remove(&credential));
    }

    pub fn hold(&self, conversation: u128, by: Option<u128>) {
        self.with(|inner| inner.facts.insert(conversation_id(conversation), facts(by)));
    }

    pub fn tokens_last(&self, lifetime: Duration) {
        self.with(|inner| inner.lifetime = Some(lifetime));
    }

    fn answer<T>(&self, work: impl FnOnce(&mut Inner) -> T) -> Result<T, Failure> {
        self.with(|inner| if inner.away { Err(StoreError::Busy.into()) } else { Ok(work(inner)) })
    }
}

impl Backend for Memory {
    fn epoch(&self) -> Uuid {
        EPOCH
    }

    async fn read(&self, _: WorkspaceId, after: i64, limit: i64) -> Result<Vec<Arc<LogEvent>>, Failure> {
        tokio::task::yield_now().await;
        self.answer(|inner| {
            inner.reads += 1;
            let from = usize::try_from(after).unwrap().max(inner.forgotten);
            let limit = usize::try_from(limit).unwrap();
            inner.events.iter().skip(from).take(limit).cloned().collect()
        })
    }

    async fn bounds(&self, _: WorkspaceId) -> Result<Bounds, Failure> {
        let bounds = self.answer(|inner| Bounds {
            oldest: i64::try_from(inner.forgotten).unwrap() + 1,
            head: i64::try_from(inner.events.len()).unwrap(),
        });
        // Others write between the answer and its use.
        tokio::task::yield_now().await;
        bounds
    }

    async fn news(&self, workspaces: Vec<WorkspaceId>) -> Result<News, Failure> {
        self.answer(|inner| {
            let head = i64::try_from(inner.events.len()).unwrap();
            News { heads: workspaces.into_iter().map(|one| (one, head)).collect(), ended: Vec::new() }
        })
    }

    async fn actors(&self, keys: Vec<(WorkspaceId, Credential)>) -> Result<Vec<Actor>, Failure> {
        self.answer(|inner| keys.iter().filter_map(|(_, key)| inner.actors.get(key).cloned()).collect())
    }

    /// The token of a member is the number of its sign-in, or of its key.
    async fn admit(&self, token: &str) -> Result<Admitted, CloseCode> {
        let id: Uuid = token.parse().map_err(|_| CloseCode::Unauthenticated)?;
        let found = self.answer(|inner| {
            let lifetime = inner.lifetime.unwrap_or(Duration::from_secs(900));
            [Credential::SignIn(id.into()), Credential::ApiKey(id.into())]
                .iter()
                .find_map(|credential| inner.actors.get(credential))
                .cloned()
                .map(|actor| Admitted { actor: Arc::new(actor), lifetime: Some(lifetime) })
        });
        found.map_err(|_| CloseCode::Unavailable)?.ok_or(CloseCode::Revoked)
    }

    fn count_call(&self, _: Credential) -> bool {
        true
    }

    async fn facts(&self, _: WorkspaceId, conversation: ConversationId) -> Result<Option<Facts>, Failure> {
        self.answer(|inner| inner.facts.get(&conversation).copied())
    }

    fn show_typing(&self, _: WorkspaceId, _: ConversationId) {}
}

/// A client's end of a connection.
pub struct Client {
    pub say: mpsc::UnboundedSender<Incoming>,
    hear: mpsc::Receiver<ByteString>,
    pub served: JoinHandle<End>,
}

struct Pipe(mpsc::Sender<ByteString>);

impl Outlet for Pipe {
    async fn send(&mut self, outgoing: Outgoing) -> Result<(), Gone> {
        match outgoing {
            Outgoing::Text(text) => self.0.send(text).await.map_err(|_| Gone),
            Outgoing::Pong(_) => Ok(()),
        }
    }
}

fn inbox(receiver: mpsc::UnboundedReceiver<Incoming>) -> impl Stream<Item = Incoming> + Unpin {
    Box::pin(unfold(receiver, |mut receiver| async move { Some((receiver.recv().await?, receiver)) }))
}

pub fn token(actor: &Actor) -> String {
    match actor.credential() {
        Credential::SignIn(id) => id.to_string(),
        Credential::ApiKey(id) => id.to_string(),
    }
}

impl Client {
    /// Connects; `takes` frames fit between the server and the client.
    pub fn connect(memory: &Memory, hub: &Hub, settings: &StreamSettings, takes: usize) -> Self {
        let (say, heard) = mpsc::unbounded_channel();
        let (out, hear) = mpsc::channel(takes);
        let conn = Conn::new(memory.clone(), hub.clone(), settings.clone(), Pipe(out));
        let served = tokio::spawn(async move { conn.run(Opening::default(), inbox(heard)).await.0 });
        Self { say, hear, served }
    }

    /// Connects and begins.
    pub async fn join(memory: &Memory, hub: &Hub, actor: &Actor, since: Option<String>) -> (Self, Value) {
        let mut client = Self::connect(memory, hub, &StreamSettings::default(), 64);
        assert_eq!(client.next().await["op"], "hello");
        client.auth(actor, since);
        let ready = client.next().await;
        assert_eq!(ready["op"], "ready");
        (client, ready)
    }

    pub fn auth(&self, actor: &Actor, since: Option<String>) {
        self.auth_with(actor, since, &[SignalType::Typing]);
    }

    pub fn auth_with(&self, actor: &Actor, since: Option<String>, signals: &[SignalType]) {
        let auth = Auth { token: token(actor), since, signals: signals.to_vec() };
        self.send(&json!({"op": "auth", "token": auth.token, "since": auth.since, "signals": auth.signals}));
    }

    pub fn send(&self, frame: &Value) {
        let _ = self.say.send(Incoming::Text(frame.to_string().into()));
    }

    /// The next frame.
    pub async fn next(&mut self) -> Value {
        let text = self.hear.recv().await.expect("a frame");
        serde_json::from_str(&text).expect("JSON")
    }

    /// The next frame that is no ping; pings are answered.
    pub async fn next_answering(&mut self) -> Value {
        loop {
            let frame = self.next().await;
            if frame["op"] != "ping" {
                return frame;
            }
            self.send(&json!({"op": "pong", "seq": frame["seq"]}));
        }
    }

    /// Is there nothing to hear for this long?
    pub async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.hear.recv()).await.is_err()
    }

    /// How the connection ends.
    pub async fn end(mut self) -> End {
        loop {
            tokio::select! {
                end = &mut self.served => return end.expect("no panic"),
                frame = self.hear.recv(), if !self.hear.is_closed() => drop(frame),
            }
        }
    }
}
