//! What each role sees and may do; whatever is refused changes nothing.

use std::collections::BTreeMap;

use harness::{Caller, TestApp};
use serde_json::json;

use crate::support::text;

/// Conversations by the letter of who holds them.
struct World {
    app: TestApp,
    ids: BTreeMap<char, String>,
}

/// `0`: agent 0 (supervised); `2`: agent 2 (not); `3`: agent 3 (without `view_all`); `s`: the supervisor;
/// `a`: the admin; `u`: nobody; `r`: resolved; `x`: agent 2, archived; `y`: agent 3, archived.
async fn world() -> World {
    let app = TestApp::start().await;
    let mut ids = BTreeMap::new();
    for (n, letter) in ('0'..='9').chain('a'..='z').filter(|letter| "023saurxy".contains(*letter)).enumerate()
    {
        let id = app.conversation(&format!("628120000000{n}"), "Halo").await;
        let holder = match letter {
            '0' | 'r' => Some(app.agent(0)),
            '2' | 'x' => Some(app.agent(2)),
            '3' | 'y' => Some(app.narrow_agent()),
            's' => Some(app.supervisor()),
            'a' => Some(app.admin()),
            _ => None,
        };
        let path = format!("/v1/conversations/{id}");
        if let Some(holder) = holder {
            let to = json!({ "agent_id": holder.id() });
            app.admin().post(format!("{path}/assign"), to).await.expect(200);
        }
        match letter {
            'r' => drop(app.admin().act(format!("{path}/resolve")).await.expect(200)),
            'x' | 'y' => drop(app.admin().act(format!("{path}/archive")).await.expect(200)),
            _ => {}
        }
        ids.insert(letter, id);
    }
    World { app, ids }
}

impl World {
    fn path(&self, letter: char) -> String {
        format!("/v1/conversations/{}", self.ids[&letter])
    }

