use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, ManageChannels};
use domain::channel::ChannelKind;
use domain::input;
use domain::refusal::Refusal;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::with_secret::ChannelWithSecret;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::channels::{self, ChannelDraft, ChannelSecrets};
use crate::state::App;
use crate::webhooks::signature::SigningSecrets;

/// The longest secret of a provider, in bytes; Meta's access tokens have about 250.
const SECRET_MAX: usize = 1024;
const ACCOUNT_MAX: usize = 64;

/// An account to be connected, by kind.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum NewChannel {
    /// A number at WhatsApp (Cloud API).
    WhatsApp {
        /// Its name in the team.
        #[schema(example = "WhatsApp Pusat", max_length = 100, format = "line")]
        name: String,
        /// The number's id at Meta.
        #[schema(example = "115029384756102", max_length = 64, format = "token")]
        phone_number_id: String,
        /// The business account's id at Meta.
        #[schema(example = "104859203847561", max_length = 64, format = "token")]
        waba_id: String,
        /// The number, as customers see it.
        #[schema(example = "+6281119876543", max_length = 100, format = "line")]
        display_phone_number: String,
        /// A token that may send for the number.
        #[schema(max_length = 1024, format = "token")]
        access_token: String,
        /// The secret of the Meta application.
        #[schema(max_length = 1024, format = "token")]
        app_secret: String,
        /// The words that Meta asks for when the webhook is entered there.
        #[schema(max_length = 1024, format = "token")]
        verify_token: String,
    },
    /// A Facebook Page.
    Messenger {
        /// Its name in the team.
        #[schema(example = "Halaman Toko Tani", max_length = 100, format = "line")]
        name: String,
        /// The Page's id.
        #[schema(example = "108273645501928", max_length = 64, format = "token")]
        page_id: String,
        /// The Meta application's id: what it sends itself comes back as an echo.
        #[schema(example = "1517776481860111", max_length = 64, format = "token")]
        app_id: String,
        /// A token that may send for the Page.
        #[schema(max_length = 1024, format = "token")]
        page_access_token: String,
        /// The secret of the Meta application.
        #[schema(max_length = 1024, format = "token")]
        app_secret: String,
        /// The words that Meta asks for when the webhook is entered there.
        #[schema(max_length = 1024, format = "token")]
        verify_token: String,
    },
    /// A Telegram bot.
    Telegram {
        /// Its name in the team.
        #[schema(example = "Bot Toko Tani", max_length = 100, format = "line")]
        name: String,
        /// The bot's token, `<id>:<secret>`.
        #[schema(max_length = 1024, pattern = "^[0-9]{1,20}:[!-~]*$")]
        bot_token: String,
        /// 1 to 256 of A-Z, a-z, 0-9, `_` and `-`, to be given to `setWebhook` as `secret_token`; made by the server
        /// if absent.
        #[schema(max_length = 256, pattern = "^[A-Za-z0-9_-]{1,256}$")]
        webhook_secret: Option<String>,
    },
    /// A channel of an integrator: what its customers write is delivered to `POST /v1/channels/{channel_id}/inbound`.
    Api {
        /// Its name in the team.
        #[schema(example = "Obrolan situs web", max_length = 100, format = "line")]
        name: String,
        /// Where what the team writes is handed over by `POST`: https, in the public Internet; `http` and private networks only
        /// as the installation allows (`TANGGAP_PRIVATE_RANGES_ALLOWED`). Without one, messages stay `queued` until a status
        /// is delivered.
        #[schema(example = "https://chat.example/tanggap", min_length = 1, max_length = 2000)]
        callback_url: Option<String>,
    },
}

