//! A reader's way through the log: where it begins, and what comes next.

use std::collections::VecDeque;
use std::sync::Arc;

use bytestring::ByteString;
use domain::access::Visible;
use domain::actor::Actor;
use persistence::error::Failure;
use tokio::sync::watch;
use uuid::Uuid;

use super::backend::{Backend, Bounds};
use super::cursor::{ScopeTag, StreamCursor};
use super::event::{LogEvent, Reading};
use super::hub::{Hub, Subscription};
use super::protocol::{Place, ResetReason};
use super::topic::Taken;

/// How many events are held at once by a reader that reads the log itself.
const PAGE: i64 = 100;

/// A reader's scope.
#[derive(Debug, Clone)]
pub struct View {
    /// What it may see.
    pub visible: Visible,
    /// The tag of that.
    pub scope: ScopeTag,
}

impl View {
    /// What this member may see.
    #[must_use]
    pub fn of(actor: &Actor) -> Self {
        let visible = Visible::to(actor);
        let scope = ScopeTag::of(&visible);
        Self { visible, scope }
    }
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the present head: only what happens from now on.
    Live,
    /// After this event.
    After(i64),
    /// Nowhere: the client has to load anew.
    Reset(ResetReason),
}

/// Decides where a subscription begins. `most`: how many events may be replayed.
#[must_use]
pub fn start(since: Option<&str>, epoch: Uuid, bounds: Bounds, scope: ScopeTag, most: Option<i64>) -> Start {
    let Some(text) = since else { return Start::Live };
    // A text that is no cursor belongs to no log: the client recovers by loading anew.
    let Ok(cursor) = text.parse::<StreamCursor>() else { return Start::Reset(ResetReason::Epoch) };
    if cursor.epoch != epoch || cursor.seq > bounds.head {
        Start::Reset(ResetReason::Epoch)
    } else if cursor.scope.is_some_and(|then| then != scope) {
        Start::Reset(ResetReason::ScopeChanged)
    } else if cursor.seq < bounds.oldest - 1 {
        Start::Reset(ResetReason::Expired)
    } else if most.is_some_and(|most| bounds.head - cursor.seq > most) {
        Start::Reset(ResetReason::TooFar)
    } else {
        Start::After(cursor.seq)
    }
}

/// What [`Reader::join`] answers.
pub enum Joined<B> {
    /// It begins.
    Reader(Box<Reader<B>>),
    /// It does not.
    Reset(ResetReason),
}

/// A reader under way.
pub struct Reader<B> {
    backend: B,
    topic: Subscription,
    newest: watch::Receiver<i64>,
    page: VecDeque<Arc<LogEvent>>,
    /// Everything up to here that the reader may see has been taken.
    position: i64,
    /// The number of the event taken last, at first of the start.
    prev: i64,
    /// The head at the beginning, until it has been reached.
    missed: Option<i64>,
    /// False: it began at the head of that time.
    replay: bool,
}

/// The next events were forgotten before they could be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The next events were forgotten before they could be read.
    #[error("the next events are no longer kept")]
    Expired,
    /// The database did not do its part.
    #[error(transparent)]
    Failed(#[from] Failure),
}

impl<B: Backend> Reader<B> {
    /// Begins after the cursor `since`, or at the head without one.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn join(
        hub: &Hub,
        backend: &B,
        view: &View,
        since: Option<&str>,
        most: Option<i64>,
    ) -> Result<Joined<B>, Failure> {
        let workspace = view.visible.workspace_id;
        // First the subscription, then the number: nothing falls in between.
        let topic = hub.subscribe(backend, workspace);
        let bounds = backend.bounds(workspace).await?;
        topic.start(bounds.head);
        let (position, replay) = match start(since, backend.epoch(), bounds, view.scope, most) {
            Start::Live => (bounds.head, false),
            Start::After(seq) => (seq, true),
            Start::Reset(reason) => return Ok(Joined::Reset(reason)),
        };
        Ok(Joined::Reader(Box::new(Self {
            backend: backend.clone(),
            newest: topic.newest(),
            topic,
            page: VecDeque::new(),
            position,
            prev: position,
            missed: replay.then_some(bounds.head),
            replay,
        })))
    }

    /// Whether it began at a cursor.
    #[must_use]
    pub fn is_replay(&self) -> bool {
        self.replay
    }

    /// The workspace's topic.
    #[must_use]
    pub fn topic(&self) -> &Subscription {
        &self.topic
    }

    /// The number of the event sent last, at first of the start.
    #[must_use]
    pub fn prev(&self) -> i64 {
        self.prev
    }

    /// Where the reader is.
    #[must_use]
    pub fn place(&self, view: &View) -> Place {
        let cursor = StreamCursor::in_scope(self.backend.epoch(), self.position, view.scope).to_string();
        Place { cursor, seq: self.position, prev: Some(self.prev) }
    }

    /// True once, when everything that was missed at the beginning has been taken.
    pub fn caught_up(&mut self) -> bool {
        let done = self.missed.is_some_and(|head| self.position >= head);
        if done {
            self.missed = None;
        }
        done
    }

    /// Waits until there is something to take.
    pub async fn ready(&mut self) {
        if self.page.is_empty() && self.missed.is_none_or(|head| self.position >= head) {
            let position = self.position;
            // The sender lives as long as the subscription.
            let _ = self.newest.wait_for(|newest| *newest > position).await;
        }
    }

    /// Gets the next events to hand, if there are any: from the topic, or from the log by one that is
    /// further behind. True if there are.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn fill(&mut self) -> Result<bool, ReadError> {
        if self.page.is_empty() {
            let limit = usize::try_from(PAGE).unwrap_or(1);
            let events = match self.topic.after(self.position, limit) {
                Taken::Events(events) => events,
                // Also what was there at the beginning, and the topic does not have yet.
                Taken::Nothing if self.missed.is_none_or(|head| self.position >= head) => return Ok(false),
                Taken::Nothing | Taken::Behind => {
                    self.backend.read(self.topic.workspace, self.position, PAGE).await?
                }
            };
            if events.first().is_none_or(|first| first.seq != self.position + 1) {
                return Err(ReadError::Expired);
            }
            self.page.extend(events);
        }
        Ok(true)
    }

    fn next<T>(
        &mut self,
        view: &View,
        compose: impl FnOnce(&LogEvent, Reading<'_>) -> Option<T>,
    ) -> Option<Option<T>> {
        let event = self.page.pop_front()?;
        self.position = event.seq;
        let epoch = self.backend.epoch();
        let reading = Reading { epoch, visible: &view.visible, scope: view.scope, prev: self.prev };
        let text = compose(&event, reading);
        if text.is_some() {
            self.prev = event.seq;
        }
        Some(text)
    }

    /// Takes the next event at hand: its frame, or `None` within if the reader is sent nothing for it.
    pub fn next_frame(&mut self, view: &View) -> Option<Option<ByteString>> {
        self.next(view, LogEvent::frame)
    }

    /// The same as an envelope of `GET /v1/events`.
    pub fn next_envelope(&mut self, view: &View) -> Option<Option<String>> {
        self.next(view, LogEvent::envelope)
    }
}
