//! One message from Tanggap to a customer: faults, acceptance, answer, callbacks.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::Duration;

use actix_web::{HttpRequest, HttpResponse};

use super::channel::SandboxKind;
use super::deliver::{Start, Webhook, start};
use super::faults::{Action, Call, Target, take};
use super::reply::{Reply, gateway_page, rate_limited, refusal};
use super::shared::Shared;

/// How long an answer that never comes is held back when nothing else is asked for.
pub(super) const LONG_HANG: Duration = Duration::from_secs(600);

/// A message that the provider took: its answer and its callbacks.
pub(super) struct Accepted {
    pub(super) reply: Reply,
    pub(super) callbacks: Vec<Webhook>,
}

/// What is sent, from whom and to whom.
pub(super) struct Parties {
    pub(super) target: Target,
    pub(super) account: String,
    pub(super) kind: SandboxKind,
    pub(super) customer: String,
}

/// The connection a request came on, to cut it without an answer.
pub(super) struct Connection(TcpStream);

impl Connection {
    /// A second handle to the connection.
    pub(super) fn of(stream: &actix_web::rt::net::TcpStream) -> Option<Self> {
        let owned = stream.as_fd().try_clone_to_owned().ok()?;
        Some(Self(TcpStream::from(owned)))
    }
}

/// How the exchange ends once the message is accepted.
enum Ending {
    Answer,
    Gateway,
    Hang(Duration),
}

/// Runs one send: the faults asked for, then `accept`, then the answer and the callbacks.
pub(super) async fn exchange(
    shared: &Arc<Shared>,
    request: &HttpRequest,
    parties: Parties,
    accept: impl FnOnce(&Arc<Shared>) -> Result<Accepted, Reply>,
) -> HttpResponse {
    let call = Call {
        target: parties.target,
        account: &parties.account,
        kind: parties.kind,
        customer: &parties.customer,
        event: None,
    };
    let actions = take(&mut shared.world().rules, &call, |_| true);
    let mut ending = Ending::Answer;
    let mut callbacks_first = false;
    for action in actions {
        match action {
            Action::Delay { ms } => tokio::time::sleep(Duration::from_millis(ms)).await,
            Action::Drop => return cut(request),
            Action::Refuse { status, code, subcode, message } => {
                let reply = refusal(parties.kind, status, code, subcode, message.as_deref());
                return reply.into_response();
            }
            Action::RateLimit { retry_after } => {
                return rate_limited(parties.kind, retry_after).into_response();
            }
            Action::ServerErrorHtml { accepted: false } => return gateway_page(),
            Action::ServerErrorHtml { accepted: true } => ending = Ending::Gateway,
            Action::AcceptThenHang { ms } => {
                ending = Ending::Hang(ms.map_or(LONG_HANG, Duration::from_millis));
            }
            Action::StatusBeforeResponse => callbacks_first = true,
            Action::Duplicate { .. } | Action::Reorder => {}
        }
    }
    let accepted = match accept(shared) {
        Ok(accepted) => accepted,
        Err(refused) => return refused.into_response(),
    };
    shared.notify();
    if callbacks_first {
        // An error says that there was nothing to send.
        let _ = start(shared, accepted.callbacks, Start::AtOnce).await;
    } else {
        drop(start(shared, accepted.callbacks, Start::AfterAnswer));
    }
    match ending {
        Ending::Answer => accepted.reply.into_response(),
        Ending::Gateway => gateway_page(),
        Ending::Hang(time) => {
            tokio::time::sleep(time).await;
            cut(request)
        }
    }
}

/// Closes the connection; what is returned never reaches the caller.
pub(super) fn cut(request: &HttpRequest) -> HttpResponse {
    if let Some(connection) = request.conn_data::<Connection>() {
        // A connection that is gone already is as good as cut.
        let _ = connection.0.shutdown(Shutdown::Both);
    }
    HttpResponse::InternalServerError().force_close().finish()
}
