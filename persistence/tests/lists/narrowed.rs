//! Lists narrowed by what is in no order of theirs read little of a large workspace, whichever way PostgreSQL makes its plans.

use domain::conversation::Tab;
use domain::search::CustomerSearch;
use persistence::conversations::{self, Filter};
use uuid::Uuid;

use crate::cost::{Reader, World, thing};
use crate::throwaway::reads_in_all;

/// The most rows of all tables and indexes together that a page may be read from: of 100,000 conversations and as many
/// customers, messages and tickets. A page of 26 with what is shown of it takes about 200.
const MOST: i64 = 9_000;

#[test]
fn every_filter_reads_little_of_a_large_workspace() {
    let mut world = World::large();
    let now = world.now();
    let filters: Vec<(&str, Reader, usize, Filter)> = {
        let mut label = |number| vec![thing(&mut world.conn, "label", number)];
        let (often, seldom, old) = (label(0), label(1), label(2));
        let of = || Filter::of(Tab::All);
        let search = |words: &str| Some(CustomerSearch::of("?q", words).unwrap());
        let mut filters = Vec::new();
        for reader in [Reader::Admin, Reader::Key, Reader::Supervisor, Reader::AllocatedSupervisor] {
            for (what, filter) in [
                ("often", Filter { labels: often.clone(), ..of() }),
                ("seldom", Filter { labels: seldom.clone(), ..of() }),
                ("unread", Filter { unread: true, ..of() }),
                ("Budi", Filter { search: search("bud"), ..of() }),
                ("Zulkifli", Filter { search: search("ulk"), ..of() }),
                ("q", Filter { search: search("q"), ..of() }),
                ("a number", Filter { search: search("0812 0005 5555"), ..of() }),
                ("nobody", Filter { search: search("nobody"), ..of() }),
                ("Budi, often", Filter { labels: often.clone(), search: search("budi"), ..of() }),
                ("unread, seldom", Filter { labels: seldom.clone(), unread: true, ..of() }),
            ] {
                filters.push((what, reader, 0, filter));
            }
        }
        // Nothing new has it, and much that is old.
        filters.push(("old", Reader::Admin, 26, Filter { labels: old.clone(), ..of() }));
        filters.push((
            "old, Zulkifli",
            Reader::Admin,
            4,
            Filter { labels: old, search: search("zulkifli"), ..of() },
        ));
        filters.push(("Quirijn", Reader::Admin, 1, Filter { search: search("quirijn"), ..of() }));
        filters
    };
    for mode in ["force_generic_plan", "auto"] {
        world.reconnect(mode);
        for (what, reader, at_least, filter) in &filters {
            let visible = world.visible(*reader);
            let deep = now.plus(chrono::TimeDelta::seconds(-30_000));
            for after in [None, Some((deep, Uuid::max().into()))] {
                let list = |conn: &mut diesel::PgConnection| {
                    conversations::list(conn, &visible, filter, after, 26, now).unwrap().len()
                };
                for _ in 0..6 {
                    list(&mut world.conn);
                }
                let mut listed = 0;
                let read = reads_in_all(&mut world.conn, |conn| listed = list(conn));
                let is_often = *what == "Budi";
                let what = format!("{what} of {reader:?} after {after:?}, {mode}: {listed} of {read:?}");
                assert!(listed >= *at_least || after.is_some(), "{what}");
                for table in
                    ["conversations", "contacts", "contact_identities", "conversation_labels", "messages"]
                {
                    assert!(!read.contains_key(table), "{table} is read as a whole: {what}");
                }
                let rows: i64 = read.values().map(|(_, rows)| rows).sum();
                assert!(rows <= MOST, "{rows} rows: {what}");
                // The indexes of the runs have the name in them: of the customers only those listed are looked at.
                let customers = read.get("contacts_pkey").map_or(0, |(_, rows)| *rows);
                assert!(!is_often || customers <= 26, "{customers} customers: {what}");
            }
        }
    }
}
