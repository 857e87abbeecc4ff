//! The list: each filter alone, all of them together, in every order, cut into pages of any size.

use std::collections::BTreeSet;

use harness::TestApp;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

/// The team as an admin reads it member by member: what the model looks at.
async fn world() -> (TestApp, Vec<Value>) {
    let mut app = TestApp::start().await;
    let hired = app.hire(30).await;
    let mut random = StdRng::seed_from_u64(7);
    let channels = ["whatsapp", "messenger", "telegram"].map(|kind| app.channel(kind).to_owned());
    let supervisors = [app.supervisor().id(), app.lone_supervisor().id()];
    let names = ["José", "jose", "Ånita", "Budi", "Budi", "Álvaro 50%", "Tono_x", "Wahyu"];
    for (n, member) in hired.iter().enumerate() {
        let path = super::path(member);
        let admin = app.admin();
        let name = format!("{} {}", names[n % names.len()], n / 16);
        admin.patch(&path, json!({ "name": name })).await.expect(200);
        let own: Vec<_> = channels.iter().filter(|_| random.random_bool(0.4)).collect();
        let divisions: Vec<_> = [app.division].into_iter().filter(|_| random.random_bool(0.3)).collect();
        let body = json!({ "channel_ids": own, "division_ids": divisions });
        admin.put(format!("{path}/allocation"), body).await.expect(200);
        match n % 5 {
            0 => drop(admin.patch(&path, json!({ "role": "supervisor" })).await.expect(200)),
            1 | 2 => {
                let body = json!({ "supervisor_id": supervisors[n % 2] });
                admin.put(format!("{path}/supervisor"), body).await.expect(200);
            }
            3 if n % 2 == 0 => drop(admin.delete(&path).await.expect(204)),
            _ => {}
        }
        app.database.execute(&format!(
            "UPDATE agent_counts SET assigned = {}, handled = {}, resolved = {} WHERE agent_id = '{}'",
            random.random_range(0..4),
            random.random_range(0..9),
            random.random_range(0..3),
            member.id()
        ));
    }
    app.database.execute("UPDATE agents SET availability = 'away' WHERE active AND id::text ~ '[0-5]$'");
    let ids = app
        .database
        .values(&format!("SELECT id::text AS value FROM agents WHERE workspace_id = '{}'", app.workspace));
    let mut everyone = Vec::new();
    for id in ids {
        everyone.push(app.admin().get(format!("/v1/agents/{id}")).await.expect(200).json);
    }
    (app, everyone)
}

/// What the list should be, by going through everybody.
fn model(everyone: &[Value], query: &[(&str, String)], sort: &str) -> Vec<Value> {
    let values = |name: &str| -> Vec<&str> {
        query.iter().filter(|(of, _)| *of == name).map(|(_, value)| value.as_str()).collect()
    };
    let any = |name: &str, has: &dyn Fn(&str) -> bool| {
        let wanted = values(name);
        wanted.is_empty() || wanted.iter().any(|value| has(value))
    };
    let within = |list: &Value, id: &str| list.as_array().unwrap().iter().any(|one| one["id"] == id);
    let fits = |one: &&Value| {
        let name = domain::search::folded(one["name"].as_str().unwrap());
        any("role", &|role| one["role"] == role)
            && any("availability", &|word| one["availability"] == word)
            && any("supervisor_id", &|id| one["supervisor"]["id"] == id)
            && any("division_id", &|id| within(&one["divisions"], id))
            && any("channel_id", &|id| within(&one["channels"], id))
            && any("q", &|words| name.contains(&domain::search::folded(words.trim())))
            && one["active"] == (values("active") != ["false"])
    };
    let mut found: Vec<Value> = everyone.iter().filter(fits).cloned().collect();
    let text = |one: &Value, field: &str| one[field].as_str().unwrap().to_owned();
    if sort == "name" {
        found.sort_by_key(|one| (text(one, "name"), text(one, "id")));
    } else {
        found.sort_by_key(|one| std::cmp::Reverse((one["counts"][sort].as_i64().unwrap(), text(one, "id"))));
    }
    found
}

fn address(query: &[(&str, String)], sort: &str, limit: usize) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(query);
    pairs.append_pair("sort", sort).append_pair("limit", &limit.to_string());
    format!("/v1/agents?{}", pairs.finish())
}

