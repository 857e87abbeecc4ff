//! A database on a PostgreSQL of this process's own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection;
use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Text};
use diesel::{Connection, QueryableByName, RunQueryDsl, sql_query};
use domain::time::Timestamp;
use persistence::local_postgres::{LocalPostgres, LocalPostgresOptions};
use persistence::migrate::migrate;
use uuid::Uuid;

fn cluster() -> &'static LocalPostgres {
    static CLUSTER: OnceLock<LocalPostgres> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("tanggap-schema-{}", std::process::id()));
        LocalPostgres::start(LocalPostgresOptions::throwaway(folder)).unwrap()
    })
}

/// A database, and nobody else's.
pub struct Throwaway {
    url: String,
}

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = Text)]
    value: String,
}

#[allow(dead_code, reason = "each test file uses what it needs")]
impl Throwaway {
    /// Without tables.
    pub fn empty() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("schema_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        cluster().ensure_database(&name).unwrap();
        Self { url: cluster().url(&name) }
    }

    /// With the schema of this version.
    pub fn migrated() -> Self {
        let database = Self::empty();
        migrate(&database.url, Uuid::from_u128(1), Timestamp::from_unix_seconds(1_795_000_000).unwrap())
            .unwrap();
        database
    }

    /// A connection.
    pub fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }

    /// The answer to a query of one column called `value`, as text.
    pub fn values(&self, query: &str) -> Vec<String> {
        let rows = sql_query(query).load::<Value>(&mut self.connect());
        rows.unwrap_or_else(|error| panic!("{query}: {error}")).into_iter().map(|row| row.value).collect()
    }

    /// The whole schema as SQL, by the `pg_dump` that belongs to the server.
    pub fn dump(&self) -> String {
        let output = self.run("pg_dump", &["--schema-only", "--no-owner", "--dbname", &self.url]);
        // Newer versions begin and end with a word that is another one each time.
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.contains("restrict ")).collect::<Vec<_>>().join("\n")
    }
}

impl Throwaway {
    /// Backs everything up and restores it in an empty database, as operators do.
    #[allow(dead_code, reason = "each test file uses what it needs")]
    pub fn restored(&self) -> Self {
        let other = Self::empty();
        let file = std::env::temp_dir().join(format!("tanggap-backup-{}", std::process::id()));
        let path = file.to_str().unwrap();
        self.run("pg_dump", &["--format=custom", "--file", path, "--dbname", &self.url]);
        self.run("pg_restore", &["--exit-on-error", "--dbname", &other.url, path]);
        std::fs::remove_file(file).unwrap();
        other
    }

    /// A program that belongs to the server.
    fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let programs: PathBuf =
            self.values("SELECT setting AS value FROM pg_config WHERE name = 'BINDIR'").remove(0).into();
        let output = Command::new(programs.join(program))
            .args(arguments)
            .output()
            .expect("it is beside the server's programs");
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
        output
    }
}

/// What PostgreSQL counted of a table, an index or a statement.
#[derive(QueryableByName)]
#[allow(dead_code, reason = "each test file uses what it needs")]
pub struct Count {
    #[diesel(sql_type = Text)]
    pub name: String,
    #[diesel(sql_type = BigInt)]
    pub scans: i64,
    #[diesel(sql_type = BigInt)]
    pub rows: i64,
}

#[allow(dead_code, reason = "each test file uses what it needs")]
/// How often each table was scanned as a whole and each index was searched so far, and the rows that this gave.
fn counts(conn: &mut PgConnection) -> BTreeMap<String, (i64, i64)> {
    sql_query(
        "SELECT relname::text AS name, pg_stat_get_xact_numscans(oid) AS scans, pg_stat_get_xact_tuples_returned(oid) AS rows
         FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')",
    )
    .load::<Count>(conn)
    .unwrap()
    .into_iter()
    .map(|count| (count.name, (count.scans, count.rows)))
    .collect()
}

#[allow(dead_code, reason = "each test file uses what it needs")]
/// What a piece of work searched: nothing but what it touched.
pub fn reads(conn: &mut PgConnection, work: impl FnOnce(&mut PgConnection)) -> BTreeMap<String, (i64, i64)> {
    conn.batch_execute("BEGIN").unwrap();
    let before = counts(conn);
    work(conn);
    let after = counts(conn);
    conn.batch_execute("COMMIT").unwrap();
    let since = after.into_iter().map(|(name, (scans, rows))| {
        let (old_scans, old_rows) = before[&name];
        (name, (scans - old_scans, rows - old_rows))
    });
    since.filter(|(_, (scans, _))| *scans > 0).collect()
}

#[allow(dead_code, reason = "each test file uses what it needs")]
/// The same of work that has transactions of its own.
pub fn reads_in_all(
    conn: &mut PgConnection,
    work: impl FnOnce(&mut PgConnection),
) -> BTreeMap<String, (i64, i64)> {
    let counts = |conn: &mut PgConnection| -> BTreeMap<String, (i64, i64)> {
        // What a connection has counted is told to all at the end of a transaction, now and then.
        conn.batch_execute("SET stats_fetch_consistency = none; SELECT pg_stat_force_next_flush()").unwrap();
        let query = "SELECT relname::text AS name, pg_stat_get_numscans(oid) AS scans, pg_stat_get_tuples_returned(oid) AS rows
             FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')";
        let all = sql_query(query).load::<Count>(conn).unwrap();
        all.into_iter().map(|count| (count.name, (count.scans, count.rows))).collect()
    };
    let before = counts(conn);
    work(conn);
    let after = counts(conn);
    let since = after.into_iter().map(|(name, (scans, rows))| {
        let (old_scans, old_rows) = before[&name];
        (name, (scans - old_scans, rows - old_rows))
    });
    since.filter(|(_, (scans, _))| *scans > 0).collect()
}
