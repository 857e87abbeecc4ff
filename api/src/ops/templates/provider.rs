//! What the provider makes of templates: of those handed in, and of those that it has.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use domain::event::{Audience, EventType};
use domain::id::{TemplateId, WorkspaceId};
use domain::resource::{ChannelRef, EventActor, Template, TemplateSync};
use domain::template::{ProviderStatus, TemplateCategory, TemplateStatus};
use persistence::channels;
use persistence::error::Failure;
use persistence::jobs::{self, ChannelJob};
use persistence::templates;

use crate::channels::SendFailure;
use crate::channels::whatsapp::templates::{ProviderTemplate, Submitted};
use crate::ops::sends::stop_channel;
use crate::ops::transaction::{Change, Tx};
use crate::state::App;

/// The provider has a template that was handed in, and will decide.
///
/// # Errors
/// Only those of the database.
pub fn submitted(tx: &mut Tx<'_>, job: ChannelJob, answer: &Submitted) -> Result<(), Failure> {
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    change(tx, job.workspace_id, TemplateId(job.subject_id), |template| {
        template.provider_template_id = Some(answer.id.clone());
        // Its decision may have come before this answer.
        if template.provider_status.is_none() {
            stand(template, &answer.status, None);
        }
        if let Some(category) = answer.category {
            template.category = category;
        }
    })
}

/// The provider refused what was handed in. `found` is the template as the provider still has it.
///
/// # Errors
/// Only those of the database.
pub fn refused(
    tx: &mut Tx<'_>,
    job: ChannelJob,
    words: &str,
    found: Option<&ProviderTemplate>,
) -> Result<(), Failure> {
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    change(tx, job.workspace_id, TemplateId(job.subject_id), |template| {
        match found {
            Some(found) => adopt(template, found),
            None => {
                template.status = TemplateStatus::Rejected;
                template.provider_status = None;
            }
        }
        template.rejection_reason = Some(words.to_owned());
    })
}

/// The template is gone at the provider, or will not go: it is forgotten.
///
/// # Errors
/// Only those of the database.
pub fn deleted(tx: &mut Tx<'_>, job: ChannelJob) -> Result<(), Failure> {
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    Ok(templates::delete(tx.conn, job.workspace_id, TemplateId(job.subject_id))?)
}

/// What a reading of the provider's templates has done so far.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// The templates that the provider has, as they are called here.
    seen: BTreeSet<TemplateId>,
    created: usize,
    updated: usize,
}

/// Takes over some of the templates that the provider has.
///
/// # Errors
/// Only those of the database.
pub fn take_over(
    tx: &mut Tx<'_>,
    job: ChannelJob,
    some: &[ProviderTemplate],
    tally: &Tally,
) -> Result<Tally, Failure> {
    let (workspace, mut tally) = (job.workspace_id, tally.clone());
    let Some(channel) = channels::lock(tx.conn, workspace, job.channel_id)? else { return Ok(tally) };
    let channel = ChannelRef { id: channel.id, kind: channel.kind, name: channel.name };
    let known = templates::lock_of_channel(tx.conn, workspace, channel.id)?;
    for one in some {
        let by_id =
            known.iter().find(|stored| stored.template.provider_template_id.as_ref() == Some(&one.id));
        let same = |stored: &&templates::StoredTemplate| {
            stored.template.name == one.name && stored.template.language == one.language
        };
        match by_id.or_else(|| known.iter().filter(same).min_by_key(|stored| stored.deleted)) {
            // Going, by a job that waits for its turn.
            Some(stored) if stored.deleted => {}
            Some(_) if ProviderStatus::of(&one.status) == ProviderStatus::Gone => {}
            Some(stored) => {
                tally.seen.insert(stored.template.id);
                tally.updated += usize::from(renew(tx, workspace, &stored.template, one)?);
            }
            None if ProviderStatus::of(&one.status) == ProviderStatus::Gone => {}
            None => {
                tally.seen.insert(add(tx, workspace, &channel, one)?);
                tally.created += 1;
            }
        }
    }
    Ok(tally)
}

/// All templates have been read: those that were not among them are gone.
///
/// # Errors
/// Only those of the database.
pub fn read_all(tx: &mut Tx<'_>, job: ChannelJob, tally: &Tally) -> Result<(), Failure> {
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    let mut gone = 0;
    for stored in templates::lock_of_channel(tx.conn, job.workspace_id, job.channel_id)? {
        let template = stored.template;
        // What waits to be handed in is not there yet.
        let is_there = template.provider_template_id.is_some() && template.provider_status.is_some();
        if !stored.deleted && is_there && !tally.seen.contains(&template.id) {
            remove(tx, job.workspace_id, template)?;
            gone += 1;
        }
    }
    tell_synced(tx, job, tally, gone, None);
    Ok(())
}

/// The templates could not be read.
///
/// # Errors
/// Only those of the database.
pub fn not_read(tx: &mut Tx<'_>, job: ChannelJob, tally: &Tally, words: &str) -> Result<(), Failure> {
    jobs::finish(tx.conn, job.workspace_id, job.id)?;
    tell_synced(tx, job, tally, 0, Some(words.to_owned()));
    Ok(())
}

fn tell_synced(tx: &mut Tx<'_>, job: ChannelJob, tally: &Tally, deleted: usize, error: Option<String>) {
    let sync = TemplateSync {
        channel_id: job.channel_id,
        finished_at: Some(tx.now),
        created: tally.created,
        updated: tally.updated,
        deleted,
        error,
    };
    tx.tell(Change {
        workspace_id: job.workspace_id,
        event_type: EventType::TemplateSynced,
        audience: Audience::Channel(job.channel_id),
        conversation_id: None,
        actor: &EventActor::system(),
        data: &sync,
        previous: None,
    });
}

