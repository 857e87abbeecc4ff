//! Messages.

use chrono::{DateTime, Utc};
use diesel::QueryableByName;
use diesel::sql_types::{Nullable, Timestamptz, Uuid as SqlUuid};
use domain::message::StatusTimes;
use domain::time::Timestamp;
use uuid::Uuid;

mod change;
mod find;
mod insert;
mod progress;
mod shape;
mod target;

pub use change::{edit, raise_version, react, react_as_team, revoke};
pub use find::{
    Found, Outgoing, OutgoingFile, by_client_id, by_provider_ids, outgoing, raise_watermark, sent_up_to,
    watermarks,
};
pub use insert::{NewMessage, insert_new};
pub use progress::{Progress, progress, save_progress};
pub use shape::{Page, list, of_session, shape, shapes};
pub use target::{Target, newest_inbound, note_receipt, target};

#[derive(QueryableByName)]
pub(super) struct IdRow {
    #[diesel(sql_type = SqlUuid)]
    pub(super) id: Uuid,
}

#[derive(QueryableByName)]
pub(super) struct TimesRow {
    #[diesel(sql_type = Nullable<Timestamptz>)]
    queued_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    sent_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    delivered_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    read_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    failed_at: Option<DateTime<Utc>>,
    #[diesel(sql_type = Nullable<Timestamptz>)]
    unknown_at: Option<DateTime<Utc>>,
}

impl From<TimesRow> for StatusTimes {
    fn from(row: TimesRow) -> Self {
        Self {
            queued: row.queued_at.map(Timestamp::new),
            sent: row.sent_at.map(Timestamp::new),
            delivered: row.delivered_at.map(Timestamp::new),
            read: row.read_at.map(Timestamp::new),
            failed: row.failed_at.map(Timestamp::new),
            unknown: row.unknown_at.map(Timestamp::new),
        }
    }
}
