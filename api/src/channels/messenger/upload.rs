//! Files for Messenger (Meta, "attachment upload API").

use domain::attachment::AttachmentKind;
use reqwest::multipart::Form;
use serde_json::json;

use super::outbound::{MessengerCredentials, file_type};
use crate::channels::file::{FileBytes, OutboundFile};
use crate::channels::outbound::SendFailure;
use crate::channels::{ProviderClient, errors, graph};

/// Hands a file over and answers its id.
pub(in crate::channels) async fn upload(
    client: &ProviderClient,
    credentials: &MessengerCredentials,
    (kind, file): (AttachmentKind, &OutboundFile),
    bytes: FileBytes,
) -> Result<String, SendFailure> {
    let (part, handed) = bytes.into_part(file)?;
    // One that is not reusable has no id.
    let message = json!({ "attachment": { "type": file_type(kind), "payload": { "is_reusable": true } } });
    let form = Form::new().text("message", message.to_string()).part("filedata", part);
    let url = client.graph_url(&[&credentials.page_id, "message_attachments"]);
    let answer = client.post_form(url, Some(&credentials.access_token), (form, handed)).await;
    graph::uploaded(answer, "/attachment_id", errors::messenger)
}
