//! How bytes are handed out: parts of them, what browsers may do with them, and without credentials only by links.

use harness::{Caller, Reply, TestApp};
use reqwest::Method;

use super::{PDF, PNG, sha256};

fn whole(reply: &Reply, bytes: &[u8]) {
    assert_eq!((reply.status, reply.body.as_slice()), (200, bytes));
    assert_eq!(reply.header("content-length"), Some(bytes.len().to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_of_a_file_are_those_of_the_standard() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    // More than one part of the store, and nothing that repeats.
    let bytes: Vec<u8> =
        PDF.iter().copied().chain((0..700_000_u32).flat_map(u32::to_be_bytes).take(900_000)).collect();
    let made = siti.upload("document", "a.pdf", &bytes).await.expect(201);
    let path = format!("/v1/attachments/{}/content", made.id());
    let get = |range: &str| siti.get(&path).header("Range", range);
    let (size, tag) = (bytes.len(), format!("\"{}\"", sha256(&bytes)));
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=300000-599999", 300_000, 600_000),
        ("bytes=900000-", 900_000, size),
        ("bytes=-17", size - 17, size),
        ("bytes=5-99999999", 5, size),
    ] {
        let part = get(range).await.expect(206);
        assert_eq!(part.body, &bytes[from..to], "{range}");
        let told = format!("bytes {from}-{}/{size}", to - 1);
        assert_eq!(part.header("content-range"), Some(told.as_str()));
        assert_eq!(part.header("content-length"), Some((to - from).to_string().as_str()));
        assert_eq!(part.header("etag"), Some(tag.as_str()));
    }
    for range in ["bytes=0-1,4-5", "bytes=9-3", "lines=1-2", "nonsense"] {
        whole(&get(range).await, &bytes);
    }
    for range in [format!("bytes={size}-"), "bytes=-0".to_owned()] {
        let refused = get(&range).await.problem(416, "range_not_satisfiable");
        assert_eq!(refused.header("content-range"), Some(format!("bytes */{size}").as_str()));
    }
    // A part only of these very bytes.
    get("bytes=0-9").header("If-Range", &tag).await.expect(206);
    whole(&get("bytes=0-9").header("If-Range", "\"other\"").await, &bytes);
    whole(&get("bytes=0-9").header("If-Range", format!("W/{tag}")).await, &bytes);
    let known = siti.get(&path).header("If-None-Match", &tag).await.expect(304);
    assert!(known.body.is_empty());
    whole(&siti.get(&path).header("If-None-Match", "\"other\"").await, &bytes);

    // What there is to know without the bytes.
    let head = siti.call(Method::HEAD, &path).undocumented().await.expect(200);
    assert_eq!((head.body.len(), head.header("content-length")), (0, Some(size.to_string().as_str())));
    assert_eq!((head.header("etag"), head.header("accept-ranges")), (Some(tag.as_str()), Some("bytes")));
    // Nothing is compressed on the way: ranges are of the bytes as they are.
    let plain = siti.get(&path).header("Accept-Encoding", "gzip").await;
    whole(&plain, &bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_15_nothing_that_is_handed_out_runs() {
    let app = TestApp::start().await;
    let siti = app.agent(0);
    for (kind, name, bytes, how) in [
        ("image", "foto.png", PNG, "inline"),
        ("document", "foto.png", PNG, "inline"),
        ("document", "faktur.pdf", PDF, "attachment"),
        ("document", "catatan.html", b"words, not markup".as_slice(), "attachment"),
    ] {
        let made = siti.upload(kind, name, bytes).await.expect(201);
        let path = format!("/v1/attachments/{}/content", made.id());
        let link = siti.get(format!("/v1/attachments/{}", made.id())).await.expect(200);
        let link = link["signed_url"].as_str().unwrap().strip_prefix(app.base()).unwrap().to_owned();
        for reply in [siti.get(&path).await, app.anonymous().get(&link).await] {
            whole(&reply, bytes);
            for (header, value) in [
                ("x-content-type-options", "nosniff"),
                ("content-security-policy", "sandbox; default-src 'none'"),
                ("cache-control", "private, max-age=300"),
            ] {
                assert_eq!(reply.header(header), Some(value));
            }
            let disposition = reply.header("content-disposition").unwrap();
            assert_eq!(disposition, format!("{how}; filename=\"{name}\"; filename*=UTF-8''{name}"));
        }
    }
    // A picture that would take gigabytes when it is unpacked can come from a customer; it is not shown in place.
    let made = siti.upload("image", "besar.png", PNG).await.expect(201);
    app.database.execute("UPDATE attachments SET width = 30000, height = 30000");
    let reply = siti.get(format!("/v1/attachments/{}/content", made.id())).await.expect(200);
    assert!(reply.header("content-disposition").unwrap().starts_with("attachment;"));
    let made = siti.upload("document", "laporan \"akhir\"; 100%é.pdf", PDF).await;
    // The quote ends the name for a strict reader.
    if made.status == 201 {
        let reply = siti.get(format!("/v1/attachments/{}/content", made.id())).await.expect(200);
        assert!(reply.header("content-disposition").is_some_and(|value| value.matches('"').count() == 2));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_allowed_origins_may_read_parts() {
    let app = TestApp::start().await;
    let asked = |caller: &Caller| {
        caller
            .call(Method::OPTIONS, "/v1/attachments/0192f000-0000-7000-8000-000000000000/content")
            .header("Origin", "https://app.example")
            .header("Access-Control-Request-Method", "GET")
            .header("Access-Control-Request-Headers", "authorization,range,if-range")
            .undocumented()
    };
    let reply = asked(&app.anonymous()).await.expect(200);
    assert_eq!(reply.header("access-control-allow-origin"), Some("https://app.example"));
    let allowed = reply.header("access-control-allow-headers").unwrap().to_lowercase();
    assert!(allowed.contains("range") && allowed.contains("if-range"), "{allowed}");
}
