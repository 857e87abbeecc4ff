//! What the provider decides of templates. It concerns the business account: the template may be on several channels.

use domain::inbound::InboundKind;
use domain::resource::Template;
use domain::template::{ProviderStatus, TemplateCategory};
use persistence::error::Failure;
use persistence::templates::{self, Named};

use super::Delivery;
use crate::ops::templates::provider::{remove, stand, tell_changed};
use crate::ops::transaction::Tx;

/// Applies what deliveries say of templates. What is not known here, or has been deleted here, is passed over.
pub(super) fn apply(tx: &mut Tx<'_>, deliveries: &[Delivery]) -> Result<(), Failure> {
    for delivery in deliveries {
        let named: Vec<Named> = delivery.events.iter().filter_map(|event| named(&event.what)).collect();
        if named.is_empty() {
            continue;
        }
        let workspace = delivery.workspace_id;
        for before in templates::lock_named(tx.conn, workspace, delivery.channel_id, &named)? {
            let mut after = before.clone();
            let mut gone = false;
            for event in &delivery.events {
                gone |= take(&mut after, &event.what);
            }
            if gone {
                remove(tx, workspace, before)?;
            } else if after != before {
                let now = tx.now;
                templates::update(tx.conn, workspace, &mut after, now)?;
                tell_changed(tx, workspace, &before, &after);
            }
        }
    }
    Ok(())
}

fn named(what: &InboundKind) -> Option<Named> {
    match what {
        InboundKind::TemplateStatus { template_id, name, language, .. } => Some(Named {
            provider_template_id: template_id.clone(),
            key: Some((name.clone(), language.clone())),
        }),
        InboundKind::TemplateCategory { template_id, .. } => {
            Some(Named { provider_template_id: template_id.clone(), key: None })
        }
        _ => None,
    }
}

/// Applies one piece of news, if it is about this template. True if the template is gone.
fn take(template: &mut Template, what: &InboundKind) -> bool {
    match what {
        InboundKind::TemplateStatus { template_id, name, language, status, reason } => {
            let is_it = match &template.provider_template_id {
                Some(id) => id == template_id,
                None => template.name == *name && template.language == *language,
            };
            if !is_it {
                return false;
            }
            if ProviderStatus::of(status) == ProviderStatus::Gone {
                return true;
            }
            template.provider_template_id = Some(template_id.clone());
            stand(template, status, reason.as_deref());
        }
        InboundKind::TemplateCategory { template_id, to, .. }
            if template.provider_template_id.as_ref() == Some(template_id) =>
        {
            template.category = TemplateCategory::of(to).unwrap_or(template.category);
        }
        _ => {}
    }
    false
}
