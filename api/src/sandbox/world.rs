//! What the sandbox remembers: accounts, customers, and everything they wrote and got.

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::TimeDelta;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use super::channel::{SandboxChannel, SandboxKind};
use super::deliver::Webhook;
use super::faults::Rule;
use super::media::Media;
use super::uploads::Upload;
use super::whatsapp::templates::Template;

/// How many messages are remembered; older ones are forgotten.
const LOG_LIMIT: usize = 50_000;
/// How many files are remembered.
const MEDIA_LIMIT: usize = 1000;
/// How many messages may go to one customer at once.
const PAIR_BURST: i32 = 45;
/// How long it takes until another one may follow.
const PAIR_INTERVAL: TimeDelta = TimeDelta::seconds(6);

/// How far a customer's phone goes by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Auto {
    /// The phone is off.
    None,
    /// It takes messages, the customer does not look.
    Delivered,
    /// The customer looks at once.
    #[default]
    Read,
}

/// A person at one account.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Customer {
    /// The name in the profile.
    pub(super) name: Option<String>,
    /// Whether webhooks hide the phone number.
    pub(super) username_only: bool,
    /// How far the phone goes by itself.
    pub(super) auto: Auto,
    /// Whether this customer has blocked the business.
    pub(super) blocked: bool,
    /// When the customer wrote last: the reply window is counted from here.
    pub(super) last_wrote_at: Option<Timestamp>,
    /// How often the business was seen typing.
    pub(super) typing_seen: u64,
    /// When the next message would be due at the steady rate.
    #[serde(skip)]
    pair_due: Option<Timestamp>,
}

impl Customer {
    /// Whether the customer wrote less than `window` ago.
    pub(super) fn wrote_within(&self, window: TimeDelta, now: Timestamp) -> bool {
        self.last_wrote_at.is_some_and(|at| now.since(at) < window)
    }

    /// Takes one message from the pair's allowance: 45 at once, then one in 6 s.
    pub(super) fn take_pair_rate(&mut self, now: Timestamp) -> bool {
        let due = self.pair_due.map_or(now, |due| due.max(now));
        if due.since(now) > PAIR_INTERVAL * (PAIR_BURST - 1) {
            return false;
        }
        self.pair_due = Some(due.plus(PAIR_INTERVAL));
        true
    }
}

/// Which way a message went, seen from the business.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Direction {
    /// The customer wrote it.
    Inbound,
    /// The customer got it.
    Outbound,
}

/// What became of one webhook.
#[derive(Debug, Clone, Default, Serialize)]
pub(super) struct Trace {
    /// `message`, or the status it told.
    pub(super) event: String,
    /// `pending`, `delivered`, `dropped`, `held`, or `given_up`.
    pub(super) state: &'static str,
    /// How often it was tried.
    pub(super) attempts: u32,
    /// The last answer's HTTP status.
    pub(super) last_status: Option<u16>,
    /// Why the last attempt failed.
    pub(super) last_error: Option<String>,
}

/// One message, as the customer sees it.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Entry {
    /// Its number: grows by one per message of the whole sandbox.
    pub(super) n: u64,
    pub(super) at: Timestamp,
    pub(super) channel: String,
    pub(super) channel_kind: SandboxKind,
    pub(super) customer: String,
    pub(super) direction: Direction,
    pub(super) kind: String,
    pub(super) text: Option<String>,
    pub(super) provider_message_id: String,
    pub(super) reply_to: Option<String>,
    /// Outbound: `accepted`, `sent`, `delivered`, `read`, `failed`. Inbound: `received`, `seen`.
    pub(super) status: &'static str,
    /// What the sender gave along: `biz_opaque_callback_data`, `metadata`.
    pub(super) our_reference: Option<String>,
    /// The message object as it was sent.
    pub(super) content: Value,
    /// The file that Tanggap handed over with it.
    pub(super) file: Option<Upload>,
    /// The emoji that the business put on it.
    pub(super) reaction: Option<String>,
    pub(super) webhooks: Vec<Trace>,
}

/// Everything.
#[derive(Default)]
pub(super) struct World {
    pub(super) channels: Vec<SandboxChannel>,
    pub(super) customers: BTreeMap<(String, String), Customer>,
    pub(super) log: VecDeque<Entry>,
    /// Files that were handed over, by the ids given to them.
    pub(super) uploads: BTreeMap<String, Upload>,
    pub(super) rules: Vec<Rule>,
    /// The templates of all business accounts.
    pub(super) templates: Vec<Template>,
    /// Webhooks that wait for the next one of their account.
    pub(super) held: HashMap<String, Webhook>,
    /// The end of the last delivery of each Telegram chat.
    pub(super) lanes: HashMap<(String, String), oneshot::Receiver<()>>,
    /// The last failure of a bot's webhook.
    pub(super) hook_errors: HashMap<String, (Timestamp, String)>,
    media: VecDeque<Media>,
    entries: u64,
    telegram_ids: i64,
}

