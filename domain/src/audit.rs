//! Administrative changes: who did what to what.

use serde_json::{Map, Value};

use crate::text_enum::text_enum;

text_enum! {
    /// What was done.
    pub enum AuditAction {
        /// It is new.
        Created = "created",
        /// It was changed.
        Updated = "updated",
        /// It is gone.
        Deleted = "deleted",
    }
}

text_enum! {
    /// What it was done to.
    pub enum AuditSubject {
        /// A member of the team.
        Agent = "agent",
        /// A division.
        Division = "division",
        /// A channel.
        Channel = "channel",
        /// An API key.
        ApiKey = "api_key",
        /// The workspace itself.
        Workspace = "workspace",
        /// The workspace's assignment settings.
        AssignmentSettings = "assignment_settings",
        /// A distribution policy.
        DistributionPolicy = "distribution_policy",
        /// What the workspace has set about messages.
        MessagingSettings = "messaging_settings",
        /// A template.
        Template = "template",
        /// A contact.
        Contact = "contact",
        /// Two contacts that became one.
        ContactMerge = "contact_merge",
        /// A file of contacts that was brought in.
        ContactImport = "contact_import",
        /// A label.
        Label = "label",
        /// A server of an integrator that is told what happens.
        WebhookEndpoint = "webhook_endpoint",
    }
}

/// What follows from the rest, or is no matter of administration.
const NOT_AUDITED: [&str; 6] =
    ["version", "updated_at", "counts", "last_seen_at", "last_used_at", "failing_since"];

/// The fields in which two states of a thing differ, as they were and as they are.
#[must_use]
pub fn differences(before: &Value, after: &Value) -> (Map<String, Value>, Map<String, Value>) {
    let (Some(old), Some(new)) = (before.as_object(), after.as_object()) else { return Default::default() };
    let changed = |from: &Map<String, Value>| {
        let names = from.keys().filter(|name| !NOT_AUDITED.contains(&name.as_str()));
        names
            .filter(|name| old.get(*name) != new.get(*name))
            .map(|name| (name.clone(), from[name].clone()))
            .collect()
    };
    (changed(old), changed(new))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::differences;

    #[test]
    fn only_what_changed_is_kept() {
        let before = json!({ "name": "Siti", "role": "agent", "version": 1 });
        let after = json!({ "name": "Siti", "role": "supervisor", "version": 2 });
        let (was, is) = differences(&before, &after);
        assert_eq!(
            (Value::from(was), Value::from(is)),
            (json!({ "role": "agent" }), json!({ "role": "supervisor" }))
        );
    }
}
