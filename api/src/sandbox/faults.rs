//! Scripted faults: what goes wrong, for whom, how often.

use serde::{Deserialize, Serialize};

use super::channel::SandboxKind;

/// Which calls a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Target {
    /// A message or reaction sent to the provider (read marks and typing are left alone).
    Send,
    /// A file that is handed over before its message (WhatsApp, Messenger).
    Upload,
    /// A webhook from the provider.
    Webhook,
    /// The bytes of a customer's file.
    Media,
    /// The question where they are.
    MediaLink,
}

/// What a webhook tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Event {
    /// Something that a customer wrote.
    Message,
    /// What became of a message sent.
    Status,
}

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Action {
    /// Wait before anything else.
    Delay { ms: u64 },
    /// Deliver the same webhook `count` more times.
    Duplicate {
        #[serde(default = "one")]
        count: u32,
    },
    /// Statuses: read, delivered, sent. Messages: after the next one.
    Reorder,
    /// Never deliver the webhook; cut the connection of a send.
    Drop,
    /// Answer with the provider's error.
    Refuse {
        status: u16,
        code: i64,
        #[serde(default)]
        subcode: Option<i64>,
        #[serde(default)]
        message: Option<String>,
    },
    /// The customer gets the message, the caller no answer: the connection is cut after `ms`, or after ten minutes. Of a
    /// file half comes before that.
    AcceptThenHang {
        #[serde(default)]
        ms: Option<u64>,
    },
    /// The provider's "too many requests".
    RateLimit {
        #[serde(default = "one")]
        retry_after: u32,
    },
    /// Callbacks go out before the send is answered.
    StatusBeforeResponse,
    /// 502 with a gateway's page; with `accepted` the customer gets the message all the same.
    ServerErrorHtml {
        #[serde(default)]
        accepted: bool,
    },
}

fn one() -> u32 {
    1
}

impl Action {
    /// What is wrong with this action on this target, if anything.
    fn problem(&self, target: Target) -> Option<String> {
        let fits = match self {
            Self::Delay { .. } | Self::Drop => true,
            Self::Duplicate { .. } | Self::Reorder => target == Target::Webhook,
            Self::StatusBeforeResponse => target == Target::Send,
            Self::AcceptThenHang { .. } => matches!(target, Target::Send | Target::Upload | Target::Media),
            _ => target != Target::Webhook,
        };
        if !fits {
            let other = match self {
                Self::Duplicate { .. } | Self::Reorder => "webhook",
                _ => "send",
            };
            return Some(format!("this action is for target `{other}`"));
        }
        match self {
            Self::Refuse { status, .. } if !(400..600).contains(status) => {
                Some("`status` must be 400 to 599".to_owned())
            }
            Self::Delay { ms } | Self::AcceptThenHang { ms: Some(ms) } if *ms > 600_000 => {
                Some("`ms` must be 600000 at most".to_owned())
            }
            Self::Duplicate { count } if !(1..=100).contains(count) => {
                Some("`count` must be 1 to 100".to_owned())
            }
            _ => None,
        }
    }

    /// Whether rules after it have nothing left to act on.
    fn is_final(&self) -> bool {
        matches!(self, Self::Drop | Self::Refuse { .. } | Self::RateLimit { .. })
    }
}

/// One scripted fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rule {
    /// Which calls.
    pub(super) target: Target,
    /// Only this account, or only accounts of this kind.
    #[serde(default)]
    pub(super) channel: Option<String>,
    /// Only this customer.
    #[serde(default)]
    pub(super) customer: Option<String>,
    /// Only webhooks that tell this.
    #[serde(default)]
    pub(super) event: Option<Event>,
    /// How often; `null` for always.
    #[serde(default)]
    pub(super) times: Option<u64>,
    /// What goes wrong.
    pub(super) action: Action,
    /// How often it was applied. Read back from `GET`, ignored in `PUT`.
    #[serde(default)]
    pub(super) applied: u64,
}

/// A call that rules may be about.
#[derive(Debug, Clone)]
pub(super) struct Call<'a> {
    pub(super) target: Target,
    pub(super) account: &'a str,
    pub(super) kind: SandboxKind,
    pub(super) customer: &'a str,
    pub(super) event: Option<Event>,
}

impl Rule {
    /// What is wrong with it, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        if self.event.is_some() && self.target != Target::Webhook {
            return Some("`event` is for target `webhook` only".to_owned());
        }
        self.action.problem(self.target)
    }

    fn matches(&self, call: &Call<'_>) -> bool {
        let channel = self
            .channel
            .as_deref()
            .is_none_or(|channel| channel == call.account || channel == call.kind.as_str());
        let customer = self.customer.as_deref().is_none_or(|customer| customer == call.customer);
        let event = self.event.is_none() || self.event == call.event;
        let left = self.times.is_none_or(|times| self.applied < times);
        self.target == call.target && channel && customer && event && left
    }
}

/// Takes what applies to this call, in the order of the rules, and counts it.
pub(super) fn take(rules: &mut [Rule], call: &Call<'_>, wanted: impl Fn(&Action) -> bool) -> Vec<Action> {
    let mut actions = Vec::new();
    for rule in rules {
        if !rule.matches(call) || !wanted(&rule.action) {
            continue;
        }
        rule.applied += 1;
        actions.push(rule.action.clone());
        if rule.action.is_final() {
            break;
        }
    }
    actions
}

#[cfg(test)]
mod tests {
    use super::{Action, Call, Event, Rule, Target, take};
    use crate::sandbox::channel::SandboxKind;
    use serde_json::json;

    fn rule(value: serde_json::Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_rule_is_used_up_and_counted() {
        let mut rules = vec![
            rule(
                json!({"target": "webhook", "event": "message", "customer": "628", "times": 1, "action": {"type": "drop"}}),
            ),
            rule(json!({"target": "webhook", "channel": "whatsapp", "action": {"type": "delay", "ms": 5}})),
        ];
        let call = Call {
            target: Target::Webhook,
            account: "115",
            kind: SandboxKind::Whatsapp,
            customer: "628",
            event: Some(Event::Message),
        };
        assert_eq!(take(&mut rules, &call, |_| true), [Action::Drop]);
        assert_eq!(take(&mut rules, &call, |_| true), [Action::Delay { ms: 5 }], "dropping ends the list");
        let counts: Vec<_> = rules.iter().map(|rule| rule.applied).collect();
        assert_eq!(counts, [1, 1]);
        let other = Call { kind: SandboxKind::Telegram, customer: "629", ..call };
        assert!(take(&mut rules, &other, |_| true).is_empty());
    }

    #[test]
    fn an_action_on_the_wrong_target_is_refused() {
        let refused = [
            json!({"target": "send", "action": {"type": "reorder"}}),
            json!({"target": "webhook", "action": {"type": "rate_limit"}}),
            json!({"target": "upload", "action": {"type": "status_before_response"}}),
            json!({"target": "send", "event": "status", "action": {"type": "drop"}}),
            json!({"target": "send", "action": {"type": "refuse", "status": 200, "code": 1}}),
        ];
        for value in refused {
            assert!(rule(value.clone()).problem().is_some(), "{value}");
        }
    }
}