/// The provider does not answer: the job is seen again later.
///
/// # Errors
/// Only those of the database.
pub fn later(tx: &mut Tx<'_>, job: ChannelJob, asked: Option<TimeDelta>) -> Result<(), Failure> {
    let exponent = job.attempts.clamp(0, 7);
    let own = TimeDelta::seconds((5_i64 << exponent).min(900));
    let due_at = tx.now.plus(own.max(asked.unwrap_or_default()));
    Ok(jobs::postpone(tx.conn, job.workspace_id, job.id, due_at)?)
}

/// Nothing can be done on the channel until an administrator acts: the job waits.
///
/// # Errors
/// Only those of the database.
pub fn stopped(
    app: &App,
    tx: &mut Tx<'_>,
    job: ChannelJob,
    channel_version: i64,
    failure: &SendFailure,
) -> Result<(), Failure> {
    let now = tx.now;
    jobs::postpone(tx.conn, job.workspace_id, job.id, now)?;
    stop_channel(app, tx, (job.workspace_id, job.channel_id, channel_version), failure)
}

/// Something that the provider says changes a template: it is told, unless nothing changed.
pub(in crate::ops) fn change(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    id: TemplateId,
    how: impl FnOnce(&mut Template),
) -> Result<(), Failure> {
    let Some(stored) = templates::lock(tx.conn, workspace, id)? else { return Ok(()) };
    let mut after = stored.template.clone();
    how(&mut after);
    if after == stored.template {
        return Ok(());
    }
    let now = tx.now;
    templates::update(tx.conn, workspace, &mut after, now)?;
    if !stored.deleted {
        tell_changed(tx, workspace, &stored.template, &after);
    }
    Ok(())
}

/// Tells that a template changed at the provider.
pub(in crate::ops) fn tell_changed(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    before: &Template,
    after: &Template,
) {
    let what = (EventType::TemplateUpdated, Audience::Channel(after.channel.id));
    tx.tell_consequence(workspace, what, &EventActor::system(), before, after);
}

/// Forgets a template that is gone at the provider.
pub(in crate::ops) fn remove(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    mut template: Template,
) -> Result<(), Failure> {
    templates::delete(tx.conn, workspace, template.id)?;
    template.version += 1;
    tell(tx, workspace, EventType::TemplateDeleted, &template);
    Ok(())
}

fn tell(tx: &mut Tx<'_>, workspace_id: WorkspaceId, event_type: EventType, template: &Template) {
    tx.tell(Change {
        workspace_id,
        event_type,
        audience: Audience::Channel(template.channel.id),
        conversation_id: None,
        actor: &EventActor::system(),
        data: template,
        previous: None,
    });
}

/// How a template stands from now on, by the provider's word and reason.
pub(in crate::ops) fn stand(template: &mut Template, word: &str, reason: Option<&str>) {
    // What is gone is removed by whoever hears of it; here it only cannot be sent.
    template.status = match ProviderStatus::of(word) {
        ProviderStatus::Is(status) => status,
        ProviderStatus::Gone => TemplateStatus::Disabled,
    };
    template.provider_status = Some(word.to_owned());
    if template.status == TemplateStatus::Accepted {
        template.rejection_reason = None;
    }
    if let Some(reason) = reason.filter(|reason| *reason != "NONE") {
        template.rejection_reason = Some(reason.to_owned());
    }
}

/// Makes a template what the provider has.
fn adopt(template: &mut Template, found: &ProviderTemplate) {
    template.provider_template_id = Some(found.id.clone());
    template.category = found.category.unwrap_or(template.category);
    template.parameter_format = found.parameter_format;
    template.components = found.components.clone();
    template.unsupported = found.unsupported.clone();
    template.quality = found.quality.clone();
    let told = template.rejection_reason.take();
    stand(template, &found.status, found.reason.as_deref());
    if template.rejection_reason.is_none() {
        // Why a change of it was refused is worth knowing until it is changed again.
        template.rejection_reason = told;
    }
}

fn renew(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    before: &Template,
    found: &ProviderTemplate,
) -> Result<bool, Failure> {
    // A change of it waits to be handed in: the provider's state is the one before.
    if before.provider_status.is_none() && before.status == TemplateStatus::Pending {
        return Ok(false);
    }
    let mut after = before.clone();
    adopt(&mut after, found);
    if after == *before {
        return Ok(false);
    }
    let now = tx.now;
    templates::update(tx.conn, workspace, &mut after, now)?;
    tell_changed(tx, workspace, before, &after);
    Ok(true)
}

fn add(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    channel: &ChannelRef,
    found: &ProviderTemplate,
) -> Result<TemplateId, Failure> {
    let category = found.category.unwrap_or(TemplateCategory::Utility);
    let mut template = Template {
        id: tx.id(),
        channel: channel.clone(),
        name: found.name.clone(),
        language: found.language.clone(),
        category,
        parameter_format: found.parameter_format,
        components: found.components.clone(),
        unsupported: found.unsupported.clone(),
        status: TemplateStatus::Pending,
        provider_status: None,
        rejection_reason: None,
        quality: None,
        // A one-time code is an answer to somebody.
        initiate: category != TemplateCategory::Authentication,
        provider_template_id: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    adopt(&mut template, found);
    templates::insert(tx.conn, workspace, &template)?;
    tell(tx, workspace, EventType::TemplateCreated, &template);
    Ok(template.id)
}

/// A send was refused because the provider has stopped the template: it is not offered any longer.
///
/// # Errors
/// Only those of the database.
pub fn stopped_by_send(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    template: TemplateId,
    word: &'static str,
) -> Result<(), Failure> {
    change(tx, workspace, template, |template| stand(template, word, None))
}
