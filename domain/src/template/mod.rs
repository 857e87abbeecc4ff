//! Templates: messages that the provider has to approve before they are sent, and may then be sent at any time.

mod component;
mod fill;
mod rules;
mod variable;

pub use component::{
    ButtonKind, HeaderFormat, TemplateBody, TemplateButton, TemplateComponents, TemplateHeader,
};
pub use fill::{
    ButtonParameter, FilledButton, FilledHeader, FilledTemplate, HeaderParameter, TemplateParameters, fill,
};
pub use rules::{check_components, check_language, check_name};

use crate::text_enum::text_enum;

text_enum! {
    /// Whether a template can be sent. The provider decides.
    pub enum TemplateStatus {
        /// The provider has not decided yet.
        Pending = "pending",
        /// It can be sent.
        Accepted = "accepted",
        /// The provider refused it; the reason says why. Change it and it is handed in again.
        Rejected = "rejected",
        /// The provider stopped it for a while.
        Paused = "paused",
        /// The provider stopped it for good.
        Disabled = "disabled",
    }
}

text_enum! {
    /// What a template is for. The provider may move it to another category.
    pub enum TemplateCategory {
        /// Offers; not for customers who opted out.
        Marketing = "marketing",
        /// What a customer asked for, or must know.
        Utility = "utility",
        /// One-time codes. Made at the provider, in a form of its own.
        Authentication = "authentication",
    }
}

text_enum! {
    /// How the variables of a template are called.
    pub enum ParameterFormat {
        /// By number: `{{1}}`, `{{2}}`.
        Positional = "positional",
        /// By name: `{{order_number}}`.
        Named = "named",
    }
}

/// What a word of the provider means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProviderStatus {
    /// It stands like this.
    Is(TemplateStatus),
    /// It is gone, or going.
    Gone,
}

impl ProviderStatus {
    /// Reads the provider's word. Only `APPROVED` and what brings it back can be sent: a word that nobody knows yet pauses.
    #[must_use]
    pub fn of(word: &str) -> Self {
        match word {
            "APPROVED" | "REINSTATED" | "UNPAUSED" => Self::Is(TemplateStatus::Accepted),
            "PENDING" | "IN_APPEAL" | "UNARCHIVED" => Self::Is(TemplateStatus::Pending),
            "REJECTED" | "LIMIT_EXCEEDED" => Self::Is(TemplateStatus::Rejected),
            "DISABLED" | "ARCHIVED" => Self::Is(TemplateStatus::Disabled),
            "PENDING_DELETION" | "DELETED" => Self::Gone,
            // PAUSED, FLAGGED, LOCKED, and what is new.
            _ => Self::Is(TemplateStatus::Paused),
        }
    }
}

impl TemplateStatus {
    /// Whether the provider takes changes of it now.
    #[must_use]
    pub fn may_change(self) -> bool {
        matches!(self, Self::Accepted | Self::Rejected | Self::Paused)
    }
}

impl TemplateCategory {
    /// Reads the provider's word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word {
            "MARKETING" => Some(Self::Marketing),
            "UTILITY" => Some(Self::Utility),
            "AUTHENTICATION" => Some(Self::Authentication),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ProviderStatus, TemplateStatus};

    #[test]
    fn only_what_the_provider_approved_can_be_sent() {
        let words = [
            "APPROVED",
            "PENDING",
            "REJECTED",
            "PAUSED",
            "DISABLED",
            "IN_APPEAL",
            "LIMIT_EXCEEDED",
            "PENDING_DELETION",
            "DELETED",
            "FLAGGED",
            "REINSTATED",
            "ARCHIVED",
            "UNARCHIVED",
            "LOCKED",
            "SOMETHING_NEW",
            "",
        ];
        let accepted = words
            .into_iter()
            .filter(|word| ProviderStatus::of(word) == ProviderStatus::Is(TemplateStatus::Accepted));
        assert_eq!(accepted.collect::<Vec<_>>(), ["APPROVED", "REINSTATED"]);
        let gone = words.into_iter().filter(|word| ProviderStatus::of(word) == ProviderStatus::Gone);
        assert_eq!(gone.collect::<Vec<_>>(), ["PENDING_DELETION", "DELETED"]);
    }
}
