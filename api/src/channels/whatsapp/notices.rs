//! What Meta tells of the number, the business account and its templates.

use domain::inbound::InboundKind;
use serde_json::value::RawValue;

use super::inbound::provider_error;
use crate::channels::draft::{NAME_MAX_CHARS, ignored};
use crate::channels::json::{Object, cut, field, id, int_at, text_at, value};

/// Reads a change of any field but `messages` and `user_preferences`.
pub(super) fn read(name: &str, value: &Object<'_>) -> InboundKind {
    match name {
        "message_template_status_update" => template_status(value),
        "template_category_update" => template_category(value),
        "account_update" | "phone_number_quality_update" | "security" => alert(value, "event", name),
        "account_alerts" => alert(value, "alert_type", name),
        "account_review_update" | "phone_number_name_update" => alert(value, "decision", name),
        "business_capability_update" => alert(value, "", name),
        "smb_message_echoes" => ignored("written in the phone app"),
        "history" | "smb_app_state_sync" => ignored("history of the phone app"),
        "message_template_quality_update" | "message_template_components_update" => {
            ignored("template news without effect")
        }
        _ => ignored("unknown field"),
    }
}

/// An error of `value.errors[]`: it concerns the number or the application, not one message.
pub(super) fn channel_error(raw: &RawValue) -> InboundKind {
    let error = value(raw.get()).unwrap_or_default();
    match int_at(&error, "/code") {
        Some(code) => InboundKind::ChannelError { code, detail: provider_error(&error).detail },
        None => ignored("error without a code"),
    }
}

fn alert(value: &Object<'_>, key: &str, name: &str) -> InboundKind {
    let event = text_at(&field(value, key), "").unwrap_or_else(|| name.to_owned());
    InboundKind::ChannelAlert { event: cut(event, NAME_MAX_CHARS) }
}

fn template_status(value: &Object<'_>) -> InboundKind {
    let word = |key: &str| text_at(&field(value, key), "");
    let template_id = id(&field(value, "message_template_id"));
    let (Some(template_id), Some(status)) = (template_id, word("event")) else {
        return ignored("template news without id or event");
    };
    InboundKind::TemplateStatus {
        template_id,
        name: word("message_template_name").unwrap_or_default(),
        language: word("message_template_language").unwrap_or_default(),
        status,
        reason: word("reason"),
    }
}

fn template_category(value: &Object<'_>) -> InboundKind {
    let word = |key: &str| text_at(&field(value, key), "");
    let template_id = id(&field(value, "message_template_id"));
    match (template_id, word("new_category")) {
        (Some(template_id), Some(to)) => {
            InboundKind::TemplateCategory { template_id, from: word("previous_category"), to }
        }
        // Without a new category it announces a change to come (`correct_category`).
        (_, None) => ignored("template category unchanged"),
        (None, Some(_)) => ignored("template news without id or event"),
    }
}
