//! Customers by any part of their name, number or user name, or by the provider's id.
//!
//! There are two ways to a page of what belongs to the customers found, and which is short depends on how many there are:
//! look at what could be on the page one by one ([`fits`]), or find the customers first ([`found`]). For many the first is:
//! the page is soon full. For few the second is.
//!
//! Customers are found by *keys*: every piece of up to three characters of a name has a number (`search_keys` in the
//! migrations), and an index of those finds who has all pieces of what is searched for, from one character on. Numbers and user
//! names likewise, from three characters on. Who has the pieces may have them elsewhere, so the text is compared too.
//!
//! Who lists something else by its customer's name gives the search to the statement by [`bind`], once, and uses the two
//! conditions in the text.

use domain::search::{CustomerSearch, containing};

use crate::sql::Sql;

/// Gives the next seven parameters their values: the search, or nothing.
pub(crate) fn bind(statement: Sql, search: Option<&CustomerSearch>) -> Sql {
    let name = search.map(|search| search.name.clone());
    let number = search.and_then(|search| search.number.clone());
    let username = search.and_then(|search| search.username.clone());
    statement
        .bind(name.as_deref().map(containing))
        .bind(number.as_deref().map(containing))
        .bind(username.as_deref().map(containing))
        .bind(search.and_then(|search| search.external_id.clone()))
        .bind(name)
        .bind(number)
        .bind(username)
}

/// The condition that a customer is one of those searched for. `workspace` and `contact` are what names it in the statement,
/// the parameters are those from `$first` on.
///
/// The sub-selects give a value instead of asking whether there is a row, so that PostgreSQL asks them for each customer that
/// is looked at, and never for all customers beforehand.
pub(crate) fn fits(workspace: &str, contact: &str, first: usize) -> String {
    let [name, number, username, external_id] = [first, first + 1, first + 2, first + 3];
    format!(
        "coalesce(
             (SELECT true FROM contacts s WHERE s.workspace_id = {workspace} AND s.id = {contact}
                AND (s.search_name LIKE ${name} OR s.phone LIKE ${number}) LIMIT 1),
             (SELECT true FROM contact_identities s WHERE s.workspace_id = {workspace} AND s.contact_id = {contact}
                AND (s.phone LIKE ${number} OR lower(s.username) LIKE ${username} OR lower(s.external_id) = ${external_id})
                AND (${number} IS NOT NULL OR ${username} IS NOT NULL OR ${external_id} IS NOT NULL) LIMIT 1),
             false)"
    )
}

/// A query for the customers searched for, by their keys alone: its one column is `contact_id`; who fits in several ways is there
/// as often. `workspace` is the parameter with the tenant, the others are those from `$first` on.
pub(crate) fn found(workspace: &str, first: usize) -> String {
    let [name_like, number_like, username_like, external_id] = [first, first + 1, first + 2, first + 3];
    let [name, number, username] = [first + 4, first + 5, first + 6];
    // All pieces of the longest length that there are keys for.
    let keys = |words: usize| {
        format!(
            "(SELECT search_keys({workspace}::uuid, ${words}::text, least(char_length(${words}), 3), least(char_length(${words}), 3)))"
        )
    };
    let (name, number, username) = (keys(name), keys(number), keys(username));
    let whole = format!(
        "(SELECT search_keys({workspace}::uuid, ${external_id}::text, char_length(${external_id}), char_length(${external_id})))"
    );
    let contact = "contact_keys(s.workspace_id, s.search_name, s.phone)";
    let identity = "identity_keys(s.workspace_id, s.phone, s.username, s.external_id)";
    format!(
        "SELECT s.id AS contact_id FROM contacts s
         WHERE {contact} @> {name} AND s.search_name LIKE ${name_like} AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.id FROM contacts s
         WHERE {contact} @> {number} AND s.phone LIKE ${number_like} AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.contact_id FROM contact_identities s
         WHERE {identity} @> {number} AND s.phone LIKE ${number_like} AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.contact_id FROM contact_identities s
         WHERE {identity} @> {username} AND lower(s.username) LIKE ${username_like}
           AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.contact_id FROM contact_identities s
         WHERE {identity} @> {whole} AND lower(s.external_id) = ${external_id} AND s.workspace_id = (SELECT {workspace}::uuid)"
    )
}
