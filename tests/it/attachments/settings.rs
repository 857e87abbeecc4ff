//! The messaging settings: who may set them, and to what.

use harness::TestApp;
use serde_json::{Value, json};

const SETTINGS: &str = "/v1/settings/messaging";
const MIB: u64 = 1024 * 1024;

pub fn settings(minutes: Value, limits: [u64; 4]) -> Value {
    let [image, video, document, audio] = limits;
    let limits = json!({ "image": image, "video": video, "document": document, "audio": audio });
    json!({ "reply_window_warning_minutes": minutes, "attachment_limits": limits })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_are_the_admins_within_what_a_provider_could_take() {
    let app = TestApp::start().await;
    let admin = app.admin();
    let read = admin.get(SETTINGS).await.expect(200);
    let mut expected = settings(Value::Null, [MIB; 4]);
    expected["version"] = json!(1);
    assert_eq!((read.json.clone(), read.header("etag")), (expected, Some("\"1\"")));
    let rows = app.database.snapshot();
    for who in [app.supervisor(), app.agent(0)] {
        who.get(SETTINGS).await.problem(403, "forbidden");
        who.put(SETTINGS, settings(json!(1), [1; 4])).await.problem(403, "forbidden");
    }
    let most = [10 * MIB, 50 * MIB, 100 * MIB, 50 * MIB];
    for place in 0..4 {
        for wrong in [0, most[place] + 1] {
            let mut limits = most;
            limits[place] = wrong;
            let refused =
                admin.put(SETTINGS, settings(Value::Null, limits)).await.problem(422, "validation_failed");
            let name = ["image", "video", "document", "audio"][place];
            assert_eq!(refused["errors"][0]["pointer"], format!("/attachment_limits/{name}"));
        }
    }
    for minutes in [json!(0), json!(1441), json!(-1), json!("5"), json!(1.5)] {
        admin.put(SETTINGS, settings(minutes, [1; 4])).await.problem(422, "validation_failed");
    }
    admin.put(SETTINGS, json!({ "reply_window_warning_minutes": 5 })).await.problem(422, "validation_failed");
    let same = admin.put(SETTINGS, settings(Value::Null, [MIB; 4])).await.expect(200);
    assert_eq!((same["version"].clone(), app.database.snapshot()), (json!(1), rows));

    let (mut log, mut others) = (app.follow().await, harness::Follower::from_now(app.agent(0)).await);
    let set = admin.put(SETTINGS, settings(json!(1440), most)).if_match(1).await.expect(200);
    assert_eq!(
        (set.header("etag"), &set["attachment_limits"]["document"]),
        (Some("\"2\""), &json!(100 * MIB))
    );
    let stale = admin.put(SETTINGS, settings(json!(5), most)).if_match(1).await;
    stale.problem(412, "version_mismatch");
    let told = log.until("the change", |event| event["type"] == "messaging_settings.updated").await.clone();
    assert_eq!(told["data"], set.json);
    assert_eq!(told["previous"]["reply_window_warning_minutes"], Value::Null);
    assert!(others.rest().await.is_empty());
    let trail = admin.get("/v1/audit-entries?subject_type=messaging_settings").await.expect(200);
    assert_eq!(trail["items"][0]["after"]["reply_window_warning_minutes"], 1440);
}
