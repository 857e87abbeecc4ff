use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, post, web};
use domain::access::{Action, UploadAttachment};
use domain::resource::Attachment;
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use super::form::{self, Place};
use crate::attachments::forget;
use crate::auth::extract::Auth;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::attachments::{self, Upload};
use crate::state::App;

/// A file to be sent.
#[derive(Debug, ToSchema)]
#[schema(example = json!({ "kind": "document", "file": "Jadwal pengiriman\n" }))]
#[allow(dead_code, reason = "read by the document only; the form is read as it comes")]
pub struct NewAttachment {
    /// As what it is to be sent: image (JPEG, PNG, WebP), video (MP4, 3GP), audio (AAC, AMR, MP3, M4A, Ogg), or
    /// document (PDF, text, Office, OpenDocument, RTF, ZIP, or any of the former).
    kind: UploadKind,
    /// Its bytes.
    #[schema(value_type = String, format = Binary, min_length = 1)]
    file: Vec<u8>,
}

/// As what a file can be sent.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "lowercase")]
#[allow(dead_code, reason = "read by the document only")]
pub enum UploadKind {
    /// A picture.
    Image,
    /// A video.
    Video,
    /// Any other file.
    Document,
    /// Sound.
    Audio,
}

/// Upload a file
///
/// Then send it: `attachment_id` of a message. It can be sent once, by who uploaded it, and disappears if that does not
/// happen within 24 hours. What it is, is decided by its content; its name is made safe. How large it may be is set by
/// `PUT /v1/settings/messaging`; 413 names the limit. A repeat with the same `Idempotency-Key` must have the same kind
/// and the same bytes. Who has `TANGGAP_UNSENT_UPLOADS` files waiting to be sent gets 409 `too_many_uploads`.
#[utoipa::path(tag = "attachments", params(RepeatHeader),
    request_body(content = NewAttachment, content_type = "multipart/form-data"),
    extensions(("x-action" = json!(Action::UploadAttachment))),
    responses((status = 201, description = "Uploaded", body = Attachment), Writing))]
#[post("/v1/attachments")]
pub async fn create_attachment(
    app: web::Data<App>,
    caller: Auth<UploadAttachment>,
    request: HttpRequest,
    repeat: Repeat,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    let form = form::of(&request, payload)?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    let (workspace, begun) = (actor.workspace_id, caller.clone());
    let most = app.settings.unsent_uploads;
    let (id, limits) = app.write(move |tx| attachments::begin_upload(tx, &begun, most)).await?;
    let upload = match form::receive(&app, &Place { workspace, id, limits }, form).await {
        Ok(upload) => upload,
        Err(problem) => {
            forget(&app, workspace, id).await;
            return Err(problem);
        }
    };
    let (digest, done) = (digest(&upload), Arc::new(AtomicBool::new(false)));
    let completed = done.clone();
    let answer = repeat
        .with_body(digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| {
            let attachment = attachments::complete_upload(tx, &caller, id, &upload, most)?;
            completed.store(true, Ordering::Relaxed);
            Ok(attachment)
        })
        .await;
    // A repeat was answered with the first file, or refused: these bytes are nobody's. Where it is not known whether they
    // are somebody's, the row decides when it is a day old.
    if !done.load(Ordering::Relaxed) {
        forget(&app, workspace, id).await;
    }
    answer
}

/// What makes one upload the same as another.
fn digest(upload: &Upload) -> [u8; 32] {
    Sha256::digest([upload.kind.as_str().as_bytes(), b" ", &upload.content.sha256].concat()).into()
}
