//! A small HTTP/1.1 client over one kept connection: cheap enough to make load on the machine that is
//! measured.

use std::io;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// One connection. A call is sent when the answer to the one before is here.
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// Status line and headers, as they came.
    pub head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; `null` if it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The value of a header.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// If nobody listens there.
    pub async fn open(addr: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(16 * 1024) })
    }

    /// Sends the bytes of a whole request, as [`request`] makes them, and answers the status alone.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn send(&mut self, request: &[u8]) -> io::Result<u16> {
        self.stream.write_all(request).await?;
        let (head, length) = self.receive().await?;
        let status = status(&self.buffer[..head])?;
        self.buffer.drain(..head + length);
        Ok(status)
    }

    /// Sends the bytes of a whole request and answers everything.
    ///
    /// # Errors
    /// If the connection breaks.
    pub async fn call(&mut self, request: &[u8]) -> io::Result<Answer> {
        self.stream.write_all(request).await?;
        let (head, length) = self.receive().await?;
        let answer = Answer {
            status: status(&self.buffer[..head])?,
            head: String::from_utf8_lossy(&self.buffer[..head]).into_owned(),
            body: self.buffer[head..head + length].to_vec(),
        };
        self.buffer.drain(..head + length);
        Ok(answer)
    }

    /// Asks for another protocol. Answers the bare connection and what has come after the answer.
    ///
    /// # Errors
    /// If the connection breaks, or the answer is not 101.
    pub async fn upgrade(mut self, request: &[u8]) -> io::Result<(TcpStream, Vec<u8>)> {
        self.stream.write_all(request).await?;
        let head = self.head().await?;
        let status = status(&self.buffer[..head])?;
        if status != 101 {
            return Err(io::Error::other(format!("the upgrade was answered with {status}")));
        }
        self.buffer.drain(..head);
        Ok((self.stream, self.buffer))
    }

    /// Reads until a whole answer is in the buffer: the length of its head and of its body.
    async fn receive(&mut self) -> io::Result<(usize, usize)> {
        let head = self.head().await?;
        let length = {
            let text = std::str::from_utf8(&self.buffer[..head]).map_err(io::Error::other)?;
            header(text, "content-length").and_then(|value| value.parse::<usize>().ok()).unwrap_or(0)
        };
        while self.buffer.len() < head + length {
            self.more().await?;
        }
        Ok((head, length))
    }

    async fn head(&mut self) -> io::Result<usize> {
        let mut looked = 0;
        loop {
            if let Some(at) = self.buffer[looked..].windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(looked + at + 4);
            }
            looked = self.buffer.len().saturating_sub(3);
            self.more().await?;
        }
    }

    async fn more(&mut self) -> io::Result<()> {
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// The bytes of a request.
#[must_use]
pub fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{method} {path} HTTP/1.1\r\nhost: localhost\r\n");
    for (name, value) in headers {
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        bytes.push_str(&format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len()));
    }
    bytes.push_str("\r\n");
    let mut bytes = bytes.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn status(head: &[u8]) -> io::Result<u16> {
    let digits = head.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok());
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| io::Error::other("no status line"))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}
