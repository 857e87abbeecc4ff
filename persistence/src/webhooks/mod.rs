//! Servers of integrators that are told what happens. The log is looked through for them ([`fan_out`]), which leaves a row for
//! each event that one wants; the rows are worked on ([`sending`]) and read ([`ledger`]).
//!
//! Whoever adds, settles or orders rows of an endpoint holds its lock: so the first pending row of a lane always has a time at
//! which it is due, and no lane stands still.

pub mod endpoints;
pub mod fan_out;
pub mod ledger;
pub mod sending;
