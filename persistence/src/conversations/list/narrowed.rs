//! Lists narrowed by what runs are not made for: a label, the customer, what is unread on some channels, the division of what
//! is held.
//!
//! Two ways lead to a page. One goes along the runs, in steps, and takes what fits until the page is full: short if much
//! fits. The other begins with what fits and looks which of that is in the runs: short if little does. Each step says how much
//! it found in what it read; as long as the rest of the page may be expected soon, another step follows, and otherwise
//! the other way goes on after the last row that was read. So a page is exactly the same by either way, and by both.

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Nullable, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{DivisionId, LabelId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::StoreError;
use crate::lists::LONGEST;
use crate::search::{self, Customers};
use crate::sql::{Sql, sql};

use super::Filter;
use super::runs::Runs;
use super::text::{self, Reading};

/// How many rows a first step reads at most, over all runs.
const FIRST_STEP: usize = 2048;
/// The same of any step.
const LONGEST_STEP: usize = 8000;
/// How many rows the steps of a page may be expected to read before it is asked how much there is of anything else.
const UNASKED: i64 = 2000;
/// The same where the indexes are enough, and something fitted.
const UNASKED_OF_NAMES: i64 = 8000;
/// How many rows they may be expected to read in any case.
const MOST: i64 = 16_000;
/// How far into each run a step may go: few, since each has a text of its own.
const DEPTHS: [usize; 5] = [16, 64, 256, 1024, 4096];
/// So many conversations with a label, unread, or for a division, and so many customers, are not counted any further.
const MANY: i64 = 1000;
/// How many rows a step reads in the time in which one conversation that was found otherwise is looked at.
const LOOKUPS: i64 = 8;

/// A place in a list: activity and id.
type Key = (DateTime<Utc>, Uuid);

/// What rows of runs have to fit besides.
pub(super) struct Narrowing<'a> {
    labels: Option<&'a [LabelId]>,
    labels_are_runs: bool,
    divisions: Option<&'a [DivisionId]>,
    unread: bool,
    customers: Customers<'a>,
}

impl<'a> Narrowing<'a> {
    /// What the runs leave of a filter.
    pub(super) fn of(filter: &'a Filter, runs: &Runs) -> Self {
        let some = |is_some: bool| is_some.then_some(());
        Self {
            labels: some(!filter.labels.is_empty()).map(|()| filter.labels.as_slice()),
            // What waits for a division, and what is held, is in no order of labels.
            labels_are_runs: !runs.has_held() && runs.divisions.is_empty(),
            divisions: some(!filter.divisions.is_empty() && runs.has_held())
                .map(|()| filter.divisions.as_slice()),
            unread: filter.unread && !runs.is_of_shelves(),
            customers: Customers::of(filter.search.as_ref()),
        }
    }

    /// Nothing: the runs are the list.
    pub(super) fn is_nothing(&self) -> bool {
        (self.labels.is_none() || self.labels_are_runs)
            && self.divisions.is_none()
            && !self.unread
            && !self.customers.are_searched()
    }

    /// Gives `$18` to `$29` their values.
    fn bind(&self, statement: Sql) -> Sql {
        let statement = statement
            .bind(self.labels.map(<[_]>::to_vec))
            .bind(self.divisions.map(<[_]>::to_vec))
            .bind(self.unread);
        self.customers.bind(statement)
    }
}

/// The condition that a conversation fits, but for its labels and what it was found by.
fn fits(found_by: Option<By>) -> String {
    let mut conditions = vec![
        "(NOT (SELECT $20::boolean) OR c.unread_count > 0)".to_owned(),
        "((SELECT $19::uuid[]) IS NULL OR c.division_id = ANY ((SELECT $19::uuid[])::uuid[]))".to_owned(),
    ];
    if found_by != Some(By::Customer) {
        conditions.push(search::fits("c.workspace_id", "c.contact_id", 21));
    }
    conditions.join(" AND ")
}

/// The condition that the conversation with this id has one of the labels, if any are asked for.
fn is_labelled(id: &str) -> String {
    format!(
        "((SELECT $18::uuid[]) IS NULL OR coalesce((SELECT true FROM conversation_labels k
             WHERE k.workspace_id = (SELECT $1::uuid) AND k.conversation_id = {id} AND k.label_id = ANY ($18) LIMIT 1), false))"
    )
}

#[derive(QueryableByName)]
struct StepRow {
    #[diesel(sql_type = Array<SqlUuid>)]
    ids: Vec<Uuid>,
    #[diesel(sql_type = BigInt)]
    read: i64,
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    end_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    end_id: Option<Uuid>,
}

