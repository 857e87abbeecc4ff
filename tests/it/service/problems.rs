//! How refusals look: the right status, a stable code, where it is wrong, in the caller's language.

use harness::TestApp;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_are_read_strictly_and_the_answer_says_where_they_are_wrong() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    let path = format!("/v1/conversations/{id}/messages");
    let rows = app.database.snapshot();
    let post = |content_type: &str, body: &str| app.admin().act(&path).bytes(content_type, body);
    for malformed in [
        "",
        "{",
        "{\"kind\":\"text\",\"text\":\"a\"} x",
        "\u{feff}{}",
        "{'kind': 'text'}",
        "{\"kind\":\"text\",}",
    ] {
        post("application/json", malformed).await.problem(400, "malformed_json");
    }
    for other in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonp",
        "multipart/form-data; boundary=x",
    ] {
        post(other, r#"{"kind":"text","text":"a"}"#).await.problem(415, "unsupported_media_type");
    }
    app.admin().act(&path).await.problem(415, "unsupported_media_type");
    let large = json!({ "kind": "text", "text": "x".repeat(300 * 1024) }).to_string();
    post("application/json", &large).await.problem(413, "payload_too_large");
    for (body, pointer) in [
        (json!({ "kind": "text", "text": "a", "colour": "red" }), "/colour"),
        (json!({ "kind": "text", "text": 7 }), "/text"),
        (json!({ "kind": "text" }), "/text"),
        (json!({ "kind": "text", "text": null }), "/text"),
        (json!({ "kind": "text", "text": " \n " }), "/text"),
        (json!({ "kind": "text", "text": "a\0b" }), "/text"),
        (json!({ "kind": "text", "text": "x".repeat(4097) }), "/text"),
        (json!({ "kind": "karikatur", "text": "a" }), "/kind"),
        (json!({ "kind": "image", "text": "a" }), "/text"),
        (json!({ "kind": "text", "text": "a", "reply_to": "bukan-id" }), "/reply_to"),
        (json!({ "kind": "text", "text": "a", "reply_to": id }), "/reply_to"),
        (json!({ "kind": "text", "text": "a", "client_message_id": "" }), "/client_message_id"),
        (json!({ "kind": "text", "text": "a", "client_message_id": "x".repeat(129) }), "/client_message_id"),
        (json!({ "text": "a" }), ""),
        (json!([]), ""),
        (json!([null, "text", "a", null]), ""),
        (json!(7), ""),
        (json!("text"), ""),
    ] {
        let refused = app.admin().post(&path, body.clone()).await.problem(422, "validation_failed");
        let errors = refused["errors"].as_array().unwrap();
        assert!(
            errors.iter().any(|error| error["pointer"] == pointer),
            "{body} should be wrong at {pointer:?}: {errors:?}"
        );
        let detail = errors[0]["detail"].as_str().unwrap();
        assert!(
            !detail.contains("line ") && !detail.contains("struct ") && !detail.contains("NewMessage"),
            "{detail}"
        );
    }
    assert_eq!(app.database.snapshot(), rows);
    // The bounds themselves are fine.
    let longest = json!({ "kind": "text", "text": "é".repeat(4096), "client_message_id": "x".repeat(128) });
    app.admin().post(&path, longest).await.expect(201);
    post("Application/JSON; charset=utf-8", r#"{"kind":"text","text":"a"}"#).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queries_are_read_strictly() {
    let app = TestApp::start().await;
    for (query, pointer) in [
        ("limit=0", "?limit"),
        ("limit=101", "?limit"),
        ("limit=-1", "?limit"),
        ("limit=banyak", "?limit"),
        ("limit=99999999999999999999", "?limit"),
        ("tab=semua", "?tab"),
        ("status=terbuka", "?status"),
        ("status=open&status=x", "?status"),
        ("channel_id=x", "?channel_id"),
        // Without a value nothing would be narrowed, which is not what was asked for.
        ("limit=", "?limit"),
        ("q=", "?q"),
        ("unread=true&agent_id=", "?agent_id"),
        ("warna=merah", ""),
    ] {
        let refused =
            app.admin().get(format!("/v1/conversations?{query}")).await.problem(422, "validation_failed");
        let errors = refused["errors"].as_array().unwrap();
        assert!(errors[0]["pointer"].as_str().unwrap().starts_with(pointer), "{query}: {errors:?}");
    }
    app.admin().get("/v1/tickets?opened_to=").await.problem(422, "validation_failed");
    for (query, code) in [
        ("?limit=0", "validation_failed"),
        ("?limit=501", "validation_failed"),
        ("?wait=31", "validation_failed"),
        ("?wait=-1", "validation_failed"),
        ("?since=bukan", "invalid_cursor"),
    ] {
        app.admin().get(format!("/v1/events{query}")).await.problem(422, code);
    }
    app.admin().get("/v1/conversations?tab=all&status=open&status=answered&limit=100").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn problems_speak_indonesian_to_who_asks_for_it() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    app.agent(0).act(format!("/v1/conversations/{id}/claim")).await.expect(200);
    let claim = |language: &str| {
        app.agent(1).act(format!("/v1/conversations/{id}/claim")).header("Accept-Language", language)
    };
    let indonesian = claim("id-ID,id;q=0.9,en;q=0.8").await.problem(409, "already_held");
    assert_eq!(indonesian["title"], "Sudah ditangani");
    assert_eq!(indonesian["detail"], "Percakapan ini sudah ditangani oleh Siti Rahmawati.");
    let english = claim("de, en;q=0.5, id;q=0.4").await.problem(409, "already_held");
    assert_eq!(english["detail"], "Siti Rahmawati already holds this conversation.");
    assert_eq!(english["instance"], format!("/v1/conversations/{id}/claim"));
    assert_eq!(english["type"], "urn:tanggap:problem:already_held");
    assert_eq!(english["errors"], Value::Array(Vec::new()));
    for (call, title) in [
        (app.anonymous().get("/v1/me"), "Kredensial tidak ada"),
        (app.admin().get("/v1/nothing").undocumented(), "Tidak ditemukan"),
        (app.admin().delete("/v1/me").undocumented(), "Metode tidak tersedia"),
        (app.admin().get("/v1/agents?cursor=x"), "Kursor tidak sah"),
    ] {
        let refused = call.header("Accept-Language", "id").await;
        assert_eq!(refused["title"], title);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broken_if_match_is_malformed_and_ids_that_are_none_are_not_found() {
    let app = TestApp::start().await;
    let id = app.conversation("6281234567890", "Halo").await;
    for odd in ["1", "W/\"1\"", "\"x\"", "\"1\", \"2\"", ""] {
        let call = app.admin().act(format!("/v1/conversations/{id}/claim")).header("If-Match", odd);
        call.await.problem(400, "malformed_request");
    }
    for odd in ["bukan-id", "0", "0192f000-0000-7000-8000-00000000000", "%00", "%2e%2e", "'%20OR%201=1"] {
        app.admin().get(format!("/v1/conversations/{odd}")).await.problem(404, "not_found");
    }
}
