//! The export of tickets: what it holds, and what it holds up.

use harness::TestApp;
use harness::wire::request;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const EXPORT: &str = "/v1/tickets/export";

/// So many tickets of one customer, some of them opened at the same time, and a name that every program for tables minds.
fn fill(app: &TestApp, count: usize, name: &str) {
    let admin = app.admin().id();
    app.database.execute(&format!(
        "INSERT INTO tickets (workspace_id, id, conversation_id, channel_id, session_id, agent_id, session_started_at, opened_at,
             answered_at, closed_at)
         SELECT c.workspace_id, gen_random_uuid(), c.id, c.channel_id, gen_random_uuid(), '{admin}', c.created_at,
             c.created_at - n / 3 * interval '1 second', CASE WHEN n % 2 = 0 THEN c.created_at END, c.created_at
         FROM conversations c, generate_series(1, {count}) n"
    ));
    app.database.execute(&format!("UPDATE contacts SET name = '{name}', search_name = lower('{name}')"));
    app.database.execute("ANALYZE tickets");
}

/// The rows of a table as RFC 4180 has it.
fn table(body: &[u8]) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(body);
    reader.records().map(|row| row.unwrap().iter().map(ToOwned::to_owned).collect()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_export_is_the_list_whatever_its_length_and_its_cells_are_no_formulas() {
    let app = TestApp::start().await;
    app.conversation("6281234567890", "Halo").await;
    fill(&app, 20_000, "=HYPERLINK(\"x\",\"Bu\ndi\")");
    let admin = app.admin();
    for filter in ["", "status=resolved&q=budi", "q=b"] {
        let export = admin.get(format!("{EXPORT}?{filter}")).await.expect(200);
        assert_eq!(export.header("content-type"), Some("text/csv; charset=utf-8; header=present"));
        let day = app.clock.now().to_string()[..10].to_owned();
        let named = format!("attachment; filename=\"tickets-{day}.csv\"");
        assert_eq!(export.header("content-disposition"), Some(named.as_str()));
        let rows = table(&export.body);
        let (header, rows) = rows.split_first().unwrap();
        let listed = admin.all(&format!("/v1/tickets?limit=100&{filter}")).await;
        assert_eq!(listed.len(), if filter.contains("budi") { 0 } else { 20_000 });
        assert_eq!(rows.len(), listed.len(), "{filter}");
        let place = |name: &str| header.iter().position(|column| column == name).unwrap();
        for (row, one) in rows.iter().zip(&listed) {
            let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            for (column, value) in [
                ("id", word(&one["id"])),
                ("status", word(&one["status"])),
                ("customer", format!("'{}", word(&one["contact"]["name"]))),
                ("customer_phone", word(&one["contact"]["phone"])),
                ("agent", word(&one["agent"]["name"])),
                ("channel", word(&one["channel"]["name"])),
                ("channel_kind", word(&one["channel"]["kind"])),
                ("session_started_at", word(&one["session_started_at"])),
                ("opened_at", word(&one["opened_at"])),
                ("answered_at", word(&one["answered_at"])),
                ("closed_at", word(&one["closed_at"])),
                ("conversation_id", word(&one["conversation_id"])),
                ("contact_id", word(&one["contact"]["id"])),
                ("agent_id", word(&one["agent"]["id"])),
                ("channel_id", word(&one["channel"]["id"])),
            ] {
                assert_eq!(row[place(column)], value, "{column}");
            }
        }
    }
    // Rights are the list's.
    let own = app.agent(0).get(EXPORT).await.expect(200);
    assert_eq!(table(&own.body).len(), 1, "a header only");
}

/// An export that nobody reads: asked for, and the beginning of its answer taken.
async fn unread(app: &TestApp, token: &str) -> TcpStream {
    let address = app.base().strip_prefix("http://").unwrap().parse().unwrap();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(16 * 1024).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let bearer = format!("Bearer {token}");
    stream
        .write_all(&request("GET", EXPORT, &[("Authorization", &bearer), ("Connection", "close")], b""))
        .await
        .unwrap();
    let mut beginning = [0; 12];
    stream.read_exact(&mut beginning).await.unwrap();
    assert_eq!(&beginning, b"HTTP/1.1 200");
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exports_that_nobody_reads_hold_no_connections_and_are_cut_when_the_right_ends() {
    let app = TestApp::options().settings(|settings| settings.database.connections = 2).start().await;
    app.conversation("6281234567890", "Halo").await;
    fill(&app, 30_000, &"n".repeat(200));
    let admin = app.admin();
    let other = admin.sign_in().await.expect(200);
    let (token, ended) = (admin.token().await.unwrap(), other["access_token"].as_str().unwrap());
    let mut slow = Vec::new();
    for token in [&token, ended, &token, &token, &token] {
        slow.push(unread(&app, token).await);
    }
    for _ in 0..20 {
        admin.get("/v1/tickets?limit=1").await.expect(200);
    }
    let refresh = json!({ "refresh_token": other["refresh_token"] });
    app.anonymous().post("/v1/auth/logout", refresh).await.expect(204);
    let mut ends = Vec::new();
    for mut stream in slow.drain(..2) {
        let mut rest = Vec::new();
        // A reset instead of an end is a cut as well.
        let _ = stream.read_to_end(&mut rest).await;
        ends.push((rest.len(), rest.ends_with(b"\r\n0\r\n\r\n")));
    }
    let [(whole, true), (part, false)] = ends[..] else { panic!("not whole, then cut: {ends:?}") };
    assert!(part < whole, "{ends:?}");
}
