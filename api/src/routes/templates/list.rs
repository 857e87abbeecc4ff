use actix_web::{HttpResponse, get, web};
use domain::access::{Action, ReadTemplates, Visible};
use domain::id::ChannelId;
use domain::input;
use domain::resource::Template;
use domain::template::TemplateStatus;
use persistence::templates::{self, Filter};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::extract::Auth;
use crate::http::page::{self, List, Page};
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply;
use crate::http::responses::Reading;
use crate::state::App;

/// Which templates.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TemplateQuery {
    /// Only those of this channel; repeat it for "any of".
    #[serde(default)]
    channel_id: Vec<ChannelId>,
    /// Only those that stand like this; repeat it for "any of".
    #[serde(default)]
    status: Vec<TemplateStatus>,
    /// Only those that may, or may not, start a conversation.
    initiate: Option<bool>,
    /// Only those with this in their name, whatever its case; at most 100 characters.
    #[param(max_length = 100, format = "line")]
    q: Option<String>,
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    limit: Option<i64>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// List templates
///
/// By name and language. A template is of one channel; the numbers of one business account at the provider share their
/// templates, and each channel shows them once they were made on it or read for it.
#[utoipa::path(tag = "templates", params(TemplateQuery), extensions(("x-action" = json!(Action::ReadTemplates))),
    responses((status = 200, description = "A page of templates", body = Page<Template>), Reading))]
#[get("/v1/templates")]
pub async fn list_templates(
    app: web::Data<App>,
    caller: Auth<ReadTemplates>,
    query: Query<TemplateQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    if let Some(words) = &query.q {
        input::search("?q", words)?;
    }
    let visible = Visible::to(caller.actor());
    let (workspace, limit) = (visible.workspace_id, page::limit(query.limit)?);
    let narrowed = (&query.channel_id, &query.status, query.initiate, &query.q);
    let list = List::new(&app.keys, workspace, "templates", &narrowed);
    let after = list.after(query.cursor.as_deref())?;
    let filter = Filter {
        channels: query.channel_id,
        statuses: query.status,
        initiate: query.initiate,
        words: query.q.map(|words| words.trim().to_owned()),
    };
    let read = app
        .read(workspace, move |conn| {
            let only = visible.only_channels().map(<[_]>::to_vec);
            let rows = templates::list(conn, workspace, only, &filter, after, limit + 1)?;
            Ok(list.page(rows, limit, |one: &Template| (one.name.clone(), one.language.clone(), one.id)))
        })
        .await?;
    Ok(reply::read(&app, &read))
}
