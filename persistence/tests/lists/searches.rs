//! Tickets by their customer's name, and contacts by name, number and label, are found among many without reading them,
//! whichever way PostgreSQL makes its plans.

use diesel::pg::PgConnection;
use domain::search::CustomerSearch;
use persistence::contacts::{self, ContactSearch, NameSearch};
use persistence::tickets;

use crate::cost::{Reader, World, thing};
use crate::throwaway::reads_in_all;

fn words(words: &str) -> CustomerSearch {
    CustomerSearch::of("?q", words).unwrap()
}

/// How many are listed, and that no table was read as a whole, and at most so many rows of all tables and indexes together, of
/// 100,000 of each.
fn check(world: &mut World, what: &str, most: i64, list: impl Fn(&mut PgConnection) -> usize) -> usize {
    // More often than PostgreSQL tries plans for single calls.
    for _ in 0..6 {
        list(&mut world.conn);
    }
    let mut listed = 0;
    let read = reads_in_all(&mut world.conn, |conn| listed = list(conn));
    let what = format!("{what}: {listed} of {read:?}");
    for table in
        ["conversations", "contacts", "contact_identities", "conversation_labels", "tickets", "messages"]
    {
        assert!(!read.contains_key(table), "{table} is read as a whole: {what}");
    }
    // An index of keys answers with a bitmap, whose rows cost next to nothing until the table is looked at.
    let rows: i64 =
        read.iter().filter(|(name, _)| !name.ends_with("_by_keys")).map(|(_, (_, rows))| rows).sum();
    assert!(rows <= most, "{rows} rows: {what}");
    listed
}

#[test]
fn tickets_by_a_name_read_little_of_a_large_workspace() {
    let mut world = World::large();
    for mode in ["force_generic_plan", "auto"] {
        world.reconnect(mode);
        for reader in [Reader::Admin, Reader::Key, Reader::Supervisor, Reader::AllocatedSupervisor] {
            let visible = world.visible(reader);
            for (q, of_all) in [("bud", 26), ("ulk", 25), ("q", 1), ("quirijn", 1), ("nobody", 0)] {
                let filter = tickets::Filter { name: Some(NameSearch::from(words(q))), ..Default::default() };
                let listed = check(&mut world, &format!("{q} of {reader:?}, {mode}"), 9000, |conn| {
                    tickets::list(conn, &visible, &filter, None, 26).unwrap().len()
                });
                assert!(
                    listed == of_all || !matches!(reader, Reader::Admin) && listed <= of_all,
                    "{q}: {listed}"
                );
            }
        }
    }
}

#[test]
fn contacts_searched_for_are_found_by_indexes() {
    let mut world = World::large();
    let [often, seldom] = [0, 1].map(|number| vec![thing(&mut world.conn, "label", number)]);
    let none = Vec::new();
    // To a name late in the alphabet, which most have, the index of the list is read: to the others not.
    let cases = [
        ("bud", &none, 26, 3000),
        ("ulk", &none, 25, 3000),
        ("q", &none, 1, 3000),
        ("nobody", &none, 0, 3000),
        ("0812 0005 5555", &none, 1, 3000),
        ("81200055", &none, 26, 9000),
        ("wat", &none, 26, 20_000),
        ("", &often, 26, 9000),
        ("", &seldom, 20, 25_000),
        ("bud", &often, 26, 3000),
        ("wat", &seldom, 16, 3000),
    ];
    for mode in ["force_generic_plan", "auto"] {
        world.reconnect(mode);
        let visible = world.visible(Reader::Admin);
        for (q, labels, of_all, most) in cases {
            let search = (!q.is_empty()).then(|| ContactSearch::from(words(q)));
            let filter = contacts::Filter { search, labels: labels.clone(), ..Default::default() };
            let listed = check(&mut world, &format!("{q:?} {}, {mode}", labels.len()), most, |conn| {
                contacts::list(conn, &visible, &filter, None, 26).unwrap().len()
            });
            assert_eq!(listed, of_all, "{q:?}");
        }
    }
}