/// A step along the runs. What is newer than the newest end of a run that goes on is all there is; the rest is left to the next
/// step. Of names the indexes are enough to leave out who does not fit, and only the others are looked at. The inner ORDER BY
/// keeps the order that is there anyway: PostgreSQL then stops when the page is full.
fn step_text(unread: bool, depth: usize, reading: Reading) -> String {
    let (left, place, found_by) = match reading {
        Reading::Places => {
            let place = "c.ctid = coalesce(r.place,
                 (SELECT p.ctid FROM conversations p WHERE p.workspace_id = (SELECT $1::uuid) AND p.id = r.id))";
            ("true".to_owned(), format!("JOIN conversations c ON {place}"), None)
        }
        Reading::Names => (
            search::fits_by_name("$1", "r.search_name", "r.id", 21),
            "CROSS JOIN LATERAL (SELECT * FROM conversations c
                 WHERE c.workspace_id = (SELECT $1::uuid) AND c.id = r.id OFFSET 0) c"
                .to_owned(),
            Some(By::Customer),
        ),
    };
    format!(
        "WITH read AS MATERIALIZED ({}),
         goes_on AS MATERIALIZED (
             SELECT last_activity_at, id FROM read WHERE nth = {depth} ORDER BY last_activity_at DESC, id DESC LIMIT 1),
         complete AS MATERIALIZED (
             SELECT * FROM read
             WHERE (last_activity_at, id) >= (coalesce((SELECT last_activity_at FROM goes_on), '-infinity'),
                       coalesce((SELECT id FROM goes_on), '00000000-0000-0000-0000-000000000000')))
         SELECT ARRAY(
                 SELECT r.id FROM (
                     SELECT * FROM (
                         SELECT DISTINCT ON (last_activity_at, id) * FROM complete r WHERE {left}
                         ORDER BY last_activity_at DESC, id DESC) r
                     WHERE {} ORDER BY r.last_activity_at DESC, r.id DESC OFFSET 0) r
                 {place}
                 WHERE {} ORDER BY r.last_activity_at DESC, r.id DESC LIMIT (SELECT $30::bigint)) AS ids,
             (SELECT count(*) FROM read) AS read, (SELECT count(*) FROM complete) AS looked_at,
             (SELECT last_activity_at FROM goes_on) AS end_at, (SELECT id FROM goes_on) AS end_id",
        text::all_runs(unread, depth, reading),
        is_labelled("r.id"),
        fits(found_by)
    )
}

/// What a page is found by when little of the runs fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Labels,
    Divisions,
    Unread,
    Customer,
}

impl By {
    /// What there is: a query for conversations `c`, each asked for by itself, lest PostgreSQL read them all.
    fn source(self) -> String {
        let each = |column: &str| {
            format!(
                "CROSS JOIN LATERAL (SELECT * FROM conversations c
                     WHERE c.workspace_id = (SELECT $1::uuid) AND c.{column} OFFSET 0) c"
            )
        };
        match self {
            Self::Labels => format!(
                "(SELECT DISTINCT k.conversation_id FROM unnest((SELECT $18::uuid[])) AS l (id)
                  CROSS JOIN LATERAL (SELECT * FROM conversation_labels k
                      WHERE k.workspace_id = (SELECT $1::uuid) AND k.label_id = l.id ORDER BY k.conversation_id) k) k {}",
                each("id = k.conversation_id")
            ),
            Self::Divisions => "(SELECT * FROM conversations c WHERE c.workspace_id = (SELECT $1::uuid)
                  AND c.division_id = ANY ((SELECT $19::uuid[])::uuid[]) OFFSET 0) c"
                .to_owned(),
            Self::Unread => "(SELECT * FROM conversations c WHERE c.workspace_id = (SELECT $1::uuid)
                  AND c.unread_count > 0 OFFSET 0) c"
                .to_owned(),
            Self::Customer => {
                format!(
                    "(SELECT DISTINCT contact_id FROM ({}) found) k {}",
                    search::found("$1", 21),
                    each("contact_id = k.contact_id")
                )
            }
        }
    }

    fn text(self) -> String {
        let labelled = if self == Self::Labels { "true".to_owned() } else { is_labelled("c.id") };
        format!(
            "SELECT c.id FROM {}
             WHERE {} AND (c.last_activity_at, c.id) < ((SELECT coalesce($2::timestamptz, 'infinity')),
                       (SELECT coalesce($3::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))
               AND {} AND {labelled}
             ORDER BY c.last_activity_at DESC, c.id DESC LIMIT {LONGEST}",
            self.source(),
            text::in_runs("c"),
            fits(Some(self))
        )
    }

    /// What there is least of, and how many rows along the runs it is worth to go on without it.
    fn least(
        conn: &mut PgConnection,
        workspace: WorkspaceId,
        narrowing: &mut Narrowing<'_>,
    ) -> Result<(Self, i64), StoreError> {
        let customers = match narrowing.customers.are_searched() {
            true => Some(narrowing.customers.find(conn, workspace)?),
            false => None,
        };
        // In the order of an index, so that PostgreSQL counts by it and not by whatever comes first.
        let statement = sql(format!(
            "SELECT CASE WHEN $2::uuid[] IS NOT NULL THEN (SELECT count(*) FROM unnest((SELECT $2::uuid[])) AS one (id)
                 CROSS JOIN LATERAL (SELECT k.conversation_id FROM conversation_labels k
                     WHERE k.workspace_id = (SELECT $1::uuid) AND k.label_id = one.id
                     ORDER BY k.conversation_id LIMIT {MANY}) few) END AS labels,
             CASE WHEN $3::uuid[] IS NOT NULL THEN (SELECT count(*) FROM unnest((SELECT $3::uuid[])) AS one (id)
                 CROSS JOIN LATERAL (SELECT c.id FROM conversations c
                     WHERE c.workspace_id = (SELECT $1::uuid) AND c.division_id = one.id
                     ORDER BY c.channel_id, c.shelf LIMIT {MANY}) few) END AS divisions,
             CASE WHEN $4 THEN (SELECT count(*) FROM (SELECT c.id FROM conversations c
                 WHERE c.workspace_id = (SELECT $1::uuid) AND c.unread_count > 0 ORDER BY c.shelf LIMIT {MANY}) few) END AS unread"
        ))
        .bind(workspace)
        .bind(narrowing.labels.map(<[_]>::to_vec))
        .bind(narrowing.divisions.map(<[_]>::to_vec))
        .bind(narrowing.unread);
        let rows = statement.get_result::<LeastRow>(conn)?;
        let counted = [
            (rows.labels, Self::Labels),
            (rows.divisions, Self::Divisions),
            (rows.unread, Self::Unread),
            (customers.and_then(|count| i64::try_from(count).ok()), Self::Customer),
        ];
        let least = counted.into_iter().filter_map(|(count, by)| count.map(|count| (count, by)));
        let least = least.min_by_key(|(count, _)| *count);
        Ok(least.map_or((Self::Customer, MOST), |(count, by)| match count {
            MANY.. => (by, MOST),
            few => (by, few * LOOKUPS),
        }))
    }
}