    async fn letters(&self, caller: &Caller, tab: &str) -> String {
        let listed = caller.all(&format!("/v1/conversations?tab={tab}&limit=2")).await;
        let letter = |id: &str| *self.ids.iter().find(|(_, own)| *own == id).unwrap().0;
        let mut letters: Vec<char> = listed.iter().map(|one| letter(one["id"].as_str().unwrap())).collect();
        letters.sort_unstable();
        letters.into_iter().collect()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_04_each_role_sees_its_conversations_and_no_others() {
    let world = world().await;
    let app = &world.app;
    for (caller, mine, all, unassigned, archived) in [
        (app.admin(), "a", Some("023arsu"), Some("ru"), "xy"),
        (app.supervisor(), "s", Some("0rsu"), Some("ru"), ""),
        (app.lone_supervisor(), "", Some("ru"), Some("ru"), ""),
        (app.agent(0), "0", Some("023arsu"), Some("ru"), "xy"),
        (app.narrow_agent(), "3", None, None, "y"),
    ] {
        let name = caller.me().name.clone();
        assert_eq!(world.letters(&caller, "mine").await, mine, "{name}: mine");
        assert_eq!(world.letters(&caller, "archived").await, archived, "{name}: archived");
        for (tab, sees) in [("all", all), ("unassigned", unassigned)] {
            match sees {
                Some(sees) => assert_eq!(world.letters(&caller, tab).await, sees, "{name}: {tab}"),
                None => {
                    drop(caller.get(format!("/v1/conversations?tab={tab}")).await.problem(403, "forbidden"))
                }
            }
        }
        let sees = format!("{}{archived}{mine}", all.unwrap_or_default());
        for letter in world.ids.keys() {
            for path in [world.path(*letter), format!("{}/messages", world.path(*letter))] {
                let reply = caller.get(path).await;
                match sees.contains(*letter) {
                    true => drop(reply.expect(200)),
                    false => drop(reply.problem(404, "not_found")),
                }
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_04_what_may_not_be_done_is_403_or_404_and_changes_nothing() {
    let world = world().await;
    let app = &world.app;
    let rows = app.database.snapshot();
    let (hidden, known) = ((404, "not_found"), (403, "forbidden"));
    for (caller, letter, refusal) in [
        (app.supervisor(), '2', hidden),
        (app.supervisor(), '3', hidden),
        (app.supervisor(), 'a', hidden),
        (app.supervisor(), 'x', hidden),
        (app.lone_supervisor(), '0', hidden),
        (app.lone_supervisor(), 's', hidden),
        (app.agent(0), '2', known),
        (app.agent(0), '3', known),
        (app.agent(0), 's', known),
        (app.agent(0), 'a', known),
        (app.agent(0), 'x', known),
        (app.narrow_agent(), '0', hidden),
        (app.narrow_agent(), 'u', hidden),
        (app.narrow_agent(), 'r', hidden),
        (app.narrow_agent(), 'x', hidden),
    ] {
        let path = world.path(letter);
        for what in ["unassign", "resolve", "archive", "unarchive", "read"] {
            let reply = caller.act(format!("{path}/{what}")).await;
            assert_eq!(
                (reply.status, reply["code"].as_str().unwrap()),
                refusal,
                "{} {what} {letter}",
                caller.me().name
            );
        }
        let to = json!({ "agent_id": caller.id() });
        caller.post(format!("{path}/assign"), to).await.problem(refusal.0, refusal.1);
        caller.post(format!("{path}/messages"), text("Halo")).await.problem(refusal.0, refusal.1);
        let claim = caller.act(format!("{path}/claim")).await;
        let expected = if refusal == hidden { hidden } else { (409, "already_held") };
        assert_eq!((claim.status, claim["code"].as_str().unwrap()), expected);
    }
    assert_eq!(app.database.snapshot(), rows);
    // Looking after an agent does not mean having read for it.
    app.supervisor().act(format!("{}/read", world.path('0'))).await.problem(403, "forbidden");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_04_conversations_are_given_only_to_those_one_may_give_to() {
    let world = world().await;
    let app = &world.app;
    let everyone = [
        app.admin(),
        app.supervisor(),
        app.lone_supervisor(),
        app.agent(0),
        app.agent(1),
        app.agent(2),
        app.narrow_agent(),
    ];
    for (giver, letter, may) in [
        (app.admin(), 'a', vec![0, 1, 2, 3, 4, 5, 6]),
        (app.supervisor(), 's', vec![1, 3, 4]),
        (app.lone_supervisor(), 'u', vec![2]),
        (app.agent(0), '0', vec![3, 4, 5, 6]),
    ] {
        for (which, to) in everyone.iter().enumerate() {
            // It begins where the giver may give it away, each time.
            let back = match letter {
                'u' => app.admin().act(format!("{}/unassign", world.path(letter))).await,
                _ => {
                    app.admin()
                        .post(format!("{}/assign", world.path(letter)), json!({ "agent_id": giver.id() }))
                        .await
                }
            };
            assert!(back.status == 200 || back["code"] == "not_held");
            let rows = app.database.snapshot();
            let reply =
                giver.post(format!("{}/assign", world.path(letter)), json!({ "agent_id": to.id() })).await;
            let what = format!("{} to {}", giver.me().name, to.me().name);
            if may.contains(&which) {
                assert_eq!(reply.status, 200, "{what}");
                assert_eq!(reply["assignee"]["id"], to.id());
            } else {
                assert_eq!((reply.status, &reply["code"]), (422, &json!("not_assignable")), "{what}");
                assert!(reply["detail"].as_str().unwrap().contains(&to.me().name));
                assert_eq!(app.database.snapshot(), rows);
            }
        }
    }
    app.database.execute(&format!("UPDATE agents SET active = false WHERE id = '{}'", app.agent(2).id()));
    let gone = json!({ "agent_id": app.agent(2).id() });
    app.admin().post(format!("{}/assign", world.path('a')), gone).await.problem(422, "not_assignable");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_supervisor_acts_for_its_agents_and_divisions_wait_in_the_queue() {
    let world = world().await;
    let app = &world.app;
    let path = world.path('0');
    app.supervisor().post(format!("{path}/messages"), text("Saya bantu")).await.expect(201);
    let held = app.supervisor().get(&path).await.expect(200);
    assert_eq!(held["assignee"]["id"], app.agent(0).id(), "helping takes nothing away");
    let waiting = app
        .supervisor()
        .post(format!("{path}/assign"), json!({ "division_id": app.division }))
        .await
        .expect(200);
    assert_eq!((&waiting["handler"], &waiting["division"]["name"]), (&json!("queue"), &json!("Penjualan")));
    app.supervisor()
        .post(format!("{path}/assign"), json!({ "agent_id": app.agent(1).id() }))
        .await
        .expect(200);
    app.supervisor().act(format!("{path}/resolve")).await.expect(200);
}
