//! The team and what an admin sets for it.

mod audit;
mod divisions;
mod settings;
