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
