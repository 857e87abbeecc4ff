//! Nobody gets in with a key that is not right, and nothing keeps a right one.

use std::fs;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use harness::process::{Launch, OPERATOR_KEY};
use harness::{StreamClient, TestApp};
use serde_json::{Value, json};

use super::key;
use crate::walks::NOBODY;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_06_a_known_id_with_another_secret_is_refused_also_while_the_right_one_is_in_use() {
    let app = TestApp::start().await;
    let other_team = app.another_team("dua").await;
    let (made, second) = (key(&app, json!({})).await, key(&app, json!({})).await);
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&made.text[4..]).unwrap();
    let seconds = BASE64_URL_SAFE_NO_PAD.decode(&second.text[4..]).unwrap();
    let written = |bytes: &[u8]| format!("tgk_{}", BASE64_URL_SAFE_NO_PAD.encode(bytes));
    let with = |at: usize, part: &[u8]| {
        let mut bytes = bytes.clone();
        bytes[at..at + part.len()].copy_from_slice(part);
        written(&bytes)
    };
    assert_eq!(with(0, &[]), made.text, "the forger's tools work");
    let hash = app.database.values(&format!(
        "SELECT encode(secret_hash, 'hex') AS value FROM api_keys WHERE id = '{}'",
        made.id
    ));
    let forgeries = [
        ("another secret", with(32, &[7; 32])),
        ("no secret", with(32, &[0; 32])),
        ("one bit", with(63, &[bytes[63] ^ 1])),
        ("the secret of another key", with(32, &seconds[32..])),
        ("the stored hash", with(32, &hex::decode(&hash[0]).unwrap())),
        ("another id", with(16, &seconds[16..32])),
        ("an id that never was", with(16, NOBODY.parse::<uuid::Uuid>().unwrap().as_bytes())),
        ("another workspace", with(0, other_team.workspace.0.as_bytes())),
        ("too short", written(&bytes[..63])),
        ("too long", written(&[&bytes[..], b"x"].concat())),
        ("nothing", "tgk_".to_owned()),
        ("another prefix", made.text.replace("tgk_", "tgr_")),
        ("no prefix", made.text[4..].to_owned()),
        ("capitals", made.text.replace("tgk_", "TGK_")),
        ("padding", format!("{}==", made.text)),
        ("not base64", made.text.replace("tgk_", "tgk_%")),
    ];
    for (what, forged) in forgeries {
        made.program.get("/v1/me").await.expect(200);
        let reply = app.bearer(&forged).get("/v1/me").await;
        assert_eq!((reply.status, &reply["code"]), (401, &json!("invalid_token")), "{what}");
        let mut stream = StreamClient::connect(&app).await;
        stream.auth(&forged, None).await;
        let code = stream.closed().await;
        assert!(matches!(code, Some(4401 | 4403)), "{what}: {code:?}");
    }
    // In an address a key is nothing.
    let path = format!("/v1/me?api_key={}", made.text);
    app.anonymous().get(path).await.problem(401, "missing_credentials");
    for name in ["token", "access_token", "api_key"] {
        let mut stream = StreamClient::open(&app, &format!("?{name}={}", made.text), &[]).await.unwrap();
        assert_eq!(stream.closed().await, Some(4400), "{name}");
    }
    made.program.get("/v1/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_makes_no_keys_and_signs_nobody_in() {
    let app = TestApp::start().await;
    let made = key(&app, json!({})).await;
    let rows = app.database.snapshot();
    let body = json!({ "name": "Anak", "scopes": ["team:read"] });
    made.program.post("/v1/api-keys", body).await.problem(403, "forbidden");
    made.program.delete(made.path()).await.problem(403, "forbidden");
    app.anonymous()
        .post("/v1/auth/refresh", json!({ "refresh_token": made.text }))
        .await
        .problem(401, "invalid_refresh_token");
    made.program
        .post(
            "/v1/workspaces",
            json!({ "name": "X", "slug": "x", "admin": { "name": "X", "email": "x@x.example",
        "password": "kata-sandi" } }),
        )
        .await
        .problem(401, "invalid_token");
    let now = app.database.snapshot();
    assert!(rows.iter().all(|(table, digest)| table == "api_keys" || now[table] == *digest));
    assert_eq!(app.count("api_keys WHERE revoked_at IS NULL"), 1);
}

