//! The embedded server, started, killed and started again for real.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};
use persistence::local_postgres::{LocalPostgres, LocalPostgresError, LocalPostgresOptions};

/// Set for the process that [`as_owner`] turns into an owner to be killed.
const OWNER_OF: &str = "TANGGAP_TEST_OWNER_OF";
/// Set beside it for a throwaway server.
const THROWAWAY: &str = "TANGGAP_TEST_THROWAWAY";

/// A data folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let n = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(std::env::temp_dir().join(format!("tanggap-lp-{}-{n}", std::process::id())))
    }

    fn options(&self) -> LocalPostgresOptions {
        options(&self.0)
    }

    fn start(&self) -> LocalPostgres {
        LocalPostgres::start(self.options()).unwrap()
    }

    fn home(&self) -> PathBuf {
        self.0.join("postgres")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Keeps its data over a stop; quick, because no test cuts the power.
fn options(data_dir: &Path) -> LocalPostgresOptions {
    LocalPostgresOptions { durable: false, max_connections: 20, ..LocalPostgresOptions::durable(data_dir) }
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Shown {
    #[diesel(sql_type = Text)]
    value: String,
}

fn connect(server: &LocalPostgres) -> PgConnection {
    PgConnection::establish(&server.url("app")).unwrap()
}

fn write_a_note(server: &LocalPostgres) {
    server.ensure_database("app").unwrap();
    let mut conn = connect(server);
    sql_query("CREATE TABLE note (body text)").execute(&mut conn).unwrap();
    sql_query("INSERT INTO note VALUES ('kept')").execute(&mut conn).unwrap();
}

fn notes(server: &LocalPostgres) -> i64 {
    sql_query("SELECT count(*) AS n FROM note").get_result::<Count>(&mut connect(server)).unwrap().n
}

fn text(conn: &mut PgConnection, expression: &str) -> String {
    sql_query(format!("SELECT {expression} AS value")).get_result::<Shown>(conn).unwrap().value
}

fn kill_hard(pid: u32) {
    assert!(Command::new("kill").args(["-9", &pid.to_string()]).status().unwrap().success());
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "waited 30 s until {what}");
        sleep(Duration::from_millis(5));
    }
}

fn server_pid(folder: &Folder) -> u32 {
    let written = fs::read_to_string(folder.home().join("cluster/postmaster.pid")).unwrap();
    written.lines().next().unwrap().parse().unwrap()
}

fn is_alive(pid: u32) -> bool {
    // A zombie has ended, whoever is to collect it.
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// Not a test: the process that other tests start and kill.
#[test]
fn as_owner() {
    let Some(data_dir) = std::env::var_os(OWNER_OF) else {
        return;
    };
    let options = if std::env::var_os(THROWAWAY).is_some() {
        LocalPostgresOptions::throwaway(data_dir)
    } else {
        options(Path::new(&data_dir))
    };
    let server = LocalPostgres::start(options).unwrap();
    write_a_note(&server);
    println!("\nready");
    sleep(Duration::from_secs(600));
}

fn owner_command(folder: &Folder) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "as_owner", "--nocapture"]).env(OWNER_OF, &folder.0);
    command.stdout(Stdio::piped());
    command
}

fn spawn_owner(folder: &Folder) -> Child {
    owner_command(folder).spawn().unwrap()
}

fn wait_until_ready(owner: &mut Child) {
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line == "ready"), "the owner ended early");
}

/// The process that ends the server when its owner is gone.
fn watcher_of(owner: &Child) -> u32 {
    let tasks = fs::read_dir(format!("/proc/{}/task", owner.id())).unwrap().flatten();
    let mut children = tasks.flat_map(|task| {
        let listed = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        listed.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()).collect::<Vec<_>>()
    });
    children
        .find(|pid| {
            fs::read_to_string(format!("/proc/{pid}/cmdline"))
                .is_ok_and(|line| line.contains("tanggap-watch"))
        })
        .unwrap()
}

fn kill_owner(mut owner: Child) {
    owner.kill().unwrap();
    owner.wait().unwrap();
}

#[test]
fn the_first_start_makes_a_cluster_that_only_a_private_socket_reaches() {
    let folder = Folder::new();
    let mut server = folder.start();
    server.ensure_database("app").unwrap();
    server.ensure_database("app").unwrap();
    let mut conn = connect(&server);
    assert_eq!(text(&mut conn, "current_setting('listen_addresses')"), "");
    assert_eq!(text(&mut conn, "current_setting('server_encoding')"), "UTF8");
    assert_eq!(text(&mut conn, "current_setting('max_connections')"), "20");
    assert_eq!(text(&mut conn, "current_setting('TimeZone')"), "UTC");
    assert_eq!(text(&mut conn, "lower('ÉKA')"), "éka", "letters beyond ASCII are known");
    assert_eq!(fs::metadata(folder.home()).unwrap().mode() & 0o777, 0o700);
    assert!(server.is_running());
    let pid = server.pid();
    server.stop().unwrap();
    assert!(!is_alive(pid));
}

