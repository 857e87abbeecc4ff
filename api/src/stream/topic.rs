//! The newest events of one workspace, read from the log once for all its readers on this node.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};

use bytestring::ByteString;
use domain::access::{Facts, Visible};
use domain::id::WorkspaceId;
use tokio::sync::{broadcast, watch};

use super::event::LogEvent;
use super::protocol::SignalType;

/// The most events that are kept.
const EVENTS_MAX: usize = 2048;
/// The most memory that they take, about.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// The signals that a busy connection may miss.
const SIGNALS: usize = 64;
/// No event is known yet.
const UNKNOWN: i64 = -1;

/// A signal on its way to those who may see it.
#[derive(Debug, Clone)]
pub struct Passing {
    /// What it is: who has not asked for such does not get it.
    pub signal_type: SignalType,
    /// The connection that it comes from, which does not get it.
    pub from: Option<u64>,
    /// Who may see it.
    pub audience: SignalAudience,
    /// The frame.
    pub frame: ByteString,
}

/// Who may see a signal.
#[derive(Debug, Clone)]
pub enum SignalAudience {
    /// Who sees the conversation.
    Conversation(Facts),
    /// Who is told of the event.
    Event(Arc<LogEvent>),
}

impl SignalAudience {
    /// Is a reader with this scope among them?
    #[must_use]
    pub fn includes(&self, visible: &Visible) -> bool {
        match self {
            Self::Conversation(facts) => visible.sees_conversation(*facts),
            Self::Event(event) => event.is_told_to(visible),
        }
    }
}

/// The newest events of one workspace. Connections keep their own position and take from here; one
/// that is further behind reads the log itself. So nobody waits for anybody, and nothing is queued
/// per connection.
pub struct Topic {
    /// The tenant.
    pub workspace: WorkspaceId,
    ring: RwLock<Ring>,
    newest: watch::Sender<i64>,
    reached: watch::Sender<i64>,
    signals: broadcast::Sender<Arc<Passing>>,
}

#[derive(Default)]
struct Ring {
    /// The number before the first event kept; `None` until the first reader knows where the log is.
    base: Option<i64>,
    events: VecDeque<Arc<LogEvent>>,
    bytes: usize,
}

/// What a topic has for a reader.
#[derive(Debug, Clone)]
pub enum Taken {
    /// The next events.
    Events(Vec<Arc<LogEvent>>),
    /// Nothing new.
    Nothing,
    /// The next events are no longer here: read the log.
    Behind,
}

impl Topic {
    /// A topic that knows nothing yet.
    #[must_use]
    pub fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            ring: RwLock::default(),
            newest: watch::Sender::new(UNKNOWN),
            reached: watch::Sender::new(UNKNOWN),
            signals: broadcast::Sender::new(SIGNALS),
        }
    }

    /// The log is known to have been at `head` after this topic could be woken: events after it come
    /// here. The first call counts.
    pub fn start(&self, head: i64) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        if ring.base.is_none() {
            ring.base = Some(head);
            self.newest.send_replace(head);
        }
        drop(ring);
        self.reached(head);
    }

    /// The log has reached `seq`.
    pub fn reached(&self, seq: i64) {
        raise(&self.reached, seq);
    }

    /// Waits until the log has more than this topic; answers the last number it has.
    pub async fn wanting(&self) -> i64 {
        let mut newest = self.newest.subscribe();
        let mut reached = self.reached.subscribe();
        // The senders are fields of `self`: they outlive the wait.
        let have = newest.wait_for(|seq| *seq != UNKNOWN).await.map_or(UNKNOWN, |seq| *seq);
        let _ = reached.wait_for(|seq| *seq > have).await;
        have
    }

    /// Adds what comes next in the log, and wakes the readers.
    pub fn append(&self, events: Vec<Arc<LogEvent>>) {
        let mut ring = self.ring.write().unwrap_or_else(PoisonError::into_inner);
        ring.append(events);
        let newest = ring.newest();
        drop(ring);
        raise(&self.newest, newest);
    }

    /// At most `limit` events after `position`.
    #[must_use]
    pub fn after(&self, position: i64, limit: usize) -> Taken {
        self.ring.read().unwrap_or_else(PoisonError::into_inner).after(position, limit)
    }

    /// Wakes a reader when there are events.
    #[must_use]
    pub fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }

    /// Passes a signal on; one that nobody wants is dropped.
    pub fn signal(&self, signal: Passing) {
        let _ = self.signals.send(Arc::new(signal));
    }

    /// The signals of the workspace.
    #[must_use]
    pub fn signals(&self) -> broadcast::Receiver<Arc<Passing>> {
        self.signals.subscribe()
    }
}

