//! The team: who is in it, and who is there.

mod availability;
mod presence;
mod presence_nodes;
mod profile;
