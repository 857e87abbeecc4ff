//! What carries frames: a socket, or a pair of queues in tests.

use std::future::Future;

use bytes::Bytes;
use bytestring::ByteString;

use super::backend::close_code;
use super::protocol::CloseCode;
use super::reader::ReadError;

/// What came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Incoming {
    /// A text frame.
    Text(ByteString),
    /// A ping of the WebSocket protocol itself, which is answered with its content.
    Ping(Bytes),
    /// A pong of the WebSocket protocol itself.
    Pong,
    /// Binary, not UTF-8, or against the WebSocket protocol.
    Unreadable,
    /// Larger than allowed.
    TooLarge,
    /// The client says goodbye.
    Close,
}

/// The other side is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gone;

/// What goes out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// A text frame.
    Text(ByteString),
    /// The answer to a ping of the WebSocket protocol itself.
    Pong(Bytes),
}

/// Where frames go to.
pub trait Outlet {
    /// Sends. May wait for the client.
    fn send(&mut self, outgoing: Outgoing) -> impl Future<Output = Result<(), Gone>>;
}

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It is to be closed with this code.
    Close(CloseCode),
    /// The client does not take anything any more: no close frame would reach it.
    Stuck(CloseCode),
    /// There is no other side any more.
    Gone,
}

impl From<Gone> for End {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<ReadError> for End {
    fn from(error: ReadError) -> Self {
        match error {
            // Cannot be told in time: the client resumes, and is told then.
            ReadError::Expired => Self::Close(CloseCode::TooSlow),
            ReadError::Failed(failure) => Self::Close(close_code(&failure)),
        }
    }
}
