//! Connections: the only place with a pool and with blocking threads.
//!
//! A call waits for a permit on the asynchronous side, enters the blocking pool once with all its
//! work, and has a deadline of its own: a stopped PostgreSQL still acknowledges TCP, and neither
//! r2d2 nor libpq would ever give up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::result::{ConnectionError, Error as DieselError};
use diesel::{Connection, RunQueryDsl, sql_query};
use r2d2::{ManageConnection, Pool};
use tokio::sync::Semaphore;

use crate::error::{Failure, StoreError};
use crate::sql::sql;

/// How many connections, and how long they may take.
#[derive(Debug, Clone)]
pub struct DbSettings {
    /// Connection string or URL of libpq.
    pub url: String,
    /// The name that PostgreSQL's own views show for these connections.
    pub name: &'static str,
    /// The most connections; also the most blocking threads in use for the database.
    pub connections: u32,
    /// How long a call waits for a free connection before it is told that the database is busy.
    pub wait: Duration,
    /// How long a call may take in all.
    pub deadline: Duration,
}

/// Access to the database. Clones share the connections.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool<Manager>,
    generation: Arc<AtomicU64>,
    permits: Arc<Semaphore>,
    settings: DbSettings,
}

struct Pooled {
    connection: PgConnection,
    generation: u64,
    broken: bool,
}

struct Manager {
    settings: DbSettings,
    generation: Arc<AtomicU64>,
}

impl ManageConnection for Manager {
    type Connection = Pooled;
    type Error = ConnectionError;

    fn connect(&self) -> Result<Pooled, ConnectionError> {
        let generation = self.generation.load(Ordering::Acquire);
        let mut connection = PgConnection::establish(&self.settings.url)?;
        // The server stops a statement a little before our own deadline, so that it does not go on
        // working for a caller that was told 503.
        let millis = self.settings.deadline.as_millis().saturating_sub(200).max(100);
        for statement in [
            format!("SET statement_timeout = {millis}"),
            format!("SET idle_in_transaction_session_timeout = {}", millis * 2),
            format!("SET application_name = '{}'", self.settings.name),
            "SET timezone = 'UTC'".to_owned(),
            // Compiling a statement, or calling in more processes for it, takes longer than any of ours.
            "SET jit = off".to_owned(),
            "SET max_parallel_workers_per_gather = 0".to_owned(),
            // Reads see one statement's snapshot; writes lock what they decide on.
            "SET default_transaction_isolation = 'read committed'".to_owned(),
        ] {
            sql_query(statement)
                .execute(&mut connection)
                .map_err(ConnectionError::CouldntSetupConfiguration)?;
        }
        Ok(Pooled { connection, generation, broken: false })
    }

    fn is_valid(&self, _: &mut Pooled) -> Result<(), ConnectionError> {
        Ok(())
    }

    fn has_broken(&self, pooled: &mut Pooled) -> bool {
        pooled.broken || pooled.generation < self.generation.load(Ordering::Acquire)
    }
}

/// Says once per outage, not per attempt of the pool, that no connection can be made.
#[derive(Debug)]
struct Complain;

impl r2d2::HandleError<ConnectionError> for Complain {
    fn handle_error(&self, error: ConnectionError) {
        tracing::debug!(error = %error, "a connection to the database could not be made");
    }
}

impl Db {
    /// Prepares access. Connections are made when needed, so this succeeds while the server is away.
    ///
    /// # Panics
    /// Never for settings with at least one connection.
    #[must_use]
    pub fn new(mut settings: DbSettings) -> Self {
        settings.connections = settings.connections.max(1);
        let generation = Arc::new(AtomicU64::new(0));
        let manager = Manager { settings: settings.clone(), generation: generation.clone() };
        let pool = Pool::builder()
            .max_size(settings.connections)
            .min_idle(Some(1))
            .test_on_check_out(false)
            .connection_timeout(settings.wait)
            .idle_timeout(None)
            .max_lifetime(None)
            .error_handler(Box::new(Complain))
            .build_unchecked(manager);
        let permits = Arc::new(Semaphore::new(settings.connections as usize));
        Self { inner: Arc::new(Inner { pool, generation, permits, settings }) }
    }

