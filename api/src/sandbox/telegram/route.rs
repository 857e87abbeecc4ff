//! `/bot<token>/<method>`.

use std::sync::Arc;

use actix_web::web::{Data, Path, Payload};
use actix_web::{HttpRequest, HttpResponse, route};
use serde_json::{Map, Value, json};

use super::compose::compose;
use super::methods::{send, send_chat_action, set_reaction};
use super::{events, webhook};
use crate::sandbox::channel::SandboxChannel;
use crate::sandbox::media;
use crate::sandbox::reply::{Reply, telegram_error};
use crate::sandbox::shared::Shared;
use crate::sandbox::uploads::{self, Upload, is_form};

/// The largest body that brings no file.
const BODY_LIMIT: usize = 1024 * 1024;

/// Any method of the Bot API; its name may be written in any case.
#[route("/bot{token}/{method}", method = "GET", method = "POST")]
pub(in crate::sandbox) async fn call_method(
    request: HttpRequest,
    path: Path<(String, String)>,
    payload: Payload,
    shared: Data<Arc<Shared>>,
) -> HttpResponse {
    let (token, method) = path.into_inner();
    let bot = shared
        .world()
        .channels
        .iter()
        .find(|channel| matches!(channel, SandboxChannel::Telegram { bot_token, .. } if *bot_token == token))
        .map(|channel| channel.account().to_owned());
    let Some(bot) = bot else {
        return telegram_error(401, "Unauthorized").into_response();
    };
    let (arguments, file) = match read(&request, payload, &bot).await {
        Ok(read) => read,
        Err(reply) => return reply.into_response(),
    };
    let method = method.to_ascii_lowercase();
    if let Some(composed) = compose(&method, &arguments, file) {
        return send(&shared, &request, &bot, &arguments, composed).await;
    }
    match method.as_str() {
        "setmessagereaction" => set_reaction(&shared, &request, &bot, &arguments).await,
        "sendchataction" => send_chat_action(&shared, &bot, &arguments).into_response(),
        "getfile" => media::telegram_info(&shared, &request, &bot, arguments.get("file_id")).await,
        "getme" => get_me(&bot).into_response(),
        "setwebhook" => webhook::set(&shared, &bot, &arguments).into_response(),
        "deletewebhook" => webhook::delete(&shared, &bot).into_response(),
        "getwebhookinfo" => webhook::info(&shared, &bot).into_response(),
        _ => telegram_error(404, "Not Found").into_response(),
    }
}

fn get_me(bot: &str) -> Reply {
    let mut me = events::bot(bot);
    me["can_join_groups"] = json!(false);
    me["can_read_all_group_messages"] = json!(false);
    me["supports_inline_queries"] = json!(false);
    Reply::ok(json!({"ok": true, "result": me}))
}

/// The arguments, and the file that came with them.
async fn read(
    request: &HttpRequest,
    payload: Payload,
    bot: &str,
) -> Result<(Map<String, Value>, Option<(String, Upload)>), Reply> {
    if is_form(request) {
        let form = uploads::read(request, payload, bot).await;
        let form = form.ok_or_else(|| telegram_error(400, "Bad Request: can't parse the form"))?;
        let fields = form.fields.into_iter().map(|(name, value)| (name, argument(value)));
        return Ok((fields.collect(), form.file));
    }
    let body = payload.to_bytes_limited(BODY_LIMIT).await;
    let body =
        body.ok().and_then(Result::ok).ok_or_else(|| telegram_error(413, "Request Entity Too Large"))?;
    Ok((arguments(request, &body)?, None))
}

/// Objects are given as JSON inside a form.
fn argument(value: String) -> Value {
    let parsed = serde_json::from_str(&value).ok();
    parsed.filter(|parsed: &Value| parsed.is_object() || parsed.is_array()).unwrap_or(Value::String(value))
}

/// The arguments: from the query, a form, or JSON.
fn arguments(request: &HttpRequest, body: &[u8]) -> Result<Map<String, Value>, Reply> {
    let mut arguments = form(request.query_string().as_bytes());
    if body.is_empty() {
        return Ok(arguments);
    }
    let content_type =
        request.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    if content_type.starts_with("application/json") {
        let object: Map<String, Value> = serde_json::from_slice(body)
            .map_err(|_| telegram_error(400, "Bad Request: can't parse JSON object"))?;
        arguments.extend(object);
    } else if content_type.starts_with("application/x-www-form-urlencoded") {
        arguments.extend(form(body));
    }
    Ok(arguments)
}

fn form(encoded: &[u8]) -> Map<String, Value> {
    url::form_urlencoded::parse(encoded)
        .map(|(name, value)| (name.into_owned(), argument(value.into_owned())))
        .collect()
}
