use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Name, Resolve};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use super::{AllowedRanges, Answered, CallError, GuardSettings, GuardedClient, GuardedResolver, Handover};
use domain::webhook::CallProblem;

fn client(allowed: &str, plain_http: bool) -> GuardedClient {
    let second = Duration::from_secs(1);
    GuardedClient::new(GuardSettings {
        allowed: allowed.parse().unwrap(),
        plain_http,
        connect_timeout: second,
        read_timeout: second,
        total_timeout: second,
    })
    .unwrap()
}

#[test]
fn what_is_nobodys_in_the_public_internet_is_not_called() {
    let none = AllowedRanges::default();
    for address in [
        "0.0.0.0",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "100::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
    ] {
        assert!(!none.allow(address.parse().unwrap()), "{address}");
    }
    for address in [
        "1.1.1.1",
        "100.63.0.1",
        "172.32.0.1",
        "157.240.1.1",
        "2606:4700::1111",
        "2a03:2880::1",
        "::ffff:1.1.1.1",
    ] {
        assert!(none.allow(address.parse().unwrap()), "{address}");
    }
    let some: AllowedRanges = "10.0.0.0/8, ::1".parse().unwrap();
    let allows = |address: &str| some.allow(address.parse::<IpAddr>().unwrap());
    assert!(allows("10.9.9.9") && allows("::ffff:10.9.9.9") && allows("::1") && !allows("127.0.0.1"));
    assert!("10.0.0.0/40".parse::<AllowedRanges>().is_err());
}

#[tokio::test]
async fn s_11_no_way_to_write_an_address_leads_inside() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let guarded = client("", true);
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "017700000001",
        "0177.0.0.1",
        "127.1",
        "0",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "user@127.0.0.1",
        "user:word@localhost",
        "1.1.1.1@127.0.0.1",
        "１２７.0.0.1",
        "127。0。0。1",
        "169.254.169.254",
    ] {
        let called = guarded.get(&format!("http://{host}:{port}/"), Some("token")).await;
        assert_eq!(called.err(), Some(CallError::Refused), "{host}");
    }
    for url in
        ["ftp://127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1:70/", "http://", "//x", "", "data:,x"]
    {
        assert_eq!(guarded.get(url, None).await.err(), Some(CallError::Refused), "{url}");
    }
    let plain = format!("http://127.0.0.1:{port}/");
    assert_eq!(client("127.0.0.1", false).get(&plain, None).await.err(), Some(CallError::Refused));
    let waited = tokio::time::timeout(Duration::from_millis(50), listener.accept()).await;
    assert!(waited.is_err(), "somebody connected");
    // It is the guard that kept them out.
    let allowing = client("127.0.0.1", true);
    let (called, met) = tokio::join!(
        allowing.get(&plain, None),
        tokio::time::timeout(Duration::from_secs(1), listener.accept())
    );
    assert!(met.is_ok() && called.err() == Some(CallError::Unanswered));
}

/// Answers one call like this, and tells what was asked.
async fn answers(listener: &TcpListener, answer: String) -> String {
    let (mut caller, _) = listener.accept().await.unwrap();
    let mut asked = vec![0; 4096];
    let length = caller.read(&mut asked).await.unwrap();
    caller.write_all(answer.as_bytes()).await.unwrap();
    String::from_utf8_lossy(&asked[..length]).to_lowercase()
}

