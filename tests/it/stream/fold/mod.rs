//! what was loaded, and the events since, are what would be loaded now.

mod agents;
mod annotations;
mod api_keys;
mod contacts;

use std::collections::{BTreeMap, BTreeSet};
use std::future::IntoFuture;
use std::time::Duration;

use api::stream::cursor::StreamCursor;
use api::stream::protocol::{Envelope, Mode, ServerFrame};
use domain::event::EventType;
use harness::hooks::{messenger_message, telegram_message, whatsapp_message};
use harness::stream::Received;
use harness::{Caller, DEADLINE, Follower, MailServer, Reply, StreamClient, TestApp, contract, eventually};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::quick;
use super::screen::Screen;

mod administration;

mod presence;
mod restricted;
mod routing;
mod templates;

/// A client that has loaded once, and follows.
struct Watch {
    name: &'static str,
    caller: Caller,
    client: StreamClient,
    screen: Screen,
    /// What it was told live: by a later scope the same may not be hidden.
    heard: BTreeSet<&'static str>,
}

impl Watch {
    async fn begin(app: &TestApp, name: &'static str, caller: Caller) -> Self {
        let (screen, cursor) = Screen::load(&caller).await;
        let (client, ready) = StreamClient::of(app, &caller, Some(&cursor)).await;
        assert_eq!(ready.mode, Mode::Replay);
        let mut watch = Self { name, caller, client, screen, heard: BTreeSet::new() };
        for event in watch.client.caught_up().await {
            let frame = ServerFrame::Event(event);
            watch.screen.apply(&frame, &watch.caller).await;
        }
        watch
    }

    /// Takes events until the picture is what is loaded anew. Work of the server in the background may
    /// come between; then it is looked at again.
    async fn settle(&mut self, app: &TestApp, what: &str) {
        let until = Instant::now() + DEADLINE;
        let mut told = Vec::new();
        loop {
            let (fresh, _) = Screen::load(&self.caller).await;
            told.extend(self.follow(app.head(app.workspace).await).await);
            let mut differences = self.screen.differences(&fresh);
            let counts = self.caller.get("/v1/conversations/counts").await.expect(200);
            let counted = self.screen.counts(&self.caller, self.name != "narrow agent");
            if counts.json != counted {
                differences.push(format!("{counted} and {:?}", counts.json));
            }
            if differences.is_empty() {
                return self.could_read(what, &told).await;
            }
            let who = self.name;
            assert!(
                Instant::now() < until,
                "after {what} the {who} has, and would load:\n{}",
                differences.join("\n")
            );
        }
    }

