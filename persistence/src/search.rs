//! Customers by any part of their name, number or user name, or by the provider's id.
//!
//! There are two ways to a page of what belongs to the customers found, and which is short depends on how many there are:
//! look at what could be on the page one by one, or find the customers first. For many the first is: the page is soon full. For
//! few the second is.
//!
//! Customers are found by *keys*: every piece of up to three characters of a name has a number (`search_keys` in the
//! migrations), and an index of those finds who has all pieces of what is searched for, from one character on. Numbers and user
//! names likewise, from three characters on, and numbers by pieces of six digits too. Who has the pieces may have them
//! elsewhere, so the text is compared too.
//!
//! Who lists something else by its customer's name gives the search to the statement by [`Customers::bind`], once, and uses the
//! conditions in the text.

use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::id::WorkspaceId;
use domain::search::{CustomerSearch, containing};
use uuid::Uuid;

use crate::error::StoreError;
use crate::sql::{Sql, sql};

/// If more customers than this have the pieces of what is searched for, they are not looked at beforehand.
pub(crate) const FEW: usize = 1000;
/// How many characters the longest pieces of a name have, and pieces of less than [`DIGITS_OF_FEW`] digits.
const PIECE: usize = 3;
/// Numbers are found by so many pieces at most, which hardly two numbers share.
const PIECES_OF_A_NUMBER: usize = 2;
/// So many digits of a number few customers have: there are pieces of as many.
const DIGITS_OF_FEW: usize = 6;
/// So many digits hardly two customers have.
const DIGITS_OF_ONE: usize = 9;

/// Pieces of a text with so many characters, from its end: who has all of these may have the text, and hardly anybody else. They
/// do not overlap, as each takes its time.
fn pieces(text: &str, length: usize) -> Vec<String> {
    let characters: Vec<char> = text.chars().collect();
    characters.rchunks_exact(length).map(|piece| piece.iter().collect()).collect()
}

/// The pieces of a name, or of a user name.
fn pieces_of_name(name: &str) -> Vec<String> {
    let mut pieces = pieces(name, PIECE);
    if pieces.len() < 2 {
        pieces.push(name.chars().take(PIECE).collect());
    }
    pieces
}

/// The pieces of a number, but for what a long one begins with: all numbers of a country begin alike.
fn pieces_of_number(number: &str) -> Vec<String> {
    let mut pieces = pieces(number, if number.len() < DIGITS_OF_FEW { PIECE } else { DIGITS_OF_FEW });
    pieces.truncate(PIECES_OF_A_NUMBER);
    pieces
}

/// The keys of the pieces in the parameter `$pieces`, for the index. `workspace` is the parameter with the tenant.
fn keys(workspace: &str, pieces: usize) -> String {
    format!(
        "(SELECT array_agg(key) FROM unnest(${pieces}::text[]) AS piece,
              unnest(search_keys({workspace}::uuid, piece, char_length(piece), char_length(piece))) AS key)"
    )
}

/// The same of pieces of a number.
fn number_keys(workspace: &str, pieces: usize) -> String {
    format!(
        "(SELECT array_agg(number_key({workspace}::uuid, piece)) FROM unnest(${pieces}::text[]) AS piece)"
    )
}

/// Whom a list is searched for, if it is, and what has been found out of them so far.
#[derive(Debug)]
pub(crate) struct Customers<'a> {
    search: Option<&'a CustomerSearch>,
    /// Those found by a number, a user name or an id on a channel, if they are few.
    by_identity: Option<Vec<Uuid>>,
    /// All, if they are few.
    all: Option<Vec<Uuid>>,
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = BigInt)]
    looked_at: i64,
    #[diesel(sql_type = Array<SqlUuid>)]
    ids: Vec<Uuid>,
}

impl<'a> Customers<'a> {
    /// Those searched for; `None`: everybody.
    pub(crate) fn of(search: Option<&'a CustomerSearch>) -> Self {
        Self { search, by_identity: None, all: None }
    }

    /// Is anybody searched for?
    pub(crate) fn are_searched(&self) -> bool {
        self.search.is_some()
    }

