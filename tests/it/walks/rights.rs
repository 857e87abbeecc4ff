//! S-04: every documented operation, by each role. First it is called by everybody who may, on a thing
//! that is ready for it, and works; then by everybody else, and nothing has changed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use harness::client::PASSWORD;
use harness::contract::{Operation, operations};
use harness::mail::MailServer;
use harness::team::assignment_settings;
use harness::{Caller, TestApp, eventually};
use reqwest::Method;
use serde_json::{Value, json};

use super::{PUBLIC, operation_id};
use crate::support::text;

/// One call that works for whoever may make it.
pub struct Ready {
    pub path: String,
    pub body: Option<Value>,
}

impl Ready {
    fn at(path: impl Into<String>) -> Self {
        Self { path: path.into(), body: None }
    }

    fn with(path: impl Into<String>, body: Value) -> Self {
        Self { path: path.into(), body: Some(body) }
    }

    /// Makes the call.
    pub fn call(&self, caller: &Caller, operation: &Operation) -> harness::client::Call {
        let method: Method = operation.method.to_uppercase().parse().unwrap();
        let call = caller.call(method, self.path.clone());
        match &self.body {
            Some(body) => call.bytes("application/json", body.to_string()),
            None => call,
        }
    }
}

/// Makes things that are ready to be asked for, new ones for each call.
pub struct World {
    pub app: TestApp,
    mails: MailServer,
    made: AtomicU32,
}

impl World {
    pub async fn new() -> Self {
        let mails = MailServer::start().await;
        let app = TestApp::options().sandbox().mail(&mails).start().await;
        Self { app, mails, made: AtomicU32::new(0) }
    }

    fn number(&self) -> u32 {
        self.made.fetch_add(1, Ordering::Relaxed)
    }

    async fn waiting(&self) -> String {
        let customer = format!("62812{:08}", self.number());
        format!("/v1/conversations/{}", self.app.conversation(&customer, "Halo").await)
    }

    async fn held(&self, by: &Caller) -> String {
        let path = self.waiting().await;
        let to = json!({ "agent_id": by.id() });
        self.app.admin().post(format!("{path}/assign"), to).await.expect(200);
        path
    }

    async fn sent(&self, by: &Caller) -> String {
        let path = self.held(by).await;
        let sent = by.post(format!("{path}/messages"), text("Baik")).await.expect(201);
        self.at_rest().await;
        format!("{path}/messages/{}", sent.id())
    }

    /// Another member, who may be changed.
    async fn member(&self) -> String {
        let made = self.app.admin().post("/v1/agents", self.person()).await.expect(201);
        format!("/v1/agents/{}", made.id())
    }

    async fn invited(&self) -> String {
        let mut person = self.person();
        person.as_object_mut().unwrap().remove("password");
        let made = self.app.admin().post("/v1/agents", person).await.expect(201);
        self.mails.next().await;
        format!("/v1/agents/{}", made.id())
    }

    async fn division(&self) -> String {
        let name = format!("Divisi {}", self.number());
        let made = self.app.admin().post("/v1/divisions", json!({ "name": name })).await.expect(201);
        format!("/v1/divisions/{}", made.id())
    }

    async fn policy(&self) -> String {
        let body = json!({ "name": format!("Kebijakan {}", self.number()) });
        let made = self.app.admin().post("/v1/distribution-policies", body).await.expect(201);
        format!("/v1/distribution-policies/{}", made.id())
    }

    fn person(&self) -> Value {
        let email = format!("orang{}@satu.example", self.number());
        json!({ "name": "Nina", "email": email, "role": "agent", "password": PASSWORD })
    }

    /// Nothing is under way that would change a row by itself.
    async fn at_rest(&self) {
        eventually("that nothing waits to be sent", || async { (self.app.count("jobs") == 0).then_some(()) })
            .await;
    }

