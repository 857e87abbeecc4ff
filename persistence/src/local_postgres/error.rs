//! What can go wrong with the embedded server, told to the person who started it.

use std::io;
use std::path::PathBuf;

/// Why the embedded PostgreSQL could not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum LocalPostgresError {
    /// No folder with `initdb`, `postgres` and `pg_ctl` was found.
    #[error("PostgreSQL's server programs were not found. {install}")]
    MissingBinaries {
        /// The sentence with the command that installs them.
        install: String,
    },
    /// Servers were found, all of them too old.
    #[error("PostgreSQL {found} in {} is too old: version {needed} or newer is needed. {install}", .folder.display())]
    TooOld {
        /// Major version of the newest server found.
        found: u32,
        /// Where it was found.
        folder: PathBuf,
        /// The oldest major version that works.
        needed: u32,
        /// The sentence with the command that installs a newer one.
        install: String,
    },
    /// The cluster on disk needs a server of another major version.
    #[error(
        "{} was made by PostgreSQL {cluster}, and no server of that version was found (found: {found}). \
         Install PostgreSQL {cluster}, or move the data with pg_upgrade or pg_dump",
        .folder.display()
    )]
    OtherVersion {
        /// The cluster's folder.
        folder: PathBuf,
        /// The major version that made it.
        cluster: u32,
        /// The versions found, for people.
        found: String,
    },
    /// Another process runs a server on this folder.
    #[error(
        "{} is already in use by another Tanggap ({}). One folder serves one process: stop the other one, \
         choose another folder, or let both use one PostgreSQL through DATABASE_URL",
        .folder.display(),
        .pid.map_or_else(|| "process unknown".to_owned(), |pid| format!("process {pid}"))
    )]
    AlreadyInUse {
        /// The folder both want.
        folder: PathBuf,
        /// The process that has it.
        pid: Option<u32>,
    },
    /// The unprivileged user the server runs as cannot reach the data folder.
    #[error(
        "PostgreSQL does not run as root, and the user `{user}` it runs as instead may not pass {}. \
         Choose a data folder it can reach, such as /var/lib/tanggap",
        .folder.display()
    )]
    Unreachable {
        /// The user that was to run the server.
        user: String,
        /// The first folder on the way that keeps it out.
        folder: PathBuf,
    },
    /// The folder belongs to another user.
    #[error("{} belongs to user id {owner}, and this process runs as user id {us}", .folder.display())]
    ForeignFolder {
        /// The folder.
        folder: PathBuf,
        /// Whose it is.
        owner: u32,
        /// Who we are.
        us: u32,
    },
    /// The cluster folder holds something that is not a finished cluster.
    #[error("{} exists and is not a PostgreSQL cluster", .0.display())]
    NotACluster(PathBuf),
    /// `initdb` failed.
    #[error("initdb could not create a cluster in {}:\n{output}", .folder.display())]
    Init {
        /// Where it tried.
        folder: PathBuf,
        /// What it printed.
        output: String,
    },
    /// The server ended, or did not answer in time.
    #[error("PostgreSQL did not start: {reason}. The end of {}:\n{log_tail}", .log.display())]
    NotReady {
        /// What was seen.
        reason: String,
        /// The server's log file.
        log: PathBuf,
        /// Its last lines.
        log_tail: String,
    },
    /// A server left behind by a killed process did not end.
    #[error("a PostgreSQL left behind on {} (process {pid}) did not stop", .folder.display())]
    LeftBehind {
        /// The cluster's folder.
        folder: PathBuf,
        /// The server's process.
        pid: u32,
    },
    /// The server runs, but refused a statement of ours.
    #[error("PostgreSQL refused: {0}")]
    Database(String),
    /// The operating system refused something.
    #[error("{what}")]
    Io {
        /// What was being done.
        what: String,
        /// The system's answer.
        source: io::Error,
    },
}

/// Adds what was being done to an error of the operating system.
pub(super) fn doing(what: impl Into<String>) -> impl FnOnce(io::Error) -> LocalPostgresError {
    let what = what.into();
    move |source| LocalPostgresError::Io { what, source }
}
