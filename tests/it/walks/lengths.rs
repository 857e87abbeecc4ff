//! what is longer than the document allows is refused, field by field.

use harness::contract::{Operation, document, operations};
use serde_json::{Value, json};

use super::rights::{Ready, World};
use super::{PUBLIC, operation_id};

/// The fields of an operation's body that have a greatest length, and that length.
fn limited(operation: &Operation) -> Vec<(&'static str, usize)> {
    let schema = &operation.spec["requestBody"]["content"]["application/json"]["schema"];
    let Some(name) = schema["$ref"].as_str().and_then(|link| link.rsplit('/').next()) else {
        return Vec::new();
    };
    let schema = &document()["components"]["schemas"][name];
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .filter_map(|(name, field)| {
            Some((name.as_str(), usize::try_from(field["maxLength"].as_u64()?).ok()?))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_longer_than_documented_is_refused() {
    let world = World::new().await;
    let mut tried = 0;
    for operation in operations().into_iter().filter(|one| !PUBLIC.contains(&operation_id(one))) {
        let fields = limited(&operation);
        if fields.is_empty() {
            continue;
        }
        let by_operator = operation.spec["x-roles"] == json!(["operator"]);
        let caller = if by_operator { world.app.operator() } else { world.app.admin() };
        let ready = world.ready(&operation, &caller).await;
        let body = ready.body.clone().unwrap();
        for (name, most) in fields {
            let mut long = body.clone();
            long[name] = Value::String("a".repeat(most + 1));
            let reply = Ready { path: ready.path.clone(), body: Some(long) }.call(&caller, &operation).await;
            let what = format!("{} {name}", operation_id(&operation));
            assert!((400..500).contains(&reply.status), "{what}: {}", reply.json);
            if reply.status == 422 && body.get(name).is_some() {
                assert_eq!(reply["errors"][0]["pointer"], format!("/{name}"), "{what}");
            }
            tried += 1;
        }
    }
    assert!(tried > 30, "only {tried} fields were tried");
}
