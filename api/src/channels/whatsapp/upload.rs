//! Files for WhatsApp (Meta, "business-phone-numbers/media"): it keeps them for 30 days.

use reqwest::multipart::Form;

use super::outbound::WhatsAppCredentials;
use crate::channels::file::{FileBytes, OutboundFile};
use crate::channels::outbound::SendFailure;
use crate::channels::{ProviderClient, errors, graph};

/// Hands a file over and answers its id.
pub(in crate::channels) async fn upload(
    client: &ProviderClient,
    credentials: &WhatsAppCredentials,
    file: &OutboundFile,
    bytes: FileBytes,
) -> Result<String, SendFailure> {
    let (part, handed) = bytes.into_part(file)?;
    let form = Form::new()
        .text("messaging_product", "whatsapp")
        .text("type", file.content_type.clone())
        .part("file", part);
    let url = client.graph_url(&[&credentials.phone_number_id, "media"]);
    let answer = client.post_form(url, Some(&credentials.access_token), (form, handed)).await;
    graph::uploaded(answer, "/id", |code, _| errors::whatsapp(code))
}