    /// The operation, ready to be called by this member.
    pub async fn ready(&self, operation: &Operation, caller: &Caller) -> Ready {
        let (app, admin) = (&self.app, self.app.admin());
        match operation_id(operation) {
            "list_agents" | "list_channels" | "list_divisions" | "list_tickets" | "get_me"
            | "get_workspace" | "list_conversations" | "list_events" => Ready::at(operation.path),
            "get_agent" => Ready::at(format!("/v1/agents/{}", app.agent(2).id())),
            "get_division" => Ready::at(format!("/v1/divisions/{}", app.division)),
            "get_channel" => Ready::at(format!("/v1/channels/{}", app.channel("whatsapp"))),
            "list_queue" | "list_notifications" => Ready::at(operation.path),
            "list_routing_decisions" => Ready::at(format!("{}/routing-decisions", self.waiting().await)),
            "list_timers" => Ready::at(format!("{}/timers", self.waiting().await)),
            "read_notifications" => {
                self.held(&admin).await;
                self.held(&app.agent(1)).await;
                Ready::with(operation.path, json!({ "all": true }))
            }
            "get_conversation" => Ready::at(self.waiting().await),
            "list_messages" => Ready::at(format!("{}/messages", self.waiting().await)),
            "get_message" => Ready::at(self.sent(caller).await),
            "get_ticket" | "list_ticket_messages" => {
                let held = admin.get(self.held(caller).await).await.expect(200);
                let ticket = format!("/v1/tickets/{}", held["ticket_id"].as_str().unwrap());
                Ready::at(operation.path.replace("/v1/tickets/{ticket_id}", &ticket))
            }
            "assign_conversation" => {
                let to = json!({ "agent_id": app.agent(1).id() });
                Ready::with(format!("{}/assign", self.waiting().await), to)
            }
            "unassign_conversation" => Ready::at(format!("{}/unassign", self.held(caller).await)),
            "claim_conversation" => Ready::at(format!("{}/claim", self.waiting().await)),
            "resolve_conversation" => Ready::at(format!("{}/resolve", self.waiting().await)),
            "archive_conversation" => Ready::at(format!("{}/archive", self.waiting().await)),
            "unarchive_conversation" => Ready::at(format!("{}/unarchive", self.waiting().await)),
            "read_conversation" => Ready::at(format!("{}/read", self.waiting().await)),
            "create_message" => Ready::with(format!("{}/messages", self.waiting().await), text("Halo")),
            "retry_message" => {
                let message = self.sent(caller).await;
                let id = message.rsplit('/').next().unwrap();
                let failed = "UPDATE messages SET status = 'failed', failed_at = now()";
                app.database.execute(&format!("{failed} WHERE id = '{id}'"));
                Ready::at(format!("{message}/retry"))
            }
            "create_channel" => {
                let token = format!("9{}:token-of-one-more-bot", self.number());
                Ready::with(operation.path, json!({ "kind": "telegram", "name": "Bot", "bot_token": token }))
            }
            "update_channel" => {
                let name = format!("Nomor {}", self.number());
                Ready::with(format!("/v1/channels/{}", app.channel("whatsapp2")), json!({ "name": name }))
            }
            "update_me" => Ready::with(operation.path, json!({ "name": caller.me().name })),
            "set_availability" => Ready::with(operation.path, json!({ "availability": "away" })),
            "list_api_keys" => Ready::at(operation.path),
            "create_api_key" => {
                Ready::with(operation.path, json!({ "name": "Kunci", "scopes": ["team:read"] }))
            }
            "delete_api_key" => {
                let body = json!({ "name": "Kunci", "scopes": ["team:read"] });
                let made = admin.post("/v1/api-keys", body).await.expect(201);
                Ready::at(format!("/v1/api-keys/{}", made["api_key"]["id"].as_str().unwrap()))
            }
            "list_audit_entries"
            | "get_assignment_settings"
            | "list_distribution_policies"
            | "count_conversations" => Ready::at(operation.path),
            "create_distribution_policy" => {
                Ready::with(operation.path, json!({ "name": format!("Kebijakan {}", self.number()) }))
            }
            "update_distribution_policy" => Ready::with(self.policy().await, json!({ "sticky_agent": true })),
            "get_distribution_policy" | "delete_distribution_policy" => Ready::at(self.policy().await),
            "create_division" => {
                let name = format!("Divisi {}", self.number());
                Ready::with(operation.path, json!({ "name": name, "agent_ids": [app.agent(1).id()] }))
            }
            "update_division" => {
                let name = format!("Divisi {}", self.number());
                Ready::with(self.division().await, json!({ "name": name }))
            }
            "update_division_members" => {
                let body = json!({ "agent_ids": [app.agent(1).id()] });
                Ready::with(format!("{}/members", self.division().await), body)
            }
            "get_division_deletion_impact" => Ready::at(format!("{}/deletion-impact", self.division().await)),
            "delete_division" => Ready::at(self.division().await),
            "update_workspace" => {
                Ready::with(operation.path, json!({ "name": format!("Toko {}", self.number()) }))
            }
            "update_assignment_settings" => Ready::with(operation.path, assignment_settings(&json!({}))),
            "simulate_routing" => {
                let channel = json!({ "channel_id": app.channel("whatsapp") });
                Ready::with(operation.path, json!({ "conversation": channel }))
            }
            "create_agent" => Ready::with(operation.path, self.person()),
            "update_agent" => Ready::with(self.member().await, json!({ "name": "Nina Kartika" })),
            "delete_agent" => Ready::at(self.member().await),
            "invite_agent" => Ready::at(format!("{}/invite", self.invited().await)),
            "set_agent_supervisor" => {
                let supervisor = json!({ "supervisor_id": app.supervisor().id() });
                Ready::with(format!("{}/supervisor", self.member().await), supervisor)
            }
            "set_agent_allocation" => {
                let body =
                    json!({ "channel_ids": [app.channel("whatsapp")], "division_ids": [app.division] });
                Ready::with(format!("{}/allocation", self.member().await), body)
            }
            "change_password" => {
                let body = json!({ "current_password": PASSWORD, "new_password": PASSWORD });
                Ready::with(operation.path, body)
            }
            "create_workspace" => {
                let slug = format!("toko-{}", self.number());
                let admin = json!({ "name": "X", "email": "x@x.example", "password": "kata-sandi" });
                Ready::with(operation.path, json!({ "name": "X", "slug": slug, "admin": admin }))
            }
            other => panic!("say how {other} is called so that it works"),
        }
    }
}

