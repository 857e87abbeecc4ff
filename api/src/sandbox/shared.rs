//! What the server's workers, the deliveries and the owner share.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::time::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::world::World;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The sandbox's state and means.
pub(super) struct Shared {
    clock: Clock,
    pub(super) client: reqwest::Client,
    pub(super) webhook_timeout: Duration,
    pub(super) base_url: String,
    world: Mutex<World>,
    changed: watch::Sender<u64>,
    tasks: Mutex<JoinSet<()>>,
    runtime: Handle,
}

impl Shared {
    /// A new, empty sandbox. Needs a running tokio runtime: deliveries run there.
    pub(super) fn new(
        clock: Clock,
        webhook_timeout: Duration,
        base_url: String,
    ) -> std::io::Result<Arc<Self>> {
        // Neither proxies nor redirects: providers follow none, and webhooks go to this machine.
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(std::io::Error::other)?;
        Ok(Arc::new(Self {
            clock,
            client,
            webhook_timeout,
            base_url,
            world: Mutex::new(World::new()),
            changed: watch::Sender::new(0),
            tasks: Mutex::new(JoinSet::new()),
            runtime: Handle::current(),
        }))
    }

    /// The time.
    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// The state. Never held across an await.
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes everyone who waits for a change.
    pub(super) fn notify(&self) {
        self.changed.send_modify(|count| *count += 1);
    }

    /// For waiting on changes; subscribe before looking.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Runs something in the background, until it ends or the sandbox stops.
    pub(super) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(work, &self.runtime);
    }

    /// Ends everything in the background.
    pub(super) fn abort_all(&self) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
    }
}
