//! The live stream: readers of the event log.
//!
//! A connection is three things: [`state`], which decides and knows neither clock nor socket;
//! [`conn`], the loop; and [`socket`], the upgrade. Events are pulled, not pushed: [`hub`] reads what
//! is new once per workspace into a [`topic`], and every connection takes from there at its own pace.

pub mod backend;
pub mod carrier;
pub mod conn;
pub mod cursor;
pub mod event;
pub mod hub;
pub mod links;
mod meter;
pub mod protocol;
pub mod reader;
pub mod socket;
pub mod state;
#[cfg(test)]
mod state_tests;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
pub mod topic;
mod waits;
