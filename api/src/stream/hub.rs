//! The readers of the log on this node, and what wakes them.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::future::Future;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use domain::access::Facts;
use domain::actor::Credential;
use domain::id::{AgentId, ConversationId, SignInId, WorkspaceId};
use persistence::error::Failure;
use tokio::runtime::Handle;
use tokio::task::{AbortHandle, JoinHandle};

use super::backend::Backend;
use super::links::{Link, Links};
use super::protocol::{ServerFrame, Signal};
use super::topic::{Passing, SignalAudience, Topic};

/// How many events are read from the log at once.
const PAGE: i64 = 500;
/// How long the feeder of a topic waits after the database failed.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// Every how many polls the members behind the connections are read again.
const MEMBERS_EVERY: u32 = 2;

/// Wakes readers. A lost wake-up costs latency, never an event: readers read the log. Clones share
/// everything.
#[derive(Clone, Default)]
pub struct Hub(Arc<Inner>);

#[derive(Default)]
struct Inner {
    topics: Mutex<HashMap<WorkspaceId, Watched>>,
    links: Arc<Links>,
    runtime: OnceLock<Handle>,
}

struct Watched {
    topic: Arc<Topic>,
    readers: usize,
    feeder: AbortHandle,
}

/// A reader's hold on a topic: with the last one the topic ends.
pub struct Subscription {
    hub: Hub,
    topic: Arc<Topic>,
}

impl std::ops::Deref for Subscription {
    type Target = Topic;

    fn deref(&self) -> &Topic {
        &self.topic
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.hub.topics(|topics| {
            if let Entry::Occupied(mut watched) = topics.entry(self.topic.workspace) {
                watched.get_mut().readers -= 1;
                if watched.get().readers == 0 {
                    watched.remove().feeder.abort();
                }
            }
        });
    }
}

impl Hub {
    fn topics<T>(&self, work: impl FnOnce(&mut HashMap<WorkspaceId, Watched>) -> T) -> T {
        // No work under the lock can panic halfway.
        work(&mut self.0.topics.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Begins to look for what other nodes do: events, ended credentials, changed members. Call it once,
    /// in the runtime that lives as long as the server. The task ends after [`Hub::shutdown`].
    pub fn start<B: Backend>(&self, backend: B, every: Duration) -> JoinHandle<()> {
        let _ = self.0.runtime.set(Handle::current());
        tokio::spawn(poll(self.clone(), backend, every))
    }

    /// The log of a workspace has reached `seq`.
    pub fn reached(&self, workspace: WorkspaceId, seq: i64) {
        self.topics(|topics| {
            if let Some(watched) = topics.get(&workspace) {
                watched.topic.reached(seq);
            }
        });
    }

    /// A credential has ended: its sockets are closed.
    pub fn revoked(&self, credential: Credential) {
        self.0.links.revoked(credential);
    }

    /// Tells the other members who may see the conversation that one of them is writing.
    pub fn typing(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
        facts: Facts,
        agent: AgentId,
        from: Option<u64>,
    ) {
        let Some(topic) = self.topics(|topics| topics.get(&workspace).map(|watched| watched.topic.clone()))
        else {
            return;
        };
        let signal = Signal::Typing { conversation_id: conversation, agent_id: agent };
        topic.signal(passing(signal, from, SignalAudience::Conversation(facts)));
    }

    /// A new connection.
    #[must_use]
    pub fn open(&self) -> Link {
        self.0.links.open()
    }

    /// The members with live connections on this node, and the devices they come from.
    #[must_use]
    pub fn signed_in(&self) -> Vec<(WorkspaceId, AgentId, SignInId)> {
        self.0.links.signed_in()
    }

    /// How many connections are open on this node.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.0.links.count()
    }

    /// Sends every connection `goaway` and closes it; clients spread their coming back over `spread`.
    /// Returns when all have ended, or after `deadline`. True if all have ended.
    pub async fn shutdown(&self, spread: Duration, deadline: Duration) -> bool {
        self.0.links.shutdown(spread, deadline).await
    }

    /// Takes part in a workspace's topic. Read where the log is only after this, then call
    /// [`Topic::start`]: nothing falls in between.
    pub fn subscribe<B: Backend>(&self, backend: &B, workspace: WorkspaceId) -> Subscription {
        let topic = self.topics(|topics| {
            let watched = topics.entry(workspace).or_insert_with(|| {
                let topic = Arc::new(Topic::new(workspace));
                let work = feed(self.0.links.clone(), backend.clone(), topic.clone());
                Watched { topic, readers: 0, feeder: self.spawn(work) }
            });
            watched.readers += 1;
            watched.topic.clone()
        });
        Subscription { hub: self.clone(), topic }
    }

    fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) -> AbortHandle {
        match self.0.runtime.get() {
            Some(runtime) => runtime.spawn(work).abort_handle(),
            None => tokio::spawn(work).abort_handle(),
        }
    }
}

