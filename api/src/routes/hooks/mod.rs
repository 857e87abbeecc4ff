//! Webhooks of the providers: verify, parse, write down, answer 200, in that order.

mod messenger;
mod telegram;
mod whatsapp;

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse};
use domain::channel::ChannelKind;
use domain::id::ChannelId;
use domain::inbound::{InboundEvent, InboundKind};
use domain::refusal::Code;
use domain::time::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::channels::InboundBodyError;
use crate::channels::known::KnownChannel;
use crate::channels::signature::{self, secrets_match};
use crate::http::problem::Problem;
use crate::ops::channels::ChannelSecrets;
use crate::ops::ingest::Delivery;
use crate::state::App;

/// The operations of this folder.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services
        .service(whatsapp::verify_whatsapp_webhook)
        .service(whatsapp::receive_whatsapp_webhook)
        .service(messenger::verify_messenger_webhook)
        .service(messenger::receive_messenger_webhook)
        .service(telegram::receive_telegram_webhook);
}

/// What Meta asks when a webhook is entered there.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Verification {
    /// Always `subscribe`.
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    /// The words that only the owner of the webhook knows.
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
    /// What is to be answered.
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
}

impl Verification {
    /// Answers the challenge if the words are right.
    fn answer(self, ours: &str) -> Result<HttpResponse, Problem> {
        let right = self.mode.as_deref() == Some("subscribe")
            && secrets_match(ours, self.verify_token.as_deref().unwrap_or_default());
        let challenge = self.challenge.filter(|_| right).ok_or(Code::Forbidden)?;
        Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(challenge))
    }
}

/// The channel of a webhook's path, if it is of this kind.
async fn channel(app: &App, id: ChannelId, kind: ChannelKind) -> Result<Arc<KnownChannel>, Problem> {
    let known = app.known_channels.get(app, id).await?;
    known.filter(|known| known.channel.kind == kind).ok_or_else(|| Code::NotFound.into())
}

/// What proves that a webhook comes from Meta, and that its owner asks for verification.
fn meta(secrets: &ChannelSecrets) -> Result<(&str, &str), Problem> {
    match secrets {
        ChannelSecrets::WhatsApp { app_secret, verify_token, .. }
        | ChannelSecrets::Messenger { app_secret, verify_token, .. } => Ok((app_secret, verify_token)),
        ChannelSecrets::Telegram { .. } | ChannelSecrets::Api { .. } => Err(Code::NotFound.into()),
    }
}

/// Answers Meta's challenge for a channel of this kind.
async fn verify_meta(
    app: &App,
    id: ChannelId,
    kind: ChannelKind,
    asked: Verification,
) -> Result<HttpResponse, Problem> {
    let known = channel(app, id, kind).await?;
    asked.answer(meta(&known.secrets)?.1)
}

/// How a provider's body is read: the bytes, the channel they came to, and when.
type Parse = fn(&[u8], &KnownChannel, Timestamp) -> Result<Vec<InboundEvent>, InboundBodyError>;

/// Takes a body that Meta signed.
async fn receive_meta(
    app: &App,
    id: ChannelId,
    kind: ChannelKind,
    request: &HttpRequest,
    body: &[u8],
    parse: Parse,
) -> Result<HttpResponse, Problem> {
    let known = channel(app, id, kind).await?;
    let header = request.headers().get("X-Hub-Signature-256").and_then(|value| value.to_str().ok());
    if !signature::verify(body, header.unwrap_or_default(), meta(&known.secrets)?.0) {
        return Err(Code::InvalidSignature.into());
    }
    take(app, &known, parse(body, &known, app.clock.now())).await
}

/// Writes down what a body says, each thing on the channel it is for, and answers 200: also for
/// what nobody understands, because the provider would only send the same bytes again.
async fn take(
    app: &App,
    known: &KnownChannel,
    parsed: Result<Vec<InboundEvent>, InboundBodyError>,
) -> Result<HttpResponse, Problem> {
    let kind = known.channel.kind.as_str();
    let events = parsed.unwrap_or_else(|error| {
        metrics::counter!("webhook_ignored", "kind" => kind).increment(1);
        tracing::warn!(channel = %known.channel.id, reason = %error, "a signed webhook was not understood");
        Vec::new()
    });
    let mut deliveries: Vec<Delivery> = Vec::new();
    for event in events {
        if let InboundKind::Ignored { why } = event.what {
            metrics::counter!("webhook_ignored", "kind" => kind).increment(1);
            tracing::debug!(channel = %known.channel.id, why, "part of a webhook has no effect");
            continue;
        }
        let Some(channel_id) = addressee(app, known, &event.account).await? else {
            metrics::counter!("webhook_ignored", "kind" => kind).increment(1);
            continue;
        };
        match deliveries.last_mut().filter(|delivery| delivery.channel_id == channel_id) {
            Some(delivery) => delivery.events.push(event),
            None => deliveries.push(Delivery {
                workspace_id: known.channel.workspace_id,
                channel_id,
                kind: known.channel.kind,
                events: vec![event],
            }),
        }
    }
    app.ingest.store(deliveries).await?;
    Ok(HttpResponse::Ok().finish())
}

/// One webhook address may bring events of several numbers or Pages of the same application: each goes
/// to the channel of this workspace with that account. News of the whole business account goes to the
/// channel of the path.
async fn addressee(app: &App, known: &KnownChannel, account: &str) -> Result<Option<ChannelId>, Problem> {
    let channel = &known.channel;
    let business = channel.config["account"]["waba_id"].as_str();
    if account == channel.external_id || business == Some(account) {
        return Ok(Some(channel.id));
    }
    Ok(app.known_channels.by_account(app, channel.workspace_id, channel.kind, account).await?)
}
