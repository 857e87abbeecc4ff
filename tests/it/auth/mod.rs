mod access_tokens;
pub mod api_keys;
mod change_password;
mod invitations;
mod mail;
mod password_reset;
mod refresh;
mod secrecy;
mod sign_in;
mod throttle;

use harness::Caller;
use harness::client::Call;
use serde_json::{Value, json};

/// A sign-in to the first workspace.
fn login(caller: &Caller, email: &str, password: &str) -> Call {
    caller.post("/v1/auth/login", json!({ "workspace": "satu", "email": email, "password": password }))
}

fn ask_reset(caller: &Caller, email: &str) -> Call {
    caller.post("/v1/auth/password-reset", json!({ "workspace": "satu", "email": email }))
}

fn confirm(caller: &Caller, token: &str, password: &str) -> Call {
    caller.post("/v1/auth/password-reset/confirm", json!({ "token": token, "password": password }))
}

fn accept(caller: &Caller, body: Value) -> Call {
    caller.post("/v1/auth/accept-invite", body)
}