impl World {
    /// An empty sandbox.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// The account with this id.
    pub(super) fn channel(&self, account: &str) -> Option<&SandboxChannel> {
        self.channels.iter().find(|channel| channel.account() == account)
    }

    /// Adds an account, or replaces the one of the same kind and id. Whether it is new.
    pub(super) fn connect(&mut self, channel: SandboxChannel) -> bool {
        let known = self
            .channels
            .iter_mut()
            .find(|known| known.account() == channel.account() && known.kind() == channel.kind());
        match known {
            Some(known) => {
                *known = channel;
                false
            }
            None => {
                self.channels.push(channel);
                true
            }
        }
    }

    /// The customer at this account, made up when unknown.
    pub(super) fn customer(&mut self, account: &str, id: &str) -> &mut Customer {
        self.customers.entry((account.to_owned(), id.to_owned())).or_default()
    }

    /// The customer at this account.
    pub(super) fn known_customer(&self, account: &str, id: &str) -> Option<&Customer> {
        self.customers.get(&(account.to_owned(), id.to_owned()))
    }

    /// Remembers a message and numbers it.
    pub(super) fn record(&mut self, mut entry: Entry) -> u64 {
        self.entries += 1;
        entry.n = self.entries;
        self.log.push_back(entry);
        if self.log.len() > LOG_LIMIT {
            self.log.pop_front();
        }
        self.entries
    }

    /// The message with this number.
    pub(super) fn entry(&mut self, n: u64) -> Option<&mut Entry> {
        let first = self.log.front()?.n;
        let index = usize::try_from(n.checked_sub(first)?).ok()?;
        self.log.get_mut(index)
    }

    /// The newest message with this id at this account.
    pub(super) fn by_provider_id(&self, account: &str, id: &str) -> Option<&Entry> {
        self.log.iter().rev().find(|entry| entry.channel == account && entry.provider_message_id == id)
    }

    /// Puts the business's emoji on a message of this chat, or takes it off. False if there is no such message.
    pub(super) fn react(&mut self, account: &str, customer: &str, id: &str, emoji: Option<&str>) -> bool {
        let found = self.log.iter_mut().rev().find(|entry| {
            entry.channel == account && entry.customer == customer && entry.provider_message_id == id
        });
        match found {
            Some(entry) => {
                entry.reaction = emoji.map(str::to_owned);
                true
            }
            None => false,
        }
    }

    /// Remembers a file.
    pub(super) fn keep_media(&mut self, media: Media) {
        self.media.push_back(media);
        if self.media.len() > MEDIA_LIMIT {
            self.media.pop_front();
        }
    }

    /// The newest file with this id.
    pub(super) fn media(&self, id: &str) -> Option<&Media> {
        self.media.iter().rev().find(|media| media.id == id)
    }

    /// The next id for Telegram. The first is taken from the clock, so that a sandbox started later does not repeat the ids of an earlier one.
    pub(super) fn next_telegram_id(&mut self, now: Timestamp) -> i64 {
        const BEFORE_ANY_RUN: i64 = 1_700_000_000;
        let first = (now.unix_seconds() - BEFORE_ANY_RUN).max(1);
        self.telegram_ids = if self.telegram_ids == 0 { first } else { self.telegram_ids + 1 };
        self.telegram_ids
    }

    /// Forgets customers, messages, templates, faults and what waits; accounts too when asked. Numbers and ids go on.
    pub(super) fn reset(&mut self, with_channels: bool) {
        self.customers.clear();
        self.log.clear();
        self.uploads.clear();
        self.media.clear();
        self.rules.clear();
        self.templates.clear();
        self.held.clear();
        self.lanes.clear();
        self.hook_errors.clear();
        if with_channels {
            self.channels.clear();
        }
    }
}

/// How far along a status is; a message never goes back.
pub(super) fn rank(status: &str) -> u8 {
    match status {
        "accepted" => 0,
        "sent" => 1,
        "delivered" => 2,
        _ => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::Customer;
    use chrono::TimeDelta;
    use domain::time::Timestamp;

    #[test]
    fn a_pair_gets_45_at_once_and_then_one_in_six_seconds() {
        let mut customer = Customer::default();
        let now = Timestamp::from_unix_seconds(1_795_140_843).unwrap();
        assert_eq!((0..60).filter(|_| customer.take_pair_rate(now)).count(), 45);
        let later = now.plus(TimeDelta::seconds(6));
        assert_eq!((0..9).filter(|_| customer.take_pair_rate(later)).count(), 1);
    }

    #[test]
    fn the_window_closes_after_exactly_a_day() {
        let wrote = Timestamp::from_unix_seconds(1_795_140_843).unwrap();
        let customer = Customer { last_wrote_at: Some(wrote), ..Customer::default() };
        let day = TimeDelta::hours(24);
        assert!(customer.wrote_within(day, wrote.plus(day - TimeDelta::seconds(1))));
        assert!(!customer.wrote_within(day, wrote.plus(day)));
    }
}
