//! What every part of the server shares.

use std::ops::Deref;
use std::sync::Arc;

use domain::actor::{Actor, Credential, Via};
use domain::id::WorkspaceId;
use persistence::db::Db;
use persistence::error::Failure;
use persistence::events;
use persistence::presence::Sighting;
use tokio::sync::{Notify, RwLock};
use uuid::Uuid;

use crate::attachment_store::AttachmentStore;
use crate::auth::actors::Actors;
use crate::auth::attendance::Attendance;
use crate::auth::key_uses::KeyUses;
use crate::auth::keys::Keys;
use crate::channels::ProviderClient;
use crate::channels::known::KnownChannels;
use crate::clock::Clock;
use crate::config::Settings;
use crate::http::rate_limit::RateLimits;
use crate::http::reply::Read;
use crate::ids::Ids;
use crate::mail::Mailer;
use crate::ops::ingest::Ingest;
use crate::outbound_url::GuardedClient;
use crate::stream::hub::Hub;
use crate::typing::Typing;
use crate::webhooks::WebhookWaker;

/// The application. Clones share everything.
#[derive(Clone)]
pub struct App(Arc<Shared>);

/// What the application is made of.
pub struct Shared {
    /// The settings it was started with.
    pub settings: Settings,
    /// The database, for requests.
    pub db: Db,
    /// The database, for `/readyz`: it must not wait for requests, nor they for it.
    pub readiness: Db,
    /// What time it is.
    pub clock: Clock,
    /// New ids.
    pub ids: Ids,
    /// The keys of the installation.
    pub keys: Keys,
    /// Says which log a cursor belongs to.
    pub epoch: Uuid,
    /// Actors seen a moment ago.
    pub actors: Actors,
    /// Uses of keys that are to be written down.
    pub key_uses: KeyUses,
    /// What each credential has left of its calls.
    pub rate_limits: RateLimits,
    /// Members seen lately.
    pub attendance: Attendance,
    /// Channels seen a moment ago, for webhooks and sends.
    pub known_channels: KnownChannels,
    /// The readers of the log on this node.
    pub hub: Hub,
    /// The way in for webhooks.
    pub ingest: Ingest,
    /// Speaks to the providers.
    pub providers: ProviderClient,
    /// Which customers were shown a moment ago that somebody writes.
    pub typing: Typing,
    /// Calls addresses that somebody else names.
    pub guarded: GuardedClient,
    /// The bytes of files.
    pub attachments: AttachmentStore,
    /// Sends mails, if there is a mail server.
    pub mailer: Option<Mailer>,
    /// Wakes the worker: a job was enqueued or has become due.
    pub jobs: Arc<Notify>,
    /// Held shared by what writes without a pause, alone by who changes settings: see [`App::write_configuration`].
    pub configuration_gate: RwLock<()>,
    /// Wakes routing: there is something to look at, or a timer was set.
    pub router: Arc<Notify>,
    /// Wakes who tells the servers of integrators.
    pub webhooks: WebhookWaker,
}

impl App {
    /// Puts the parts together.
    #[must_use]
    pub fn new(shared: Shared) -> Self {
        Self(Arc::new(shared))
    }

    /// Reads in one go, with the place in the log that the data surely contains: the number is read
    /// before the data.
    ///
    /// # Errors
    /// What the work answers; those of the database.
    pub async fn read<T: Send + 'static>(
        &self,
        workspace: WorkspaceId,
        work: impl FnOnce(&mut diesel::PgConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<Read<T>, Failure> {
        self.db
            .read(move |conn| {
                let seq = events::head(conn, workspace)?;
                Ok(Read { seq, data: work(conn)? })
            })
            .await
    }
}

impl App {
    /// A member is here. Programs that act in its name do not make it so.
    pub fn saw(&self, actor: &Actor) {
        if let Via::SignIn(sign_in_id) = actor.via {
            self.attendance.seen(Sighting {
                workspace_id: actor.workspace_id,
                agent_id: actor.agent_id,
                sign_in_id,
                at: self.clock.now(),
            });
        }
    }

    /// Forgets an ended credential at once on this node: its calls are refused and its sockets closed.
    pub fn end_credential(&self, credential: Credential) {
        self.actors.forget(credential);
        self.hub.revoked(credential);
    }
}

impl Deref for App {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}
