//! `POST /{version}/{phone_number_id}/media` of WhatsApp, and what may be sent of it.

use std::sync::Arc;

use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use serde_json::json;

use crate::sandbox::channel::SandboxKind;
use crate::sandbox::exchange::{Accepted, Parties, exchange};
use crate::sandbox::faults::Target;
use crate::sandbox::ids::media_id;
use crate::sandbox::reply::{GraphError, Reply};
use crate::sandbox::shared::Shared;
use crate::sandbox::uploads::{Form, Upload, read};
use crate::sandbox::world::World;

const MEGABYTE: usize = 1024 * 1024;

/// Kind, its MIME types, the most bytes.
const KINDS: [(&str, &[&str], usize); 5] = [
    ("image", &["image/jpeg", "image/png"], 5 * MEGABYTE),
    ("video", &["video/mp4", "video/3gpp"], 16 * MEGABYTE),
    ("audio", &["audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"], 16 * MEGABYTE),
    (
        "document",
        &[
            "text/plain",
            "application/pdf",
            "application/msword",
            "application/vnd.ms-excel",
            "application/vnd.ms-powerpoint",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "application/vnd.openxmlformats-officedocument.presentationml.presentation",
        ],
        100 * MEGABYTE,
    ),
    ("sticker", &["image/webp"], 500 * 1024),
];

/// Takes a file for a number.
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
        kind: SandboxKind::Whatsapp,
        customer: String::new(),
    };
    exchange(shared, request, parties, |shared| {
        let file = checked(form).map_err(Reply::from)?;
        let id = media_id();
        shared.world().uploads.insert(id.clone(), file);
        Ok(Accepted { reply: Reply::ok(json!({"id": id})), callbacks: Vec::new() })
    })
    .await
}

fn checked(form: Option<Form>) -> Result<Upload, GraphError> {
    let form = form.ok_or_else(|| GraphError::required("file"))?;
    if form.fields.get("messaging_product").map(String::as_str) != Some("whatsapp") {
        return Err(GraphError::required("messaging_product"));
    }
    let declared = form.fields.get("type").ok_or_else(|| GraphError::required("type"))?;
    let Some((_, file)) = form.file.filter(|(name, _)| name == "file") else {
        return Err(GraphError::required("file"));
    };
    let known = KINDS.iter().find(|(_, types, _)| types.contains(&file.content_type.as_str()));
    let Some((kind, _, limit)) = known.filter(|_| *declared == file.content_type) else {
        let all: Vec<_> = KINDS.iter().flat_map(|(_, types, _)| types.iter().copied()).collect();
        return Err(GraphError::new(
            100,
            format!(
                "Param file must be a file with one of the following types: {}. Received file of type '{}'.",
                all.join(", "),
                file.content_type
            ),
        ));
    };
    if file.size == 0 || file.size > *limit {
        return Err(GraphError::new(131_053, "Media upload error").details(format!(
            "A file of kind {kind} must have 1 to {limit} bytes; this one has {}.",
            file.size
        )));
    }
    Ok(file)
}

/// The file that a message names, if this number has it and it can be sent as this kind.
pub(in crate::sandbox) fn named(
    world: &World,
    account: &str,
    kind: &str,
    id: &str,
) -> Result<Upload, GraphError> {
    let file = world.uploads.get(id).filter(|file| file.account == account);
    let Some(file) = file else {
        return Err(GraphError::new(
            100,
            format!("Param {kind}['id'] is not a valid whatsapp business account media attachment ID"),
        ));
    };
    let types = KINDS.iter().find(|(name, ..)| *name == kind).map(|(_, types, _)| *types);
    if types.is_some_and(|types| types.contains(&file.content_type.as_str())) {
        return Ok(file.clone());
    }
    Err(GraphError::new(131_053, "Media upload error").details(format!(
        "Unsupported {kind} mime type {}. Please use one of {}.",
        file.content_type,
        types.unwrap_or_default().join(", ")
    )))
}
