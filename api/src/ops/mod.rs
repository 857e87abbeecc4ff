//! Every write: authorise, lock, decide, save, log, enqueue, commit.
//!
//! REST, the socket, webhooks, jobs and the demo call the same operations. Locks are taken in one
//! order everywhere: channels, conversations, members, divisions, counts of members and event counter (the last two by
//! [`transaction::Tx`]).

pub mod agents;
pub mod channels;
pub mod contacts;
pub mod conversations;
pub mod divisions;
pub mod event;
pub mod ingest;
pub mod messages;
pub mod read;
pub mod sends;
pub mod sign_ins;
pub mod team_rights;
pub mod tickets;
pub mod transaction;
pub mod workspaces;
