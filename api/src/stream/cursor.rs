//! Where a reader of the log stands.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use uuid::Uuid;

/// A place in the log: everything up to and including `seq` has been seen. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCursor {
    /// The life of the log; another one after a backup was restored.
    pub epoch: Uuid,
    /// The number of the last event seen.
    pub seq: i64,
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl StreamCursor {
    /// The place after event `seq`.
    #[must_use]
    pub fn new(epoch: Uuid, seq: i64) -> Self {
        Self { epoch, seq }
    }
}

impl fmt::Display for StreamCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 24];
        bytes[..16].copy_from_slice(self.epoch.as_bytes());
        bytes[16..].copy_from_slice(&self.seq.to_be_bytes());
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl FromStr for StreamCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (epoch, seq) = bytes.split_at_checked(16).ok_or(NotACursor)?;
        let epoch = Uuid::from_slice(epoch).map_err(|_| NotACursor)?;
        let seq = i64::from_be_bytes(seq.try_into().map_err(|_| NotACursor)?);
        if seq < 0 { Err(NotACursor) } else { Ok(Self { epoch, seq }) }
    }
}
