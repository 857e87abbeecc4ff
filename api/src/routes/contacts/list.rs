use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadContacts, Visible};
use domain::id::LabelId;
use domain::resource::Contact;
use domain::search::CustomerSearch;
use persistence::contacts::{self, ContactSearch, Filter};
use persistence::db::in_one_snapshot;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::{Query, any_of};
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which contacts.
#[derive(Debug, Clone, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ContactQuery {
    /// Only those with these words in their name, whatever their case and accents, or with these digits in their number; 1 to
    /// 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// Only those with a conversation that has this label; repeat it for "any of", at most 50.
    #[serde(default)]
    #[param(max_items = 50)]
    label_id: Vec<LabelId>,
    /// `true`: only those who are blocked; `false`: only those who are not.
    blocked: Option<bool>,
    /// The most items of the page.
    #[serde(skip_serializing_if = "page::is_no_filter")]
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    #[serde(skip_serializing_if = "page::is_no_filter")]
    cursor: Option<String>,
}

/// List contacts
///
/// By name, whatever its case and accents. Contacts are the whole team's, unless the workspace keeps the caller to its allocation:
/// then it sees those of its channels, those whose conversation it holds, and those that are on no channel.
#[utoipa::path(tag = "contacts", params(ContactQuery), extensions(("x-action" = json!(Action::ReadContacts))),
    responses((status = 200, description = "A page of contacts", body = Page<Contact>), Reading))]
#[get("/v1/contacts")]
pub async fn list_contacts(
    app: web::Data<App>,
    caller: Auth<ReadContacts>,
    query: Query<ContactQuery>,
) -> Result<HttpResponse, Problem> {
    let (query, visible) = (query.0, Visible::to(caller.actor()));
    let limit = page::limit(query.limit)?;
    let list = List::new(&app.keys, visible.workspace_id, "contacts", &query);
    let after = list.after(query.cursor.as_deref())?;
    let filter = Filter {
        search: query
            .q
            .as_deref()
            .map(|words| CustomerSearch::of("?q", words))
            .transpose()?
            .map(ContactSearch::from),
        labels: any_of("?label_id", query.label_id)?,
        blocked: query.blocked,
    };
    let read = app
        .read(visible.workspace_id, move |conn| {
            let rows = in_one_snapshot(conn, |conn| {
                Ok(contacts::list(conn, &visible, &filter, after.clone(), limit + 1)?)
            })?;
            let Page { items, next_cursor } = list.page(rows, limit, |(place, _)| place.clone());
            Ok(Page { items: items.into_iter().map(|(_, contact)| contact).collect(), next_cursor })
        })
        .await?;
    Ok(reply::read(&app, &read))
}
