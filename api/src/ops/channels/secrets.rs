//! What channels keep to themselves.

use domain::refusal::Refusal;
use domain::resource::SecretHint;
use persistence::channels::StoredChannel;
use persistence::error::{Failure, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::channels::ChannelCredentials;
use crate::channels::messenger::outbound::MessengerCredentials;
use crate::channels::telegram::outbound::TelegramCredentials;
use crate::channels::whatsapp::outbound::WhatsAppCredentials;
use crate::secrets;
use crate::state::App;
use crate::webhooks::signature::SigningSecrets;

/// What a channel keeps to itself, by kind.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum ChannelSecrets {
    /// A number at WhatsApp.
    WhatsApp {
        /// Speaks to the Graph API.
        access_token: String,
        /// Proves that a webhook comes from Meta.
        app_secret: String,
        /// Proves that the webhook's owner asks for verification.
        verify_token: String,
    },
    /// A Facebook Page.
    Messenger {
        /// Speaks to the Graph API.
        page_access_token: String,
        /// Proves that a webhook comes from Meta.
        app_secret: String,
        /// Proves that the webhook's owner asks for verification.
        verify_token: String,
    },
    /// A Telegram bot.
    Telegram {
        /// Speaks to the Bot API.
        bot_token: String,
        /// Proves that a webhook comes from Telegram.
        webhook_secret: String,
    },
    /// A channel of an integrator.
    Api {
        /// Prove to its callback that a call is ours.
        signing: SigningSecrets,
    },
}

impl ChannelSecrets {
    fn named(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::WhatsApp { access_token, app_secret, verify_token } => {
                vec![
                    ("access_token", access_token),
                    ("app_secret", app_secret),
                    ("verify_token", verify_token),
                ]
            }
            Self::Messenger { page_access_token, app_secret, verify_token } => vec![
                ("page_access_token", page_access_token),
                ("app_secret", app_secret),
                ("verify_token", verify_token),
            ],
            Self::Telegram { bot_token, webhook_secret } => {
                vec![("bot_token", bot_token), ("webhook_secret", webhook_secret)]
            }
            Self::Api { signing } => vec![("signing_secret", signing.current.text())],
        }
    }

    fn slot(&mut self, name: &str) -> Option<&mut String> {
        match (self, name) {
            (Self::WhatsApp { access_token, .. }, "access_token") => Some(access_token),
            (Self::Messenger { page_access_token, .. }, "page_access_token") => Some(page_access_token),
            (Self::WhatsApp { app_secret, .. } | Self::Messenger { app_secret, .. }, "app_secret") => {
                Some(app_secret)
            }
            (Self::WhatsApp { verify_token, .. } | Self::Messenger { verify_token, .. }, "verify_token") => {
                Some(verify_token)
            }
            (Self::Telegram { bot_token, .. }, "bot_token") => Some(bot_token),
            (Self::Telegram { webhook_secret, .. }, "webhook_secret") => Some(webhook_secret),
            _ => None,
        }
    }

    /// Names and last four characters, for people. A short secret shows none: four would be too much of it.
    fn hints(&self) -> Vec<SecretHint> {
        let hint = |(name, secret): (&str, &str)| {
            let characters: Vec<char> = secret.chars().collect();
            let ends_with =
                (characters.len() >= 12).then(|| characters[characters.len() - 4..].iter().collect());
            SecretHint { name: name.to_owned(), ends_with }
        };
        self.named().into_iter().map(hint).collect()
    }

    /// What sending by a provider needs; `None` for a channel of an integrator, which has no provider.
    #[must_use]
    pub fn credentials(&self, external_id: &str) -> Option<ChannelCredentials> {
        let account = external_id.to_owned();
        Some(match self.clone() {
            Self::WhatsApp { access_token, .. } => {
                ChannelCredentials::WhatsApp(WhatsAppCredentials { phone_number_id: account, access_token })
            }
            Self::Messenger { page_access_token, .. } => {
                ChannelCredentials::Messenger(MessengerCredentials {
                    page_id: account,
                    access_token: page_access_token,
                })
            }
            Self::Telegram { bot_token, .. } => {
                ChannelCredentials::Telegram(TelegramCredentials { bot_token })
            }
            Self::Api { .. } => return None,
        })
    }
}

/// Decrypts a channel's secrets.
///
/// # Errors
/// If another key wrote them.
pub fn open(app: &App, channel: &StoredChannel) -> Result<ChannelSecrets, StoreError> {
    secrets::open(&app.keys, channel.id, &channel.secrets)
        .map_err(|error| StoreError::internal(error.to_string()))
}

pub(super) fn replaced(
    mut secrets: ChannelSecrets,
    channel: &StoredChannel,
    new: &[(&'static str, String)],
) -> Result<ChannelSecrets, Refusal> {
    for (name, value) in new {
        let pointer = format!("/{name}");
        let slot = secrets.slot(name).ok_or_else(|| {
            Refusal::invalid(&*pointer, "kind", format!("a {} channel has no such secret", channel.kind))
        })?;
        if *name == "bot_token" && value.split(':').next() != Some(&channel.external_id) {
            return Err(Refusal::invalid(pointer, "bot_token", "must be a token of the same bot"));
        }
        slot.clone_from(value);
    }
    Ok(secrets)
}

pub(super) fn seal(app: &App, channel: &mut StoredChannel, secrets: &ChannelSecrets) -> Result<(), Failure> {
    channel.secrets = secrets::seal(&app.keys, channel.id, secrets)
        .map_err(|error| StoreError::internal(error.to_string()))?;
    channel.config["secrets"] = json!(secrets.hints());
    Ok(())
}
