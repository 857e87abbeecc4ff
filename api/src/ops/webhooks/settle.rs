//! What came of calls to endpoints.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use domain::event::{Audience, EventType};
use domain::id::{WebhookDeliveryId, WebhookEndpointId, WorkspaceId};
use domain::notification::NotificationKind;
use domain::resource::{DeliveryAttempt, EventActor, WebhookEndpoint};
use domain::time::Timestamp;
use domain::webhook::{Answer, CallProblem, DeliveryState, Next, PauseReason, next};
use persistence::agents;
use persistence::db::keep_plans_by_key;
use persistence::error::Failure;
use persistence::webhooks::sending::{self, Settled};
use serde_json::json;

use super::{pause, pause_after};
use crate::ops::event::host;
use crate::ops::notifications::{About, Notice, notify};
use crate::ops::transaction::Tx;
use crate::outbound_url::Answered;
use crate::state::App;

/// What became of something that was claimed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The endpoint.
    pub endpoint_id: WebhookEndpointId,
    /// The delivery.
    pub id: WebhookDeliveryId,
    /// It was a test.
    pub is_test: bool,
    /// The number of the attempt, the first being 1.
    pub tried: i32,
    /// The call; none if it was not made, because the endpoint was paused or deleted meanwhile.
    pub call: Option<Call>,
}

/// A call that has ended.
#[derive(Debug, Clone)]
pub struct Call {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: TimeDelta,
    /// What came back.
    pub answer: Result<Answered, CallProblem>,
    /// A random number from -1 to 1.
    pub jitter: f64,
}

impl Outcome {
    /// Whether the endpoint answered that it is gone.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        let gone = |call: &Call| call.next(&[], self.tried) == Next::Gone;
        !self.is_test && self.call.as_ref().is_some_and(gone)
    }
}

impl Call {
    fn next(&self, schedule: &[TimeDelta], tried: i32) -> Next {
        let answer = match &self.answer {
            Ok(answered) => Answer::Status { status: answered.status, retry_after: answered.retry_after },
            Err(problem) => Answer::Nothing(*problem),
        };
        next(schedule, u32::try_from(tried).unwrap_or(u32::MAX), answer, self.jitter)
    }

    fn attempt(&self) -> DeliveryAttempt {
        let answered = self.answer.as_ref().ok();
        DeliveryAttempt {
            at: self.at,
            status: answered.map(|answered| answered.status),
            duration_ms: u64::try_from(self.took.num_milliseconds()).unwrap_or(0),
            // The database takes no NUL in a text.
            response_start: answered.map(|answered| answered.start.replace('\0', "\u{fffd}")),
            error: self.answer.as_ref().err().copied(),
        }
    }
}

/// Stores what came of calls, makes due what waited for them, and pauses endpoints that are gone or have failed for too long.
///
/// # Errors
/// Those of the database.
pub fn settle(app: &App, tx: &mut Tx<'_>, outcomes: &[Outcome]) -> Result<(), Failure> {
    let now = tx.now;
    let schedule: Vec<TimeDelta> = app
        .settings
        .times
        .webhook_retries
        .iter()
        .filter_map(|delay| TimeDelta::from_std(*delay).ok())
        .collect();
    let mut endpoints: BTreeMap<(WorkspaceId, WebhookEndpointId), Tally> = BTreeMap::new();
    let mut settled = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        let tally = endpoints.entry((outcome.workspace_id, outcome.endpoint_id)).or_default();
        let (state, due_at) = match &outcome.call {
            None => (DeliveryState::Pending, Some(now)),
            // A test says how it is now.
            Some(call) if outcome.is_test => match call.next(&[], outcome.tried) {
                Next::Delivered => (DeliveryState::Delivered, None),
                Next::Again(_) | Next::GivenUp | Next::Gone => (DeliveryState::Failed, None),
            },
            Some(call) => {
                let next = call.next(&schedule, outcome.tried);
                tally.count(next, call);
                match next {
                    Next::Delivered => (DeliveryState::Delivered, None),
                    Next::Again(delay) => (DeliveryState::Pending, Some(now.plus(delay))),
                    Next::GivenUp => (DeliveryState::Failed, None),
                    // A pause loses nothing: it waits for the endpoint to be set going again.
                    Next::Gone => (DeliveryState::Pending, Some(now)),
                }
            }
        };
        settled.push(Settled {
            workspace_id: outcome.workspace_id,
            endpoint_id: outcome.endpoint_id,
            id: outcome.id,
            tried: outcome.tried,
            state,
            due_at,
            attempt: outcome.call.as_ref().map(|call| json!(call.attempt())),
        });
    }
    keep_plans_by_key(tx.conn)?;
    let keys: Vec<_> = endpoints.keys().copied().collect();
    let locked = sending::lock_endpoints(tx.conn, &keys)?;
    sending::settle(tx.conn, &settled, now)?;
    for endpoint in locked {
        let key = (endpoint.workspace_id, endpoint.endpoint_id);
        let Some(tally) = endpoints.get(&key) else { continue };
        let since = match (tally.failed_at, endpoint.failing_since) {
            _ if tally.delivered => None,
            (Some(at), None) => Some(at),
            (_, since) => since,
        };
        if since != endpoint.failing_since {
            sending::set_failing(tx.conn, key, since)?;
        }
        if tally.gone {
            pause(tx, key, PauseReason::Gone, None)?;
        } else if since.is_some_and(|since| now.since(since) >= pause_after(app)) && tally.failed_at.is_some()
        {
            pause(tx, key, PauseReason::Failing, since)?;
        }
    }
    Ok(())
}

/// What came of the calls to one endpoint.
#[derive(Debug, Default)]
struct Tally {
    delivered: bool,
    gone: bool,
    failed_at: Option<Timestamp>,
}

impl Tally {
    fn count(&mut self, next: Next, call: &Call) {
        match next {
            Next::Delivered => self.delivered = true,
            Next::Gone => self.gone = true,
            Next::Again(_) => {}
            // Nobody was called.
            Next::GivenUp
                if matches!(call.answer, Err(CallProblem::EventExpired | CallProblem::NotWanted)) =>
            {
                return;
            }
            Next::GivenUp => {}
        }
        if next != Next::Delivered {
            self.failed_at = self.failed_at.or(Some(call.at));
        }
    }
}

/// Tells admins, on the stream and as a notification, that an endpoint was paused by itself.
pub(super) fn tell_paused(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    before: &WebhookEndpoint,
    after: &WebhookEndpoint,
    since: Option<Timestamp>,
) -> Result<(), Failure> {
    let told = (EventType::WebhookEndpointUpdated, Audience::Admins);
    tx.tell_consequence(workspace, told, &EventActor::system(), before, after);
    let why = match since {
        Some(since) => format!("it has taken nothing since {since}"),
        None => "it answered that it is gone (410)".to_owned(),
    };
    let name = after.description.clone().unwrap_or_else(|| host(&after.url));
    let text = format!("The webhook endpoint {name} is sent nothing until somebody sees to it: {why}.");
    let admins = agents::admins(tx.conn, workspace)?;
    let notices = admins.into_iter().map(|agent_id| Notice {
        agent_id,
        kind: NotificationKind::WebhookPaused,
        about: About::Workspace,
        text: text.clone(),
    });
    notify(tx, workspace, &EventActor::system(), notices.collect())
}
