//! Customers, and who they are on each channel.

use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use uuid::Uuid;

mod contact;
mod identity;

pub use contact::{Writer, conversations, facts, hold, set_opted_out, shapes, writers};
pub use identity::{
    StoredIdentity, Wanted, by_old_id, find_identities, free_phones, identity, insert_new, lock_identity,
    update_identity,
};

#[derive(QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}
