//! What the long lists have in common: how many rows a page is read with, and on which channels.

use std::collections::BTreeSet;

use domain::id::ChannelId;

use crate::error::StoreError;

/// The most rows that a page of a list may be read with: 100, and the one more that tells whether another page follows.
pub const LONGEST: i64 = 101;

/// The most rows that an export reads at a time.
pub const LONGEST_EXPORT: i64 = 1000;

/// How many rows a page is read with.
///
/// PostgreSQL plans well for a length that it sees in the text, and badly for one that is a parameter: not knowing it, it
/// prepares for a tenth of the table. So there are texts for four lengths, and what is too much is cut off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    /// The usual 25, and one more.
    Usual,
    /// 50, and one more.
    Double,
    /// [`LONGEST`].
    Longest,
    /// [`LONGEST_EXPORT`].
    Export,
}

impl Length {
    /// The shortest that has room for `limit` rows.
    ///
    /// # Errors
    /// A fault of ours for more than [`LONGEST_EXPORT`].
    pub(crate) fn of(limit: i64) -> Result<Self, StoreError> {
        let has_room = |length: &Self| limit <= length.rows();
        [Self::Usual, Self::Double, Self::Longest, Self::Export]
            .into_iter()
            .find(has_room)
            .ok_or_else(|| StoreError::internal(format!("a page of {limit} rows is longer than any may be")))
    }

    const fn rows(self) -> i64 {
        match self {
            Self::Usual => 26,
            Self::Double => 51,
            Self::Longest => LONGEST,
            Self::Export => LONGEST_EXPORT,
        }
    }

    /// A text with this length wherever it says `{length}`.
    pub(crate) fn put_into(self, text: &str) -> String {
        with_length(text, self.rows())
    }
}

/// How far a search looks along a list before it goes by what is searched for: what many have is found at once, and what few
/// have is not looked for among all.
#[derive(Debug)]
pub(crate) struct Windows {
    left: Vec<i64>,
    last: i64,
}

impl Windows {
    /// The windows over indexes that have in them what is searched for, the longest first.
    const LENGTHS: [i64; 4] = [65_536, 16_384, 4096, 1024];
    /// The windows where each row has to be looked up, the longest first.
    const OF_LOOKING_UP: [i64; 3] = [4096, 1024, 128];
    /// How many rows of all its runs together a search may read for one window, but for the first.
    const ROWS: i64 = 65_536;
    /// One in so many is often enough to go on.
    const OFTEN: i64 = 256;

    /// For a list of so many runs: each has to be read as far as the window is long.
    pub(crate) fn of(runs: usize) -> Self {
        let runs = i64::try_from(runs).unwrap_or(i64::MAX);
        let [.., first] = Self::LENGTHS;
        let affordable = |window: &i64| *window == first || runs.saturating_mul(*window) <= Self::ROWS;
        Self { left: Self::LENGTHS.into_iter().filter(affordable).collect(), last: first }
    }

    /// For a list each of whose rows has to be looked up.
    pub(crate) fn of_looking_up() -> Self {
        let [.., first] = Self::OF_LOOKING_UP;
        Self { left: Self::OF_LOOKING_UP.to_vec(), last: first }
    }

    /// How many rows to look at next, after a window in which so many fitted. `None`: the rest is found sooner by what is
    /// searched for.
    pub(crate) fn next(&mut self, fitted: usize) -> Option<i64> {
        let often = self.was_often(fitted);
        self.last = self.left.pop().or_else(|| often.then_some(self.last))?;
        Some(self.last)
    }

    /// Were so many that fitted in the last window enough to go on without asking whether there is much of it?
    pub(crate) fn was_often(&self, fitted: usize) -> bool {
        i64::try_from(fitted).unwrap_or(i64::MAX).saturating_mul(Self::OFTEN) >= self.last
    }

    /// How many rows to look at next where there is no other way.
    pub(crate) fn again(&mut self) -> i64 {
        self.last = self.left.pop().unwrap_or(self.last);
        self.last
    }
}

/// A text with this length wherever it says `{length}`: one of the few that there are.
pub(crate) fn with_length(text: &str, rows: i64) -> String {
    text.replace("{length}", &rows.to_string())
}

/// Leaves the first `limit` rows.
pub(crate) fn cut<T>(rows: &mut Vec<T>, limit: i64) {
    rows.truncate(usize::try_from(limit).unwrap_or(0));
}

/// The channels that a list is kept to; `None`: any.
pub(crate) type Channels = Option<BTreeSet<ChannelId>>;

/// Those of the channels that are among `only` as well.
pub(crate) fn narrowed(channels: Channels, only: Option<&[ChannelId]>) -> Channels {
    let Some(only) = only else { return channels };
    let only = only.iter().copied();
    Some(match channels {
        None => only.collect(),
        Some(channels) => only.filter(|channel| channels.contains(channel)).collect(),
    })
}
