//! Callers, typed by role, whose every answer is checked against the OpenAPI document.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::ops::Index;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use api::clock::Clock;
use chrono::TimeDelta;
use domain::agent::Role;
use domain::id::AgentId;
use domain::time::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::contract;

/// The password of everybody in the tests.
pub const PASSWORD: &str = "rahasia-sekali";

/// What all callers of one server share.
#[derive(Debug)]
pub struct Wire {
    /// `http://127.0.0.1:port`.
    pub base: String,
    /// The server's clock.
    pub clock: Clock,
    /// Follows no redirects.
    pub http: reqwest::Client,
}

/// A member of a team, and its present access token.
#[derive(Debug)]
pub struct Member {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// Its address.
    pub email: String,
    /// Its role.
    pub role: Role,
    /// The workspace it signs in to.
    pub slug: String,
    /// The newest tokens, and when they were given.
    pub(crate) tokens: Mutex<Option<(Timestamp, Value)>>,
}

#[derive(Debug, Clone)]
enum Who {
    Nobody,
    Bearer(String),
    Member(Arc<Member>),
}

/// Somebody who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    wire: Arc<Wire>,
    who: Who,
}

impl Caller {
    /// Without credentials.
    #[must_use]
    pub fn anonymous(wire: &Arc<Wire>) -> Self {
        Self { wire: wire.clone(), who: Who::Nobody }
    }

    /// With this bearer.
    #[must_use]
    pub fn bearer(wire: &Arc<Wire>, token: &str) -> Self {
        Self { wire: wire.clone(), who: Who::Bearer(token.to_owned()) }
    }

    /// A member, who signs in with the first call and again when its token has run out.
    #[must_use]
    pub fn member(wire: &Arc<Wire>, member: &Arc<Member>) -> Self {
        Self { wire: wire.clone(), who: Who::Member(member.clone()) }
    }

    /// The same caller at another server, where its token is good too.
    #[must_use]
    pub fn at(&self, wire: &Arc<Wire>) -> Self {
        Self { wire: wire.clone(), who: self.who.clone() }
    }

    /// The member that calls.
    #[must_use]
    pub fn me(&self) -> &Member {
        match &self.who {
            Who::Member(member) => member,
            Who::Nobody | Who::Bearer(_) => panic!("this caller is no member"),
        }
    }

    /// The member's id, as JSON has it.
    #[must_use]
    pub fn id(&self) -> String {
        self.me().id.to_string()
    }

    /// Starts a `GET`.
    pub fn get(&self, path: impl Into<String>) -> Call {
        self.call(Method::GET, path)
    }

    /// Starts a `POST` with a JSON body.
    pub fn post(&self, path: impl Into<String>, body: Value) -> Call {
        self.call(Method::POST, path).json(body)
    }

    /// Starts a `POST` without a body.
    pub fn act(&self, path: impl Into<String>) -> Call {
        self.call(Method::POST, path)
    }

    /// Starts a `PATCH` with a JSON body.
    pub fn patch(&self, path: impl Into<String>, body: Value) -> Call {
        self.call(Method::PATCH, path).json(body)
    }

    /// Starts a `PUT` with a JSON body.
    pub fn put(&self, path: impl Into<String>, body: Value) -> Call {
        self.call(Method::PUT, path).json(body)
    }

