//! S-18. What signs somebody in, and who tries to, is in no log.

use std::fs;

use harness::database::Database;
use harness::process::{Launch, OPERATOR_KEY, call, demand};
use harness::wire::{Connection, request};
use harness::{MailServer, eventually};
use serde_json::{Value, json};

const PASSWORD: &str = "kata-sandi-lama";
const NEW: &str = "kata-sandi-baru";
const WRONG: &str = "kata-sandi-salah";
const EMAIL: &str = "dewi@toko-rahasia.example";
const CLIENT: &str = "203.0.113.77";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_18_the_log_has_no_password_token_address_or_client() {
    let mails = MailServer::start().await;
    let database = Database::migrated();
    let folder = std::env::temp_dir().join(format!("tanggap-secrecy-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let launch = Launch::test("faults::tanggap", &folder, database.url.clone())
        .unwrap()
        .with("TANGGAP_LOG", "trace,rustls=info,hyper=info")
        .with("TANGGAP_SMTP_URL", mails.url())
        .with("TANGGAP_MAIL_FROM", "Tanggap <tanggap@surat.example>")
        .with("TANGGAP_TRUSTED_PROXIES", "127.0.0.1")
        .with("TANGGAP_PASSWORD_RESET_ANSWER", "0ms");
    let server = launch.start().await.unwrap();
    let addr = server.addr;
    let post = |path: &'static str, body: Value| async move {
        let headers = [("x-forwarded-for", CLIENT), ("content-type", "application/json")];
        let bytes = request("POST", path, &headers, body.to_string().as_bytes());
        Connection::open(addr).await.unwrap().call(&bytes).await.unwrap()
    };
    let admin = json!({ "name": "Dewi Rahasia", "email": EMAIL, "password": PASSWORD });
    let body = json!({ "name": "Toko", "slug": "toko", "admin": admin });
    demand(addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
    let login = |password: &str| json!({ "workspace": "toko", "email": EMAIL, "password": password });
    for status in [401, 401, 401, 401, 401, 429] {
        assert_eq!(post("/v1/auth/login", login(WRONG)).await.status, status);
    }
    // The mail server names the recipient in its refusal.
    mails.refuse_next(&["550 5.1.1 no such user"]);
    let body = json!({ "email": EMAIL });
    assert_eq!(post("/v1/auth/password-reset", body.clone()).await.status, 202);
    let log = || fs::read_to_string(folder.join("tanggap.log")).unwrap();
    eventually("the mail is given up", || async { log().contains("giving up").then_some(()) }).await;
    database.execute("DELETE FROM one_time_tokens");
    assert_eq!(post("/v1/auth/password-reset", body).await.status, 202);
    let token = mails.next().await.token();
    let body = json!({ "token": token, "password": NEW });
    assert_eq!(post("/v1/auth/password-reset/confirm", body.clone()).await.status, 204);
    assert_eq!(post("/v1/auth/password-reset/confirm", body).await.status, 401);
    let tokens = post("/v1/auth/login", login(NEW)).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let body = json!({ "current_password": WRONG, "new_password": PASSWORD });
    assert_eq!(call(addr, "PUT", "/v1/me/password", access, &body).await.unwrap().status, 422);
    let body = json!({ "current_password": NEW, "new_password": PASSWORD });
    assert_eq!(call(addr, "PUT", "/v1/me/password", access, &body).await.unwrap().status, 204);
    drop(server);

    let log = log();
    assert!(log.contains("a mail was handed to the mail server"), "the log is not the right one: {log}");
    for secret in [
        PASSWORD,
        NEW,
        WRONG,
        EMAIL,
        "Dewi Rahasia",
        CLIENT,
        "sandi-server-surat",
        &token[4..40],
        access,
        tokens["refresh_token"].as_str().unwrap(),
    ] {
        let line = log.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "the log tells {secret}");
    }
    fs::remove_dir_all(&folder).unwrap();
}
