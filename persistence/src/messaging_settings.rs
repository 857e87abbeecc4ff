//! What a workspace has set about messages.

use diesel::pg::PgConnection;
use diesel::sql_types::{BigInt, Integer, Nullable};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::WorkspaceId;
use domain::resource::{AttachmentLimits, MessagingSettings};

use crate::error::{StoreError, expect_rows};
use crate::sql::sql;

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Nullable<Integer>)]
    reply_window_warning_minutes: Option<i32>,
    #[diesel(sql_type = BigInt)]
    image_limit: i64,
    #[diesel(sql_type = BigInt)]
    video_limit: i64,
    #[diesel(sql_type = BigInt)]
    document_limit: i64,
    #[diesel(sql_type = BigInt)]
    audio_limit: i64,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

impl Row {
    fn into_settings(self, workspace: WorkspaceId) -> Result<MessagingSettings, StoreError> {
        let unreadable = |column| {
            move |_| StoreError::Unreadable { table: "messaging_settings", column, id: workspace.to_string() }
        };
        let limit = |column, value: i64| u64::try_from(value).map_err(unreadable(column));
        let minutes = self.reply_window_warning_minutes.map(u32::try_from).transpose();
        Ok(MessagingSettings {
            reply_window_warning_minutes: minutes.map_err(unreadable("reply_window_warning_minutes"))?,
            attachment_limits: AttachmentLimits {
                image: limit("image_limit", self.image_limit)?,
                video: limit("video_limit", self.video_limit)?,
                document: limit("document_limit", self.document_limit)?,
                audio: limit("audio_limit", self.audio_limit)?,
            },
            version: self.version,
        })
    }
}

macro_rules! settings {
    ($rest:literal) => {
        concat!(
            "SELECT reply_window_warning_minutes, image_limit, video_limit, document_limit, audio_limit, version
             FROM messaging_settings WHERE workspace_id = $1",
            $rest
        )
    };
}

/// The settings of a workspace, as they are now.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get(conn: &mut PgConnection, workspace: WorkspaceId) -> Result<Option<MessagingSettings>, StoreError> {
    load(conn, settings!(""), workspace)
}

/// The same, to be changed.
///
/// # Errors
/// As [`get`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
) -> Result<Option<MessagingSettings>, StoreError> {
    load(conn, settings!(" FOR UPDATE"), workspace)
}

fn load(
    conn: &mut PgConnection,
    statement: &'static str,
    workspace: WorkspaceId,
) -> Result<Option<MessagingSettings>, StoreError> {
    let row = sql(statement).bind(workspace).get_result::<Row>(conn).optional()?;
    row.map(|row| row.into_settings(workspace)).transpose()
}

/// Stores changed settings, raising their version.
///
/// # Errors
/// `RowCount` if there are none.
pub fn save(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    settings: &mut MessagingSettings,
) -> Result<(), StoreError> {
    settings.version += 1;
    let limits = &settings.attachment_limits;
    // Checked limits and minutes are far below what the columns hold.
    let limit = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let minutes = settings.reply_window_warning_minutes.map(|value| i32::try_from(value).unwrap_or(i32::MAX));
    let changed = sql(
        "UPDATE messaging_settings SET reply_window_warning_minutes = $2, image_limit = $3, video_limit = $4,
             document_limit = $5, audio_limit = $6, version = $7 WHERE workspace_id = $1",
    )
    .bind(workspace)
    .bind(minutes)
    .bind(limit(limits.image))
    .bind(limit(limits.video))
    .bind(limit(limits.document))
    .bind(limit(limits.audio))
    .bind(settings.version)
    .execute(conn)?;
    expect_rows("messaging_settings::save", changed, 1)
}
