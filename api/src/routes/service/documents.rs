use actix_web::{HttpResponse, get, web};

use crate::openapi::Documents;

/// Read the OpenAPI document
///
/// It describes every operation of this server: this document.
#[utoipa::path(tag = "service", security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "This document", body = serde_json::Value)))]
#[get("/openapi.json")]
pub async fn get_openapi(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(documents.openapi.clone())
}

/// Read the AsyncAPI document
///
/// It describes the live stream: its frames, its events and its close codes.
#[utoipa::path(tag = "service", security(()), extensions(("x-roles" = json!(["public"]))),
    responses((status = 200, description = "The AsyncAPI document", body = Object, content_type = "application/yaml")))]
#[get("/asyncapi.yaml")]
pub async fn get_asyncapi(documents: web::Data<Documents>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/yaml").body(documents.asyncapi.clone())
}