/// Who calls, by the words of `x-roles`.
fn callers(app: &TestApp) -> Vec<(&'static str, Caller)> {
    vec![
        ("admin", app.admin()),
        ("supervisor", app.supervisor()),
        ("agent", app.agent(0)),
        ("operator", app.operator()),
        ("nobody", app.anonymous()),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn s_04_each_operation_works_for_who_may_and_changes_nothing_for_who_may_not() {
    let world = World::new().await;
    let app = &world.app;
    for operation in operations().into_iter().filter(|one| !PUBLIC.contains(&operation_id(one))) {
        let what = operation_id(&operation);
        let roles = operation.spec["x-roles"].as_array().unwrap();
        let roles: BTreeSet<&str> = roles.iter().map(|role| role.as_str().unwrap()).collect();
        for (role, caller) in callers(app).into_iter().filter(|(role, _)| roles.contains(role)) {
            let reply = world.ready(&operation, &caller).await.call(&caller, &operation).await;
            assert!((200..300).contains(&reply.status), "{what} by the {role}: {}", reply.json);
        }
        for (role, caller) in callers(app).into_iter().filter(|(role, _)| !roles.contains(role)) {
            let ready = world.ready(&operation, &app.admin()).await;
            world.at_rest().await;
            let rows = app.database.snapshot();
            let reply = ready.call(&caller, &operation).await;
            let expected: &[u16] = match role {
                "nobody" | "operator" => &[401],
                _ if roles.contains("operator") => &[401],
                _ => &[403, 404],
            };
            assert!(expected.contains(&reply.status), "{what} by the {role}: {}", reply.status);
            assert_eq!(app.database.snapshot(), rows, "{what} by the {role}");
        }
    }
}
