//! A mail server: it speaks SMTP over a socket and hands what it gets to the test.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::events::eventually;

/// A mail that was accepted.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Its headers, unfolded, in their order.
    pub headers: Vec<(String, String)>,
    /// Its text, decoded.
    pub text: String,
}

/// The server. It ends with the value.
#[derive(Debug)]
pub struct MailServer {
    addr: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct State {
    mails: Vec<Mail>,
    taken: usize,
    /// What the next recipients are answered instead of being accepted.
    refusals: Vec<String>,
    hangs: bool,
    away: bool,
    connections: usize,
}

impl MailServer {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state: Arc<Mutex<State>> = Arc::default();
        let shared = state.clone();
        let accepting = tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                shared.lock().unwrap().connections += 1;
                // A client that goes away in the middle is its own affair.
                tokio::spawn(converse(socket, shared.clone()));
            }
        });
        Self { addr, state, accepting }
    }

    /// For `TANGGAP_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://tanggap:sandi-server-surat@{}", self.addr)
    }

    /// Answers the next recipients with these lines: `"451 4.3.0 later"`.
    pub fn refuse_next(&self, answers: &[&str]) {
        let answers = answers.iter().rev().map(ToString::to_string);
        self.state.lock().unwrap().refusals.extend(answers);
    }

    /// From now on new connections get no answer at all; or do again.
    pub fn hang(&self, hangs: bool) {
        self.state.lock().unwrap().hangs = hangs;
    }

    /// From now on new connections are broken at once; or no longer.
    pub fn away(&self, away: bool) {
        self.state.lock().unwrap().away = away;
    }

    /// How often somebody connected.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }

    /// How many mails were accepted.
    #[must_use]
    pub fn count(&self) -> usize {
        self.state.lock().unwrap().mails.len()
    }

    /// The next mail, in the order of arrival.
    pub async fn next(&self) -> Mail {
        eventually("a mail", || async {
            let mut state = self.state.lock().unwrap();
            let mail = state.mails.get(state.taken).cloned();
            state.taken += usize::from(mail.is_some());
            mail
        })
        .await
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Mail {
    /// The values of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Vec<&str> {
        let named = self.headers.iter().filter(|(own, _)| own.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// The one link in the text.
    #[must_use]
    pub fn link(&self) -> &str {
        let mut links = self.text.split_whitespace().filter(|word| word.starts_with("http"));
        let link = links.next().unwrap_or_else(|| panic!("no link in {}", self.text));
        assert_eq!(links.next(), None, "more than one link in {}", self.text);
        link
    }

    /// The token in its link.
    #[must_use]
    pub fn token(&self) -> String {
        self.link().split_once("#token=").unwrap().1.to_owned()
    }

    fn parse(from: String, to: Vec<String>, data: &str) -> Self {
        let (head, body) = data.split_once("\r\n\r\n").unwrap();
        let mut headers: Vec<(String, String)> = Vec::new();
        for line in head.split("\r\n") {
            if let Some(more) = line.strip_prefix([' ', '\t']) {
                headers.last_mut().unwrap().1.push_str(&format!(" {more}"));
            } else {
                let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
                headers.push((name.to_owned(), value.trim().to_owned()));
            }
        }
        let mut mail = Self { from, to, headers, text: String::new() };
        mail.text = match mail.header("Content-Transfer-Encoding").first() {
            Some(&"base64") => {
                let encoded: String = body.split_whitespace().collect();
                String::from_utf8(BASE64_STANDARD.decode(encoded).unwrap()).unwrap()
            }
            Some(&"quoted-printable") => unquoted(body),
            _ => body.to_owned(),
        };
        mail
    }
}

fn unquoted(body: &str) -> String {
    let joined = body.replace("=\r\n", "");
    let mut bytes = Vec::new();
    let mut rest = joined.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        if *first == b'=' {
            bytes.extend(hex::decode(&more[..2]).unwrap());
            rest = &more[2..];
        } else {
            bytes.push(*first);
            rest = more;
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// One connection: what RFC 5321 demands at least, and AUTH with any password.
async fn converse(socket: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let (reading, mut writing) = socket.into_split();
    let mut lines = BufReader::new(reading).lines();
    if state.lock().unwrap().hangs {
        // Until the client gives up.
        while let Ok(Some(_)) = lines.next_line().await {}
        return None;
    }
    if state.lock().unwrap().away {
        return None;
    }
    writing.write_all(b"220 surat.example\r\n").await.ok()?;
    let (mut from, mut to) = (String::new(), Vec::new());
    loop {
        let line = lines.next_line().await.ok()??;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let address = || line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
        let answer = match verb.as_str() {
            "EHLO" => "250-surat.example\r\n250 AUTH PLAIN LOGIN".to_owned(),
            "AUTH" => "235 2.7.0 welcome".to_owned(),
            "MAIL" => {
                from = address();
                "250 2.1.0 ok".to_owned()
            }
            "RCPT" => match state.lock().unwrap().refusals.pop() {
                // Real servers name the recipient.
                Some(refusal) => format!("{refusal} <{}>", address()),
                None => {
                    to.push(address());
                    "250 2.1.5 ok".to_owned()
                }
            },
            "DATA" => {
                writing.write_all(b"354 go ahead\r\n").await.ok()?;
                let mut data = String::new();
                loop {
                    let line = lines.next_line().await.ok()??;
                    if line == "." {
                        break;
                    }
                    data.push_str(line.strip_prefix('.').unwrap_or(&line));
                    data.push_str("\r\n");
                }
                let mail = Mail::parse(from.clone(), std::mem::take(&mut to), &data);
                state.lock().unwrap().mails.push(mail);
                "250 2.0.0 queued".to_owned()
            }
            "RSET" | "NOOP" => "250 2.0.0 ok".to_owned(),
            "QUIT" => {
                writing.write_all(b"221 2.0.0 bye\r\n").await.ok()?;
                return None;
            }
            _ => "502 5.5.1 unknown".to_owned(),
        };
        writing.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
    }
}