/// What a key could be found by: its text, and its secret part in every spelling that a table may have.
fn traces(text: &str) -> Vec<String> {
    let secret = &BASE64_URL_SAFE_NO_PAD.decode(&text[4..]).unwrap()[32..];
    let mut traces = vec![
        text[48..].to_owned(),
        hex::encode(secret),
        BASE64_STANDARD.encode(secret),
        hex::encode(&text[48..]),
    ];
    traces.push(BASE64_URL_SAFE_NO_PAD.encode(secret));
    traces
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_12_a_dump_of_the_database_holds_no_key() {
    let app = TestApp::start().await;
    let body = || json!({ "name": "Program", "scopes": ["team:read", "messages:write"] });
    let post = || app.admin().post("/v1/api-keys", body()).key("sekali");
    let kept = post().await.expect(201)["key"].as_str().unwrap().to_owned();
    let plain = key(&app, json!({})).await;
    for text in [&kept, &plain.text] {
        app.bearer(text).get("/v1/agents").await.expect(200);
    }
    api::auth::key_uses::write_down(app.app()).await.unwrap();
    assert_eq!(app.count("idempotency_keys WHERE body IS NOT NULL"), 1);
    let tables = app.database.values(
        "SELECT table_name::text AS value FROM information_schema.tables WHERE table_schema = 'public'",
    );
    let mut dump = String::new();
    for table in tables {
        dump.extend(app.database.values(&format!("SELECT t::text AS value FROM {table} t")));
    }
    assert!(dump.contains(&plain.id) && dump.contains("Program"), "the dump is one");
    for trace in [&kept, &plain.text].into_iter().flat_map(|text| traces(text)) {
        assert!(!dump.contains(&trace), "{trace}");
    }
    assert_eq!(post().await.expect(201)["key"], kept);
}

/// No test, but the server of the one below: a copy of this binary that runs only this.
#[test]
fn tanggap() {
    harness::process::play_tanggap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_18_logs_name_keys_by_id_and_never_hold_one() {
    let database = harness::database::Database::migrated();
    let folder = std::env::temp_dir().join(format!("tanggap-keys-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let launch = Launch::test("auth::api_keys::secrecy::tanggap", &folder, database.url.clone()).unwrap();
    let launch = launch.with("TANGGAP_LOG", "trace");
    let server = launch.start().await.unwrap();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let base = format!("http://{}", server.addr);
    let post = async |path: &str, bearer: &str, body: Value| -> Value {
        let request = http.post(format!("{base}{path}")).bearer_auth(bearer).json(&body);
        request.header("Idempotency-Key", "sekali").send().await.unwrap().json().await.unwrap()
    };
    let admin = json!({ "name": "Dewi", "email": "dewi@a.example", "password": "rahasia-sekali" });
    post("/v1/workspaces", OPERATOR_KEY, json!({ "name": "A", "slug": "a", "admin": admin })).await;
    let login = json!({ "email": "dewi@a.example", "password": "rahasia-sekali" });
    let tokens = post("/v1/auth/login", "", login).await;
    let token = tokens["access_token"].as_str().unwrap();
    let made = post("/v1/api-keys", token, json!({ "name": "CRM", "scopes": ["team:read"] })).await;
    let text = made["key"].as_str().unwrap();
    for path in [
        "/v1/agents",
        "/v1/tickets",
        "/v1/api-keys",
        "/v1/nothing",
        &format!("/v1/agents?x={text}"),
        "/v1/stream",
    ] {
        http.get(format!("{base}{path}")).bearer_auth(text).send().await.unwrap();
    }
    http.get(format!("{base}/v1/agents")).bearer_auth(format!("{text}x")).send().await.unwrap();
    post("/v1/auth/refresh", "", json!({ "refresh_token": text })).await;
    drop(server);
    let log = fs::read_to_string(folder.join("tanggap.log")).unwrap();
    fs::remove_dir_all(&folder).unwrap();
    assert!(log.contains(made["api_key"]["id"].as_str().unwrap()), "the log names the key's id:\n{log}");
    for trace in traces(text).into_iter().chain([text.to_owned()]) {
        assert!(!log.contains(&trace), "the log holds a key");
    }
}
