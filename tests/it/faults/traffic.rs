//! Customers who write and agents who answer, and the ledger of what they were told.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use harness::wire::Answer;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::world::{AGENTS, CUSTOMERS, Site, customer, eventually};

/// How many customers write all the time.
const WRITERS: usize = 8;
/// Between two attempts at a server that is away.
const PAUSE: Duration = Duration::from_millis(5);
/// The sandbox, like WhatsApp, refuses more than 45 messages at once to one customer.
const REPLIES_PER_CUSTOMER: usize = 40;

/// What was sent, and what was acknowledged.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Provider's message ids, and whether one was answered 200.
    pub webhooks: BTreeMap<String, bool>,
    /// Client's message ids, and the message's id if one was answered 201.
    pub replies: BTreeMap<String, Option<String>>,
    /// How often 503 was answered.
    pub refused: usize,
    /// Answers that nobody should get.
    strange: Vec<String>,
}

impl Ledger {
    /// Every answer was the right one or 503.
    pub fn assert_no_surprises(&self) {
        assert!(self.strange.is_empty(), "{:#?}", self.strange);
        let acknowledged = self.webhooks.values().filter(|stored| **stored).count();
        assert!(acknowledged > 0 && self.replies.values().any(Option::is_some), "there was no traffic");
    }
}

/// Running traffic.
pub struct Traffic {
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<Ledger>>,
}

struct Shared {
    site: Site,
    goes_on: AtomicBool,
    acknowledged: AtomicUsize,
}

impl Traffic {
    /// Begins.
    pub fn start(site: &Site) -> Self {
        let shared = Arc::new(Shared {
            site: site.clone(),
            goes_on: AtomicBool::new(true),
            acknowledged: AtomicUsize::new(0),
        });
        let writers = (0..WRITERS).map(|number| tokio::spawn(write(shared.clone(), number)));
        let agents = (0..AGENTS).map(|number| tokio::spawn(answer(shared.clone(), number)));
        let tasks = writers.chain(agents).collect();
        Self { shared, tasks }
    }

    /// Waits until so many more requests were acknowledged.
    pub async fn until_acknowledged(&self, more: usize) {
        let goal = self.shared.acknowledged.load(Ordering::Relaxed) + more;
        eventually("the traffic goes on", || async {
            (self.shared.acknowledged.load(Ordering::Relaxed) >= goal).then_some(())
        })
        .await;
    }

    /// Ends, when what is under way has been answered.
    pub async fn stop(self) -> Ledger {
        self.shared.goes_on.store(false, Ordering::Relaxed);
        let mut whole = Ledger::default();
        for task in self.tasks {
            let part = task.await.unwrap();
            whole.webhooks.extend(part.webhooks);
            whole.replies.extend(part.replies);
            whole.refused += part.refused;
            whole.strange.extend(part.strange);
        }
        whole
    }
}

impl Shared {
    fn goes_on(&self) -> bool {
        self.goes_on.load(Ordering::Relaxed)
    }
}

impl Ledger {
    /// Whether an answer is the one hoped for; others are noted.
    async fn is(&mut self, shared: &Shared, good: u16, answer: &io::Result<Answer>) -> bool {
        match answer {
            Ok(answer) if answer.status == good => {
                shared.acknowledged.fetch_add(1, Ordering::Relaxed);
                return true;
            }
            Ok(answer) if answer.status == 503 && answer.header("retry-after").is_some() => self.refused += 1,
            Ok(answer) => self.strange.push(format!("{}: {}", answer.status, answer.json())),
            // The server is being killed or started: nobody knows what became of the request.
            Err(_) => {}
        }
        tokio::time::sleep(PAUSE).await;
        false
    }
}

/// A provider that sends each message of its customers until it is taken, and gives up on some.
async fn write(shared: Arc<Shared>, number: usize) -> Ledger {
    let mut ledger = Ledger::default();
    let mut count = number;
    while shared.goes_on() {
        count += WRITERS;
        let id = format!("wamid.{}", Uuid::from_u128(rand::random()).simple());
        let mut taken = false;
        while !taken && shared.goes_on() {
            let answer = shared.site.webhook(&customer(count), &id).await;
            taken = ledger.is(&shared, 200, &answer).await;
            if count.is_multiple_of(5) {
                break;
            }
        }
        ledger.webhooks.insert(id, taken);
    }
    ledger
}

/// An agent who answers its customers in turn, tries again when there is no answer, and says of some that
/// they are done.
async fn answer(shared: Arc<Shared>, agent: usize) -> Ledger {
    let mut ledger = Ledger::default();
    for round in 0..REPLIES_PER_CUSTOMER {
        for customer in (agent..CUSTOMERS).step_by(AGENTS) {
            if !shared.goes_on() {
                return ledger;
            }
            let id = format!("reply-{agent}-{round}-{customer}");
            let mut message = None;
            while message.is_none() && shared.goes_on() {
                let answer = shared.site.reply(customer, &id).await;
                if ledger.is(&shared, 201, &answer).await {
                    message = answer.ok().and_then(|answer| Some(answer.json()["id"].as_str()?.to_owned()));
                }
                if customer % 4 == 0 {
                    break;
                }
            }
            ledger.replies.insert(id, message);
            if (customer + round) % 3 == 0 {
                let answer = shared.site.resolve(customer).await;
                // 409: resolved already, by the attempt whose answer got lost.
                if !matches!(&answer, Ok(answer) if answer.status == 409) {
                    ledger.is(&shared, 200, &answer).await;
                }
            }
        }
    }
    ledger
}
