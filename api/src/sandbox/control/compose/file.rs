//! The file that a customer's message comes with.

use actix_web::web::Bytes;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::time::Timestamp;

use super::{Kind, Written};
use crate::sandbox::channel::SandboxChannel;
use crate::sandbox::control::refusal::Refusal;
use crate::sandbox::ids::media_id;
use crate::sandbox::media::{Media, hash, link};
use crate::sandbox::shared::Shared;

/// One pixel.
const JPEG: &str = "/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////\
    ////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=";
/// One pixel.
const WEBP: &str = "UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA";
/// Without tracks.
const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat\0\0\0\x08moov";
/// Without pages.
const PDF: &[u8] = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n";
/// A tag, and one silent frame.
const MP3: &[u8] = b"ID3\x04\0\0\0\0\0\0\xff\xfb\x90\x64\0\0\0\0\0\0";
/// The first page of a voice note.
const OGG: &[u8] =
    b"OggS\0\x02\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\x38\x01\x80\xbb\0\0\0\0\0";

/// The message with what is said of its file, and the file itself, if it has one.
pub(in crate::sandbox) fn with_file(
    written: &Written,
    shared: &Shared,
    channel: &SandboxChannel,
    customer: &str,
    now: Timestamp,
) -> Result<(Written, Option<Media>), Refusal> {
    let mut written = written.clone();
    let Some(bytes) = bytes(&written)? else { return Ok((written, None)) };
    let id = written.media_id.get_or_insert_with(media_id).clone();
    if written.url.is_none() && !written.without_link {
        written.url = link(&shared.base_url, channel.kind(), &id, now);
    }
    let size_bytes = *written.size_bytes.get_or_insert(bytes.len() as u64);
    let sha256 = written.sha256.get_or_insert_with(|| hash(&bytes)).clone();
    let own = written.kind().mime_type();
    let mime_type = written.mime_type.clone().unwrap_or_else(|| own.to_owned());
    let (account, kind) = (channel.account().to_owned(), channel.kind());
    let customer = customer.to_owned();
    Ok((written, Some(Media { id, account, kind, customer, mime_type, bytes, size_bytes, sha256 })))
}

fn bytes(written: &Written) -> Result<Option<Bytes>, Refusal> {
    let own = match written.kind() {
        Kind::Image => decoded(JPEG),
        Kind::Sticker => decoded(WEBP),
        Kind::Video => Some(MP4.to_vec()),
        Kind::Document => Some(PDF.to_vec()),
        Kind::Audio => Some(MP3.to_vec()),
        Kind::Voice => Some(OGG.to_vec()),
        _ => return Ok(None),
    };
    let given = match &written.bytes {
        Some(text) => Some(decoded(text).ok_or_else(|| Refusal::invalid("`bytes` is not base64"))?),
        None => None,
    };
    Ok(given.or(own).map(Bytes::from))
}

fn decoded(text: &str) -> Option<Vec<u8>> {
    BASE64_STANDARD.decode(text).ok()
}
