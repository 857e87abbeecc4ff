//! The connections of this node: who they belong to, and when they have to end.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::actor::{Actor, Credential};
use domain::id::{AgentId, ApiKeyId, SignInId, WorkspaceId};
use tokio::sync::watch;

use super::protocol::CloseCode;

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Nobody has said who they are.
    Stranger,
    /// A member of the team, as it is now.
    Member(Arc<Actor>),
    /// It has to end.
    Over(Farewell),
}

/// Why a connection has to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// The sign-in has ended, or the member was deactivated.
    Revoked,
    /// The member opened too many connections since.
    Replaced,
    /// The server stops; the client waits this long before it connects again.
    Restart {
        /// Milliseconds.
        after_ms: u64,
    },
}

impl Farewell {
    /// How the connection is closed.
    #[must_use]
    pub fn code(self) -> CloseCode {
        match self {
            Self::Revoked => CloseCode::Revoked,
            Self::Replaced => CloseCode::TooManyConnections,
            Self::Restart { .. } => CloseCode::Restart,
        }
    }
}

/// All connections of this node.
#[derive(Default)]
pub struct Links {
    register: Mutex<Register>,
    open: watch::Sender<usize>,
}

#[derive(Default)]
struct Register {
    entries: HashMap<u64, Entry>,
    of_owner: HashMap<Owner, BTreeSet<u64>>,
    next: u64,
    /// Set when the server stops: over how long clients spread their coming back.
    stopping: Option<Duration>,
}

/// Whose connections are counted together: a program must not end those of the member in whose name it
/// acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Owner {
    Person(AgentId),
    Program(ApiKeyId),
}

impl Owner {
    fn of(credential: Credential, agent: AgentId) -> Self {
        match credential {
            Credential::SignIn(_) => Self::Person(agent),
            Credential::ApiKey(key) => Self::Program(key),
        }
    }
}

impl Register {
    fn disown(&mut self, owner: Owner, id: u64) {
        if let Some(own) = self.of_owner.get_mut(&owner) {
            own.remove(&id);
            if own.is_empty() {
                self.of_owner.remove(&owner);
            }
        }
    }
}

struct Entry {
    standing: watch::Sender<Standing>,
    member: Option<(WorkspaceId, Credential, AgentId)>,
}

impl Entry {
    fn set(&self, to: Standing) {
        self.standing.send_if_modified(|now| {
            let changes = !matches!(now, Standing::Over(_)) && *now != to;
            if changes {
                *now = to;
            }
            changes
        });
    }
}

/// One connection's place in the register, until it is dropped.
pub struct Link {
    links: Arc<Links>,
    id: u64,
    /// How the connection stands.
    pub standing: watch::Receiver<Standing>,
}

