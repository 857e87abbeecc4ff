//! S-14, S-15: what is taken as a file, and as what.

use harness::TestApp;
use harness::uploads::Part;
use serde_json::{Value, json};

use super::{PDF, PNG, png, sha256, stored};

const MIB: usize = 1024 * 1024;

fn file<'a>(filename: &'a str, bytes: &'a [u8]) -> Part<'a> {
    Part { name: "file", filename: Some(filename), bytes }
}

fn kind(word: &str) -> Part<'_> {
    Part { name: "kind", filename: None, bytes: word.as_bytes() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_what_its_bytes_are_and_comes_back_as_it_was() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let mp4 = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08mdat".as_slice();
    for (kind, name, bytes, content_type, size) in [
        ("image", "foto.pdf", PNG, "image/png", json!([1, 1])),
        ("video", "rekaman", mp4, "video/mp4", json!([null, null])),
        ("audio", "suara.mp4", mp4, "audio/mp4", json!([null, null])),
        ("document", "faktur.png", PDF, "application/pdf", json!([null, null])),
        ("document", "daftar.csv", b"nama;jumlah\r\nkopi;2\r\n", "text/plain", json!([null, null])),
        ("document", "asli.png", PNG, "image/png", json!([1, 1])),
    ] {
        let made = siti.upload(kind, name, bytes).await.expect(201);
        let expected = json!({
            "id": made["id"], "kind": kind, "filename": name, "content_type": content_type,
            "size_bytes": bytes.len(), "sha256": sha256(bytes), "width": size[0], "height": size[1],
            "state": "stored", "failure": null, "url": format!("/v1/attachments/{}/content", made.id()),
            "signed_url": null, "signed_url_expires_at": null, "uploaded_by": siti.id(),
            "conversation_id": null, "message_id": null, "created_at": made["created_at"],
        });
        assert_eq!(made.json, expected);
        let read = siti.get(format!("/v1/attachments/{}", made.id())).await.expect(200);
        assert_eq!((&read["sha256"], read["signed_url"].is_string()), (&made["sha256"], true));
        let content = siti.get(made["url"].as_str().unwrap()).await.expect(200);
        assert_eq!((content.body.as_slice(), content.header("content-type")), (bytes, Some(content_type)));
    }
    // The order of the fields is the client's.
    siti.send_form(&[file("x.png", PNG), kind("image")]).await.expect(201);
    // An `Idempotency-Key` makes one file of two, and remembers which.
    let first = siti.upload("image", "a.png", PNG).key("satu").await.expect(201);
    let files = stored(&app).len();
    let again = siti.upload("image", "b.png", PNG).key("satu").await.expect(201);
    assert_eq!(again.json, first.json);
    siti.upload("document", "a.png", PNG).key("satu").await.problem(422, "idempotency_key_reused");
    siti.upload("image", "a.png", &png(2, 1)).key("satu").await.problem(422, "idempotency_key_reused");
    assert_eq!((stored(&app).len(), app.count("attachments")), (files, i64::try_from(files).unwrap()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_15_what_could_do_harm_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let rows = app.database.snapshot();
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>".as_slice();
    let html = b"<!DOCTYPE html><script>alert(1)</script>".as_slice();
    let polyglot = [PNG, b"<script>alert(1)</script>"].concat();
    let comment =
        [b"\xff\xd8\xff\xfe\0\x2a<html><script src=//x></script></html>".as_slice(), &[0; 64]].concat();
    let (wide, long) = (png(30_000, 30_000), png(100_000_001, 1));
    let zip = [b"PK\x03\x04\x14\0\0\0\x08\0".as_slice(), &[0; 64]].concat();
    let exe = [b"MZ\x90\0\x03\0\0\0".as_slice(), &[0; 64]].concat();
    for (kind, name, bytes, code) in [
        ("image", "gambar.svg", svg, "content_type"),
        ("image", "gambar.png", svg, "content_type"),
        ("document", "gambar.svg", svg, "content_type"),
        ("image", "foto.jpg", html, "content_type"),
        ("document", "halaman.html", html, "content_type"),
        ("document", "laporan.txt", b"\n\t <iframe src=x>", "content_type"),
        ("image", "dua.png", &polyglot, "content_type"),
        ("image", "dua.jpg", &comment, "content_type"),
        ("image", "besar.png", &wide, "too_many_pixels"),
        ("document", "besar.png", &long, "too_many_pixels"),
        ("image", "potong.png", &PNG[..12], "unreadable"),
        ("image", "bom.png", &zip, "content_type"),
        ("video", "bom.mp4", &zip, "content_type"),
        ("document", "faktur.pdf", &exe, "content_type"),
        ("document", "skrip.txt", b"#!/bin/sh\nrm -rf /\n", "content_type"),
        ("document", "apa.bin", b"\x01\x02\x03\x04\x05", "content_type"),
        ("image", "kosong.png", b"", "empty"),
        ("audio", "lagu.mp3", PNG, "content_type"),
        ("sticker", "stiker.webp", PNG, "not_supported"),
        ("exe", "x.png", PNG, "not_supported"),
        ("", "x.png", PNG, "not_supported"),
    ] {
        let refused = siti.upload(kind, name, bytes).await.problem(422, "validation_failed");
        assert_eq!(refused["errors"][0]["code"], code, "{kind} {name}: {}", refused.json);
    }
    assert!(stored(&app).is_empty(), "{:?}", stored(&app));
    assert_eq!(app.database.snapshot(), rows);
    // An archive is taken for what it is, and never unpacked.
    let made = siti.upload("document", "arsip.zip", &zip).await.expect(201);
    assert_eq!(made["content_type"], "application/zip");

    for (given, name) in [
        ("../../etc/passwd.png", json!("passwd.png")),
        ("..\\\\..\\\\boot.ini.png", json!("boot.ini.png")),
        ("foto\u{202e}gnp.exe", json!("fotognp.exe")),
        ("a%0d%0aSet-Cookie: x=1.png", json!("a%0d%0aSet-Cookie: x=1.png")),
        ("тест 测试.png", json!("тест 测试.png")),
        ("..", Value::Null),
        ("", Value::Null),
    ] {
        let made = siti.upload("image", given, PNG).await.expect(201);
        assert_eq!(made["filename"], name, "{given:?}");
        let content = siti.get(made["url"].as_str().unwrap()).await.expect(200);
        assert!(content.header("set-cookie").is_none());
        let disposition = content.headers.get("content-disposition").unwrap().as_bytes();
        assert!(disposition.is_ascii() && disposition.starts_with(b"inline"), "{given:?}");
    }
    for raw in ["a\r\nX: 1.png", "a\0.png", "a\"; name=\"kind\".png"] {
        let reply = siti.upload("image", raw, PNG).await;
        assert!(matches!(reply.status, 201 | 400 | 422), "{raw:?}: {}", reply.status);
        let name = reply["filename"].as_str().unwrap_or_default();
        assert!(!name.chars().any(char::is_control), "{raw:?}: {name:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_14_one_byte_above_the_limit_is_too_much() {
    let app = TestApp::start().await;
    let (siti, admin) = (app.agent(0), app.admin());
    let sized = |bytes: usize| {
        let mut file = PDF.to_vec();
        file.resize(bytes, b' ');
        file
    };
    let (fits, above) = (sized(MIB), sized(MIB + 1));
    siti.upload("document", "pas.pdf", &fits).await.expect(201);
    let rows = app.database.snapshot();
    let refused = siti.upload("document", "lebih.pdf", &above).await.problem(413, "payload_too_large");
    assert_eq!(refused["errors"][0]["detail"], "must have at most 1048576 bytes");
    let reversed = siti.send_form(&[file("lebih.pdf", &above), kind("document")]).await;
    reversed.problem(413, "payload_too_large");
    // Far more, of which the server reads on so that its answer arrives.
    siti.upload("document", "banyak.pdf", &sized(20 * MIB)).await.problem(413, "payload_too_large");
    assert_eq!((app.database.snapshot(), stored(&app).len()), (rows, 1));

    let limits = json!({ "image": 1, "video": MIB, "document": MIB + 1, "audio": MIB });
    let wanted = json!({ "reply_window_warning_minutes": null, "attachment_limits": limits });
    admin.put("/v1/settings/messaging", wanted).await.expect(200);
    siti.upload("document", "lebih.pdf", &above).await.expect(201);
    // The largest limit of all does not help another kind.
    siti.send_form(&[file("x.png", PNG), kind("image")]).await.problem(413, "payload_too_large");
    siti.upload("image", "x.png", PNG).await.problem(413, "payload_too_large");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_form_that_is_none_is_refused_and_leaves_nothing() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    let rows = app.database.snapshot();
    let twice = [kind("image"), file("a.png", PNG), file("b.png", PNG)];
    let other = [kind("image"), file("a.png", PNG), Part { name: "owner", filename: None, bytes: b"x" }];
    for (parts, pointer, code) in [
        ([kind("image")].as_slice(), "/file", "required"),
        (&[file("a.png", PNG)], "/kind", "required"),
        (&[], "/file", "required"),
        (&twice, "/file", "duplicate"),
        (&[kind("image"), kind("video"), file("a.png", PNG)], "/kind", "duplicate"),
        (&other, "", "unknown_field"),
    ] {
        let refused = siti.send_form(parts).await.problem(422, "validation_failed");
        assert_eq!(
            (&refused["errors"][0]["pointer"], &refused["errors"][0]["code"]),
            (&json!(pointer), &json!(code))
        );
    }
    let upload = |content_type: &str, body: Vec<u8>| {
        siti.call(reqwest::Method::POST, "/v1/attachments").bytes(content_type, body)
    };
    upload("application/json", b"{}".to_vec()).await.problem(415, "unsupported_media_type");
    upload("image/png", PNG.to_vec()).await.problem(415, "unsupported_media_type");
    upload("multipart/mixed; boundary=x", b"--x--".to_vec()).await.problem(415, "unsupported_media_type");
    upload("multipart/form-data", b"--x--".to_vec()).await.problem(400, "malformed_request");
    let (form, body) = harness::uploads::form(&[kind("image"), file("a.png", PNG)]);
    upload(&form, body[..body.len() - 40].to_vec()).await.problem(400, "malformed_request");
    upload(&form, b"nothing of a form".to_vec()).await.problem(400, "malformed_request");
    upload(&form, Vec::new()).await.problem(400, "malformed_request");
    assert_eq!(app.database.snapshot(), rows);
    assert!(stored(&app).is_empty(), "{:?}", stored(&app));
}