#[test]
fn durable_is_what_it_says() {
    let folder = Folder::new();
    let server = LocalPostgres::start(LocalPostgresOptions::durable(&folder.0)).unwrap();
    let mut conn = PgConnection::establish(&server.url("postgres")).unwrap();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(text(&mut conn, &format!("current_setting('{setting}')")), "on", "{setting}");
    }
}

#[test]
fn a_second_owner_is_refused_and_told_who_the_first_is() {
    let folder = Folder::new();
    let server = folder.start();
    let us = std::process::id();
    let error = LocalPostgres::start(folder.options()).unwrap_err();
    assert!(matches!(error, LocalPostgresError::AlreadyInUse { pid: Some(pid), .. } if pid == us));
    assert!(error.to_string().contains(&format!("process {us}")), "{error}");
    write_a_note(&server);
    drop(server);
    assert_eq!(notes(&folder.start()), 1);
}

#[test]
fn data_is_there_after_a_stop() {
    let folder = Folder::new();
    let server = folder.start();
    write_a_note(&server);
    server.stop().unwrap();
    assert_eq!(notes(&folder.start()), 1);
}

#[test]
fn committed_data_survives_a_killed_server() {
    let folder = Folder::new();
    // Durable: with commits that do not wait for the log, a kill may take the newest ones.
    let options = LocalPostgresOptions::durable(&folder.0);
    let mut server = LocalPostgres::start(options.clone()).unwrap();
    write_a_note(&server);
    let _session = connect(&server);
    kill_hard(server.pid());
    wait_until("the server is gone", || !is_alive(server.pid()));
    assert!(!server.is_running());
    drop(server);
    let stale = folder.home().join("cluster/postmaster.pid");
    assert!(stale.exists(), "the kill leaves a stale file, which is what this test is about");
    assert_eq!(notes(&LocalPostgres::start(options).unwrap()), 1);
}

#[test]
fn the_server_ends_when_its_owner_is_killed() {
    let folder = Folder::new();
    let mut owner = spawn_owner(&folder);
    wait_until_ready(&mut owner);
    let pid = server_pid(&folder);
    kill_owner(owner);
    wait_until("the server has ended", || !is_alive(pid));
    assert_eq!(notes(&folder.start()), 1);
}

#[test]
fn a_server_left_behind_is_taken_over() {
    let folder = Folder::new();
    let mut owner = spawn_owner(&folder);
    wait_until_ready(&mut owner);
    let pid = server_pid(&folder);
    kill_hard(watcher_of(&owner));
    kill_owner(owner);
    sleep(Duration::from_millis(300));
    assert!(is_alive(pid), "the orphan is what this test is about");
    let server = folder.start();
    assert!(!is_alive(pid));
    assert_ne!(server.pid(), pid);
    assert_eq!(notes(&server), 1);
}

#[test]
fn a_server_started_by_hand_is_not_mistaken_for_ours() {
    let folder = Folder::new();
    let ours = folder.start();
    let program = fs::read_link(format!("/proc/{}/exe", ours.pid())).unwrap();
    ours.stop().unwrap();
    let cluster = folder.home().join("cluster");
    let uid = fs::metadata(&cluster).unwrap().uid();
    let mut theirs = Command::new(program)
        .args(["-D", ".", "-k", ".", "-c", "listen_addresses="])
        .current_dir(&cluster)
        .uid(uid)
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("theirs answers", || cluster.join(".s.PGSQL.5432").exists());
    let error = LocalPostgres::start(folder.options()).unwrap_err();
    assert!(error.to_string().contains("already exists"), "{error}");
    assert!(theirs.try_wait().unwrap().is_none(), "theirs is left alone");
    theirs.kill().unwrap();
    theirs.wait().unwrap();
}