const SORTS: [&str; 4] = ["name", "assigned", "handled", "resolved"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_filter_alone_and_together_lists_whom_a_look_at_everybody_finds() {
    let (app, everyone) = world().await;
    let mut choices: Vec<(&str, String)> = Vec::new();
    choices.extend(["admin", "supervisor", "agent"].map(|role| ("role", role.to_owned())));
    choices.extend(["online", "away", "offline"].map(|word| ("availability", word.to_owned())));
    choices.extend([app.supervisor(), app.lone_supervisor()].map(|one| ("supervisor_id", one.id())));
    choices.push(("supervisor_id", super::NOBODY.to_owned()));
    choices.push(("division_id", app.division.to_string()));
    choices.extend(
        ["whatsapp", "messenger", "telegram"].map(|kind| ("channel_id", app.channel(kind).to_owned())),
    );
    choices.extend(["true", "false"].map(|active| ("active", active.to_owned())));
    choices.extend(["jose", "É", "a", "50%", "%", "_", "\\", " budi "].map(|words| ("q", words.to_owned())));
    let mut queries: Vec<Vec<(&str, String)>> = choices.iter().map(|one| vec![one.clone()]).collect();
    queries.push(Vec::new());
    let seed: u64 = rand::random();
    let mut random = StdRng::seed_from_u64(seed);
    for _ in 0..120 {
        let count = random.random_range(2..6);
        let mut query: Vec<_> = choices.sample(&mut random, count).cloned().collect();
        // These two are asked for once.
        for single in ["q", "active"] {
            let mut first = true;
            query.retain(|(name, _)| *name != single || std::mem::take(&mut first));
        }
        queries.push(query);
    }
    let mut found = 0;
    for query in &queries {
        let sort = SORTS.choose(&mut random).unwrap();
        let limit = [1, 3, 7, 100].choose(&mut random).unwrap();
        let listed = app.admin().all(&address(query, sort, *limit)).await;
        let expected = model(&everyone, query, sort);
        assert_eq!(listed, expected, "seed {seed}: {query:?} by {sort}");
        found += usize::from(!expected.is_empty());
    }
    assert!(found > 40, "{found} of {} lists had anybody in them", queries.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_order_gives_everybody_once_however_it_is_cut() {
    let (app, everyone) = world().await;
    for sort in SORTS {
        let expected = model(&everyone, &[], sort);
        for limit in [1, 2, 5, 99] {
            let listed = app.admin().all(&address(&[], sort, limit)).await;
            let ids: BTreeSet<_> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
            assert_eq!(ids.len(), listed.len(), "{sort} by {limit}: somebody comes twice");
            assert_eq!(listed, expected, "{sort} by {limit}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_07_a_cursor_belongs_to_its_filter_and_order() {
    let app = TestApp::start().await;
    let stranger = app.another_team("dua").await.admin();
    let lists = [
        "/v1/agents?limit=1".to_owned(),
        "/v1/agents?limit=1&sort=assigned".to_owned(),
        "/v1/agents?limit=1&sort=handled".to_owned(),
        "/v1/agents?limit=1&role=agent".to_owned(),
        "/v1/agents?limit=1&role=agent&role=supervisor".to_owned(),
        "/v1/agents?limit=1&q=a".to_owned(),
        "/v1/agents?limit=1&availability=online".to_owned(),
        format!("/v1/agents?limit=1&supervisor_id={}", app.supervisor().id()),
        "/v1/divisions?limit=1".to_owned(),
        "/v1/channels?limit=1".to_owned(),
    ];
    for (n, list) in lists.iter().enumerate().take(8) {
        let page = app.admin().get(list).await.expect(200);
        let cursor = page["next_cursor"].as_str().unwrap_or_else(|| panic!("{list} has one page"));
        for (other, elsewhere) in lists.iter().enumerate() {
            let reply = app.admin().get(format!("{elsewhere}&cursor={cursor}")).await;
            if n == other {
                reply.expect(200);
            } else {
                reply.problem(422, "invalid_cursor");
            }
        }
        stranger.get(format!("{list}&cursor={cursor}")).await.problem(422, "invalid_cursor");
        app.admin().get(format!("{list}&cursor={cursor}x")).await.problem(422, "invalid_cursor");
    }
    // Who was given the cursor of an order that it may not see cannot use it.
    let page = app.admin().get(&lists[1]).await.expect(200);
    let cursor = page["next_cursor"].as_str().unwrap();
    app.agent(0).get(format!("{}&cursor={cursor}", lists[1])).await.problem(403, "forbidden");
}
