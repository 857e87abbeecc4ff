//! Work that happens later, or again, and speaks to a provider.

use crate::text_enum::text_enum;

text_enum! {
    /// What is to be done on a channel, besides sending messages.
    pub enum ChannelJobKind {
        /// Ask for a customer's name. The subject is the identity.
        FetchProfile = "fetch_profile",
        /// Fetch the bytes of a customer's file. The subject is the attachment.
        FetchMedia = "fetch_media",
        /// Put an emoji on a message, or take it off. The subject is the message.
        SendReaction = "send_reaction",
        /// Tell the customer that its messages were read. The subject is the newest of them.
        MarkRead = "mark_read",
        /// Shut a customer out at the provider, or let it in again. The subject is the identity.
        BlockContact = "block_contact",
        /// Hand a template in for review. The subject is the template.
        SubmitTemplate = "submit_template",
        /// Delete a template at the provider. The subject is the template.
        DeleteTemplate = "delete_template",
        /// Read the templates that the provider has. The subject is the channel.
        SyncTemplates = "sync_templates",
    }
}

impl ChannelJobKind {
    /// Whether it may take minutes, so that others must not wait for it.
    #[must_use]
    pub fn takes_long(self) -> bool {
        self == Self::FetchMedia
    }
}
