use actix_web::{HttpRequest, HttpResponse, get, web};
use domain::refusal::Code;
use subtle::ConstantTimeEq;

use crate::auth::extract::bearer;
use crate::http::problem::Problem;
use crate::http::responses::Service;
use crate::state::App;
use crate::telemetry;

/// Read the metrics
///
/// In Prometheus' text format. With the bearer `TANGGAP_METRICS_KEY`, or from the machine itself if no
/// key is set.
#[utoipa::path(tag = "service", security((), ("metrics_key" = [])), extensions(("x-roles" = json!(["operator"]))),
    responses((status = 200, description = "The metrics", body = String, content_type = "text/plain"), Service))]
#[get("/metrics")]
pub async fn get_metrics(app: web::Data<App>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    match app.settings.metrics_key.as_deref() {
        Some(key) => {
            let token = bearer(&request)?;
            if !bool::from(key.as_bytes().ct_eq(token.as_bytes())) {
                return Err(Code::InvalidToken.into());
            }
        }
        None => {
            // A proxy on this machine calls for somebody else.
            let forwarded =
                ["Forwarded", "X-Forwarded-For"].iter().any(|name| request.headers().contains_key(*name));
            let local =
                !forwarded && request.peer_addr().is_some_and(|peer| peer.ip().to_canonical().is_loopback());
            if !local {
                return Err(Code::NotFound.into());
            }
        }
    }
    Ok(HttpResponse::Ok()
        .content_type("text/plain; version=0.0.4; charset=utf-8")
        .body(telemetry::render(&app).await))
}
