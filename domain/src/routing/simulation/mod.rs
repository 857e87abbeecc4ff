//! The dry run: what other settings would have made of a recorded stretch of time.
//!
//! The recorded decisions are made again, in the order in which they were made, by the same [`decide`](super::decide()).
//! The team is the recorded one, corrected by the difference between what the simulation has given out by then and what
//! really happened: loads, and last assignments. As long as nothing differs there is nothing to correct, so by the
//! settings that were in force every decision comes out as it did.
//!
//! Where it goes another way:
//!
//! - An agent holds a conversation for as long as it was really held, in all. Who took it by hand from the queue counts;
//!   for one that nobody ever held it is the median of the others. Then the slot is free.
//! - What waits is tried again, oldest first, at every decision, when a slot frees, and when somebody comes online.
//!   What waits in reality too is given out only if by the draft somebody has room and by what really was nobody had.
//! - Where the draft's minutes for a channel are those of now, time-outs are the recorded ones. Otherwise, and for
//!   conversations that went another way, they come every so many minutes until the real time to the first answer has
//!   passed since the first assignment.
//! - Handovers are the recorded ones, unless the draft has none.
//! - What is done by hand is done as it was, but for taking what the simulation has given to somebody already.
//! - Limits of an agent's own, allocation, and who is online are as they were.

mod again;
mod history;
mod replay;
mod stays;
mod tally;
mod world;

pub use history::{History, Holding, Presence, Recorded};
pub use replay::simulate;
pub use tally::{AgentTally, Difference, HourTally, Outcome, Totals, Waited};

use crate::text_enum::text_enum;

text_enum! {
    /// Why the answer of a dry run is not exact.
    pub enum Approximation {
        /// A decision was about a team of more than two hundred: those not recorded get nothing.
        LargeTeam = "large_team",
        /// The draft hands conversations over when members go offline, and it was not done, or after another time.
        HandoversNotSimulated = "handovers_not_simulated",
        /// The draft assigns by itself where this is switched off: what routing did not look at is not in it.
        UnroutedConversations = "unrouted_conversations",
        /// Time-outs of conversations that were given by hand, before the range, or with the settings off, are not simulated
        /// with other minutes.
        TransfersNotSimulated = "transfers_not_simulated",
        /// Settings or policies were changed since the first decision: sticky agents are those that the tickets tell.
        SettingsChanged = "settings_changed",
    }
}
