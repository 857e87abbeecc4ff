//! `GET /`: what can be done here.

use std::sync::Arc;

use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, get};
use serde_json::json;

use crate::sandbox::reply::telegram_error;
use crate::sandbox::shared::Shared;

/// The help page.
#[get("/")]
pub(in crate::sandbox) async fn get_help(shared: Data<Arc<Shared>>) -> HttpResponse {
    let page = include_str!("help.txt").replace("{base}", &shared.base_url);
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body(page)
}

/// The answer to paths that nobody serves.
pub(in crate::sandbox) async fn not_found(request: HttpRequest) -> HttpResponse {
    if request.path().starts_with("/bot") {
        return telegram_error(404, "Not Found").into_response();
    }
    HttpResponse::NotFound().content_type("application/problem+json").json(json!({
        "type": "about:blank", "title": "Not Found", "status": 404, "code": "not_found",
        "detail": format!("{} {} is nothing here; GET / lists what is", request.method(), request.path()),
    }))
}
