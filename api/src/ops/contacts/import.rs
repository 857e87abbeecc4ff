//! Bringing in contacts from a file: every line that is right is taken, the others are named.

use std::collections::{BTreeMap, HashMap};

use domain::access::{Caller, ImportContacts};
use domain::audit::{AuditAction, AuditSubject};
use domain::contact::{self, ContactPatch};
use domain::event::{ContactSight, EventType};
use domain::id::{ContactId, WorkspaceId};
use domain::input;
use domain::refusal::{FieldError, Refusal};
use domain::resource::{Contact, ContactImport, EventActor, ImportError, ImportOutcome, ImportedLine};
use persistence::audit::NewAuditEntry;
use persistence::contacts::{self, NewContact};
use persistence::error::{Failure, StoreError};
use serde_json::{Value, json};

use super::locked::Locked;
use super::tell_contact;
use crate::ops::transaction::Tx;

/// One line of the file: what its cells say, by column. Empty cells are left out.
#[derive(Clone)]
pub struct Row {
    /// Its number in the file.
    pub line: u64,
    /// A word for each column: a field of contacts, or the name of an attribute.
    pub cells: BTreeMap<String, String>,
    /// It has more cells than the header.
    pub too_long: bool,
}

/// What a line comes down to.
enum Plan {
    Create(NewContact),
    Update(Contact),
    Unchanged(ContactId),
    Fail(Vec<ImportError>),
}

/// The contacts that the lines are about.
struct Known {
    by_id: HashMap<ContactId, Contact>,
    by_phone: HashMap<String, ContactId>,
}

/// Takes the lines of a file, all in one transaction. A line is about the contact with its `id`, else about the one with its
/// phone number, else about a new one. Empty cells change nothing.
///
/// # Errors
/// `forbidden` for a program that is limited to channels; those of the database.
pub fn import(
    tx: &mut Tx<'_>,
    caller: &Caller<ImportContacts>,
    rows: &[Row],
    dry_run: bool,
) -> Result<ContactImport, Failure> {
    caller.on_workspace()?;
    let (locked, known) = known(tx, caller.actor().workspace_id, rows)?;
    let mut seen: HashMap<String, u64> = HashMap::new();
    let mut plans = Vec::with_capacity(rows.len());
    for row in rows {
        let plan = plan(tx, &known, &mut seen, row).unwrap_or_else(Plan::Fail);
        plans.push((row.line, plan));
    }
    if !dry_run {
        write(tx, caller, &locked, &plans)?;
    }
    let report = report(plans, dry_run);
    if !dry_run && report.created + report.updated > 0 {
        audit(tx, caller, &report);
    }
    Ok(report)
}

/// Finds and locks the contacts that the lines are about.
fn known(tx: &mut Tx<'_>, workspace: WorkspaceId, rows: &[Row]) -> Result<(Locked, Known), Failure> {
    let cells = |name: &str| rows.iter().filter_map(|row| row.cells.get(name)).collect::<Vec<_>>();
    let phones: Vec<String> =
        cells("phone").into_iter().filter_map(|text| contact::phone("", text).ok()).collect();
    let mut by_phone: HashMap<String, ContactId> = HashMap::new();
    for one in contacts::by_phones(tx.conn, workspace, phones)? {
        // Who is found by it; else who had it first.
        if one.owns {
            by_phone.insert(one.phone, one.id);
        } else {
            by_phone.entry(one.phone).or_insert(one.id);
        }
    }
    let mut ids: Vec<ContactId> = cells("id").into_iter().filter_map(|text| text.parse().ok()).collect();
    ids.extend(by_phone.values());
    let locked = Locked::lock(tx, workspace, ids)?;
    let by_id: HashMap<_, _> = locked.contacts.iter().map(|one| (one.id, one.clone())).collect();
    // Somebody's number may have changed before it was locked.
    let moved =
        |(phone, id): (&String, &ContactId)| by_id.get(id).and_then(|one| one.phone.as_ref()) != Some(phone);
    if by_phone.iter().any(moved) {
        return Err(StoreError::overtaken().into());
    }
    Ok((locked, Known { by_id, by_phone }))
}

