//! Channels with their secrets, remembered for a moment: a webhook must not cost a query to be
//! verified.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use domain::channel::ChannelKind;
use domain::id::{ChannelId, WorkspaceId};
use persistence::channels::{self, StoredChannel};
use persistence::error::Failure;

use crate::ops::channels::{ChannelSecrets, open};
use crate::state::App;

/// How long a channel is believed without asking the database; a change on this node shows at once.
const TRUSTED_FOR: Duration = Duration::from_secs(1);
/// Beyond this many the forgotten ones are cleared out.
const CLEAR_ABOVE: usize = 10_000;

/// A channel with its secrets.
pub struct KnownChannel {
    /// The channel.
    pub channel: StoredChannel,
    /// Its secrets, decrypted.
    pub secrets: ChannelSecrets,
}

type Account = (WorkspaceId, ChannelKind, String);

#[derive(Default)]
struct Known {
    by_id: HashMap<ChannelId, (Instant, Option<Arc<KnownChannel>>)>,
    by_account: HashMap<Account, (Instant, Option<ChannelId>)>,
}

/// Channels by id and by account.
#[derive(Clone, Default)]
pub struct KnownChannels(Arc<RwLock<Known>>);

impl KnownChannels {
    /// The channel with this id, of whichever tenant.
    ///
    /// # Errors
    /// Those of the database; if its secrets cannot be decrypted.
    pub async fn get(&self, app: &App, id: ChannelId) -> Result<Option<Arc<KnownChannel>>, Failure> {
        if let Some(known) = self.fresh(|known| known.by_id.get(&id).cloned()) {
            return Ok(known);
        }
        let read = Instant::now();
        let found = app.db.read(move |conn| Ok(channels::by_webhook(conn, id)?)).await?;
        let found = match found {
            Some(channel) => Some(Arc::new(KnownChannel { secrets: open(app, &channel)?, channel })),
            None => None,
        };
        self.change(|known| {
            known.by_id.insert(id, (read, found.clone()));
        });
        Ok(found)
    }

    /// The channel of a tenant with this account at the provider.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn by_account(
        &self,
        app: &App,
        workspace: WorkspaceId,
        kind: ChannelKind,
        account: &str,
    ) -> Result<Option<ChannelId>, Failure> {
        let key: Account = (workspace, kind, account.to_owned());
        if let Some(known) = self.fresh(|known| known.by_account.get(&key).copied()) {
            return Ok(known);
        }
        let read = Instant::now();
        let account = account.to_owned();
        let found =
            app.db.read(move |conn| Ok(channels::by_account(conn, workspace, kind, account)?)).await?;
        let id = found.map(|channel| channel.id);
        self.change(|known| {
            known.by_account.insert(key, (read, id));
        });
        Ok(id)
    }

    /// Forgets a channel that was changed.
    pub fn forget(&self, id: ChannelId) {
        self.change(|known| {
            known.by_id.remove(&id);
        });
    }

    fn fresh<T>(&self, get: impl FnOnce(&Known) -> Option<(Instant, T)>) -> Option<T> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        get(&known).filter(|(read, _)| read.elapsed() < TRUSTED_FOR).map(|(_, found)| found)
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if known.by_id.len() > CLEAR_ABOVE || known.by_account.len() > CLEAR_ABOVE {
            known.by_id.retain(|_, (read, _)| read.elapsed() < TRUSTED_FOR);
            known.by_account.retain(|_, (read, _)| read.elapsed() < TRUSTED_FOR);
        }
        change(&mut known);
    }
}
