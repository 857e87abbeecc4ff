//! Webhooks on their way to Tanggap: signed, retried, in order where the provider keeps order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use domain::time::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;

use super::channel::{SandboxChannel, SandboxKind};
use super::faults::{Action, Call, Event, Target, take};
use super::shared::Shared;
use super::sign::hub_signature;
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

/// One attempt's end.
struct Attempt {
    status: Option<u16>,
    retry_after: Option<u64>,
    error: Option<String>,
}

impl Attempt {
    fn failed(error: String) -> Self {
        Self {
            status: None,
            retry_after: None,
            error: Some(error),
        }
    }

    fn taken(&self) -> bool {
        self.status.is_some_and(|code| (200..300).contains(&code))
    }
}

/// Sends webhooks one after another, in the background. Yields how the first attempt of the first one ended, or of the last if all were taken.
pub(super) fn start(
    shared: &Arc<Shared>,
    chain: Vec<Webhook>,
    start: Start,
) -> oneshot::Receiver<Outcome> {
    let (report, first) = oneshot::channel();
    let Some(head) = chain.first() else {
        return first;
    };
    for webhook in &chain {
        trace(shared, webhook, |_| {});
    }
    // The updates of one Telegram chat wait for each other; elsewhere chains are free.
    let lane =
        (head.kind == SandboxKind::Telegram).then(|| (head.account.clone(), head.customer.clone()));
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
    let mut queue: VecDeque<(Webhook, bool)> = reordered(shared, chain)
        .into_iter()
        .map(|hook| (hook, true))
        .collect();
    while let Some((webhook, with_faults)) = queue.pop_front() {
        let actions = if with_faults {
            faults_of(shared, &webhook)
        } else {
            Vec::new()
        };
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
        let actions = take(&mut shared.world().rules, &call(head), |action| {
            *action == Action::Reorder
        });
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
    take(&mut world.rules, &call(webhook), |action| {
        *action != Action::Reorder || may_hold
    })
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
    Some(Outcome {
        fault: Some(fault),
        ..Outcome::default()
    })
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
                let next = shared
                    .now()
                    .plus(TimeDelta::from_std(wait).unwrap_or_default());
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

async fn attempt(shared: &Arc<Shared>, webhook: &Webhook) -> Attempt {
    // Looked up at each attempt: the account may have moved since.
    let channel = shared.world().channel(&webhook.account).cloned();
    let attempt = match channel {
        Some(channel) => post(shared, &channel, webhook).await,
        None => Attempt::failed("the account is not connected any more".to_owned()),
    };
    if let Some(error) = attempt.error.clone() {
        let now = shared.now();
        let account = webhook.account.clone();
        shared.world().hook_errors.insert(account, (now, error));
    }
    attempt
}

async fn post(shared: &Arc<Shared>, channel: &SandboxChannel, webhook: &Webhook) -> Attempt {
    let Some(url) = channel.webhook_url() else {
        return Attempt::failed("no webhook is set".to_owned());
    };
    let request = shared
        .client
        .post(url)
        .header("content-type", "application/json")
        .timeout(shared.webhook_timeout);
    let request = match channel {
        SandboxChannel::Whatsapp { app_secret, .. }
        | SandboxChannel::Messenger { app_secret, .. } => {
            request.header("user-agent", "facebookexternalua").header(
                "x-hub-signature-256",
                hub_signature(app_secret, &webhook.body),
            )
        }
        SandboxChannel::Telegram {
            webhook_secret: Some(secret),
            ..
        } => request.header("x-telegram-bot-api-secret-token", secret),
        SandboxChannel::Telegram { .. } => request,
    };
    match request.body(webhook.body.clone()).send().await {
        Ok(answer) => {
            let status = answer.status();
            Attempt {
                status: Some(status.as_u16()),
                retry_after: answer
                    .headers()
                    .get("retry-after")
                    .and_then(|value| value.to_str().ok()?.parse().ok()),
                error: (!status.is_success())
                    .then(|| format!("Wrong response from the webhook: {status}")),
            }
        }
        Err(error) if error.is_timeout() => Attempt::failed("Read timeout expired".to_owned()),
        Err(error) => Attempt::failed(format!("Connection failed: {}", error.without_url())),
    }
}

/// How long to wait after the given number of tries.
fn retry_delay(kind: SandboxKind, tries: u32, retry_after: Option<u64>) -> Duration {
    if kind == SandboxKind::Telegram {
        if let Some(seconds) = retry_after {
            return Duration::from_secs(seconds.min(3600));
        }
        let cap = 60 + u64::from(rand::random::<u8>() % 61);
        return match tries {
            0 | 1 => Duration::ZERO,
            _ => Duration::from_secs(2_u64.saturating_pow(tries - 1).min(cap)),
        };
    }
    Duration::from_millis(match tries {
        0 | 1 => 0,
        2 => 200,
        3 => 1_000,
        4 => 2_000,
        5 => 5_000,
        6 => 10_000,
        _ => 30_000,
    })
}

/// Changes the trace of a webhook in the log.
fn trace(shared: &Arc<Shared>, webhook: &Webhook, change: impl FnOnce(&mut Trace)) {
    if let Some(entry) = shared.world().entry(webhook.entry) {
        let known = entry
            .webhooks
            .iter()
            .position(|trace| trace.event == webhook.label);
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

#[cfg(test)]
mod tests {
    use super::retry_delay;
    use crate::sandbox::channel::SandboxKind;

    #[test]
    fn retries_start_at_once_and_slow_down() {
        let millis = |kind, tries| retry_delay(kind, tries, None).as_millis();
        let graph: Vec<_> = (1..=8)
            .map(|tries| millis(SandboxKind::Whatsapp, tries))
            .collect();
        assert_eq!(graph, [0, 200, 1_000, 2_000, 5_000, 10_000, 30_000, 30_000]);
        let telegram: Vec<_> = (1..=4)
            .map(|tries| millis(SandboxKind::Telegram, tries))
            .collect();
        assert_eq!(telegram, [0, 2_000, 4_000, 8_000]);
        assert!((60_000..=120_000).contains(&millis(SandboxKind::Telegram, 30)));
        assert_eq!(retry_delay(SandboxKind::Telegram, 1, Some(7)).as_secs(), 7);
    }
}
