//! The team.

mod agents;
