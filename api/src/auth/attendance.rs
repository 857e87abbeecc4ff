//! Which members were here lately, on this node: noted on the way of each call, without a query.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::TimeDelta;
use domain::id::{AgentId, SignInId, WorkspaceId};
use domain::time::Timestamp;
use persistence::presence::Sighting;
use tokio::sync::Notify;

type Member = (WorkspaceId, AgentId);

/// Members seen, and what of it is stored. `jobs::presence` writes it down.
#[derive(Debug)]
pub struct Attendance {
    known: Mutex<HashMap<Member, Seen>>,
    newcomer: Notify,
    timeout: TimeDelta,
}

#[derive(Debug, Default)]
struct Seen {
    /// When the member was last seen, by device, as far as it is not stored.
    by: HashMap<SignInId, Timestamp>,
    /// When it was last seen, as stored.
    stored: Option<Timestamp>,
}

impl Attendance {
    /// Nobody has been seen. `timeout` is the presence time-out.
    #[must_use]
    pub fn new(timeout: Duration) -> Self {
        let timeout = TimeDelta::from_std(timeout).unwrap_or(TimeDelta::MAX);
        Self { known: Mutex::default(), newcomer: Notify::new(), timeout }
    }

    /// How long after it was last seen a member counts as present.
    #[must_use]
    pub fn timeout(&self) -> TimeDelta {
        self.timeout
    }

    fn known<T>(&self, work: impl FnOnce(&mut HashMap<Member, Seen>) -> T) -> T {
        // No work under the lock can panic halfway.
        work(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A member is here. One that may not be known to be present is written down at once.
    pub fn seen(&self, sighting: Sighting) {
        let newcomer = self.known(|known| {
            let seen = note(known, sighting);
            seen.stored.is_none_or(|stored| sighting.at.since(stored) >= self.timeout)
        });
        if newcomer {
            self.newcomer.notify_one();
        }
    }

    /// These are here, as they were: they have a live stream.
    pub fn still_here(&self, sightings: impl IntoIterator<Item = Sighting>) {
        self.known(|known| {
            for sighting in sightings {
                note(known, sighting);
            }
        });
    }

    /// Waits until somebody comes who may not be known to be present.
    pub async fn newcomer(&self) {
        self.newcomer.notified().await;
    }

    /// What is to be stored now: of each member at most every quarter of the time-out.
    #[must_use]
    pub fn due(&self, now: Timestamp) -> Vec<Sighting> {
        self.known(|known| {
            let due = known
                .iter()
                .filter(|(_, seen)| seen.stored.is_none_or(|stored| now.since(stored) >= self.timeout / 4));
            due.flat_map(|((workspace_id, agent_id), seen)| {
                seen.by.iter().map(|(sign_in_id, at)| Sighting {
                    workspace_id: *workspace_id,
                    agent_id: *agent_id,
                    sign_in_id: *sign_in_id,
                    at: *at,
                })
            })
            .collect()
        })
    }

    /// What was seen of a member has been stored.
    pub fn stored(&self, sightings: &[Sighting]) {
        self.known(|known| {
            for sighting in sightings {
                let Some(seen) = known.get_mut(&(sighting.workspace_id, sighting.agent_id)) else { continue };
                // What was seen meanwhile is for the next time.
                if seen.by.get(&sighting.sign_in_id) == Some(&sighting.at) {
                    seen.by.remove(&sighting.sign_in_id);
                }
                seen.stored = seen.stored.max(Some(sighting.at));
            }
        });
    }

    /// Forgets whom nobody has seen within the time-out.
    pub fn forget(&self, now: Timestamp) {
        let here = |at: Timestamp| now.since(at) < self.timeout;
        self.known(|known| {
            known.retain(|_, seen| {
                seen.by.retain(|_, at| here(*at));
                !seen.by.is_empty() || seen.stored.is_some_and(here)
            });
        });
    }
}

fn note(known: &mut HashMap<Member, Seen>, sighting: Sighting) -> &Seen {
    let seen = known.entry((sighting.workspace_id, sighting.agent_id)).or_default();
    let at = seen.by.entry(sighting.sign_in_id).or_insert(sighting.at);
    *at = sighting.at.max(*at);
    seen
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::time::Timestamp;
    use persistence::presence::Sighting;
    use tokio::time::timeout;
    use uuid::Uuid;

    use super::Attendance;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_unix_seconds(1_800_000_000 + second).unwrap()
    }

    fn sighting(agent: u128, device: u128, second: i64) -> Sighting {
        let id = Uuid::from_u128;
        Sighting {
            workspace_id: id(1).into(),
            agent_id: id(agent).into(),
            sign_in_id: id(device).into(),
            at: at(second),
        }
    }

    fn attendance() -> Attendance {
        Attendance::new(Duration::from_secs(60))
    }

    async fn is_woken(attendance: &Attendance) -> bool {
        timeout(Duration::from_millis(1), attendance.newcomer()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn only_who_may_be_new_wakes_the_task() {
        let attendance = attendance();
        attendance.seen(sighting(1, 1, 0));
        assert!(is_woken(&attendance).await);
        attendance.stored(&attendance.due(at(0)));
        attendance.seen(sighting(1, 1, 59));
        attendance.still_here([sighting(2, 2, 59)]);
        assert!(!is_woken(&attendance).await);
        attendance.seen(sighting(1, 2, 60));
        assert!(is_woken(&attendance).await);
    }

    #[test]
    fn a_member_is_written_down_every_quarter_of_the_time_out() {
        let attendance = attendance();
        let mut written = Vec::new();
        for second in 0..60 {
            attendance.still_here([sighting(1, 1, second), sighting(1, 2, second)]);
            let due = attendance.due(at(second));
            if !due.is_empty() {
                assert_eq!(due.len(), 2);
                assert!(due.iter().all(|one| one.at == at(second)));
                attendance.stored(&due);
                written.push(second);
            }
        }
        assert_eq!(written, [0, 15, 30, 45]);
    }

    #[test]
    fn the_last_time_is_not_lost_and_then_there_is_nothing_to_write() {
        let attendance = attendance();
        attendance.seen(sighting(1, 1, 0));
        attendance.stored(&attendance.due(at(0)));
        attendance.seen(sighting(1, 1, 7));
        let due = attendance.due(at(20));
        assert_eq!(due, [sighting(1, 1, 7)]);
        // Seen again while that is being written.
        attendance.seen(sighting(1, 1, 21));
        attendance.stored(&due);
        assert_eq!(attendance.due(at(22)), [sighting(1, 1, 21)]);
        attendance.stored(&attendance.due(at(22)));
        assert_eq!(attendance.due(at(60)), []);
    }

    #[test]
    fn who_is_gone_is_forgotten() {
        let attendance = attendance();
        // Never stored: the device was signed out.
        attendance.seen(sighting(1, 1, 0));
        attendance.seen(sighting(2, 2, 0));
        attendance.stored(&[sighting(2, 2, 0)]);
        attendance.forget(at(59));
        assert_eq!(attendance.known(|known| known.len()), 2);
        attendance.forget(at(60));
        assert_eq!(attendance.known(|known| known.len()), 0);
    }
}
