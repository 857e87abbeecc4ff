//! A PostgreSQL of our own under the data folder, for whoever has none.
//!
//! ```text
//! {data}/postgres/               mode 700, the server's user
//!   owner.lock                   held by the Tanggap that runs the server; names its process
//!   cluster/                     PostgreSQL's data, and the unix socket if its path fits
//!   cluster.new-0/               a cluster being made; a leftover is removed
//!   server.log, server.log.old   this run and the one before
//! ```
//!
//! Nothing listens on TCP, and only the server's user and root can reach the socket. Where the socket's path would be
//! longer than the kernel allows, it lies in `{temp}/tanggap-{hash}` instead, mode 700.
//!
//! The server is a child of ours and ends with us. If we are killed, a small shell that waits on a pipe of ours ends it; if
//! that is killed too, the next start does.

mod account;
mod binaries;
mod cluster;
mod error;
mod server;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use diesel::pg::PgConnection;
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::{Connection, RunQueryDsl, sql_query};

use self::account::Account;
use self::binaries::Binaries;
use self::cluster::Layout;
use self::error::doing;
use self::server::Server;

pub use self::binaries::OLDEST_MAJOR;
pub use self::error::LocalPostgresError;

/// How to run the embedded server.
#[derive(Debug, Clone)]
pub struct LocalPostgresOptions {
    /// The folder that holds `postgres/`; made if missing.
    pub data_dir: PathBuf,
    /// Whether a commit survives a power cut. Only tests turn it off.
    pub durable: bool,
    /// The server's limit of connections.
    pub max_connections: u32,
    /// How long the server may take until it answers.
    pub start_timeout: Duration,
    /// Whether the end of the server, or of this process, removes `{data_dir}/postgres`. For tests.
    pub discard_on_stop: bool,
    /// The only folders to look for the server's programs in; `None` looks in the usual places.
    pub binary_folders: Option<Vec<PathBuf>>,
}

impl LocalPostgresOptions {
    /// A server that keeps what it is given.
    #[must_use]
    pub fn durable(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            durable: true,
            max_connections: 100,
            start_timeout: Duration::from_secs(60),
            discard_on_stop: false,
            binary_folders: None,
        }
    }

    /// A server for tests: quick, not safe against a power cut, gone with its process.
    #[must_use]
    pub fn throwaway(data_dir: impl Into<PathBuf>) -> Self {
        Self { durable: false, discard_on_stop: true, ..Self::durable(data_dir) }
    }
}

/// A running PostgreSQL. It ends with [`LocalPostgres::stop`], with a drop, or with the process.
#[derive(Debug)]
pub struct LocalPostgres {
    options: LocalPostgresOptions,
    layout: Layout,
    binaries: Binaries,
    account: Account,
    sockets: PathBuf,
    server: Server,
    lock: File,
    stopped: bool,
}

impl LocalPostgres {
    /// Starts the server, after making its cluster on first use. Returns when it takes connections.
    pub fn start(options: LocalPostgresOptions) -> Result<Self, LocalPostgresError> {
        let layout = Layout::prepare(&options.data_dir)?;
        let account = Account::choose(&layout.cluster)?;
        let lock = layout.lock()?;
        let existing = layout.cluster_version()?;
        let binaries = Binaries::find(
            options.binary_folders.as_deref(),
            existing.map(|major| (major, layout.cluster.as_path())),
        )?;
        account.own(&layout.home)?;
        account.check_reach(&binaries.program("postgres"), &layout.home)?;
        if existing.is_none() {
            layout.create_cluster(&binaries, &account, options.durable)?;
        }
        layout.end_left_behind(&binaries, &account)?;
        let sockets = layout.socket_folder(&account)?;
        let server = Server::start(&options, &layout, &binaries, &account, &sockets)?;
        Ok(Self { options, layout, binaries, account, sockets, server, lock, stopped: false })
    }

    /// The address of a database on this server, for libpq and diesel. The database need not exist yet.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        server::url(&self.sockets, database)
    }

    /// Creates a database unless it is there.
    pub fn ensure_database(&self, name: &str) -> Result<(), LocalPostgresError> {
        let mut conn = PgConnection::establish(&self.url("postgres"))
            .map_err(|error| LocalPostgresError::Database(error.to_string()))?;
        match sql_query(format!("CREATE DATABASE \"{}\"", name.replace('"', "\"\""))).execute(&mut conn) {
            Ok(_) => Ok(()),
            Err(error) if is_duplicate_database(&error) => Ok(()),
            Err(error) => Err(LocalPostgresError::Database(error.to_string())),
        }
    }

    /// Another program of the same PostgreSQL, such as `pgbench`; some systems package a few of them apart.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.binaries.program(name)
    }

    /// The process id of the server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Whether the server's process is still there.
    pub fn is_running(&mut self) -> bool {
        self.server.is_running()
    }

    /// Cuts all sessions, lets the server write what it holds, and waits for its end.
    pub fn stop(mut self) -> Result<(), LocalPostgresError> {
        self.shut_down()
    }

    fn shut_down(&mut self) -> Result<(), LocalPostgresError> {
        if self.stopped {
            return Ok(());
        }
        self.stopped = true;
        let discard = self.options.discard_on_stop;
        self.server.stop(&self.binaries, &self.account, discard).map_err(doing("stopping postgres"))?;
        if self.sockets != self.layout.cluster {
            fs::remove_dir_all(&self.sockets).map_err(doing("removing the socket's folder"))?;
        }
        if discard {
            fs::remove_dir_all(&self.layout.home).map_err(doing("removing the cluster"))?;
        }
        // Said outright: a child that another thread is just starting may hold a copy of the file for a moment.
        self.lock.unlock().map_err(doing("giving the folder free"))
    }
}

impl Drop for LocalPostgres {
    fn drop(&mut self) {
        if let Err(error) = self.shut_down() {
            tracing::warn!(%error, "the embedded PostgreSQL did not end cleanly");
        }
    }
}

/// 42P04 (or 23505 when two create it at once) says that somebody was faster, which is fine.
fn is_duplicate_database(error: &DieselError) -> bool {
    match error {
        DieselError::DatabaseError(DatabaseErrorKind::UniqueViolation, _) => true,
        DieselError::DatabaseError(_, info) => info.message().ends_with("already exists"),
        _ => false,
    }
}
