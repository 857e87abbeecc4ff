//! Gets the file of a message ready to go.

use domain::attachment::AttachmentKind;
use domain::channel::ChannelKind;
use persistence::attachments;
use persistence::error::Failure;
use persistence::jobs::{self, SendJob};
use persistence::messages::OutgoingFile;

use super::runner::claim_times;
use crate::channels::file::{FileBytes, OutboundFile};
use crate::channels::outbound::{UPLOAD_KEPT, missing_file, upload, uploads_first};
use crate::channels::{ChannelCredentials, SendFailure};
use crate::state::App;

/// A file that the message can name, or its bytes where they go with the message.
pub(super) type Ready = (OutboundFile, Option<FileBytes>);

/// Hands a file to the provider, if that comes before its message and was not done before, and stores that it was.
/// Where the outer result is an error, the message was not handed over; the inner one says why the file cannot be.
pub(super) async fn ready(
    app: &App,
    job: SendJob,
    (channel, credentials): (ChannelKind, &ChannelCredentials),
    (kind, file): (AttachmentKind, Option<OutgoingFile>),
) -> Result<Result<Ready, SendFailure>, Failure> {
    let Some(stored) = file else { return Ok(Err(missing_file())) };
    let now = app.clock.now();
    let provider_media_id = stored.provider_media.filter(|(_, until)| now < *until).map(|(id, _)| id);
    let mut file =
        OutboundFile { filename: stored.filename, content_type: stored.content_type, provider_media_id };
    if file.provider_media_id.is_some() {
        return Ok(Ok((file, None)));
    }
    let times = &app.settings.times;
    let (_, until) = claim_times(app, times.provider_upload + times.provider_total);
    app.db.write(move |conn| Ok(jobs::extend(conn, job.workspace_id, job.id, until)?)).await?;
    let place = (job.workspace_id, stored.id);
    let length = u64::try_from(stored.size_bytes).unwrap_or_default();
    let bytes = match FileBytes::open(&app.attachments, place, length).await {
        Ok(bytes) => bytes,
        Err(failure) => return Ok(Err(failure)),
    };
    if !uploads_first(channel) {
        return Ok(Ok((file, Some(bytes))));
    }
    let id = match upload(&app.providers, credentials, (kind, &file), bytes).await {
        Ok(id) => id,
        Err(failure) => return Ok(Err(failure)),
    };
    let (named, expires_at) = (id.clone(), app.clock.now().plus(UPLOAD_KEPT));
    let (workspace, attachment) = place;
    app.db
        .write(move |conn| {
            let named = named.clone();
            Ok(attachments::note_provider_media(conn, workspace, attachment, named, expires_at)?)
        })
        .await?;
    file.provider_media_id = Some(id);
    Ok(Ok((file, None)))
}
