//! Forged, foreign and old access tokens.

use api::auth::keys::Keys;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use chrono::TimeDelta;
use harness::TestApp;
use harness::app::SECRET_KEY;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Sha256, Sha512};

fn part(text: &str) -> Value {
    serde_json::from_slice(&BASE64.decode(text).unwrap()).unwrap()
}

fn decoded(token: &str) -> (Value, Value) {
    let mut parts = token.split('.');
    (part(parts.next().unwrap()), part(parts.next().unwrap()))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    format!("{}.{}", BASE64.encode(header.to_string()), BASE64.encode(claims.to_string()))
}

fn signed(header: &Value, claims: &Value, key: &[u8]) -> String {
    let text = unsigned(header, claims);
    let signature = match header["alg"].as_str() {
        Some("HS512") => {
            Hmac::<Sha512>::new_from_slice(key).unwrap().chain_update(&text).finalize().into_bytes().to_vec()
        }
        _ => {
            Hmac::<Sha256>::new_from_slice(key).unwrap().chain_update(&text).finalize().into_bytes().to_vec()
        }
    };
    format!("{text}.{}", BASE64.encode(signature))
}

fn with(value: &Value, name: &str, change: Value) -> Value {
    let mut changed = value.clone();
    match change {
        Value::Null => drop(changed.as_object_mut().unwrap().remove(name)),
        change => changed[name] = change,
    }
    changed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_06_every_forgery_is_refused() {
    let app = TestApp::start().await;
    let other_team = app.another_team("dua").await;
    let tokens = app.agent(0).sign_in().await;
    let good = tokens["access_token"].as_str().unwrap();
    let (header, claims) = decoded(good);
    let key = Keys::from_secret(SECRET_KEY).unwrap().access_tokens;
    let other = Keys::from_secret(&SECRET_KEY.replace('0', "f")).unwrap().access_tokens;
    let me = |token: &str| app.bearer(token).get("/v1/me");
    // The forger's tools work: with our key and the same words the token is good.
    me(&signed(&header, &claims, &key)).await.expect(200);

    let now = app.clock.now().unix_seconds();
    let head = |name: &str, change: Value| signed(&with(&header, name, change), &claims, &key);
    let claim = |name: &str, change: Value| signed(&header, &with(&claims, name, change), &key);
    let none = with(&header, "alg", json!("none"));
    let public_key = b"-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----";
    let admins = with(&claims, "sub", json!(app.admin().id()));
    let signature = good.rsplit('.').next().unwrap();
    let forgeries = [
        ("alg none, no signature", format!("{}.", unsigned(&none, &claims))),
        ("alg none, the old signature", format!("{}.{signature}", unsigned(&none, &claims))),
        ("alg None", format!("{}.", unsigned(&with(&header, "alg", json!("None")), &claims))),
        ("no alg", head("alg", Value::Null)),
        ("HS512", head("alg", json!("HS512"))),
        ("RS256 said, HMAC made", head("alg", json!("RS256"))),
        ("HMAC with a public key", signed(&header, &claims, public_key)),
        ("another key", signed(&header, &claims, &other)),
        ("an empty key", signed(&header, &claims, b"")),
        ("changed claims, the old signature", format!("{}.{signature}", unsigned(&header, &admins))),
        ("exp as text", claim("exp", json!((now + 900).to_string()))),
        ("exp far away as a fraction", claim("exp", json!(1e300))),
        ("no exp", claim("exp", Value::Null)),
        ("no aud", claim("aud", Value::Null)),
        ("another aud", claim("aud", json!("tanggap:stream"))),
        ("several aud", claim("aud", json!(["lain", "lagi"]))),
        ("another iss", claim("iss", json!("lain"))),
        ("no iss", claim("iss", Value::Null)),
        ("no nbf", claim("nbf", Value::Null)),
        ("future nbf", claim("nbf", json!(now + 60))),
        ("no sub", claim("sub", Value::Null)),
        ("another sub", signed(&header, &admins, &key)),
        ("another workspace", claim("workspace_id", json!(other_team.workspace))),
        ("a sign-in that never was", claim("sign_in_id", json!("0192f000-0000-7000-8000-000000000000"))),
        ("no sign-in", claim("sign_in_id", Value::Null)),
        ("typ JWT", head("typ", json!("JWT"))),
        ("no typ", head("typ", Value::Null)),
        ("unknown kid", head("kid", json!("00000000"))),
        ("kid with a path", head("kid", json!("../../dev/null"))),
        ("no kid", head("kid", Value::Null)),
        ("jku", head("jku", json!("https://jahat.example/keys"))),
        ("x5u", head("x5u", json!("https://jahat.example/cert"))),
        ("jwk", head("jwk", json!({ "kty": "oct", "k": BASE64.encode(other) }))),
        ("a refresh token", tokens["refresh_token"].as_str().unwrap().to_owned()),
        ("no signature", good.rsplit_once('.').unwrap().0.to_owned()),
        ("an empty signature", format!("{}.", good.rsplit_once('.').unwrap().0)),
        ("four parts", format!("{good}.x")),
        ("white space inside", good.replacen('.', " .", 1)),
    ];
    for (what, token) in forgeries {
        let reply = me(&token).await;
        assert_eq!((reply.status, &reply["code"]), (401, &json!("invalid_token")), "{what}");
    }
    let past = signed(&header, &with(&claims, "exp", json!(now - 6)), &key);
    me(&past).await.problem(401, "token_expired");
    // In the address a token is nothing.
    app.anonymous().get(format!("/v1/me?access_token={good}")).await.problem(401, "missing_credentials");
    me(good).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access_tokens_run_out_and_end_with_their_member() {
    let app = TestApp::start().await;
    let tokens = app.agent(0).sign_in().await;
    let token = tokens["access_token"].as_str().unwrap().to_owned();
    app.advance(TimeDelta::seconds(900));
    app.bearer(&token).get("/v1/me").await.expect(200);
    app.advance(TimeDelta::seconds(6));
    app.bearer(&token).get("/v1/me").await.problem(401, "token_expired");

    let fresh = app.agent(0).sign_in().await["access_token"].as_str().unwrap().to_owned();
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", app.agent(0).id()));
    app.bearer(&fresh).get("/v1/me").await.problem(401, "invalid_token");
}