    /// Starts a `DELETE`.
    pub fn delete(&self, path: impl Into<String>) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Starts any call.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        Call {
            caller: self.clone(),
            method,
            path: path.into(),
            body: None,
            headers: Vec::new(),
            documented: true,
        }
    }

    /// Every page of a list. `path` has no cursor.
    pub async fn all(&self, path: &str) -> Vec<Value> {
        self.all_after(path, None).await
    }

    /// Every page of a list from a cursor on.
    pub async fn all_after(&self, path: &str, mut cursor: Option<String>) -> Vec<Value> {
        let mut items = Vec::new();
        loop {
            let glue = if path.contains('?') { '&' } else { '?' };
            let page = match &cursor {
                Some(cursor) => self.get(format!("{path}{glue}cursor={cursor}")).await.expect(200),
                None => self.get(path).await.expect(200),
            };
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            match page["next_cursor"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => return items,
            }
        }
    }

    /// Signs in and answers the tokens. Each call is another device.
    pub async fn sign_in(&self) -> Reply {
        let member = self.me();
        let body = json!({ "workspace": member.slug, "email": member.email, "password": PASSWORD });
        Self::anonymous(&self.wire).post("/v1/auth/login", body).await.expect(200)
    }

    /// The access token that the next call will use.
    pub async fn token(&self) -> Option<String> {
        match &self.who {
            Who::Nobody => None,
            Who::Bearer(token) => Some(token.clone()),
            Who::Member(member) => {
                let now = self.wire.clock.now();
                let kept = member.tokens.lock().unwrap().clone();
                if let Some((given, tokens)) = kept
                    && now.since(given) < TimeDelta::minutes(10)
                {
                    return tokens["access_token"].as_str().map(ToOwned::to_owned);
                }
                let tokens = self.sign_in().await.json;
                let token = tokens["access_token"].as_str().map(ToOwned::to_owned);
                *member.tokens.lock().unwrap() = Some((now, tokens));
                token
            }
        }
    }
}

/// A call that is made when it is awaited.
#[derive(Debug, Clone)]
#[must_use = "a call is made when it is awaited"]
pub struct Call {
    caller: Caller,
    method: Method,
    path: String,
    body: Option<Vec<u8>>,
    headers: Vec<(String, String)>,
    documented: bool,
}

impl Call {
    /// With a header.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With an `Idempotency-Key`.
    pub fn key(self, key: &str) -> Self {
        self.header("Idempotency-Key", key)
    }

    /// With the version that is expected.
    pub fn if_match(self, version: impl fmt::Display) -> Self {
        self.header("If-Match", format!("\"{version}\""))
    }

    /// With these bytes as body.
    pub fn bytes(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = Some(body.into());
        self.header("Content-Type", content_type)
    }

    fn json(self, body: Value) -> Self {
        self.bytes("application/json", body.to_string())
    }

    /// A call that is not in the document, on purpose; only problem bodies are checked.
    pub fn undocumented(mut self) -> Self {
        self.documented = false;
        self
    }

    async fn make(self) -> Reply {
        let wire = self.caller.wire.clone();
        let mut request = wire.http.request(self.method.clone(), format!("{}{}", wire.base, self.path));
        if let Some(token) = self.caller.token().await {
            request = request.bearer_auth(token);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let what = format!("{} {}", self.method, self.path);
        let response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let body = response.bytes().await.unwrap_or_else(|error| panic!("{what}: {error}")).to_vec();
        let content_type = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
        let json = match content_type.as_deref().map(contract::essence) {
            Some("application/json" | "application/problem+json") => serde_json::from_slice(&body)
                .unwrap_or_else(|error| panic!("{what}: the body is no JSON: {error}")),
            _ => Value::Null,
        };
        let reply = Reply { what, status, headers, body, json };
        contract::check(&self.method, &self.path, &reply, content_type.as_deref(), self.documented);
        reply
    }
}

impl IntoFuture for Call {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.make())
    }
}

/// An answer that is as documented.
#[derive(Debug, Clone)]
pub struct Reply {
    /// Method and path, for messages.
    pub what: String,
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The bytes.
    pub body: Vec<u8>,
    /// The body, if it is JSON.
    pub json: Value,
}

impl Reply {
    /// Fails unless the status is this one.
    #[track_caller]
    #[allow(clippy::must_use_candidate, reason = "the status is often all that matters")]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}: {}", self.what, String::from_utf8_lossy(&self.body));
        self
    }

    /// Fails unless it is this problem.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Self {
        let reply = self.expect(status);
        assert_eq!(reply.json["code"], code, "{}: {}", reply.what, reply.json);
        reply
    }

    /// A header as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body's `id`.
    #[must_use]
    #[track_caller]
    pub fn id(&self) -> String {
        let id = self.json["id"].as_str().unwrap_or_else(|| panic!("{}: no id in {}", self.what, self.json));
        assert!(id.parse::<Uuid>().is_ok(), "{id}");
        id.to_owned()
    }
}

impl Index<&str> for Reply {
    type Output = Value;

    fn index(&self, name: &str) -> &Value {
        &self.json[name]
    }
}
