//! Lists of tickets and contacts: what narrows them, and what is refused.

use chrono::TimeDelta;
use harness::TestApp;
use serde_json::{Value, json};

use crate::support::text;

fn ids(items: &[Value]) -> Vec<&str> {
    items.iter().map(|one| one["id"].as_str().unwrap()).collect()
}

/// Tickets of three customers, oldest first: answered by Siti, open with Rina, resolved by Siti, and the same customer again,
/// open with Joko.
async fn four_tickets(app: &TestApp) -> Vec<Value> {
    let (admin, siti) = (app.admin(), app.agent(0));
    let mut tickets = Vec::new();
    for (which, (customer, name, holder)) in [
        ("6281200000001", "José Ángel", &siti),
        ("6281200000002", "Budi 100%", &app.agent(2)),
        ("6281200000003", "budi_joseph", &siti),
        ("6281200000003", "budi_joseph", &app.narrow_agent()),
    ]
    .into_iter()
    .enumerate()
    {
        let path = format!("/v1/conversations/{}", app.conversation(customer, "Halo").await);
        let named =
            format!("UPDATE contacts SET name = '{name}', search_name = '{}'", domain::search::folded(name));
        app.database.execute(&format!("{named} WHERE phone = '{customer}'"));
        admin.post(format!("{path}/assign"), json!({ "agent_id": holder.id() })).await.expect(200);
        match which {
            0 => drop(siti.post(format!("{path}/messages"), text("Baik")).await.expect(201)),
            2 => drop(siti.act(format!("{path}/resolve")).await.expect(200)),
            _ => {}
        }
        tickets.push(admin.get("/v1/tickets?limit=1").await.expect(200)["items"][0].clone());
        app.advance(TimeDelta::minutes(1));
    }
    tickets
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_narrows_a_list_of_tickets_alone_and_with_others() {
    let app = TestApp::start().await;
    let tickets = four_tickets(&app).await;
    let (siti, rina) = (app.agent(0).id(), app.agent(2).id());
    let at = |which: usize| tickets[which]["opened_at"].as_str().unwrap();
    let channel = app.channel("whatsapp");
    for (query, expected) in [
        (String::new(), vec![3, 2, 1, 0]),
        ("status=open".to_owned(), vec![3, 1]),
        ("status=answered&status=resolved".to_owned(), vec![2, 0]),
        (format!("opened_from={}", at(1)), vec![3, 2, 1]),
        (format!("opened_to={}", at(1)), vec![0]),
        (format!("opened_from={}&opened_to={}", at(1), at(3)), vec![2, 1]),
        (format!("opened_from={0}&opened_to={0}", at(1)), vec![]),
        (format!("agent_id={siti}"), vec![2, 0]),
        (format!("agent_id={siti}&agent_id={rina}"), vec![2, 1, 0]),
        (format!("channel_id={channel}"), vec![3, 2, 1, 0]),
        (format!("channel_id={}", app.channel("telegram")), vec![]),
        ("q=JOSE".to_owned(), vec![3, 2, 0]),
        ("q=%25".to_owned(), vec![1]),
        ("q=_".to_owned(), vec![3, 2]),
        ("q=b".to_owned(), vec![3, 2, 1]),
        (format!("q=budi&status=open&channel_id={channel}&opened_from={}", at(0)), vec![3, 1]),
        (format!("q=budi&agent_id={siti}"), vec![2]),
    ] {
        let expected: Vec<&str> =
            expected.iter().map(|which| tickets[*which]["id"].as_str().unwrap()).collect();
        for limit in [1, 2, 100] {
            let listed = app.admin().all(&format!("/v1/tickets?limit={limit}&{query}")).await;
            assert_eq!(ids(&listed), expected, "{query} by {limit}");
        }
    }
    // A supervisor asks for somebody else's tickets in vain; an agent has its own.
    let boss = app.supervisor();
    assert_eq!(ids(&boss.all(&format!("/v1/tickets?agent_id={siti}&agent_id={rina}&q=j")).await).len(), 2);
    assert_eq!(boss.all(&format!("/v1/tickets?agent_id={rina}")).await, Vec::<Value>::new());
    assert_eq!(app.agent(2).all("/v1/tickets?q=budi").await.len(), 1);
    assert_eq!(app.agent(2).all(&format!("/v1/tickets?agent_id={siti}")).await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_shows_its_whole_session_and_no_other() {
    let app = TestApp::start().await;
    let tickets = four_tickets(&app).await;
    let admin = app.admin();
    for (which, expected) in [(2, vec!["Halo", "assigned", "resolved"]), (3, vec!["Halo", "assigned"])] {
        let path = format!("/v1/tickets/{}/messages", tickets[which]["id"].as_str().unwrap());
        for limit in [1, 100] {
            let all = admin.all(&format!("{path}?limit={limit}")).await;
            let said = |one: &Value| {
                one["content"]["system"]["event"].as_str().or(one["text"].as_str()).unwrap().to_owned()
            };
            assert_eq!(all.iter().map(said).collect::<Vec<_>>(), expected);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contacts_are_listed_by_name_and_found_by_parts_of_it_numbers_labels_and_blocks() {
    let app = TestApp::start().await;
    four_tickets(&app).await;
    let admin = app.admin();
    app.database.execute(
        "INSERT INTO labels (workspace_id, id, name, search_name, color, created_at)
         SELECT id, '0192f000-0000-7000-8000-00000000000a', 'VIP', 'vip', '#FF0000', now() FROM workspaces",
    );
    app.database.execute(
        "INSERT INTO conversation_labels (workspace_id, conversation_id, label_id)
         SELECT workspace_id, id, '0192f000-0000-7000-8000-00000000000a' FROM conversations
         WHERE contact_id IN (SELECT id FROM contacts WHERE name LIKE 'Budi%')",
    );
    app.database.execute("UPDATE contacts SET blocked_at = now() WHERE name LIKE 'José%'");
    let (label, never) = ("0192f000-0000-7000-8000-00000000000a", crate::walks::NOBODY);
    for (query, expected) in [
        (String::new(), vec!["Budi 100%", "budi_joseph", "José Ángel"]),
        ("q=BÚDI".to_owned(), vec!["Budi 100%", "budi_joseph"]),
        ("q=0812-0000-0003".to_owned(), vec!["budi_joseph"]),
        ("q=%2B62 812".to_owned(), vec!["Budi 100%", "budi_joseph", "José Ángel"]),
        (format!("label_id={label}&label_id={never}"), vec!["Budi 100%"]),
        (format!("label_id={never}"), vec![]),
        ("blocked=true".to_owned(), vec!["José Ángel"]),
        ("blocked=false&q=jos".to_owned(), vec!["budi_joseph"]),
        (format!("blocked=false&q=1&label_id={label}"), vec!["Budi 100%"]),
    ] {
        for limit in [1, 100] {
            let listed = admin.all(&format!("/v1/contacts?limit={limit}&{query}")).await;
            let names: Vec<_> = listed.iter().map(|one| one["name"].as_str().unwrap()).collect();
            assert_eq!(names, expected, "{query} by {limit}");
            for one in &listed {
                let read =
                    admin.get(format!("/v1/contacts/{}", one["id"].as_str().unwrap())).await.expect(200);
                assert_eq!(read.json, *one);
                assert_eq!(read.header("etag").unwrap(), format!("\"{}\"", one["version"]));
            }
        }
    }
    assert_eq!(
        admin.all("/v1/contacts?blocked=true").await[0]["blocked_at"].as_str().map(str::len),
        Some(27)
    );
}

/// S-13 for these lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_13_whatever_is_asked_for_is_answered_or_refused_and_changes_nothing() {
    let app = TestApp::start().await;
    four_tickets(&app).await;
    let admin = app.admin();
    let before = app.database.snapshot();
    let long = "a".repeat(101);
    let many = "0192f000-0000-7000-8000-000000000000&agent_id=".repeat(51) + crate::walks::NOBODY;
    let nasty = [
        "'",
        "\"",
        "%25",
        "_",
        "%5C",
        "%25%27_%5C",
        "%00",
        "a%00b",
        "[]",
        "{}",
        "1%27%20OR%20%271%27=%271",
        "%FF%FE",
        "-1",
        "%F0%9F%98%80",
        "%E2%80%8B",
        "%CC%81",
        "9999-12-31T23:59:59.999999Z",
        "0000-01-01T00:00:00Z",
        "null",
        "",
        "%20",
        "0",
        "99999999999999999999",
        "true",
        "%0D%0A",
        "b",
        &long,
        &many,
    ];
    for (path, parameters) in [
        (
            "/v1/tickets",
            &["q", "status", "agent_id", "channel_id", "opened_from", "opened_to", "cursor", "limit", "sort"]
                [..],
        ),
        (
            "/v1/tickets/export",
            &["q", "status", "agent_id", "channel_id", "opened_from", "opened_to", "limit"],
        ),
        ("/v1/contacts", &["q", "label_id", "blocked", "cursor", "limit", "tab"]),
        ("/v1/notifications", &["unread", "cursor", "limit"]),
    ] {
        for parameter in parameters {
            let ask = |query: String| {
                let admin = &admin;
                async move {
                    let reply = admin.get(format!("{path}?{query}")).await;
                    assert!(
                        matches!(reply.status, 200 | 422),
                        "{path}?{query}: {} {}",
                        reply.status,
                        reply.json
                    );
                }
            };
            for value in nasty {
                ask(format!("{parameter}={value}")).await;
            }
            ask(format!("q=b&{parameter}=%00&{parameter}='")).await;
            ask(format!("{parameter}[]=b")).await;
        }
    }
    for query in [
        "q=%20",
        "q=%CC%81",
        &format!("q={long}"),
        "q=%00",
        "opened_from=2026-11-22T00:00:00Z&opened_to=2026-11-21T00:00:00Z",
    ] {
        admin.get(format!("/v1/tickets?{query}")).await.problem(422, "validation_failed");
    }
    admin.get(format!("/v1/tickets?agent_id={many}")).await.problem(422, "validation_failed");
    assert_eq!(app.database.snapshot(), before);
}

/// A-07 for these lists.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_07_a_cursor_is_good_for_its_list_and_filter_only() {
    let app = TestApp::start().await;
    four_tickets(&app).await;
    let admin = app.admin();
    let other = app.another_team("dua").await.admin();
    for (path, own, others) in [
        (
            "/v1/tickets",
            "status=open",
            ["", "status=answered", "status=open&q=b", "status=open&opened_from=2026-01-01T00:00:00Z"],
        ),
        ("/v1/tickets", "q=b", ["", "q=bu", "q=b&status=open", "status=open"]),
        ("/v1/contacts", "q=b", ["", "q=bu", "q=b&blocked=false", "blocked=false"]),
    ] {
        let page = admin.get(format!("{path}?{own}&limit=1")).await.expect(200);
        let cursor = page["next_cursor"].as_str().unwrap();
        let next = admin.get(format!("{path}?{own}&cursor={cursor}")).await.expect(200);
        assert!(!next["items"].as_array().unwrap().is_empty());
        let changed =
            format!("{}{}", &cursor[..cursor.len() - 1], if cursor.ends_with('A') { 'B' } else { 'A' });
        for broken in [&cursor[1..], &cursor[..cursor.len() - 2], changed.as_str(), "x"] {
            admin.get(format!("{path}?{own}&cursor={broken}")).await.problem(422, "invalid_cursor");
        }
        for filter in others {
            admin.get(format!("{path}?{filter}&cursor={cursor}")).await.problem(422, "invalid_cursor");
        }
        for list in ["/v1/conversations?tab=all", "/v1/agents?", "/v1/notifications?"] {
            admin.get(format!("{list}&cursor={cursor}")).await.problem(422, "invalid_cursor");
        }
        other.get(format!("{path}?{own}&cursor={cursor}")).await.problem(422, "invalid_cursor");
    }
}
