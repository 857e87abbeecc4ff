//! Templates: made, changed and deleted here; handed in, and read, by jobs ([`provider`]); used by messages ([`usage`]).

pub mod provider;
pub mod usage;

use domain::access::{Act, Caller, Facts, ManageTemplates};
use domain::audit::AuditAction;
use domain::channel::ChannelKind;
use domain::event::{Audience, EventType};
use domain::id::{ChannelId, JobId, TemplateId, WorkspaceId};
use domain::job::ChannelJobKind;
use domain::refusal::{Code, Refusal};
use domain::resource::{ChannelRef, EventActor, Template, TemplateSync};
use domain::template::{
    ParameterFormat, TemplateCategory, TemplateComponents, TemplateStatus, check_components, check_language,
    check_name,
};
use persistence::channels::{self, StoredChannel};
use persistence::error::{Failure, StoreError};
use persistence::jobs::{self, ChannelJob};
use persistence::templates;

use super::precondition::expect_version;
use super::transaction::{Administration, Tx};

/// A template to be made.
#[derive(Debug, Clone)]
pub struct TemplateDraft {
    /// The channel that it is for.
    pub channel_id: ChannelId,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// What it is for.
    pub category: TemplateCategory,
    /// How its variables are called.
    pub parameter_format: ParameterFormat,
    /// What it consists of.
    pub components: TemplateComponents,
    /// Whether it may start a conversation, or open one again.
    pub initiate: bool,
}

impl TemplateDraft {
    /// Refuses what the provider would refuse.
    ///
    /// # Errors
    /// `validation_failed`.
    pub fn check(&self) -> Result<(), Refusal> {
        check_name(&self.name)?;
        check_language(&self.language)?;
        if self.category == TemplateCategory::Authentication {
            let detail = "authentication templates have a form of their own and are made at the provider";
            return Err(Refusal::invalid("/category", "not_supported", detail));
        }
        check_components(&self.components, self.parameter_format)
    }
}

/// What is to be changed of a template; `None` stays.
#[derive(Debug, Clone, Default)]
pub struct TemplatePatch {
    /// Whether it may start a conversation, or open one again.
    pub initiate: Option<bool>,
    /// What it consists of; it is handed in again.
    pub components: Option<TemplateComponents>,
}

/// Makes a template, and has it handed in.
///
/// # Errors
/// `template_exists`; `validation_failed`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTemplates>,
    draft: &TemplateDraft,
) -> Result<Template, Failure> {
    let workspace = caller.actor().workspace_id;
    let channel = channel_with_templates(tx, caller, draft.channel_id, "/channel_id")?;
    let template = Template {
        id: tx.id(),
        channel: ChannelRef { id: channel.id, kind: channel.kind, name: channel.name },
        name: draft.name.clone(),
        language: draft.language.clone(),
        category: draft.category,
        parameter_format: draft.parameter_format,
        components: draft.components.clone(),
        unsupported: Vec::new(),
        status: TemplateStatus::Pending,
        provider_status: None,
        rejection_reason: None,
        quality: None,
        initiate: draft.initiate,
        provider_template_id: None,
        version: 1,
        created_at: tx.now,
        updated_at: tx.now,
    };
    templates::insert(tx.conn, workspace, &template).map_err(|error| match error {
        StoreError::Taken(_) => Refusal::new(Code::TemplateExists)
            .with("name", &draft.name)
            .with("language", &draft.language)
            .into(),
        other => Failure::from(other),
    })?;
    enqueue(tx, workspace, ChannelJobKind::SubmitTemplate, channel.id, template.id)?;
    administer(tx, caller, (EventType::TemplateCreated, AuditAction::Created), None, Some(&template));
    Ok(template)
}

/// Changes a template. Other components are handed in again; until they are approved it cannot be sent.
///
/// # Errors
/// `not_found`, `version_mismatch`, `template_not_changeable`, `validation_failed`.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTemplates>,
    id: TemplateId,
    expected_version: Option<i64>,
    patch: &TemplatePatch,
) -> Result<Template, Failure> {
    let workspace = caller.actor().workspace_id;
    let before = locked(tx, caller, id, expected_version)?;
    let mut after = before.clone();
    if let Some(initiate) = patch.initiate {
        after.initiate = initiate;
    }
    if let Some(components) = patch.components.as_ref().filter(|new| **new != before.components) {
        if !before.status.may_change() || before.category == TemplateCategory::Authentication {
            let refusal = Refusal::new(Code::TemplateNotChangeable).with("status", before.status);
            return Err(refusal.with("name", &before.name).into());
        }
        check_components(components, before.parameter_format)?;
        after.components = components.clone();
        after.unsupported.clear();
        after.status = TemplateStatus::Pending;
        after.provider_status = None;
        after.rejection_reason = None;
        enqueue(tx, workspace, ChannelJobKind::SubmitTemplate, before.channel.id, id)?;
    }
    if after == before {
        return Ok(before);
    }
    let now = tx.now;
    templates::update(tx.conn, workspace, &mut after, now)?;
    administer(tx, caller, (EventType::TemplateUpdated, AuditAction::Updated), Some(&before), Some(&after));
    Ok(after)
}

