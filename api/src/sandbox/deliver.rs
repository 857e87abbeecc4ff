//! Webhooks on their way to Tanggap: signed, retried, in order where the provider keeps order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::time::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use super::attempt::{attempt, retry_delay};
use super::channel::SandboxKind;
use super::faults::{Action, Call, Event, Target, take};
use super::shared::Shared;
use super::world::{Trace, rank};

/// How long after the answer to a send its callbacks start.
const CALLBACK_DELAY: Duration = Duration::from_millis(30);
/// How often a Graph webhook is tried.
const GRAPH_TRIES: u32 = 20;
/// How long Telegram keeps an update.
const TELEGRAM_KEEPS: TimeDelta = TimeDelta::hours(24);

/// One webhook to deliver.
#[derive(Debug, Clone)]
pub(super) struct Webhook {
    pub(super) account: String,
    pub(super) kind: SandboxKind,
    pub(super) customer: String,
    pub(super) event: Event,
    /// `message`, or the status it tells.
    pub(super) label: &'static str,
    /// The exact bytes.
    pub(super) body: Vec<u8>,
    /// The number of the message it is about.
    pub(super) entry: u64,
    /// When it happened.
    pub(super) at: Timestamp,
}

/// How the first attempt of a webhook ended.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Outcome {
    pub(super) delivered: bool,
    pub(super) webhook_status: Option<u16>,
    pub(super) webhook_error: Option<String>,
    /// The fault that kept it back.
    pub(super) fault: Option<&'static str>,
}

/// When a chain of webhooks starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Now.
    AtOnce,
    /// A moment after the send was answered.
    AfterAnswer,
}

/// Sends webhooks one after another, in the background. Yields how the first attempt of the first one ended, or of the last if all were taken.
pub(super) fn start(shared: &Arc<Shared>, chain: Vec<Webhook>, start: Start) -> oneshot::Receiver<Outcome> {
    let (report, first) = oneshot::channel();
    let Some(head) = chain.first() else {
        return first;
    };
    for webhook in &chain {
        trace(shared, webhook, |_| {});
    }
    // The updates of one Telegram chat wait for each other; elsewhere chains are free.
    let lane = (head.kind == SandboxKind::Telegram).then(|| (head.account.clone(), head.customer.clone()));
    let (done, ended) = oneshot::channel();
    let before = lane.and_then(|lane| shared.world().lanes.insert(lane, ended));
    let worker = Arc::clone(shared);
    shared.spawn(async move {
        if let Some(before) = before {
            // An error says that the earlier delivery is gone, which is as good.
            let _ = before.await;
        }
        if start == Start::AfterAnswer {
            tokio::time::sleep(CALLBACK_DELAY).await;
        }
        run_chain(&worker, chain, Report(Some(report))).await;
        let _ = done.send(());
    });
    first
}

/// Tells the first outcome worth telling, once.
struct Report(Option<oneshot::Sender<Outcome>>);

impl Report {
    fn tell(&mut self, outcome: Outcome) {
        if let Some(sender) = self.0.take() {
            // Nobody listening is fine.
            let _ = sender.send(outcome);
        }
    }
}

async fn run_chain(shared: &Arc<Shared>, chain: Vec<Webhook>, mut report: Report) {
    let mut last = Outcome::default();
    let mut queue: VecDeque<(Webhook, bool)> =
        reordered(shared, chain).into_iter().map(|hook| (hook, true)).collect();
    while let Some((webhook, with_faults)) = queue.pop_front() {
        let actions = if with_faults { faults_of(shared, &webhook) } else { Vec::new() };
        if let Some(kept_back) = keep_back(shared, &webhook, &actions) {
            last = kept_back;
            continue;
        }
        let mut copies = 1;
        for action in &actions {
            match action {
                Action::Delay { ms } => tokio::time::sleep(Duration::from_millis(*ms)).await,
                Action::Duplicate { count } => copies += count,
                _ => {}
            }
        }
        note_status(shared, &webhook);
        for _ in 0..copies {
            last = deliver(shared, &webhook, &mut report).await;
        }
        if webhook.event == Event::Message
            && let Some(held) = shared.world().held.remove(&webhook.account)
        {
            queue.push_back((held, false));
        }
    }
    report.tell(last);
}

