//! Work that happens later, or again.

use std::collections::HashMap;

use diesel::pg::PgConnection;
use diesel::sql_types::{Bool, Integer, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, ConversationId, JobId, MessageId, OneTimeTokenId, WorkspaceId};
use domain::job::ChannelJobKind;
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, expect_rows, word};
use crate::sql::sql;

/// A message to be handed to its provider. The lane is the conversation: one at a time, in order.
#[derive(Debug, Clone, Copy)]
pub struct SendJob {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id; the order within the lane.
    pub id: JobId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The channel: while it needs attention, its jobs wait.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
    /// How often it was tried, this time included once it is claimed.
    pub attempts: i32,
    /// True if an earlier claim was never settled: the process died in the middle, and nobody knows
    /// whether the provider took the message.
    pub abandoned: bool,
}

/// Anything else to be done on a channel. Doing it twice has the effect of doing it once.
#[derive(Debug, Clone, Copy)]
pub struct ChannelJob {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id; the order within the lane.
    pub id: JobId,
    /// What is to be done.
    pub kind: ChannelJobKind,
    /// Jobs of one lane are done one at a time, in order; usually the subject itself.
    pub lane: Uuid,
    /// The channel: while it needs attention, its jobs wait.
    pub channel_id: ChannelId,
    /// What it is about; the kind says what that is.
    pub subject_id: Uuid,
    /// How often it was tried, this time included once it is claimed.
    pub attempts: i32,
}

/// A mail to be sent. The lane is the token that it brings.
#[derive(Debug, Clone, Copy)]
pub struct MailJob {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// Its id.
    pub id: JobId,
    /// The token.
    pub token_id: OneTimeTokenId,
    /// How often it was tried, this time included once it is claimed.
    pub attempts: i32,
}

/// Enqueues the sending of a message.
///
/// # Errors
/// Only those of the database.
pub fn enqueue_send(conn: &mut PgConnection, job: SendJob, due_at: Timestamp) -> Result<(), StoreError> {
    let (lane, subject) = (job.conversation_id.0, job.message_id.0);
    enqueue(conn, SEND, (job.workspace_id, job.id, Some(job.channel_id)), lane, subject, due_at)
}

/// Enqueues a job of a channel.
///
/// # Errors
/// Only those of the database.
pub fn enqueue_channel_job(
    conn: &mut PgConnection,
    job: ChannelJob,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let key = (job.workspace_id, job.id, Some(job.channel_id));
    enqueue(conn, job.kind.as_str(), key, job.lane, job.subject_id, due_at)
}

/// Enqueues jobs of channels, in one statement.
///
/// # Errors
/// Only those of the database.
pub fn enqueue_channel_jobs(
    conn: &mut PgConnection,
    jobs: &[ChannelJob],
    due_at: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO jobs (workspace_id, id, kind, lane, channel_id, subject_id, due_at, created_at)
         SELECT n.workspace_id, n.id, n.kind, n.lane, n.channel_id, n.subject_id, $7, $7
         FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[])
             AS n (workspace_id, id, kind, lane, channel_id, subject_id)")
    .bind(jobs.iter().map(|job| job.workspace_id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.lane).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.channel_id).collect::<Vec<_>>())
    .bind(jobs.iter().map(|job| job.subject_id).collect::<Vec<_>>())
    .bind(due_at)
    .execute(conn)?;
    Ok(())
}

/// Enqueues a mail.
///
/// # Errors
/// Only those of the database.
pub fn enqueue_mail(conn: &mut PgConnection, job: MailJob, due_at: Timestamp) -> Result<(), StoreError> {
    let token = job.token_id.0;
    enqueue(conn, MAIL, (job.workspace_id, job.id, None), token, token, due_at)
}

const SEND: &str = "send_message";
const MAIL: &str = "send_mail";

/// The most jobs that a node works on at once for one channel of an integrator, whose callback may hang.
const CALLBACKS_PER_CHANNEL: i64 = 16;

