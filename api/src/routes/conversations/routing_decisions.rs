use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadConversation};
use domain::id::ConversationId;
use domain::resource::RoutingDecision;
use persistence::routing;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page, PageQuery};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_conversation;
use crate::state::App;

/// List the routing decisions of a conversation
///
/// Newest first: what routing was asked, who could have been given the conversation, why the others were left out, and
/// what told the winner from the next in line. `load` and `last_assigned_at` of members are null where the caller may not
/// know their counts: see `counts` of an agent; an API key also needs `team:read`. Old decisions are forgotten.
#[utoipa::path(tag = "routing",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), PageQuery),
    extensions(("x-action" = json!(Action::ReadConversation))),
    responses((status = 200, description = "A page of decisions", body = Page<RoutingDecision>), Reading))]
#[get("/v1/conversations/{conversation_id}/routing-decisions")]
pub async fn list_routing_decisions(
    app: web::Data<App>,
    caller: Auth<ReadConversation>,
    id: web::Path<ConversationId>,
    query: Query<PageQuery>,
) -> Result<HttpResponse, Problem> {
    let (id, query, now) = (id.into_inner(), query.0, app.clock.now());
    let caller = caller.into_caller();
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, workspace, "routing_decisions", &id);
    let before = list.after(query.cursor.as_deref())?;
    let read = app
        .read(workspace, move |conn| {
            readable_conversation(conn, &caller, id, now)?;
            let rows = routing::decisions_of(conn, workspace, id, before, limit + 1)?;
            let rows = rows.into_iter().map(|decision| decision.seen_by(caller.actor())).collect();
            Ok(list.page(rows, limit, |decision: &RoutingDecision| decision.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