    /// S-04 on the stream: what it was told of, it may read. What it may see no more, it is not told.
    async fn could_read(&self, what: &str, told: &[Envelope]) {
        for event in told {
            let (kind, happened) = event.event_type.as_str().split_once('.').unwrap();
            let gone = told.iter().any(|later| {
                let hides = later.event_type.as_str() == "conversation.hidden";
                later.seq > event.seq && hides && later.conversation_id == event.conversation_id
            });
            if gone || matches!(happened, "hidden" | "deleted") {
                continue;
            }
            let id = event.data["id"].as_str().unwrap_or_default();
            let path = match kind {
                "message" => {
                    let conversation = event.data["conversation_id"].as_str().unwrap();
                    format!("/v1/conversations/{conversation}/messages/{id}")
                }
                "contact" if matches!(happened, "merged" | "unmerged") => {
                    let path =
                        format!("/v1/contacts/{}/merges", event.data["contact"]["id"].as_str().unwrap());
                    self.caller.get(path).await.expect(200);
                    continue;
                }
                "template" if happened == "synced" => continue,
                "conversation" | "ticket" | "contact" | "agent" | "division" | "channel" | "label"
                | "template" => {
                    format!("/v1/{kind}s/{id}")
                }
                "note" => {
                    let path = format!("/v1/contacts/{}/notes", event.data["contact_id"].as_str().unwrap());
                    let listed = self.caller.all(&path).await;
                    assert!(listed.iter().any(|one| one["id"] == id), "after {what}: {id} is not in {path}");
                    continue;
                }
                "policy" => format!("/v1/distribution-policies/{id}"),
                "webhook_endpoint" => format!("/v1/webhook-endpoints/{id}"),
                "workspace" => "/v1/workspace".to_owned(),
                "settings" => "/v1/settings/assignment".to_owned(),
                "messaging_settings" => "/v1/settings/messaging".to_owned(),
                "notification_preferences" => "/v1/me/notification-preferences".to_owned(),
                // There is a list only.
                "routing" | "notification" => {
                    let path = match event.data["conversation_id"].as_str() {
                        Some(conversation) if kind == "routing" => {
                            format!("/v1/conversations/{conversation}/routing-decisions")
                        }
                        _ => "/v1/notifications".to_owned(),
                    };
                    let listed = self.caller.all(&path).await;
                    assert!(listed.iter().any(|one| one["id"] == id), "after {what}: {id} is not in {path}");
                    continue;
                }
                "api_key" => {
                    let listed = self.caller.all("/v1/api-keys").await;
                    assert!(listed.iter().any(|key| key["id"] == id), "after {what}: {id} is not listed");
                    continue;
                }
                other => panic!("say how a {other} is read"),
            };
            let status = self.caller.get(path.as_str()).await.status;
            let who = self.name;
            assert_eq!(status, 200, "after {what} the {who} was told {} of {path}", event.event_type);
        }
    }
}

impl Watch {
    /// Takes what comes until the server has sent all up to `head`; loads anew when it is told to. Answers the events.
    async fn follow(&mut self, head: i64) -> Vec<Envelope> {
        let until = Instant::now() + DEADLINE;
        let mut told = Vec::new();
        loop {
            assert!(Instant::now() < until, "{}: event {head} is not reached", self.name);
            match self.client.receive().await {
                Received::Frame(ServerFrame::Ping(place)) if place.seq >= head => return told,
                Received::Frame(ServerFrame::Ping(_) | ServerFrame::Ready(_) | ServerFrame::CaughtUp(_)) => {}
                Received::Frame(ServerFrame::Reset(_)) => {
                    let (screen, cursor) = Screen::load(&self.caller).await;
                    self.screen = screen;
                    self.client.send(json!({ "op": "subscribe", "since": cursor })).await;
                }
                Received::Frame(frame) => {
                    self.screen.apply(&frame, &self.caller).await;
                    if let ServerFrame::Event(event) = frame {
                        self.heard.insert(event.event_type.as_str());
                        told.push(event);
                    }
                }
                Received::Closed(code) => panic!("{}: closed with {code:?}", self.name),
            }
        }
    }
}

struct Fold {
    app: TestApp,
    watches: Vec<Watch>,
    covered: BTreeSet<String>,
}

impl Fold {
    async fn begin(app: TestApp) -> Self {
        let watches = vec![
            Watch::begin(&app, "admin", app.admin()).await,
            Watch::begin(&app, "supervisor", app.supervisor()).await,
            Watch::begin(&app, "agent", app.agent(2)).await,
            Watch::begin(&app, "narrow agent", app.narrow_agent()).await,
        ];
        Self { app, watches, covered: BTreeSet::new() }
    }

    /// Everybody's picture is right again.
    async fn settle(&mut self, what: &str) {
        for watch in &mut self.watches {
            watch.settle(&self.app, what).await;
        }
    }

    /// A call that changes something: it is told, and everybody's picture is right again.
    async fn does(&mut self, status: u16, call: impl IntoFuture<Output = Reply>) -> Reply {
        let before = self.app.head(self.app.workspace).await;
        let reply = call.await.expect(status);
        assert!(self.app.head(self.app.workspace).await > before, "{} is told nobody", reply.what);
        self.covers(&reply);
        self.settle(&reply.what).await;
        reply
    }

