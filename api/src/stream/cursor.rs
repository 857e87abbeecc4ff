//! Where a reader of the log stands.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::access::{Scope, Seen, Visible};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A place in the log: everything up to and including `seq` has been seen. Opaque to clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamCursor {
    /// The life of the log; another one after a backup was restored.
    pub epoch: Uuid,
    /// The number of the last event seen.
    pub seq: i64,
    /// What the reader could see then, if the cursor comes from a stream of events.
    pub scope: Option<ScopeTag>,
}

/// Stands for what a reader may see: the same for the same scope, on every node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ScopeTag([u8; 8]);

impl ScopeTag {
    /// The tag of a scope.
    #[must_use]
    pub fn of(visible: &Visible) -> Self {
        let mut digest = Sha256::new();
        digest.update(visible.role.as_str());
        for scope in [&visible.conversations, &visible.tickets] {
            digest_scope(&mut digest, scope);
        }
        if let Some(kinds) = &visible.kinds {
            let mut kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
            kinds.sort_unstable();
            digest.update(kinds.join(" "));
        }
        let digest: [u8; 32] = digest.finalize().into();
        let mut tag = [0; 8];
        tag.copy_from_slice(&digest[..8]);
        Self(tag)
    }
}

/// Readers who see everything have the same tag, so that they can share what is composed for them.
fn digest_scope(digest: &mut Sha256, scope: &Scope) {
    let mut list = |mark: u8, mut ids: Vec<Uuid>| {
        ids.sort_unstable();
        digest.update([mark]);
        digest.update(u64::try_from(ids.len()).unwrap_or(u64::MAX).to_be_bytes());
        ids.iter().for_each(|id| digest.update(id.as_bytes()));
    };
    match &scope.others {
        Seen::Everything => list(0, Vec::new()),
        Seen::HeldBy { agents, unassigned } => {
            list(if *unassigned { 1 } else { 2 }, agents.iter().map(|agent| agent.0).collect());
        }
    }
    if let Some(allocation) = &scope.restricted_to {
        list(3, allocation.channels.iter().map(|channel| channel.0).collect());
        list(4, allocation.divisions.iter().map(|division| division.0).collect());
    }
    if scope.restricted_to.is_some() || scope.others != Seen::Everything {
        list(5, vec![scope.own.0]);
    }
    if let Some(only) = &scope.only_channels {
        list(6, only.iter().map(|channel| channel.0).collect());
    }
}

/// The text is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct NotACursor;

impl StreamCursor {
    /// The place after event `seq`.
    #[must_use]
    pub fn new(epoch: Uuid, seq: i64) -> Self {
        Self { epoch, seq, scope: None }
    }

    /// The same, for a reader who has seen what this scope shows.
    #[must_use]
    pub fn in_scope(epoch: Uuid, seq: i64, scope: ScopeTag) -> Self {
        Self { epoch, seq, scope: Some(scope) }
    }
}

impl fmt::Display for StreamCursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = [0; 32];
        bytes[..16].copy_from_slice(self.epoch.as_bytes());
        bytes[16..24].copy_from_slice(&self.seq.to_be_bytes());
        let length = self.scope.map_or(24, |scope| {
            bytes[24..].copy_from_slice(&scope.0);
            32
        });
        f.write_str(&BASE64_URL_SAFE_NO_PAD.encode(&bytes[..length]))
    }
}

impl FromStr for StreamCursor {
    type Err = NotACursor;

    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        let (epoch, rest) = bytes.split_at_checked(16).ok_or(NotACursor)?;
        let (seq, scope) = rest.split_at_checked(8).ok_or(NotACursor)?;
        let epoch = Uuid::from_slice(epoch).map_err(|_| NotACursor)?;
        let seq = i64::from_be_bytes(seq.try_into().map_err(|_| NotACursor)?);
        let scope = match scope {
            [] => None,
            tag => Some(ScopeTag(tag.try_into().map_err(|_| NotACursor)?)),
        };
        if seq < 0 { Err(NotACursor) } else { Ok(Self { epoch, seq, scope }) }
    }
}

#[cfg(test)]
mod tests {
    use super::{ScopeTag, StreamCursor};
    use crate::stream::testing::{admin, agent, agent_id};
    use domain::access::Visible;
    use domain::actor::{Actor, Allocation};
    use domain::agent::Role;
    use uuid::Uuid;

    fn visible(agents: [u128; 2]) -> Visible {
        Visible::to(&Actor { role: Role::Supervisor, supervises: agents.map(agent_id).to_vec(), ..agent(9) })
    }

    #[test]
    fn survives_being_text() {
        let scope = ScopeTag::of(&visible([1, 2]));
        for cursor in [
            StreamCursor::new(Uuid::from_u128(7), 1042),
            StreamCursor::in_scope(Uuid::from_u128(7), i64::MAX, scope),
        ] {
            assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }
        for text in ["", "AAAA", "%", &"A".repeat(30), &"_".repeat(32), &"A".repeat(60)] {
            assert!(text.parse::<StreamCursor>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_order_of_the_database_is_no_change_of_scope() {
        assert_eq!(ScopeTag::of(&visible([1, 2])), ScopeTag::of(&visible([2, 1])));
        assert_ne!(ScopeTag::of(&visible([1, 2])), ScopeTag::of(&visible([1, 3])));
    }

    #[test]
    fn who_sees_everything_has_the_same_tag_as_others_who_do() {
        let tag = |actor: &Actor| ScopeTag::of(&Visible::to(actor));
        assert_eq!(tag(&admin(1)), tag(&admin(2)));
        assert_ne!(tag(&agent(1)), tag(&agent(2)));
        let all = Actor { view_all: true, ..agent(1) };
        let restricted = Actor { restricted_to: Some(Allocation::default()), ..all.clone() };
        assert_ne!(tag(&all), tag(&restricted));
    }
}
