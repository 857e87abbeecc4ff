//! The last hand on every answer: request id, problem body, one line in the log, metrics.

use std::time::{Duration, Instant};

use actix_web::body::{BoxBody, EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT_LANGUAGE, ALLOW, CONTENT_RANGE, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, VARY,
    WWW_AUTHENTICATE,
};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest, HttpResponse};
use domain::actor::Actor;
use domain::id::{AgentId, ApiKeyId, WorkspaceId};
use domain::refusal::Code;

use super::problem::{Language, Problem};
use super::rate_limit::Allowance;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// How long a client should wait after 503 and 429, in seconds, where nothing better is known.
const RETRY_AFTER_SECONDS: u64 = 1;
/// The longest request id that is taken over from a caller.
const REQUEST_ID_MAX: usize = 128;

/// The id under which the log knows a request.
#[derive(Debug, Clone)]
pub struct RequestId(pub String);

/// Who made a request; set when the credentials have been checked.
#[derive(Debug, Clone, Copy)]
pub struct Who {
    workspace_id: WorkspaceId,
    agent_id: AgentId,
    api_key_id: Option<ApiKeyId>,
}

impl From<&Actor> for Who {
    fn from(actor: &Actor) -> Self {
        Self {
            workspace_id: actor.workspace_id,
            agent_id: actor.agent_id,
            api_key_id: actor.key().map(|key| key.id),
        }
    }
}

/// Middleware around everything.
///
/// # Errors
/// Those of the layers below; what a handler refuses is an answer, not an error here.
pub async fn finish<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B, BoxBody>>, Error> {
    let started = Instant::now();
    let id = request_id(&request);
    request.extensions_mut().insert(RequestId(id.clone()));
    let response = next.call(request).await?;
    let failed = failed(&response);
    log(response.request(), response.status().as_u16(), failed.as_ref(), started.elapsed(), &id);
    let mut response = match failed {
        Some(problem) => {
            let mut answer = problem_response(response.request(), &problem, &id);
            // What was said to browsers about who may read the answer is said of its new body.
            for (name, value) in response.headers() {
                if *name == VARY || name.as_str().starts_with("access-control-") {
                    answer.headers_mut().append(name.clone(), value.clone());
                }
            }
            response.into_response(answer).map_into_right_body()
        }
        None => response.map_into_left_body(),
    };
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    let allowance = response.request().extensions().get::<Allowance>().copied();
    if let Some(allowance) = allowance {
        allowance.tell(response.headers_mut());
    }
    Ok(response)
}

/// The caller's own id if it is sane, otherwise a new one.
fn request_id(request: &ServiceRequest) -> String {
    let sane = |text: &&str| {
        (1..=REQUEST_ID_MAX).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let own = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok()).filter(sane);
    own.map_or_else(|| hex::encode(rand::random::<[u8; 16]>()), ToOwned::to_owned)
}

/// The problem that an answer stands for, if it stands for one.
fn failed<B>(response: &ServiceResponse<B>) -> Option<Problem> {
    let error = response.response().error()?;
    Some(match error.as_error::<Problem>() {
        Some(problem) => problem.clone(),
        None => Problem::of_error(error),
    })
}

fn problem_response(request: &HttpRequest, problem: &Problem, id: &str) -> HttpResponse {
    let language = request.headers().get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let body = problem.body(Language::preferred(language), request.path(), id);
    let mut answer = HttpResponse::build(actix_web::ResponseError::status_code(problem));
    if body.status == 401 && !matches!(body.code, Code::InvalidSignature | Code::InvalidLink) {
        answer.insert_header((WWW_AUTHENTICATE, "Bearer realm=\"tanggap\""));
    }
    if matches!(body.status, 429 | 503) {
        let seconds = problem.retry_after_seconds().unwrap_or(RETRY_AFTER_SECONDS);
        answer.insert_header((RETRY_AFTER, seconds.to_string()));
    }
    if let Some(size) = problem.complete_length() {
        answer.insert_header((CONTENT_RANGE, format!("bytes */{size}")));
    }
    if let Some(allow) = problem.allow() {
        answer.insert_header((ALLOW, allow));
    }
    let text = serde_json::to_string(&body).unwrap_or_default();
    answer.insert_header((CONTENT_TYPE, "application/problem+json")).body(text)
}

fn log(request: &HttpRequest, status: u16, problem: Option<&Problem>, took: Duration, id: &str) {
    let route = request.match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let method = request.method().as_str().to_owned();
    let extensions = request.extensions();
    let who = extensions.get::<Who>();
    let code = problem.map(|problem| problem.code().as_str());
    let milliseconds = took.as_secs_f64() * 1000.0;
    metrics::histogram!("http_request_seconds", "method" => method.clone(), "route" => route.clone(), "status" => status.to_string())
        .record(took.as_secs_f64());
    let agent = who.map(|who| tracing::field::display(who.agent_id));
    let workspace = who.map(|who| tracing::field::display(who.workspace_id));
    let api_key = who.and_then(|who| who.api_key_id).map(tracing::field::display);
    if let Some(cause) = problem.and_then(Problem::cause) {
        tracing::error!(request_id = id, method, route, status, code, milliseconds, agent, workspace, api_key,
            cause = %chain(cause), "the request failed");
    } else {
        tracing::info!(
            request_id = id,
            method,
            route,
            status,
            code,
            milliseconds,
            agent,
            workspace,
            api_key,
            "request"
        );
    }
}

/// An error with everything that led to it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        source = inner.source();
    }
    text
}