fn passing(signal: Signal, from: Option<u64>, audience: SignalAudience) -> Passing {
    Passing { signal_type: signal.signal_type(), from, audience, frame: ServerFrame::Signal(signal).text() }
}

/// Reads what is new in a workspace's log, once for all readers of this node.
async fn feed<B: Backend>(links: Arc<Links>, backend: B, topic: Arc<Topic>) {
    let mut failing = false;
    loop {
        let have = topic.wanting().await;
        match next_page(&links, &backend, &topic, have).await {
            Ok(true) => failing = false,
            // A number without its event: it was forgotten already.
            Ok(false) => tokio::time::sleep(AGAIN_AFTER).await,
            Err(failure) => {
                if !failing {
                    tracing::warn!(workspace = %topic.workspace, cause = %failure, "the event log cannot be read; trying on");
                }
                failing = true;
                tokio::time::sleep(AGAIN_AFTER).await;
            }
        }
    }
}

async fn next_page<B: Backend>(
    links: &Links,
    backend: &B,
    topic: &Topic,
    have: i64,
) -> Result<bool, Failure> {
    let events = backend.read(topic.workspace, have, PAGE).await?;
    let found = !events.is_empty();
    if events.iter().any(|event| event.changes_rights()) {
        // Before anybody gets the event, so that what follows it is shown by the new scope.
        refresh(links, backend, Some(topic.workspace)).await?;
    }
    let signals: Vec<_> =
        events.iter().filter_map(|event| Some((event.presence()?, event.clone()))).collect();
    topic.append(events);
    for (signal, event) in signals {
        topic.signal(passing(signal, None, SignalAudience::Event(event)));
    }
    Ok(found)
}

/// Reads again who is behind the connections.
async fn refresh<B: Backend>(links: &Links, backend: &B, only: Option<WorkspaceId>) -> Result<(), Failure> {
    let asked = links.credentials(only);
    if !asked.is_empty() {
        let actors = backend.actors(asked.clone()).await?;
        links.refresh(&asked, actors);
    }
    Ok(())
}

/// Looks for what other nodes did, and for wake-ups that got lost. Outlives outages of the database.
async fn poll<B: Backend>(hub: Hub, backend: B, every: Duration) {
    let mut failing = false;
    let mut round = 0_u32;
    while !hub.0.links.stopping() {
        tokio::time::sleep(every).await;
        round = round.wrapping_add(1);
        match look(&hub, &backend, round.is_multiple_of(MEMBERS_EVERY)).await {
            Ok(()) => failing = false,
            Err(failure) => {
                if !failing {
                    tracing::warn!(cause = %failure, "the event log cannot be polled; trying on");
                }
                failing = true;
            }
        }
    }
}

async fn look<B: Backend>(hub: &Hub, backend: &B, members: bool) -> Result<(), Failure> {
    let workspaces: Vec<_> = hub.topics(|topics| topics.keys().copied().collect());
    let news = backend.news(workspaces).await?;
    for (workspace, head) in news.heads {
        hub.reached(workspace, head);
    }
    for credential in news.ended {
        hub.revoked(credential);
    }
    if members {
        refresh(&hub.0.links, backend, None).await?;
    }
    Ok(())
}
