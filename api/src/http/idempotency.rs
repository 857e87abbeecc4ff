//! Repeats: what happens twice has one effect.

use actix_web::http::StatusCode;
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::actor::Actor;
use domain::refusal::{Code, Refusal};
use persistence::error::{Failure, StoreError};
use persistence::idempotency::{self, Key, Seen};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::problem::Problem;
use super::reply;
use crate::auth::keys::Keys;
use crate::ops::transaction::Tx;
use crate::secrets;
use crate::state::App;

const HEADER: &str = "Idempotency-Key";
const KEY_MAX: usize = 255;

/// What makes one request the same as another: its key, and a digest of method, path and body.
#[derive(Debug, Clone)]
pub struct Repeat {
    key: Option<String>,
    digest: [u8; 32],
    secret: bool,
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
        Ok(Self { key: key.transpose()?, digest: digest.finalize().into(), secret: false })
    }

    /// The same for a request with this body.
    #[must_use]
    pub fn with_body(mut self, digest: [u8; 32]) -> Self {
        self.digest = Sha256::digest([self.digest, digest].concat()).into();
        self
    }

    /// The answer has a secret in it, that is stored nowhere else: it is kept encrypted.
    #[must_use]
    pub fn with_secret_answer(mut self) -> Self {
        self.secret = true;
        self
    }

    /// Does the work in one transaction and answers `status` with what it made. With a key, a repeat
    /// gets the first answer again; the answer is kept in the transaction of the effect, so there is
    /// never one without the other. A repeat that comes while the first is running waits for it.
    ///
    /// # Errors
    /// What the work refuses; `idempotency_key_reused`; `idempotency_key_in_use` if the first took longer than a call
    /// may; those of the database.
    pub async fn write<T: Serialize>(
        self,
        app: &App,
        actor: &Actor,
        status: StatusCode,
        mut work: impl FnMut(&mut Tx<'_>) -> Result<T, Failure> + Send + 'static,
    ) -> Result<HttpResponse, Problem> {
        let key = self.key.map(|words| key_of(actor, words));
        let (digest, keep) = (self.digest, Keep { keys: app.keys.clone(), secret: self.secret });
        let (status, body) = app
            .write(move |tx| {
                let Some(key) = &key else {
                    let made = work(tx)?;
                    return Ok((status.as_u16(), json(&made)?));
                };
                let now = tx.now;
                let seen = idempotency::begin(tx.conn, key, &digest, now).map_err(|error| match error {
                    // Nothing else is waited for there: the first one is still at it.
                    StoreError::Late => Code::IdempotencyKeyInUse.into(),
                    other => Failure::from(other),
                })?;
                match seen {
                    Seen::First => {
                        let body = json(&work(tx)?)?;
                        idempotency::finish(tx.conn, key, status.as_u16(), keep.to_store(key, &body)?)?;
                        Ok((status.as_u16(), body))
                    }
                    Seen::Done { status, body } => Ok((status, keep.read_back(key, body)?)),
                    Seen::OtherRequest => Err(Code::IdempotencyKeyReused.into()),
                }
            })
            .await?;
        Ok(reply::written(StatusCode::from_u16(status).unwrap_or(StatusCode::OK), body))
    }
}

/// Whose words they are: a member's own, or one of its keys'. A program must not get an answer that was
/// its member's, who may see more. No member's words have a space in them.
fn key_of(actor: &Actor, words: String) -> Key {
    let key = match actor.key() {
        Some(key) => format!("{} {}", key.id, hex::encode(Sha256::digest(words))),
        None => words,
    };
    Key { workspace_id: actor.workspace_id, agent_id: actor.agent_id, key }
}

/// How an answer is kept.
struct Keep {
    keys: Keys,
    secret: bool,
}

impl Keep {
    fn to_store(&self, key: &Key, body: &str) -> Result<String, Failure> {
        if !self.secret {
            return Ok(body.to_owned());
        }
        let sealed = secrets::seal_bytes(&self.keys.answers, &place(key), body.as_bytes());
        let sealed =
            sealed.ok_or_else(|| StoreError::internal("an answer cannot be encrypted".to_owned()))?;
        Ok(BASE64_STANDARD.encode(sealed))
    }

    fn read_back(&self, key: &Key, stored: String) -> Result<String, Failure> {
        if !self.secret {
            return Ok(stored);
        }
        let sealed = BASE64_STANDARD.decode(stored).unwrap_or_default();
        let body = secrets::open_bytes(&self.keys.answers, &place(key), &sealed);
        body.and_then(|body| String::from_utf8(body).ok()).ok_or_else(|| {
            let message = "a kept answer cannot be decrypted with this TANGGAP_SECRET_KEY";
            StoreError::internal(message.to_owned()).into()
        })
    }
}

/// Where a kept answer belongs.
fn place(key: &Key) -> Vec<u8> {
    [&key.workspace_id.0.as_bytes()[..], &key.agent_id.0.as_bytes()[..], key.key.as_bytes()].concat()
}

fn json(made: &impl Serialize) -> Result<String, Failure> {
    serde_json::to_string(made).map_err(|error| {
        let message = format!("an answer could not be written as JSON: {error}");
        StoreError::internal(message).into()
    })
}
