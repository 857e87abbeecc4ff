//! The live stream: readers of the event log.

pub mod cursor;
pub mod hub;
