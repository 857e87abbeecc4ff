//! The team, what an admin sets for it, and who is there.

mod agents;
mod audit;
mod availability;
mod division_deletion;
mod divisions;
mod presence;
mod presence_nodes;
mod profile;
mod restricted_sight;
mod settings;
mod workspace;
