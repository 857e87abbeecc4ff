//! `GET /v1/stream`.

use actix_web::http::header::{HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::access::Action;
use domain::refusal::{Code, Refusal};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::extract::bearer;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::responses::Upgrade;
use crate::state::App;
use crate::stream::conn::Opening;
use crate::stream::protocol::{Auth, CloseCode, SUBPROTOCOL, SignalType};
use crate::stream::socket::{Begin, upgrade};

/// Where a stream begins whose token comes with the upgrade; otherwise the first frame says it.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct StreamQuery {
    /// The newest cursor received. Without one only what happens from now on is sent.
    since: Option<String>,
    /// Send the signal `typing`.
    typing: Option<bool>,
    /// Send the signal `presence`.
    presence: Option<bool>,
}

impl StreamQuery {
    fn signals(&self) -> Vec<SignalType> {
        let asked = [(self.typing, SignalType::Typing), (self.presence, SignalType::Presence)];
        asked.into_iter().filter(|(wanted, _)| *wanted == Some(true)).map(|(_, signal)| signal).collect()
    }
}

/// The operations of this file.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(open_stream);
}

/// Follow what happens by a WebSocket
///
/// The frames are described in `/asyncapi.yaml`; the subprotocol is `tanggap.v1`. The access token or API
/// key comes in `Authorization` or in the first frame, never in the address. Everything but a foreign
/// `Origin` is answered after the upgrade, with a close code: browsers cannot read a refused upgrade.
#[utoipa::path(tag = "live", params(StreamQuery), extensions(("x-action" = json!(Action::FollowEvents)), ("x-open" = json!(true))),
    responses((status = 101, description = "The stream begins"), Upgrade))]
#[get("/v1/stream")]
pub async fn open_stream(
    app: web::Data<App>,
    request: HttpRequest,
    payload: web::Payload,
) -> Result<HttpResponse, Problem> {
    if !may_connect(request.headers(), &app.settings.cors_origins) {
        return Err(Code::OriginNotAllowed.into());
    }
    let (begin, subprotocol) = begin(&app, &request);
    let upgraded = upgrade(app.get_ref().clone(), &request, payload, subprotocol.as_deref(), begin).await;
    // Of a handshake that is none actix says nothing but a sentence.
    upgraded.map_err(|error| Refusal::new(Code::MalformedRequest).with("what", error).into())
}

/// Browsers always say where a page comes from; other clients say nothing.
fn may_connect(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).map(|value| value.to_str().unwrap_or("null"));
    origins.all(|origin| {
        // A page without an origin of its own may be anybody's.
        origin != "null" && allowed.iter().any(|one| one == "*" || one.eq_ignore_ascii_case(origin))
    })
}

/// What to do after the upgrade, and the subprotocol to echo.
fn begin(app: &App, request: &HttpRequest) -> (Begin, Option<String>) {
    let offered = offered(request.headers());
    let spoken = offered.is_empty() || offered.iter().any(|one| one == SUBPROTOCOL);
    if !spoken {
        // A client that gets none of what it offered breaks off without reading the close code.
        return (Begin::Close(CloseCode::Subprotocol), offered.into_iter().next());
    }
    let subprotocol = offered.into_iter().find(|one| one == SUBPROTOCOL);
    if names_a_token(request.query_string()) {
        return (Begin::Close(CloseCode::Malformed), subprotocol);
    }
    let Ok(Query(query)) = Query::<StreamQuery>::of(request.query_string()) else {
        return (Begin::Close(CloseCode::Malformed), subprotocol);
    };
    let auth = match bearer(request) {
        Ok(token) => Some(Auth { token: token.to_owned(), signals: query.signals(), since: query.since }),
        Err(refusal) if refusal.code == Code::MissingCredentials => None,
        Err(_) => return (Begin::Close(CloseCode::Unauthenticated), subprotocol),
    };
    let connection_id = app.ids.make(app.clock.now());
    (Begin::Serve(Opening { connection_id, auth }), subprotocol)
}

fn offered(headers: &HeaderMap) -> Vec<String> {
    let values = headers.get_all(SEC_WEBSOCKET_PROTOCOL).filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|one| one.trim().to_owned())
        .filter(|one| !one.is_empty())
        .collect()
}

fn names_a_token(query: &str) -> bool {
    url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| {
        ["token", "access_token", "api_key"].iter().any(|one| name.eq_ignore_ascii_case(one))
    })
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue, ORIGIN, SEC_WEBSOCKET_PROTOCOL};

    use super::{may_connect, names_a_token, offered};

    #[test]
    fn an_origin_has_to_be_on_the_list() {
        let from = |origins: &[&'static str], allowed: &[&str]| {
            let mut headers = HeaderMap::new();
            for origin in origins {
                headers.append(ORIGIN, HeaderValue::from_static(origin));
            }
            may_connect(&headers, &allowed.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
        };
        assert!(from(&[], &[]));
        assert!(from(&["https://a.test"], &["https://b.test", "https://a.test"]));
        assert!(from(&["https://a.test"], &["*"]));
        assert!(!from(&["https://a.test"], &["https://b.test"]));
        assert!(!from(&["https://a.test.evil"], &["https://a.test"]));
        assert!(!from(&["https://a.test", "https://evil.test"], &["https://a.test"]));
        assert!(!from(&["null"], &["*", "null"]));
    }

    #[test]
    fn finds_tokens_in_addresses_and_what_a_client_speaks() {
        assert!(names_a_token("a=1&access_token=x") && names_a_token("%74oken=") && names_a_token("Token=x"));
        assert!(names_a_token("api_key="));
        assert!(!names_a_token("since=token"));
        let mut headers = HeaderMap::new();
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("chat, tanggap.v1"));
        headers.append(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("x"));
        assert_eq!(offered(&headers), ["chat", "tanggap.v1", "x"]);
    }
}
