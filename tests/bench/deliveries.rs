//! Events to the endpoints of integrators: how many a second to a fast receiver on this machine, and how long after the commit
//! one comes. Beside it, what the same client hands to the same receiver without us.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api::outbound_url::{AllowedRanges, GuardSettings, GuardedClient, Handover};
use harness::process::{Failed, Tanggap, demand, sign_in};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::figures::{at_least, percentile};
use crate::load;
use crate::stage::{PASSWORD, Stage, Tenant};

/// Endpoints, and the messages that each is told of; a message makes several events.
const ROUNDS: [(usize, usize); 2] = [(1, 5000), (100, 100)];
/// How many events are sent one at a time, to see how long each takes.
const SINGLE: usize = 300;
/// As many calls at once as the server makes to one endpoint.
const AT_ONCE: usize = 16;
/// What is reached of what the client and the receiver do by themselves, at least.
const LIMIT: f64 = 0.3;
/// Longer than this nothing takes.
const PATIENCE: Duration = Duration::from_secs(300);

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let receiver = Receiver::start().await?;
    let launch = stage.launch()?.with("TANGGAP_PRIVATE_RANGES_ALLOWED", "127.0.0.1");
    let server = launch.start().await?;
    let bare = bare(&receiver).await?;
    println!("events to endpoints of integrators; without us {bare:.0} calls/s, {AT_ONCE} at once");
    println!("  endpoints   events  deliveries/s  of what is possible");
    for (endpoints, messages) in ROUNDS {
        let tenant = stage.tenant(&server, &format!("deliveries-{endpoints}")).await?;
        let (events, per_second) = round(stage, &server, &receiver, &tenant, endpoints, messages).await?;
        println!("  {endpoints:>9} {events:>8} {per_second:>13.0}  {}", at_least(per_second / bare, LIMIT));
    }
    let mut times = one_at_a_time(stage, &server, &receiver).await?;
    let (p50, p99) = (percentile(&mut times, 0.5), percentile(&mut times, 0.99));
    println!("  from the answer to who caused it to the receiver: p50 {p50:.1} ms, p99 {p99:.1} ms\n");
    Ok(())
}

/// Calls a second that the same client makes to the receiver, with a body as large as an event.
async fn bare(receiver: &Receiver) -> Result<f64, Failed> {
    let client = GuardedClient::new(GuardSettings {
        allowed: AllowedRanges::default().and_loopback(),
        plain_http: false,
        connect_timeout: PATIENCE,
        read_timeout: PATIENCE,
        total_timeout: PATIENCE,
    })?;
    let (url, body, began) = (receiver.url(), "x".repeat(1500), Instant::now());
    let callers = (0..AT_ONCE).map(|_| {
        let (client, url, body) = (client.clone(), url.clone(), body.clone());
        tokio::spawn(async move {
            let mut calls = 0;
            while began.elapsed() < Duration::from_secs(3) {
                let handover = Handover { url: &url, headers: &[], body: body.clone(), timeout: PATIENCE };
                client.post(handover).await.map_err(|problem| problem.as_str())?;
                calls += 1;
            }
            Ok::<usize, Failed>(calls)
        })
    });
    let mut calls = 0;
    for caller in callers.collect::<Vec<_>>() {
        calls += caller.await??;
    }
    Ok(calls as f64 / began.elapsed().as_secs_f64())
}

