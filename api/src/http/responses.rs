//! The refusals that operations share, for the OpenAPI document.

use std::collections::BTreeMap;

use utoipa::openapi::{ContentBuilder, Ref, RefOr, Response, ResponseBuilder};
use utoipa::{IntoParams, IntoResponses};

/// What can be refused to every caller of an operation that needs an access token and reads.
pub struct Reading;

/// What can be refused to every caller of an operation that needs an access token and writes.
pub struct Writing;

/// What can be refused where no access token is needed.
pub struct Open;

/// What can be refused where a password is checked.
pub struct Throttled;

/// What can be refused where a mail is sent.
pub struct Mailed;

/// What can be refused to a provider.
pub struct Hook;

/// What can be refused by the process itself.
pub struct Service;

/// What can be refused before a stream begins.
pub struct Upgrade;

const BROKEN: [(&str, &str); 2] = [
    ("500", "A fault of ours: `internal`"),
    (
        "503",
        "The service is busy or its database is away: `unavailable`. Try again after `Retry-After` seconds",
    ),
];

impl IntoResponses for Reading {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[
            ("400", "The request cannot be understood: `malformed_request`"),
            ("401", "`missing_credentials`, `invalid_token` or `token_expired`"),
            (
                "403",
                "The caller may know of it, but not do this: `forbidden`; an API key lacks the scope: `scope_missing`",
            ),
            ("404", "Unknown, or hidden from the caller: `not_found`"),
            ("422", "A parameter is not valid: `validation_failed`, `invalid_cursor`"),
        ])
    }
}

impl IntoResponses for Writing {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[
            ("400", "`malformed_json` or `malformed_request`"),
            ("401", "`missing_credentials`, `invalid_token` or `token_expired`"),
            (
                "403",
                "The caller may know of it, but not do this: `forbidden`; an API key lacks the scope: `scope_missing`",
            ),
            ("404", "Unknown, or hidden from the caller: `not_found`"),
            ("409", "It conflicts with how things stand; `code` says how"),
            ("412", "It was changed since the version in `If-Match`: `version_mismatch`"),
            ("413", "The body is too large: `payload_too_large`"),
            ("415", "The body is not JSON by its media type: `unsupported_media_type`"),
            (
                "422",
                "The body is not valid; `errors` says where: `validation_failed`, `idempotency_key_reused`",
            ),
        ])
    }
}

impl IntoResponses for Open {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[
            ("400", "`malformed_json` or `malformed_request`"),
            ("401", "The credentials in the request are not right; `code` says which"),
            ("413", "The body is too large: `payload_too_large`"),
            ("415", "The body is not JSON by its media type: `unsupported_media_type`"),
            ("422", "The body is not valid; `errors` says where: `validation_failed`"),
        ])
    }
}

impl IntoResponses for Throttled {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let text = "Too many wrong passwords: `too_many_requests`. Try again after `Retry-After` seconds";
        BTreeMap::from([("429".to_owned(), problem(text).into())])
    }
}

impl IntoResponses for Mailed {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let text = "The installation has no mail server: `mail_not_configured`";
        BTreeMap::from([("409".to_owned(), problem(text).into())])
    }
}

impl IntoResponses for Hook {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[
            ("400", "The request cannot be understood: `malformed_request`"),
            ("401", "The signature or secret is wrong; nothing was stored: `invalid_signature`"),
            ("403", "The words for the verification are wrong: `forbidden`"),
            ("404", "There is no such channel: `not_found`"),
            ("413", "The body is larger than 3 MB: `payload_too_large`"),
            ("422", "A parameter is not valid: `validation_failed`"),
        ])
    }
}

impl IntoResponses for Service {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[("401", "The key is missing or wrong"), ("404", "Not for callers from elsewhere")])
    }
}

impl IntoResponses for Upgrade {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        set(&[
            ("400", "The request is no WebSocket handshake: `malformed_request`"),
            ("403", "Pages of this origin may not connect: `origin_not_allowed`"),
        ])
    }
}

fn set(own: &[(&str, &str)]) -> BTreeMap<String, RefOr<Response>> {
    own.iter().chain(&BROKEN).map(|(status, text)| ((*status).to_owned(), problem(text).into())).collect()
}

/// A response with a problem.
pub(crate) fn problem(description: &str) -> Response {
    let schema = RefOr::Ref(Ref::from_schema_name("Problem"));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

/// Headers of a write.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the document only; the extractors read the headers themselves")]
pub struct WriteHeaders {
    /// Any words, at most 255 visible ASCII characters: a repeat with the same key and the same
    /// request gets the first answer again and has no further effect. Kept for 24 hours.
    #[param(rename = "Idempotency-Key", max_length = 255, format = "token", nullable = false)]
    idempotency_key: Option<String>,
    /// The `ETag` that the caller has seen: the write is refused with 412 if there is a newer one.
    #[param(rename = "If-Match", min_length = 1, pattern = r#"^(\*|"[0-9]{1,18}")$"#, nullable = false)]
    if_match: Option<String>,
}

/// The header of a write that has no version to expect.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the document only; the extractors read the headers themselves")]
pub struct RepeatHeader {
    /// Any words, at most 255 visible ASCII characters: a repeat with the same key and the same
    /// request gets the first answer again and has no further effect. Kept for 24 hours.
    #[param(rename = "Idempotency-Key", max_length = 255, format = "token", nullable = false)]
    idempotency_key: Option<String>,
}

/// The header of a change that is the same when it is repeated.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Header)]
#[allow(dead_code, reason = "read by the document only; the extractors read the headers themselves")]
pub struct VersionHeader {
    /// The `ETag` that the caller has seen: the write is refused with 412 if there is a newer one.
    #[param(rename = "If-Match", min_length = 1, pattern = r#"^(\*|"[0-9]{1,18}")$"#, nullable = false)]
    if_match: Option<String>,
}
