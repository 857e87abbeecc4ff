//! The form of an upload, read as it comes.

use std::time::Duration;

use actix_multipart::{Field, Multipart};
use actix_web::http::header::CONTENT_TYPE;
use actix_web::{HttpRequest, web};
use domain::attachment::{AttachmentKind, safe_name};
use domain::id::{AttachmentId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::AttachmentLimits;
use futures_util::TryStreamExt;

use crate::attachments::{Intake, IntakeError};
use crate::http::problem::Problem;
use crate::ops::attachments::{UPLOAD_LONGEST, Upload};
use crate::state::App;

/// How long the next bytes may take to come.
const STALLED: Duration = Duration::from_secs(30);
/// The longest word of a field.
const WORD_MAX_BYTES: usize = 64;
/// So much of a file that is refused is read on, so that the client gets to the answer.
const READ_ON_MAX_BYTES: usize = 64 * 1024 * 1024;

/// Where an upload goes.
pub struct Place {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its id.
    pub id: AttachmentId,
    /// How large it may be.
    pub limits: AttachmentLimits,
}

/// The form of a request.
///
/// # Errors
/// `unsupported_media_type`.
pub fn of(request: &HttpRequest, payload: web::Payload) -> Result<Multipart, Refusal> {
    let header = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = header.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("multipart/form-data") {
        Ok(Multipart::new(request.headers(), payload))
    } else {
        Err(Code::UnsupportedMediaType.into())
    }
}

/// Takes the file in. Nothing is in the store unless it succeeds.
///
/// # Errors
/// `malformed_request`, `validation_failed`, `payload_too_large`; `unavailable` if the store is.
pub async fn receive(app: &App, place: &Place, form: Multipart) -> Result<Upload, Problem> {
    let mut reading = Reading { app, place, kind: None, file: None, skipped: 0 };
    let read = tokio::time::timeout(UPLOAD_LONGEST, reading.read(form)).await;
    let read = read.unwrap_or_else(|_| Err(late()));
    let Reading { kind, file, .. } = reading;
    match (read, file) {
        (Ok(()), Some(file)) => keep(place, kind, file).await,
        (Ok(()), None) => Err(Refusal::invalid("/file", "required", "must be there").into()),
        (Err(problem), Some((_, intake))) => {
            intake.abort().await;
            Err(problem)
        }
        (Err(problem), None) => Err(problem),
    }
}

/// Puts a file into place that has come as a whole, if it is one that can be sent.
async fn keep(
    place: &Place,
    kind: Option<AttachmentKind>,
    (filename, intake): (Option<String>, Intake),
) -> Result<Upload, Problem> {
    let Some(kind) = kind else {
        intake.abort().await;
        return Err(Refusal::invalid("/kind", "required", "must be there").into());
    };
    let received = intake.complete(kind);
    let limit = place.limits.of(kind).unwrap_or_default();
    let fits = u64::try_from(received.content.size_bytes).is_ok_and(|size| size <= limit);
    let checked = if fits { received.check(kind) } else { Err(too_large(limit)) };
    if let Err(refusal) = checked {
        received.abort().await;
        return Err(refusal.into());
    }
    let content = received.keep().await.map_err(problem)?;
    Ok(Upload { kind, filename, content })
}

struct Reading<'a> {
    app: &'a App,
    place: &'a Place,
    kind: Option<AttachmentKind>,
    file: Option<(Option<String>, Intake)>,
    skipped: usize,
}

impl Reading<'_> {
    /// Reads the form to its end, also when something in it is refused.
    async fn read(&mut self, mut form: Multipart) -> Result<(), Problem> {
        let mut refused = None;
        while let Some(mut field) = in_time(form.try_next()).await? {
            if refused.is_none() {
                refused = self.take(&mut field).await.err();
            }
            // The word of a kind was read to its end; a field must not be asked again after that.
            let word = field.name() == Some("kind");
            if refused.is_some() && !word && !self.skip(&mut field).await {
                break;
            }
        }
        refused.map_or(Ok(()), Err)
    }

    async fn take(&mut self, field: &mut Field) -> Result<(), Problem> {
        let name = field.name().unwrap_or_default().to_owned();
        match name.as_str() {
            "kind" if self.kind.is_none() => {
                self.kind = Some(self.kind_of(field).await?);
                Ok(())
            }
            "file" if self.file.is_none() => self.take_file(field).await,
            "kind" | "file" => {
                Err(Refusal::invalid(format!("/{name}"), "duplicate", "must be there once").into())
            }
            _ => Err(Refusal::invalid("", "unknown_field", "only kind and file are taken").into()),
        }
    }

    async fn kind_of(&self, field: &mut Field) -> Result<AttachmentKind, Problem> {
        let refused =
            || Refusal::invalid("/kind", "not_supported", "must be image, video, document or audio");
        let word = tokio::time::timeout(STALLED, field.bytes(WORD_MAX_BYTES)).await.map_err(|_| late())?;
        let word = word.map_err(|_| refused())?.map_err(|_| broken())?;
        let kind = std::str::from_utf8(&word).ok().and_then(|word| word.parse().ok());
        Ok(kind.filter(|kind| self.place.limits.of(*kind).is_some()).ok_or_else(refused)?)
    }

    async fn take_file(&mut self, field: &mut Field) -> Result<(), Problem> {
        let filename =
            field.content_disposition().and_then(|header| header.get_filename()).and_then(safe_name);
        let limits = &self.place.limits;
        let limit = self.kind.and_then(|kind| limits.of(kind)).unwrap_or_else(|| limits.largest());
        let begun = Intake::begin(&self.app.attachments, self.place.workspace, self.place.id, limit).await;
        let (_, intake) = self.file.insert((filename, begun.map_err(problem)?));
        while let Some(bytes) = in_time(field.try_next()).await? {
            intake.take(bytes).await.map_err(problem)?;
        }
        Ok(())
    }

    /// Reads what is left of a field. False: there is too much of it, or no more comes.
    async fn skip(&mut self, field: &mut Field) -> bool {
        while let Ok(Some(bytes)) = in_time(field.try_next()).await {
            self.skipped += bytes.len();
            if self.skipped > READ_ON_MAX_BYTES {
                return false;
            }
        }
        true
    }
}

async fn in_time<T>(
    next: impl Future<Output = Result<T, actix_multipart::MultipartError>>,
) -> Result<T, Problem> {
    tokio::time::timeout(STALLED, next).await.map_err(|_| late())?.map_err(|_| broken())
}

fn broken() -> Problem {
    Refusal::new(Code::MalformedRequest).with("what", "the form").into()
}

fn late() -> Problem {
    Refusal::new(Code::MalformedRequest).with("what", "the form, which did not come in time").into()
}

fn too_large(limit: u64) -> Refusal {
    Refusal::new(Code::PayloadTooLarge).at("/file", "too_large", format!("must have at most {limit} bytes"))
}

fn problem(error: IntakeError) -> Problem {
    match error {
        IntakeError::TooLarge(limit) => too_large(limit).into(),
        IntakeError::Store(error) => Problem::unavailable(error),
    }
}
