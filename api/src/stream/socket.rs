//! The upgrade: a connection over actix.

use std::cell::RefCell;
use std::io::ErrorKind;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev, web};
use actix_ws::{AggregatedMessage, AggregatedMessageStream, CloseReason, ProtocolError, Session};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use tokio::time::timeout;

use super::carrier::{End, Gone, Incoming, Outgoing, Outlet};
use super::conn::{Conn, Opening};
use super::meter::Meter;
use super::protocol::CloseCode;
use crate::state::App;

/// How long a close frame may take to get out.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
/// The same for a client that takes nothing.
const STUCK_WITHIN: Duration = Duration::from_millis(100);
/// How long what a client is still sending is read and thrown away before it is closed: bytes that
/// nobody has read would make the kernel answer with a reset, and the client never see the close frame.
const DRAIN_FOR: Duration = Duration::from_secs(1);
/// After this long without a byte there is nothing to throw away.
const DRAIN_QUIET: Duration = Duration::from_millis(50);

/// What becomes of an upgrade.
#[derive(Debug)]
pub enum Begin {
    /// A connection.
    Serve(Opening),
    /// Closed at once, because a browser cannot read the status of a refused upgrade.
    Close(CloseCode),
}

/// Upgrades the request, echoes the subprotocol, and serves the connection.
///
/// # Errors
/// If the request is no WebSocket handshake.
pub async fn upgrade(
    app: App,
    request: &HttpRequest,
    payload: web::Payload,
    subprotocol: Option<&str>,
    begin: Begin,
) -> Result<HttpResponse, actix_web::Error> {
    let settings = app.settings.stream.clone();
    let tap = Tap::new(payload.into_inner(), settings.max_frame_bytes);
    let boxed: Pin<Box<dyn Stream<Item = Result<Bytes, PayloadError>>>> = Box::pin(tap.clone());
    let mut tapped = dev::Payload::Stream { payload: boxed };
    let payload = web::Payload::from_request(request, &mut tapped).await?;
    let protocols: Vec<&str> = subprotocol.into_iter().collect();
    let (response, session, messages) = actix_ws::handle_with_protocols(request, payload, &protocols)?;
    let messages = messages
        .max_frame_size(settings.max_frame_bytes)
        .aggregate_continuations()
        .max_continuation_size(settings.max_frame_bytes);
    let incoming = incoming(messages, tap.clone());
    actix_web::rt::spawn(async move {
        let (end, session) = match begin {
            Begin::Close(code) => (End::Close(code), session),
            Begin::Serve(opening) => {
                metrics::gauge!("stream_connections").increment(1);
                let hub = app.hub.clone();
                let (end, outlet) =
                    Conn::new(app, hub, settings, Socket(session)).run(opening, incoming).await;
                metrics::gauge!("stream_connections").decrement(1);
                (end, outlet.0)
            }
        };
        finish(end, session, &tap).await;
    });
    Ok(response)
}

/// Says goodbye as far as the client can still hear it.
async fn finish(end: End, session: Session, tap: &Tap) {
    let (code, within) = match end {
        End::Close(code) => (code, CLOSE_WITHIN),
        End::Stuck(code) => (code, STUCK_WITHIN),
        End::Gone => {
            metrics::counter!("stream_closed", "code" => "gone").increment(1);
            return;
        }
    };
    metrics::counter!("stream_closed", "code" => code.number().to_string()).increment(1);
    tracing::debug!(code = code.number(), "a stream is closed");
    if matches!(code, CloseCode::TooLarge | CloseCode::TooFast | CloseCode::Malformed) {
        let _ = timeout(DRAIN_FOR, tap.drain()).await;
    }
    let reason = CloseReason { code: code.number().into(), description: None };
    // Too late is as good as gone: dropping the session ends the connection.
    let _ = timeout(within, session.close(Some(reason))).await;
}

struct Socket(Session);

impl Outlet for Socket {
    async fn send(&mut self, outgoing: Outgoing) -> Result<(), Gone> {
        let sent = match outgoing {
            Outgoing::Text(text) => self.0.text(text).await,
            Outgoing::Pong(content) => self.0.pong(&content).await,
        };
        sent.map_err(|_| Gone)
    }
}

/// What a client sends, with sizes watched before anything is held.
#[derive(Clone)]
struct Tap {
    payload: Rc<RefCell<dev::Payload>>,
    meter: Rc<RefCell<Meter>>,
}

impl Tap {
    fn new(payload: dev::Payload, max: usize) -> Self {
        Self { payload: Rc::new(RefCell::new(payload)), meter: Rc::new(RefCell::new(Meter::new(max))) }
    }

    fn is_over(&self) -> bool {
        self.meter.borrow().is_over()
    }

    fn poll_payload(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, PayloadError>>> {
        Pin::new(&mut *self.payload.borrow_mut()).poll_next(cx)
    }

    /// Reads and throws away, until nothing comes for a moment.
    async fn drain(&self) {
        let next = || timeout(DRAIN_QUIET, std::future::poll_fn(|cx| self.poll_payload(cx)));
        while let Ok(Some(Ok(_))) = next().await {}
    }
}

impl Stream for Tap {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over() {
            return Poll::Ready(Some(Err(PayloadError::Overflow)));
        }
        let next = ready!(self.poll_payload(cx));
        Poll::Ready(match next {
            Some(Ok(bytes)) if !self.meter.borrow_mut().follow(&bytes) => Some(Err(PayloadError::Overflow)),
            next => next,
        })
    }
}

fn incoming(messages: AggregatedMessageStream, tap: Tap) -> impl Stream<Item = Incoming> + Unpin {
    // Nothing after a fault: the same fault would come again for ever.
    let mut faulty = false;
    let messages = messages.take_while(move |message| {
        let go_on = !faulty;
        faulty |= message.is_err();
        std::future::ready(go_on)
    });
    Box::pin(messages.filter_map(move |message| std::future::ready(meaning(message, &tap))))
}

fn meaning(message: Result<AggregatedMessage, ProtocolError>, tap: &Tap) -> Option<Incoming> {
    Some(match message {
        Ok(AggregatedMessage::Text(text)) => Incoming::Text(text),
        Ok(AggregatedMessage::Binary(_)) => Incoming::Unreadable,
        Ok(AggregatedMessage::Ping(content)) => Incoming::Ping(content),
        Ok(AggregatedMessage::Pong(_)) => Incoming::Pong,
        Ok(AggregatedMessage::Close(_)) => Incoming::Close,
        Err(_) if tap.is_over() => Incoming::TooLarge,
        Err(ProtocolError::Overflow) => Incoming::TooLarge,
        // The connection broke. Whatever else is an error of input and output is about UTF-8.
        Err(ProtocolError::Io(error)) if error.kind() != ErrorKind::InvalidData => return None,
        Err(_) => Incoming::Unreadable,
    })
}
