//! Using a template: for a message, to start a conversation.

use domain::id::{ChannelId, ContactId, TemplateId, WorkspaceId};
use domain::outbound::OutboundContent;
use domain::refusal::{Code, Refusal};
use domain::resource::Message;
use domain::template::{FilledTemplate, TemplateCategory, TemplateParameters, TemplateStatus, fill};
use persistence::error::Failure;
use persistence::{contacts, templates};

use crate::ops::transaction::Tx;

/// The most templates that a refusal names.
const NAMED: i64 = 20;

/// Which template, and what it leaves open.
#[derive(Debug, Clone, PartialEq)]
pub struct TemplateUse {
    /// The template.
    pub template_id: TemplateId,
    /// What it leaves open.
    pub parameters: TemplateParameters,
}

/// To whom it goes, and when.
#[derive(Debug, Clone, Copy)]
pub struct Occasion {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The channel.
    pub channel: ChannelId,
    /// The customer; `None` for somebody who is not known yet.
    pub contact: Option<ContactId>,
    /// Whether the template starts a conversation, or opens one again.
    pub opens: bool,
}

/// Fills in a template that may be sent now.
///
/// # Errors
/// `template_not_accepted`, `template_not_initiating`, `contact_opted_out`; `validation_failed` for one that is not of this
/// channel, and for each parameter that is wrong.
pub fn filled(tx: &mut Tx<'_>, occasion: Occasion, wanted: &TemplateUse) -> Result<OutboundContent, Failure> {
    let found = templates::get(tx.conn, occasion.workspace, wanted.template_id)?;
    let template = found.filter(|template| template.channel.id == occasion.channel).ok_or_else(|| {
        Refusal::invalid("/template/template_id", "unknown", "there is no such template on this channel")
    })?;
    let named = |code| Refusal::new(code).with("name", &template.name).with("status", template.status);
    if template.status != TemplateStatus::Accepted {
        return Err(named(Code::TemplateNotAccepted).into());
    }
    if occasion.opens && !template.initiate {
        return Err(named(Code::TemplateNotInitiating).into());
    }
    if template.category == TemplateCategory::Marketing
        && let Some(contact) = occasion.contact
        && is_opted_out(tx, occasion.workspace, contact)?
    {
        return Err(Code::ContactOptedOut.into());
    }
    let filled: FilledTemplate = fill(&template, &wanted.parameters)?;
    Ok(OutboundContent::Template { text: filled.text(), template: Box::new(filled) })
}

fn is_opted_out(tx: &mut Tx<'_>, workspace: WorkspaceId, contact: ContactId) -> Result<bool, Failure> {
    let found = contacts::shapes(tx.conn, vec![(workspace, contact)])?.pop();
    Ok(found.is_some_and(|(_, contact)| contact.opted_out_at.is_some()))
}

/// The refusal of a free message, with the templates that may be sent in its place.
///
/// # Errors
/// Only those of the database.
pub fn naming_templates(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    channel: ChannelId,
    mut refusal: Refusal,
) -> Result<Refusal, Failure> {
    refusal.templates = templates::usable(tx.conn, workspace, channel, NAMED)?;
    Ok(refusal)
}

impl TemplateUse {
    /// Whether a message that was stored is of this template, with the same filled in.
    #[must_use]
    pub fn is_of(&self, message: &Message) -> bool {
        let template = message.content.as_ref().and_then(|content| content.template.as_ref());
        template
            .is_some_and(|template| template.id == self.template_id && template.parameters == self.parameters)
    }
}
