//! Labels, and putting them on conversations.
//!
//! What is told of a conversation names its labels, and every transaction that tells of one holds the workspace's settings.
//! Who changes or deletes a label holds them alone, as a change of settings does: whatever is told of conversations before
//! it shows the label as it was, and whatever comes after shows it as it is. So nobody who follows the log is left with a
//! label that is not there.

use domain::access::{Caller, CreateLabel, LabelConversation, ManageLabels};
use domain::audit::AuditAction;
use domain::event::{Audience, EventType};
use domain::id::{LabelId, WorkspaceId};
use domain::refusal::{Code, Refusal};
use domain::resource::{self, EventActor, Label, LabelDeletion, LabelRef};
use persistence::error::{Failure, StoreError};
use persistence::{labels, settings};
use serde_json::json;

use super::conversations::{Locked, Which};
use super::precondition::expect_version;
use super::transaction::{Administration, Tx};

/// The most labels of one conversation.
pub const LABELS_MAX: usize = 20;

/// Makes a label. Its words have been checked.
///
/// # Errors
/// `name_taken`.
pub fn create(
    tx: &mut Tx<'_>,
    caller: &Caller<CreateLabel>,
    name: &str,
    color: &str,
) -> Result<Label, Failure> {
    let actor = caller.actor();
    let label =
        Label { id: tx.id(), name: name.to_owned(), color: color.to_owned(), version: 1, created_at: tx.now };
    labels::insert(tx.conn, actor.workspace_id, &label).map_err(|error| name_taken(error, name))?;
    tx.administer(Administration {
        workspace_id: actor.workspace_id,
        event_type: EventType::LabelCreated,
        audience: Audience::Everyone,
        actor: &EventActor::from(actor),
        action: AuditAction::Created,
        before: None,
        after: Some(&label),
    });
    Ok(label)
}

/// Changes a label's name or colour; `None` stays.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`, `name_taken`.
pub fn update(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageLabels>,
    id: LabelId,
    expected_version: Option<i64>,
    (name, color): (Option<&str>, Option<&str>),
) -> Result<Label, Failure> {
    let workspace = caller.actor().workspace_id;
    let before = lock(tx, caller, id, expected_version)?;
    let mut after = before.clone();
    if let Some(name) = name {
        name.clone_into(&mut after.name);
    }
    if let Some(color) = color {
        color.clone_into(&mut after.color);
    }
    if after == before {
        return Ok(after);
    }
    let name = after.name.clone();
    labels::update(tx.conn, workspace, &mut after).map_err(|error| name_taken(error, &name))?;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::LabelUpdated,
        audience: Audience::Everyone,
        actor: &EventActor::from(caller.actor()),
        action: AuditAction::Updated,
        before: Some(&before),
        after: Some(&after),
    });
    Ok(after)
}

/// Deletes a label, which takes it off every conversation; nothing is told of those.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn delete(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageLabels>,
    id: LabelId,
    expected_version: Option<i64>,
) -> Result<LabelDeletion, Failure> {
    let workspace = caller.actor().workspace_id;
    let mut label = lock(tx, caller, id, expected_version)?;
    let conversations = labels::delete(tx.conn, workspace, id)?;
    label.version += 1;
    tx.administer(Administration {
        workspace_id: workspace,
        event_type: EventType::LabelDeleted,
        audience: Audience::Everyone,
        actor: &EventActor::from(caller.actor()),
        action: AuditAction::Deleted,
        before: Some(&label),
        after: None,
    });
    Ok(deletion(label, conversations))
}

/// What deleting a label would affect now.
///
/// # Errors
/// `not_found`.
pub fn impact(
    conn: &mut diesel::PgConnection,
    workspace: WorkspaceId,
    id: LabelId,
) -> Result<LabelDeletion, Failure> {
    let label = labels::get(conn, workspace, id)?.ok_or(Code::NotFound)?;
    let conversations = labels::count_conversations(conn, workspace, id)?;
    Ok(deletion(label, conversations))
}

/// Puts a label on a conversation. One that it has already changes nothing.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`, `too_many_labels`.
pub fn attach(
    tx: &mut Tx<'_>,
    caller: &Caller<LabelConversation>,
    which: Which,
    id: LabelId,
) -> Result<resource::Conversation, Failure> {
    let mut labelled = Labelled::lock(tx, caller, which, id)?;
    if labelled.has {
        return labelled.locked.unchanged(tx);
    }
    if labelled.before.len() >= LABELS_MAX {
        return Err(Refusal::new(Code::TooManyLabels).with("most", LABELS_MAX).into());
    }
    labels::attach(tx.conn, labelled.locked.workspace, which.id, id)?;
    labelled.save(tx)
}

/// Takes a label off a conversation. One that it has not got changes nothing.
///
/// # Errors
/// `not_found`, `forbidden`, `version_mismatch`.
pub fn detach(
    tx: &mut Tx<'_>,
    caller: &Caller<LabelConversation>,
    which: Which,
    id: LabelId,
) -> Result<resource::Conversation, Failure> {
    let mut labelled = Labelled::lock(tx, caller, which, id)?;
    if !labelled.has {
        return labelled.locked.unchanged(tx);
    }
    labels::detach(tx.conn, labelled.locked.workspace, which.id, id)?;
    labelled.save(tx)
}

/// A locked conversation with its labels, and whether it has the one that this is about.
struct Labelled {
    locked: Locked<LabelConversation>,
    before: Vec<LabelRef>,
    has: bool,
}

impl Labelled {
    fn lock(
        tx: &mut Tx<'_>,
        caller: &Caller<LabelConversation>,
        which: Which,
        id: LabelId,
    ) -> Result<Self, Failure> {
        // From here on the settings are held, so the label stays as it is.
        let locked = Locked::lock(tx, caller, which)?;
        labels::get(tx.conn, locked.workspace, id)?.ok_or(Code::NotFound)?;
        let before = labels::of_conversation(tx.conn, locked.workspace, which.id)?;
        let has = before.iter().any(|label| label.id == id);
        Ok(Self { locked, before, has })
    }

    fn save(&mut self, tx: &mut Tx<'_>) -> Result<resource::Conversation, Failure> {
        let previous = json!({ "labels": self.before });
        self.locked.save_telling(tx, EventType::ConversationUpdated, previous)
    }
}

/// Locks the settings against whoever tells of conversations, and reads the label.
fn lock(
    tx: &mut Tx<'_>,
    caller: &Caller<ManageLabels>,
    id: LabelId,
    expected_version: Option<i64>,
) -> Result<Label, Failure> {
    let workspace = caller.actor().workspace_id;
    settings::lock_configuration(tx.conn, workspace)?.ok_or(Code::NotFound)?;
    let label = labels::get(tx.conn, workspace, id)?.ok_or(Code::NotFound)?;
    caller.on_workspace()?;
    expect_version(expected_version, label.version)?;
    Ok(label)
}

fn deletion(label: Label, conversations: i64) -> LabelDeletion {
    LabelDeletion { label: LabelRef { id: label.id, name: label.name, color: label.color }, conversations }
}

fn name_taken(error: StoreError, name: &str) -> Failure {
    match error {
        StoreError::Taken(_) => Refusal::new(Code::NameTaken).with("name", name).into(),
        other => other.into(),
    }
}
