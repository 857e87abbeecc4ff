//! Asks the provider for a customer's name.

use chrono::TimeDelta;
use domain::id::IdentityId;
use persistence::contacts;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};

use crate::channels::ChannelCredentials;
use crate::channels::messenger::profile::{ProfileAnswer, fetch_name};
use crate::http::finish::chain;
use crate::ops::contacts::name_from_profile;
use crate::state::App;

/// After this many attempts the customer stays without a name.
const ATTEMPTS_MAX: i32 = 6;

/// Works on one claimed job. What goes wrong here is logged; the claim runs out and the job is seen
/// again: asking twice has no effect.
pub async fn run(app: &App, job: ChannelJob) {
    if let Err(failure) = ask(app, job).await {
        let cause = chain(&failure);
        tracing::warn!(identity_id = %job.subject_id, cause, "a customer's name could not be asked for or stored");
    }
}

async fn ask(app: &App, job: ChannelJob) -> Result<(), Failure> {
    let id = IdentityId(job.subject_id);
    let identity = app.db.read(move |conn| Ok(contacts::identity(conn, job.workspace_id, id)?)).await?;
    let known = app.known_channels.get(app, job.channel_id).await?;
    let answer = match (identity, known) {
        (Some(identity), Some(known)) => match known.secrets.credentials(&known.channel.external_id) {
            Some(ChannelCredentials::Messenger(credentials)) => {
                fetch_name(&app.providers, &credentials, &identity.external_id).await
            }
            Some(ChannelCredentials::WhatsApp(_) | ChannelCredentials::Telegram(_)) | None => {
                ProfileAnswer::None
            }
        },
        _ => ProfileAnswer::None,
    };
    app.write(move |tx| match &answer {
        ProfileAnswer::Later if job.attempts < ATTEMPTS_MAX => {
            let due_at = tx.now.plus(TimeDelta::seconds(10 << job.attempts.clamp(0, 16)));
            Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, due_at)?)
        }
        ProfileAnswer::Name(name) => name_from_profile(tx, job, Some(name)),
        ProfileAnswer::None | ProfileAnswer::Later => name_from_profile(tx, job, None),
    })
    .await
}
