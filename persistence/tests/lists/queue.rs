//! The queue: what it shows, in which places, and what it reads for it.

use domain::conversation::ConversationStatus;
use persistence::conversations::{self, QueueFilter};

use crate::cost::{Reader, World};
use crate::throwaway::reads;
use crate::truth::{Key, all_pages, ask};
use crate::world::{Known, channel, division};

fn waits(one: &Known) -> bool {
    one.status == ConversationStatus::Open && !one.archived
}

#[test]
fn the_queue_is_what_waits_in_the_scope_with_its_place_there() {
    ask(1..=1, |conn, world, workspace_id, known, question| {
        let visible = question.visible(world, workspace_id);
        let filter = QueueFilter {
            channels: question.channels.iter().map(|one| channel(world, *one)).collect(),
            divisions: question.divisions.iter().map(|one| division(world, *one)).collect(),
        };
        let mut places = Vec::new();
        let listed = all_pages(question.limit, |after| {
            let after = after.map(|(at, id)| (at, id.into()));
            let page = conversations::queue(conn, &visible, &filter, after, question.limit).unwrap();
            places.extend(page.iter().map(|one| one.place));
            let since = |one: &conversations::Waiting| match one.conversation.state {
                domain::conversation::State::Waiting { since, .. } => since,
                other => panic!("{other:?} does not wait"),
            };
            page.iter().map(|one| (since(one), one.conversation.id.into())).collect()
        });
        let mut queue: Vec<(Key, &Known)> = known
            .iter()
            .filter(|one| waits(one))
            .map(|one| ((one.active_at(), one.id(world)), one))
            .collect();
        queue.sort_by_key(|(key, _)| *key);
        let scope = question.scope(world);
        queue.retain(|(_, one)| scope.contains(one.facts(world)));
        let asked_for = |one: &Known| {
            let division = |wanted: &[u128]| one.division.is_some_and(|division| wanted.contains(&division));
            (question.channels.is_empty() || question.channels.contains(&one.channel))
                && (question.divisions.is_empty() || division(&question.divisions))
        };
        let expected: Vec<(Key, i64)> = queue
            .iter()
            .zip(1..)
            .filter(|((_, one), _)| asked_for(one))
            .map(|((key, _), place)| (*key, place))
            .collect();
        assert_eq!(listed.into_iter().zip(places).collect::<Vec<_>>(), expected);
    });
}

#[test]
fn a_page_of_the_queue_is_found_by_its_index_and_reads_no_further_than_its_end() {
    let mut world = World::large();
    let waiting = world.count("conversations WHERE waiting_since IS NOT NULL");
    assert!((2000..3000).contains(&waiting), "{waiting} wait");
    for mode in ["force_generic_plan", "auto"] {
        world.reconnect(mode);
        // Nearly all wait for a division that is not the allocated reader's: it looks through the whole queue.
        for (reader, most) in [(Reader::Admin, 100), (Reader::Key, 300), (Reader::Allocated, waiting)] {
            let visible = world.visible(reader);
            let page = |conn: &mut diesel::PgConnection, after| {
                conversations::queue(conn, &visible, &QueueFilter::default(), after, 26).unwrap()
            };
            // More often than PostgreSQL tries plans for single calls.
            for _ in 0..7 {
                page(&mut world.conn, None);
            }
            let mut listed = Vec::new();
            let read = reads(&mut world.conn, |conn| listed = page(conn, None));
            let what = format!("{reader:?}, {mode}: {read:?}");
            assert!(!listed.is_empty(), "{what}");
            let (_, entries) = read["conversations_waiting"];
            assert!(entries <= most, "{entries} entries: {what}");
            for table in ["conversations", "messages", "contacts", "agents"] {
                assert!(!read.contains_key(table), "{table} is read as a whole: {what}");
            }
        }
    }
}
