//! Hands one message to its provider.

use domain::channel::ChannelKind;
use domain::inbound::ProviderError;
use domain::message::MessageStatus;
use domain::outbound::OutboundContent;
use domain::reply_window::reply_window;
use persistence::error::Failure;
use persistence::jobs::{self, SendJob};
use persistence::messages::{self, Outgoing};

use super::{callback, files};
use crate::channels::known::KnownChannel;
use crate::channels::outbound::uploads_first;
use crate::channels::{
    ChannelCredentials, FailureClass, OutboundMessage, Recipient, SendFailure, SendOutcome, send,
};
use crate::http::finish::chain;
use crate::ops::sends::{self, Attempt};
use crate::ops::transaction::Tx;
use crate::state::App;

/// How often settling is tried again while the database is away. The claim outlasts these attempts;
/// after it the message is `unknown`.
const SETTLE_ATTEMPTS: u32 = 5;

/// Works on one claimed job. What goes wrong here is logged; a job that cannot be settled is seen again
/// when its claim has run out.
pub async fn run(app: &App, job: SendJob) {
    match attempt(app, job).await {
        Ok(Some(attempt)) => {
            let class = match &attempt.outcome {
                SendOutcome::Accepted { .. } => "accepted",
                SendOutcome::Refused(failure) => failure.code,
                SendOutcome::Ambiguous { .. } => "ambiguous",
            };
            metrics::counter!("messages_sent", "outcome" => class).increment(1);
            tracing::info!(message_id = %job.message_id, workspace_id = %job.workspace_id, attempt = job.attempts,
                outcome = class, "a message was handed to its provider");
            persist(app, job, move |app, tx| sends::settle(app, tx, &attempt)).await;
        }
        Ok(None) => {
            persist(app, job, move |_, tx| Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)).await
        }
        Err(failure) => {
            let cause = chain(&failure);
            tracing::warn!(message_id = %job.message_id, cause, "a message could not be prepared for sending; trying again");
            // The provider was not called: the claim is given back, or its end would be taken for a crash.
            let give_back = move |_: &App, tx: &mut Tx<'_>| {
                let now = tx.now;
                Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, now)?)
            };
            persist(app, job, give_back).await;
        }
    }
    app.known_channels.forget(job.channel_id);
}

/// The call itself; `None` if there is nothing to do any more.
async fn attempt(app: &App, job: SendJob) -> Result<Option<Attempt>, Failure> {
    let outgoing =
        app.db.read(move |conn| Ok(messages::outgoing(conn, job.workspace_id, job.message_id)?)).await?;
    let known = app.known_channels.get(app, job.channel_id).await?;
    // A status may have told the message's fate before this attempt began.
    let outgoing = outgoing.filter(|outgoing| outgoing.status == MessageStatus::Queued);
    let (Some(outgoing), Some(known)) = (outgoing, known) else { return Ok(None) };
    let began_at = app.clock.now();
    let window = reply_window(known.channel.kind, outgoing.last_inbound_at, began_at);
    let kind = known.channel.kind;
    let may_be_there = job.abandoned && !kind.drops_repeats() && !only_uploaded(&known, &outgoing);
    let outcome = if may_be_there {
        let detail = "the process ended while the provider was being called".to_owned();
        SendOutcome::Ambiguous { detail }
    } else if outgoing.blocked {
        SendOutcome::Refused(refused(CONTACT_BLOCKED))
    } else if window.check(outgoing.kind).is_err() {
        SendOutcome::Refused(refused(WINDOW_CLOSED))
    } else {
        match known.secrets.credentials(&known.channel.external_id) {
            Some(credentials) => call(app, job, (kind, &credentials), outgoing).await?,
            None => callback::send(app, job, &known, outgoing).await?,
        }
    };
    let channel_version = known.channel.version;
    Ok(Some(Attempt { job, began_at, channel_kind: kind, channel_version, outcome }))
}

/// Whether an earlier attempt that nobody saw the end of got no further than to its file: that the provider has it is
/// stored before the message itself is handed over.
fn only_uploaded(known: &KnownChannel, outgoing: &Outgoing) -> bool {
    let file = outgoing.file.as_ref();
    uploads_first(known.channel.kind) && file.is_some_and(|file| file.provider_media.is_none())
}

async fn call(
    app: &App,
    job: SendJob,
    (channel, credentials): (ChannelKind, &ChannelCredentials),
    outgoing: Outgoing,
) -> Result<SendOutcome, Failure> {
    let Some(content) = OutboundContent::stored(outgoing.kind, outgoing.text, outgoing.content) else {
        return Ok(SendOutcome::Refused(refused(NOT_SENDABLE)));
    };
    let (file, bytes) = match content.file_kind() {
        Some(kind) => match files::ready(app, job, (channel, credentials), (kind, outgoing.file)).await? {
            Ok((file, bytes)) => (Some(file), bytes),
            Err(failure) => return Ok(SendOutcome::Refused(failure)),
        },
        None => (None, None),
    };
    let message = OutboundMessage {
        message_id: job.message_id,
        recipient: Recipient { external_id: outgoing.external_id, phone: outgoing.phone },
        content,
        file,
        reply_to: outgoing.reply_to_provider_id,
    };
    Ok(send(&app.providers, credentials, &message, bytes).await)
}

/// Writes down what came of the job, trying again while the database is away.
async fn persist(
    app: &App,
    job: SendJob,
    work: impl Fn(&App, &mut Tx<'_>) -> Result<(), Failure> + Clone + Send + 'static,
) {
    for attempt in 1..=SETTLE_ATTEMPTS {
        let (shared, work) = (app.clone(), work.clone());
        let Err(failure) = app.write(move |tx| work(&shared, tx)).await else { return };
        tracing::warn!(message_id = %job.message_id, attempt, cause = chain(&failure), "the outcome of a send could not be stored");
        tokio::time::sleep(app.settings.times.job_poll * attempt).await; // ci-allow: waits for the database, not for a timer
    }
}

/// Why a message is not handed over at all: our word, and what an agent should know and do.
type Reason = (&'static str, &'static str);

/// It was stored by another version of this program.
const NOT_SENDABLE: Reason =
    ("not_supported", "This server does not know how to send messages of this kind.");

/// The window closed while the message waited.
const WINDOW_CLOSED: Reason = (
    "reply_window_closed",
    "More than 24 hours have passed since the customer's last message. Wait until the customer writes, or \
     send an approved template.",
);

/// The contact was shut out while the message waited.
const CONTACT_BLOCKED: Reason = (
    "contact_blocked",
    "The contact is blocked, so nothing is sent to it. Unblock it and send the message again.",
);

fn refused((code, detail): Reason) -> SendFailure {
    SendFailure {
        class: FailureClass::Final,
        code,
        provider: ProviderError { code: "none".to_owned(), detail: String::new() },
        detail,
        retry_after: None,
    }
}
