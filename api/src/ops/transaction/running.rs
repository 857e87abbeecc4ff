//! Running a transaction: once more where PostgreSQL asks for it, and what is written and woken at its end.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::id::WorkspaceId;
use persistence::agents::CountsChange;
use persistence::error::Failure;
use persistence::{agents, audit, events, routing, timers};

use super::Tx;
use crate::ops::contact_sight;
use crate::state::App;

/// How long webhooks and routing wait for a change of settings at most.
const ALONE: Duration = Duration::from_secs(1);

impl App {
    /// Does the work in one transaction, appends its events as the last thing before the commit, and
    /// wakes readers and workers after it. The work may run several times, see [`persistence::db::Db::write`].
    ///
    /// # Errors
    /// What the work answers; those of the database.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.write_on(&self.db, work).await
    }

    /// The same for a change of settings or policies. Whoever changes conversations holds them shared, and PostgreSQL lets those
    /// who come pass by one who waits to be alone: under steady traffic there would never be a gap. So what goes on without
    /// a pause on this node, webhooks and routing, makes one.
    ///
    /// # Errors
    /// As [`App::write`].
    pub async fn write_configuration<T: Send + 'static>(
        &self,
        work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let alone = self.configuration_gate.write().await;
        let mut writing = Box::pin(self.write(work));
        // Those before it have long ended by then: nobody waits for what else may hold it up.
        match tokio::time::timeout(ALONE, &mut writing).await {
            Ok(written) => written,
            Err(_) => {
                drop(alone);
                writing.await
            }
        }
    }

    /// The same on other connections than those of requests.
    ///
    /// # Errors
    /// As [`App::write`].
    pub async fn write_on<T: Send + 'static>(
        &self,
        db: &persistence::db::Db,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let (clock, ids) = (self.clock.clone(), self.ids.clone());
        let (done, heads, jobs, routing) = db
            .write(move |conn| {
                let now = clock.now();
                let mut tx = Tx::begin(conn, now, &ids);
                let done = work(&mut tx)?;
                contact_sight::tell(&mut tx)?;
                let (timers, requests) = (tx.wanted_timers(), tx.routing_requests());
                let Tx { conn, events, audit, mut counts, jobs, .. } = tx;
                counts.retain(|_, change| *change != CountsChange::default());
                agents::change_counts(conn, &counts)?;
                let routing = !timers.is_empty() || !requests.is_empty();
                timers::run(conn, &timers)?;
                routing::write_requests(conn, requests)?;
                for entry in audit {
                    audit::insert(conn, entry)?;
                }
                let heads: BTreeMap<WorkspaceId, i64> = events::append(conn, events)?;
                Ok((done, heads, jobs, routing))
            })
            .await?;
        if !heads.is_empty() {
            self.webhooks.something_happened();
        }
        for (workspace, seq) in heads {
            self.hub.reached(workspace, seq);
        }
        if jobs {
            self.jobs.notify_one();
        }
        if routing {
            self.router.notify_one();
        }
        Ok(done)
    }
}
