//! Who calls: found out, and counted, before anything else of a request is looked at, so that malformed calls count as well.

use std::sync::Arc;

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};
use domain::actor::Actor;
use domain::refusal::Code;

use super::credentials::authenticate;
use super::extract::{app, bearer};
use crate::http::finish::Who;
use crate::http::problem::Problem;

/// Who makes a request, or why that is nobody. It is with every request to the API, but those of `/v1/auth`, whose
/// credentials are in their bodies.
#[derive(Clone)]
pub struct Identity(Result<Arc<Actor>, Problem>);

impl Identity {
    /// Who makes this request.
    ///
    /// # Errors
    /// `missing_credentials`, `invalid_token`, `token_expired`; those of the database.
    pub fn of(request: &HttpRequest) -> Result<Arc<Actor>, Problem> {
        let extensions = request.extensions();
        extensions.get::<Self>().map_or_else(|| Err(Code::MissingCredentials.into()), |own| own.0.clone())
    }
}

/// Middleware around the handlers: says who calls, and refuses who has used up its calls (`rate_limited`).
///
/// # Errors
/// Those of the layers below.
pub async fn identify<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let path = request.path();
    if path.starts_with("/v1/") && !path.starts_with("/v1/auth/") {
        let identity = identity(request.request()).await;
        if let Ok(actor) = &identity {
            request.extensions_mut().insert(Who::from(&**actor));
            if let Some(allowance) = app(request.request()).rate_limits.count(actor.credential()) {
                request.extensions_mut().insert(allowance);
                if let Some(refusal) = allowance.refusal() {
                    return Ok(request.error_response(Problem::from(refusal)).map_into_right_body());
                }
            }
        }
        request.extensions_mut().insert(Identity(identity));
    }
    Ok(next.call(request).await?.map_into_left_body())
}

async fn identity(request: &HttpRequest) -> Result<Arc<Actor>, Problem> {
    let token = bearer(request)?;
    Ok(authenticate(&app(request), token).await?.actor)
}