/// What is to be done for a line; `seen` has the contacts and numbers of earlier ones.
fn plan(
    tx: &Tx<'_>,
    known: &Known,
    seen: &mut HashMap<String, u64>,
    row: &Row,
) -> Result<Plan, Vec<ImportError>> {
    if row.too_long {
        return Err(vec![error("", "columns", "has more cells than the header")]);
    }
    let mut errors = Vec::new();
    let named = match row.cells.get("id") {
        None => None,
        Some(text) => match text.trim().parse().ok().and_then(|id| known.by_id.get(&id)) {
            Some(contact) => Some(contact),
            None => return Err(vec![error("id", "unknown", "there is no such contact")]),
        },
    };
    let phone = phone_of(row, named, &mut errors);
    let owner = phone.as_ref().and_then(|phone| known.by_phone.get(phone)).and_then(|id| known.by_id.get(id));
    let target = named.or(owner);
    if let (Some(named), Some(owner)) = (named, owner)
        && named.id != owner.id
        && named.phone != phone
    {
        errors.push(error("phone", "taken", "another contact has this number"));
    }
    let patch = patch_of(row, target, phone.clone(), &mut errors);
    for key in target.map(|one| one.id.to_string()).into_iter().chain(phone) {
        match seen.get(&key) {
            Some(line) if *line != row.line => {
                let detail = format!("line {line} is about the same contact");
                errors.push(error("", "duplicate", &detail));
                break;
            }
            _ => drop(seen.insert(key, row.line)),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    match target {
        Some(contact) => change(contact, &patch),
        None => create(tx, &patch),
    }
}

fn phone_of(row: &Row, named: Option<&Contact>, errors: &mut Vec<ImportError>) -> Option<String> {
    let text = row.cells.get("phone")?;
    // What a provider told is taken as it is.
    if named.is_some_and(|contact| contact.phone.as_ref() == Some(text)) {
        return Some(text.clone());
    }
    checked("phone", contact::phone("", text), errors)
}

/// What the cells say, but for what is so already: that may be what a provider told, and need not pass for what a person types.
fn patch_of(
    row: &Row,
    target: Option<&Contact>,
    phone: Option<String>,
    errors: &mut Vec<ImportError>,
) -> ContactPatch {
    let mut patch = ContactPatch { phone: phone.map(Some), ..ContactPatch::default() };
    for (column, text) in &row.cells {
        match column.as_str() {
            "id" | "phone" | "blocked_at" | "opted_out_at" | "created_at" => {}
            "name" if target.is_some_and(|one| one.name == *text) => {}
            "name" => patch.name = checked(column, input::contact_name("", text), errors),
            "email" if target.is_some_and(|one| one.email.as_ref() == Some(text)) => {}
            "email" => patch.email = checked(column, input::email("", text), errors).map(Some),
            "company" if target.is_some_and(|one| one.company.as_ref() == Some(text)) => {}
            "company" => patch.company = checked(column, contact::company("", text), errors).map(Some),
            name => {
                let is = target.and_then(|one| one.attributes.get(name));
                if is.is_some_and(|is| attribute_text(is) == *text) {
                    continue;
                }
                let value = Value::String(text.clone());
                if checked(column, contact::attribute_value("", &value), errors).is_some() {
                    patch.attributes.insert(name.to_owned(), value);
                }
            }
        }
    }
    patch
}

/// An attribute as a cell says it.
#[must_use]
pub fn attribute_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

fn change(contact: &Contact, patch: &ContactPatch) -> Result<Plan, Vec<ImportError>> {
    let mut after = contact.clone();
    patch.apply(&mut after).map_err(|refusal| vec![of_refusal("", &refusal)])?;
    Ok(if after == *contact { Plan::Unchanged(contact.id) } else { Plan::Update(after) })
}

fn create(tx: &Tx<'_>, patch: &ContactPatch) -> Result<Plan, Vec<ImportError>> {
    let Some(name) = patch.name.clone() else {
        return Err(vec![error("name", "required", "a new contact needs a name")]);
    };
    if patch.attributes.len() > contact::ATTRIBUTES_MAX {
        let detail = format!("a contact has at most {} attributes", contact::ATTRIBUTES_MAX);
        return Err(vec![error("", "too_many", &detail)]);
    }
    Ok(Plan::Create(NewContact {
        id: tx.id(),
        name,
        phone: patch.phone.clone().flatten(),
        email: patch.email.clone().flatten(),
        company: patch.company.clone().flatten(),
        attributes: Value::Object(patch.attributes.clone()),
    }))
}

fn write(
    tx: &mut Tx<'_>,
    caller: &Caller<ImportContacts>,
    locked: &Locked,
    plans: &[(u64, Plan)],
) -> Result<(), Failure> {
    let (workspace, now, actor) = (locked.workspace, tx.now, EventActor::from(caller.actor()));
    let (mut new, mut changed) = (Vec::new(), Vec::new());
    for (_, plan) in plans {
        match plan {
            Plan::Create(contact) => new.push(contact.clone()),
            Plan::Update(contact) => changed.push(contact.clone()),
            Plan::Unchanged(_) | Plan::Fail(_) => {}
        }
    }
    if !new.is_empty() {
        let stored = contacts::insert_made(tx.conn, workspace, &new, now)?;
        if stored.len() < new.len() {
            // Somebody wrote, or was made, meanwhile: it is known next time.
            return Err(StoreError::overtaken().into());
        }
        let keys = stored.into_iter().map(|id| (workspace, id)).collect();
        for (_, contact) in contacts::shapes(tx.conn, keys)? {
            let sight = ContactSight { before: None, after: Some(Vec::new()) };
            tell_contact(tx, workspace, &contact, EventType::ContactCreated, sight, &actor);
        }
    }
    if !changed.is_empty() {
        contacts::save_many(tx.conn, workspace, &changed)?;
        locked.tell(tx, EventType::ContactUpdated, &actor)?;
    }
    Ok(())
}

fn audit(tx: &mut Tx<'_>, caller: &Caller<ImportContacts>, report: &ContactImport) {
    let ContactImport { created, updated, failed, .. } = report;
    let entry = NewAuditEntry {
        workspace_id: caller.actor().workspace_id,
        id: tx.id(),
        at: tx.now,
        actor: EventActor::from(caller.actor()),
        action: AuditAction::Created,
        subject: AuditSubject::ContactImport,
        subject_id: tx.id(),
        subject_name: format!("{} contacts", created + updated),
        before: None,
        after: Some(json!({ "created": created, "updated": updated, "failed": failed })),
    };
    tx.audit(entry);
}

fn report(plans: Vec<(u64, Plan)>, dry_run: bool) -> ContactImport {
    let lines: Vec<ImportedLine> = plans
        .into_iter()
        .map(|(line, plan)| {
            let (outcome, contact_id, errors) = match plan {
                Plan::Create(contact) => {
                    (ImportOutcome::Created, (!dry_run).then_some(contact.id), Vec::new())
                }
                Plan::Update(contact) => (ImportOutcome::Updated, Some(contact.id), Vec::new()),
                Plan::Unchanged(id) => (ImportOutcome::Unchanged, Some(id), Vec::new()),
                Plan::Fail(errors) => (ImportOutcome::Failed, None, errors),
            };
            ImportedLine { line, outcome, contact_id, errors }
        })
        .collect();
    let count = |outcome| lines.iter().filter(|line| line.outcome == outcome).count();
    ContactImport {
        dry_run,
        created: count(ImportOutcome::Created),
        updated: count(ImportOutcome::Updated),
        unchanged: count(ImportOutcome::Unchanged),
        failed: count(ImportOutcome::Failed),
        lines,
    }
}

fn checked<T>(column: &str, result: Result<T, Refusal>, errors: &mut Vec<ImportError>) -> Option<T> {
    result.map_err(|refusal| errors.push(of_refusal(column, &refusal))).ok()
}

fn of_refusal(column: &str, refusal: &Refusal) -> ImportError {
    match refusal.errors.first() {
        Some(FieldError { code, detail, .. }) => error(column, code, detail),
        None => error(column, refusal.code.as_str(), "is not valid"),
    }
}

fn error(column: &str, code: &str, detail: &str) -> ImportError {
    ImportError { column: column.to_owned(), code: code.to_owned(), detail: detail.to_owned() }
}
