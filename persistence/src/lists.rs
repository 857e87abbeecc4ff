//! What the long lists have in common: how many rows a page is read with, and on which channels.

use std::collections::BTreeSet;

use domain::id::ChannelId;

use crate::error::StoreError;

/// The most rows that a page of a list may be read with.
pub const LONGEST: i64 = 101;
/// A page of the usual length, and the one row more that tells whether another follows.
const USUAL: i64 = 26;

/// How much is read of each run of a list.
///
/// PostgreSQL plans well for a length that it sees in the text, and badly for one that is a parameter: not knowing it, it
/// prepares for a tenth of the table. So a text has one of two lengths, and a parameter cuts what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Usual,
    Longest,
}

impl Length {
    /// The shortest that has room for `limit` rows.
    ///
    /// # Errors
    /// A fault of ours for more than [`LONGEST`].
    pub(crate) fn of(limit: i64) -> Result<Self, StoreError> {
        if limit > LONGEST {
            return Err(StoreError::internal(format!("a page of {limit} rows is longer than any may be")));
        }
        Ok(if limit > USUAL { Self::Longest } else { Self::Usual })
    }

    /// The number in the text.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Usual => "26",
            Self::Longest => "101",
        }
    }
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
