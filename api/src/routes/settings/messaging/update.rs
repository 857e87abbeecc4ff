use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageWorkspace};
use domain::input;
use domain::refusal::Refusal;
use domain::resource::{AttachmentLimits, MessagingSettings};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::settings;
use crate::state::App;

/// What the messaging settings are to be: all of them. What is left out and can be null is null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessagingSettings {
    /// How many minutes before a reply window closes those concerned are told; null: they are not.
    #[schema(example = 60, minimum = 1, maximum = 1440)]
    pub reply_window_warning_minutes: Option<u32>,
    /// The largest upload of each kind, in bytes. A channel may take less.
    pub attachment_limits: NewAttachmentLimits,
}

/// The largest upload of each kind, in bytes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAttachmentLimits {
    /// Pictures.
    #[schema(example = 5_242_880, minimum = 1, maximum = 10_485_760)]
    pub image: u64,
    /// Videos.
    #[schema(example = 16_777_216, minimum = 1, maximum = 52_428_800)]
    pub video: u64,
    /// Other files.
    #[schema(example = 10_485_760, minimum = 1, maximum = 104_857_600)]
    pub document: u64,
    /// Sound files.
    #[schema(example = 16_777_216, minimum = 1, maximum = 52_428_800)]
    pub audio: u64,
}

impl NewMessagingSettings {
    fn checked(self) -> Result<MessagingSettings, Refusal> {
        if let Some(minutes) = self.reply_window_warning_minutes {
            input::number("/reply_window_warning_minutes", minutes, 1..=1440)?;
        }
        let NewAttachmentLimits { image, video, document, audio } = self.attachment_limits;
        let limits = AttachmentLimits { image, video, document, audio };
        limits.check("/attachment_limits")?;
        Ok(MessagingSettings {
            reply_window_warning_minutes: self.reply_window_warning_minutes,
            attachment_limits: limits,
            version: 0,
        })
    }
}

/// Set the messaging settings
///
/// Uploads that have begun are measured by the limits of when they began; what is here stays, whatever its size.
#[utoipa::path(tag = "messages", request_body = NewMessagingSettings, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 200, description = "Set", body = MessagingSettings), Writing))]
#[put("/v1/settings/messaging")]
pub async fn update_messaging_settings(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    request: HttpRequest,
    body: Body<NewMessagingSettings>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let (wanted, caller) = (body.value.checked()?, caller.into_caller());
    let settings =
        app.write_configuration(move |tx| settings::set_messaging(tx, &caller, expected, &wanted)).await?;
    Ok(reply::versioned(&settings))
}
