use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, ManageChannels};
use domain::id::ChannelId;
use domain::input;
use domain::refusal::Refusal;
use domain::resource::Channel;
use serde::Deserialize;
use utoipa::ToSchema;

use super::create::telegram_secret;
use crate::auth::extract::Auth;
use crate::http::body::{Body, present};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::channels::{self, ChannelPatch};
use crate::state::App;

/// What is to be changed of a channel; what is absent stays. Only the secrets of the channel's kind
/// can be given.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChannelChange {
    /// Its name in the team.
    #[schema(example = "WhatsApp Cabang", max_length = 100, format = "line")]
    pub name: Option<String>,
    /// WhatsApp: a token that may send for the number.
    #[schema(max_length = 1024, format = "token")]
    pub access_token: Option<String>,
    /// Messenger: a token that may send for the Page.
    #[schema(max_length = 1024, format = "token")]
    pub page_access_token: Option<String>,
    /// WhatsApp and Messenger: the secret of the Meta application.
    #[schema(max_length = 1024, format = "token")]
    pub app_secret: Option<String>,
    /// WhatsApp and Messenger: the words that Meta asks for.
    #[schema(max_length = 1024, format = "token")]
    pub verify_token: Option<String>,
    /// Telegram: the bot's token; of the same bot.
    #[schema(max_length = 1024, format = "token")]
    pub bot_token: Option<String>,
    /// Telegram: what the provider sends along.
    #[schema(max_length = 256, pattern = "^[A-Za-z0-9_-]{1,256}$")]
    pub webhook_secret: Option<String>,
    /// `api`: where what the team writes is handed over from now on; null: nowhere.
    #[serde(default, deserialize_with = "present")]
    #[schema(example = "https://chat.example/tanggap", min_length = 1, max_length = 2000)]
    pub callback_url: Option<Option<String>>,
}

impl ChannelChange {
    fn into_patch(self) -> Result<ChannelPatch, Refusal> {
        let mut patch = ChannelPatch { callback_url: self.callback_url, ..ChannelPatch::default() };
        if let Some(name) = self.name {
            patch.name = Some(input::name("/name", &name)?);
        }
        let secrets = [
            ("access_token", self.access_token),
            ("page_access_token", self.page_access_token),
            ("app_secret", self.app_secret),
            ("verify_token", self.verify_token),
            ("bot_token", self.bot_token),
            ("webhook_secret", self.webhook_secret),
        ];
        for (name, value) in secrets {
            let Some(value) = value else { continue };
            let checked = match name {
                "webhook_secret" => telegram_secret(&value)?,
                _ => input::token(&format!("/{name}"), &value, 1024)?,
            };
            patch.secrets.push((name, checked));
        }
        Ok(patch)
    }
}

/// Change a channel
///
/// New credentials, or a callback (the same one will do), bring a channel that needed attention back to work: what waited is sent.
/// A callback is handed what is written from then on; without one, what waits stays `queued`, and goes to the next one.
#[utoipa::path(tag = "channels", request_body = ChannelChange,
    params(("channel_id" = ChannelId, Path, description = "The channel"), VersionHeader),
    extensions(("x-action" = json!(Action::ManageChannels))),
    responses((status = 200, description = "Changed", body = Channel), Writing))]
#[patch("/v1/channels/{channel_id}")]
pub async fn update_channel(
    app: web::Data<App>,
    caller: Auth<ManageChannels>,
    id: web::Path<ChannelId>,
    request: HttpRequest,
    body: Body<ChannelChange>,
) -> Result<HttpResponse, Problem> {
    let (id, expected) = (id.into_inner(), reply::expected_version(&request)?);
    let patch = body.value.into_patch()?;
    let (shared, caller) = (app.get_ref().clone(), caller.into_caller());
    let channel = app.write(move |tx| channels::update(&shared, tx, &caller, id, expected, &patch)).await?;
    app.known_channels.forget(id);
    Ok(reply::versioned(&channel))
}
