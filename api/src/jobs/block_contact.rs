//! Asks the provider to shut a customer out, or to let it in again.

use chrono::TimeDelta;
use domain::id::IdentityId;
use persistence::contacts;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};

use crate::channels::whatsapp::block::{BlockAnswer, set_blocked};
use crate::channels::{ChannelCredentials, Recipient};
use crate::http::finish::chain;
use crate::state::App;

/// After this many attempts it is left at what Tanggap itself does.
const ATTEMPTS_MAX: i32 = 6;

/// Works on one claimed job. What goes wrong here is logged; the claim runs out and the job is seen
/// again: asking twice has no effect.
pub async fn run(app: &App, job: ChannelJob) {
    if let Err(failure) = ask(app, job).await {
        let cause = chain(&failure);
        tracing::warn!(identity_id = %job.subject_id, cause, "a customer could not be blocked or unblocked at the provider");
    }
}

async fn ask(app: &App, job: ChannelJob) -> Result<(), Failure> {
    let id = IdentityId(job.subject_id);
    // What is asked for is what is the case by now, whatever gave cause.
    let found = app
        .db
        .read(move |conn| {
            let Some(identity) = contacts::identity(conn, job.workspace_id, id)? else { return Ok(None) };
            let contact = contacts::shapes(conn, vec![(job.workspace_id, identity.contact_id)])?.pop();
            Ok(contact.map(|(_, contact)| (identity, contact.blocked_at.is_some())))
        })
        .await?;
    let known = app.known_channels.get(app, job.channel_id).await?;
    let answer = match (found, known) {
        (Some((identity, blocked)), Some(known)) => {
            match known.secrets.credentials(&known.channel.external_id) {
                Some(ChannelCredentials::WhatsApp(credentials)) => {
                    let customer = Recipient { external_id: identity.external_id, phone: identity.phone };
                    set_blocked(&app.providers, &credentials, &customer, blocked).await
                }
                Some(ChannelCredentials::Messenger(_) | ChannelCredentials::Telegram(_)) | None => {
                    BlockAnswer::Done
                }
            }
        }
        _ => BlockAnswer::Done,
    };
    if answer == BlockAnswer::Refused {
        tracing::info!(identity_id = %id, "the provider does not block or unblock this customer; Tanggap does by itself");
    }
    app.write(move |tx| {
        if answer == BlockAnswer::Later && job.attempts < ATTEMPTS_MAX {
            let due_at = tx.now.plus(TimeDelta::seconds(10 << job.attempts.clamp(0, 16)));
            Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, due_at)?)
        } else {
            Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)
        }
    })
    .await
}
