//! Customers, and who they are on each channel.

use diesel::QueryableByName;
use diesel::sql_types::Uuid as SqlUuid;
use uuid::Uuid;

mod awaited;
mod change;
mod contact;
mod export;
mod identity;
mod list;
mod merge;
mod search;

pub use awaited::{Joined, insert_new};
pub use change::{NewContact, WithPhone, by_phones, delete, insert_made, lock, save_many, set_blocked};
pub use contact::{
    Writer, complete_email, conversations, facts, facts_of, facts_when_held, hold, of_conversation,
    set_opted_out, shapes, writers,
};
pub use export::{attribute_names, page};
pub use identity::{
    StoredIdentity, Wanted, by_old_id, find_identities, free_phones, identities_of, identity, insert_for,
    lock_identity, update_identity,
};
pub use list::{Filter, list};
pub use merge::{MergeRecord, NewMerge, forget, insert_merge, merges, move_identities, record, restore};
pub use search::{ContactSearch, NameSearch};

#[derive(QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}
