use actix_web::http::StatusCode;
use actix_web::{HttpResponse, post, web};
use domain::access::{Action, EditContact};
use domain::contact::{self, ContactPatch};
use domain::input;
use domain::refusal::Refusal;
use domain::resource::Contact;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::attributes::NewAttributes;
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::idempotency::Repeat;
use crate::http::problem::Problem;
use crate::http::responses::{RepeatHeader, Writing};
use crate::ops::contacts;
use crate::state::App;

/// A contact to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewContact {
    /// Its name, 1 to 200 characters. It is the team's: what a provider tells later does not change it.
    #[schema(example = "Ani Wijaya", max_length = 200, format = "line")]
    pub name: String,
    /// Its phone number with the country code; spaces, `+`, `-` and the like are taken out.
    #[schema(max_length = 40, example = "+62 812-3456-7890", format = "phone")]
    pub phone: Option<String>,
    /// Its e-mail address.
    #[schema(max_length = 254, format = "email")]
    pub email: Option<String>,
    /// Where it works, 1 to 200 characters.
    #[schema(example = "PT Tani Makmur", max_length = 200, format = "line")]
    pub company: Option<String>,
    /// What else is known, at most 50: names of a-z, 0-9 and `_`; texts of at most 1,000 characters, numbers, true or false.
    #[serde(default)]
    #[schema(value_type = NewAttributes)]
    pub attributes: Map<String, Value>,
}

impl NewContact {
    fn into_patch(self) -> Result<ContactPatch, Refusal> {
        contact::attributes("/attributes", &self.attributes)?;
        Ok(ContactPatch {
            name: None,
            phone: Some(self.phone.map(|phone| contact::phone("/phone", &phone)).transpose()?),
            email: Some(self.email.map(|email| input::email("/email", &email)).transpose()?),
            company: Some(self.company.map(|company| contact::company("/company", &company)).transpose()?),
            attributes: self.attributes,
            only_these_attributes: true,
        })
    }
}

/// Make a contact
///
/// When a customer with its number writes on WhatsApp for the first time, it is this contact. A number that another contact has
/// is refused with 409 `contact_exists`; `errors` names the contact, if the caller sees it.
#[utoipa::path(tag = "contacts", request_body = NewContact, params(RepeatHeader),
    extensions(("x-action" = json!(Action::EditContact))),
    responses((status = 201, description = "Made", body = Contact), Writing))]
#[post("/v1/contacts")]
pub async fn create_contact(
    app: web::Data<App>,
    caller: Auth<EditContact>,
    repeat: Repeat,
    body: Body<NewContact>,
) -> Result<HttpResponse, Problem> {
    let name = input::contact_name("/name", &body.value.name)?;
    let patch = body.value.into_patch()?;
    let (actor, caller) = (caller.actor().clone(), caller.into_caller());
    repeat
        .with_body(body.digest)
        .write(&app, &actor, StatusCode::CREATED, move |tx| contacts::create(tx, &caller, &name, &patch))
        .await
}
