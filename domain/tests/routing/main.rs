//! What holds of routing for every team, every question and every history.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has to fail")]

mod deciding;
mod fairness;
mod history;
mod random;
mod reaching;
mod sentences;
mod stored;
mod team;
mod timers;
