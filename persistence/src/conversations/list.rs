//! Lists of conversations.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::access::{Scope, Visible};
use domain::conversation::ConversationStatus;
use domain::id::{AgentId, ChannelId, ConversationId};
use domain::resource::{self};
use domain::time::Timestamp;

use crate::error::StoreError;
use crate::sql::sql;

use super::shape::{ShapeRow, shape_query};

/// One page of a list: found first, by an index in the order of the list, and joined afterwards.
macro_rules! page {
    ($condition:literal) => {
        shape_query!(
            [concat!(
                "(SELECT * FROM conversations c WHERE c.workspace_id = $1 AND ",
                $condition,
                "    AND ($2::timestamptz IS NULL OR (c.last_activity_at, c.id) < ($2, $3::uuid))
                     AND (cardinality($4::uuid[]) = 0 OR c.channel_id = ANY($4))
                     AND (cardinality($5::text[]) = 0 OR $5 @> ARRAY[CASE WHEN c.session_id IS NULL THEN 'resolved'
                              WHEN c.assignee_id IS NULL THEN 'open' ELSE 'answered' END])
                   ORDER BY c.last_activity_at DESC, c.id DESC LIMIT $6) c"
            )],
            "ORDER BY c.last_activity_at DESC, c.id DESC"
        )
    };
}

/// Which conversations a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those held by this agent (the tab `mine`).
    pub held_by: Option<AgentId>,
    /// Only those that nobody holds (the tab `unassigned`).
    pub unassigned: bool,
    /// Only archived ones; otherwise only the others.
    pub archived: bool,
    /// Only on one of these channels; empty: on any.
    pub channels: Vec<ChannelId>,
    /// Only those that stand like one of these; empty: like any.
    pub statuses: Vec<ConversationStatus>,
}

/// Where a page of [`list`] begins: after this activity and id.
pub type After = (Timestamp, ConversationId);

/// Conversations by last activity, newest first, at most `limit`.
///
/// # Errors
/// As [`super::lock_many`].
pub fn list(
    conn: &mut PgConnection,
    visible: &Visible,
    filter: Filter,
    after: Option<After>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<resource::Conversation>, StoreError> {
    let (at, id) = after.map_or((None, None), |(at, id)| (Some(at), Some(id)));
    let scope = Narrowed::to(&visible.conversations, &filter);
    let statuses: Vec<&'static str> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let statement = match (filter.archived, &scope) {
        (_, Narrowed::Empty) => return Ok(Vec::new()),
        (false, Narrowed::Any) => page!("c.archived_at IS NULL"),
        (false, Narrowed::Nobody) => page!("c.archived_at IS NULL AND c.assignee_id IS NULL"),
        (false, Narrowed::Holder(_)) => page!("c.archived_at IS NULL AND c.assignee_id = $7"),
        (false, Narrowed::Holders(..)) => {
            page!("c.archived_at IS NULL AND (c.assignee_id = ANY($7) OR ($8 AND c.assignee_id IS NULL))")
        }
        (true, Narrowed::Any) => page!("c.archived_at IS NOT NULL"),
        (true, Narrowed::Nobody) => page!("c.archived_at IS NOT NULL AND c.assignee_id IS NULL"),
        (true, Narrowed::Holder(_)) => page!("c.archived_at IS NOT NULL AND c.assignee_id = $7"),
        (true, Narrowed::Holders(..)) => {
            page!("c.archived_at IS NOT NULL AND (c.assignee_id = ANY($7) OR ($8 AND c.assignee_id IS NULL))")
        }
    };
    let statement = sql(statement)
        .bind(visible.workspace_id)
        .bind(at)
        .bind(id)
        .bind(filter.channels)
        .bind(statuses)
        .bind(limit);
    let statement = match scope {
        Narrowed::Empty | Narrowed::Any | Narrowed::Nobody => statement,
        Narrowed::Holder(agent) => statement.bind(agent),
        Narrowed::Holders(agents, unassigned) => statement.bind(agents).bind(unassigned),
    };
    statement
        .load::<ShapeRow>(conn)?
        .into_iter()
        .map(|row| row.into_resource(now).map(|(_, shape)| shape))
        .collect()
}

/// What is left of the reader's scope under the filter's tab.
enum Narrowed {
    Empty,
    Any,
    Nobody,
    Holder(AgentId),
    Holders(Vec<AgentId>, bool),
}

impl Narrowed {
    fn to(scope: &Scope, filter: &Filter) -> Self {
        let sees = |by| scope.contains(domain::access::Held { by });
        match (filter.held_by, filter.unassigned) {
            (Some(agent), false) if sees(Some(agent)) => Self::Holder(agent),
            (None, true) if sees(None) => Self::Nobody,
            (None, false) => match scope {
                Scope::Everything => Self::Any,
                Scope::HeldBy { agents, unassigned: false } if agents.len() == 1 => Self::Holder(agents[0]),
                Scope::HeldBy { agents, unassigned } => Self::Holders(agents.clone(), *unassigned),
            },
            _ => Self::Empty,
        }
    }
}
