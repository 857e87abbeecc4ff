//! The keys of programs.

mod ends;
mod limits;
mod making;
mod rights;
mod secrecy;

use domain::access::KeyScope;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

/// A key, and the program that has it.
pub struct Key {
    pub id: String,
    pub text: String,
    pub program: Caller,
}

impl Key {
    pub fn path(&self) -> String {
        format!("/v1/api-keys/{}", self.id)
    }
}

/// The scopes but for these, as JSON has them.
pub fn scopes_without(left_out: &[KeyScope]) -> Value {
    json!(KeyScope::ALL.iter().filter(|scope| !left_out.contains(scope)).collect::<Vec<_>>())
}

/// Makes a key in the admin's name that may do everything, but for what the fields say.
pub async fn key(app: &TestApp, fields: Value) -> Key {
    let mut body = json!({ "name": "Program", "scopes": scopes_without(&[]) });
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let made = app.admin().post("/v1/api-keys", body).await.expect(201);
    let text = made["key"].as_str().unwrap().to_owned();
    let id = made["api_key"]["id"].as_str().unwrap().to_owned();
    Key { id, program: app.bearer(&text), text }
}