/// Lets things happen while the endpoints are paused, and then takes the time until all have heard of all.
async fn round(
    stage: &Stage,
    server: &Tanggap,
    receiver: &Receiver,
    tenant: &Tenant,
    endpoints: usize,
    messages: usize,
) -> Result<(i64, f64), Failed> {
    let token = sign_in(server.addr, &tenant.slug, "admin@bench.example", PASSWORD).await?;
    let mut paths = Vec::new();
    for _ in 0..endpoints {
        let path = endpoint(server, &token, receiver).await?;
        demand(server.addr, "PATCH", &path, &token, &json!({ "active": false })).await?;
        paths.push(path);
    }
    let requests = (0..messages).map(|number| tenant.webhook(number % 1000, number as u64)).collect();
    load::each_once(server.addr, requests, 32).await?;
    let waiting = format!(
        "SELECT sum(c.seq - e.position)::text AS text FROM webhook_endpoints e JOIN event_counters c USING (workspace_id)
         WHERE workspace_id = '{}'",
        tenant.id
    );
    let expected = stage.number(&waiting)?;
    let (before, began) = (receiver.calls(), Instant::now());
    for path in &paths {
        demand(server.addr, "PATCH", path, &token, &json!({ "active": true })).await?;
    }
    receiver.reached(before + usize::try_from(expected)?).await?;
    Ok((expected, expected as f64 / began.elapsed().as_secs_f64()))
}

async fn endpoint(server: &Tanggap, token: &str, receiver: &Receiver) -> Result<String, Failed> {
    let body = json!({ "url": receiver.url() });
    let made = demand(server.addr, "POST", "/v1/webhook-endpoints", token, &body).await?;
    let id = made["webhook_endpoint"]["id"].as_str().ok_or("an endpoint without an id")?;
    Ok(format!("/v1/webhook-endpoints/{id}"))
}

/// How long after the answer to the call that caused it each event comes.
async fn one_at_a_time(
    stage: &Stage,
    server: &Tanggap,
    receiver: &Receiver,
) -> Result<Vec<Duration>, Failed> {
    let tenant = stage.tenant(server, "deliveries-single").await?;
    let token = sign_in(server.addr, &tenant.slug, "admin@bench.example", PASSWORD).await?;
    let before = receiver.calls();
    endpoint(server, &token, receiver).await?;
    receiver.reached(before + 1).await?;
    let mut times = Vec::new();
    for number in 0..SINGLE {
        let before = receiver.calls();
        let label: Value = json!({ "name": format!("Label {number}"), "color": "#112233" });
        demand(server.addr, "POST", "/v1/labels", &token, &label).await?;
        let answered = Instant::now();
        receiver.reached(before + 1).await?;
        times.push(answered.elapsed());
    }
    Ok(times)
}

/// Takes every call and counts it.
struct Receiver {
    addr: SocketAddr,
    calls: Arc<AtomicUsize>,
    changed: watch::Receiver<()>,
}

impl Receiver {
    async fn start() -> Result<Self, Failed> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let calls = Arc::new(AtomicUsize::new(0));
        let (changes, changed) = watch::channel(());
        let (counted, changes) = (calls.clone(), Arc::new(changes));
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                tokio::spawn(take(socket, counted.clone(), changes.clone()));
            }
        });
        Ok(Self { addr, calls, changed })
    }

    fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    async fn reached(&self, calls: usize) -> Result<(), Failed> {
        let mut changed = self.changed.clone();
        let all = changed.wait_for(|()| self.calls() >= calls);
        match tokio::time::timeout(PATIENCE, all).await {
            Ok(_) => Ok(()),
            Err(_) => Err(format!("{} of {calls} calls came", self.calls()).into()),
        }
    }
}

/// Answers what comes on a connection. Only as much of HTTP as our own client needs.
async fn take(
    mut socket: TcpStream,
    calls: Arc<AtomicUsize>,
    changes: Arc<watch::Sender<()>>,
) -> std::io::Result<()> {
    let mut bytes = Vec::with_capacity(16 * 1024);
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if socket.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).to_lowercase();
        let length = text.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
        let whole = head + length.and_then(|length| length.parse().ok()).unwrap_or(0);
        while bytes.len() < whole {
            socket.read_buf(&mut bytes).await?;
        }
        bytes.drain(..whole);
        socket.write_all(b"HTTP/1.1 204 Taken\r\n\r\n").await?;
        calls.fetch_add(1, Ordering::Relaxed);
        changes.send_replace(());
    }
}