#[test]
fn a_stale_pid_file_that_names_a_stranger_does_not_stop_the_start() {
    let folder = Folder::new();
    let server = folder.start();
    write_a_note(&server);
    let path = folder.home().join("cluster/postmaster.pid");
    let written = fs::read_to_string(&path).unwrap();
    let pid = server.pid().to_string();
    server.stop().unwrap();
    // A process of the server's own user, which PostgreSQL would take for a second server.
    let uid = fs::metadata(folder.home()).unwrap().uid();
    let mut stranger = Command::new("sleep").arg("60").uid(uid).spawn().unwrap();
    fs::write(&path, written.replacen(&pid, &stranger.id().to_string(), 1)).unwrap();
    assert_eq!(notes(&folder.start()), 1);
    assert!(stranger.try_wait().unwrap().is_none(), "the stranger is left alone");
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[test]
fn a_kill_during_initdb_does_not_block_the_next_start() {
    let folder = Folder::new();
    let owner = spawn_owner(&folder);
    let half = folder.home().join("cluster.new-0/base");
    wait_until("initdb writes", || half.exists());
    kill_owner(owner);
    assert!(!folder.home().join("cluster").exists(), "killed too late to be of use");
    let server = folder.start();
    write_a_note(&server);
    assert_eq!(notes(&server), 1);
}

#[test]
fn a_half_made_cluster_is_removed() {
    let folder = Folder::new();
    let half = folder.home().join("cluster.new-7");
    fs::create_dir_all(&half).unwrap();
    fs::write(half.join("PG_VERSION"), "15\n").unwrap();
    let _server = folder.start();
    assert!(!half.exists());
}

#[test]
fn a_throwaway_server_leaves_nothing() {
    let folder = Folder::new();
    let server = LocalPostgres::start(LocalPostgresOptions::throwaway(&folder.0)).unwrap();
    assert!(folder.home().exists());
    drop(server);
    assert!(!folder.home().exists());
}

#[test]
fn a_throwaway_server_leaves_nothing_even_when_its_owner_is_killed() {
    let folder = Folder::new();
    let mut owner = owner_command(&folder).env(THROWAWAY, "1").spawn().unwrap();
    wait_until_ready(&mut owner);
    assert!(folder.home().exists());
    kill_owner(owner);
    wait_until("the folder is gone", || !folder.home().exists());
}

#[test]
fn a_long_path_puts_the_socket_elsewhere() {
    let folder = Folder::new();
    let long = folder.0.join("a-folder-with-a-long-name".repeat(5));
    let server = LocalPostgres::start(options(&long)).unwrap();
    let url = server.url("postgres");
    assert!(!url.contains("long-name"), "{url}");
    PgConnection::establish(&url).unwrap();
}

#[test]
fn missing_programs_are_named_with_the_remedy() {
    let folder = Folder::new();
    let options = LocalPostgresOptions { binary_folders: Some(vec![folder.0.clone()]), ..folder.options() };
    let error = LocalPostgres::start(options).unwrap_err();
    assert!(matches!(error, LocalPostgresError::MissingBinaries { .. }), "{error:?}");
    assert!(error.to_string().contains("nstall"), "{error}");
    assert!(error.to_string().contains("DATABASE_URL"), "{error}");
}

/// Options that know only programs which print this version and do nothing else.
fn with_fake_server(folder: &Folder, version: &str) -> LocalPostgresOptions {
    let programs = folder.0.join("programs");
    fs::create_dir_all(&programs).unwrap();
    for name in ["initdb", "pg_ctl", "postgres"] {
        let path = programs.join(name);
        fs::write(&path, format!("#!/bin/sh\necho 'postgres (PostgreSQL) {version}'\n")).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
    }
    LocalPostgresOptions { binary_folders: Some(vec![programs]), ..folder.options() }
}

#[test]
fn an_old_server_is_refused_by_its_version() {
    let folder = Folder::new();
    let error = LocalPostgres::start(with_fake_server(&folder, "14.11")).unwrap_err();
    assert!(matches!(error, LocalPostgresError::TooOld { found: 14, .. }), "{error:?}");
}

#[test]
fn a_cluster_of_another_version_is_not_touched() {
    let folder = Folder::new();
    folder.start().stop().unwrap();
    let error = LocalPostgres::start(with_fake_server(&folder, "99.1")).unwrap_err();
    assert!(matches!(error, LocalPostgresError::OtherVersion { .. }), "{error:?}");
    folder.start();
}

#[test]
fn a_server_that_fails_shows_its_log() {
    let folder = Folder::new();
    folder.start().stop().unwrap();
    let control = folder.home().join("cluster/global/pg_control");
    fs::rename(&control, control.with_extension("away")).unwrap();
    let error = LocalPostgres::start(folder.options()).unwrap_err();
    assert!(error.to_string().contains("pg_control"), "{error}");
    fs::rename(control.with_extension("away"), &control).unwrap();
    folder.start();
}

#[test]
fn root_names_the_folder_its_server_cannot_pass() {
    let folder = Folder::new();
    let closed = folder.0.join("home");
    fs::create_dir_all(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let we_are_root = fs::metadata(&closed).unwrap().uid() == 0;
    match LocalPostgres::start(options(&closed.join("data"))) {
        Err(LocalPostgresError::Unreachable { folder: named, .. }) => {
            assert!(we_are_root);
            assert_eq!(named, fs::canonicalize(&closed).unwrap());
        }
        Ok(_) => assert!(!we_are_root, "only root needs another user"),
        Err(other) => panic!("{other}"),
    }
}
