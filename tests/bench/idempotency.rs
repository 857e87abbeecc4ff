//! Messages created with an `Idempotency-Key` and without, by turns in one run: what the promise of one effect costs who
//! asks for it.

use std::time::Duration;

use harness::process::{Failed, Tanggap, demand, sign_in};
use harness::wire::request;
use serde_json::{Value, json};

use crate::figures::percentile;
use crate::load;
use crate::stage::{PASSWORD, Stage};

const CUSTOMERS: usize = 200;
const ROUNDS: usize = 20;
/// Messages of a round.
const MESSAGES: usize = 200;
/// What the median with a key may be of that without one.
const LIMIT: f64 = 1.15;

/// The conversations of one workspace, and who answers in them.
struct Desk<'a> {
    server: &'a Tanggap,
    authorization: String,
    conversations: Vec<String>,
    sent: usize,
}

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let server = stage.serve().await?;
    let mut desk = Desk::prepare(stage, &server).await?;
    println!("messages created, to 201 after the commit    limit: {LIMIT} times without a key");
    println!("  at once  without: p50 ms   p99 ms    with: p50 ms   p99 ms  ratio of the medians");
    for at_once in [1, 8] {
        let mut times: [Vec<Duration>; 2] = Default::default();
        for round in 0..=ROUNDS {
            // Each goes first in half of the rounds; what the very first one warms up counts for none.
            for turn in [round % 2, 1 - round % 2] {
                let taken = desk.round(turn == 1, at_once).await?;
                if round > 0 {
                    times[turn].extend(taken);
                }
            }
        }
        let [without, with] = &mut times;
        let (plain, keyed) = (percentile(without, 0.5), percentile(with, 0.5));
        let ratio = keyed / plain;
        println!(
            "  {at_once:>7} {plain:>16.2} {:>8.2} {keyed:>15.2} {:>8.2}  {ratio:.2}{}",
            percentile(without, 0.99),
            percentile(with, 0.99),
            if ratio > LIMIT { " MISSED" } else { "" }
        );
    }
    desk.verify(stage)
}

impl<'a> Desk<'a> {
    /// Lets every customer write once. The channel is stopped, so that nothing is sent: it is not what is measured.
    async fn prepare(stage: &'a Stage, server: &'a Tanggap) -> Result<Self, Failed> {
        let tenant = stage.tenant(server, "idempotency").await?;
        let hooks = (0..CUSTOMERS).map(|customer| tenant.webhook(customer, customer as u64)).collect();
        load::each_once(server.addr, hooks, 8).await?;
        stage.sql(&format!(
            "UPDATE channels SET state = 'needs_attention' WHERE id = '{}'",
            tenant.channel_id
        ))?;
        let token = sign_in(server.addr, &tenant.slug, "admin@bench.example", PASSWORD).await?;
        let mut conversations = Vec::new();
        let mut cursor = String::new();
        while conversations.len() < CUSTOMERS {
            let path = format!("/v1/conversations?tab=all&limit=100{cursor}");
            let page = demand(server.addr, "GET", &path, &token, &Value::Null).await?;
            let items = page["items"].as_array().into_iter().flatten();
            conversations.extend(items.filter_map(|one| one["id"].as_str().map(ToOwned::to_owned)));
            cursor = format!("&cursor={}", page["next_cursor"].as_str().unwrap_or_default());
        }
        stage.sql("VACUUM ANALYZE")?;
        Ok(Self { server, authorization: format!("Bearer {token}"), conversations, sent: 0 })
    }

    /// One message after the other in all conversations in turn; how long each took.
    async fn round(&mut self, with_key: bool, at_once: usize) -> Result<Vec<Duration>, Failed> {
        let body = json!({ "kind": "text", "text": "Siap kak, paketnya sudah kami kirim ya." }).to_string();
        let requests = (0..MESSAGES).map(|_| {
            self.sent += 1;
            let path = format!("/v1/conversations/{}/messages", self.conversations[self.sent % CUSTOMERS]);
            let key = format!("5f1d3b1e-7c1e-4b52-9d0c-{:012}", self.sent);
            let mut headers = vec![("authorization", self.authorization.as_str())];
            headers.extend(with_key.then_some(("idempotency-key", key.as_str())));
            request("POST", &path, &headers, body.as_bytes())
        });
        Ok(load::each_once(self.server.addr, requests.collect(), at_once).await?.times)
    }

    /// Every answer is a stored message.
    fn verify(&self, stage: &Stage) -> Result<(), Failed> {
        let stored = stage.number(
            "SELECT count(*)::text AS text FROM messages m JOIN workspaces w ON w.id = m.workspace_id
             WHERE w.slug = 'idempotency' AND m.direction = 'outbound'",
        )?;
        if usize::try_from(stored)? == self.sent {
            println!("  {stored} messages were answered 201, and as many are stored\n");
            Ok(())
        } else {
            Err(format!("{} messages were answered 201, but {stored} are stored", self.sent).into())
        }
    }
}
