//! The server's process: started, waited for, ended, and watched so that it does not outlive us.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::Connection;
use diesel::pg::PgConnection;

use super::LocalPostgresOptions;
use super::account::Account;
use super::binaries::Binaries;
use super::cluster::{Layout, PORT};
use super::error::{LocalPostgresError, doing};

/// Between two looks at whether something has happened.
const PAUSE: Duration = Duration::from_millis(10);
/// How much of the log an error carries.
const LOG_TAIL: u64 = 2_000;

/// Ends the server when our process is gone, even by `kill -9`: the shell reads a pipe that only we hold open.
/// The server is asked to end only while `postmaster.pid` still names it.
const WATCH: &str = r#"
read -r _
IFS= read -r pid 2>/dev/null <"$1/cluster/postmaster.pid" && [ "$pid" = "$2" ] && kill -INT "$2"
[ "$3" = discard ] || exit 0
while [ -e "$1/cluster/postmaster.pid" ] && kill -0 "$2" 2>/dev/null; do sleep 0.1; done
rm -rf -- "$1"
"#;

/// A running server and its watcher.
#[derive(Debug)]
pub(super) struct Server {
    postgres: Child,
    watcher: Child,
}

impl Server {
    /// Starts the server and waits until it takes connections.
    pub(super) fn start(
        options: &LocalPostgresOptions,
        layout: &Layout,
        binaries: &Binaries,
        account: &Account,
        sockets: &Path,
    ) -> Result<Self, LocalPostgresError> {
        let deadline = Instant::now() + options.start_timeout;
        keep_old_log(&layout.log).map_err(doing(format!("renaming {}", layout.log.display())))?;
        loop {
            let mut postgres = spawn(options, layout, binaries, account, sockets)?;
            let watcher = match watch(options, layout, &postgres) {
                Ok(watcher) => watcher,
                Err(error) => {
                    postgres.kill().and_then(|()| postgres.wait()).map_err(doing("ending postgres"))?;
                    return Err(error);
                }
            };
            let mut server = Self { postgres, watcher };
            let Err(reason) = server.wait_until_ready(layout, sockets, deadline) else {
                return Ok(server);
            };
            server.stop(binaries, account, true).map_err(doing("ending postgres"))?;
            let log_tail = tail(&layout.log);
            // Sessions of a killed server need a moment to notice; until then their shared memory is in use.
            if !log_tail.contains("pre-existing shared memory block") || Instant::now() >= deadline {
                return Err(LocalPostgresError::NotReady { reason, log: layout.log.clone(), log_tail });
            }
            sleep(PAUSE * 10);
        }
    }

    /// The server's process id.
    pub(super) fn pid(&self) -> u32 {
        self.postgres.id()
    }

    /// Whether the server's process is there.
    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.postgres.try_wait(), Ok(None))
    }

    /// Ends the server: sessions are cut and a checkpoint is written, or at once if `immediate`.
    pub(super) fn stop(
        &mut self,
        binaries: &Binaries,
        account: &Account,
        immediate: bool,
    ) -> io::Result<ExitStatus> {
        let steps = [("INT", Duration::from_secs(30)), ("QUIT", Duration::from_secs(5))];
        for (signal, patience) in steps.into_iter().skip(usize::from(immediate)) {
            if !self.is_running() {
                break;
            }
            // `pg_ctl kill` needs no `kill` program, which slim images lack. If it fails, the harder step comes.
            let mut kill = account.command(&binaries.program("pg_ctl"), Path::new("/"));
            kill.args(["kill", signal, &self.postgres.id().to_string()]).process_group(0);
            if !kill.output().is_ok_and(|done| done.status.success()) {
                continue;
            }
            let deadline = Instant::now() + patience;
            while self.is_running() && Instant::now() < deadline {
                sleep(PAUSE);
            }
        }
        if self.is_running() {
            self.postgres.kill()?;
        }
        let ended = self.postgres.wait()?;
        self.watcher.kill()?;
        self.watcher.wait()?;
        Ok(ended)
    }

    fn wait_until_ready(&mut self, layout: &Layout, sockets: &Path, deadline: Instant) -> Result<(), String> {
        let url = format!("{}&connect_timeout=5", url(sockets, "postgres"));
        loop {
            if let Ok(Some(ended)) = self.postgres.try_wait() {
                return Err(format!("the server ended ({ended})"));
            }
            // Another server may answer on this socket until ours has noticed it and ended.
            let late = if layout.postmaster_pid() != Some(self.pid()) {
                "it has not taken the folder".to_owned()
            } else {
                match PgConnection::establish(&url) {
                    Ok(_) => return Ok(()),
                    Err(error) => error.to_string(),
                }
            };
            if Instant::now() >= deadline {
                return Err(format!("no connection in time ({late})"));
            }
            sleep(PAUSE);
        }
    }
}