fn redirect(to: &TcpListener) -> String {
    let to = to.local_addr().unwrap();
    format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{to}/next\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

#[tokio::test]
async fn s_11_a_redirect_is_an_address_like_any_other_and_gets_no_token() {
    let first = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (other, inside) =
        (TcpListener::bind("127.0.0.2:0").await.unwrap(), TcpListener::bind("127.0.0.3:0").await.unwrap());
    let guarded = client("127.0.0.1, 127.0.0.2", true);
    let url = format!("http://{}/", first.local_addr().unwrap());
    let fine = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned();
    let (called, asked, asked_next) = tokio::join!(
        guarded.get(&url, Some("secret")),
        answers(&first, redirect(&other)),
        answers(&other, fine)
    );
    assert_eq!(called.unwrap().status(), 200);
    assert!(asked.contains("bearer secret") && !asked_next.contains("secret"), "{asked_next}");
    let (called, _) = tokio::join!(guarded.get(&url, None), answers(&first, redirect(&inside)));
    assert_eq!(called.err(), Some(CallError::Refused));
    let waited = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
    assert!(waited.is_err(), "somebody connected");
    // It does not go on for ever.
    let around = async {
        for _ in 0..4 {
            answers(&first, redirect(&first)).await;
        }
    };
    let (called, ()) = tokio::join!(guarded.get(&url, None), around);
    assert_eq!(called.err(), Some(CallError::Refused));
}

fn resolver(allowed: &str, listed_only: bool, lookups: &Arc<Semaphore>) -> GuardedResolver {
    GuardedResolver { allowed: allowed.parse().unwrap(), listed_only, lookups: lookups.clone() }
}

#[tokio::test]
async fn names_wait_for_each_other_rather_than_for_a_thread_each() {
    let lookups = Arc::new(Semaphore::new(1));
    let busy = lookups.try_acquire().unwrap();
    let name = "localhost".parse::<Name>().unwrap();
    let mut found = resolver("127.0.0.0/8,::1/128", true, &lookups).resolve(name);
    tokio::select! {
        biased;
        _ = &mut found => panic!("it was resolved out of turn"),
        () = std::future::ready(()) => {}
    }
    drop(busy);
    assert!(found.await.unwrap().next().is_some());
    assert_eq!(lookups.available_permits(), 1);
}

#[test]
fn s_11_a_name_with_one_address_inside_is_refused_as_a_whole() {
    let lookups = Arc::new(Semaphore::new(1));
    let resolver = |listed_only| resolver("10.0.0.0/8", listed_only, &lookups);
    let found = |texts: &[&str]| texts.iter().map(|text| format!("{text}:443").parse().unwrap()).collect();
    for (listed_only, addresses, fine) in [
        (false, &["1.1.1.1", "[2606:4700::1111]"][..], true),
        (false, &["1.1.1.1", "10.1.2.3"], true),
        (false, &["1.1.1.1", "127.0.0.1"], false),
        (false, &["1.1.1.1", "[::ffff:192.168.0.1]"], false),
        (true, &["10.1.2.3", "10.3.2.1"], true),
        (true, &["1.1.1.1"], false),
        (true, &["10.1.2.3", "1.1.1.1"], false),
    ] {
        let checked = resolver(listed_only).checked(found(addresses));
        assert_eq!(checked.is_ok(), fine, "{listed_only} {addresses:?}");
    }
}

#[tokio::test]
async fn s_11_what_is_handed_over_goes_without_tls_only_where_that_is_allowed_and_follows_nobody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let handover =
        |url| Handover { url, headers: &[], body: "{}".to_owned(), timeout: Duration::from_secs(1) };
    for (allowed, url) in [
        ("", url.as_str()),
        ("10.0.0.0/8", &url),
        ("127.0.0.1", "http://1.1.1.1/"),
        ("", "http://crm.example"),
    ] {
        let refused = client(allowed, true).post(handover(url)).await;
        assert_eq!(refused, Err(CallProblem::AddressRefused), "{allowed} {url}");
    }
    let fine = client("127.0.0.1", false);
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (answered, asked) = tokio::join!(fine.post(handover(&url)), answers(&listener, redirect(&other)));
    assert_eq!(answered, Ok(Answered { status: 302, retry_after: None, start: String::new() }));
    assert!(
        asked.starts_with("post / http/1.1") && asked.contains("content-type: application/json"),
        "{asked}"
    );
    let waited = tokio::time::timeout(Duration::from_millis(50), other.accept()).await;
    assert!(waited.is_err(), "somebody followed");
}
