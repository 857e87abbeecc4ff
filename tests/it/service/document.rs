//! The document is what is served, what is committed, and complete.

use std::collections::BTreeSet;
use std::path::Path;

use harness::TestApp;
use harness::contract::{Operation, document, operations, validator};
use reqwest::Method;
use serde_json::Value;

const ROLES: [&str; 6] = ["admin", "supervisor", "agent", "public", "provider", "operator"];

fn committed(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../openapi").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Where two texts differ first, so that a failure can be read.
fn same(what: &str, ours: &str, theirs: &str) {
    if ours != theirs {
        let lines = ours.lines().zip(theirs.lines()).enumerate();
        let first = lines.into_iter().find(|(_, (a, b))| a != b);
        panic!("{what} differs; run `make openapi` and commit. First difference: {first:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_committed_is_what_is_served() {
    let app = TestApp::start().await;
    let openapi = app.anonymous().get("/openapi.json").await.expect(200);
    same(
        "openapi/openapi.json",
        &committed("openapi.json"),
        &String::from_utf8(openapi.body.clone()).unwrap(),
    );
    assert_eq!(openapi.json, *document());
    let asyncapi = app.anonymous().get("/asyncapi.yaml").await.expect(200);
    same("openapi/asyncapi.yaml", &committed("asyncapi.yaml"), &String::from_utf8(asyncapi.body).unwrap());
}

#[test]
fn every_operation_says_what_it_is_who_may_and_what_can_go_wrong() {
    let tags: BTreeSet<&str> =
        document()["tags"].as_array().unwrap().iter().map(|tag| tag["name"].as_str().unwrap()).collect();
    let schemes = document()["components"]["securitySchemes"].as_object().unwrap();
    let mut ids = BTreeSet::new();
    for one in operations() {
        let what = format!("{} {}", one.method, one.path);
        let spec = one.spec;
        assert!(spec["summary"].as_str().is_some_and(|text| !text.is_empty()), "{what}: no summary");
        let own: Vec<_> = spec["tags"].as_array().unwrap().iter().map(|tag| tag.as_str().unwrap()).collect();
        assert!(own.len() == 1 && tags.contains(own[0]), "{what}: {own:?}");
        let id = spec["operationId"].as_str().unwrap();
        assert!(ids.insert(id), "{what}: {id} is there twice");
        assert!(id.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{what}: {id}");
        let security = spec["security"].as_array().unwrap_or_else(|| panic!("{what}: no security"));
        assert!(!security.is_empty(), "{what}");
        for name in security.iter().flat_map(|one| one.as_object().unwrap().keys()) {
            assert!(schemes.contains_key(name), "{what}: {name}");
        }
        let roles = spec["x-roles"].as_array().unwrap_or_else(|| panic!("{what}: no x-roles"));
        assert!(
            !roles.is_empty() && roles.iter().all(|role| ROLES.contains(&role.as_str().unwrap())),
            "{what}"
        );
        check_parameters(&what, one.path, spec);
        check_responses(&what, one, security);
    }
}

fn check_parameters(what: &str, path: &str, spec: &Value) {
    let declared: BTreeSet<_> = spec["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|parameter| parameter["in"] == "path")
        .map(|parameter| parameter["name"].as_str().unwrap())
        .collect();
    let in_path: BTreeSet<_> =
        path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
    assert_eq!(declared, in_path, "{what}");
}

fn check_responses(what: &str, operation: Operation, security: &[Value]) {
    let spec = operation.spec;
    let responses = spec["responses"].as_object().unwrap();
    assert!(responses.keys().any(|status| status.starts_with('2') || status == "101"), "{what}");
    let open = security.iter().any(|one| one.as_object().unwrap().is_empty());
    assert!(open || responses.contains_key("401"), "{what}: who is refused?");
    assert!(
        spec["requestBody"].is_null() || responses.keys().any(|status| status.starts_with("4")),
        "{what}"
    );
    for status in responses.keys() {
        let response = operation.response(status).unwrap();
        assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {status}");
        let content = response["content"].as_object();
        if status.starts_with('4') || status.starts_with('5') {
            let schema =
                content.and_then(|content| content["application/problem+json"]["schema"]["$ref"].as_str());
            let plain = what.ends_with("/readyz");
            assert!(plain || schema == Some("#/components/schemas/Problem"), "{what}: {status}");
        }
        for (media_type, body) in content.into_iter().flatten() {
            assert!(!body["schema"].is_null(), "{what}: {status} {media_type}");
            let _ = validator(&body["schema"]);
        }
    }
}

#[test]
fn every_list_can_be_paged_by_what_is_documented() {
    let mut lists = 0;
    // A conversation has at most one timer of a kind: they are one page.
    for one in operations().into_iter().filter(|one| !one.path.ends_with("/timers")) {
        let schema = &one.spec["responses"]["200"]["content"]["application/json"]["schema"]["$ref"];
        if !schema.as_str().is_some_and(|link| link.starts_with("#/components/schemas/Page_")) {
            continue;
        }
        lists += 1;
        let parameters = one.spec["parameters"].as_array().into_iter().flatten();
        let query: BTreeSet<_> = parameters
            .filter(|parameter| parameter["in"] == "query")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        let on = query.contains("cursor") || query.contains("before");
        assert!(on && query.contains("limit"), "{}: {query:?}", one.path);
    }
    assert!(lists > 10, "only {lists} lists were found");
}

#[test]
fn every_example_fits_its_schema() {
    let mut examples = 0;
    for (name, schema) in document()["components"]["schemas"].as_object().unwrap() {
        walk(name, schema, &mut examples);
    }
    for one in operations() {
        walk(one.path, one.spec, &mut examples);
    }
    assert!(examples > 20, "only {examples} examples were found");
}

fn walk(place: &str, value: &Value, examples: &mut u32) {
    match value {
        Value::Object(map) => {
            let single = map.get("example").into_iter();
            let several = map.get("examples").and_then(Value::as_array).into_iter().flatten();
            if map.contains_key("type") || map.contains_key("$ref") || map.contains_key("oneOf") {
                for example in single.chain(several) {
                    *examples += 1;
                    let errors: Vec<_> =
                        validator(value).iter_errors(example).map(|error| error.to_string()).collect();
                    assert!(errors.is_empty(), "{place}: {example} is no good example: {errors:?}");
                }
            }
            map.iter().for_each(|(name, inner)| walk(&format!("{place}/{name}"), inner, examples));
        }
        Value::Array(items) => items.iter().for_each(|inner| walk(place, inner, examples)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_08_what_is_not_documented_is_refused_with_405_and_allow_or_404() {
    let app = TestApp::start().await;
    let paths: BTreeSet<&str> = operations().into_iter().map(|one| one.path).collect();
    for path in paths {
        let documented: BTreeSet<String> = operations()
            .into_iter()
            .filter(|one| one.path == path)
            .map(|one| one.method.to_uppercase())
            .collect();
        let filled = crate::walks::filled(path, |_| "0192f000-0000-7000-8000-000000000000".to_owned());
        for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            if documented.contains(method.as_str()) {
                continue;
            }
            let reply =
                app.admin().call(method, &filled).undocumented().await.problem(405, "method_not_allowed");
            let allow: BTreeSet<String> =
                reply.header("allow").unwrap().split(", ").map(ToOwned::to_owned).collect();
            assert_eq!(allow, documented, "{path}");
        }
    }
    for path in
        ["/", "/v1", "/v1/nothing", "/v2/agents", "/v1/agents/", "/v1//agents", "/hooks", "/openapi.yaml"]
    {
        app.admin().get(path).undocumented().await.problem(404, "not_found");
    }
}
