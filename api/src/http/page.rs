//! Pages of lists: by key, with an opaque cursor that belongs to one list of one workspace.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::id::WorkspaceId;
use domain::refusal::{Code, Refusal};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use utoipa::{IntoParams, ToSchema};

use crate::auth::keys::{Keys, mac};

/// The items of a page that is asked for without a limit.
const LIMIT_DEFAULT: i64 = 25;
/// The most items of a page.
const LIMIT_MAX: i64 = 100;
// A page is read with one more than asked for.
const _: () = assert!(LIMIT_MAX < persistence::lists::LONGEST);
const TAG_BYTES: usize = 12;

/// Which page of a list without filters.
#[derive(Debug, Deserialize, Serialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The most items of the page.
    #[param(minimum = 1, maximum = 100, default = 25)]
    pub limit: Option<i64>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// One page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page begins; null on the last one.
    pub next_cursor: Option<String>,
}

/// For `skip_serializing_if` on `limit` and `cursor`: which page is asked for does not make it another list.
/// (`skip_serializing` would take the parameter out of the document, too.)
#[must_use]
pub fn is_no_filter<T>(_: &T) -> bool {
    true
}

/// How many items are wanted.
///
/// # Errors
/// `validation_failed` unless it is 1 to 100.
pub fn limit(asked: Option<i64>) -> Result<i64, Refusal> {
    match asked.unwrap_or(LIMIT_DEFAULT) {
        limit if (1..=LIMIT_MAX).contains(&limit) => Ok(limit),
        _ => Err(Refusal::invalid("?limit", "range", format!("must be 1 to {LIMIT_MAX}"))),
    }
}

/// What a cursor belongs to: it is refused anywhere else.
#[derive(Debug, Clone)]
pub struct List {
    keys: [u8; 32],
    identity: Vec<u8>,
}

impl List {
    /// The list `name` of a workspace, as narrowed by `filter`.
    #[must_use]
    pub fn new(keys: &Keys, workspace: WorkspaceId, name: &str, filter: &impl Serialize) -> Self {
        let filter = serde_json::to_vec(filter).unwrap_or_default();
        let identity = [workspace.0.as_bytes().as_slice(), name.as_bytes(), b"?", &filter].concat();
        Self { keys: keys.cursors, identity }
    }

    /// Reads where to begin.
    ///
    /// # Errors
    /// `invalid_cursor` if it was changed, cut, or belongs to another list.
    pub fn after<K: DeserializeOwned>(&self, cursor: Option<&str>) -> Result<Option<K>, Refusal> {
        let Some(cursor) = cursor else { return Ok(None) };
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).map_err(|_| Code::InvalidCursor)?;
        let (tag, key) = bytes.split_at_checked(TAG_BYTES).ok_or(Code::InvalidCursor)?;
        if !bool::from(self.tag(key).ct_eq(tag)) {
            return Err(Code::InvalidCursor.into());
        }
        serde_json::from_slice(key).map(Some).map_err(|_| Code::InvalidCursor.into())
    }

    /// Makes a page of rows that were read with one more than `limit`.
    pub fn page<T, K: Serialize>(&self, mut rows: Vec<T>, limit: i64, key: impl Fn(&T) -> K) -> Page<T> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next_cursor = rows.last().filter(|_| more).map(|last| self.cursor(&key(last)));
        Page { items: rows, next_cursor }
    }

    fn cursor(&self, key: &impl Serialize) -> String {
        let key = serde_json::to_vec(key).unwrap_or_default();
        BASE64_URL_SAFE_NO_PAD.encode([&self.tag(&key)[..], &key[..]].concat())
    }

    fn tag(&self, key: &[u8]) -> [u8; TAG_BYTES] {
        let full = mac(&self.keys, &[&self.identity, b"\n", key]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&full[..TAG_BYTES]);
        tag
    }
}
