//! The real binary as a child process: started, watched, signalled and killed.

use std::env;
use std::fs::{self, OpenOptions};
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio, exit};
use std::time::{Duration, Instant};

use api::commands::Cli;
use clap::Parser;
use serde_json::{Value, json};

use crate::wire::{Answer, Connection, request};

/// Bearer of `POST /v1/workspaces` of every server started here.
pub const OPERATOR_KEY: &str = "operator-key-of-the-tests";
/// Tells a copy of a test binary which sub-command of `tanggap` it is to be.
const PART: &str = "TANGGAP_TEST_PART";
/// Signs the tokens of every server started here.
const SECRET_KEY: &str = "a-secret-key-for-tests-that-is-long-enough";

/// Anything that keeps a step from being taken.
pub type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What is started.
#[derive(Debug, Clone)]
enum Program {
    Binary(PathBuf),
    /// A copy of the running test binary, which contains all of Tanggap and is never older than the test.
    /// It runs only the test of this name, and that calls [`play_tanggap`].
    Test(PathBuf, &'static str),
}

/// How to start a server.
#[derive(Debug, Clone)]
pub struct Launch {
    program: Program,
    database_url: String,
    log: PathBuf,
    /// Where it is to listen.
    pub addr: SocketAddr,
    environment: Vec<(String, String)>,
}

/// A running server. It is killed when dropped.
#[derive(Debug)]
pub struct Tanggap {
    child: Child,
    /// Where it listens.
    pub addr: SocketAddr,
}

impl Launch {
    /// The binary `tanggap` beside the running one, on a database and on a port that is free now. It logs to
    /// `tanggap.log` in `folder`.
    ///
    /// # Errors
    /// If the binary is not there.
    pub fn binary(folder: &Path, database_url: String) -> Result<Self, Failed> {
        Self::new(Program::Binary(beside_us()?), folder, database_url)
    }

    /// The same by a copy of the running test binary, in which the test `name` calls [`play_tanggap`].
    ///
    /// # Errors
    /// If there is no free port.
    pub fn test(name: &'static str, folder: &Path, database_url: String) -> Result<Self, Failed> {
        Self::new(Program::Test(env::current_exe()?, name), folder, database_url)
    }

    fn new(program: Program, folder: &Path, database_url: String) -> Result<Self, Failed> {
        let addr = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        Ok(Self { program, database_url, log: folder.join("tanggap.log"), addr, environment: Vec::new() })
    }

    /// Sets a setting by its variable.
    #[must_use]
    pub fn with(mut self, variable: &str, value: impl Into<String>) -> Self {
        self.environment.push((variable.to_owned(), value.into()));
        self
    }

    /// Brings the database to this version.
    ///
    /// # Errors
    /// If that fails.
    pub fn migrate(&self) -> Result<(), Failed> {
        let done = self.command("migrate")?.status()?;
        if done.success() { Ok(()) } else { Err(self.explain("the migration failed").into()) }
    }

    /// Starts the server and does not wait.
    ///
    /// # Errors
    /// If the binary cannot be run.
    pub fn spawn(&self) -> Result<Tanggap, Failed> {
        let child = self.command("serve")?.spawn()?;
        Ok(Tanggap { child, addr: self.addr })
    }

    /// Starts the server and waits until it is ready.
    ///
    /// # Errors
    /// If it ends, or is not ready in time.
    pub async fn start(&self) -> Result<Tanggap, Failed> {
        let mut server = self.spawn()?;
        match server.until_ready(Duration::from_secs(60)).await {
            Ok(()) => Ok(server),
            Err(reason) => Err(self.explain(&reason.to_string()).into()),
        }
    }

    fn command(&self, what: &str) -> Result<Command, Failed> {
        let mut command = match &self.program {
            Program::Binary(path) => Command::new(path),
            Program::Test(path, _) => Command::new(path),
        };
        for (name, _) in env::vars_os() {
            if name.as_encoded_bytes().starts_with(b"TANGGAP_") {
                command.env_remove(name);
            }
        }
        match &self.program {
            Program::Binary(_) => command.arg(what),
            Program::Test(_, name) => command.args(["--exact", name, "--nocapture"]).env(PART, what),
        };
        let log = OpenOptions::new().append(true).create(true).open(&self.log)?;
        command
            .env("DATABASE_URL", &self.database_url)
            .env("TANGGAP_DATA_DIR", self.log.with_file_name("data"))
            .env("TANGGAP_LOG", "warn");
        if what == "serve" {
            command
                .env("TANGGAP_LISTEN", self.addr.to_string())
                .env("TANGGAP_OPERATOR_KEY", OPERATOR_KEY)
                // Traffic and measurements go as fast as they can.
                .env("TANGGAP_RATE_LIMIT", "0")
                .env("TANGGAP_SECRET_KEY", SECRET_KEY);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        Ok(command)
    }

    fn explain(&self, reason: &str) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let from = log.char_indices().rev().nth(2000).map_or(0, |(at, _)| at);
        format!("{reason}; the server's log ends with:\n{}", &log[from..])
    }
}

impl Tanggap {
    /// The id of its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until `/readyz` answers 200.
    ///
    /// # Errors
    /// If the process ends, or the time is over.
    pub async fn until_ready(&mut self, patience: Duration) -> Result<(), Failed> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(ended) = self.child.try_wait()? {
                return Err(format!("the server ended ({ended})").into());
            }
            match get(self.addr, "/readyz").await {
                Ok(answer) if answer.status == 200 => return Ok(()),
                other if Instant::now() >= deadline => {
                    return Err(format!("the server is not ready: {other:?}").into());
                }
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
        }
    }

