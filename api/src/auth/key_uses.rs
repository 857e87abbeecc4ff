//! When keys were last used: noted in memory, written down in the background.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::actor::{Actor, Credential};
use domain::id::{ApiKeyId, WorkspaceId};
use domain::time::Timestamp;
use persistence::api_keys::{self, Use};
use persistence::error::Failure;

use crate::http::finish::chain;
use crate::state::App;

/// How often uses are written. With the half minute that [`api_keys::note_uses`] leaves alone, what is
/// stored is never a minute behind.
const EVERY: Duration = Duration::from_secs(5);

/// The latest use of each key that is not written yet.
#[derive(Debug, Clone, Default)]
pub struct KeyUses {
    unwritten: Arc<Mutex<HashMap<(WorkspaceId, ApiKeyId), Timestamp>>>,
}

impl KeyUses {
    /// Notes that somebody acted, if it was a program.
    pub fn note(&self, actor: &Actor, now: Timestamp) {
        if let Credential::ApiKey(key) = actor.credential() {
            self.add([((actor.workspace_id, key), now)]);
        }
    }

    fn add(&self, uses: impl IntoIterator<Item = ((WorkspaceId, ApiKeyId), Timestamp)>) {
        // A panic while holding the lock cannot leave half an entry.
        let mut unwritten = self.unwritten.lock().unwrap_or_else(PoisonError::into_inner);
        for (key, at) in uses {
            let latest = unwritten.entry(key).or_insert(at);
            *latest = at.max(*latest);
        }
    }

    fn take(&self) -> HashMap<(WorkspaceId, ApiKeyId), Timestamp> {
        std::mem::take(&mut self.unwritten.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Works until the task is aborted.
pub async fn run(app: App) {
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        if let Err(failure) = write_down(&app).await {
            tracing::warn!(cause = chain(&failure), "the uses of keys could not be stored; trying again");
        }
    }
}

/// Stores what was noted. What cannot be stored stays noted.
///
/// # Errors
/// Those of the database.
pub async fn write_down(app: &App) -> Result<(), Failure> {
    let taken = app.key_uses.take();
    if taken.is_empty() {
        return Ok(());
    }
    let uses: Vec<Use> = taken
        .iter()
        .map(|((workspace_id, id), at)| Use { workspace_id: *workspace_id, id: *id, at: *at })
        .collect();
    let written = app.db.write(move |conn| Ok(api_keys::note_uses(conn, &uses)?)).await;
    if written.is_err() {
        app.key_uses.add(taken);
    }
    written
}
