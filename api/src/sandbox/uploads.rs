//! Files that Tanggap hands over.

use std::collections::BTreeMap;

use actix_multipart::{Field, Multipart};
use actix_web::HttpRequest;
use actix_web::web::Payload;
use futures_util::StreamExt;
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The longest field that is no file.
const FIELD_LIMIT: usize = 64 * 1024;

/// A file that was handed over; of its bytes the hash is kept.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Upload {
    /// What its sender calls it.
    pub(super) filename: Option<String>,
    /// What its sender says that it is.
    pub(super) content_type: String,
    /// How many bytes it has.
    pub(super) size: usize,
    /// The SHA-256 of its bytes, in hexadecimal digits.
    pub(super) sha256: String,
    /// Which account it is for.
    #[serde(skip)]
    pub(super) account: String,
    /// What Messenger was told that it is.
    #[serde(skip)]
    pub(super) kind: String,
}

/// A form with at most one file.
#[derive(Debug, Default)]
pub(super) struct Form {
    /// Its fields.
    pub(super) fields: BTreeMap<String, String>,
    /// The file, and the name of its field.
    pub(super) file: Option<(String, Upload)>,
}

/// Whether a request brings a form with files.
pub(super) fn is_form(request: &HttpRequest) -> bool {
    let content_type = request.headers().get("content-type").and_then(|value| value.to_str().ok());
    content_type.is_some_and(|text| text.starts_with("multipart/form-data"))
}

/// Reads a form to its end; `None` if it is none, or broken off.
pub(super) async fn read(request: &HttpRequest, payload: Payload, account: &str) -> Option<Form> {
    let mut parts = Multipart::new(request.headers(), payload);
    let mut form = Form::default();
    while let Some(part) = parts.next().await {
        let part = part.ok()?;
        let name = part.name()?.to_owned();
        let filename = part.content_disposition().and_then(|header| header.get_filename()).map(str::to_owned);
        if part.content_type().is_some() || filename.is_some() {
            form.file = Some((name, file(part, filename, account).await?));
        } else {
            form.fields.insert(name, field(part).await?);
        }
    }
    Some(form)
}

async fn file(mut part: Field, filename: Option<String>, account: &str) -> Option<Upload> {
    let content_type = part.content_type().map(ToString::to_string).unwrap_or_default();
    let (mut digest, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = part.next().await {
        let chunk = chunk.ok()?;
        size += chunk.len();
        digest.update(&chunk);
    }
    let sha256 = hex::encode(digest.finalize());
    let (account, kind) = (account.to_owned(), String::new());
    Some(Upload { filename, content_type, size, sha256, account, kind })
}

async fn field(mut part: Field) -> Option<String> {
    let mut bytes = Vec::new();
    while let Some(chunk) = part.next().await {
        bytes.extend_from_slice(&chunk.ok()?);
        if bytes.len() > FIELD_LIMIT {
            return None;
        }
    }
    String::from_utf8(bytes).ok()
}