    /// Ends it as `kill -9` does, and waits for its end.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn kill(mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }

    /// How long the process has kept a core busy so far; zero where the system does not tell. Unlike rates,
    /// it hardly depends on what else the machine does.
    #[must_use]
    pub fn busy(&self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid())).unwrap_or_default();
        // After the name, which may contain anything: user and system time are fields 14 and 15 of all.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields).split_whitespace();
        let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
        // Linux counts in hundredths for everybody, whatever the kernel's own tick is.
        Duration::from_millis(ticks * 10)
    }

    /// What the process holds of the machine's memory, in bytes.
    ///
    /// # Errors
    /// If `ps` does not tell.
    pub fn resident_bytes(&self) -> Result<u64, Failed> {
        let printed = Command::new("ps").args(["-o", "rss=", "-p", &self.pid().to_string()]).output()?;
        Ok(String::from_utf8(printed.stdout)?.trim().parse::<u64>()? * 1024)
    }
}

impl Drop for Tanggap {
    fn drop(&mut self) {
        // Either may fail because the process has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends a signal to a process, named as for `kill`.
///
/// # Errors
/// If there is no such process.
pub fn signal(pid: u32, name: &str) -> Result<(), Failed> {
    let done = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status()?;
    if done.success() { Ok(()) } else { Err(format!("process {pid} did not take {name}").into()) }
}

/// One `GET` on a connection of its own, without credentials.
///
/// # Errors
/// If nobody answers.
pub async fn get(addr: SocketAddr, path: &str) -> io::Result<Answer> {
    Connection::open(addr).await?.call(&request("GET", path, &[], b"")).await
}

/// One call with a bearer, on a connection of its own.
///
/// # Errors
/// If nobody answers.
pub async fn call(
    addr: SocketAddr,
    method: &str,
    path: &str,
    bearer: &str,
    body: &Value,
) -> io::Result<Answer> {
    let authorization = format!("Bearer {bearer}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = request(method, path, &[("authorization", &authorization)], body.as_bytes());
    Connection::open(addr).await?.call(&request).await
}

/// As [`call`], of which a 2xx is expected.
///
/// # Errors
/// If nobody answers, or with another status.
pub async fn demand(
    addr: SocketAddr,
    method: &str,
    path: &str,
    bearer: &str,
    body: &Value,
) -> Result<Value, Failed> {
    let answer = call(addr, method, path, bearer, body).await?;
    match answer.status {
        200..=299 => Ok(answer.json()),
        status => Err(format!("{path} answered {status}: {}", answer.json()).into()),
    }
}

/// The access token of somebody in a workspace.
///
/// # Errors
/// If the sign-in is refused.
pub async fn sign_in(
    addr: SocketAddr,
    workspace: &str,
    email: &str,
    password: &str,
) -> Result<String, Failed> {
    let body = json!({ "workspace": workspace, "email": email, "password": password });
    let answer = demand(addr, "POST", "/v1/auth/login", "", &body).await?;
    Ok(answer["access_token"].as_str().ok_or("a sign-in without a token")?.to_owned())
}

/// In a process that [`Launch`] started from a test binary: does what that process is for, and ends it.
/// In any other it returns at once.
pub fn play_tanggap() {
    let Ok(what) = env::var(PART) else { return };
    let outcome = actix_web::rt::System::new().block_on(Cli::parse_from(["tanggap", what.as_str()]).run());
    if let Err(error) = &outcome {
        eprintln!("tanggap: {error}");
    }
    exit(i32::from(outcome.is_err()));
}

/// The binary that lies beside this one.
fn beside_us() -> Result<PathBuf, Failed> {
    let binary = env::current_exe()?.with_file_name("tanggap");
    if binary.is_file() {
        Ok(binary)
    } else {
        Err(format!("{} is missing; `make bench` builds it", binary.display()).into())
    }
}
