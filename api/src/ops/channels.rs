//! Connected accounts.

use domain::access::{Caller, ManageChannels};
use domain::actor::Actor;
use domain::agent::Role;
use domain::audit::AuditAction;
use domain::channel::{ChannelKind, ChannelState};
use domain::event::{Audience, EventType};
use domain::id::ChannelId;
use domain::refusal::{Code, Refusal};
use domain::resource::{Channel, ChannelStatus, SecretHint};
use persistence::channels::{self, StoredChannel};
use persistence::error::{Failure, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::precondition::expect_version;
use super::transaction::{Administration, Change, Tx};
use crate::channels::ChannelCredentials;
use crate::channels::messenger::outbound::MessengerCredentials;
use crate::channels::telegram::outbound::TelegramCredentials;
use crate::channels::whatsapp::outbound::WhatsAppCredentials;
use crate::secrets;
use crate::state::App;
use domain::resource::EventActor;

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

    /// What sending needs.
    #[must_use]
    pub fn credentials(&self, external_id: &str) -> ChannelCredentials {
        let account = external_id.to_owned();
        match self.clone() {
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
        }
    }
}

/// A channel to be connected.
#[derive(Clone)]
pub struct ChannelDraft {
    /// Its name in the team.
    pub name: String,
    /// What kind of account.
    pub kind: ChannelKind,
    /// The account at the provider.
    pub external_id: String,
    /// What else may be shown of the account.
    pub account: Value,
    /// The rest.
    pub secrets: ChannelSecrets,
}

/// What is to be changed of a channel; `None` stays.
#[derive(Clone, Default)]
pub struct ChannelPatch {
    /// Its name.
    pub name: Option<String>,
    /// New secrets, by name. A channel that needed attention is tried again.
    pub secrets: Vec<(&'static str, String)>,
}

/// Connects an account.
///
/// # Errors
/// `channel_exists`; `forbidden` for a program that is limited to other channels.
pub fn create(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageChannels>,
    draft: &ChannelDraft,
) -> Result<Channel, Failure> {
    let actor = caller.actor();
    caller.on_workspace()?;
    let id: ChannelId = tx.id();
    let mut channel = StoredChannel {
        workspace_id: actor.workspace_id,
        id,
        kind: draft.kind,
        name: draft.name.clone(),
        external_id: draft.external_id.clone(),
        config: json!({ "account": draft.account }),
        secrets: Vec::new(),
        state: ChannelState::Connected,
        state_detail: None,
        agents: Vec::new(),
        policy: None,
        version: 1,
        created_at: tx.now,
    };
    seal(app, &mut channel, &draft.secrets)?;
    channels::insert(tx.conn, channel.clone()).map_err(|error| match error {
        StoreError::Taken(_) => Failure::from(Code::ChannelExists),
        other => other.into(),
    })?;
    let shape = shape_for(app, channel, actor);
    tx.administer(Administration {
        workspace_id: actor.workspace_id,
        event_type: EventType::ChannelCreated,
        audience: Audience::Channel(id),
        actor: &EventActor::from(actor),
        action: AuditAction::Created,
        before: None,
        after: Some(&shape),
    });
    Ok(shape)
}

/// Changes a channel.
///
/// # Errors
/// `not_found`, `version_mismatch`; `validation_failed` for secrets of another kind.
pub fn update(
    app: &App,
    tx: &mut Tx<'_>,
    caller: &Caller<ManageChannels>,
    id: ChannelId,
    expected_version: Option<i64>,
    patch: &ChannelPatch,
) -> Result<Channel, Failure> {
    let actor = caller.actor();
    caller.on_channel(id)?;
    let mut channel = channels::lock(tx.conn, actor.workspace_id, id)?.ok_or(Code::NotFound)?;
    expect_version(expected_version, channel.version)?;
    let before = shape_for(app, channel.clone(), actor);
    let old = open(app, &channel)?;
    let secrets = replaced(old.clone(), &channel, &patch.secrets)?;
    let tried_again = !patch.secrets.is_empty() && channel.state != ChannelState::Connected;
    let renamed = patch.name.as_ref().is_some_and(|name| *name != channel.name);
    if secrets == old && !tried_again && !renamed {
        return Ok(before);
    }
    if let Some(name) = &patch.name {
        channel.name.clone_from(name);
    }
    if !patch.secrets.is_empty() {
        seal(app, &mut channel, &secrets)?;
        channel.state = ChannelState::Connected;
        channel.state_detail = None;
        tx.has_jobs();
    }
    channels::update(tx.conn, &mut channel)?;
    let shape = shape_for(app, channel, actor);
    tx.administer(Administration {
        workspace_id: actor.workspace_id,
        event_type: EventType::ChannelUpdated,
        audience: Audience::Channel(id),
        actor: &EventActor::from(actor),
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&shape),
    });
    Ok(shape)
}

/// Decrypts a channel's secrets.
///
/// # Errors
/// If another key wrote them.
pub fn open(app: &App, channel: &StoredChannel) -> Result<ChannelSecrets, StoreError> {
    secrets::open(&app.keys, channel.id, &channel.secrets)
        .map_err(|error| StoreError::internal(error.to_string()))
}

fn replaced(
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

fn seal(app: &App, channel: &mut StoredChannel, secrets: &ChannelSecrets) -> Result<(), Failure> {
    channel.secrets = secrets::seal(&app.keys, channel.id, secrets)
        .map_err(|error| StoreError::internal(error.to_string()))?;
    channel.config["secrets"] = json!(secrets.hints());
    Ok(())
}

/// Notes that a channel changed by itself.
pub(super) fn tell_channel(
    app: &App,
    tx: &mut Tx<'_>,
    channel: &StoredChannel,
    event_type: EventType,
    actor: &EventActor,
) {
    let shape = shape(app, channel.clone());
    tx.tell(Change {
        workspace_id: channel.workspace_id,
        event_type,
        audience: Audience::Channel(channel.id),
        conversation_id: None,
        actor,
        data: &shape,
        previous: None,
    });
}

/// How a channel looks to clients.
#[must_use]
pub fn shape(app: &App, channel: StoredChannel) -> Channel {
    let webhook_url = format!("{}/hooks/{}/{}", app.settings.public_url, channel.kind, channel.id);
    Channel {
        id: channel.id,
        kind: channel.kind,
        name: channel.name,
        external_id: channel.external_id,
        account: channel.config["account"].clone(),
        status: ChannelStatus { state: channel.state, detail: channel.state_detail },
        webhook_url,
        capabilities: channel.kind.capabilities(),
        agents: channel.agents,
        policy: channel.policy,
        secrets: None,
        version: channel.version,
        created_at: channel.created_at,
    }
}

/// The same with the secrets' last characters: for admins who ask, never in events.
#[must_use]
pub fn shape_for(app: &App, channel: StoredChannel, reader: &Actor) -> Channel {
    let hints = serde_json::from_value(channel.config["secrets"].clone()).unwrap_or_default();
    let secrets = (reader.role == Role::Admin).then_some(hints);
    Channel { secrets, ..shape(app, channel) }
}