    /// Is it by something that hardly two customers have?
    pub(crate) fn are_hardly_two(&self) -> bool {
        self.digits().is_some_and(|digits| digits >= DIGITS_OF_ONE)
    }

    /// Is a customer told from the others by its name alone, and by being one of those found by an identity?
    pub(crate) fn are_told_by_name(&self) -> bool {
        self.by_identity.is_some() && self.search.is_some_and(|search| search.number.is_none())
    }

    fn digits(&self) -> Option<usize> {
        self.search?.number.as_ref().map(String::len)
    }

    /// Finds out who is found by an identity, where that is quick: nearly always nobody, and nobody's identities have to be
    /// looked at then.
    ///
    /// # Errors
    /// Only those of the database.
    pub(crate) fn find_by_identity(
        &mut self,
        conn: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<(), StoreError> {
        let Some(search) = self.search else { return Ok(()) };
        if search.number.is_none() && search.username.is_none() && search.external_id.is_none() {
            self.by_identity = Some(Vec::new());
        } else if self.digits().is_none_or(|digits| digits >= DIGITS_OF_FEW) {
            self.by_identity = self.few(conn, workspace, found_by_identity("$1", 2))?;
        }
        Ok(())
    }

    /// Finds all of them, if they are few, and answers how many there are at least.
    ///
    /// # Errors
    /// Only those of the database.
    pub(crate) fn find(
        &mut self,
        conn: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<usize, StoreError> {
        if self.by_identity.is_none() {
            self.by_identity = self.few(conn, workspace, found_by_identity("$1", 2))?;
        }
        let Some(by_identity) = self.by_identity.clone() else { return Ok(FEW) };
        Ok(match self.find_by_name(conn, workspace)? {
            None => FEW,
            Some(by_name) => {
                let all = self.all.insert(by_name);
                all.extend(by_identity);
                all.sort_unstable();
                all.dedup();
                all.len()
            }
        })
    }

    /// Those whose own name or number fits, if they are few.
    ///
    /// # Errors
    /// Only those of the database.
    pub(crate) fn find_by_name(
        &self,
        conn: &mut PgConnection,
        workspace: WorkspaceId,
    ) -> Result<Option<Vec<Uuid>>, StoreError> {
        self.few(conn, workspace, found_by_name("$1", 2))
    }

    /// Those that a query finds; `None` if they are not few.
    fn few(
        &self,
        conn: &mut PgConnection,
        workspace: WorkspaceId,
        found: String,
    ) -> Result<Option<Vec<Uuid>>, StoreError> {
        let statement = sql(format!(
            "SELECT count(*) AS looked_at, coalesce(array_agg(contact_id) FILTER (WHERE fits), '{{}}') AS ids
             FROM (SELECT * FROM ({found}) found LIMIT {FEW} + 1) few"
        ));
        let row = self.bind(statement.bind(workspace)).get_result::<FoundRow>(conn)?;
        let are_few = usize::try_from(row.looked_at).is_ok_and(|count| count <= FEW);
        Ok(are_few.then_some(row.ids))
    }

    /// Gives the next nine parameters their values.
    pub(crate) fn bind(&self, statement: Sql) -> Sql {
        let name = self.search.map(|search| search.name.as_str());
        let number = self.search.and_then(|search| search.number.as_deref());
        let username = self.search.and_then(|search| search.username.as_deref());
        statement
            .bind(name.map(containing))
            .bind(number.map(containing))
            .bind(username.map(containing))
            .bind(self.search.and_then(|search| search.external_id.clone()))
            .bind(name.map(pieces_of_name))
            .bind(number.map(pieces_of_number))
            .bind(username.map(pieces_of_name))
            .bind(self.by_identity.clone())
            .bind(self.all.clone())
    }
}

/// The condition that a customer is one of those searched for, if anybody is. `workspace` and `contact` are what names it in the
/// statement, the parameters are those from `$first` on.
///
/// The sub-selects give a value instead of asking whether there is a row, so that PostgreSQL asks them for each customer that
/// is looked at, and never for all customers beforehand.
pub(crate) fn fits(workspace: &str, contact: &str, first: usize) -> String {
    let [name, number, username, external_id] = [first, first + 1, first + 2, first + 3];
    let [by_identity, all] = [first + 7, first + 8];
    format!(
        "((SELECT ${name}::text) IS NULL
          OR CASE WHEN (SELECT ${all}::uuid[]) IS NOT NULL THEN {contact} IN (SELECT unnest(${all}::uuid[]))
             ELSE coalesce(
                 (SELECT true FROM contacts s WHERE s.workspace_id = {workspace} AND s.id = {contact}
                    AND (s.search_name LIKE ${name} OR s.phone LIKE ${number}) LIMIT 1),
                 CASE WHEN (SELECT ${by_identity}::uuid[]) IS NOT NULL THEN {contact} IN (SELECT unnest(${by_identity}::uuid[]))
                     ELSE (SELECT true FROM contact_identities s WHERE s.workspace_id = {workspace} AND s.contact_id = {contact}
                         AND (s.phone LIKE ${number} OR lower(s.username) LIKE ${username} OR lower(s.external_id) = ${external_id})
                         LIMIT 1) END,
                 false) END)"
    )
}

/// The condition that a conversation is one of theirs where [`Customers::are_told_by_name`]: `name` is the customer's folded
/// name, `conversation` its id.
pub(crate) fn fits_by_name(workspace: &str, name: &str, conversation: &str, first: usize) -> String {
    let by_identity = first + 7;
    format!(
        "({name} LIKE ${first} OR {conversation} IN (
             SELECT c.id FROM unnest((SELECT ${by_identity}::uuid[])) AS one (id)
             CROSS JOIN LATERAL (SELECT c.id FROM conversations c
                 WHERE c.workspace_id = (SELECT {workspace}::uuid) AND c.contact_id = one.id OFFSET 0) c))"
    )
}

