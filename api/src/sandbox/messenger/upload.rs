//! `POST /{version}/{page_id}/message_attachments` of Messenger.

use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::{Value, json};

use crate::sandbox::channel::SandboxKind;
use crate::sandbox::exchange::{Accepted, Parties, exchange};
use crate::sandbox::faults::Target;
use crate::sandbox::ids::media_id;
use crate::sandbox::reply::{GraphError, Reply};
use crate::sandbox::shared::Shared;
use crate::sandbox::uploads::{Form, Upload, read};

const LIMIT: usize = 25 * 1024 * 1024;

/// Takes a file for a page.
pub(in crate::sandbox) async fn upload(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    account: &str,
    payload: Payload,
) -> HttpResponse {
    let form = read(request, payload, account).await;
    let parties = Parties {
        target: Target::Upload,
        account: account.to_owned(),
        kind: SandboxKind::Messenger,
        customer: String::new(),
    };
    exchange(shared, request, parties, |shared| {
        let file = checked(form).map_err(Reply::from)?;
        let id = media_id();
        shared.world().uploads.insert(id.clone(), file);
        Ok(Accepted { reply: Reply::ok(json!({"attachment_id": id})), callbacks: Vec::new() })
    })
    .await
}

fn checked(form: Option<Form>) -> Result<Upload, GraphError> {
    let missing = || GraphError::new(100, "Param message must be non-empty");
    let form = form.ok_or_else(missing)?;
    let message: Value =
        form.fields.get("message").and_then(|text| serde_json::from_str(text).ok()).ok_or_else(missing)?;
    let kind = message.pointer("/attachment/type").and_then(Value::as_str).unwrap_or_default();
    if !["image", "audio", "video", "file"].contains(&kind) {
        return Err(GraphError::new(
            100,
            "Param attachment[type] must be one of {audio, file, image, video}",
        )
        .subcode(2_018_047));
    }
    if message.pointer("/attachment/payload/is_reusable") != Some(&json!(true)) {
        return Err(GraphError::new(100, "Param attachment[payload][is_reusable] must be true"));
    }
    let Some((_, file)) = form.file.filter(|(name, _)| name == "filedata") else {
        return Err(GraphError::new(100, "Param filedata is required"));
    };
    if file.size == 0 || file.size > LIMIT {
        return Err(GraphError::new(100, "Attachment size exceeds allowable limit").subcode(2_018_109));
    }
    // A file may be anything.
    if kind != "file" && !file.content_type.starts_with(&format!("{kind}/")) {
        return Err(GraphError::new(
            100,
            "Upload attachment failure. A common way to trigger this error is that the provided media type does not \
             match type of file provided",
        )
        .subcode(2_018_047));
    }
    Ok(Upload { kind: kind.to_owned(), ..file })
}
