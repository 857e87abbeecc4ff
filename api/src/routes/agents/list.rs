use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTeam};
use domain::resource::Agent;
use persistence::agents;

use crate::auth::extract::Auth;
use crate::http::page::PageQuery;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::visible_agent;
use crate::state::App;

/// List agents
///
/// By name.
#[utoipa::path(tag = "team", params(PageQuery), extensions(("x-action" = json!(Action::ReadTeam))),
    responses((status = 200, description = "A page of agents", body = Page<Agent>), Reading))]
#[get("/v1/agents")]
pub async fn list_agents(
    app: web::Data<App>,
    caller: Auth<ReadTeam>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let reader = caller.actor().clone();
    let workspace = reader.workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "agents", &());
    let after = list.after(query.0.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            let rows = agents::list(conn, workspace, after, limit + 1)?;
            let rows: Vec<Agent> = rows.into_iter().map(|agent| visible_agent(agent, &reader)).collect();
            Ok(list.page(rows, limit, |agent| (agent.name.clone(), agent.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
