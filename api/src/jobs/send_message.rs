//! Hands one message to its provider.

use domain::inbound::ProviderError;
use domain::message::{MessageKind, MessageStatus};
use domain::reply_window::reply_window;
use persistence::error::Failure;
use persistence::jobs::{self, SendJob};
use persistence::messages::{self, Outgoing};

use crate::channels::known::KnownChannel;
use crate::channels::{FailureClass, OutboundText, Recipient, SendFailure, SendOutcome, send_text};
use crate::http::finish::chain;
use crate::ops::sends;
use crate::state::App;

/// How often settling is tried again while the database is away. The claim outlasts these attempts;
/// after it the message is `unknown`.
const SETTLE_ATTEMPTS: u32 = 5;

/// Works on one claimed job. What goes wrong here is logged; the claim runs out and the job is seen
/// again.
pub async fn run(app: &App, job: SendJob) {
    let outcome = match attempt(app, job).await {
        Ok(Some(outcome)) => outcome,
        Ok(None) => return,
        Err(failure) => {
            tracing::warn!(message_id = %job.message_id, cause = chain(&failure), "a message could not be prepared for sending");
            return;
        }
    };
    let class = match &outcome {
        SendOutcome::Accepted { .. } => "accepted",
        SendOutcome::Refused(failure) => failure.code,
        SendOutcome::Ambiguous { .. } => "ambiguous",
    };
    metrics::counter!("messages_sent", "outcome" => class).increment(1);
    tracing::info!(message_id = %job.message_id, workspace_id = %job.workspace_id, attempt = job.attempts, outcome = class, "a message was handed to its provider");
    settle(app, job, outcome).await;
}

/// The call itself; `None` if there is nothing to do any more.
async fn attempt(app: &App, job: SendJob) -> Result<Option<SendOutcome>, Failure> {
    let outgoing =
        app.db.read(move |conn| Ok(messages::outgoing(conn, job.workspace_id, job.message_id)?)).await?;
    let known = app.known_channels.get(app, job.channel_id).await?;
    let (Some(outgoing), Some(known)) = (outgoing, known) else {
        app.write(move |tx| Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)).await?;
        return Ok(None);
    };
    if outgoing.status != MessageStatus::Queued {
        // A status told its fate before this attempt began.
        app.write(move |tx| Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?)).await?;
        return Ok(None);
    }
    if job.abandoned {
        let detail = "the process ended while the provider was being called".to_owned();
        return Ok(Some(SendOutcome::Ambiguous { detail }));
    }
    let window = reply_window(known.channel.kind, outgoing.last_inbound_at, app.clock.now());
    if window.check(MessageKind::Text).is_err() {
        return Ok(Some(SendOutcome::Refused(window_closed())));
    }
    Ok(Some(call(app, job, &known, outgoing).await))
}

async fn call(app: &App, job: SendJob, known: &KnownChannel, outgoing: Outgoing) -> SendOutcome {
    let text = OutboundText {
        message_id: job.message_id,
        recipient: Recipient { external_id: outgoing.external_id, phone: outgoing.phone },
        text: outgoing.text.unwrap_or_default(),
        reply_to: outgoing.reply_to_provider_id,
    };
    let credentials = known.secrets.credentials(&known.channel.external_id);
    send_text(&app.providers, &credentials, &text).await
}

async fn settle(app: &App, job: SendJob, outcome: SendOutcome) {
    for attempt in 1..=SETTLE_ATTEMPTS {
        let (shared, outcome) = (app.clone(), outcome.clone());
        let settled = app.write(move |tx| sends::settle(&shared, tx, job, &outcome)).await;
        let Err(failure) = settled else { break };
        tracing::warn!(message_id = %job.message_id, attempt, cause = chain(&failure), "the outcome of a send could not be stored");
        tokio::time::sleep(app.settings.times.job_poll * attempt).await; // ci-allow: waits for the database, not for a timer
    }
    app.known_channels.forget(job.channel_id);
}

/// The window closed while the message waited: nothing is sent.
fn window_closed() -> SendFailure {
    SendFailure {
        class: FailureClass::Final,
        code: "reply_window_closed",
        provider: ProviderError { code: "none".to_owned(), detail: String::new() },
        detail: "More than 24 hours have passed since the customer's last message. Wait until the customer writes, or \
                 send an approved template.",
        retry_after: None,
    }
}
