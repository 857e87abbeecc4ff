use clap::Args;

use super::options::{DatabaseOptions, ServerOptions};
use super::{Failed, told_to_stop};
use crate::auth::keys::Keys;
use crate::clock::Clock;
use crate::server::Server;

/// Start the API and its workers.
#[derive(Debug, Args)]
pub struct Serve {
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    server: ServerOptions,
    /// Encrypts the providers' secrets and signs tokens: at least 32 bytes. `openssl rand -hex 32` makes one.
    #[arg(long, env = "TANGGAP_SECRET_KEY", hide_env_values = true)]
    secret_key: String,
}

impl Serve {
    /// Serves until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub async fn run(self) -> Result<(), Failed> {
        let keys = Keys::from_secret(&self.secret_key)?;
        let database = self.database.open().await?;
        let settings = self.server.settings(&self.database.data_dir, database.url.clone());
        let server = Server::start(settings, keys, Clock::system(), self.server.workers).await?;
        tracing::info!(address = %server.addr, embedded_database = database.is_embedded(), "ready");
        told_to_stop().await?;
        tracing::info!("stopping: streams are told, requests under way finish");
        server.stop().await;
        database.close().await
    }
}
