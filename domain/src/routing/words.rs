//! The words that routing explains itself with.

use crate::text_enum::text_enum;

text_enum! {
    /// How one of several available agents is chosen.
    pub enum Strategy {
        /// Who holds the fewest conversations; then who was not given one for the longest time.
        LeastBusy = "least_busy",
        /// Who was not given one for the longest time.
        RoundRobin = "round_robin",
    }
}

text_enum! {
    /// What made routing look at a conversation.
    pub enum Trigger {
        /// The customer began a session.
        SessionStarted = "session_started",
        /// It was put back into the queue by hand.
        Unassigned = "unassigned",
        /// It was given to a division.
        DivisionSet = "division_set",
        /// Its holder left the team.
        HolderLeft = "holder_left",
        /// Its holder did not answer in time.
        Unanswered = "unanswered",
        /// Its holder went offline.
        Handover = "handover",
        /// An agent has one conversation less.
        SlotFreed = "slot_freed",
        /// An agent came online, or joined.
        AgentAvailable = "agent_available",
        /// A limit was changed.
        LimitChanged = "limit_changed",
        /// Who works for which channels and divisions was changed.
        AllocationChanged = "allocation_changed",
        /// The workspace's settings or a distribution policy were changed.
        SettingsChanged = "settings_changed",
    }
}

text_enum! {
    /// Why a member is not given the conversation. The first that holds, in this order.
    pub enum LeftOut {
        /// The channel has agents of its own, and this is none of them.
        NotOnChannel = "not_on_channel",
        /// It does not belong to the division that was asked for.
        NotInDivision = "not_in_division",
        /// Admins and supervisors are given conversations only of channels and divisions that they are allocated to by name.
        RoleExcluded = "role_excluded",
        /// It is not online.
        Offline = "offline",
        /// It is away.
        Away = "away",
        /// It holds as many conversations as it may be given.
        AtCapacity = "at_capacity",
        /// It has the conversation, and is to be relieved of it, full or not; or it just had it: lost it to a time-out
        /// or a handover, or gave it back.
        ExcludedPrevious = "excluded_previous",
    }
}

impl LeftOut {
    /// Whether it may be otherwise the next time, without anybody's being allocated to anything else.
    #[must_use]
    pub fn depends_on_the_moment(self) -> bool {
        !matches!(self, Self::NotOnChannel | Self::NotInDivision | Self::RoleExcluded)
    }
}

text_enum! {
    /// What came of a decision.
    pub enum DecisionOutcome {
        /// An agent was given the conversation.
        Assigned = "assigned",
        /// It waits in the queue.
        Queued = "queued",
        /// Nobody could relieve its holder, who keeps it.
        Kept = "kept",
    }
}

text_enum! {
    /// By what the winner was chosen, or why there is none.
    pub enum DecisionReason {
        /// It resolved the customer's last ticket.
        StickyAgent = "sticky_agent",
        /// By the strategy of this name.
        LeastBusy = "least_busy",
        /// By the strategy of this name.
        RoundRobin = "round_robin",
        /// Every member was left out.
        NobodyAvailable = "nobody_available",
    }
}

text_enum! {
    /// What told the winner from the next in line.
    pub enum TieBreak {
        /// There was no other.
        OnlyCandidate = "only_candidate",
        /// It holds fewer conversations.
        FewestHeld = "fewest_held",
        /// It was not given one for longer.
        LongestSinceAssignment = "longest_since_assignment",
        /// All else was equal.
        LowestId = "lowest_id",
    }
}
