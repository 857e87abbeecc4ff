//! The texts of statements over runs. Their parameters: `$1` the workspace, `$2` and `$3` after which activity and id,
//! `$4` to `$17` the runs (`Runs::bind`).

use crate::lists::Length;

use super::runs::Runs;

/// The newest of each of a set of runs: `$runs` has one row for each, `$condition` is what is in it.
///
/// Each is cut to a length, so that its index gives it in order and nothing is read to be thrown away. The
/// values stand in sub-selects for the sake of PostgreSQL's planner: it then knows as little of them in a plan for one
/// call as in a plan for all, finds the latter as good, and keeps it.
macro_rules! newest {
    ($runs:literal, $condition:literal) => {
        concat!(
            "SELECT newest.* FROM ",
            $runs,
            " CROSS JOIN LATERAL (
                 SELECT c.last_activity_at, c.id, {columns} FROM conversations c
                 WHERE c.workspace_id = (SELECT $1::uuid) AND ",
            $condition,
            "        AND (c.last_activity_at, c.id) < ((SELECT coalesce($2::timestamptz, 'infinity')),
                         (SELECT coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
                 ORDER BY c.last_activity_at DESC, c.id DESC LIMIT {length}) newest"
        )
    };
}

const ON_SHELVES: &str = newest!("unnest((SELECT $4::text[])) AS run (shelf)", "c.shelf = run.shelf");

const UNREAD_ON_SHELVES: &str =
    newest!("unnest((SELECT $4::text[])) AS run (shelf)", "c.shelf = run.shelf AND c.unread_count > 0");

const ON_CHANNELS: &str = newest!(
    "unnest((SELECT $5::uuid[]), (SELECT $6::text[])) AS run (channel_id, shelf)",
    "c.channel_id = run.channel_id AND c.shelf = run.shelf"
);

const HELD: &str = newest!(
    "unnest((SELECT $7::uuid[]), (SELECT $8::text[])) AS run (assignee_id, shelf)",
    "c.assignee_id = run.assignee_id AND c.shelf = run.shelf"
);

const HELD_ON_CHANNELS: &str = newest!(
    "unnest((SELECT $9::uuid[]), (SELECT $10::uuid[]), (SELECT $11::text[])) AS run (assignee_id, channel_id, shelf)",
    "c.assignee_id = run.assignee_id AND c.channel_id = run.channel_id AND c.shelf = run.shelf"
);

const FOR_DIVISIONS: &str = newest!(
    "unnest((SELECT $12::uuid[]), (SELECT $13::uuid[]), (SELECT $14::text[])) AS run (division_id, channel_id, shelf)",
    "c.division_id = run.division_id AND c.channel_id = run.channel_id AND c.shelf = run.shelf"
);

/// Where it lies.
const PLACE: &str = "c.ctid AS place";

/// Where that lies whose label was found is looked up for what is listed in the end: each of its runs is as long as the page.
const NO_PLACE: &str = "NULL::tid AS place";

