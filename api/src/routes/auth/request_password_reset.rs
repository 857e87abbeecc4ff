use actix_web::{HttpResponse, post, web};
use domain::input;
use serde::Deserialize;
use tokio::time::{Instant, sleep_until};
use utoipa::ToSchema;

use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::responses::{Mailed, Open};
use crate::mail::MailConfigured;
use crate::ops::passwords;
use crate::state::App;

/// Who forgot a password.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordResetRequest {
    /// The workspace's slug; without one every workspace that knows the address sends a mail.
    #[schema(max_length = 63, example = "demo", format = "slug")]
    pub workspace: Option<String>,
    /// The member's address.
    #[schema(example = "siti@demo.example", max_length = 254, format = "email")]
    pub email: String,
}

/// Ask for a new password
///
/// Mails a link that is good for `TANGGAP_PASSWORD_RESET_LIFETIME` (an hour), at most one per member and minute. Known and unknown
/// addresses get the same answer after the same time. Who was invited and has not joined gets no mail.
#[utoipa::path(tag = "sign in", request_body = PasswordResetRequest, security(()),
    extensions(("x-roles" = json!(["public"]))),
    responses((status = 202, description = "If there is such a member, a mail is on its way"), Open, Mailed))]
#[post("/v1/auth/password-reset")]
pub async fn request_password_reset(
    app: web::Data<App>,
    body: Body<PasswordResetRequest>,
) -> Result<HttpResponse, Problem> {
    let answer_at = Instant::now() + app.settings.times.password_reset_answer;
    let mail = MailConfigured::check(&app.settings)?;
    let email = input::email("/email", &body.value.email)?;
    let slug = body.value.workspace.map(|slug| input::slug("/workspace", &slug)).transpose()?;
    app.write(move |tx| passwords::ask_reset(tx, mail, slug.clone(), email.clone())).await?;
    sleep_until(answer_at).await; // ci-allow: hides how long the work took, which tells whether there is such a member
    Ok(HttpResponse::Accepted().finish())
}