/// How many jobs a node works on at the moment, by channel. What takes long has slots of its own and does not count.
pub type UnderWay = HashMap<(WorkspaceId, ChannelId), i64>;

/// What a job's channel has to be: one that needs attention waits, and so do messages for a callback that was taken away and
/// channels that have their share. `$1` to `$3` are what is under way, and `$4` is the share.
macro_rules! workable {
    () => {
        "NOT EXISTS (SELECT FROM channels c
                     WHERE c.workspace_id = j.workspace_id AND c.id = j.channel_id AND (c.state = 'needs_attention'
                         OR c.kind = 'api' AND j.kind = 'send_message' AND c.config ->> 'callback_url' IS NULL))
         AND (j.channel_id = ANY (ARRAY(
                 SELECT c.id FROM unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS b (workspace_id, channel_id, jobs)
                 JOIN channels c ON c.workspace_id = b.workspace_id AND c.id = b.channel_id
                 WHERE b.jobs >= $4 AND c.kind = 'api'))) IS NOT TRUE"
    };
}

fn enqueue(
    conn: &mut PgConnection,
    kind: &'static str,
    (workspace, id, channel): (WorkspaceId, JobId, Option<ChannelId>),
    lane: Uuid,
    subject: Uuid,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    sql("INSERT INTO jobs (workspace_id, id, kind, lane, channel_id, subject_id, due_at, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)")
    .bind(workspace)
    .bind(id)
    .bind(kind)
    .bind(lane)
    .bind(channel)
    .bind(subject)
    .bind(due_at)
    .execute(conn)?;
    Ok(())
}

/// A claimed job of a channel.
#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = SqlUuid)]
    lane: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Integer)]
    attempts: i32,
    #[diesel(sql_type = Bool)]
    abandoned: bool,
}

