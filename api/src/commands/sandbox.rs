use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::Failed;
use crate::clock::Clock;
use crate::sandbox::{self, SandboxConfig};

/// Start stand-ins for the Graph API and the Telegram Bot API.
#[derive(Debug, Args)]
pub struct Sandbox {
    /// Address of the stand-ins and of their control API.
    #[arg(long, env = "TANGGAP_SANDBOX_LISTEN", default_value = "127.0.0.1:8090")]
    listen: SocketAddr,
}

impl Sandbox {
    /// Plays the providers until Ctrl-C.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub async fn run(self) -> Result<(), Failed> {
        sandbox::run(config(self.listen)).await?;
        Ok(())
    }
}

/// A sandbox by the system's clock.
pub(super) fn config(listen: SocketAddr) -> SandboxConfig {
    let clock = Clock::system();
    SandboxConfig { listen, clock: Arc::new(move || clock.now()), webhook_timeout: Duration::from_secs(10) }
}
