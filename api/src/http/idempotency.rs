//! Repeats: what happens twice has one effect.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use domain::actor::Actor;
use domain::refusal::{Code, Refusal};
use persistence::error::Failure;
use persistence::idempotency::{self, Key, Seen};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::reply;
use crate::ops::transaction::Tx;
use crate::state::App;

const HEADER: &str = "Idempotency-Key";
const KEY_MAX: usize = 255;

/// What makes one request the same as another: its key, and a digest of method, path and body.
#[derive(Debug, Clone)]
pub struct Repeat {
    key: Option<String>,
    digest: [u8; 32],
}

impl FromRequest for Repeat {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        std::future::ready(Self::of(request).map_err(Problem::from))
    }
}

impl Repeat {
    fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let key = request.headers().get(HEADER).map(|value| {
            let text = value.to_str().unwrap_or_default();
            let fits =
                (1..=KEY_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
            if fits {
                Ok(text.to_owned())
            } else {
                Err(Refusal::new(Code::MalformedRequest).with("what", HEADER))
            }
        });
        let mut digest = Sha256::new();
        digest.update(request.method().as_str());
        digest.update(b" ");
        digest.update(request.path());
        Ok(Self { key: key.transpose()?, digest: digest.finalize().into() })
    }

    /// The same for a request with this body.
    #[must_use]
    pub fn with_body(mut self, digest: [u8; 32]) -> Self {
        self.digest = Sha256::digest([self.digest, digest].concat()).into();
        self
    }

    /// Does the work in one transaction and answers `status` with what it made. With a key, a repeat
    /// gets the first answer again; the answer is kept in the transaction of the effect, so there is
    /// never one without the other. A repeat that comes while the first is running waits for it.
    ///
    /// # Errors
    /// What the work refuses; `idempotency_key_reused`; those of the database.
    pub async fn write<T: Serialize>(
        self,
        app: &App,
        actor: &Actor,
        status: StatusCode,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<HttpResponse, Problem> {
        let key = self.key.map(|key| Key { workspace_id: actor.workspace_id, agent_id: actor.agent_id, key });
        let digest = self.digest;
        let (status, body) = app
            .write(move |tx| {
                let Some(key) = &key else {
                    let made = work(tx)?;
                    return Ok((status.as_u16(), json(&made)?));
                };
                let now = tx.now;
                match idempotency::begin(tx.conn, key, &digest, now)? {
                    Seen::First => {
                        let body = json(&work(tx)?)?;
                        idempotency::finish(tx.conn, key, status.as_u16(), body.clone())?;
                        Ok((status.as_u16(), body))
                    }
                    Seen::Done { status, body } => Ok((status, body)),
                    Seen::OtherRequest => Err(Code::IdempotencyKeyReused.into()),
                }
            })
            .await?;
        Ok(reply::written(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body))
    }
}

fn json(made: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(made).map_err(|error| {
        let message = format!("an answer could not be written as JSON: {error}");
        persistence::error::StoreError::internal(message).into()
    })
}