fn raise(number: &watch::Sender<i64>, seq: i64) {
    number.send_if_modified(|known| {
        let newer = seq > *known;
        *known = seq.max(*known);
        newer
    });
}

impl Ring {
    fn newest(&self) -> i64 {
        self.events.back().map_or(self.base.unwrap_or(UNKNOWN), |event| event.seq)
    }

    fn append(&mut self, events: Vec<Arc<LogEvent>>) {
        for event in events {
            let newest = self.newest();
            if event.seq <= newest {
                continue;
            }
            if event.seq != newest + 1 {
                // Forgotten before this node read it: readers from before find the gap in the log.
                self.events.clear();
                self.bytes = 0;
                self.base = Some(event.seq - 1);
            }
            self.bytes += event.bytes();
            self.events.push_back(event);
            while self.events.len() > EVENTS_MAX || (self.bytes > BYTES_MAX && self.events.len() > 1) {
                let Some(oldest) = self.events.pop_front() else { break };
                self.bytes -= oldest.bytes();
                self.base = Some(oldest.seq);
            }
        }
    }

    fn after(&self, position: i64, limit: usize) -> Taken {
        let Some(base) = self.base else { return Taken::Nothing };
        let Ok(from) = usize::try_from(position - base) else { return Taken::Behind };
        if from >= self.events.len() {
            return Taken::Nothing;
        }
        Taken::Events(self.events.range(from..).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{EVENTS_MAX, Taken, Topic};
    use crate::stream::event::LogEvent;
    use crate::stream::testing::{Entry, workspace};

    fn events(numbers: std::ops::RangeInclusive<i64>) -> Vec<Arc<LogEvent>> {
        numbers.map(|seq| Arc::new(Entry::everyone().stored(seq).into())).collect()
    }

    fn taken(topic: &Topic, position: i64) -> Option<Vec<i64>> {
        match topic.after(position, 3) {
            Taken::Events(events) => Some(events.iter().map(|event| event.seq).collect()),
            Taken::Nothing => Some(Vec::new()),
            Taken::Behind => None,
        }
    }

    #[test]
    fn keeps_the_newest_and_knows_what_it_has_not() {
        let topic = Topic::new(workspace());
        assert_eq!(taken(&topic, 0), Some(vec![]), "nothing before it knows where the log is");
        topic.start(10);
        topic.start(99);
        assert_eq!((taken(&topic, 9), taken(&topic, 10)), (None, Some(vec![])));
        topic.append(events(11..=15));
        topic.append(events(14..=16));
        assert_eq!(taken(&topic, 10), Some(vec![11, 12, 13]));
        assert_eq!(
            (taken(&topic, 15), taken(&topic, 16), taken(&topic, 20)),
            (Some(vec![16]), Some(vec![]), Some(vec![]))
        );
        let last = 16 + i64::try_from(EVENTS_MAX).unwrap();
        topic.append(events(17..=last));
        assert_eq!((taken(&topic, 15), taken(&topic, 16)), (None, Some(vec![17, 18, 19])));
        topic.append(events(last + 5..=last + 6));
        assert_eq!(taken(&topic, last), None, "a gap is looked up in the log");
        assert_eq!(taken(&topic, last + 4), Some(vec![last + 5, last + 6]));
        assert_eq!(*topic.newest().borrow(), last + 6);
    }

    #[test]
    fn large_events_do_not_fill_the_memory() {
        let topic = Topic::new(workspace());
        topic.start(0);
        for seq in 1..=200 {
            let data = serde_json::json!({"id": "x".repeat(60_000)});
            topic.append(vec![Arc::new(Entry { data, ..Entry::everyone() }.stored(seq).into())]);
        }
        let ring = topic.ring.read().unwrap();
        assert!((50..=69).contains(&ring.events.len()), "{}", ring.events.len());
        assert_eq!(ring.bytes, ring.events.iter().map(|event| event.bytes()).sum::<usize>());
    }
}
