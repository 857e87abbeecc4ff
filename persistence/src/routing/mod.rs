//! What routing works with: the team, the queue, what it is asked to look at, and what it decided.

mod decisions;
mod history;
mod queue;
mod requests;
mod team;

pub use decisions::{StoredDecision, decisions_of, forget_decisions, insert_decisions, names};
pub use history::{Past, count_decisions, history, last_resolver_of};
pub(crate) use queue::Places;
pub use queue::{Page, QueuePlace, last_resolvers, waiting, waiting_count};
pub use requests::{Request, depth, take_requests, workspaces_with_work, write_requests};
pub use team::{begin_run, confirm_members, latest_turn, members, team};