    /// How many connections are in use, and how many there may be.
    #[must_use]
    pub fn usage(&self) -> (usize, usize) {
        let all = self.inner.settings.connections as usize;
        (all.saturating_sub(self.inner.permits.available_permits()), all)
    }

    /// Reads. The work sees committed data only, each statement the newest.
    ///
    /// # Errors
    /// What the work answers; `Busy`, `Late` or `Away` if the database does not do its part.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.enter(move |pooled| {
            let outcome = work(&mut pooled.connection);
            if let Err(Failure::Store(error)) = &outcome {
                pooled.broken |= error.connection_is_lost();
            }
            outcome
        })
        .await
    }

    /// Writes: all the work is one transaction, run again (at most five times in all) when it stood
    /// in the way of another. It must have no effect outside the database.
    ///
    /// # Errors
    /// What the work answers, after rolling back; `Busy`, `Late` or `Away` if the database does not
    /// do its part. After `Late` and `Away` the transaction may have been committed.
    pub async fn write<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&mut PgConnection) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        self.enter(move |pooled| {
            let mut attempts = 0;
            loop {
                attempts += 1;
                let outcome = pooled.connection.transaction(&mut work);
                match &outcome {
                    Err(Failure::Store(StoreError::RunAgain(_))) if attempts < 5 => {}
                    Err(Failure::Store(error)) => {
                        pooled.broken |= error.connection_is_lost();
                        return outcome;
                    }
                    _ => return outcome,
                }
            }
        })
        .await
    }

    async fn enter<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Pooled) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, Failure> {
        let settings = &self.inner.settings;
        let permits = self.inner.permits.clone();
        let permit = match tokio::time::timeout(settings.wait, permits.acquire_owned()).await {
            Ok(Ok(permit)) => permit,
            Ok(Err(_)) | Err(_) => return Err(StoreError::Busy.into()),
        };
        let inner = self.inner.clone();
        let thread = tokio::task::spawn_blocking(move || {
            // Held by the thread, not by the caller: a thread that hangs on a stopped server keeps
            // its permit, so that hanging threads are never more than connections.
            let _permit = permit;
            inner.with_connection(work)
        });
        match tokio::time::timeout(settings.deadline, thread).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => {
                let message = format!("the work of a database call ended early: {panic}");
                Err(StoreError::internal(message).into())
            }
            Err(_) => Err(StoreError::Late.into()),
        }
    }
}

/// Reads in several statements that all see the same.
///
/// # Errors
/// What the work answers; those of the database.
pub fn in_one_snapshot<T>(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection) -> Result<T, Failure>,
) -> Result<T, Failure> {
    conn.build_transaction().read_only().repeatable_read().run(work)
}

/// Until the transaction ends, PostgreSQL uses the plans that it keeps and makes none for a single call. For transactions of
/// many small statements, each over a list of ids that it finds by its key whatever it is: planning takes longer than they do.
///
/// # Errors
/// Only those of the database.
pub fn keep_plans(conn: &mut PgConnection) -> Result<(), StoreError> {
    sql("SET LOCAL plan_cache_mode = force_generic_plan").execute(conn)?;
    Ok(())
}

/// The same, and each row is found by its key, and the first of an order by an index in that order, however small a table is
/// taken to be: for tables that are empty at times and large soon after, of which PostgreSQL learns too late.
///
/// # Errors
/// Only those of the database.
pub fn keep_plans_by_key(conn: &mut PgConnection) -> Result<(), StoreError> {
    sql("SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true),
             set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true),
             set_config('enable_sort', 'off', true)")
    .execute(conn)?;
    Ok(())
}

impl Inner {
    fn with_connection<T>(&self, work: impl FnOnce(&mut Pooled) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut pooled = loop {
            let pooled = self.pool.get().map_err(|error| {
                StoreError::Away(DieselError::QueryBuilderError(error.to_string().into()))
            })?;
            // Connections made before the server went away are as dead as the one that noticed.
            if pooled.generation == self.generation.load(Ordering::Acquire) {
                break pooled;
            }
        };
        let outcome = work(&mut pooled);
        if pooled.broken {
            let _ = self.generation.compare_exchange(
                pooled.generation,
                pooled.generation + 1,
                Ordering::AcqRel,
                Ordering::Relaxed,
            );
        }
        outcome
    }
}
