//! 2,000 open streams of one workspace: what an idle one costs, and how soon each has a new message.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use harness::process::{Failed, Tanggap, sign_in};
use harness::wire::{Connection, request};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::figures::{at_most, percentile};
use crate::stage::{PASSWORD, Stage, Tenant};

const AGENTS: usize = 200;
const STREAMS: usize = 2000;
const MESSAGES: u64 = 30;
const MEMORY_LIMIT_KB: f64 = 24.0;
/// How long all streams may take to have one message before the measurement is given up.
const PATIENCE: Duration = Duration::from_secs(20);

/// Measures and prints.
pub async fn measure(stage: &Stage, memory: bool, latency: bool) -> Result<(), Failed> {
    let server = stage.serve().await?;
    let tenant = stage.tenant(&server, "streams").await?;
    stage.sql(&include_str!("streams.sql").replace("{workspace}", &tenant.id))?;
    // The conversation is there before it is measured.
    deliver(&server, &tenant, 0).await?;
    let mut tokens = Vec::new();
    for number in 1..=AGENTS {
        let email = format!("agent{number}@bench.example");
        tokens.push(sign_in(server.addr, &tenant.slug, &email, PASSWORD).await?);
    }
    // A server that has checked passwords has memory to spare, which the streams would take first.
    server.kill()?;
    let server = stage.serve().await?;
    deliver(&server, &tenant, 1).await?;
    let before = server.resident_bytes()?;
    let (told, mut arrivals) = mpsc::unbounded_channel();
    let mut streams = Vec::new();
    for number in 0..STREAMS {
        let stream = Stream::open(server.addr, &tokens[number % AGENTS]).await?;
        let told = told.clone();
        let arrived = move |_: &[u8]| Ok(told.send(Instant::now())?);
        streams.push(tokio::spawn(stream.listen(br#""type":"message.created""#, arrived)));
    }
    drop(told);
    if memory {
        let each = server.resident_bytes()?.saturating_sub(before) as f64 / STREAMS as f64 / 1024.0;
        println!("memory of the server per idle stream, {STREAMS} streams");
        println!(
            "  {} ({:.0} MB without streams)\n",
            at_most(each, MEMORY_LIMIT_KB, "KB"),
            before as f64 / 1e6
        );
    }
    if latency {
        broadcast(&server, &tenant, &mut arrivals).await?;
    }
    streams.iter().for_each(tokio::task::JoinHandle::abort);
    Ok(())
}

/// A customer writes; when the webhook was answered.
async fn deliver(server: &Tanggap, tenant: &Tenant, message: u64) -> Result<Instant, Failed> {
    let status = Connection::open(server.addr).await?.send(&tenant.webhook(1, message)).await?;
    if status == 200 { Ok(Instant::now()) } else { Err(format!("a webhook was answered {status}").into()) }
}

async fn broadcast(
    server: &Tanggap,
    tenant: &Tenant,
    arrivals: &mut mpsc::UnboundedReceiver<Instant>,
) -> Result<(), Failed> {
    let (mut all, mut last) = (Vec::new(), Vec::new());
    for message in 0..MESSAGES {
        let committed = deliver(server, tenant, message + 2).await?;
        let mut latest = Duration::ZERO;
        for heard in 0..STREAMS {
            let arrived = tokio::time::timeout(PATIENCE, arrivals.recv()).await.ok().flatten();
            let Some(arrived) = arrived else {
                return Err(format!("only {heard} of {STREAMS} streams had message number {message}").into());
            };
            let took = arrived.saturating_duration_since(committed);
            latest = latest.max(took);
            all.push(took);
        }
        last.push(latest);
    }
    println!("one message to {STREAMS} streams, from the webhook's 200 to the frame, {MESSAGES} messages");
    println!(
        "  p50 {:.1} ms, p99 {:.1} ms, until the last stream has it {:.1} ms (median)\n",
        percentile(&mut all, 0.5),
        percentile(&mut all, 0.99),
        percentile(&mut last, 0.5)
    );
    Ok(())
}

/// A client of the stream that does no more than it must.
pub struct Stream {
    socket: TcpStream,
    buffer: Vec<u8>,
}

impl Stream {
    /// Connects, and waits for `ready`.
    pub async fn open(addr: SocketAddr, token: &str) -> Result<Self, Failed> {
        let authorization = format!("Bearer {token}");
        let headers = [
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-protocol", "tanggap.v1"),
            ("authorization", &authorization),
        ];
        let bytes = request("GET", "/v1/stream", &headers, b"");
        let (socket, buffer) = Connection::open(addr).await?.upgrade(&bytes).await?;
        let mut stream = Self { socket, buffer };
        while !contains(&stream.frame().await?, br#""op":"ready""#) {}
        Ok(stream)
    }

    /// Gives `heard` each frame with `wanted` in it, and answers pings.
    pub async fn listen(
        mut self,
        wanted: &[u8],
        heard: impl Fn(&[u8]) -> Result<(), Failed>,
    ) -> Result<(), Failed> {
        loop {
            let frame = self.frame().await?;
            if contains(&frame, wanted) {
                heard(&frame)?;
            } else if contains(&frame, br#""op":"ping""#) {
                self.pong(&frame).await?;
            } else if contains(&frame, br#""op":"reset""#) {
                return Err("a stream is to load anew".into());
            }
        }
    }

    async fn pong(&mut self, ping: &[u8]) -> Result<(), Failed> {
        let ping: serde_json::Value = serde_json::from_slice(ping)?;
        let text = format!(r#"{{"op":"pong","seq":{}}}"#, ping["seq"]);
        // Final, text, masked with zeros, which leave the text as it is.
        let mut bytes = vec![0x81, 0x80 | u8::try_from(text.len())?, 0, 0, 0, 0];
        bytes.extend_from_slice(text.as_bytes());
        Ok(self.socket.write_all(&bytes).await?)
    }

    /// The payload of the next frame.
    async fn frame(&mut self) -> Result<Vec<u8>, Failed> {
        loop {
            if let Some((begin, end)) = payload(&self.buffer) {
                let frame = self.buffer[begin..end].to_vec();
                let code = self.buffer[0] & 0x0f;
                self.buffer.drain(..end);
                return if code == 8 {
                    Err(format!("the server closed a stream: {frame:?}").into())
                } else {
                    Ok(frame)
                };
            }
            if self.socket.read_buf(&mut self.buffer).await? == 0 {
                return Err("the server cut a stream".into());
            }
        }
    }
}

/// Where the payload of the first frame lies, if it is here. Frames of a server are not masked.
fn payload(buffer: &[u8]) -> Option<(usize, usize)> {
    let (begin, length) = match buffer.get(1)? & 0x7f {
        126 => (4, usize::from(u16::from_be_bytes(buffer.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(buffer.get(2..10)?.try_into().ok()?)).ok()?),
        length => (2, usize::from(length)),
    };
    (buffer.len() >= begin + length).then_some((begin, begin + length))
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|part| part == needle)
}
