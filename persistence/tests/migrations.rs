//! Every migration goes up, down and up again, and leaves no trace on the way down.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use diesel::connection::SimpleConnection;
use diesel_migrations::MigrationHarness;
use persistence::migrate::MIGRATIONS;
use throwaway::Throwaway;

/// Restoring finds no names in `public` but those that are written out: what indexes and constraints call must be.
#[test]
fn a_backup_of_a_filled_database_is_restored_whole() {
    let database = Throwaway::migrated();
    database.connect().batch_execute(include_str!("lists/large.sql")).unwrap();
    let restored = database.restored();
    assert_eq!(restored.dump(), database.dump());
    let contacts = "SELECT count(*)::text AS value FROM contacts WHERE search_name = 'zulkifli'";
    assert_eq!(restored.values(contacts), ["25"]);
}

#[test]
fn each_goes_up_down_and_up_and_the_dumps_are_equal() {
    let database = Throwaway::empty();
    let mut conn = database.connect();
    // Makes the table in which diesel notes what it has run.
    assert!(conn.has_pending_migration(MIGRATIONS).unwrap());
    let mut dumps = vec![database.dump()];
    assert!(!dumps[0].contains("CREATE TABLE public.workspaces"));
    while conn.has_pending_migration(MIGRATIONS).unwrap() {
        conn.run_next_migration(MIGRATIONS).unwrap();
        let up = database.dump();
        conn.revert_last_migration(MIGRATIONS).unwrap();
        assert_eq!(database.dump(), *dumps.last().unwrap(), "migration {} down", dumps.len());
        conn.run_next_migration(MIGRATIONS).unwrap();
        assert_eq!(database.dump(), up, "migration {} up again", dumps.len());
        dumps.push(up);
    }
    assert!(dumps.len() > 1 && dumps.last().unwrap().contains("CREATE TABLE public.workspaces"));
    conn.revert_all_migrations(MIGRATIONS).unwrap();
    assert_eq!(database.dump(), dumps[0], "all down");
    conn.run_pending_migrations(MIGRATIONS).unwrap();
    assert_eq!(database.dump(), *dumps.last().unwrap(), "all up");
}
