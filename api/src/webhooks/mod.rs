//! Calls to the servers of integrators: events to their endpoints, messages to their channels.

pub mod signature;
