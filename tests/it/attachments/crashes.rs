//! kill -9 in the middle of an upload: nobody sees it, and nothing of it stays.

use std::fs;
use std::path::Path;

use harness::database::Database;
use harness::eventually;
use harness::process::{Launch, OPERATOR_KEY, demand, sign_in};
use harness::uploads::{Part, form};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::PDF;

const PASSWORD: &str = "rahasia-sekali";

/// How many files there are in the store, finished or not, and their bytes.
fn files(root: &Path) -> (usize, u64) {
    let folders = fs::read_dir(root).into_iter().flatten().flatten();
    let files = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().flatten());
    files.fold((0, 0), |(count, bytes), file| {
        (count + 1, bytes + file.metadata().map_or(0, |file| file.len()))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_whose_server_dies_was_never_there() {
    let database = Database::migrated();
    let folder = database.files();
    fs::create_dir_all(&folder).unwrap();
    let launch = Launch::test("faults::tanggap", &folder, database.url.clone()).unwrap();
    let server = launch.start().await.unwrap();
    let admin = json!({ "name": "Dewi", "email": "dewi@toko.example", "password": PASSWORD });
    let body = json!({ "name": "Toko", "slug": "satu", "admin": admin });
    demand(server.addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
    let token = sign_in(server.addr, "satu", "dewi@toko.example", PASSWORD).await.unwrap();

    let mut bytes = PDF.to_vec();
    bytes.resize(1024 * 1024, b' ');
    let kind = Part { name: "kind", filename: None, bytes: b"document" };
    let (content_type, body) = form(&[kind, Part { name: "file", filename: Some("a.pdf"), bytes: &bytes }]);
    let head = format!(
        "POST /v1/attachments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Type: {content_type}\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    let mut connection = TcpStream::connect(server.addr).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    connection.write_all(&body[..body.len() - 1000]).await.unwrap();
    let root = folder.join("data/attachments");
    eventually("half of a file", || async { (files(&root).1 >= 256 * 1024).then_some(()) }).await;
    server.kill().unwrap();

    let unseen = "SELECT state || ' ' || uploaded_by::text AS value FROM attachments";
    let rows = database.values(unseen);
    assert!(rows.len() == 1 && rows[0].starts_with("pending "), "{rows:?}");
    let id = database.values("SELECT id::text AS value FROM attachments").remove(0);
    let server = launch.start().await.unwrap();
    for path in [format!("/v1/attachments/{id}"), format!("/v1/attachments/{id}/content")] {
        let answer = harness::process::call(server.addr, "GET", &path, &token, &json!(null)).await.unwrap();
        assert_eq!(answer.status, 404);
    }
    server.kill().unwrap();
    // A day later; a server looks for what is old when it starts.
    database.execute("UPDATE attachments SET created_at = created_at - interval '25 hours'");
    let _server = launch.start().await.unwrap();
    eventually("that nothing is left", || async {
        (database.values(unseen).is_empty() && files(&root).0 == 0).then_some(())
    })
    .await;
}