impl NewChannel {
    fn into_draft(self) -> Result<ChannelDraft, Refusal> {
        let secret = |pointer: &str, text: &str| input::token(pointer, text, SECRET_MAX);
        let account = |pointer: &str, text: &str| input::token(pointer, text, ACCOUNT_MAX);
        Ok(match self {
            Self::WhatsApp {
                name,
                phone_number_id,
                waba_id,
                display_phone_number,
                access_token,
                app_secret,
                verify_token,
            } => ChannelDraft {
                name: input::name("/name", &name)?,
                kind: ChannelKind::WhatsApp,
                external_id: Some(account("/phone_number_id", &phone_number_id)?),
                callback_url: None,
                account: json!({
                    "waba_id": account("/waba_id", &waba_id)?,
                    "display_phone_number": input::name("/display_phone_number", &display_phone_number)?,
                }),
                secrets: ChannelSecrets::WhatsApp {
                    access_token: secret("/access_token", &access_token)?,
                    app_secret: secret("/app_secret", &app_secret)?,
                    verify_token: secret("/verify_token", &verify_token)?,
                },
            },
            Self::Messenger { name, page_id, app_id, page_access_token, app_secret, verify_token } => {
                ChannelDraft {
                    name: input::name("/name", &name)?,
                    kind: ChannelKind::Messenger,
                    external_id: Some(account("/page_id", &page_id)?),
                    callback_url: None,
                    account: json!({ "app_id": account("/app_id", &app_id)? }),
                    secrets: ChannelSecrets::Messenger {
                        page_access_token: secret("/page_access_token", &page_access_token)?,
                        app_secret: secret("/app_secret", &app_secret)?,
                        verify_token: secret("/verify_token", &verify_token)?,
                    },
                }
            }
            Self::Telegram { name, bot_token, webhook_secret } => {
                let bot_token = secret("/bot_token", &bot_token)?;
                ChannelDraft {
                    name: input::name("/name", &name)?,
                    kind: ChannelKind::Telegram,
                    external_id: Some(bot_id(&bot_token)?),
                    callback_url: None,
                    account: Value::Object(serde_json::Map::new()),
                    secrets: ChannelSecrets::Telegram {
                        bot_token,
                        webhook_secret: match webhook_secret {
                            Some(own) => telegram_secret(&own)?,
                            None => hex::encode(rand::random::<[u8; 32]>()),
                        },
                    },
                }
            }
            Self::Api { name, callback_url } => ChannelDraft {
                name: input::name("/name", &name)?,
                kind: ChannelKind::Api,
                external_id: None,
                account: Value::Object(serde_json::Map::new()),
                callback_url,
                secrets: ChannelSecrets::Api { signing: SigningSecrets::make() },
            },
        })
    }
}

/// The bot's id is the first part of its token.
pub(super) fn bot_id(token: &str) -> Result<String, Refusal> {
    let id = token.split_once(':').map(|(id, _)| id).unwrap_or_default();
    if !id.is_empty() && id.len() <= 20 && id.bytes().all(|byte| byte.is_ascii_digit()) {
        Ok(id.to_owned())
    } else {
        Err(Refusal::invalid(
            "/bot_token",
            "bot_token",
            "must be a bot's token: digits, a colon, and the rest",
        ))
    }
}

/// What Telegram takes as `secret_token`.
pub(super) fn telegram_secret(text: &str) -> Result<String, Refusal> {
    let fits = (1..=256).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if fits {
        Ok(text.to_owned())
    } else {
        Err(Refusal::invalid("/webhook_secret", "token", "must be 1 to 256 of A-Z, a-z, 0-9, _ and -"))
    }
}

/// Connect a channel
///
/// Enter `webhook_url` of the answer at the provider. Secrets are stored encrypted and never shown again. That of an `api` channel
/// is made here, and shown in this answer only; a repeat with the same `Idempotency-Key` shows it again for 24 hours.
#[utoipa::path(tag = "channels", request_body = NewChannel, params(RepeatHeader), extensions(("x-action" = json!(Action::ManageChannels))),
    responses((status = 201, description = "Connected", body = ChannelWithSecret), Writing))]
#[post("/v1/channels")]
pub async fn create_channel(
    app: web::Data<App>,
    caller: Auth<ManageChannels>,
    repeat: Repeat,
    body: Body<NewChannel>,
) -> Result<HttpResponse, Problem> {
    let draft = body.value.into_draft()?;
    let (shared, actor, caller) = (app.get_ref().clone(), caller.actor().clone(), caller.into_caller());
    let signing_secret = match &draft.secrets {
        ChannelSecrets::Api { signing } => Some(signing.current.text().to_owned()),
        _ => None,
    };
    let repeat = repeat.with_body(body.digest);
    let repeat = if signing_secret.is_some() { repeat.with_secret_answer() } else { repeat };
    repeat
        .write(&app, &actor, StatusCode::CREATED, move |tx| {
            let channel = channels::create(&shared, tx, &caller, &draft)?;
            Ok(ChannelWithSecret { channel, signing_secret: signing_secret.clone() })
        })
        .await
}
