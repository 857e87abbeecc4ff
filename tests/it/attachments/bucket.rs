//! Files in a bucket: a real server of S3, spoken to over HTTP, and a Tanggap that is told of it by its environment.

use std::fs;
use std::path::PathBuf;

use harness::database::Database;
use harness::process::{Launch, OPERATOR_KEY, Tanggap, demand, sign_in};
use harness::uploads::{Part, form};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use reqwest::Client;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use s3s_fs::FileSystem;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{PDF, sha256};

const PASSWORD: &str = "rahasia-sekali";
const MIB: usize = 1024 * 1024;

/// A server of S3 on a folder. Answers its address.
async fn bucket_server(root: &std::path::Path) -> String {
    fs::create_dir_all(root.join("berkas")).unwrap();
    let mut service = S3ServiceBuilder::new(FileSystem::new(root).unwrap());
    service.set_auth(SimpleAuth::from_single("kunci", "rahasia"));
    let service = service.build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let server = auto::Builder::new(TokioExecutor::new());
        while let Ok((socket, _)) = listener.accept().await {
            let connection = server.serve_connection(TokioIo::new(socket), service.clone()).into_owned();
            tokio::spawn(async move {
                let _ = connection.await;
            });
        }
    });
    format!("http://{addr}")
}

/// A server with its files in a bucket.
struct Site {
    server: Tanggap,
    launch: Launch,
    token: String,
    http: Client,
    folder: PathBuf,
    database: Database,
}

impl Site {
    async fn start() -> Self {
        let database = Database::migrated();
        let folder = database.files();
        let endpoint = bucket_server(&folder.join("s3")).await;
        let launch = Launch::test("faults::tanggap", &folder, database.url.clone()).unwrap();
        let launch = launch
            .with("TANGGAP_ATTACHMENTS_URL", "s3://berkas/tanggap")
            .with("AWS_ENDPOINT", endpoint)
            .with("AWS_ALLOW_HTTP", "true")
            .with("AWS_ACCESS_KEY_ID", "kunci")
            .with("AWS_SECRET_ACCESS_KEY", "rahasia")
            .with("AWS_REGION", "id-jakarta-1");
        let server = launch.start().await.unwrap();
        let admin = json!({ "name": "Dewi", "email": "dewi@toko.example", "password": PASSWORD });
        let body = json!({ "name": "Toko", "slug": "satu", "admin": admin });
        demand(server.addr, "POST", "/v1/workspaces", OPERATOR_KEY, &body).await.unwrap();
        let token = sign_in(server.addr, "satu", "dewi@toko.example", PASSWORD).await.unwrap();
        let http = Client::builder().no_proxy().build().unwrap();
        Self { server, launch, token, http, folder, database }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.server.addr)
    }

    async fn upload(&self, bytes: &[u8]) -> Value {
        let kind = Part { name: "kind", filename: None, bytes: b"document" };
        let (content_type, body) = form(&[kind, Part { name: "file", filename: Some("a.pdf"), bytes }]);
        let request = self.http.post(self.url("/v1/attachments")).bearer_auth(&self.token).body(body);
        let answer = request.header("Content-Type", content_type).send().await.unwrap();
        assert_eq!(answer.status(), 201);
        answer.json().await.unwrap()
    }

    async fn get(&self, path: &str, range: &str) -> Vec<u8> {
        let request = self.http.get(self.url(path)).bearer_auth(&self.token).header("Range", range);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 206);
        answer.bytes().await.unwrap().to_vec()
    }

    /// The files of the bucket, with their sizes.
    fn files(&self) -> Vec<u64> {
        let workspaces = fs::read_dir(self.folder.join("s3/berkas/tanggap")).into_iter().flatten().flatten();
        let files = workspaces.flat_map(|one| fs::read_dir(one.path()).into_iter().flatten().flatten());
        files.map(|file| file.metadata().unwrap().len()).collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_are_kept_in_a_bucket_and_read_in_parts() {
    let mut site = Site::start().await;
    let limits = json!({ "image": MIB, "video": MIB, "document": 16 * MIB, "audio": MIB });
    let settings = json!({ "reply_window_warning_minutes": null, "attachment_limits": limits });
    demand(site.server.addr, "PUT", "/v1/settings/messaging", &site.token, &settings).await.unwrap();
    // Three parts of a multipart upload, the last one smaller.
    let bytes: Vec<u8> = PDF.iter().copied().chain((0..3_000_000_u32).flat_map(u32::to_be_bytes)).collect();
    let made = site.upload(&bytes).await;
    assert_eq!((&made["sha256"], site.files()), (&json!(sha256(&bytes)), vec![bytes.len() as u64]));
    let path = made["url"].as_str().unwrap();
    for (from, to) in [(0, 10), (5 * MIB - 3, 5 * MIB + 3), (bytes.len() - 9, bytes.len())] {
        let part = site.get(path, &format!("bytes={from}-{}", to - 1)).await;
        assert_eq!(part, bytes[from..to]);
    }
    assert_eq!(sha256(&site.get(path, "bytes=0-").await), sha256(&bytes));
    // It is there for the next process too.
    let launch = site.launch.clone();
    site.server.kill().unwrap();
    site.server = launch.start().await.unwrap();
    assert_eq!(site.get(path, "bytes=0-3").await, b"%PDF");

    let gone = site.http.delete(site.url(path.trim_end_matches("/content"))).bearer_auth(&site.token);
    assert_eq!(gone.send().await.unwrap().status(), 204);
    assert!(site.files().is_empty());
    assert_eq!(site.database.values("SELECT count(*)::text AS value FROM attachments"), ["0"]);
    assert!(!site.folder.join("data/attachments").exists(), "nothing is kept in the folder as well");
}
