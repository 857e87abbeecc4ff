use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageTemplates};
use domain::id::ChannelId;
use domain::resource::Template;
use domain::template::{ParameterFormat, TemplateCategory, TemplateComponents};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::templates::{self, TemplateDraft};
use crate::state::App;

/// A template to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTemplate {
    /// The channel that it is for; one of kind `whatsapp`.
    channel_id: ChannelId,
    /// Its name: 1 to 512 of a-z, 0-9 and `_`. With the language it is unique on the channel.
    #[schema(max_length = 512, example = "pesanan_dikirim", pattern = "^[a-z0-9_]{1,512}$")]
    name: String,
    /// Its language, as the provider writes it: `id`, `en_US`.
    #[schema(max_length = 8, example = "id", pattern = "^[a-z]{2,3}(_[A-Za-z0-9]{2,4})?$")]
    language: String,
    /// What it is for; `authentication` cannot be made here.
    #[schema(example = "utility")]
    category: TemplateCategory,
    /// How its variables are called; by number if absent.
    #[serde(default = "positional")]
    parameter_format: ParameterFormat,
    /// What it consists of.
    components: TemplateComponents,
    /// Whether it may start a conversation, or open one again; it may if absent.
    #[serde(default = "yes")]
    #[schema(example = true)]
    initiate: bool,
}

fn positional() -> ParameterFormat {
    ParameterFormat::Positional
}

fn yes() -> bool {
    true
}

/// Make a template
///
/// It is checked by the provider's rules, with an error for each slip, and handed in for review at once: `pending` until
/// the provider has decided, which is told by `template.updated`.
#[utoipa::path(tag = "templates", request_body = NewTemplate, params(RepeatHeader),
    extensions(("x-action" = json!(Action::ManageTemplates))),
    responses((status = 201, description = "Made, and waiting to be handed in", body = Template), Writing))]
#[post("/v1/templates")]
pub async fn create_template(
    app: web::Data<App>,
    caller: Auth<ManageTemplates>,
    repeat: Repeat,
    body: Body<NewTemplate>,
) -> Result<HttpResponse, Problem> {
    let new = body.value;
    let draft = TemplateDraft {
        channel_id: new.channel_id,
        name: new.name,
        language: new.language,
        category: new.category,
        parameter_format: new.parameter_format,
        components: new.components,
        initiate: new.initiate,
    };
    draft.check()?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| templates::create(tx, &caller, &draft))
        .await
}
