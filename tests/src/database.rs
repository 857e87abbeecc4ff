//! One private PostgreSQL per test process, and a fresh copy of a migrated database per test.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::sql_types::Text;
use diesel::{Connection, PgConnection, QueryableByName, RunQueryDsl, sql_query};
use domain::time::Timestamp;
use persistence::local_postgres::{LocalPostgres, LocalPostgresOptions};
use persistence::migrate::migrate;
use uuid::Uuid;

const TEMPLATE: &str = "tanggap_template";
const FOLDER: &str = "tanggap-it-";

/// Finds names beside conversations, their labels and their tickets that are not their contacts'.
pub const STRAY_NAMES: &str = "SELECT 'the conversation ' || c.id || ' of ' || p.search_name || ' has ' || c.search_name AS value
    FROM conversations c JOIN contacts p USING (workspace_id) WHERE p.id = c.contact_id AND p.search_name <> c.search_name
    UNION ALL SELECT 'the label of ' || c.id || ' of ' || c.search_name || ' has ' || k.search_name
    FROM conversation_labels k JOIN conversations c USING (workspace_id)
    WHERE c.id = k.conversation_id AND k.search_name <> c.search_name
    UNION ALL SELECT 'the ticket ' || t.id || ' of ' || c.search_name || ' has ' || t.search_name
    FROM tickets t JOIN conversations c USING (workspace_id) WHERE c.id = t.conversation_id AND t.search_name <> c.search_name";

/// A database of one test. It goes with the value.
#[derive(Debug)]
pub struct Database {
    name: String,
    /// For libpq.
    pub url: String,
}

/// Every table with a digest of its rows: equal before and after means that nothing was written.
pub type Snapshot = BTreeMap<String, String>;

/// It ends with the process, and its data with it.
fn cluster() -> &'static LocalPostgres {
    static CLUSTER: OnceLock<LocalPostgres> = OnceLock::new();
    CLUSTER.get_or_init(|| {
        let parent = std::env::temp_dir();
        remove_empty(&parent);
        let folder = parent.join(format!("{FOLDER}{}", std::process::id()));
        let options =
            LocalPostgresOptions { max_connections: 400, ..LocalPostgresOptions::throwaway(folder) };
        let postgres = LocalPostgres::start(options).expect("the tests need PostgreSQL's programs");
        postgres.ensure_database(TEMPLATE).unwrap();
        let epoch = Uuid::from_u128(0x1dea_5000_0000_7000_8000_0000_0000_0001);
        migrate(&postgres.url(TEMPLATE), epoch, Timestamp::from_unix_seconds(1_795_000_000).unwrap())
            .unwrap();
        postgres
    })
}

/// The server removes its data when its process ends, but nobody is left to remove the empty folder around it.
fn remove_empty(parent: &Path) {
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(FOLDER) {
            // Only succeeds for an empty one.
            let _ = std::fs::remove_dir(entry.path());
        }
    }
}

impl Database {
    /// A copy of the migrated template.
    #[must_use]
    pub fn migrated() -> Self {
        Self::create(&format!("TEMPLATE {TEMPLATE}"))
    }

    /// A database without any table.
    #[must_use]
    pub fn empty() -> Self {
        Self::create("TEMPLATE template0")
    }

    fn create(how: &str) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("test_{}", NEXT.fetch_add(1, Ordering::Relaxed));
        administer(&format!("CREATE DATABASE {name} {how}"));
        Self { url: cluster().url(&name), name }
    }

    /// A connection of the test's own.
    #[must_use]
    pub fn connect(&self) -> PgConnection {
        PgConnection::establish(&self.url).unwrap()
    }

    /// The answer to a query of one column called `value`, as text.
    #[must_use]
    pub fn values(&self, query: &str) -> Vec<String> {
        let rows = sql_query(query).load::<Value>(&mut self.connect());
        rows.unwrap_or_else(|error| panic!("{query}: {error}")).into_iter().map(|row| row.value).collect()
    }

    /// The server's number of a connection, by which others see what it waits for.
    pub fn pid_of(&self, connection: &mut PgConnection) -> String {
        let pid = sql_query("SELECT pg_backend_pid()::text AS value").get_result::<Value>(connection);
        pid.unwrap().value
    }

    /// Runs a statement.
    pub fn execute(&self, statement: &str) {
        sql_query(statement)
            .execute(&mut self.connect())
            .unwrap_or_else(|error| panic!("{statement}: {error}"));
    }

    /// What is in the tables of the product; not who is signed in, or tried to be, nor when members were last
    /// here, which any call of theirs changes; nor what routing has still to look at.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let tables = self.values(
            "SELECT table_name::text AS value FROM information_schema.tables
             WHERE table_schema = 'public' AND table_name NOT IN
                 ('sign_ins', 'sign_in_throttles', 'routing_states', 'routing_requests', '__diesel_schema_migrations')
             ORDER BY table_name",
        );
        let digest = |table: &String| {
            self.values(&format!(
                "SELECT count(*)::text || ' rows ' || md5(coalesce(string_agg(t.row, '|' ORDER BY t.row), '')) AS value
                 FROM (SELECT (to_jsonb(r) - 'last_seen_at')::text AS row FROM {table} r) t"
            ))
            .remove(0)
        };
        tables.iter().map(|table| (table.clone(), digest(table))).collect()
    }
}

impl Database {
    /// The folder for the files of this test's server. It goes with the value.
    #[must_use]
    pub fn files(&self) -> PathBuf {
        std::env::temp_dir().join(format!("{FOLDER}{}-{}", std::process::id(), self.name))
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(self.files());
        if let Ok(mut conn) = PgConnection::establish(&cluster().url("postgres")) {
            let _ = sql_query(format!("DROP DATABASE {} WITH (FORCE)", self.name)).execute(&mut conn);
        }
    }
}

#[derive(QueryableByName)]
struct Value {
    #[diesel(sql_type = Text)]
    value: String,
}

fn administer(statement: &str) {
    let mut conn = PgConnection::establish(&cluster().url("postgres")).unwrap();
    sql_query(statement).execute(&mut conn).unwrap();
}