impl Links {
    fn register<T>(&self, work: impl FnOnce(&mut Register) -> T) -> T {
        // No work under the lock can panic halfway.
        work(&mut self.register.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A new connection.
    #[must_use]
    pub fn open(self: &Arc<Self>) -> Link {
        let (id, standing) = self.register(|register| {
            let id = register.next;
            register.next += 1;
            let (sender, standing) = watch::channel(Standing::Stranger);
            let entry = Entry { standing: sender, member: None };
            if let Some(within) = register.stopping {
                entry.set(Standing::Over(restart(within)));
            }
            register.entries.insert(id, entry);
            self.open.send_replace(register.entries.len());
            (id, standing)
        });
        Link { links: self.clone(), id, standing }
    }

    /// A credential has ended.
    pub fn revoked(&self, credential: Credential) {
        self.register(|register| {
            for entry in register.entries.values() {
                if entry.member.is_some_and(|(_, of, _)| of == credential) {
                    entry.set(Standing::Over(Farewell::Revoked));
                }
            }
        });
    }

    /// The credentials with connections: of one workspace, or of all.
    #[must_use]
    pub fn credentials(&self, only: Option<WorkspaceId>) -> Vec<(WorkspaceId, Credential)> {
        let found: BTreeSet<_> = self.register(|register| {
            let members = register.entries.values().filter_map(|entry| entry.member);
            members
                .filter(|(workspace, ..)| only.is_none_or(|only| only == *workspace))
                .map(|(workspace, credential, _)| (workspace, credential))
                .collect()
        });
        found.into_iter().collect()
    }

    /// The members with live connections, and the devices they come from. Keys of programs are left out.
    #[must_use]
    pub fn signed_in(&self) -> Vec<(WorkspaceId, AgentId, SignInId)> {
        self.register(|register| {
            let live = register
                .entries
                .values()
                .filter(|entry| !matches!(*entry.standing.borrow(), Standing::Over(_)));
            let found = live.filter_map(|entry| match entry.member? {
                (workspace, Credential::SignIn(id), agent) => Some((workspace, agent, id)),
                (_, Credential::ApiKey(_), _) => None,
            });
            found.collect()
        })
    }

    /// Of the credentials asked for, these still act, as these members.
    pub fn refresh(&self, asked: &[(WorkspaceId, Credential)], actors: Vec<Actor>) {
        let asked: BTreeSet<_> = asked.iter().map(|(_, credential)| *credential).collect();
        let actors: HashMap<_, _> =
            actors.into_iter().map(|actor| (actor.credential(), Arc::new(actor))).collect();
        self.register(|register| {
            for entry in register.entries.values() {
                match entry.member {
                    Some((_, credential, _)) if asked.contains(&credential) => {
                        entry.set(
                            actors.get(&credential).map_or(Standing::Over(Farewell::Revoked), |actor| {
                                Standing::Member(actor.clone())
                            }),
                        );
                    }
                    _ => {}
                }
            }
        });
    }

    /// Tells every connection, also those to come, that the server stops; waits until all have ended,
    /// at most `deadline`. True if they have.
    pub async fn shutdown(&self, spread: Duration, deadline: Duration) -> bool {
        self.register(|register| {
            register.stopping = Some(spread);
            for entry in register.entries.values() {
                entry.set(Standing::Over(restart(spread)));
            }
        });
        let mut open = self.open.subscribe();
        tokio::time::timeout(deadline, open.wait_for(|open| *open == 0)).await.is_ok()
    }

    /// How many connections are open.
    #[must_use]
    pub fn count(&self) -> usize {
        *self.open.borrow()
    }

    /// Whether [`Links::shutdown`] was called.
    #[must_use]
    pub fn stopping(&self) -> bool {
        self.register(|register| register.stopping.is_some())
    }
}

fn restart(spread: Duration) -> Farewell {
    let spread = u64::try_from(spread.as_millis()).unwrap_or(u64::MAX).max(1);
    Farewell::Restart { after_ms: rand::random_range(0..spread) }
}

impl Link {
    /// Names the connection on this node.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The connection belongs to this member, or to a program in its name. If that makes more than `limit`,
    /// the oldest end.
    pub fn admit(&self, actor: &Arc<Actor>, limit: usize) {
        self.links.register(|register| {
            let Some(entry) = register.entries.get_mut(&self.id) else { return };
            let before = entry.member.replace((actor.workspace_id, actor.credential(), actor.agent_id));
            entry.set(Standing::Member(actor.clone()));
            if let Some((_, credential, agent)) = before {
                register.disown(Owner::of(credential, agent), self.id);
            }
            let owner = Owner::of(actor.credential(), actor.agent_id);
            let own = register.of_owner.entry(owner).or_default();
            own.insert(self.id);
            let over = own.len().saturating_sub(limit.max(1));
            let oldest: Vec<u64> = own.iter().copied().take(over).collect();
            for id in oldest {
                // Out of the count at once, whenever it gets to closing.
                own.remove(&id);
                if let Some(entry) = register.entries.get(&id) {
                    entry.set(Standing::Over(Farewell::Replaced));
                }
            }
        });
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.links.register(|register| {
            let Some(entry) = register.entries.remove(&self.id) else { return };
            if let Some((_, credential, agent)) = entry.member {
                register.disown(Owner::of(credential, agent), self.id);
            }
            self.links.open.send_replace(register.entries.len());
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use domain::actor::{Actor, KeyLimits, Via};
    use uuid::Uuid;

    use super::{Farewell, Links, Standing};
    use crate::stream::testing::agent;

    #[tokio::test]
    async fn the_oldest_connection_of_a_member_makes_room() {
        let links = Arc::new(Links::default());
        let (siti, budi) = (Arc::new(agent(1)), Arc::new(agent(2)));
        let open: Vec<_> = (0..4).map(|_| links.open()).collect();
        open[3].admit(&budi, 2);
        for link in &open[..3] {
            link.admit(&siti, 2);
        }
        let standing = |at: usize| open[at].standing.borrow().clone();
        assert_eq!(standing(0), Standing::Over(Farewell::Replaced));
        assert_eq!(standing(1), Standing::Member(siti.clone()));
        assert_eq!(standing(3), Standing::Member(budi));
        drop(open);
        assert_eq!(links.count(), 0);
        assert!(links.register(|register| register.of_owner.is_empty()));
    }

    #[tokio::test]
    async fn a_program_ends_no_connection_of_its_member() {
        let links = Arc::new(Links::default());
        let siti = Arc::new(agent(1));
        let limits = KeyLimits {
            id: Uuid::from_u128(9).into(),
            name: String::new(),
            scopes: Vec::new(),
            channels: None,
        };
        let program = Arc::new(Actor { via: Via::ApiKey(limits), ..agent(1) });
        let open: Vec<_> = (0..4).map(|_| links.open()).collect();
        open[0].admit(&siti, 1);
        open[1].admit(&program, 2);
        open[2].admit(&program, 2);
        assert_eq!(*open[0].standing.borrow(), Standing::Member(siti.clone()));
        open[3].admit(&program, 2);
        assert_eq!(*open[1].standing.borrow(), Standing::Over(Farewell::Replaced));
        // Whoever shows another credential is counted there.
        open[3].admit(&siti, 1);
        assert_eq!(*open[0].standing.borrow(), Standing::Over(Farewell::Replaced));
        open[1].admit(&program, 2);
        assert_eq!(*open[2].standing.borrow(), Standing::Member(program));
        drop(open);
        assert!(links.register(|register| register.of_owner.is_empty()));
    }

    #[tokio::test]
    async fn what_has_ended_stays_ended() {
        let links = Arc::new(Links::default());
        let (siti, budi) = (Arc::new(agent(1)), Arc::new(agent(2)));
        let (first, second) = (links.open(), links.open());
        first.admit(&siti, 9);
        second.admit(&budi, 9);
        let asked = links.credentials(Some(siti.workspace_id));
        assert_eq!(asked.len(), 2);
        links.refresh(&asked, vec![(*budi).clone()]);
        links.refresh(&asked, vec![(*siti).clone(), (*budi).clone()]);
        assert_eq!(*first.standing.borrow(), Standing::Over(Farewell::Revoked));
        assert_eq!(*second.standing.borrow(), Standing::Member(budi.clone()));
        links.revoked(budi.credential());
        assert_eq!(*second.standing.borrow(), Standing::Over(Farewell::Revoked));
    }

    #[tokio::test]
    async fn who_is_here_are_members_with_a_live_connection_by_their_own_sign_in() {
        let links = Arc::new(Links::default());
        let (siti, budi) = (Arc::new(agent(1)), Arc::new(agent(2)));
        let limits = KeyLimits {
            id: Uuid::from_u128(9).into(),
            name: "CRM".to_owned(),
            scopes: Vec::new(),
            channels: None,
        };
        let program = Arc::new(Actor { via: Via::ApiKey(limits), ..agent(3) });
        let open: Vec<_> = (0..5).map(|_| links.open()).collect();
        for (link, actor) in open.iter().zip([&siti, &siti, &budi, &program]) {
            link.admit(actor, 9);
        }
        links.revoked(budi.credential());
        let here = (siti.workspace_id, siti.agent_id, Uuid::from_u128(1001).into());
        assert_eq!(links.signed_in(), [here; 2]);
        drop(open);
        assert_eq!(links.signed_in(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shutdown_reaches_everybody_and_waits_for_the_last() {
        let links = Arc::new(Links::default());
        let early = links.open();
        assert!(!links.shutdown(Duration::from_secs(5), Duration::from_secs(1)).await);
        let late = links.open();
        for link in [&early, &late] {
            assert!(matches!(
                *link.standing.borrow(),
                Standing::Over(Farewell::Restart { after_ms: 0..5000 })
            ));
        }
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            drop((early, late));
        });
        assert!(links.shutdown(Duration::from_secs(5), Duration::from_secs(1)).await);
    }
}
