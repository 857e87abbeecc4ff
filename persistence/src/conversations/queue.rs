//! The queue as readers see it.

use diesel::pg::PgConnection;
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};
use domain::access::{Scope, Seen, Visible};
use domain::conversation::Conversation;
use domain::id::{ChannelId, DivisionId};
use domain::resource::{ChannelRef, ContactRef, DivisionRef};

use crate::error::{StoreError, word};
use crate::lists::narrowed;
use crate::sql::sql;

use super::list::After;
use super::shape::{COLUMNS, JOINS, ShapeRow};

/// Which of the queue a list shows.
#[derive(Debug, Clone, Default)]
pub struct QueueFilter {
    /// Only on one of these channels; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only those that wait for one of these divisions; empty: for any, or for nobody in particular.
    pub divisions: Vec<DivisionId>,
}

/// A conversation that waits, with what is shown of it.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The conversation.
    pub conversation: Conversation,
    /// Its channel.
    pub channel: ChannelRef,
    /// The customer.
    pub contact: ContactRef,
    /// The division that it waits for.
    pub division: Option<DivisionRef>,
    /// Its place among all that wait where the reader may look; the first is 1.
    pub place: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(embed)]
    shape: ShapeRow,
    #[diesel(sql_type = BigInt)]
    place: i64,
}

impl Row {
    fn into_waiting(self) -> Result<Waiting, StoreError> {
        let ShapeRow {
            stored,
            channel_kind,
            channel_name,
            contact_name,
            contact_phone,
            contact_blocked,
            division_name,
            ..
        } = self.shape;
        let kind = word("channels", "kind", stored.channel_id, &channel_kind)?;
        let (_, conversation) = stored.into_conversation()?;
        Ok(Waiting {
            channel: ChannelRef { id: conversation.channel_id, kind, name: channel_name },
            contact: ContactRef {
                id: conversation.contact_id,
                name: contact_name,
                phone: contact_phone,
                blocked: contact_blocked,
            },
            division: conversation.division_id.zip(division_name).map(|(id, name)| DivisionRef { id, name }),
            place: self.place,
            conversation,
        })
    }
}

/// The queue as the reader sees it, oldest first, at most `limit`. Archived conversations are in no queue.
///
/// Places are of the whole queue as far as the reader may look, whatever the filter: it is read from its beginning to the
/// end of the page, and no further.
///
/// # Errors
/// As [`super::lock_many`].
pub fn queue(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: &QueueFilter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Waiting>, StoreError> {
    let Scope { others, restricted_to, only_channels, .. } = &visible.conversations;
    if matches!(others, Seen::HeldBy { unassigned: false, .. }) {
        return Ok(Vec::new());
    }
    let asked = Some(filter.channels.clone()).filter(|channels| !channels.is_empty());
    let allocated = restricted_to.as_ref().map(|allocation| allocation.channels.as_slice());
    let channels = narrowed(narrowed(None, only_channels.as_deref()), allocated);
    let (since, id) = after.unzip();
    // Numbered within what the reader may see, and before the filter.
    let text = format!(
        "{COLUMNS}, page.place FROM (
             SELECT q.place, q.tuple FROM (
                 SELECT w.waiting_since, w.id, w.channel_id, w.division_id, w.ctid AS tuple,
                     row_number() OVER (ORDER BY w.waiting_since, w.id) AS place
                 FROM conversations w
                 WHERE w.workspace_id = $1 AND w.waiting_since IS NOT NULL AND w.archived_at IS NULL
                   AND ($4::uuid[] IS NULL OR w.channel_id = ANY($4))
                   AND ($5::uuid[] IS NULL OR w.division_id IS NULL OR w.division_id = ANY($5))) q
             WHERE (q.waiting_since, q.id) > (coalesce($2::timestamptz, '-infinity'),
                       coalesce($3::uuid, '00000000-0000-0000-0000-000000000000'))
               AND ($6::uuid[] IS NULL OR q.division_id = ANY($6))
               AND ($8::uuid[] IS NULL OR q.channel_id = ANY($8))
             ORDER BY q.waiting_since, q.id LIMIT $7) page
         JOIN conversations c ON c.ctid = page.tuple {JOINS}
         ORDER BY page.place"
    );
    sql(text)
        .bind(visible.workspace_id)
        .bind(since)
        .bind(id)
        .bind(channels.map(|channels| channels.into_iter().collect::<Vec<_>>()))
        .bind(restricted_to.as_ref().map(|allocation| allocation.divisions.clone()))
        .bind(Some(filter.divisions.clone()).filter(|divisions| !divisions.is_empty()))
        .bind(limit)
        .bind(asked)
        .load::<Row>(conn)?
        .into_iter()
        .map(Row::into_waiting)
        .collect()
}
