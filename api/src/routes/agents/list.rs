use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTeam, may_compare_counts};
use domain::agent::{AgentSort, Availability, Role};
use domain::id::{AgentId, ChannelId, DivisionId};
use domain::refusal::Refusal;
use domain::resource::{Agent, AgentCounts};
use domain::search;
use persistence::agents::{self, After, Filter};
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use uuid::Uuid;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::agents::shape_for;
use crate::state::App;

/// The longest words that are searched for, in characters.
const WORDS_MAX: usize = 100;

/// Which members, and in which order.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AgentQuery {
    /// Only those with this role; repeat it for "any of".
    #[serde(default)]
    role: Vec<Role>,
    /// Only those with these words in their name, whatever their case and accents; 1 to 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// Only those who belong to this division; repeat it for "any of".
    #[serde(default)]
    division_id: Vec<DivisionId>,
    /// Only those who are allocated to this channel; repeat it for "any of".
    #[serde(default)]
    channel_id: Vec<ChannelId>,
    /// Only those whom this member supervises; repeat it for "any of".
    #[serde(default)]
    supervisor_id: Vec<AgentId>,
    /// Only those who say this of themselves; repeat it for "any of".
    #[serde(default)]
    availability: Vec<Availability>,
    /// Only those in the team; `false`: only those who have left.
    #[serde(default = "yes")]
    #[param(default = true)]
    active: bool,
    /// The order. Only who may know everybody's counts, which is admins, may order by them: most first.
    #[serde(default = "by_name")]
    #[param(inline, default = "name")]
    sort: AgentSort,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    #[serde(skip_serializing_if = "page::is_no_filter")]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "page::is_no_filter")]
    cursor: Option<String>,
}

fn yes() -> bool {
    true
}

fn by_name() -> AgentSort {
    AgentSort::Name
}

impl AgentQuery {
    fn after(&self, list: &List) -> Result<Option<After>, Refusal> {
        let cursor = self.cursor.as_deref();
        Ok(match self.sort {
            AgentSort::Name => list.after(cursor)?.map(|(name, id)| After::Name(name, id)),
            AgentSort::Assigned | AgentSort::Handled | AgentSort::Resolved => {
                list.after(cursor)?.map(|(count, id)| After::Count(count, id))
            }
        })
    }

    fn filter(self) -> Result<Filter, Refusal> {
        Ok(Filter {
            active: self.active,
            name_like: self.q.as_deref().map(pattern).transpose()?,
            roles: self.role,
            availabilities: self.availability,
            supervisors: self.supervisor_id,
            divisions: self.division_id,
            channels: self.channel_id,
        })
    }
}

fn pattern(words: &str) -> Result<String, Refusal> {
    let words = words.trim();
    if words.is_empty() || words.chars().count() > WORDS_MAX {
        return Err(Refusal::invalid("?q", "length", format!("must be 1 to {WORDS_MAX} characters")));
    }
    if words.chars().any(char::is_control) {
        return Err(Refusal::invalid("?q", "characters", "must not contain control characters"));
    }
    Ok(search::pattern(words))
}

/// List agents
///
/// By name, or by how much they have to do and have done. `counts` is null where the caller may not know them: agents
/// know their own, supervisors also those of the agents they supervise, admins all.
#[utoipa::path(tag = "team", params(AgentQuery), extensions(("x-action" = json!(Action::ReadTeam))),
    responses((status = 200, description = "A page of agents", body = Page<Agent>), Reading))]
#[get("/v1/agents")]
pub async fn list_agents(
    app: web::Data<App>,
    caller: Auth<ReadTeam>,
    query: Query<AgentQuery>,
) -> Result<HttpResponse, Problem> {
    let (query, reader) = (query.0, caller.actor().clone());
    if query.sort != AgentSort::Name {
        may_compare_counts(&reader)?;
    }
    let (workspace, sort, limit) = (reader.workspace_id, query.sort, page::limit(query.limit)?);
    let list = List::new(&app.keys, workspace, "agents", &query);
    let (after, mut filter) = (query.after(&list)?, query.filter()?);
    if filter.channels.iter().any(|channel| reader.is_kept_from(*channel)) {
        // Nobody works for what does not exist.
        filter.channels.retain(|channel| !reader.is_kept_from(*channel));
        filter.channels.push(ChannelId(Uuid::nil()));
    }
    let read = app
        .read(workspace, move |conn| {
            let rows = agents::list(conn, workspace, filter, sort, after, limit + 1)?;
            let rows = rows.into_iter().map(|agent| shape_for(agent, &reader)).collect();
            Ok(match sort {
                AgentSort::Name => list.page(rows, limit, |agent| (agent.name.clone(), agent.id)),
                AgentSort::Assigned => by_count(&list, rows, limit, |counts| counts.assigned),
                AgentSort::Handled => by_count(&list, rows, limit, |counts| counts.handled),
                AgentSort::Resolved => by_count(&list, rows, limit, |counts| counts.resolved),
            })
        })
        .await?;
    Ok(reply::read(&app, &read))
}

fn by_count(list: &List, rows: Vec<Agent>, limit: i64, count: impl Fn(&AgentCounts) -> i64) -> Page<Agent> {
    list.page(rows, limit, |agent| (agent.counts.as_ref().map(&count).unwrap_or_default(), agent.id))
}
