//! Members of the team.

use crate::text_enum::text_enum;

text_enum! {
    /// What a member of the team may do in general.
    pub enum Role {
        /// Manages the workspace.
        Admin = "admin",
        /// Looks after the agents it supervises.
        Supervisor = "supervisor",
        /// Answers customers.
        Agent = "agent",
    }
}

text_enum! {
    /// Whether a member wants to be given conversations; said by hand.
    pub enum Availability {
        /// It does.
        Online = "online",
        /// It is here, but takes nothing new.
        Away = "away",
        /// It is not here.
        Offline = "offline",
    }
}

text_enum! {
    /// What makes a member count as online, beside its own word.
    pub enum PresenceMode {
        /// A live stream or a call within the presence time-out.
        Connection = "connection",
        /// Nothing: its word is enough. For teams on mobile phones.
        Availability = "availability",
    }
}

text_enum! {
    /// How a list of members is ordered.
    pub enum AgentSort {
        /// By name.
        Name = "name",
        /// By how many conversations they hold, most first.
        Assigned = "assigned",
        /// By how many tickets they have held, most first.
        Handled = "handled",
        /// By how many tickets were resolved in their hands, most first.
        Resolved = "resolved",
    }
}

/// Does a member count as online? Only one who says so, and who is there unless its word is enough.
#[must_use]
pub fn is_online(availability: Availability, mode: PresenceMode, present: bool) -> bool {
    availability == Availability::Online && (present || mode == PresenceMode::Availability)
}
