//! The server of an integrator: it speaks HTTP over a socket, answers as it is told, and hands what it gets to the test.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

use crate::events::eventually;

/// A call that came.
#[derive(Debug, Clone)]
pub struct Received {
    /// Its path.
    pub path: String,
    /// Its headers, names in small letters.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: String,
}

impl Received {
    /// A header.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(one, _)| one == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Whether it was signed with this secret. Its time is not looked at: clocks of tests are not those of the machine.
    #[must_use]
    pub fn is_signed_by(&self, secret: &str) -> bool {
        let at = self.header("webhook-timestamp").parse().unwrap();
        let signer = Webhook::new(secret).unwrap();
        let own = signer.sign(self.header("webhook-id"), at, self.body.as_bytes()).unwrap();
        self.header("webhook-signature").split(' ').any(|one| one == own)
    }
}

/// How a call is answered.
#[derive(Debug, Clone)]
pub enum Answer {
    /// With this status and nothing else.
    Status(u16),
    /// With this status, a header, and a body.
    With(u16, (&'static str, String), String),
    /// With this status, once the test adds a permit for it.
    Held(Arc<Semaphore>, u16),
    /// Not at all: the connection stays open.
    Hang,
    /// Not at all: the connection is closed.
    Close,
    /// With a body that never ends.
    Endless,
}

/// The server. It ends with the value.
#[derive(Debug)]
pub struct Receiver {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    received: Vec<Received>,
    next: VecDeque<Answer>,
    always: Option<Answer>,
}

impl State {
    fn answer(&mut self) -> Answer {
        self.next.pop_front().or_else(|| self.always.clone()).unwrap_or(Answer::Status(204))
    }
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                // A client that goes away in the middle is its own affair.
                tokio::spawn(converse(socket, shared.clone()));
            }
        });
        Self { addr, state, accepting }
    }

    /// Its address.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.addr)
    }

    /// Answers the next calls like this, one after the other.
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.state.lock().unwrap().next.extend(answers);
    }

    /// Answers all others like this from now on.
    pub fn always(&self, answer: Answer) {
        self.state.lock().unwrap().always = Some(answer);
    }

    /// Everything that came so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.state.lock().unwrap().received.clone()
    }

    /// The first calls, once there are as many.
    pub async fn first(&self, count: usize) -> Vec<Received> {
        eventually(&format!("{count} calls come"), async || {
            let mut received = self.received();
            (received.len() >= count).then(|| {
                received.truncate(count);
                received
            })
        })
        .await
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Takes calls from one connection until it ends.
async fn converse(socket: TcpStream, state: Arc<Mutex<State>>) -> std::io::Result<()> {
    let mut socket = BufReader::new(socket);
    loop {
        let mut line = String::new();
        if socket.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            socket.read_line(&mut line).await?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_lowercase(), value.to_owned()));
        }
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let mut body = vec![0; length.map_or(0, |(_, length)| length.parse().unwrap_or(0))];
        socket.read_exact(&mut body).await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        let answer = {
            let mut state = state.lock().unwrap();
            state.received.push(Received { path, headers, body });
            state.answer()
        };
        if let Answer::Held(leave, _) = &answer {
            leave.acquire().await.unwrap().forget();
        }
        let (status, (name, value), text) = match answer {
            Answer::Status(status) | Answer::Held(_, status) => {
                (status, ("connection", "keep-alive".to_owned()), String::new())
            }
            Answer::With(status, header, text) => (status, header, text),
            Answer::Hang => std::future::pending().await,
            Answer::Close => return Ok(()),
            Answer::Endless => {
                socket.write_all(b"HTTP/1.1 200 Fine\r\ntransfer-encoding: chunked\r\n\r\n").await?;
                loop {
                    socket.write_all(b"4\r\nmore\r\n").await?;
                }
            }
        };
        let head =
            format!("HTTP/1.1 {status} Said\r\n{name}: {value}\r\ncontent-length: {}\r\n\r\n", text.len());
        socket.write_all(format!("{head}{text}").as_bytes()).await?;
    }
}
