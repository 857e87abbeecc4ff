//! The harness: what tests and measurements from outside have in common.

pub mod process;
pub mod wire;
