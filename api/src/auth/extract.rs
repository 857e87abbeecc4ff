//! The right to do something, in the arguments of a handler.

use std::future::{Ready, ready};
use std::ops::Deref;

use actix_web::dev::Payload;
use actix_web::http::header::AUTHORIZATION;
use actix_web::{FromRequest, HttpRequest, web};
use domain::access::{Act, Caller};
use domain::refusal::{Code, Refusal};
use subtle::ConstantTimeEq;

use super::identify::Identity;
use crate::http::problem::Problem;
use crate::state::App;

/// A caller whose role allows `A` on at least some things. The handler has no actor without it.
#[derive(Debug, Clone)]
pub struct Auth<A>(Caller<A>);

impl<A> Auth<A> {
    /// The caller, to be taken into the work on the database.
    #[must_use]
    pub fn into_caller(self) -> Caller<A> {
        self.0
    }
}

impl<A> Deref for Auth<A> {
    type Target = Caller<A>;

    fn deref(&self) -> &Caller<A> {
        &self.0
    }
}

impl<A: Act> FromRequest for Auth<A> {
    type Error = Problem;
    type Future = Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Identity::of(request).and_then(|actor| {
            app(request).saw(&actor);
            Ok(Self(Caller::new((*actor).clone())?))
        }))
    }
}

/// The application's state, which the router always sets.
pub(crate) fn app(request: &HttpRequest) -> App {
    match request.app_data::<web::Data<App>>() {
        Some(app) => app.get_ref().clone(),
        None => unreachable!("the router sets the state before any handler"),
    }
}

/// The bearer token of a request.
///
/// # Errors
/// `missing_credentials`, or `invalid_token` for another scheme.
pub(crate) fn bearer(request: &HttpRequest) -> Result<&str, Refusal> {
    let header = request.headers().get(AUTHORIZATION).ok_or(Code::MissingCredentials)?;
    let text = header.to_str().map_err(|_| Code::InvalidToken)?;
    let (scheme, token) = text.split_once(' ').ok_or(Code::InvalidToken)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(Code::InvalidToken.into()) }
}

/// The operator of the installation, who alone makes workspaces.
#[derive(Debug, Clone, Copy)]
pub struct Operator(());

impl FromRequest for Operator {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let app = app(request);
        let proof = bearer(request).and_then(|token| {
            let right = app
                .settings
                .operator_key
                .as_deref()
                .is_some_and(|key| !key.is_empty() && bool::from(key.as_bytes().ct_eq(token.as_bytes())));
            if right { Ok(Self(())) } else { Err(Code::InvalidToken.into()) }
        });
        std::future::ready(proof.map_err(Problem::from))
    }
}