/// Claims up to `limit` due sends until `until`: only the first of each lane, none of a channel that needs attention, and of
/// an integrator's no more than its share. The claim is committed before the work begins, so that a crash is seen.
///
/// # Errors
/// Only those of the database.
pub fn claim_sends(
    conn: &mut PgConnection,
    under_way: &UnderWay,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<SendJob>, StoreError> {
    let rows = claim(conn, vec![SEND], under_way, (now, until), limit)?;
    Ok(rows
        .into_iter()
        .map(|row| SendJob {
            workspace_id: row.workspace_id.into(),
            id: row.id.into(),
            conversation_id: row.lane.into(),
            channel_id: row.channel_id.into(),
            message_id: row.subject_id.into(),
            attempts: row.attempts,
            abandoned: row.abandoned,
        })
        .collect())
}

/// Claims up to `limit` due jobs of channels that do not take long, as [`claim_sends`].
///
/// # Errors
/// `Unreadable` for a kind that the domain does not know; those of the database.
pub fn claim_channel_jobs(
    conn: &mut PgConnection,
    under_way: &UnderWay,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<ChannelJob>, StoreError> {
    let short = kinds(|kind| !kind.takes_long());
    channel_jobs(claim(conn, short, under_way, (now, until), limit)?)
}

/// Claims up to `limit` of those that take long.
///
/// # Errors
/// As [`claim_channel_jobs`].
pub fn claim_long_jobs(
    conn: &mut PgConnection,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<ChannelJob>, StoreError> {
    channel_jobs(claim(conn, kinds(ChannelJobKind::takes_long), &UnderWay::new(), (now, until), limit)?)
}

fn channel_jobs(rows: Vec<Row>) -> Result<Vec<ChannelJob>, StoreError> {
    rows.into_iter()
        .map(|row| {
            Ok(ChannelJob {
                workspace_id: row.workspace_id.into(),
                id: row.id.into(),
                kind: word("jobs", "kind", row.id, &row.kind)?,
                lane: row.lane,
                channel_id: row.channel_id.into(),
                subject_id: row.subject_id,
                attempts: row.attempts,
            })
        })
        .collect()
}

fn kinds(which: impl Fn(ChannelJobKind) -> bool) -> Vec<&'static str> {
    ChannelJobKind::ALL.iter().filter(|kind| which(**kind)).map(|kind| kind.as_str()).collect()
}

fn claim(
    conn: &mut PgConnection,
    kinds: Vec<&'static str>,
    under_way: &UnderWay,
    (now, until): (Timestamp, Timestamp),
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    // The share is looked at twice: a channel that has it is passed over, and one that has some of it gets the rest.
    Ok(sql(concat!(
        "WITH due AS (
             SELECT j.workspace_id, j.id, j.channel_id, j.due_at, j.claimed_until IS NOT NULL AS abandoned FROM jobs j
             WHERE j.kind = ANY($8) AND j.due_at <= $5 AND (j.claimed_until IS NULL OR j.claimed_until <= $5)
               AND NOT EXISTS (SELECT 1 FROM jobs e
                               WHERE e.workspace_id = j.workspace_id AND e.lane = j.lane AND e.id < j.id)
               AND ",
        workable!(),
        " ORDER BY j.due_at, j.id LIMIT $7 FOR UPDATE OF j SKIP LOCKED
         ), next AS (
             SELECT d.workspace_id, d.id, d.abandoned, c.kind = 'api' AS shares,
                 coalesce(b.jobs, 0) + row_number() OVER (PARTITION BY d.channel_id ORDER BY d.due_at, d.id) AS place
             FROM due d JOIN channels c ON c.workspace_id = d.workspace_id AND c.id = d.channel_id
             LEFT JOIN unnest($1::uuid[], $2::uuid[], $3::bigint[]) AS b (workspace_id, channel_id, jobs)
                 ON b.workspace_id = d.workspace_id AND b.channel_id = d.channel_id
         )
         UPDATE jobs j SET claimed_until = $6, attempts = j.attempts + 1 FROM next
         WHERE j.workspace_id = next.workspace_id AND j.id = next.id AND (NOT next.shares OR next.place <= $4)
         RETURNING j.workspace_id, j.id, j.kind, j.lane, j.channel_id, j.subject_id, j.attempts, next.abandoned"
    ))
    .bind(under_way.keys().map(|(workspace, _)| *workspace).collect::<Vec<_>>())
    .bind(under_way.keys().map(|(_, channel)| *channel).collect::<Vec<_>>())
    .bind(under_way.values().copied().collect::<Vec<_>>())
    .bind(CALLBACKS_PER_CHANNEL)
    .bind(now)
    .bind(until)
    .bind(limit)
    .bind(kinds)
    .load::<Row>(conn)?)
}

#[derive(QueryableByName)]
struct MailRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    subject_id: Uuid,
    #[diesel(sql_type = Integer)]
    attempts: i32,
}

