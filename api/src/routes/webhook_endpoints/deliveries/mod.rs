//! What became of each event for an endpoint.

pub mod get;
pub mod list;
pub mod redeliver;
