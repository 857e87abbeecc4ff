//! Customers by a part of their name, or of their number.

use domain::search::{CustomerSearch, containing};

/// A part of a customer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSearch {
    /// A pattern of `LIKE` for folded names.
    pub(crate) pattern: String,
    /// The folded words: by their pieces the index finds them.
    pub(crate) words: String,
}

impl NameSearch {
    fn folded(words: String) -> Self {
        Self { pattern: containing(&words), words }
    }
}

impl From<CustomerSearch> for NameSearch {
    fn from(search: CustomerSearch) -> Self {
        Self::folded(search.name)
    }
}

/// A part of a customer's name or, if it looks like one, number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactSearch {
    /// The name.
    pub(crate) name: NameSearch,
    /// The number's digits, in the same way.
    pub(crate) number: Option<NameSearch>,
}

impl From<CustomerSearch> for ContactSearch {
    fn from(search: CustomerSearch) -> Self {
        Self { name: NameSearch::folded(search.name), number: search.number.map(NameSearch::folded) }
    }
}