/// Claims up to `limit` due mails, as [`claim_sends`]. They belong to no channel, and nothing waits for
/// one of them.
///
/// # Errors
/// Only those of the database.
pub fn claim_mails(
    conn: &mut PgConnection,
    now: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<MailJob>, StoreError> {
    let rows = sql("WITH next AS (
             SELECT j.workspace_id, j.id FROM jobs j
             WHERE j.kind = $4 AND j.due_at <= $1 AND (j.claimed_until IS NULL OR j.claimed_until <= $1)
             ORDER BY j.due_at, j.id LIMIT $3 FOR UPDATE SKIP LOCKED
         )
         UPDATE jobs j SET claimed_until = $2, attempts = j.attempts + 1 FROM next
         WHERE j.workspace_id = next.workspace_id AND j.id = next.id
         RETURNING j.workspace_id, j.id, j.subject_id, j.attempts")
    .bind(now)
    .bind(until)
    .bind(limit)
    .bind(MAIL)
    .load::<MailRow>(conn)?;
    Ok(rows
        .into_iter()
        .map(|row| MailJob {
            workspace_id: row.workspace_id.into(),
            id: row.id.into(),
            token_id: row.subject_id.into(),
            attempts: row.attempts,
        })
        .collect())
}

/// The job is done, one way or the other.
///
/// # Errors
/// Only those of the database.
pub fn finish(conn: &mut PgConnection, workspace: WorkspaceId, id: JobId) -> Result<(), StoreError> {
    sql("DELETE FROM jobs WHERE workspace_id = $1 AND id = $2").bind(workspace).bind(id).execute(conn)?;
    Ok(())
}

/// A claimed job takes longer than others: nobody else takes it before `until`.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn extend(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: JobId,
    until: Timestamp,
) -> Result<(), StoreError> {
    let changed = sql("UPDATE jobs SET claimed_until = $3
         WHERE workspace_id = $1 AND id = $2 AND claimed_until IS NOT NULL")
    .bind(workspace)
    .bind(id)
    .bind(until)
    .execute(conn)?;
    expect_rows("jobs::extend", changed, 1)
}

/// The job is to be done again at `due_at`; its lane waits for it.
///
/// # Errors
/// `RowCount` if it is not there.
pub fn postpone(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: JobId,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let changed =
        sql("UPDATE jobs SET due_at = $3, claimed_until = NULL WHERE workspace_id = $1 AND id = $2")
            .bind(workspace)
            .bind(id)
            .bind(due_at)
            .execute(conn)?;
    expect_rows("jobs::postpone", changed, 1)
}

/// Whether a job of this kind, whose lane is its subject, waits for its turn and has not begun.
///
/// # Errors
/// Only those of the database.
pub fn waits(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    kind: ChannelJobKind,
    subject: Uuid,
) -> Result<bool, StoreError> {
    let found =
        sql("SELECT FROM jobs WHERE workspace_id = $1 AND lane = $2 AND kind = $3 AND subject_id = $2
             AND claimed_until IS NULL LIMIT 1")
        .bind(workspace)
        .bind(subject)
        .bind(kind.as_str())
        .execute(conn)?;
    Ok(found > 0)
}

#[derive(QueryableByName)]
struct DueRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    due_at: Option<chrono::DateTime<chrono::Utc>>,
}

/// When the next job could be claimed, mails only with `mails`, jobs that take long only with `long`; `None` if there is none.
///
/// # Errors
/// Only those of the database.
pub fn next_due(
    conn: &mut PgConnection,
    under_way: &UnderWay,
    mails: bool,
    long: bool,
) -> Result<Option<Timestamp>, StoreError> {
    let mut without = if long { Vec::new() } else { kinds(ChannelJobKind::takes_long) };
    without.extend((!mails).then_some(MAIL));
    let row = sql(concat!(
        "SELECT min(greatest(j.due_at, j.claimed_until)) AS due_at FROM jobs j
         WHERE NOT EXISTS (SELECT 1 FROM jobs e
                           WHERE e.workspace_id = j.workspace_id AND e.lane = j.lane AND e.id < j.id)
           AND j.kind <> ALL($5) AND ",
        workable!()
    ))
    .bind(under_way.keys().map(|(workspace, _)| *workspace).collect::<Vec<_>>())
    .bind(under_way.keys().map(|(_, channel)| *channel).collect::<Vec<_>>())
    .bind(under_way.values().copied().collect::<Vec<_>>())
    .bind(CALLBACKS_PER_CHANNEL)
    .bind(without)
    .get_result::<DueRow>(conn)?;
    Ok(row.due_at.map(Timestamp::new))
}

#[derive(QueryableByName)]
struct DepthRow {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    waiting: i64,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    oldest: Option<chrono::DateTime<chrono::Utc>>,
}

/// How many jobs wait, and since when the oldest does.
///
/// # Errors
/// Only those of the database.
pub fn depth(conn: &mut PgConnection) -> Result<(i64, Option<Timestamp>), StoreError> {
    let row = sql("SELECT count(*) AS waiting, min(created_at) AS oldest FROM jobs")
        .get_result::<DepthRow>(conn)?;
    Ok((row.waiting, row.oldest.map(Timestamp::new)))
}