/// Statuses in the order that a `reorder` fault asks for.
fn reordered(shared: &Arc<Shared>, mut chain: Vec<Webhook>) -> Vec<Webhook> {
    if let Some(head) = chain.first()
        && head.event == Event::Status
        && chain.len() > 1
    {
        let actions = take(&mut shared.world().rules, &call(head), |action| *action == Action::Reorder);
        if !actions.is_empty() {
            chain.reverse();
        }
    }
    chain
}

fn call(webhook: &Webhook) -> Call<'_> {
    Call {
        target: Target::Webhook,
        account: &webhook.account,
        kind: webhook.kind,
        customer: &webhook.customer,
        event: Some(webhook.event),
    }
}

/// The faults of one webhook. Telegram keeps the order of a chat, and only one webhook is held at a time.
fn faults_of(shared: &Arc<Shared>, webhook: &Webhook) -> Vec<Action> {
    let mut world = shared.world();
    let may_hold = webhook.event == Event::Message
        && webhook.kind != SandboxKind::Telegram
        && !world.held.contains_key(&webhook.account);
    take(&mut world.rules, &call(webhook), |action| *action != Action::Reorder || may_hold)
}

/// Drops or holds a webhook if a fault says so.
fn keep_back(shared: &Arc<Shared>, webhook: &Webhook, actions: &[Action]) -> Option<Outcome> {
    let (fault, state) = if actions.contains(&Action::Drop) {
        ("drop", "dropped")
    } else if actions.contains(&Action::Reorder) {
        ("reorder", "held")
    } else {
        return None;
    };
    if fault == "reorder" {
        let account = webhook.account.clone();
        shared.world().held.insert(account, webhook.clone());
    }
    trace(shared, webhook, |trace| trace.state = state);
    Some(Outcome { fault: Some(fault), ..Outcome::default() })
}

/// The message's state changes when its status is on the way, whether Tanggap takes it or not.
fn note_status(shared: &Arc<Shared>, webhook: &Webhook) {
    if webhook.event == Event::Status
        && let Some(entry) = shared.world().entry(webhook.entry)
        && rank(entry.status) < rank(webhook.label)
    {
        entry.status = webhook.label;
    }
    shared.notify();
}

/// Sends what a `reorder` fault still holds.
pub(super) fn release_held(shared: &Arc<Shared>) {
    let held: Vec<Webhook> = shared.world().held.drain().map(|(_, hook)| hook).collect();
    for webhook in held {
        drop(start(shared, vec![webhook], Start::AtOnce));
    }
}

/// Tries until it is taken or given up.
async fn deliver(shared: &Arc<Shared>, webhook: &Webhook, report: &mut Report) -> Outcome {
    let mut tries = 0;
    loop {
        tries += 1;
        let attempt = attempt(shared, webhook).await;
        let taken = attempt.taken();
        let wait = retry_delay(webhook.kind, tries, attempt.retry_after);
        let over = match webhook.kind {
            SandboxKind::Telegram => {
                let next = shared.now().plus(TimeDelta::from_std(wait).unwrap_or_default());
                next.since(webhook.at) > TELEGRAM_KEEPS
            }
            _ => tries >= GRAPH_TRIES,
        };
        trace(shared, webhook, |trace| {
            trace.attempts += 1;
            trace.last_status = attempt.status;
            trace.last_error.clone_from(&attempt.error);
            trace.state = match (taken, over) {
                (true, _) => "delivered",
                (false, true) => "given_up",
                (false, false) => "pending",
            };
        });
        let outcome = Outcome {
            delivered: taken,
            webhook_status: attempt.status,
            webhook_error: attempt.error,
            fault: None,
        };
        if !taken {
            tracing::debug!(account = webhook.account, tries, outcome = ?outcome, "webhook not taken");
            report.tell(outcome.clone());
        } else if webhook.event == Event::Message {
            report.tell(outcome.clone());
        }
        if taken || over {
            return outcome;
        }
        tokio::time::sleep(wait).await;
    }
}

/// Changes the trace of a webhook in the log.
fn trace(shared: &Arc<Shared>, webhook: &Webhook, change: impl FnOnce(&mut Trace)) {
    if let Some(entry) = shared.world().entry(webhook.entry) {
        let known = entry.webhooks.iter().position(|trace| trace.event == webhook.label);
        let index = known.unwrap_or_else(|| {
            entry.webhooks.push(Trace {
                event: webhook.label.to_owned(),
                state: "pending",
                ..Trace::default()
            });
            entry.webhooks.len() - 1
        });
        if let Some(trace) = entry.webhooks.get_mut(index) {
            change(trace);
        }
    }
    shared.notify();
}
