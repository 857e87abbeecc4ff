//! The list with all its filters, the search and the counts, from outside. That every combination shows what it should in every
//! scope is proved in `persistence/tests/lists`.

use std::collections::BTreeSet;

use harness::hooks::whatsapp_message;
use harness::{Caller, TestApp};
use serde_json::{Value, json};

/// A customer with this name writes.
async fn writes(app: &TestApp, phone: &str, name: &str) -> String {
    let at = app.clock.now().unix_seconds();
    let mut body = whatsapp_message(phone, &format!("wamid.{phone}"), at, "Halo");
    body["entry"][0]["changes"][0]["value"]["contacts"][0]["profile"]["name"] = json!(name);
    app.hook("whatsapp", body.to_string()).await.expect(200);
    let found = app.admin().get(format!("/v1/conversations?tab=all&q={phone}")).await.expect(200);
    found["items"][0]["id"].as_str().expect("a number is found").to_owned()
}

async fn found(caller: &Caller, query: &str) -> BTreeSet<String> {
    let items = caller.all(&format!("/v1/conversations?tab=all&{query}")).await;
    items.iter().map(|one| one["contact"]["name"].as_str().unwrap().to_owned()).collect()
}

fn names<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.map(ToOwned::to_owned).into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn customers_are_found_by_any_part_of_their_name_and_number() {
    let app = TestApp::start().await;
    let admin = app.admin();
    for (phone, name) in [
        ("6281234567001", "José Ángel"),
        ("6281234567002", "BUDI Santoso"),
        ("6281234567003", "Toko 100%_\\ Murah"),
        ("6285500000004", "大谷 x"),
    ] {
        writes(&app, phone, name).await;
    }
    let everybody = names(["José Ángel", "BUDI Santoso", "Toko 100%_\\ Murah", "大谷 x"]);
    for (query, expected) in [
        ("q=jose", names(["José Ángel"])),
        ("q=%C3%81NGEL", names(["José Ángel"])),
        ("q=e", names(["José Ángel"])),
        ("q=o", names(["José Ángel", "BUDI Santoso", "Toko 100%_\\ Murah"])),
        ("q=%E5%A4%A7", names(["大谷 x"])),
        ("q=di%20s", names(["BUDI Santoso"])),
        ("q=%25", names(["Toko 100%_\\ Murah"])),
        ("q=_", names(["Toko 100%_\\ Murah"])),
        ("q=%5C", names(["Toko 100%_\\ Murah"])),
        ("q=%25u", names([])),
        ("q='%20OR%201%3D1", names([])),
        ("q=%2B62%20855-0000", names(["大谷 x"])),
        ("q=0855", names(["大谷 x"])),
        ("q=7002", names(["BUDI Santoso"])),
        ("q=628", everybody.clone()),
        ("unread=true", everybody.clone()),
        ("channel_kind=telegram", names([])),
        (
            "channel_kind=whatsapp&channel_kind=telegram&q=o&status=open&unread=true",
            names(["José Ángel", "BUDI Santoso", "Toko 100%_\\ Murah"]),
        ),
    ] {
        assert_eq!(found(&admin, query).await, expected, "{query}");
    }
    // By the id that the provider gives, whole only.
    let contact_id = "SELECT external_id AS value FROM contact_identities i JOIN contacts p ON p.id = i.contact_id WHERE p.name LIKE 'BUDI%'";
    let id = app.database.values(contact_id).remove(0);
    assert_eq!(found(&admin, &format!("q={id}")).await, names(["BUDI Santoso"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_a_division_and_what_is_read_narrow_the_list_and_the_counts_follow() {
    let app = TestApp::start().await;
    let (admin, siti, narrow) = (app.admin(), app.agent(0), app.narrow_agent());
    let mut ids = Vec::new();
    for n in 0..6 {
        ids.push(writes(&app, &format!("628123456700{n}"), &format!("Nama {n}")).await);
    }
    let act = async |who: &Caller, n: usize, what: &str, body: Value| {
        who.post(format!("/v1/conversations/{}/{what}", ids[n]), body).await.expect(200)
    };
    act(&admin, 0, "assign", json!({ "agent_id": siti.id() })).await;
    act(&admin, 1, "assign", json!({ "agent_id": narrow.id() })).await;
    act(&admin, 2, "assign", json!({ "division_id": app.team.division })).await;
    for (who, n, what) in [(&siti, 0, "read"), (&admin, 3, "resolve"), (&admin, 4, "archive")] {
        who.act(format!("/v1/conversations/{}/{what}", ids[n])).await.expect(200);
    }
    assert_eq!(found(&admin, &format!("agent_id={}", siti.id())).await, names(["Nama 0"]));
    let both = format!("agent_id={}&agent_id={}", siti.id(), narrow.id());
    assert_eq!(found(&admin, &both).await, names(["Nama 0", "Nama 1"]));
    assert_eq!(found(&admin, &format!("{both}&unread=true")).await, names(["Nama 1"]));
    assert_eq!(found(&admin, &format!("division_id={}", app.team.division)).await, names(["Nama 2"]));
    assert_eq!(found(&admin, "unread=true").await.len(), 3, "what is resolved is read");
    let counts = async |who: &Caller| who.get("/v1/conversations/counts").await.expect(200).json.clone();
    let expected = json!({ "mine": 0, "all": 5, "unassigned": 3, "archived": 1, "unread": 3 });
    assert_eq!(counts(&admin).await, expected);
    let expected = json!({ "mine": 1, "all": 5, "unassigned": 3, "archived": 1, "unread": 3 });
    assert_eq!(counts(&siti).await, expected);
    let expected = json!({ "mine": 1, "all": null, "unassigned": null, "archived": 0, "unread": 1 });
    assert_eq!(counts(&narrow).await, expected);
    // A customer who writes again takes the conversation out of the archive, and is unread in it.
    app.whatsapp_text("6281234567004", "wamid.again", "lagi").await;
    let expected = json!({ "mine": 0, "all": 6, "unassigned": 4, "archived": 0, "unread": 4 });
    assert_eq!(counts(&admin).await, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s13_whatever_is_asked_for_is_answered_or_refused_with_a_code() {
    let app = TestApp::start().await;
    let admin = app.admin();
    writes(&app, "6281234567001", "Nama").await;
    let long = "a".repeat(101);
    let many: String = (0..101).map(|_| format!("&agent_id={}", admin.id())).collect();
    let mut accepted = Vec::new();
    for wrong in [
        "q=%20",
        "q=%00",
        "q=a%0Ab",
        "q=%CC%81",
        "tab=none",
        "status=closed",
        "unread=yes",
        "unread=",
        "unread[]=true",
        "label_id=x",
        "label_id=%27",
        "agent_id=1",
        "division_id=%00",
        "channel_kind=sms",
        "channel_kind=",
        "q=a&q=b",
        "q[]=a",
        "q[$gt]=",
        "sort=name",
        "limit=0",
        "limit=101",
        "limit=1e9",
        "cursor=%25",
        "tab=all&tab=mine",
        &format!("q={long}"),
        &many[1..],
    ] {
        let refused = admin.get(format!("/v1/conversations?{wrong}")).undocumented().await;
        if refused.status != 422 {
            accepted.push((wrong.to_owned(), refused.status));
        }
    }
    assert_eq!(accepted, []);
    let stranger = "00000000-0000-4000-8000-000000000001";
    for none in [
        "q=%25%25",
        "q=_____",
        "q=%5C%5C",
        "q=%27%3B--",
        "q=%24%7Bx%7D",
        "q=%F0%9F%92%A9",
        "q=%EF%B7%BA",
        "q=%2B%2B%2B",
        "q=%22",
        &format!("label_id={stranger}"),
        &format!("agent_id={stranger}"),
        &format!("division_id={stranger}"),
        &format!("channel_id={stranger}&channel_kind=whatsapp"),
        &format!("q={}", &long[1..]),
    ] {
        let list = admin.get(format!("/v1/conversations?tab=all&{none}")).await.expect(200);
        assert_eq!(list["items"], json!([]), "{none}");
    }
}

/// who pages through many while others write sees everything once that stays where it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a06_paging_through_ten_thousand_while_customers_write_misses_and_doubles_nothing() {
    let app = TestApp::start().await;
    let channel = app.channel("telegram");
    let workspace = app.workspace;
    for statement in [
        "INSERT INTO contacts (workspace_id, id, name, search_name, created_at)
         SELECT '{workspace}', md5('customer ' || n)::uuid, 'Nama ' || n, 'nama ' || n, now() - n * interval '1 second'
         FROM generate_series(1, 10000) n",
        "INSERT INTO contact_identities (workspace_id, id, contact_id, channel_id, external_id, created_at)
         SELECT workspace_id, id, id, '{channel}', name, created_at FROM contacts",
        "INSERT INTO conversations (workspace_id, id, channel_id, contact_id, identity_id, last_activity_at, created_at)
         SELECT workspace_id, id, '{channel}', id, id, created_at, created_at FROM contacts",
    ] {
        let statement = statement.replace("{workspace}", &workspace.to_string());
        app.database.execute(&statement.replace("{channel}", channel));
    }
    let writing = async {
        for n in 0..60 {
            app.whatsapp_text(&format!("62812000000{:02}", n % 30), &format!("wamid.{n}"), "Halo").await;
        }
    };
    let admin = app.admin();
    let paging = async {
        let plain = admin
            .all("/v1/conversations?tab=all&limit=100&channel_kind=telegram&channel_kind=whatsapp")
            .await;
        let searched = admin.all("/v1/conversations?tab=all&limit=100&q=nama").await;
        (plain, searched)
    };
    let ((), (plain, searched)) = tokio::join!(writing, paging);
    for (what, items) in [("all", plain), ("searched", searched)] {
        let ids: BTreeSet<&str> = items.iter().map(|one| one["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), items.len(), "{what}: something is there twice");
        let untouched = items.iter().filter(|one| one["channel"]["kind"] == "telegram").count();
        assert_eq!(untouched, 10_000, "{what}: something is missing");
        let order: Vec<_> = items.iter().map(|one| one["last_activity_at"].as_str().unwrap()).collect();
        assert!(order.is_sorted_by(|one, next| one >= next), "{what} is not in order");
    }
}