    fn covers(&mut self, reply: &Reply) {
        let (method, path) = reply.what.split_once(' ').unwrap();
        let operation = contract::operation(&Method::from_bytes(method.as_bytes()).unwrap(), path).unwrap();
        self.covered.insert(operation.spec["operationId"].as_str().unwrap().to_owned());
    }

    /// A hook with this WhatsApp message of the customer, whose fields are laid over a text message.
    async fn whatsapp(&mut self, customer: &str, id: &str, fields: Value) {
        let at = self.app.clock.now().unix_seconds();
        let mut body = whatsapp_message(customer, id, at, "Halo");
        let message = &mut body["entry"][0]["changes"][0]["value"]["messages"][0];
        message.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let hook = self.app.hook("whatsapp", body.to_string());
        self.does(200, hook).await;
    }

    async fn status(&mut self, customer: &str, id: &str, status: &str) {
        let body = harness::hooks::whatsapp_status(customer, id, self.app.clock.now().unix_seconds(), status);
        let hook = self.app.hook("whatsapp", body.to_string());
        self.does(200, hook).await;
    }

    /// The message has this status; answers what the provider calls it.
    async fn has_status(&self, path: &str, id: &Value, status: &str) -> String {
        let admin = self.app.admin();
        eventually(&format!("a message that is {status}"), || async {
            let list = admin.get(format!("{path}/messages")).await.expect(200);
            let items = list["items"].as_array().unwrap().clone();
            let found = items.into_iter().find(|one| one["id"] == *id).unwrap();
            (found["status"] == status)
                .then(|| found["provider_message_id"].as_str().unwrap_or("").to_owned())
        })
        .await
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r09_what_is_written_between_loading_and_subscribing_is_not_missed() {
    let app = TestApp::options().settings(quick).start().await;
    for caller in [app.admin(), app.supervisor(), app.narrow_agent()] {
        let (mut screen, cursor) = Screen::load(&caller).await;
        for number in 0..10 {
            let id = app.conversation(&format!("62812000000{number:02}"), "Halo").await;
            let holder = json!({ "agent_id": app.agent(number % 4).id() });
            let _ = app.admin().post(format!("/v1/conversations/{id}/assign"), holder).await.expect(200);
        }
        let (mut client, ready) = StreamClient::of(&app, &caller, Some(&cursor)).await;
        assert_eq!(ready.mode, Mode::Replay);
        for event in client.caught_up().await {
            let frame = ServerFrame::Event(event);
            screen.apply(&frame, &caller).await;
        }
        let differences = screen.differences(&Screen::load(&caller).await.0);
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r10_after_every_operation_what_was_loaded_and_the_events_are_what_would_be_loaded() {
    let mails = MailServer::start().await;
    let options = TestApp::options().sandbox().presence().settings(|settings| {
        quick(settings);
        settings.stream.heartbeat = Duration::from_millis(20);
    });
    let options = options.mail(&mails);
    let mut fold = Fold::begin(options.start().await).await;
    let names: BTreeMap<&str, Caller> = [
        ("admin", fold.app.admin()),
        ("siti", fold.app.agent(0)),
        ("rina", fold.app.agent(2)),
        ("joko", fold.app.narrow_agent()),
    ]
    .into();
    let admin = &names["admin"];

    customers_write(&mut fold).await;
    files_come(&mut fold).await;
    hands_change(&mut fold, &names).await;
    templates::templates_are_used(&mut fold).await;
    messages_are_sent(&mut fold, &names).await;
    annotations::labels_and_notes(&mut fold).await;

    let body = json!({ "kind": "telegram", "name": "Bot kedua", "bot_token": "777:token-of-the-second-bot" });
    let channel = fold.does(201, admin.post("/v1/channels", body)).await;
    let path = format!("/v1/channels/{}", channel.id());
    fold.does(200, admin.patch(path, json!({ "name": "Bot cadangan" }))).await;
    let path = format!("/v1/channels/{}", fold.app.channel("whatsapp"));
    fold.does(200, admin.patch(path, json!({ "name": "Nomor lama", "access_token": "token-0002" }))).await;
    presence::members_come_and_go(&mut fold).await;
    agents::team_changes(&mut fold).await;
    api_keys::keys_come_and_go(&mut fold, admin).await;
    routing::conversations_find_agents(&mut fold).await;
    contacts::contacts_change(&mut fold, admin).await;
    begins_a_workspace(&mut fold).await;
    joins(&mut fold, &mails).await;
    administration::changes(&mut fold).await;
    administration::policies_change(&mut fold).await;
    administration::endpoints_change(&mut fold).await;
    administration::integrators_deliver(&mut fold).await;

    let mutating = contract::operations().into_iter().filter(|operation| operation.method != "get");
    // What these change is seen by nobody but the member itself; a dry run changes nothing.
    let silent = [
        "create_attachment",
        "delete_attachment",
        "create_signed_urls",
        "simulate_routing",
        "invite_agent",
        "change_password",
        "confirm_password_reset",
        "login",
        "logout",
        "refresh",
        "request_password_reset",
        // A signal of the moment.
        "signal_typing",
        // What endpoints are sent is in their ledger.
        "redeliver_webhook_delivery",
        "redeliver_webhook_range",
        "test_webhook_endpoint",
    ];
    let missing: Vec<_> = mutating
        .map(|operation| operation.spec["operationId"].as_str().unwrap())
        .filter(|id| !silent.contains(id) && !fold.covered.contains(*id))
        .collect();
    assert!(missing.is_empty(), "no case tells what these do to a picture: {missing:?}");
    every_event_is_documented(&fold).await;
}

async fn customers_write(fold: &mut Fold) {
    let (ani, rina) = ("6281200000001", "628561002003");
    fold.whatsapp(ani, "wamid.1", json!({})).await;
    fold.whatsapp(ani, "wamid.2", json!({ "text": { "body": "Kedua" } })).await;
    let image =
        json!({ "type": "image", "image": { "id": "1", "mime_type": "image/jpeg", "caption": "Ini" } });
    fold.whatsapp(ani, "wamid.3", image).await;
    let reply = json!({ "context": { "id": "wamid.1" }, "text": { "body": "Yang itu" } });
    fold.whatsapp(ani, "wamid.4", reply).await;
    let words = json!({ "type": "text", "text": { "body": "Kedua, maksudnya" } });
    let edit = json!({ "original_message_id": "wamid.2", "message": words });
    fold.whatsapp(ani, "wamid.5", json!({ "type": "edit", "edit": edit })).await;
    for emoji in ["👍", ""] {
        let reaction = json!({ "message_id": "wamid.1", "emoji": emoji });
        let id = format!("wamid.6{emoji}");
        fold.whatsapp(ani, &id, json!({ "type": "reaction", "reaction": reaction })).await;
    }
    let revoke = json!({ "type": "revoke", "revoke": { "original_message_id": "wamid.4" } });
    fold.whatsapp(ani, "wamid.7", revoke).await;
    fold.whatsapp(rina, "wamid.8", json!({})).await;
    let system = json!({ "type": "user_changed_number", "wa_id": "628989001122", "body": "" });
    fold.whatsapp(rina, "wamid.9", json!({ "type": "system", "system": system })).await;

    let at = fold.app.clock.now().unix_seconds();
    let text = messenger_message("7412583690147258", "m_1", at * 1000, "Halo admin");
    let mut edit = text.clone();
    let event = &mut edit["entry"][0]["messaging"][0];
    event.as_object_mut().unwrap().remove("message");
    event["message_edit"] = json!({ "mid": "m_1", "text": "Halo kak", "num_edit": 1 });
    for body in [text, edit] {
        let hook = fold.app.hook("messenger", body.to_string());
        fold.does(200, hook).await;
    }
    let text = telegram_message(7_512_345_678, 1, 1, at, "Halo bot");
    let mut edit = telegram_message(7_512_345_678, 2, 1, at, "Halo");
    let mut message = edit.as_object_mut().unwrap().remove("message").unwrap();
    message["edit_date"] = json!(at);
    edit["edited_message"] = message;
    for body in [text, edit] {
        let hook = fold.app.hook("telegram", body.to_string());
        fold.does(200, hook).await;
    }
}

/// A file is told twice: when its message comes, and when its bytes are here.
async fn files_come(fold: &mut Fold) {
    let customer = fold.app.customer("whatsapp", "6281200000007");
    customer.sends(json!({ "kind": "image", "caption": "Ini fotonya" })).await;
    eventually("the bytes of the file", || async {
        (fold.app.count("attachments WHERE state = 'stored'") > 0).then_some(())
    })
    .await;
    fold.settle("a customer's file").await;
}

async fn hands_change(fold: &mut Fold, names: &BTreeMap<&str, Caller>) {
    let (admin, siti, rina, joko) = (&names["admin"], &names["siti"], &names["rina"], &names["joko"]);
    let id = fold.app.conversation("6281200000001", "Lagi").await;
    let path = format!("/v1/conversations/{id}");
    let assign = format!("{path}/assign");
    fold.does(200, admin.act(format!("{path}/read"))).await;
    fold.does(200, rina.act(format!("{path}/claim"))).await;
    fold.does(200, rina.post(&assign, json!({ "agent_id": siti.id() }))).await;
    fold.does(200, siti.post(&assign, json!({ "agent_id": joko.id() }))).await;
    fold.app.conversation("6281200000001", "Masih di sana?").await;
    fold.settle("a message").await;
    fold.does(200, joko.act(format!("{path}/unassign"))).await;
    fold.does(200, siti.act(format!("{path}/claim"))).await;
    let division = json!({ "division_id": fold.app.division });
    fold.does(200, siti.post(&assign, division.clone())).await;
    fold.does(200, admin.post(&assign, json!({ "agent_id": joko.id() }))).await;
    fold.does(200, admin.act(format!("{path}/archive"))).await;
    fold.does(200, admin.act(format!("{path}/unarchive"))).await;
    fold.does(200, admin.act(format!("{path}/archive"))).await;
    fold.does(200, admin.act(format!("{path}/resolve"))).await;
    fold.app.conversation("6281200000001", "Satu lagi").await;
    fold.settle("a message after the end").await;
    fold.does(200, admin.post(&assign, division)).await;
}

async fn messages_are_sent(fold: &mut Fold, names: &BTreeMap<&str, Caller>) {
    let (siti, number) = (&names["siti"], "6281234567890");
    let customer = fold.app.customer("whatsapp", number);
    customer.writes("Halo").await;
    customer.is(json!({ "auto": "none" })).await;
    fold.settle("the customer's message").await;
    let list = siti.get("/v1/conversations?tab=unassigned&limit=100").await.expect(200);
    let items = list["items"].as_array().unwrap();
    let found = items.iter().find(|one| one["contact"]["phone"] == number).unwrap();
    let path = format!("/v1/conversations/{}", found["id"].as_str().unwrap());
    let messages = format!("{path}/messages");
    let text =
        |text: &str| json!({ "kind": "text", "text": text, "client_message_id": text.replace(' ', "-") });

    let list = siti.get(&messages).await.expect(200);
    let written = list["items"].as_array().unwrap().iter().find(|one| one["direction"] == "inbound").unwrap();
    let reaction = format!("{messages}/{}/reaction", written["id"].as_str().unwrap());

    let sent = fold.does(201, siti.post(&messages, text("Sampai"))).await;
    fold.does(200, siti.put(&reaction, json!({ "emoji": "👍" }))).await;
    fold.does(200, siti.delete(&reaction)).await;
    let id = fold.has_status(&path, &sent["id"], "sent").await;
    for status in ["delivered", "read"] {
        fold.status(number, &id, status).await;
    }
    let reaction = json!({ "type": "reaction", "reaction": { "message_id": id, "emoji": "❤️" } });
    let user = fold
        .app
        .database
        .values("SELECT external_id AS value FROM contact_identities WHERE phone = '6281234567890'");
    let mut from = reaction;
    from["from_user_id"] = json!(user[0]);
    fold.whatsapp(number, "wamid.10", from).await;

    let sent = fold.does(201, siti.post(&messages, text("Tidak sampai"))).await;
    let id = fold.has_status(&path, &sent["id"], "sent").await;
    fold.status(number, &id, "failed").await;
    let retry = format!("{messages}/{}/retry", sent.id());
    fold.does(200, siti.act(retry)).await;
    fold.has_status(&path, &sent["id"], "sent").await;
    fold.settle("sending again").await;

    // The token is refused: the message fails and the channel needs attention.
    let refuse = json!({ "type": "refuse", "status": 401, "code": 190 });
    fold.app.faults(json!([{ "target": "send", "action": refuse }])).await;
    let sent = fold.does(201, siti.post(&messages, text("Ditolak"))).await;
    let channel = format!("/v1/channels/{}", fold.app.channel("whatsapp"));
    let admin = fold.app.admin();
    eventually("a channel that needs attention", || async {
        let channel = admin.get(&channel).await.expect(200);
        (channel["status"]["state"] == "needs_attention").then_some(())
    })
    .await;
    fold.settle(&format!("the refusal of {}", sent.id())).await;
    fold.app.no_faults().await;
}

async fn joins(fold: &mut Fold, mails: &MailServer) {
    fold.app.invite("Nina", "nina@satu.example").await;
    fold.settle("an invitation").await;
    let body =
        json!({ "token": mails.next().await.token(), "password": "kata-sandi-nina", "name": "Nina Kartika" });
    fold.does(200, fold.app.anonymous().post("/v1/auth/accept-invite", body)).await;
}

/// A new workspace has a log of its own, which tells everything from the beginning.
async fn begins_a_workspace(fold: &mut Fold) {
    let password = harness::client::PASSWORD;
    let body = json!({ "name": "Toko Baru", "slug": "baru",
        "admin": { "name": "Putri", "email": "putri@baru.example", "password": password } });
    let made = fold.app.operator().post("/v1/workspaces", body).await.expect(201);
    fold.covers(&made);
    let login = json!({ "workspace": "baru", "email": "putri@baru.example", "password": password });
    let tokens = fold.app.anonymous().post("/v1/auth/login", login).await.expect(200);
    let putri = fold.app.bearer(tokens["access_token"].as_str().unwrap());
    // She is noticed in the background: nothing else happens after that.
    eventually("Putri is online", || async {
        (putri.get("/v1/me").await.expect(200)["online"] == true).then_some(())
    })
    .await;
    let beginning = StreamCursor::new(fold.app.app().epoch, 0).to_string();
    let (mut client, _) = StreamClient::of(&fold.app, &putri, Some(&beginning)).await;
    let mut screen = Screen::default();
    screen.load_workspace(&putri).await;
    for event in client.caught_up().await {
        let frame = ServerFrame::Event(event);
        screen.apply(&frame, &putri).await;
    }
    let differences = screen.differences(&Screen::load(&putri).await.0);
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// Every type of event has happened, also as `GET /v1/events` tells it, and fits the AsyncAPI document.
async fn every_event_is_documented(fold: &Fold) {
    let beginning = StreamCursor::new(fold.app.app().epoch, 0).to_string();
    let mut seen = BTreeSet::new();
    for watch in &fold.watches {
        for event in Follower::from_cursor(watch.caller.clone(), beginning.clone()).rest().await {
            let mut frame = event.clone();
            frame["op"] = json!("event");
            contract::check_frame(&frame);
            seen.insert(harness::events::name(event));
        }
    }
    let heard = |name: &str| fold.watches.iter().any(|watch| watch.heard.contains(name));
    // A call to try an endpoint is in no log.
    let told = |one: &&EventType| {
        **one != EventType::WebhookEndpointTested && !seen.contains(one.as_str()) && !heard(one.as_str())
    };
    let missing: Vec<_> = EventType::ALL.iter().filter(told).collect();
    assert!(missing.is_empty(), "these never happened: {missing:?}");
}
