//! Puts the handlers, the documents and what surrounds them together.

use actix_cors::Cors;
use actix_web::dev::{ServiceFactory, ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    ACCEPT, ACCEPT_LANGUAGE, AUTHORIZATION, CONTENT_TYPE, IF_MATCH, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App as ActixApp, Error, HttpRequest, HttpResponse, web};
use domain::refusal::Code;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::auth::identify::identify;
use crate::http::finish::finish;
use crate::http::methods::Methods;
use crate::http::problem::Problem;
use crate::openapi::Documents;
use crate::routes;
use crate::routes::attachments::head_attachment_content;
use crate::state::App;

/// The largest body of any operation, in bytes: Meta's webhooks have up to 3 MB.
const BODY_MAX_BYTES: usize = 3 * 1024 * 1024;

/// The whole HTTP application, for one worker.
pub fn application(
    app: App,
    documents: web::Data<Documents>,
    methods: web::Data<Methods>,
) -> ActixApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<impl actix_web::body::MessageBody>,
        Error = Error,
        InitError = (),
    >,
> {
    let cors = cors(&app.settings.cors_origins);
    let (actix, _) = ActixApp::new()
        .into_utoipa_app()
        .app_data(web::Data::new(app))
        .app_data(documents)
        .app_data(methods)
        .app_data(web::PayloadConfig::new(BODY_MAX_BYTES))
        .app_data(web::PathConfig::default().error_handler(|_, request| no_such_id(request).into()))
        .configure(routes::configure)
        .split_for_parts();
    actix
        .service(head_attachment_content)
        .service(SwaggerUi::new("/docs/{_:.*}").config(Config::from("/openapi.json")))
        .service(web::redirect("/docs", "/docs/"))
        .default_service(web::to(unknown))
        .wrap(from_fn(identify))
        .wrap(Compress::default())
        .wrap(cors)
        .wrap(from_fn(finish))
}

/// A word that is no id where one belongs is nothing that there is; or it is a path of its own with other methods, which
/// looks like one with an id.
fn no_such_id(request: &HttpRequest) -> Problem {
    let methods = request.app_data::<web::Data<Methods>>();
    let allow = methods.and_then(|methods| methods.allowed(request.path()));
    match allow.filter(|allow| !allow.split(", ").any(|method| method == request.method().as_str())) {
        Some(allow) => Problem::method_not_allowed(allow.to_owned()),
        None => Code::NotFound.into(),
    }
}

/// What is on no path: 405 if the path has other methods, else 404.
async fn unknown(request: HttpRequest, methods: web::Data<Methods>) -> Result<HttpResponse, Problem> {
    match methods.allowed(request.path()) {
        Some(allow) => Err(Problem::method_not_allowed(allow.to_owned())),
        None => Err(Code::NotFound.into()),
    }
}

fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(["GET", "POST", "PUT", "PATCH", "DELETE"])
        .allowed_headers([
            ACCEPT,
            ACCEPT_LANGUAGE,
            AUTHORIZATION,
            CONTENT_TYPE,
            IF_MATCH,
            IF_NONE_MATCH,
            IF_RANGE,
            RANGE,
        ])
        .allowed_header("Idempotency-Key")
        .allowed_header("X-Request-Id")
        .expose_headers([
            "Accept-Ranges",
            "Content-Disposition",
            "Content-Range",
            "ETag",
            "RateLimit",
            "RateLimit-Policy",
            "Retry-After",
            "Stream-Cursor",
            "X-Request-Id",
        ])
        .block_on_origin_mismatch(false)
        .max_age(600);
    if origins.iter().any(|origin| origin == "*") {
        return cors.allow_any_origin();
    }
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}
