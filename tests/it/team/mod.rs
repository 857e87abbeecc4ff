//! The team and what an admin sets for it.

mod audit;
mod division_deletion;
mod divisions;
mod restricted_sight;
mod settings;
mod workspace;
