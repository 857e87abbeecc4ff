use actix_web::{HttpResponse, get, web};
use persistence::workspaces;

use crate::http::problem::{Problem, ProblemBody};
use crate::state::App;

/// Is the process alive?
///
/// Touches nothing else.
#[utoipa::path(tag = "service", security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "Alive", body = String, content_type = "text/plain")))]
#[get("/healthz")]
pub async fn get_health() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ok\n")
}

/// Can the process do its work?
///
/// Asks the database, on a connection of its own and for one second at most.
#[utoipa::path(tag = "service", security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "Ready", body = String, content_type = "text/plain"),
        (status = 503, description = "The database is away: `unavailable`", body = ProblemBody, content_type = "application/problem+json")))]
#[get("/readyz")]
pub async fn get_readiness(app: web::Data<App>) -> Result<HttpResponse, Problem> {
    app.readiness.read(|conn| Ok(workspaces::epoch(conn)?)).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("ready\n"))
}
