//! A client of `GET /v1/stream`.

use api::stream::protocol::{ClientFrame, Envelope, Pong, Ready, SUBPROTOCOL, ServerFrame};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::DEADLINE;
use crate::app::Address;
use crate::client::Caller;
use crate::contract;

/// What a client gets.
#[derive(Debug, Clone, PartialEq)]
#[allow(clippy::large_enum_variant, reason = "one at a time")]
pub enum Received {
    /// A frame of the server.
    Frame(ServerFrame),
    /// The end, with its close code; `None` if there was no close frame.
    Closed(Option<u16>),
}

/// A connection. It holds every frame against the AsyncAPI document and every `prev` against what came before, and answers pings by itself unless it
/// is told not to.
#[derive(Debug)]
pub struct StreamClient {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// Whether pings are answered.
    pub answers_pings: bool,
    /// The newest cursor received: where to resume.
    pub cursor: Option<String>,
    seq: i64,
    /// The number that the next `prev` has to be; none without a subscription.
    last: Option<i64>,
}

impl StreamClient {
    /// Connects with these headers beside the subprotocol, and waits for nothing.
    ///
    /// # Errors
    /// The refused upgrade.
    pub async fn open(
        app: &impl Address,
        query: &str,
        headers: &[(&'static str, String)],
    ) -> Result<Self, Error> {
        let url = format!("{}/v1/stream{query}", app.address().replacen("http", "ws", 1));
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert("Sec-WebSocket-Protocol", SUBPROTOCOL.parse().unwrap());
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let (socket, _) = timeout(DEADLINE, connect_async(request)).await.expect("no upgrade in time")?;
        Ok(Self { socket, answers_pings: true, cursor: None, seq: 0, last: None })
    }

    /// Connects without a token; `hello` has been read.
    pub async fn connect(app: &impl Address) -> Self {
        let mut client = Self::open(app, "", &[]).await.unwrap();
        client.hello().await;
        client
    }

    /// Connects with the caller's token in the header and waits for `ready`.
    pub async fn of(app: &impl Address, caller: &Caller, since: Option<&str>) -> (Self, Ready) {
        let query = since.map(|since| format!("?since={since}")).unwrap_or_default();
        let token = format!("Bearer {}", caller.token().await.unwrap());
        let mut client = Self::open(app, &query, &[("Authorization", token)]).await.unwrap();
        client.hello().await;
        let ready = client.ready().await;
        (client, ready)
    }

    /// Connects with the caller's token in the first frame and waits for `ready`.
    pub async fn by_frame(app: &impl Address, caller: &Caller, since: Option<&str>) -> (Self, Ready) {
        let mut client = Self::connect(app).await;
        client.auth(&caller.token().await.unwrap(), since).await;
        let ready = client.ready().await;
        (client, ready)
    }

    async fn hello(&mut self) {
        match self.receive().await {
            Received::Frame(ServerFrame::Hello(_)) => {}
            other => panic!("not hello: {other:?}"),
        }
    }

    /// Sends `auth`.
    pub async fn auth(&mut self, token: &str, since: Option<&str>) {
        self.send(json!({ "op": "auth", "token": token, "since": since, "signals": ["typing"] })).await;
    }

    /// Sends any JSON.
    pub async fn send(&mut self, frame: Value) {
        self.raw(Message::text(frame.to_string())).await;
    }

    /// Sends a frame of the protocol.
    pub async fn frame(&mut self, frame: &ClientFrame) {
        self.send(serde_json::to_value(frame).unwrap()).await;
    }

    /// Sends any frame. That the other side is gone is seen when reading.
    pub async fn raw(&mut self, message: Message) {
        let _ = timeout(DEADLINE, self.socket.send(message)).await.expect("the frame was not taken in time");
    }

    /// The next thing that comes, pings included.
    pub async fn receive(&mut self) -> Received {
        loop {
            let message = timeout(DEADLINE, self.socket.next()).await.expect("nothing came in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let json: Value =
                        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
                    contract::check_frame(&json);
                    let frame: ServerFrame =
                        serde_json::from_value(json).unwrap_or_else(|error| panic!("{error}: {text}"));
                    self.note(&frame);
                    if let (true, ServerFrame::Ping(_)) = (self.answers_pings, &frame) {
                        self.frame(&ClientFrame::Pong(Pong { seq: self.seq })).await;
                    }
                    return Received::Frame(frame);
                }
                Some(Ok(Message::Close(close))) => {
                    return Received::Closed(close.map(|close| close.code.into()));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(other)) => panic!("not a frame of the protocol: {other:?}"),
                Some(Err(_)) | None => return Received::Closed(None),
            }
        }
    }

    fn note(&mut self, frame: &ServerFrame) {
        let (cursor, seq) = match frame {
            ServerFrame::Event(event) => {
                assert_eq!(self.last, Some(event.prev), "{event:?}");
                self.last = Some(event.seq);
                (&event.cursor, Some(event.seq))
            }
            ServerFrame::CaughtUp(place) | ServerFrame::Ping(place) => {
                assert_eq!(self.last, place.prev, "{place:?}");
                (&place.cursor, Some(place.seq))
            }
            ServerFrame::Ready(ready) => {
                self.last = ready.seq;
                (&ready.cursor, None)
            }
            ServerFrame::Reset(_) => {
                self.last = None;
                return;
            }
            _ => return,
        };
        self.cursor = Some(cursor.clone());
        self.seq = seq.unwrap_or(self.seq);
    }

    /// The next frame but for pings; fails when the connection ends.
    pub async fn next(&mut self) -> ServerFrame {
        let next = async {
            loop {
                match self.receive().await {
                    Received::Frame(ServerFrame::Ping(_)) => {}
                    Received::Frame(frame) => return frame,
                    Received::Closed(code) => panic!("closed with {code:?}"),
                }
            }
        };
        timeout(DEADLINE, next).await.expect("only pings came in time")
    }

    /// The next event; fails if another frame but `ping` comes first.
    pub async fn next_event(&mut self) -> Envelope {
        match self.next().await {
            ServerFrame::Event(event) => event,
            other => panic!("not an event: {other:?}"),
        }
    }

    /// The next frame, which has to be `ready`.
    pub async fn ready(&mut self) -> Ready {
        match self.next().await {
            ServerFrame::Ready(ready) => ready,
            other => panic!("not ready: {other:?}"),
        }
    }

    /// The events up to `caught_up`.
    pub async fn caught_up(&mut self) -> Vec<Envelope> {
        let mut events = Vec::new();
        loop {
            match self.next().await {
                ServerFrame::Event(event) => events.push(event),
                ServerFrame::CaughtUp(_) => return events,
                other => panic!("neither an event nor caught_up: {other:?}"),
            }
        }
    }

    /// Reads up to the end and answers the close code.
    pub async fn closed(&mut self) -> Option<u16> {
        let closed = async {
            loop {
                if let Received::Closed(code) = self.receive().await {
                    return code;
                }
            }
        };
        timeout(DEADLINE, closed).await.expect("the connection was not closed in time")
    }
}
