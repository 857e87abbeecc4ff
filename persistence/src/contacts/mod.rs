//! Customers, and who they are on each channel.

use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use uuid::Uuid;

mod contact;
mod identity;
mod list;
mod search;

pub use contact::{
    Writer, conversations, facts, facts_when_held, is_blocked, of_conversation, set_opted_out, shapes,
    writers,
};
pub use identity::{
    StoredIdentity, Wanted, by_old_id, find_identities, free_phones, identity, insert_for, insert_new,
    update_identity,
};
pub use list::{Filter, list};
pub use search::{ContactSearch, NameSearch};

#[derive(QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}
