//! One attempt to hand over a webhook, and when the next one is due.

use std::sync::Arc;
use std::time::Duration;

use super::channel::{SandboxChannel, SandboxKind};
use super::deliver::Webhook;
use super::shared::Shared;
use super::sign::hub_signature;

/// One attempt's end.
pub(super) struct Attempt {
    pub(super) status: Option<u16>,
    pub(super) retry_after: Option<u64>,
    pub(super) error: Option<String>,
}

impl Attempt {
    fn failed(error: String) -> Self {
        Self { status: None, retry_after: None, error: Some(error) }
    }

    /// Whether the webhook is done with.
    pub(super) fn taken(&self) -> bool {
        self.status.is_some_and(|code| (200..300).contains(&code))
    }
}

/// Posts a webhook once, to wherever its account's webhooks go now.
pub(super) async fn attempt(shared: &Arc<Shared>, webhook: &Webhook) -> Attempt {
    // Looked up at each attempt: the account may have moved since.
    let channel = shared.world().channel(&webhook.account).cloned();
    let attempt = match channel {
        Some(channel) => post(shared, &channel, webhook).await,
        None => Attempt::failed("the account is not connected any more".to_owned()),
    };
    if let Some(error) = attempt.error.clone() {
        let now = shared.now();
        let account = webhook.account.clone();
        shared.world().hook_errors.insert(account, (now, error));
    }
    attempt
}

async fn post(shared: &Arc<Shared>, channel: &SandboxChannel, webhook: &Webhook) -> Attempt {
    let Some(url) = channel.webhook_url() else {
        return Attempt::failed("no webhook is set".to_owned());
    };
    let request =
        shared.client.post(url).header("content-type", "application/json").timeout(shared.webhook_timeout);
    let request = match channel {
        SandboxChannel::Whatsapp { app_secret, .. } | SandboxChannel::Messenger { app_secret, .. } => request
            .header("user-agent", "facebookexternalua")
            .header("x-hub-signature-256", hub_signature(app_secret, &webhook.body)),
        SandboxChannel::Telegram { webhook_secret: Some(secret), .. } => {
            request.header("x-telegram-bot-api-secret-token", secret)
        }
        SandboxChannel::Telegram { .. } => request,
    };
    match request.body(webhook.body.clone()).send().await {
        Ok(answer) => {
            let status = answer.status();
            Attempt {
                status: Some(status.as_u16()),
                retry_after: answer
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok()?.parse().ok()),
                error: (!status.is_success()).then(|| format!("Wrong response from the webhook: {status}")),
            }
        }
        Err(error) if error.is_timeout() => Attempt::failed("Read timeout expired".to_owned()),
        Err(error) => Attempt::failed(format!("Connection failed: {}", error.without_url())),
    }
}

/// How long to wait after the given number of tries.
pub(super) fn retry_delay(kind: SandboxKind, tries: u32, retry_after: Option<u64>) -> Duration {
    if kind == SandboxKind::Telegram {
        if let Some(seconds) = retry_after {
            return Duration::from_secs(seconds.min(3600));
        }
        let cap = 60 + u64::from(rand::random::<u8>() % 61);
        return match tries {
            0 | 1 => Duration::ZERO,
            _ => Duration::from_secs(2_u64.saturating_pow(tries - 1).min(cap)),
        };
    }
    Duration::from_millis(match tries {
        0 | 1 => 0,
        2 => 200,
        3 => 1_000,
        4 => 2_000,
        5 => 5_000,
        6 => 10_000,
        _ => 30_000,
    })
}

#[cfg(test)]
mod tests {
    use super::retry_delay;
    use crate::sandbox::channel::SandboxKind;

    #[test]
    fn retries_start_at_once_and_slow_down() {
        let millis = |kind, tries| retry_delay(kind, tries, None).as_millis();
        let graph: Vec<_> = (1..=8).map(|tries| millis(SandboxKind::Whatsapp, tries)).collect();
        assert_eq!(graph, [0, 200, 1_000, 2_000, 5_000, 10_000, 30_000, 30_000]);
        let telegram: Vec<_> = (1..=4).map(|tries| millis(SandboxKind::Telegram, tries)).collect();
        assert_eq!(telegram, [0, 2_000, 4_000, 8_000]);
        assert!((60_000..=120_000).contains(&millis(SandboxKind::Telegram, 30)));
        assert_eq!(retry_delay(SandboxKind::Telegram, 1, Some(7)).as_secs(), 7);
    }
}