/// Those with a label, as [`newest`].
const LABELLED: &str = "SELECT newest.* FROM
         unnest((SELECT $15::uuid[]), (SELECT $16::uuid[]), (SELECT $17::text[])) AS run (label_id, channel_id, shelf)
     CROSS JOIN LATERAL (
         SELECT c.last_activity_at, c.conversation_id AS id, {columns} FROM conversation_labels c
         WHERE c.workspace_id = (SELECT $1::uuid) AND c.label_id = run.label_id AND c.channel_id = run.channel_id
           AND c.shelf = run.shelf
           AND (c.last_activity_at, c.conversation_id) < ((SELECT coalesce($2::timestamptz, 'infinity')),
                   (SELECT coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
         ORDER BY c.last_activity_at DESC, c.conversation_id DESC LIMIT {length}) newest";

/// A query for the page itself, of runs that have nothing else in them: where its rows lie (`place`). It depends on which kinds
/// of runs there are only, so that there are few.
pub(super) fn page(runs: &Runs, unread: bool, length: Length) -> String {
    let (held, held_on_channels) = (!runs.holders.is_empty(), !runs.holders_on_channels.is_empty());
    let kinds: Vec<&str> = [
        (!runs.shelves.is_empty(), if unread { UNREAD_ON_SHELVES } else { ON_SHELVES }),
        (!runs.channels.is_empty(), ON_CHANNELS),
        (held, HELD),
        (held_on_channels, HELD_ON_CHANNELS),
        (!runs.divisions.is_empty(), FOR_DIVISIONS),
    ]
    .into_iter()
    .filter_map(|(is_there, kind)| is_there.then_some(kind))
    .collect();
    let labelled = (!runs.labels.is_empty()).then(|| LABELLED.replace("{columns}", NO_PLACE));
    let kinds = kinds.into_iter().map(|kind| kind.replace("{columns}", PLACE)).chain(labelled);
    let mut found = kinds.collect::<Vec<_>>().join("\nUNION ALL ");
    if (held || held_on_channels) && !runs.channels.is_empty() {
        // What the reader holds may be found by its channel as well: twice the page has at least a page of different ones.
        found = format!(
            "SELECT DISTINCT ON (last_activity_at, id) * FROM (
                 SELECT * FROM ({found}) found ORDER BY last_activity_at DESC, id DESC LIMIT 2 * {{length}}) twice
             ORDER BY last_activity_at DESC, id DESC"
        );
    }
    if !runs.labels.is_empty() {
        found = format!(
            "SELECT DISTINCT ON (last_activity_at, id) * FROM ({found}) found ORDER BY last_activity_at DESC, id DESC"
        );
    }
    let mut page =
        format!("SELECT * FROM ({found}) found ORDER BY last_activity_at DESC, id DESC LIMIT {{length}}");
    if !runs.labels.is_empty() {
        page = format!(
            "SELECT (SELECT p.ctid FROM conversations p WHERE p.workspace_id = (SELECT $1::uuid) AND p.id = found.id) AS place
             FROM ({page}) found"
        );
    }
    length.put_into(&page)
}

/// What is read of what lies in the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// Where it lies (`place`), but for what has a label: not all of that will be looked at.
    Places,
    /// The customer's name (`search_name`), which the indexes have in them: nothing else is looked at.
    Names,
}

/// A query for the newest of all kinds of runs, each cut to `depth` rows and numbered within its run (`nth`).
pub(super) fn all_runs(unread: bool, depth: usize, reading: Reading) -> String {
    let shelves = if unread { UNREAD_ON_SHELVES } else { ON_SHELVES };
    let columns = |id: &str, what: &str| {
        format!("{what}, row_number() OVER (ORDER BY c.last_activity_at DESC, c.{id} DESC) AS nth")
    };
    let (place, of_labelled) = match reading {
        Reading::Places => (PLACE, NO_PLACE),
        Reading::Names => ("c.search_name", "c.search_name"),
    };
    let runs = [shelves, ON_CHANNELS, HELD, HELD_ON_CHANNELS, FOR_DIVISIONS].join("\nUNION ALL ");
    let runs = runs.replace("{columns}", &columns("id", place));
    let labelled = LABELLED.replace("{columns}", &columns("conversation_id", of_labelled));
    format!("{runs}\nUNION ALL {labelled}").replace("{length}", &depth.to_string())
}

/// The condition that something with a shelf, a channel, a holder and a division is in one of the runs; those by label
/// are taken for what they are of besides.
pub(super) fn in_runs(one: &str) -> String {
    format!(
        "({one}.shelf = ANY ((SELECT $4::text[])::text[])
          OR ({one}.channel_id, {one}.shelf) IN (SELECT * FROM unnest($5::uuid[], $6::text[]))
          OR ({one}.channel_id, {one}.shelf) IN (SELECT * FROM unnest($16::uuid[], $17::text[]))
          OR ({one}.assignee_id, {one}.shelf) IN (SELECT * FROM unnest($7::uuid[], $8::text[]))
          OR ({one}.assignee_id, {one}.channel_id, {one}.shelf) IN (SELECT * FROM unnest($9::uuid[], $10::uuid[], $11::text[]))
          OR ({one}.division_id, {one}.channel_id, {one}.shelf)
             IN (SELECT * FROM unnest($12::uuid[], $13::uuid[], $14::text[])))"
    )
}
