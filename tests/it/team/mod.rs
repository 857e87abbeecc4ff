//! The team and what an admin sets for it.

mod agents;
mod audit;
mod divisions;
mod settings;
