//! Customers by a part of their name, or of their number.

use domain::search::CustomerSearch;

/// A part of a customer's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameSearch(pub(crate) CustomerSearch);

impl From<CustomerSearch> for NameSearch {
    fn from(search: CustomerSearch) -> Self {
        Self(CustomerSearch { number: None, ..ContactSearch::from(search).0 })
    }
}

/// A part of a customer's name or, if it looks like one, number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactSearch(pub(crate) CustomerSearch);

impl From<CustomerSearch> for ContactSearch {
    fn from(search: CustomerSearch) -> Self {
        Self(CustomerSearch { username: None, external_id: None, ..search })
    }
}
