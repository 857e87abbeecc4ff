//! What programs may do in a member's name.

use crate::text_enum::text_enum;

text_enum! {
    /// What an API key may do of what its member may.
    pub enum KeyScope {
        /// Read the workspace and its settings.
        WorkspaceRead = "workspace:read",
        /// Change the workspace and its settings.
        WorkspaceWrite = "workspace:write",
        /// Read agents and divisions.
        TeamRead = "team:read",
        /// Change agents and divisions, but make, change or remove no admins. Who can make members can
        /// sign in as them.
        TeamWrite = "team:write",
        /// Read channels.
        ChannelsRead = "channels:read",
        /// Connect and change channels.
        ChannelsWrite = "channels:write",
        /// Deliver what customers write on `api` channels, and what became of answers; nothing can be read with it.
        ChannelsInbound = "channels:inbound",
        /// Read conversations and labels.
        ConversationsRead = "conversations:read",
        /// Assign, claim, resolve, archive, mark and label conversations.
        ConversationsWrite = "conversations:write",
        /// Read contacts and the notes on them.
        ContactsRead = "contacts:read",
        /// Make, change, merge, block and delete contacts, and write notes on them.
        ContactsWrite = "contacts:write",
        /// Read templates.
        TemplatesRead = "templates:read",
        /// Make, change and delete templates.
        TemplatesWrite = "templates:write",
        /// Read messages.
        MessagesRead = "messages:read",
        /// Send messages.
        MessagesWrite = "messages:write",
        /// Read tickets.
        TicketsRead = "tickets:read",
        /// Read the audit trail.
        AuditRead = "audit:read",
    }
}

/// Whether, and by which scope, an API key may do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyUse {
    /// People only: what concerns a person's own account, and keys themselves.
    Never,
    /// Every key.
    Always,
    /// Keys with this scope.
    With(KeyScope),
}