#[derive(QueryableByName)]
struct LeastRow {
    #[diesel(sql_type = Nullable<BigInt>)]
    labels: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    divisions: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    unread: Option<i64>,
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
}

/// How far into each of so many runs a step goes that is to read so many rows.
fn depth_for(rows: usize, runs: usize) -> usize {
    let [shortest, ..] = DEPTHS;
    DEPTHS.into_iter().rfind(|depth| depth * runs <= rows).unwrap_or(shortest)
}

/// The conversations of a page, newest first, at least `limit` if there are as many.
///
/// # Errors
/// Only those of the database.
pub(super) fn page(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    (runs, filter): (&Runs, &Filter),
    after: Option<Key>,
    limit: i64,
) -> Result<Vec<Uuid>, StoreError> {
    let mut narrowing = Narrowing::of(filter, runs);
    // Then the runs of shelves are those of the unread.
    let unread_runs = filter.unread && !narrowing.unread;
    let bind = |text: String, narrowing: &Narrowing<'_>, after: Option<Key>| {
        let (at, id) = after.unzip();
        let statement = sql(text).bind(workspace).bind(at.map(Timestamp::new)).bind(id);
        narrowing.bind(runs.bind(statement))
    };
    let (mut found, mut looked_at, mut from) = (Vec::new(), 0, after);
    // How many rows the steps are expected to read in all.
    let mut expected = if narrowing.customers.are_hardly_two() { MOST } else { 0 };
    narrowing.customers.find_by_identity(conn, workspace)?;
    let reading = if narrowing.customers.are_told_by_name() { Reading::Names } else { Reading::Places };
    let mut least = None;
    let mut depth = depth_for(FIRST_STEP, runs.count());
    loop {
        let unasked = if reading == Reading::Names && !found.is_empty() { UNASKED_OF_NAMES } else { UNASKED };
        if expected > unasked && least.is_none() {
            least = Some(By::least(conn, workspace, &mut narrowing)?);
        }
        if let Some((by, most)) = least
            && expected > most
        {
            let rest = bind(by.text(), &narrowing, from).load::<IdRow>(conn)?;
            found.extend(rest.into_iter().map(|row| row.id));
            return Ok(found);
        }
        let text = step_text(unread_runs, depth, reading);
        let missing = limit - i64::try_from(found.len()).unwrap_or(limit);
        let step = bind(text, &narrowing, from).bind(missing).get_result::<StepRow>(conn)?;
        looked_at += step.looked_at;
        found.extend(step.ids);
        from = step.end_at.zip(step.end_id);
        let count = i64::try_from(found.len()).unwrap_or(limit);
        if count >= limit || from.is_none() {
            return Ok(found);
        }
        // As much again for each that is missing, and as if the next row would fit: a few rows without any prove nothing.
        expected = looked_at + (limit - count).saturating_mul(looked_at) / (count + 1);
        // As far as the page may be expected to be full, in the runs that there is much of.
        let long_runs = usize::try_from(step.read).unwrap_or(LONGEST_STEP).div_ceil(depth);
        let ahead = usize::try_from(2 * (expected - looked_at)).unwrap_or(LONGEST_STEP);
        depth = depth_for(ahead.clamp(FIRST_STEP, LONGEST_STEP), long_runs);
    }
}
