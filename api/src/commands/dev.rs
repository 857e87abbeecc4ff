use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use url::Url;

use super::options::{DatabaseOptions, ServerOptions};
use super::{Failed, demo, migrate, sandbox, told_to_stop};
use crate::auth::keys::Keys;
use crate::clock::Clock;
use crate::sandbox::Sandbox;
use crate::server::Server;

const OPERATOR_KEY: &str = "demo-operator-key";

/// Start everything with demo data.
#[derive(Debug, Args)]
pub struct Dev {
    #[command(flatten)]
    database: DatabaseOptions,
    #[command(flatten)]
    server: ServerOptions,
    /// Address of the providers' stand-ins.
    #[arg(long, env = "TANGGAP_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    sandbox_listen: SocketAddr,
    /// Encrypts the providers' secrets and signs tokens; unset: one is made and kept in the data folder.
    #[arg(long, env = "TANGGAP_SECRET_KEY", hide_env_values = true)]
    secret_key: Option<String>,
}

impl Dev {
    /// Runs until Ctrl-C or SIGTERM.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub async fn run(mut self) -> Result<(), Failed> {
        let database = self.database.open().await?;
        let outcome = self.run_on(database.url.clone()).await;
        database.close().await?;
        outcome
    }

    async fn run_on(&mut self, database_url: String) -> Result<(), Failed> {
        migrate::up(database_url.clone()).await?;
        let secret = match &self.secret_key {
            Some(secret) => secret.clone(),
            None => kept_secret(&self.database.data_dir)?,
        };
        let sandbox = Sandbox::start(sandbox::config(self.sandbox_listen))
            .await
            .map_err(|error| format!("the sandbox cannot listen on {}: {error}", self.sandbox_listen))?;
        let base = Url::parse(&sandbox.base_url())?;
        self.server.graph_url = base.clone();
        self.server.telegram_url = base;
        self.server.operator_key.get_or_insert_with(|| OPERATOR_KEY.to_owned());
        if self.server.cors_origins.is_empty() {
            self.server.cors_origins.push("*".to_owned());
        }
        // The sandbox, which customers' files come from, is on this machine.
        let allowed = std::mem::take(&mut self.server.private_ranges_allowed);
        self.server.private_ranges_allowed = allowed.and_loopback();
        let settings = self.server.settings(&self.database.data_dir, database_url);
        let keys = Keys::from_secret(&secret)?;
        let server = Server::start(settings, keys, Clock::system(), self.server.workers).await?;
        demo::prepare(&server.app, server.addr, &sandbox).await?;
        demo::explain(server.addr, &sandbox);
        told_to_stop().await?;
        server.stop().await;
        sandbox.stop().await;
        Ok(())
    }
}

/// The secret in the data folder, made on first use and readable by nobody else.
fn kept_secret(data_dir: &Path) -> Result<String, Failed> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let path = data_dir.join("secret.key");
    match std::fs::read_to_string(&path) {
        Ok(secret) => Ok(secret),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            std::fs::create_dir_all(data_dir)?;
            let secret = hex::encode(rand::random::<[u8; 32]>());
            // Written beside and renamed: a half-written key would lock the data up.
            let partial = data_dir.join("secret.key.partial");
            let _ = std::fs::remove_file(&partial);
            let mut file =
                std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial)?;
            file.write_all(secret.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&partial, &path)?;
            Ok(secret)
        }
        Err(error) => Err(error.into()),
    }
}
