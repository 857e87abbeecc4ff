use actix_web::body::SizedStream;
use actix_web::dev::Payload;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, IF_NONE_MATCH, IF_RANGE, RANGE,
    X_CONTENT_TYPE_OPTIONS,
};
use actix_web::{FromRequest, HttpRequest, HttpResponse, HttpResponseBuilder, get, head, web};
use domain::access::{Action, ReadAttachment};
use domain::attachment::{AttachmentState, PIXELS_MAX, may_be_shown};
use domain::id::{AttachmentId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::Attachment;
use futures_util::StreamExt;
use persistence::attachments;
use serde::Deserialize;
use utoipa::IntoParams;

use super::range::{Wanted, wanted};
use crate::attachments::{link, pixels};
use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::responses::Reading;
use crate::ops::attachments::readable;
use crate::state::App;

/// A link that was given out by `GET /v1/attachments/{attachment_id}`, in place of credentials.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Until when it is good.
    pub expires: Option<i64>,
    /// What proves it.
    pub signature: Option<String>,
}

/// Read the bytes of a file
///
/// By credentials, or by a link (`signed_url`). Ranges are answered (206), also on condition of the `ETag`, which is the
/// SHA-256 of the bytes. Pictures, sound and video that no script can be in are shown in place, everything else is handed
/// out to be saved; nothing in it is run.
#[utoipa::path(tag = "attachments",
    params(("attachment_id" = AttachmentId, Path, description = "The file"), Link,
        ("Range" = Option<String>, Header, description = "`bytes=0-1023`: one part"),
        ("If-Range" = Option<String>, Header, description = "The `ETag`: the part only of these bytes, otherwise the whole"),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag`: 304 if nothing has changed")),
    extensions(("x-action" = json!(Action::ReadAttachment)), ("x-signed" = json!(true))),
    responses(
        (status = 200, description = "The bytes", body = String, content_type = "*/*"),
        (status = 206, description = "The part", body = String, content_type = "*/*"),
        (status = 304, description = "The caller has them"),
        (status = 416, description = "The file has no such bytes: `range_not_satisfiable`", body = crate::http::problem::ProblemBody,
            content_type = "application/problem+json"),
        Reading))]
#[get("/v1/attachments/{attachment_id}/content")]
pub async fn get_attachment_content(
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<AttachmentId>,
    link: Query<Link>,
) -> Result<HttpResponse, Problem> {
    answer(&app, &request, id.into_inner(), link.0).await
}

/// The same without the bytes. It is not in the document: every `GET` of a file has it.
#[head("/v1/attachments/{attachment_id}/content")]
pub async fn head_attachment_content(
    app: web::Data<App>,
    request: HttpRequest,
    id: web::Path<AttachmentId>,
    link: Query<Link>,
) -> Result<HttpResponse, Problem> {
    answer(&app, &request, id.into_inner(), link.0).await
}

async fn answer(
    app: &App,
    request: &HttpRequest,
    id: AttachmentId,
    link: Link,
) -> Result<HttpResponse, Problem> {
    let (workspace, file) = match link {
        Link { expires: None, signature: None } => by_credentials(app, request, id).await?,
        Link { expires, signature } => {
            by_link(app, id, expires.unwrap_or_default(), &signature.unwrap_or_default()).await?
        }
    };
    let (Some(content_type), Some(size), Some(sha256)) = (&file.content_type, file.size_bytes, &file.sha256)
    else {
        return Err(Code::NotFound.into());
    };
    let (size, tag) = (u64::try_from(size).unwrap_or_default(), format!("\"{sha256}\""));
    let headers = request.headers();
    if text(headers, &IF_NONE_MATCH).is_some_and(|known| known == "*" || known.contains(&tag)) {
        return Ok(described(HttpResponse::NotModified(), &tag).finish());
    }
    let condition = text(headers, &IF_RANGE);
    let range = text(headers, &RANGE).filter(|_| condition.is_none_or(|condition| condition == tag));
    let part = match wanted(range, size) {
        Wanted::Whole => None,
        Wanted::Part(part) => Some(part),
        Wanted::Nothing => {
            return Err(Refusal::new(Code::RangeNotSatisfiable).with("size", size).into());
        }
    };
    let mut response = HttpResponse::Ok();
    let mut length = size;
    if let Some(part) = &part {
        response = HttpResponse::build(StatusCode::PARTIAL_CONTENT);
        length = part.end - part.start;
        response.insert_header((CONTENT_RANGE, format!("bytes {}-{}/{size}", part.start, part.end - 1)));
    }
    let mut response = described(response, &tag);
    response.insert_header((CONTENT_TYPE, content_type.as_str()));
    response.insert_header((CONTENT_DISPOSITION, disposition(&file, content_type)));
    if request.method() == actix_web::http::Method::HEAD {
        let nothing = futures_util::stream::empty::<Result<bytes::Bytes, std::io::Error>>();
        return Ok(response.body(SizedStream::new(length, nothing)));
    }
    let bytes = app.attachments.read(workspace, id, part).await.map_err(|error| match error {
        // The row says that they are here.
        object_store::Error::NotFound { .. } => Problem::internal(error),
        error => Problem::unavailable(error),
    })?;
    Ok(response.body(SizedStream::new(length, bytes.boxed_local())))
}

async fn by_credentials(
    app: &App,
    request: &HttpRequest,
    id: AttachmentId,
) -> Result<(WorkspaceId, Attachment), Problem> {
    let caller = Auth::<ReadAttachment>::from_request(request, &mut Payload::None).await?.into_caller();
    let workspace = caller.actor().workspace_id;
    let found = app.db.read(move |conn| Ok(attachments::find(conn, workspace, id)?)).await?;
    here(workspace, readable(&caller, found)?)
}

async fn by_link(
    app: &App,
    id: AttachmentId,
    expires: i64,
    signature: &str,
) -> Result<(WorkspaceId, Attachment), Problem> {
    let workspace = link::opened(app, id, expires, signature).ok_or(Code::InvalidLink)?;
    let found = app.db.read(move |conn| Ok(attachments::find(conn, workspace, id)?)).await?;
    here(workspace, found.ok_or(Code::NotFound)?.attachment)
}

fn here(workspace: WorkspaceId, file: Attachment) -> Result<(WorkspaceId, Attachment), Problem> {
    if file.state == AttachmentState::Stored { Ok((workspace, file)) } else { Err(Code::NotFound.into()) }
}

/// What is said of every file: whatever is in it, nothing of it is run, and nothing else is loaded.
fn described(mut response: HttpResponseBuilder, tag: &str) -> HttpResponseBuilder {
    response
        .insert_header((ETAG, tag))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header((CACHE_CONTROL, "private, max-age=300"))
        .insert_header((X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        // Ranges are of the bytes as they are.
        .insert_header((CONTENT_ENCODING, "identity"));
    response
}

/// In place only what cannot do anything, and is not too large to be unpacked; the name in both ways of RFC 6266.
fn disposition(file: &Attachment, content_type: &str) -> String {
    let fits = file.width.zip(file.height).is_none_or(|size| pixels(size) <= PIXELS_MAX);
    let how = if may_be_shown(content_type) && fits { "inline" } else { "attachment" };
    let Some(name) = &file.filename else { return how.to_owned() };
    let plain = |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '\\' | '%');
    let ascii: String = name.chars().map(|c| if plain(c) || c == ' ' { c } else { '_' }).collect();
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{how}; filename=\"{ascii}\"; filename*=UTF-8''{encoded}")
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