/// Deletes a template, here at once and at the provider by a job. Answers how it was last.
///
/// # Errors
/// `not_found`, `version_mismatch`.
pub fn delete(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTemplates>,
    id: TemplateId,
    expected_version: Option<i64>,
) -> Result<Template, Failure> {
    let workspace = caller.actor().workspace_id;
    let mut template = locked(tx, caller, id, expected_version)?;
    let now = tx.now;
    templates::hide(tx.conn, workspace, id, now)?;
    enqueue(tx, workspace, ChannelJobKind::DeleteTemplate, template.channel.id, id)?;
    template.version += 1;
    administer(tx, caller, (EventType::TemplateDeleted, AuditAction::Deleted), Some(&template), None);
    Ok(template)
}

/// Has the provider's templates read. Where that waits for its turn already, nothing more is enqueued.
///
/// # Errors
/// `not_found`; `validation_failed` for a channel that has no templates.
pub fn request_sync(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTemplates>,
    id: ChannelId,
) -> Result<TemplateSync, Failure> {
    let workspace = caller.actor().workspace_id;
    caller.on_channel(id)?;
    // Locked, so that of two that ask at once one finds what the other enqueued.
    let channel = channels::lock(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    demand_templates(channel.kind, "?channel_id")?;
    if !jobs::waits(tx.conn, workspace, ChannelJobKind::SyncTemplates, id.0)? {
        let job = ChannelJob {
            workspace_id: workspace,
            id: tx.id(),
            kind: ChannelJobKind::SyncTemplates,
            lane: id.0,
            channel_id: id,
            subject_id: id.0,
            attempts: 0,
        };
        let now = tx.now;
        jobs::enqueue_channel_job(tx.conn, job, now)?;
        tx.has_jobs();
    }
    Ok(TemplateSync { channel_id: id, finished_at: None, created: 0, updated: 0, deleted: 0, error: None })
}

/// A channel that the caller may use, which has templates. `pointer` says where the caller named it.
pub(super) fn channel_with_templates<A: Act>(
    tx: &mut Tx<'_>,
    caller: &Caller<A>,
    id: ChannelId,
    pointer: &str,
) -> Result<StoredChannel, Failure> {
    let unknown = || Refusal::invalid(pointer, "unknown", "there is no such channel");
    // Nobody holds what there is not yet: who is kept to other channels is kept from this one.
    let nowhere = Facts { channel: id, assignee: None, division: None };
    caller.on(nowhere).map_err(|refusal| if refusal.code == Code::NotFound { unknown() } else { refusal })?;
    let channel = channels::get(tx.conn, caller.actor().workspace_id, id)?.ok_or_else(unknown)?;
    demand_templates(channel.kind, pointer)?;
    Ok(channel)
}

fn demand_templates(kind: ChannelKind, pointer: &str) -> Result<(), Refusal> {
    if kind.has_templates() {
        Ok(())
    } else {
        Err(Refusal::invalid(pointer, "not_supported", format!("a {kind} channel has no templates")))
    }
}

fn locked(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTemplates>,
    id: TemplateId,
    expected_version: Option<i64>,
) -> Result<Template, Failure> {
    let stored = templates::lock(tx.conn, caller.actor().workspace_id, id)?;
    let template = stored.filter(|stored| !stored.deleted).ok_or(Code::NotFound)?.template;
    caller.on_channel(template.channel.id)?;
    expect_version(expected_version, template.version)?;
    Ok(template)
}

/// What is to be done at the provider with the templates of a channel is done in order.
fn enqueue(
    tx: &mut Tx<'_>,
    workspace_id: WorkspaceId,
    kind: ChannelJobKind,
    channel_id: ChannelId,
    template: TemplateId,
) -> Result<(), Failure> {
    let id: JobId = tx.id();
    let (lane, subject_id) = (channel_id.0, template.0);
    let job = ChannelJob { workspace_id, id, kind, lane, channel_id, subject_id, attempts: 0 };
    let now = tx.now;
    jobs::enqueue_channel_job(tx.conn, job, now)?;
    tx.has_jobs();
    Ok(())
}

fn administer(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageTemplates>,
    (event_type, action): (EventType, AuditAction),
    before: Option<&Template>,
    after: Option<&Template>,
) {
    let Some(channel) = after.or(before).map(|template| template.channel.id) else { return };
    tx.administer(Administration {
        workspace_id: caller.actor().workspace_id,
        event_type,
        audience: Audience::Channel(channel),
        actor: &EventActor::from(caller.actor()),
        action,
        before,
        after,
    });
}
