//! What the stream needs of the rest of the server, so that it can be tested without a database.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::access::Facts;
use domain::actor::{Actor, Credential};
use domain::id::{ConversationId, WorkspaceId};
use persistence::error::{Failure, StoreError};
use persistence::{api_keys, conversations, events, sign_ins};
use uuid::Uuid;

use super::event::LogEvent;
use super::protocol::CloseCode;
use crate::auth::credentials::{Denied, authenticate, look_up};
use crate::state::App;

/// How long an ended credential is looked for: longer than an outage of the database that nobody
/// notices, and than the clocks of two nodes may be apart.
const ENDED_WITHIN_SECONDS: i64 = 10;

/// Which part of a log is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The number of the oldest event; one past `head` if none is kept.
    pub oldest: i64,
    /// The number of the newest event.
    pub head: i64,
}

/// What happened anywhere, on whichever node.
#[derive(Debug, Clone, Default)]
pub struct News {
    /// How far the logs are.
    pub heads: Vec<(WorkspaceId, i64)>,
    /// Credentials that ended a moment ago.
    pub ended: Vec<Credential>,
}

/// Somebody with a good token or key.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Who.
    pub actor: Arc<Actor>,
    /// How long it is still good; zero within the leeway after its end, none without one.
    pub lifetime: Option<Duration>,
}

/// The log, and who may read it.
pub trait Backend: Clone + Send + Sync + 'static {
    /// The life of the log.
    fn epoch(&self) -> Uuid;

    /// Events after `after`, oldest first, at most `limit`.
    fn read(
        &self,
        workspace: WorkspaceId,
        after: i64,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Arc<LogEvent>>, Failure>> + Send;

    /// Which part of the log is kept.
    fn bounds(&self, workspace: WorkspaceId) -> impl Future<Output = Result<Bounds, Failure>> + Send;

    /// What happened in these workspaces, and which credentials have ended.
    fn news(&self, workspaces: Vec<WorkspaceId>) -> impl Future<Output = Result<News, Failure>> + Send;

    /// The members who act by these credentials; those that have ended are left out.
    fn actors(
        &self,
        keys: Vec<(WorkspaceId, Credential)>,
    ) -> impl Future<Output = Result<Vec<Actor>, Failure>> + Send;

    /// Whose token or key this is. The error says how to close.
    fn admit(&self, token: &str) -> impl Future<Output = Result<Admitted, CloseCode>> + Send;

    /// Counts a call of this credential; `false` if it had none left.
    fn count_call(&self, credential: Credential) -> bool;

    /// What decides who sees a conversation; `None` if there is none.
    fn facts(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> impl Future<Output = Result<Option<Facts>, Failure>> + Send;

    /// Shows the customer of a conversation that somebody is writing. Nobody waits for it.
    fn show_typing(&self, workspace: WorkspaceId, conversation: ConversationId);
}

/// How a connection ends when the database did not do its part.
#[must_use]
pub fn close_code(failure: &Failure) -> CloseCode {
    match failure {
        Failure::Store(
            StoreError::Away(_) | StoreError::Busy | StoreError::Late | StoreError::RunAgain(_),
        ) => CloseCode::Unavailable,
        Failure::Refused(_) | Failure::Store(_) => CloseCode::Internal,
    }
}

impl Backend for App {
    fn epoch(&self) -> Uuid {
        self.epoch
    }

    async fn read(
        &self,
        workspace: WorkspaceId,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Arc<LogEvent>>, Failure> {
        let found = self.db.read(move |conn| Ok(events::read(conn, workspace, after, limit)?)).await?;
        Ok(found.into_iter().map(|event| Arc::new(event.into())).collect())
    }

    async fn bounds(&self, workspace: WorkspaceId) -> Result<Bounds, Failure> {
        self.db
            .read(move |conn| {
                // The oldest first: forgetting in between moves it up, and the reader finds the gap.
                let oldest = events::oldest(conn, workspace)?;
                Ok(Bounds { oldest, head: events::head(conn, workspace)? })
            })
            .await
    }

    async fn news(&self, workspaces: Vec<WorkspaceId>) -> Result<News, Failure> {
        let since = self.clock.now().plus(TimeDelta::seconds(-ENDED_WITHIN_SECONDS));
        let news = self
            .db
            .read(move |conn| {
                let heads = if workspaces.is_empty() { Vec::new() } else { events::heads(conn, workspaces)? };
                let sign_ins = sign_ins::revoked_since(conn, since)?.into_iter().map(Credential::SignIn);
                let keys = api_keys::revoked_since(conn, since)?.into_iter().map(Credential::ApiKey);
                Ok(News { heads, ended: sign_ins.chain(keys).collect() })
            })
            .await?;
        for credential in &news.ended {
            self.actors.forget(*credential);
        }
        Ok(news)
    }

    async fn actors(&self, keys: Vec<(WorkspaceId, Credential)>) -> Result<Vec<Actor>, Failure> {
        let (found, now) = (look_up(self, keys).await?, self.clock.now());
        // Whoever is asked for has a connection open, which is a use of its key for as long as it is.
        found.iter().for_each(|known| self.key_uses.note(&known.actor, now));
        Ok(found.into_iter().map(|known| Arc::unwrap_or_clone(known.actor)).collect())
    }

    async fn admit(&self, token: &str) -> Result<Admitted, CloseCode> {
        let shown = authenticate(self, token).await.map_err(|denied| match denied {
            Denied::Invalid | Denied::Expired => CloseCode::Unauthenticated,
            Denied::Ended => CloseCode::Revoked,
            Denied::Failed(failure) => close_code(&failure),
        })?;
        let now = self.clock.now();
        let lifetime = shown.until.map(|until| until.since(now).to_std().unwrap_or_default());
        self.saw(&shown.actor);
        Ok(Admitted { actor: shown.actor, lifetime })
    }

    fn count_call(&self, credential: Credential) -> bool {
        self.rate_limits.count(credential).is_none_or(|allowance| allowance.refusal().is_none())
    }

    async fn facts(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> Result<Option<Facts>, Failure> {
        let now = self.clock.now();
        let shape =
            self.db.read(move |conn| Ok(conversations::shape(conn, workspace, conversation, now)?)).await?;
        Ok(shape.as_ref().map(Facts::from))
    }

    fn show_typing(&self, workspace: WorkspaceId, conversation: ConversationId) {
        Self::show_typing(self, workspace, conversation);
    }
}
