//! The providers' webhook bodies in `tests/fixtures`; what they mean is in `INDEX.md` there.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// The secret that signs the fixtures.
pub const APP_SECRET: &str = "fixture-app-secret";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

/// The exact bytes of a body: `whatsapp/01_text.json`.
#[must_use]
pub fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// All bodies of a provider, in the order of their numbers.
#[must_use]
pub fn names(provider: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder().join(provider)).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| format!("{provider}/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    names.sort();
    names
}

/// `expected.json`: what must come out of each body.
#[must_use]
pub fn expected() -> Value {
    serde_json::from_slice(&bytes("expected.json")).unwrap()
}

/// The signatures of the bodies, as Meta would send them.
#[must_use]
pub fn signatures() -> Vec<(String, String)> {
    let text = String::from_utf8(bytes("signatures.tsv")).unwrap();
    let line = |line: &str| {
        let mut columns = line.split('\t').map(ToOwned::to_owned);
        (columns.next().unwrap(), columns.next().unwrap())
    };
    text.lines().filter(|text| !text.starts_with('#')).map(line).collect()
}
