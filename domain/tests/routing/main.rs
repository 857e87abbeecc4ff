//! What holds of routing for every team, every question and every history.

mod deciding;
mod fairness;
mod random;
mod reaching;
mod sentences;
mod stored;
mod team;
mod timers;
