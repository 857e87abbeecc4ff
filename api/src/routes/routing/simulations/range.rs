//! A recorded stretch of time.

use chrono::TimeDelta;
use domain::access::{Caller, SimulateRouting};
use domain::id::AgentId;
use domain::refusal::{Code, Refusal};
use domain::resource::{AgentRef, SimulatedRange};
use domain::routing::Configuration;
use domain::routing::simulation::{self, History};
use domain::time::Timestamp;
use persistence::db::in_one_snapshot;
use persistence::error::Failure;
use persistence::routing::{self, Past};
use serde::Deserialize;
use tokio::sync::Semaphore;
use utoipa::ToSchema;

use super::draft::Draft;
use crate::http::problem::Problem;
use crate::state::App;

/// The longest range.
const MOST_DAYS: i64 = 31;
/// The most decisions of a range.
const MOST_DECISIONS: i64 = 20_000;
/// The most candidates of all decisions of a range together.
const MOST_CANDIDATES: usize = 1_000_000;
/// How many differences are told.
const DIFFERENCES: usize = 200;

/// How many simulations run at once: each takes a processor for a while.
static AT_ONCE: Semaphore = Semaphore::const_new(1);

/// A stretch of time.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulatedPast {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, which is not in it: later than the beginning, by at most 31 days, and not in the future.
    pub to: Timestamp,
}

impl SimulatedPast {
    pub(super) fn check(self, now: Timestamp) -> Result<(), Refusal> {
        let (from, to) = (self.from, self.to);
        if from >= to {
            Err(Refusal::invalid("/range/to", "range", "must be later than `from`"))
        } else if to > now {
            Err(Refusal::invalid("/range/to", "range", "must not be in the future"))
        } else if to.since(from) > TimeDelta::days(MOST_DAYS) {
            Err(Refusal::invalid(
                "/range/from",
                "range",
                format!("must be at most {MOST_DAYS} days before `to`"),
            ))
        } else {
            Ok(())
        }
    }
}

/// Makes the decisions of the range again: read in one snapshot, simulated on a thread of its own.
pub(super) async fn simulate(
    app: &App,
    caller: Caller<SimulateRouting>,
    draft: Draft,
    past: SimulatedPast,
) -> Result<SimulatedRange, Problem> {
    let workspace = caller.actor().workspace_id;
    // Before anything is read, so that one history at a time is in memory; and kept by the thread, which goes on when the
    // caller has gone.
    let permit = AT_ONCE.acquire().await;
    let (history, live, draft) = app.db.read(move |conn| facts(conn, &caller, &draft, past)).await?;
    let count = history.decisions.len();
    let work = move || {
        let _permit = permit;
        simulation::simulate(&history, &live, &draft, DIFFERENCES)
    };
    let (outcome, approximations) = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    let parties = outcome.differences.iter().flat_map(|one| one.really.into_iter().chain(one.simulated));
    let mut named: Vec<AgentId> = outcome.per_agent.iter().map(|one| one.agent_id).chain(parties).collect();
    named.sort_unstable();
    named.dedup();
    let names = app.db.read(move |conn| Ok(routing::names(conn, workspace, named)?)).await?;
    let agent = |id| AgentRef { id, name: names.get(&id).cloned().unwrap_or_default() };
    let range = (past.from, past.to, count);
    Ok(SimulatedRange::new(range, &outcome, approximations.into_iter().collect(), agent))
}

fn facts(
    conn: &mut diesel::PgConnection,
    caller: &Caller<SimulateRouting>,
    draft: &Draft,
    past: SimulatedPast,
) -> Result<(History, Configuration, Configuration), Failure> {
    in_one_snapshot(conn, |conn| {
        let workspace = caller.actor().workspace_id;
        let (live, draft) = draft.read(conn, caller.actor())?;
        let count = routing::count_decisions(conn, workspace, past.from, past.to)?;
        let too_large = |most: i64| {
            let refusal = Refusal::new(Code::RangeTooLarge);
            Failure::from(refusal.with("decisions", count).with("most", most))
        };
        if count > MOST_DECISIONS {
            return Err(too_large(MOST_DECISIONS));
        }
        let sticky = draft.policies.iter().filter(|policy| policy.sticky_agent);
        let past = Past {
            from: past.from,
            to: past.to,
            sticky: sticky.flat_map(|policy| policy.channels.iter().copied()).collect(),
            most_candidates: MOST_CANDIDATES,
        };
        let history = routing::history(conn, workspace, &past)?;
        let history = history.map_err(|fit| too_large(i64::try_from(fit).unwrap_or(MOST_DECISIONS)))?;
        Ok((history, live, draft))
    })
}
