//! The shapes of templates.

use serde::{Deserialize, Serialize};

use super::ChannelRef;
use crate::id::{ChannelId, TemplateId};
use crate::template::{ParameterFormat, TemplateCategory, TemplateComponents, TemplateStatus};
use crate::time::Timestamp;

shape! {
    /// A message that the provider approves, and that may then be sent outside the reply window too.
    pub struct Template {
        /// Its id.
        pub id: TemplateId,
        /// The channel that it is for.
        pub channel: ChannelRef,
        /// Its name at the provider.
        pub name: String,
        /// Its language, as the provider writes it; name and language are unique on a channel.
        pub language: String,
        /// What it is for.
        pub category: TemplateCategory,
        /// How its variables are called.
        pub parameter_format: ParameterFormat,
        /// What it consists of.
        pub components: TemplateComponents,
        /// Parts that were made at the provider and cannot be filled in here; with any, it cannot be sent.
        pub unsupported: Vec<String>,
        /// Whether it can be sent.
        pub status: TemplateStatus,
        /// The provider's own word for that; null until it has spoken.
        pub provider_status: Option<String>,
        /// Why the provider rejected it, or refused the last change of it.
        pub rejection_reason: Option<String>,
        /// How customers take it, in the provider's word: `GREEN`, `YELLOW`, `RED`.
        pub quality: Option<String>,
        /// Whether it may start a conversation, or open one again.
        pub initiate: bool,
        /// Its id at the provider.
        pub provider_template_id: Option<String>,
        /// Rises by one with every change.
        pub version: i64,
        /// When it was made here, or first read from the provider.
        pub created_at: Timestamp,
        /// When it last changed.
        pub updated_at: Timestamp,
    }
}

shape! {
    /// A reading of the templates that the provider has. What it changes is told by `template.*`, its end by
    /// `template.synced`.
    pub struct TemplateSync {
        /// The channel.
        pub channel_id: ChannelId,
        /// When it ended; null while it waits for its turn.
        pub finished_at: Option<Timestamp>,
        /// How many are new.
        pub created: usize,
        /// How many changed.
        pub updated: usize,
        /// How many are gone at the provider, and so here.
        pub deleted: usize,
        /// Why it failed, for an admin.
        pub error: Option<String>,
    }
}

shape! {
    /// A reference to a template that can be sent.
    #[derive(Eq)]
    pub struct TemplateRef {
        /// The template.
        pub id: TemplateId,
        /// Its name.
        pub name: String,
        /// Its language.
        pub language: String,
    }
}
