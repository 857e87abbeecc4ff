//! What the binary can be told to do.

mod admin;
mod demo;
mod dev;
mod documents;
mod migrate;
mod options;
mod sandbox;
mod serve;

use clap::{Parser, Subcommand};

pub use options::{DatabaseOptions, LogOptions, ServerOptions};

/// A headless customer-chat backend.
#[derive(Debug, Parser)]
#[command(name = "tanggap", version, about)]
pub struct Cli {
    #[command(flatten)]
    log: LogOptions,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start everything with demo data: an own PostgreSQL, the providers' sandbox, the API.
    Dev(dev::Dev),
    /// Start the API and its workers.
    Serve(serve::Serve),
    /// Bring the database to this version.
    Migrate(migrate::Migrate),
    /// Write openapi/openapi.json and openapi/asyncapi.yaml.
    Openapi(documents::Openapi),
    /// Start stand-ins for the Graph API and the Telegram Bot API.
    Sandbox(sandbox::Sandbox),
    /// What an operator does by hand.
    Admin(admin::Admin),
}

/// An error with everything that led to it: `main` prints it whole.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

impl Cli {
    /// Does it.
    ///
    /// # Errors
    /// Whatever stops it, to be told to the person at the terminal.
    pub async fn run(self) -> Result<(), Failed> {
        match self.command {
            Command::Openapi(command) => command.run(),
            command => {
                self.log.start();
                match command {
                    Command::Dev(command) => command.run().await,
                    Command::Serve(command) => command.run().await,
                    Command::Migrate(command) => command.run().await,
                    Command::Sandbox(command) => command.run().await,
                    Command::Admin(command) => command.run().await,
                    Command::Openapi(command) => command.run(),
                }
            }
        }
    }
}

/// Waits for Ctrl-C or SIGTERM.
async fn told_to_stop() -> Result<(), Failed> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        done = tokio::signal::ctrl_c() => done?,
        _ = terminate.recv() => {}
    }
    Ok(())
}
