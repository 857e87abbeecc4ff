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

use super::{PUBLIC, a_file, media_type, messaging_settings, operation_id};
use crate::attachments::PNG;
use crate::support::{approved, template, text};

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
        if operation_id(operation) == "create_attachment" {
            let (content_type, body) = a_file();
            return call.bytes(&content_type, body);
        }
        match &self.body {
            Some(body) => call.bytes(media_type(operation), body.to_string()),
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

    /// What a customer wrote in a conversation that this member holds.
    async fn written(&self, by: &Caller) -> String {
        let path = self.held(by).await;
        let list = self.app.admin().get(format!("{path}/messages")).await.expect(200);
        let inbound = list["items"].as_array().unwrap().iter().find(|one| one["direction"] == "inbound");
        format!("{path}/messages/{}", inbound.unwrap()["id"].as_str().unwrap())
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

    async fn contact(&self) -> String {
        let made = self.app.admin().post("/v1/contacts", json!({ "name": "Ani" })).await.expect(201);
        format!("/v1/contacts/{}", made.id())
    }

    /// What was merged into a contact, and the contact.
    async fn merged(&self) -> (String, String) {
        let (path, other) = (self.contact().await, self.contact().await);
        let body = json!({ "contact_id": other.rsplit('/').next() });
        let merged = self.app.admin().post(format!("{path}/merge"), body).await.expect(200);
        (merged["merge"]["id"].as_str().unwrap().to_owned(), path)
    }

    async fn policy(&self) -> String {
        let body = json!({ "name": format!("Kebijakan {}", self.number()) });
        let made = self.app.admin().post("/v1/distribution-policies", body).await.expect(201);
        format!("/v1/distribution-policies/{}", made.id())
    }

    async fn template(&self) -> String {
        let name = format!("templat_{}", self.number());
        let body = template(self.app.channel("whatsapp"), &name);
        let made = self.app.admin().post("/v1/templates", body).await.expect(201);
        self.at_rest().await;
        format!("/v1/templates/{}", made.id())
    }

    /// A file that was uploaded and not sent.
    async fn upload(&self, by: &Caller) -> String {
        let made = by.upload("image", "foto.png", PNG).await.expect(201);
        format!("/v1/attachments/{}", made.id())
    }

    async fn label(&self) -> String {
        let body = json!({ "name": format!("Label {}", self.number()), "color": "#123456" });
        let made = self.app.admin().post("/v1/labels", body).await.expect(201);
        format!("/v1/labels/{}", made.id())
    }

    /// An endpoint that wants what never happens by itself.
    async fn endpoint(&self) -> String {
        let url = format!("http://127.0.0.1:9/{}", self.number());
        let body = json!({ "url": url, "event_types": ["webhook_endpoint.tested"] });
        let made = self.app.admin().post("/v1/webhook-endpoints", body).await.expect(201);
        format!("/v1/webhook-endpoints/{}", made["webhook_endpoint"]["id"].as_str().unwrap())
    }

    /// A channel of an integrator.
    async fn line(&self) -> String {
        let name = format!("Situs {}", self.number());
        let made =
            self.app.admin().post("/v1/channels", json!({ "kind": "api", "name": name })).await.expect(201);
        format!("/v1/channels/{}", made.id())
    }

    /// Where a customer's notes are.
    async fn notes(&self) -> String {
        let conversation = self.app.admin().get(self.waiting().await).await.expect(200);
        format!("/v1/contacts/{}/notes", conversation["contact"]["id"].as_str().unwrap())
    }

    fn person(&self) -> Value {
        let email = format!("orang{}@satu.example", self.number());
        json!({ "name": "Nina", "email": email, "role": "agent", "password": PASSWORD })
    }

    /// Nothing is under way that would change a row by itself.
    pub async fn at_rest(&self) {
        eventually("that nothing waits to be sent", || async {
            (self.app.count("jobs") == 0 && endpoints_rest(&self.app)).then_some(())
        })
        .await;
    }

    /// The operation, ready to be called by this member.
    pub async fn ready(&self, operation: &Operation, caller: &Caller) -> Ready {
        let (app, admin) = (&self.app, self.app.admin());
        match operation_id(operation) {
            "list_agents"
            | "list_channels"
            | "list_divisions"
            | "list_tickets"
            | "export_tickets"
            | "list_contacts"
            | "get_me"
            | "get_notification_preferences"
            | "get_workspace"
            | "list_conversations"
            | "list_events" => Ready::at(operation.path),
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
            "list_templates" => Ready::at(operation.path),
            "get_template" | "delete_template" => Ready::at(self.template().await),
            "update_template" => Ready::with(self.template().await, json!({ "initiate": false })),
            "create_template" => {
                let name = format!("templat_{}", self.number());
                Ready::with(operation.path, template(app.channel("whatsapp"), &name))
            }
            "sync_templates" => Ready::at(format!("/v1/channels/{}/templates/sync", app.channel("whatsapp"))),
            "start_conversation" => {
                let id = approved(app, "whatsapp", &format!("templat_{}", self.number())).await;
                let phone = format!("+62813{:08}", self.number());
                let parameters = json!({ "body": { "1": "Rina", "2": "INV-1" } });
                let template = json!({ "template_id": id, "parameters": parameters });
                let body =
                    json!({ "channel_id": app.channel("whatsapp"), "phone": phone, "template": template });
                Ready::with(operation.path, body)
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
            "set_reaction" => {
                Ready::with(format!("{}/reaction", self.written(caller).await), json!({ "emoji": "👍" }))
            }
            "delete_reaction" => Ready::at(format!("{}/reaction", self.written(caller).await)),
            "signal_typing" => Ready::at(format!("{}/typing", self.held(caller).await)),
            "create_channel" => {
                let token = format!("9{}:token-of-one-more-bot", self.number());
                Ready::with(operation.path, json!({ "kind": "telegram", "name": "Bot", "bot_token": token }))
            }
            "update_channel" => {
                let name = format!("Nomor {}", self.number());
                Ready::with(format!("/v1/channels/{}", app.channel("whatsapp2")), json!({ "name": name }))
            }
            "rotate_channel_secret" => Ready::at(format!("{}/rotate-secret", self.line().await)),
            "deliver_inbound" => {
                let path = format!("{}/inbound", self.line().await);
                Ready::with(path, super::body_of(operation).unwrap())
            }
            "update_notification_preferences" => {
                let toast = self.number().is_multiple_of(2);
                Ready::with(operation.path, json!({ "sound": false, "toast": toast, "muted_kinds": [] }))
            }
            "update_me" => Ready::with(operation.path, json!({ "name": caller.me().name })),
            "set_availability" => Ready::with(operation.path, json!({ "availability": "away" })),
            "list_webhook_endpoints" => Ready::at(operation.path),
            "create_webhook_endpoint" => Ready::with(operation.path, super::body_of(operation).unwrap()),
            "get_webhook_endpoint"
            | "delete_webhook_endpoint"
            | "list_webhook_deliveries"
            | "rotate_webhook_secret"
            | "test_webhook_endpoint" => Ready::at(
                operation.path.replace("/v1/webhook-endpoints/{endpoint_id}", &self.endpoint().await),
            ),
            "update_webhook_endpoint" => {
                let description = format!("Endpoint {}", self.number());
                Ready::with(self.endpoint().await, json!({ "description": description }))
            }
            "redeliver_webhook_range" => {
                let path = format!("{}/redeliver", self.endpoint().await);
                Ready::with(path, json!({ "from_seq": 1, "to_seq": 1_000_000 }))
            }
            "get_webhook_delivery" | "redeliver_webhook_delivery" => {
                let endpoint = self.endpoint().await;
                let test = admin.act(format!("{endpoint}/test")).await.expect(202);
                self.at_rest().await;
                let path = format!("{endpoint}/deliveries/{}", test.id());
                Ready::at(if operation.method == "post" { format!("{path}/redeliver") } else { path })
            }
            "list_api_keys" => Ready::at(operation.path),
            "create_api_key" => {
                Ready::with(operation.path, json!({ "name": "Kunci", "scopes": ["team:read"] }))
            }
            "delete_api_key" => {
                let body = json!({ "name": "Kunci", "scopes": ["team:read"] });
                let made = admin.post("/v1/api-keys", body).await.expect(201);
                Ready::at(format!("/v1/api-keys/{}", made["api_key"]["id"].as_str().unwrap()))
            }
            "create_attachment" => Ready::at(operation.path),
            "get_attachment" | "delete_attachment" => Ready::at(self.upload(caller).await),
            "get_attachment_content" => Ready::at(format!("{}/content", self.upload(caller).await)),
            "create_signed_urls" => Ready::with(operation.path, json!({ "attachment_ids": [] })),
            "get_messaging_settings" => Ready::at(operation.path),
            "update_messaging_settings" => Ready::with(operation.path, messaging_settings()),
            "list_audit_entries"
            | "get_assignment_settings"
            | "list_distribution_policies"
            | "count_conversations" => Ready::at(operation.path),
            "create_distribution_policy" => {
                Ready::with(operation.path, json!({ "name": format!("Kebijakan {}", self.number()) }))
            }
            "update_distribution_policy" => Ready::with(self.policy().await, json!({ "sticky_agent": true })),
            "get_distribution_policy" | "delete_distribution_policy" => Ready::at(self.policy().await),
            "export_contacts" => Ready::at(operation.path),
            "create_contact" => Ready::with(operation.path, json!({ "name": "Ani" })),
            "import_contacts" => Ready::with(operation.path, json!("name")),
            "get_contact" | "delete_contact" => Ready::at(self.contact().await),
            "update_contact" => Ready::with(self.contact().await, json!({ "company": "PT Tani" })),
            "block_contact" => Ready::at(format!("{}/block", self.contact().await)),
            "unblock_contact" => {
                let path = self.contact().await;
                admin.act(format!("{path}/block")).await.expect(200);
                Ready::at(format!("{path}/unblock"))
            }
            "merge_contact" => {
                let other = self.contact().await;
                let body = json!({ "contact_id": other.rsplit('/').next() });
                Ready::with(format!("{}/merge", self.contact().await), body)
            }
            "unmerge_contact" => {
                let (merge, path) = self.merged().await;
                Ready::with(format!("{path}/unmerge"), json!({ "merge_id": merge }))
            }
            "list_contact_merges" => Ready::at(format!("{}/merges", self.merged().await.1)),
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
            "list_labels" => Ready::at(operation.path),
            "create_label" => {
                let name = format!("Label {}", self.number());
                Ready::with(operation.path, json!({ "name": name, "color": "#123456" }))
            }
            "get_label" | "delete_label" => Ready::at(self.label().await),
            "get_label_deletion_impact" => Ready::at(format!("{}/deletion-impact", self.label().await)),
            "update_label" => Ready::with(self.label().await, json!({ "color": "#654321" })),
            "label_conversation" | "unlabel_conversation" => {
                let (conversation, label) = (self.waiting().await, self.label().await);
                let path = format!("{conversation}{}", label.strip_prefix("/v1").unwrap());
                if operation.method == "delete" {
                    admin.put(&path, json!({})).await.expect(200);
                }
                Ready::at(path)
            }
            "list_notes" => Ready::at(self.notes().await),
            "create_note" => Ready::with(self.notes().await, json!({ "text": "Sudah bayar" })),
            "update_note" | "delete_note" => {
                let notes = self.notes().await;
                let note = caller.post(&notes, json!({ "text": "Sudah bayar" })).await.expect(201);
                let path = format!("{notes}/{}", note.id());
                match operation.method {
                    "patch" => Ready::with(path, json!({ "text": "Belum bayar" })),
                    _ => Ready::at(path),
                }
            }
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

/// Every log has been looked through for the endpoints, and what came of it is settled.
pub fn endpoints_rest(app: &TestApp) -> bool {
    let behind =
        "webhook_endpoints e JOIN event_counters c USING (workspace_id) WHERE e.active AND e.position < c.seq
        AND e.deleted_at IS NULL";
    app.count(behind) == 0 && app.count("webhook_deliveries WHERE state = 'pending'") == 0
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
