use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadMessages};
use domain::id::{ConversationId, MessageId};
use domain::refusal::Refusal;
use domain::resource::Message;
use persistence::messages;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::ops::read::readable_conversation;
use crate::state::App;

/// Which messages.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MessageQuery {
    /// Go back from here: `next_cursor` of the page before, or a message's id.
    before: Option<String>,
    /// Go forward from here: `next_cursor` of the page before, or a message's id.
    after: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
}

impl MessageQuery {
    fn page(&self, list: &List) -> Result<messages::Page, Refusal> {
        let key = |text: &str| match text.parse::<MessageId>() {
            Ok(id) => Ok(Some(id)),
            Err(_) => list.after::<MessageId>(Some(text)),
        };
        match (self.before.as_deref(), self.after.as_deref()) {
            (None, None) => Ok(messages::Page::Before(None)),
            (Some(before), None) => Ok(messages::Page::Before(key(before)?)),
            (None, Some(after)) => {
                Ok(key(after)?.map_or(messages::Page::Before(None), messages::Page::After))
            }
            (Some(_), Some(_)) => Err(Refusal::invalid("?after", "one_of", "give either before or after")),
        }
    }
}

/// List messages
///
/// The newest first, or with `after` the oldest first. They are ordered by when they came here, which
/// is the order of their ids; `at` is when they were written by the provider's clock.
#[utoipa::path(tag = "messages",
    params(("conversation_id" = ConversationId, Path, description = "The conversation"), MessageQuery),
    extensions(("x-action" = json!(Action::ReadMessages))),
    responses((status = 200, description = "A page of messages", body = Page<Message>), Reading))]
#[get("/v1/conversations/{conversation_id}/messages")]
pub async fn list_messages(
    app: web::Data<App>,
    caller: Auth<ReadMessages>,
    id: web::Path<ConversationId>,
    query: Query<MessageQuery>,
) -> Result<HttpResponse, Problem> {
    let (id, now, caller) = (id.into_inner(), app.clock.now(), caller.into_caller());
    let workspace = caller.actor().workspace_id;
    let limit = page::limit(query.0.limit)?;
    let list = List::new(&app.keys, workspace, "messages", &id);
    let from = query.0.page(&list)?;
    let read = app
        .read(workspace, move |conn| {
            readable_conversation(conn, &caller, id, now)?;
            let rows = messages::list(conn, workspace, id, from, limit + 1)?;
            Ok(list.page(rows, limit, |message| message.id))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
