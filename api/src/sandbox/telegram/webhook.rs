//! Where a bot's updates go.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use url::Url;

use crate::sandbox::channel::SandboxChannel;
use crate::sandbox::reply::{Reply, telegram_error};
use crate::sandbox::shared::Shared;

/// Changes the bot's webhook; whether it was another one before.
fn change(shared: &Shared, bot: &str, url: Option<String>, secret: Option<String>) -> bool {
    let mut world = shared.world();
    for channel in &mut world.channels {
        let own = channel.account() == bot;
        if let SandboxChannel::Telegram { webhook_url, webhook_secret, .. } = channel
            && own
        {
            let changed = *webhook_url != url || *webhook_secret != secret;
            *webhook_url = url;
            *webhook_secret = secret;
            return changed;
        }
    }
    false
}

/// `setWebhook`. As the real one, but plain http is taken where it stays on this machine.
pub(in crate::sandbox) fn set(shared: &Arc<Shared>, bot: &str, arguments: &Map<String, Value>) -> Reply {
    let url = arguments.get("url").and_then(Value::as_str).unwrap_or("");
    if url.is_empty() {
        return delete(shared, bot);
    }
    if !is_allowed(url) {
        return telegram_error(400, "Bad Request: bad webhook: An HTTPS URL must be provided for webhook");
    }
    let secret = arguments.get("secret_token").and_then(Value::as_str).unwrap_or("");
    if secret.len() > 256 {
        return telegram_error(400, "Bad Request: secret token is too long");
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if !secret.bytes().all(allowed) {
        return telegram_error(400, "Bad Request: secret token contains unallowed characters");
    }
    let secret = (!secret.is_empty()).then(|| secret.to_owned());
    let description = if change(shared, bot, Some(url.to_owned()), secret) {
        "Webhook was set"
    } else {
        "Webhook is already set"
    };
    Reply::ok(json!({"ok": true, "result": true, "description": description}))
}

/// https on a port that Telegram calls, or http to this machine.
fn is_allowed(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "http" => local,
        "https" => local || matches!(url.port_or_known_default(), Some(443 | 80 | 88 | 8443)),
        _ => false,
    }
}

/// `deleteWebhook`. Updates wait until there is one again.
pub(in crate::sandbox) fn delete(shared: &Arc<Shared>, bot: &str) -> Reply {
    let description =
        if change(shared, bot, None, None) { "Webhook was deleted" } else { "Webhook is already deleted" };
    Reply::ok(json!({"ok": true, "result": true, "description": description}))
}

/// `getWebhookInfo`.
pub(in crate::sandbox) fn info(shared: &Arc<Shared>, bot: &str) -> Reply {
    let world = shared.world();
    let url = world.channel(bot).and_then(SandboxChannel::webhook_url).unwrap_or("");
    let pending = world
        .log
        .iter()
        .filter(|entry| entry.channel == bot)
        .flat_map(|entry| &entry.webhooks)
        .filter(|trace| trace.state == "pending")
        .count();
    let mut result = json!({
        "url": url,
        "has_custom_certificate": false,
        "pending_update_count": pending,
        "max_connections": 40,
    });
    if let Some((at, error)) = world.hook_errors.get(bot) {
        result["last_error_date"] = json!(at.unix_seconds());
        result["last_error_message"] = json!(error);
    }
    Reply::ok(json!({"ok": true, "result": result}))
}
