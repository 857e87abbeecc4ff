//! What the stream needs of the rest of the server, so that it can be tested without a database.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use domain::access::Facts;
use domain::actor::{Actor, Credential};
use domain::id::{ConversationId, WorkspaceId};
use persistence::error::{Failure, StoreError};
use persistence::{agents, conversations, events, sign_ins};
use uuid::Uuid;

use super::event::LogEvent;
use super::protocol::CloseCode;
use crate::auth::access_token;
use crate::state::App;

/// How long an ended sign-in is looked for: longer than an outage of the database that nobody
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

/// Somebody with a good token.
#[derive(Debug, Clone)]
pub struct Admitted {
    /// Who.
    pub actor: Arc<Actor>,
    /// How long the token is still good; zero within the leeway after its end.
    pub lifetime: Duration,
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

    /// Whose token this is. The error says how to close.
    fn admit(&self, token: &str) -> impl Future<Output = Result<Admitted, CloseCode>> + Send;

    /// What decides who sees a conversation; `None` if there is none.
    fn facts(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> impl Future<Output = Result<Option<Facts>, Failure>> + Send;
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
                let ended = sign_ins::revoked_since(conn, since)?;
                Ok(News { heads, ended: ended.into_iter().map(Credential::SignIn).collect() })
            })
            .await?;
        for credential in &news.ended {
            self.actors.forget(*credential);
        }
        Ok(news)
    }

    async fn actors(&self, keys: Vec<(WorkspaceId, Credential)>) -> Result<Vec<Actor>, Failure> {
        let (now, read, asked) = (self.clock.now(), Instant::now(), keys.clone());
        let sign_ins = keys.into_iter().filter_map(|(workspace, credential)| match credential {
            Credential::SignIn(id) => Some((workspace, id)),
            Credential::ApiKey(_) => None,
        });
        let sign_ins: Vec<_> = sign_ins.collect();
        let found = self.db.read(move |conn| Ok(agents::actors(conn, sign_ins, now)?)).await?;
        // Who is told to load anew must not be answered by what was known of it before.
        for (_, credential) in asked {
            match found.iter().find(|actor| actor.credential() == credential) {
                Some(actor) => self.actors.remember(read, Arc::new(actor.clone())),
                None => self.actors.forget(credential),
            }
        }
        Ok(found)
    }

    async fn admit(&self, token: &str) -> Result<Admitted, CloseCode> {
        let now = self.clock.now();
        let claims = access_token::verify(&self.keys, token, now).map_err(|_| CloseCode::Unauthenticated)?;
        let left = claims.exp.saturating_sub(now.unix_seconds());
        let lifetime = Duration::from_secs(u64::try_from(left).unwrap_or(0));
        let known = self
            .actors
            .get(Credential::SignIn(claims.sign_in_id))
            .filter(|actor| access_token::is_of(&claims, actor));
        if let Some(actor) = known {
            self.saw(&actor);
            return Ok(Admitted { actor, lifetime });
        }
        let read = Instant::now();
        let (workspace, sign_in) = (claims.workspace_id, claims.sign_in_id);
        let found = self.db.read(move |conn| Ok(agents::actor(conn, workspace, sign_in, now)?)).await;
        let actor = found.map_err(|failure| close_code(&failure))?.ok_or(CloseCode::Revoked)?;
        if !access_token::is_of(&claims, &actor) {
            return Err(CloseCode::Unauthenticated);
        }
        let actor = Arc::new(actor);
        self.actors.remember(read, actor.clone());
        self.saw(&actor);
        Ok(Admitted { actor, lifetime })
    }

    async fn facts(
        &self,
        workspace: WorkspaceId,
        conversation: ConversationId,
    ) -> Result<Option<Facts>, Failure> {
        let now = self.clock.now();
        let shape =
            self.db.read(move |conn| Ok(conversations::shape(conn, workspace, conversation, now)?)).await?;
        Ok(shape.map(|shape| Facts {
            channel: shape.channel.id,
            assignee: shape.assignee.map(|assignee| assignee.id),
            division: shape.division.map(|division| division.id),
        }))
    }
}
