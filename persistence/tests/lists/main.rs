//! Lists of conversations and tickets: what they show, and what they read for it.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod cost;
mod filters;
mod narrowed;
mod people;
mod queue;
mod searches;
#[path = "../throwaway/mod.rs"]
mod throwaway;
mod truth;
mod world;
