use actix_web::{HttpRequest, HttpResponse, patch, web};
use domain::access::{Action, EditContact};
use domain::contact::{self, Change, ContactPatch};
use domain::id::ContactId;
use domain::input;
use domain::refusal::Refusal;
use domain::resource::Contact;
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::attributes::AttributeChanges;
use crate::auth::extract::Auth;
use crate::http::body::{Body, present};
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::contacts::{self, Which};
use crate::state::App;

/// What is to be changed of a contact; what is absent stays, null empties a field.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ContactChange {
    /// Its name, 1 to 200 characters. It is the team's from then on: what a provider tells later does not change it.
    #[schema(example = "Ani Wijaya", max_length = 200, format = "line")]
    pub name: Option<String>,
    /// Its phone number with the country code; spaces, `+`, `-` and the like are taken out.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "+62 812-3456-7890", format = "phone", max_length = 40)]
    pub phone: Change,
    /// Its e-mail address.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, max_length = 254, format = "email")]
    pub email: Change,
    /// Where it works, 1 to 200 characters.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<String>, example = "PT Tani Makmur", max_length = 200, format = "line")]
    pub company: Change,
    /// Attributes to be set, or with null to be taken away; others stay. Null takes all away. A contact has at most 50: names of
    /// a-z, 0-9 and `_`; texts of at most 1,000 characters, numbers, true or false.
    #[serde(deserialize_with = "present")]
    #[schema(value_type = Option<AttributeChanges>)]
    pub attributes: Option<Option<Map<String, Value>>>,
}

impl ContactChange {
    fn into_patch(self) -> Result<ContactPatch, Refusal> {
        let only_these_attributes = self.attributes == Some(None);
        let attributes = self.attributes.flatten().unwrap_or_default();
        contact::attributes("/attributes", &attributes)?;
        Ok(ContactPatch {
            name: self.name.map(|name| input::contact_name("/name", &name)).transpose()?,
            phone: checked(self.phone, |phone| contact::phone("/phone", phone))?,
            email: checked(self.email, |email| input::email("/email", email))?,
            company: checked(self.company, |company| contact::company("/company", company))?,
            attributes,
            only_these_attributes,
        })
    }
}

fn checked(change: Change, check: impl Fn(&str) -> Result<String, Refusal>) -> Result<Change, Refusal> {
    change.map(|value| value.map(|text| check(&text)).transpose()).transpose()
}

/// Change a contact
///
/// Its conversations are told as `conversation.updated` if they show it differently. A number that another contact has is
/// refused with 409 `contact_exists`; `errors` names the contact, if the caller sees it.
#[utoipa::path(tag = "contacts", request_body = ContactChange,
    params(("contact_id" = ContactId, Path, description = "The contact"), VersionHeader),
    extensions(("x-action" = json!(Action::EditContact))),
    responses((status = 200, description = "Changed", body = Contact), Writing))]
#[patch("/v1/contacts/{contact_id}")]
pub async fn update_contact(
    app: web::Data<App>,
    caller: Auth<EditContact>,
    id: web::Path<ContactId>,
    request: HttpRequest,
    body: Body<ContactChange>,
) -> Result<HttpResponse, Problem> {
    let which = Which { id: id.into_inner(), expected_version: reply::expected_version(&request)? };
    let patch = body.value.into_patch()?;
    let caller = caller.into_caller();
    let contact = app.write(move |tx| contacts::update(tx, &caller, which, &patch)).await?;
    Ok(reply::versioned(&contact))
}