/// A query for the customers searched for: its one column is `contact_id`; who fits in several ways is there as often.
/// `workspace` is the parameter with the tenant, the others are those from `$first` on. Nobody is looked for who is known.
pub(crate) fn found(workspace: &str, first: usize) -> String {
    let all = first + 8;
    format!(
        "SELECT unnest((SELECT ${all}::uuid[])) AS contact_id
         UNION ALL SELECT contact_id FROM ({} UNION ALL {}) found WHERE fits AND (SELECT ${all}::uuid[]) IS NULL",
        found_by_name(workspace, first),
        found_by_identity(workspace, first)
    )
}

/// Who has the pieces of the name, or of the number as their own, and whether each fits.
fn found_by_name(workspace: &str, first: usize) -> String {
    let [name_like, number_like, name, number] = [first, first + 1, first + 4, first + 5];
    let (name, number) = (keys(workspace, name), number_keys(workspace, number));
    let contact = "contact_keys(s.workspace_id, s.search_name, s.phone)";
    format!(
        "SELECT s.id AS contact_id, s.search_name LIKE ${name_like} AS fits FROM contacts s
         WHERE {contact} @> {name} AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.id, s.phone LIKE ${number_like} FROM contacts s
         WHERE {contact} @> {number} AND s.workspace_id = (SELECT {workspace}::uuid)"
    )
}

/// Who has the pieces of the number or of the user name on a channel, or the id, and whether each fits.
fn found_by_identity(workspace: &str, first: usize) -> String {
    let [number_like, username_like, external_id] = [first + 1, first + 2, first + 3];
    let (number, username) = (number_keys(workspace, first + 5), keys(workspace, first + 6));
    let whole = format!(
        "(SELECT search_keys({workspace}::uuid, ${external_id}::text, char_length(${external_id}), char_length(${external_id})))"
    );
    let identity = "identity_keys(s.workspace_id, s.phone, s.username, s.external_id)";
    format!(
        "SELECT s.contact_id, s.phone LIKE ${number_like} AS fits FROM contact_identities s
         WHERE {identity} @> {number} AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.contact_id, lower(s.username) LIKE ${username_like} FROM contact_identities s
         WHERE {identity} @> {username} AND s.workspace_id = (SELECT {workspace}::uuid)
         UNION ALL SELECT s.contact_id, lower(s.external_id) = ${external_id} FROM contact_identities s
         WHERE {identity} @> {whole} AND s.workspace_id = (SELECT {workspace}::uuid)"
    )
}
