//! Uploads that are not sent: first the row says so, then the bytes go, then the row.

use chrono::TimeDelta;
use domain::id::{AttachmentId, WorkspaceId};
use persistence::attachments;
use persistence::error::Failure;

use crate::http::finish::chain;
use crate::state::App;

/// How long an upload waits to be sent, in hours. No upload takes nearly as long.
const KEPT_HOURS: i64 = 24;
/// The most uploads of one round.
const AT_ONCE: i64 = 100;

/// Throws away an upload that was not sent, if it is there. What goes wrong is made up for by [`forget_unsent`].
pub async fn forget(app: &App, workspace: WorkspaceId, id: AttachmentId) {
    let discarded = app.db.write(move |conn| Ok(attachments::discard(conn, workspace, id)?)).await;
    let done = match discarded {
        Ok(true) => remove(app, vec![(workspace, id)]).await.map(|_| ()),
        Ok(false) => Ok(()),
        Err(failure) => Err(failure),
    };
    if let Err(failure) = done {
        tracing::warn!(attachment_id = %id, cause = chain(&failure), "an upload could not be thrown away; trying again later");
    }
}

/// Throws away uploads that were not sent for a day, and what is left of others. Answers how many.
///
/// # Errors
/// Those of the database.
pub async fn forget_unsent(app: &App) -> Result<usize, Failure> {
    let before = app.clock.now().plus(-TimeDelta::hours(KEPT_HOURS));
    let mut forgotten = 0;
    loop {
        let old = app.db.write(move |conn| Ok(attachments::discard_unsent(conn, before, AT_ONCE)?)).await?;
        let gone = remove(app, old).await?;
        forgotten += gone;
        // A store that does not answer now is asked again in the next round.
        if gone == 0 {
            return Ok(forgotten);
        }
    }
}

/// Removes the bytes of discarded uploads, and then their rows. Answers how many are gone.
async fn remove(app: &App, discarded: Vec<(WorkspaceId, AttachmentId)>) -> Result<usize, Failure> {
    let mut gone = Vec::new();
    for (workspace, id) in discarded {
        match app.attachments.delete(workspace, id).await {
            Ok(()) => gone.push((workspace, id)),
            Err(error) => {
                tracing::warn!(attachment_id = %id, cause = chain(&error), "bytes could not be removed; trying again later");
            }
        }
    }
    let count = gone.len();
    if count > 0 {
        app.db.write(move |conn| Ok(attachments::delete_discarded(conn, gone.clone())?)).await?;
    }
    Ok(count)
}
