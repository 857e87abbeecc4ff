//! What providers tell us, written down: concurrent webhooks in batches, one transaction each.
//!
//! A webhook waits in a bounded queue until a writer takes it together with all others that wait
//! (group commit), and is answered when that transaction has committed. PostgreSQL commits 64
//! messages in about the time of one.

mod messages;
mod news;
mod people;
mod templates;

use std::collections::BTreeSet;
use std::sync::Arc;

use domain::channel::ChannelKind;
use domain::id::{ChannelId, MessageId, WorkspaceId};
use domain::inbound::InboundEvent;
use persistence::db::Db;
use persistence::error::{Failure, StoreError};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::transaction::Tx;
use crate::state::App;

/// The most webhooks that wait; a provider whose call finds the queue full tries again later.
const QUEUE: usize = 2048;
/// The most webhooks of one transaction.
const BATCH_WEBHOOKS: usize = 256;
/// A batch that has this many events takes no further webhook.
const BATCH_EVENTS: usize = 512;

/// What one webhook call says about one channel.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The channel.
    pub channel_id: ChannelId,
    /// What kind of channel.
    pub kind: ChannelKind,
    /// What happened.
    pub events: Vec<InboundEvent>,
}

struct Waiting {
    deliveries: Vec<Delivery>,
    done: oneshot::Sender<Result<(), Failure>>,
}

/// The queue of webhooks.
#[derive(Clone)]
pub struct Ingest {
    queue: mpsc::Sender<Waiting>,
}

/// The other end of the queue, for [`run`].
pub struct IngestQueue(mpsc::Receiver<Waiting>);

impl Ingest {
    /// Makes the queue.
    #[must_use]
    pub fn new() -> (Self, IngestQueue) {
        let (queue, waiting) = mpsc::channel(QUEUE);
        (Self { queue }, IngestQueue(waiting))
    }

    /// Writes a webhook down. When this answers `Ok`, it is committed.
    ///
    /// # Errors
    /// `Busy` if too many wait; those of the database.
    pub async fn store(&self, deliveries: Vec<Delivery>) -> Result<(), Failure> {
        if deliveries.iter().all(|delivery| delivery.events.is_empty()) {
            return Ok(());
        }
        let (done, answer) = oneshot::channel();
        self.queue.try_send(Waiting { deliveries, done }).map_err(|_| StoreError::Busy)?;
        answer.await.map_err(|_| Failure::from(StoreError::Busy))?
    }

    /// How many webhooks wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        QUEUE - self.queue.capacity()
    }
}

/// Runs the writers until every [`Ingest`] is dropped. Each has a connection of `db`.
pub async fn run(app: App, db: Db, queue: IngestQueue, writers: u32) {
    let queue = Arc::new(Mutex::new(queue.0));
    let tasks = (0..writers.max(1)).map(|_| tokio::spawn(write(app.clone(), db.clone(), queue.clone())));
    futures_util::future::join_all(tasks).await;
}

async fn write(app: App, db: Db, queue: Arc<Mutex<mpsc::Receiver<Waiting>>>) {
    while let Some(batch) = next_batch(&queue).await {
        metrics::histogram!("ingest_batch_webhooks").record(u32::try_from(batch.len()).unwrap_or(u32::MAX));
        let all = batch.iter().flat_map(|waiting| waiting.deliveries.clone()).collect();
        match commit(&app, &db, all).await {
            Err(Failure::Store(
                StoreError::Query(_) | StoreError::Taken(_) | StoreError::RowCount { .. },
            )) if batch.len() > 1 => {
                // One of them cannot be written: the others must not suffer for it.
                for waiting in batch {
                    let outcome = commit(&app, &db, waiting.deliveries).await;
                    let _ = waiting.done.send(outcome);
                }
            }
            Ok(()) => batch.into_iter().for_each(|waiting| drop(waiting.done.send(Ok(())))),
            Err(failure) => {
                let cause = crate::http::finish::chain(&failure);
                tracing::warn!(
                    webhooks = batch.len(),
                    cause,
                    "webhooks could not be stored; the providers will repeat them"
                );
                // Only the first needs the whole story; each gets the same kind of answer.
                for waiting in batch {
                    let _ = waiting.done.send(Err(StoreError::Busy.into()));
                }
            }
        }
    }
}

async fn next_batch(queue: &Mutex<mpsc::Receiver<Waiting>>) -> Option<Vec<Waiting>> {
    let mut queue = queue.lock().await;
    let first = queue.recv().await?;
    let size =
        |waiting: &Waiting| waiting.deliveries.iter().map(|delivery| delivery.events.len()).sum::<usize>();
    let mut events = size(&first);
    let mut batch = vec![first];
    while batch.len() < BATCH_WEBHOOKS && events < BATCH_EVENTS {
        let Ok(waiting) = queue.try_recv() else { break };
        events += size(&waiting);
        batch.push(waiting);
    }
    Some(batch)
}

async fn commit(app: &App, db: &Db, deliveries: Vec<Delivery>) -> Result<(), Failure> {
    let _gate = app.configuration_gate.read().await;
    let app_for_work = app.clone();
    app.write_on(db, move |tx| store(&app_for_work, tx, &deliveries).map(drop)).await
}

/// Writes what the deliveries say, in their order: messages first, then news of messages. Answers the messages that are new.
///
/// # Errors
/// Only those of the database.
pub fn store(app: &App, tx: &mut Tx<'_>, deliveries: &[Delivery]) -> Result<BTreeSet<MessageId>, Failure> {
    // They come before everything else in the order of locks.
    tx.hold_configurations(deliveries.iter().map(|delivery| delivery.workspace_id))?;
    news::channels(app, tx, deliveries)?;
    templates::apply(tx, deliveries)?;
    let people = people::resolve(tx, deliveries)?;
    let news = news::News::gather(tx, deliveries, &people)?;
    let mut threads = messages::Threads::lock(tx, &people, &news)?;
    messages::note_changes(tx, &people, &threads)?;
    let stored = messages::store(tx, deliveries, &people, &mut threads)?;
    news.apply(tx, &people, &threads)?;
    Ok(stored)
}
