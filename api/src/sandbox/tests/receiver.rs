//! A stand-in for Tanggap: takes webhooks, answers as told.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, to};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer};
use serde_json::Value;
use tokio::sync::mpsc;

/// One webhook as it came.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) signature: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) bytes: Bytes,
}

impl Received {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    /// The first status in a WhatsApp webhook.
    pub(super) fn status(&self) -> Value {
        self.json()["entry"][0]["changes"][0]["value"]["statuses"][0].clone()
    }

    /// The first message in a WhatsApp webhook.
    pub(super) fn message(&self) -> Value {
        self.json()["entry"][0]["changes"][0]["value"]["messages"][0].clone()
    }
}

struct State {
    sender: mpsc::UnboundedSender<Received>,
    answers: Mutex<VecDeque<u16>>,
}

pub(super) struct Receiver {
    pub(super) addr: SocketAddr,
    pub(super) received: mpsc::UnboundedReceiver<Received>,
    state: Arc<State>,
    server: ServerHandle,
}

async fn take(request: HttpRequest, bytes: Bytes, state: Data<Arc<State>>) -> HttpResponse {
    let header = |name: &str| {
        let value = request.headers().get(name)?;
        Some(value.to_str().unwrap().to_owned())
    };
    let received = Received {
        signature: header("x-hub-signature-256"),
        secret: header("x-telegram-bot-api-secret-token"),
        bytes,
    };
    let answer = state.answers.lock().unwrap().pop_front().unwrap_or(200);
    let _ = state.sender.send(received);
    HttpResponse::build(answer.try_into().unwrap()).finish()
}

impl Receiver {
    pub(super) fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    pub(super) fn at(addr: SocketAddr) -> Self {
        let listener = TcpListener::bind(addr).unwrap();
        let addr = listener.local_addr().unwrap();
        let (sender, received) = mpsc::unbounded_channel();
        let state = Arc::new(State { sender, answers: Mutex::default() });
        let data = Data::new(Arc::clone(&state));
        let server = HttpServer::new(move || App::new().app_data(data.clone()).default_service(to(take)))
            .workers(1)
            .disable_signals()
            .listen(listener)
            .unwrap()
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(server);
        Self { addr, received, state, server: handle }
    }

    /// The next webhooks are answered with these; after them 200.
    pub(super) fn answer_with(&self, answers: impl IntoIterator<Item = u16>) {
        self.state.answers.lock().unwrap().extend(answers);
    }

    /// From now on 200.
    pub(super) fn answer_none(&self) {
        self.state.answers.lock().unwrap().clear();
    }

    pub(super) async fn next(&mut self) -> Received {
        tokio::time::timeout(Duration::from_secs(10), self.received.recv())
            .await
            .expect("a webhook within 10 s")
            .unwrap()
    }

    /// The next one, only if it is there already.
    pub(super) fn ready(&mut self) -> Option<Received> {
        self.received.try_recv().ok()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.server.stop(false));
    }
}
