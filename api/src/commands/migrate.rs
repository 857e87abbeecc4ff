use clap::Args;
use persistence::migrate::migrate;

use super::Failed;
use super::options::DatabaseOptions;
use crate::clock::Clock;

/// Bring the database to this version.
#[derive(Debug, Args)]
pub struct Migrate {
    #[command(flatten)]
    database: DatabaseOptions,
}

impl Migrate {
    /// Runs what has not been run, and says what.
    ///
    /// # Errors
    /// If the database does not answer or a migration fails; the migration is rolled back.
    pub async fn run(self) -> Result<(), Failed> {
        let database = self.database.open().await?;
        let run = up(database.url.clone()).await?;
        match run.as_slice() {
            [] => tracing::info!("the database is at this version already"),
            names => {
                tracing::info!(migrations = names.join(", "), "the database was brought to this version")
            }
        }
        database.close().await
    }
}

/// Migrates on a thread of its own.
pub(super) async fn up(url: String) -> Result<Vec<String>, Failed> {
    let epoch = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
    let now = Clock::system().now();
    Ok(tokio::task::spawn_blocking(move || migrate(&url, epoch, now)).await??)
}