/// The address of a database on the server whose socket lies in `sockets`.
pub(super) fn url(sockets: &Path, database: &str) -> String {
    let host = percent_encoded(sockets.as_os_str().as_encoded_bytes());
    let database = percent_encoded(database.as_bytes());
    format!("postgresql://{}@/{database}?host={host}&port={PORT}", super::cluster::SUPERUSER)
}

fn percent_encoded(bytes: &[u8]) -> String {
    let mut encoded = String::new();
    for byte in bytes {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => encoded.push(char::from(*byte)),
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

fn spawn(
    options: &LocalPostgresOptions,
    layout: &Layout,
    binaries: &Binaries,
    account: &Account,
    sockets: &Path,
) -> Result<Child, LocalPostgresError> {
    let mut command = account.command(&binaries.program("postgres"), &layout.home);
    command.arg("-D").arg(&layout.cluster).arg("-k").arg(sockets);
    for setting in settings(options) {
        command.arg("-c").arg(setting);
    }
    let log = OpenOptions::new()
        .append(true)
        .create(true)
        .open(&layout.log)
        .map_err(doing(format!("opening {}", layout.log.display())))?;
    let again = log.try_clone().map_err(doing("opening the server's log"))?;
    // A group of its own: Ctrl-C in the terminal is for us, and the server ends after we have drained.
    command.stdin(Stdio::null()).stdout(log).stderr(again).process_group(0);
    command.spawn().map_err(doing("starting postgres"))
}

/// What the server is told on its command line, so that no file has to be edited when a default of ours changes.
fn settings(options: &LocalPostgresOptions) -> Vec<String> {
    let durability = if options.durable { "on" } else { "off" };
    let mut settings = vec![
        format!("port={PORT}"),
        format!("max_connections={}", options.max_connections),
        format!("fsync={durability}"),
        format!("synchronous_commit={durability}"),
        format!("full_page_writes={durability}"),
    ];
    let fixed = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "shared_buffers=128MB",
        "timezone=UTC",
        "log_timezone=UTC",
        // Compiling a plan costs more than our short queries do.
        "jit=off",
        // The log keeps starts, stops and crashes. Refused statements carry what customers wrote, and are
        // reported by the code that sent them.
        "logging_collector=off",
        "log_destination=stderr",
        "log_min_messages=log",
        "log_min_error_statement=panic",
        "log_checkpoints=off",
    ];
    settings.extend(fixed.map(str::to_owned));
    if !options.durable {
        settings.extend(
            ["wal_level=minimal", "max_wal_senders=0", "checkpoint_timeout=30min"].map(str::to_owned),
        );
    }
    settings
}

/// Keeps the last run's log as `server.log.old`, so that there are never more than two.
fn keep_old_log(path: &Path) -> io::Result<()> {
    match fs::rename(path, path.with_extension("log.old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn watch(
    options: &LocalPostgresOptions,
    layout: &Layout,
    postgres: &Child,
) -> Result<Child, LocalPostgresError> {
    Command::new("/bin/sh")
        .args(["-c", WATCH, "tanggap-watch"])
        .arg(&layout.home)
        .arg(postgres.id().to_string())
        .arg(if options.discard_on_stop { "discard" } else { "keep" })
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .map_err(doing("starting the server's watcher"))
}

fn tail(path: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(LOG_TAIL)))?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    read().unwrap_or_else(|error| format!("(not readable: {error})"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::url;

    #[test]
    fn a_url_survives_odd_folders() {
        assert_eq!(
            url(Path::new("/srv/my data/é"), "app"),
            "postgresql://postgres@/app?host=%2Fsrv%2Fmy%20data%2F%C3%A9&port=5432"
        );
    }
}
