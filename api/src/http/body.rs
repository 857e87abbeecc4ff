//! JSON bodies, read strictly.

use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{FromRequest, HttpRequest, web};
use domain::refusal::{Code, Refusal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_path_to_error::{Path, Segment};
use sha2::{Digest, Sha256};

use super::problem::Problem;

/// The largest JSON body of the API, in bytes.
pub const BODY_MAX_BYTES: usize = 256 * 1024;

/// A JSON body: of media type `application/json`, at most [`BODY_MAX_BYTES`] long, without fields
/// that the operation does not know.
#[derive(Debug, Clone)]
pub struct Body<T> {
    /// What it says.
    pub value: T,
    /// SHA-256 of its bytes: a repeat with the same `Idempotency-Key` must have the same.
    pub digest: [u8; 32],
}

impl<T: DeserializeOwned + 'static> FromRequest for Body<T> {
    type Error = Problem;
    type Future = Pin<Box<dyn Future<Output = Result<Self, Problem>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let media_type = is_json(request);
        let bytes = web::Bytes::from_request(request, payload);
        Box::pin(async move {
            if !media_type {
                return Err(Code::UnsupportedMediaType.into());
            }
            let bytes = bytes.await.map_err(|error| Problem::of_error(&error))?;
            // Webhooks may be larger, and share what limits the reading.
            if bytes.len() > BODY_MAX_BYTES {
                return Err(Code::PayloadTooLarge.into());
            }
            Ok(Self { value: parse(&bytes)?, digest: Sha256::digest(&bytes).into() })
        })
    }
}

fn is_json(request: &HttpRequest) -> bool {
    let header =
        request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = header.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refusal> {
    // A list of the values in the order of the fields would be taken for the object.
    if bytes.trim_ascii_start().first() == Some(&b'[') {
        let malformed = serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_err();
        return Err(if malformed {
            Code::MalformedJson.into()
        } else {
            Refusal::invalid("", "type", "must be an object")
        });
    }
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value: T = serde_path_to_error::deserialize(&mut deserializer).map_err(|error| {
        let inner = error.inner();
        // A number where a word of an enumeration is expected is a syntax error to serde_json.
        if inner.is_data() || serde_json::from_slice::<serde::de::IgnoredAny>(bytes).is_ok() {
            Refusal::invalid(pointer(error.path()), "type", in_callers_words(&inner.to_string()))
        } else {
            Code::MalformedJson.into()
        }
    })?;
    deserializer.end().map_err(|_| Refusal::new(Code::MalformedJson))?;
    Ok(value)
}

/// A place in a body as a JSON pointer (RFC 6901).
fn pointer(path: &Path) -> String {
    let part = |segment: &Segment| match segment {
        Segment::Seq { index } => format!("/{index}"),
        Segment::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
        // The variants of our bodies are not levels of their JSON.
        Segment::Enum { .. } | Segment::Unknown => String::new(),
    };
    path.iter().map(part).collect()
}

/// serde_json ends its sentences with ` at line 1 column 17`, which is no help in a form, and names our types.
fn in_callers_words(text: &str) -> String {
    let sentence = text.rsplit_once(" at line ").map_or(text, |(sentence, _)| sentence);
    for ours in ["expected struct ", "expected internally tagged enum "] {
        if let Some((before, _)) = sentence.split_once(ours) {
            return format!("{before}expected an object");
        }
    }
    sentence.to_owned()
}

/// For a field that can be left out, and can be null, where the two mean different things: `None` if it is left out.
///
/// # Errors
/// If the value does not fit.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
