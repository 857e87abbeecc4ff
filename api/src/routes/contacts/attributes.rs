//! What attributes may be, for the document; `domain::contact` decides.

use std::borrow::Cow;

use domain::contact::ATTRIBUTES_MAX;
use serde_json::{Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// Attributes of a contact to be made.
pub struct NewAttributes;

/// Attributes to be set, or with null to be taken away.
pub struct AttributeChanges;

impl PartialSchema for NewAttributes {
    fn schema() -> RefOr<Schema> {
        let description = "What else is known, by name.";
        let example = json!({ "tier": "gold", "orders": 12 });
        let mut schema = schema(&["boolean"], description, example);
        schema["maxProperties"] = json!(ATTRIBUTES_MAX);
        derived(schema)
    }
}

impl ToSchema for NewAttributes {
    fn name() -> Cow<'static, str> {
        "NewAttributes".into()
    }
}

impl PartialSchema for AttributeChanges {
    fn schema() -> RefOr<Schema> {
        let description = "Attributes to be set, or with null to be taken away.";
        let example = json!({ "tier": "gold", "old_tier": null });
        derived(schema(&["boolean", "null"], description, example))
    }
}

impl ToSchema for AttributeChanges {
    fn name() -> Cow<'static, str> {
        "AttributeChanges".into()
    }
}

/// A value is a text, a number, or of one of these types.
fn schema(types: &[&str], description: &str, example: Value) -> Value {
    let mut values = vec![
        json!({ "type": "string", "minLength": 1, "maxLength": 1000, "pattern": "^[^\\x00]*$" }),
        json!({ "type": "number", "minimum": -9_007_199_254_740_991_i64, "maximum": 9_007_199_254_740_991_i64 }),
    ];
    values.extend(types.iter().map(|one| json!({ "type": one })));
    json!({
        "type": "object",
        "description": description,
        "example": example,
        "propertyNames": { "type": "string", "pattern": "^[a-z0-9_]{1,64}$" },
        "additionalProperties": { "anyOf": values },
    })
}

fn derived(schema: Value) -> RefOr<Schema> {
    serde_json::from_value(schema).unwrap_or_default()
}
