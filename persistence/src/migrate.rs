//! Brings a database to the schema of this binary.

use diesel::pg::PgConnection;
use diesel::{Connection, RunQueryDsl};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::sql;

/// All of them, compiled in.
pub const MIGRATIONS: EmbeddedMigrations = embed_migrations!("../migrations");

/// The database could not be brought to the schema.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The server did not let us in.
    #[error("no connection to the database could be made: {0}")]
    Connect(#[from] diesel::ConnectionError),
    /// A migration failed; it was rolled back.
    #[error("a migration failed: {0}")]
    Migration(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The installation's row could not be written.
    #[error("the installation could not be set up")]
    Store(#[from] StoreError),
}

/// Runs what has not been run, and gives a new installation its epoch. Answers the names of the
/// migrations run.
///
/// # Errors
/// See [`MigrateError`].
pub fn migrate(url: &str, epoch: Uuid, now: Timestamp) -> Result<Vec<String>, MigrateError> {
    let mut conn = PgConnection::establish(url)?;
    let run = conn.run_pending_migrations(MIGRATIONS).map_err(MigrateError::Migration)?;
    let names = run.iter().map(ToString::to_string).collect();
    sql("INSERT INTO installation (epoch, created_at) VALUES ($1, $2) ON CONFLICT (singleton) DO NOTHING")
        .bind(epoch)
        .bind(now)
        .execute(&mut conn)
        .map_err(StoreError::from)?;
    Ok(names)
}

/// True if every migration of this binary has been run.
///
/// # Errors
/// See [`MigrateError`].
pub fn is_current(url: &str) -> Result<bool, MigrateError> {
    let mut conn = PgConnection::establish(url)?;
    conn.has_pending_migration(MIGRATIONS).map(|pending| !pending).map_err(MigrateError::Migration)
}
