//! Routing: who is given which conversation, in which order, and what follows when nobody answers.
//!
//! Whatever gives cause writes a request, in its own transaction ([`follow()`], `Tx::look_at`). One router at a time works on a
//! workspace ([`run()`]): it takes the requests, remembers the team from run to run, decides with `domain::routing`, and
//! carries out. So nothing is assigned twice, turns are exact, and a crash loses nothing.

mod apply;
mod asked;
mod deciding;
mod follow;
mod gather;
mod notices;
mod reconfigure;
mod reply_windows;
mod run;

pub use follow::follow;
pub use reconfigure::reconfigure;
pub use run::{Memory, Run, run};
