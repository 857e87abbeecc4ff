//! What all of HTTP has in common: problems, pages, repeats, preconditions.

pub mod body;
pub mod client_address;
pub mod csv;
pub mod finish;
pub mod idempotency;
pub mod methods;
pub mod page;
pub mod problem;
pub mod query;
pub mod rate_limit;
pub mod reply;
pub mod responses;
