//! Puts a reaction on a message at its provider, or tells that a customer's messages were read.

use domain::id::MessageId;
use domain::job::ChannelJobKind;
use domain::resource::CallbackType;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};
use persistence::messages::{self, Target};

use super::callback::{self, Telling};
use crate::channels::Recipient;
use crate::channels::callback::Line;
use crate::channels::gesture::{Gesture, make};
use crate::http::finish::chain;
use crate::ops::gestures::{GestureAttempt, settle};
use crate::state::App;

/// Works on one claimed job. What goes wrong here is logged; the claim runs out and the job is seen again: doing it
/// twice has no other effect.
pub async fn run(app: &App, job: ChannelJob) {
    if let Err(failure) = work(app, job).await {
        let cause = chain(&failure);
        tracing::warn!(message_id = %job.subject_id, kind = %job.kind, cause, "a reaction or receipt could not be sent or settled");
    }
}

async fn work(app: &App, job: ChannelJob) -> Result<(), Failure> {
    let attempt = attempt(app, job).await?;
    let shared = app.clone();
    app.write(move |tx| match &attempt {
        Some(attempt) => settle(&shared, tx, attempt),
        None => Ok(jobs::finish(tx.conn, job.workspace_id, job.id)?),
    })
    .await?;
    app.known_channels.forget(job.channel_id);
    Ok(())
}

/// The call itself; `None` if there is nothing to do any more.
async fn attempt(app: &App, job: ChannelJob) -> Result<Option<GestureAttempt>, Failure> {
    let id = MessageId(job.subject_id);
    let target = app.db.read(move |conn| Ok(messages::target(conn, job.workspace_id, id)?)).await?;
    let known = app.known_channels.get(app, job.channel_id).await?;
    // Nothing reaches who was shut out meanwhile.
    let target = target.filter(|target| !target.blocked);
    let (Some(target), Some(known)) = (target, known) else { return Ok(None) };
    let Some((gesture, emoji)) = gesture(job.kind, &target) else { return Ok(None) };
    let recipient = Recipient { external_id: target.external_id, phone: target.phone };
    let outcome = match known.secrets.credentials(&known.channel.external_id) {
        Some(credentials) => make(&app.providers, &credentials, &recipient, &gesture).await,
        None => {
            let Some(line) = Line::of(&known) else { return Ok(None) };
            let telling = Telling {
                callback_type: match gesture {
                    Gesture::React { .. } => CallbackType::React,
                    Gesture::Read { .. } => CallbackType::MarkRead,
                    Gesture::Type { .. } => CallbackType::Type,
                },
                workspace_id: job.workspace_id,
                conversation_id: target.conversation_id,
                customer: recipient,
                message_id: Some(id),
                reply_to: None,
                emoji: emoji.clone(),
            };
            callback::tell(app, &line, &job.id.to_string(), telling).await?.map(drop)
        }
    };
    let told = outcome.as_ref().map_or_else(|failure| failure.code, |()| "done");
    metrics::counter!("gestures_sent", "kind" => job.kind.as_str(), "outcome" => told).increment(1);
    Ok(Some(GestureAttempt { job, emoji, channel_version: known.channel.version, outcome }))
}

fn gesture(kind: ChannelJobKind, target: &Target) -> Option<(Gesture, Option<String>)> {
    let message = target.provider_message_id.clone()?;
    match kind {
        ChannelJobKind::SendReaction => {
            let emoji = target.reaction.as_ref().map(|(_, emoji)| emoji.clone());
            Some((Gesture::React { message, emoji: emoji.clone() }, emoji))
        }
        ChannelJobKind::MarkRead => Some((Gesture::Read { message }, None)),
        _ => None,
    }
}
