//! The accounts that the sandbox plays the provider for.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// What a provider's account is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SandboxKind {
    /// WhatsApp Cloud API.
    Whatsapp,
    /// Messenger Send API.
    Messenger,
    /// Telegram Bot API.
    Telegram,
}

impl SandboxKind {
    /// The word for it in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Whatsapp => "whatsapp",
            Self::Messenger => "messenger",
            Self::Telegram => "telegram",
        }
    }
}

/// One account at a provider: who may send through it, and where its webhooks go.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum SandboxChannel {
    /// A WhatsApp business number.
    Whatsapp {
        /// The id in the path of a send.
        phone_number_id: String,
        /// The number itself; its country code is what a `to` without `+` gets.
        display_phone_number: String,
        /// The WhatsApp Business Account, `entry[].id` of webhooks.
        waba_id: String,
        /// What sends have to carry as bearer.
        access_token: String,
        /// The key of webhook signatures.
        app_secret: String,
        /// Where webhooks go.
        webhook_url: String,
    },
    /// A Facebook page.
    Messenger {
        /// The id in the path of a send.
        page_id: String,
        /// The app that sends.
        app_id: String,
        /// What sends have to carry as bearer.
        page_access_token: String,
        /// The key of webhook signatures.
        app_secret: String,
        /// Where webhooks go.
        webhook_url: String,
    },
    /// A Telegram bot.
    Telegram {
        /// The token in the path of every call; its first part is the bot's id.
        bot_token: String,
        /// What updates carry in `X-Telegram-Bot-Api-Secret-Token`; `setWebhook` changes it.
        #[serde(default)]
        webhook_secret: Option<String>,
        /// Where updates go; `setWebhook` changes it. Without one they wait.
        #[serde(default)]
        webhook_url: Option<String>,
    },
}

impl SandboxChannel {
    /// The account's id at the provider: phone number id, page id, or bot id.
    #[must_use]
    pub fn account(&self) -> &str {
        match self {
            Self::Whatsapp { phone_number_id, .. } => phone_number_id,
            Self::Messenger { page_id, .. } => page_id,
            Self::Telegram { bot_token, .. } => bot_token.split(':').next().unwrap_or(bot_token),
        }
    }

    /// Which provider it belongs to.
    #[must_use]
    pub fn kind(&self) -> SandboxKind {
        match self {
            Self::Whatsapp { .. } => SandboxKind::Whatsapp,
            Self::Messenger { .. } => SandboxKind::Messenger,
            Self::Telegram { .. } => SandboxKind::Telegram,
        }
    }

    /// What sends have to carry.
    pub(super) fn token(&self) -> &str {
        match self {
            Self::Whatsapp { access_token, .. } => access_token,
            Self::Messenger { page_access_token, .. } => page_access_token,
            Self::Telegram { bot_token, .. } => bot_token,
        }
    }

    /// Where webhooks go, if anywhere.
    pub(super) fn webhook_url(&self) -> Option<&str> {
        match self {
            Self::Whatsapp { webhook_url, .. } | Self::Messenger { webhook_url, .. } => Some(webhook_url),
            Self::Telegram { webhook_url, .. } => webhook_url.as_deref(),
        }
    }

    /// The account as the control API shows it: secrets cut to their last four letters.
    pub(super) fn masked(&self) -> Value {
        match self {
            Self::Whatsapp {
                phone_number_id,
                display_phone_number,
                waba_id,
                access_token,
                app_secret,
                webhook_url,
            } => json!({
                "kind": "whatsapp", "account": phone_number_id, "phone_number_id": phone_number_id,
                "display_phone_number": display_phone_number, "waba_id": waba_id,
                "access_token": mask(access_token), "app_secret": mask(app_secret),
                "webhook_url": webhook_url,
            }),
            Self::Messenger { page_id, app_id, page_access_token, app_secret, webhook_url } => json!({
                "kind": "messenger", "account": page_id, "page_id": page_id, "app_id": app_id,
                "page_access_token": mask(page_access_token), "app_secret": mask(app_secret),
                "webhook_url": webhook_url,
            }),
            Self::Telegram { bot_token, webhook_secret, webhook_url } => json!({
                "kind": "telegram", "account": self.account(), "bot_token": mask(bot_token),
                "webhook_secret": webhook_secret.as_deref().map(mask), "webhook_url": webhook_url,
            }),
        }
    }

    /// What is wrong with it, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        if self.account().is_empty() || !self.account().bytes().all(|byte| byte.is_ascii_digit()) {
            return Some("the account's id must be digits".to_owned());
        }
        if self.token().is_empty() {
            return Some("the access token is empty".to_owned());
        }
        if let Self::Whatsapp { display_phone_number, .. } = self
            && super::ids::digits(display_phone_number).len() < 7
        {
            return Some("`display_phone_number` is no international phone number".to_owned());
        }
        let url = self.webhook_url()?;
        match url::Url::parse(url) {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => None,
            _ => Some(format!("`webhook_url` is no http(s) URL: {url}")),
        }
    }
}

impl fmt::Debug for SandboxChannel {
    /// Without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind().as_str(), self.account())
    }
}

/// The last four letters, where there are enough others to hide.
fn mask(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    match letters.len() {
        0..=8 => "…".to_owned(),
        length => format!("…{}", letters.iter().skip(length - 4).collect::<String>()),
    }
}
