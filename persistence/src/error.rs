//! What can go wrong with the database, and what it means.

use diesel::result::{DatabaseErrorKind, Error as DieselError};
use domain::refusal::{Code, Refusal};
use domain::text_enum::UnknownWord;

/// A query did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique constraint or index refused the row. The query that expects it names what it means.
    #[error("the constraint {0} refused the row")]
    Taken(String),
    /// Two transactions stood in each other's way; the same transaction may succeed now.
    #[error("the transaction has to be run again")]
    RunAgain(#[source] DieselError),
    /// The server is away, or did not answer in time. What was asked for may have happened.
    #[error("the database does not answer")]
    Away(#[source] DieselError),
    /// No connection was free in time.
    #[error("every connection to the database is in use")]
    Busy,
    /// The answer took longer than the deadline of the call. What was asked for may have happened.
    #[error("the database took longer than the deadline")]
    Late,
    /// A stored value is not one that the domain knows: our bug, or somebody else's hand.
    #[error("{table}.{column} of {id} holds what it must not")]
    Unreadable {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row.
        id: String,
    },
    /// An update changed another number of rows than it must.
    #[error("{statement} changed {changed} rows instead of {expected}")]
    RowCount {
        /// Which statement.
        statement: &'static str,
        /// How many rows it changed.
        changed: usize,
        /// How many it has to change.
        expected: usize,
    },
    /// Anything else: a fault of ours.
    #[error("a query failed")]
    Query(#[source] DieselError),
}

impl StoreError {
    /// A fault of ours that has nothing to do with a query.
    #[must_use]
    pub fn internal(message: String) -> Self {
        Self::Query(DieselError::QueryBuilderError(message.into()))
    }

    /// What was read before locking has changed meanwhile: the same transaction may succeed now.
    #[must_use]
    pub fn overtaken() -> Self {
        Self::RunAgain(DieselError::RollbackTransaction)
    }

    /// Whether the connection can no longer be used.
    #[must_use]
    pub fn connection_is_lost(&self) -> bool {
        matches!(self, Self::Away(_))
    }
}

impl From<DieselError> for StoreError {
    fn from(error: DieselError) -> Self {
        match &error {
            DieselError::DatabaseError(kind, info) => match kind {
                DatabaseErrorKind::UniqueViolation => {
                    Self::Taken(info.constraint_name().unwrap_or_default().to_owned())
                }
                DatabaseErrorKind::SerializationFailure => Self::RunAgain(error),
                DatabaseErrorKind::ClosedConnection => Self::Away(error),
                _ => by_message(info.message()).map_or_else(|means| means, |make| make(error)),
            },
            DieselError::BrokenTransactionManager => Self::Away(error),
            _ => Self::Query(error),
        }
    }
}

type Make = fn(DieselError) -> StoreError;

/// libpq gives no SQLSTATE for some of what happens when a server goes down, and diesel passes only
/// a few states on: the message is all there is.
fn by_message(message: &str) -> Result<Make, StoreError> {
    const AWAY: [&str; 8] = [
        "server closed the connection",
        "terminating connection",
        "connection to server",
        "no connection to the server",
        "the database system is",
        "could not receive data from server",
        "could not send data to server",
        "SSL connection has been closed",
    ];
    if message.contains("deadlock detected") {
        Ok(StoreError::RunAgain)
    } else if message.contains("statement timeout") || message.contains("lock timeout") {
        Err(StoreError::Late)
    } else if AWAY.iter().any(|part| message.contains(part)) {
        Ok(StoreError::Away)
    } else {
        Ok(StoreError::Query)
    }
}

/// An operation was not carried out: refused by a rule, or the database did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule says no. Nothing was done.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The database did not do its part.
    #[error("the database did not do its part")]
    Store(#[from] StoreError),
}

impl From<DieselError> for Failure {
    fn from(error: DieselError) -> Self {
        Self::Store(error.into())
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::Refused(code.into())
    }
}

/// Reads a stored word.
pub(crate) fn word<T: std::str::FromStr<Err = UnknownWord>>(
    table: &'static str,
    column: &'static str,
    id: impl std::fmt::Display,
    text: &str,
) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::Unreadable { table, column, id: id.to_string() })
}

/// Reads JSON that a query put together.
pub(crate) fn json<T: serde::de::DeserializeOwned>(
    table: &'static str,
    column: &'static str,
    id: impl std::fmt::Display,
    value: serde_json::Value,
) -> Result<T, StoreError> {
    serde_json::from_value(value).map_err(|_| StoreError::Unreadable { table, column, id: id.to_string() })
}

/// Checks that a statement changed as many rows as it must.
pub(crate) fn expect_rows(
    statement: &'static str,
    changed: usize,
    expected: usize,
) -> Result<(), StoreError> {
    if changed == expected { Ok(()) } else { Err(StoreError::RowCount { statement, changed, expected }) }
}
