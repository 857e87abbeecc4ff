//! Lists of members.

use diesel::RunQueryDsl;
use diesel::pg::PgConnection;
use domain::agent::{AgentSort, Availability, Role};
use domain::id::{AgentId, ChannelId, DivisionId, WorkspaceId};
use domain::resource::Agent;

use crate::error::StoreError;
use crate::sql::sql;

use super::shape::{Row, shape_query};

/// Which members a list shows.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those in the team; otherwise only those who have left.
    pub active: bool,
    /// Only those with one of these roles; empty: with any.
    pub roles: Vec<Role>,
    /// Only those who say one of these; empty: anything.
    pub availabilities: Vec<Availability>,
    /// Only those whom one of these looks after; empty: anybody or nobody.
    pub supervisors: Vec<AgentId>,
    /// Only those who belong to one of these; empty: to any or none.
    pub divisions: Vec<DivisionId>,
    /// Only those who are allocated to one of these; empty: to any or none.
    pub channels: Vec<ChannelId>,
    /// Only those whose folded name fits this pattern of `LIKE`.
    pub name_like: Option<String>,
}

impl Filter {
    /// Does it ask for more than who is, or is not, in the team?
    fn narrows(&self) -> bool {
        let lists = [
            self.roles.is_empty(),
            self.availabilities.is_empty(),
            self.supervisors.is_empty(),
            self.divisions.is_empty(),
            self.channels.is_empty(),
        ];
        lists.contains(&false) || self.name_like.is_some()
    }
}

/// Where a page of [`list`] begins: after this name or count, and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum After {
    /// In a list by name.
    Name(String, AgentId),
    /// In a list by a count.
    Count(i64, AgentId),
}

/// What narrows a list. A list that nothing narrows is asked for without it: PostgreSQL would expect next to nobody
/// to fit, and sort everybody instead of reading an index in order.
macro_rules! narrowed {
    () => {
        " AND (cardinality($3::text[]) = 0 OR a.role = ANY($3))
          AND (cardinality($4::text[]) = 0 OR a.availability = ANY($4))
          AND (cardinality($5::uuid[]) = 0 OR a.supervisor_id = ANY($5))
          AND (cardinality($6::uuid[]) = 0 OR EXISTS (SELECT FROM division_members m
               WHERE m.workspace_id = $1 AND m.agent_id = a.id AND m.division_id = ANY($6)))
          AND (cardinality($7::uuid[]) = 0 OR EXISTS (SELECT FROM channel_agents m
               WHERE m.workspace_id = $1 AND m.agent_id = a.id AND m.channel_id = ANY($7)))
          AND ($8::text IS NULL OR a.name_folded LIKE $8)"
    };
}

/// One page: found first, by an index in the order of the list, and joined afterwards. The values stand in sub-selects
/// as in the lists of conversations: PostgreSQL then keeps one plan, and planning costs more than this takes.
macro_rules! page {
    ($from:literal, $filter:expr, $after:expr, $order:expr, $shown:expr) => {
        shape_query!(
            concat!(
                "(SELECT a.* FROM ",
                $from,
                " WHERE a.workspace_id = (SELECT $1::uuid) AND a.active = (SELECT $2::boolean) AND ",
                $after,
                $filter,
                " ORDER BY ",
                $order,
                " LIMIT (SELECT $11::bigint)) a"
            ),
            $shown
        )
    };
}

macro_rules! page_by_name {
    ($filter:expr) => {
        page!(
            "agents a",
            $filter,
            "(a.name, a.id) > ((SELECT coalesce($9::text, '')), (SELECT coalesce($10::uuid, '00000000-0000-0000-0000-000000000000')))",
            "a.name, a.id",
            "ORDER BY a.name, a.id"
        )
    };
}

macro_rules! page_by_count {
    ($count:literal, $filter:expr) => {
        page!(
            "agent_counts o JOIN agents a ON a.workspace_id = o.workspace_id AND a.id = o.agent_id AND o.workspace_id = (SELECT $1::uuid)",
            $filter,
            concat!(
                "(o.",
                $count,
                ", o.agent_id) < ((SELECT coalesce($9::bigint, 9223372036854775807)),
                     (SELECT coalesce($10::uuid, 'ffffffff-ffff-ffff-ffff-ffffffffffff')))"
            ),
            concat!("o.", $count, " DESC, o.agent_id DESC"),
            concat!("ORDER BY n.", $count, " DESC, n.agent_id DESC")
        )
    };
}

/// Members in this order, at most `limit`.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    filter: Filter,
    sort: AgentSort,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Agent>, StoreError> {
    let statement = match (sort, filter.narrows()) {
        (AgentSort::Name, false) => page_by_name!(""),
        (AgentSort::Name, true) => page_by_name!(narrowed!()),
        (AgentSort::Assigned, false) => page_by_count!("assigned", ""),
        (AgentSort::Assigned, true) => page_by_count!("assigned", narrowed!()),
        (AgentSort::Handled, false) => page_by_count!("handled", ""),
        (AgentSort::Handled, true) => page_by_count!("handled", narrowed!()),
        (AgentSort::Resolved, false) => page_by_count!("resolved", ""),
        (AgentSort::Resolved, true) => page_by_count!("resolved", narrowed!()),
    };
    let query = sql(statement)
        .bind(workspace)
        .bind(filter.active)
        .bind(filter.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>())
        .bind(filter.availabilities.iter().map(|word| word.as_str()).collect::<Vec<_>>())
        .bind(filter.supervisors)
        .bind(filter.divisions)
        .bind(filter.channels)
        .bind(filter.name_like);
    let (name, count, id) = match after {
        Some(After::Name(name, id)) => (Some(name), None, Some(id)),
        Some(After::Count(count, id)) => (None, Some(count), Some(id)),
        None => (None, None, None),
    };
    let query = if sort == AgentSort::Name { query.bind(name) } else { query.bind(count) };
    query.bind(id).bind(limit).load::<Row>(conn)?.into_iter().map(Row::into_resource).collect()
}
