//! Messages that providers approve. What is deleted here and not yet at the provider is seen by nobody but its job.

mod change;

use chrono::{DateTime, Utc};
use diesel::pg::PgConnection;
use diesel::sql_types::{Array, BigInt, Bool, Jsonb, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel::{OptionalExtension, QueryableByName, RunQueryDsl};
use domain::id::{ChannelId, TemplateId, WorkspaceId};
use domain::resource::{ChannelRef, Template, TemplateRef};
use domain::template::TemplateStatus;
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use crate::error::{StoreError, json, word};
use crate::sql::sql;

pub use change::{delete, hide, insert, update};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    channel_id: Uuid,
    #[diesel(sql_type = Text)]
    channel_kind: String,
    #[diesel(sql_type = Text)]
    channel_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    language: String,
    #[diesel(sql_type = Text)]
    category: String,
    #[diesel(sql_type = Text)]
    parameter_format: String,
    #[diesel(sql_type = Jsonb)]
    components: Value,
    #[diesel(sql_type = Array<Text>)]
    unsupported: Vec<String>,
    #[diesel(sql_type = Text)]
    status: String,
    #[diesel(sql_type = Nullable<Text>)]
    provider_status: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    rejection_reason: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    quality: Option<String>,
    #[diesel(sql_type = Bool)]
    initiate: bool,
    #[diesel(sql_type = Nullable<Text>)]
    provider_template_id: Option<String>,
    #[diesel(sql_type = Bool)]
    deleted: bool,
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Timestamptz)]
    created_at: DateTime<Utc>,
    #[diesel(sql_type = Timestamptz)]
    updated_at: DateTime<Utc>,
}

impl Row {
    fn into_stored(self) -> Result<StoredTemplate, StoreError> {
        let (table, id) = ("templates", self.id);
        let template = Template {
            id: id.into(),
            channel: ChannelRef {
                id: self.channel_id.into(),
                kind: word("channels", "kind", self.channel_id, &self.channel_kind)?,
                name: self.channel_name,
            },
            name: self.name,
            language: self.language,
            category: word(table, "category", id, &self.category)?,
            parameter_format: word(table, "parameter_format", id, &self.parameter_format)?,
            components: json(table, "components", id, self.components)?,
            unsupported: self.unsupported,
            status: word(table, "status", id, &self.status)?,
            provider_status: self.provider_status,
            rejection_reason: self.rejection_reason,
            quality: self.quality,
            initiate: self.initiate,
            provider_template_id: self.provider_template_id,
            version: self.version,
            created_at: Timestamp::new(self.created_at),
            updated_at: Timestamp::new(self.updated_at),
        };
        Ok(StoredTemplate { template, deleted: self.deleted })
    }
}

/// A template that may be deleted already.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredTemplate {
    /// The template.
    pub template: Template,
    /// Whether it is deleted here, and its job is still to be done.
    pub deleted: bool,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT t.id, t.channel_id, c.kind AS channel_kind, c.name AS channel_name, t.name, t.language, t.category,
                 t.parameter_format, t.components, t.unsupported, t.status, t.provider_status, t.rejection_reason, t.quality,
                 t.initiate, t.provider_template_id, t.deleted_at IS NOT NULL AS deleted, t.version, t.created_at, t.updated_at
             FROM templates t JOIN channels c ON c.workspace_id = t.workspace_id AND c.id = t.channel_id ",
            $rest
        )
    };
}

/// The template with this id.
///
/// # Errors
/// `Unreadable` for a row that the domain does not know; those of the database.
pub fn get(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TemplateId,
) -> Result<Option<Template>, StoreError> {
    let found = sql(select!("WHERE t.workspace_id = $1 AND t.id = $2 AND t.deleted_at IS NULL"))
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?;
    Ok(found.map(Row::into_stored).transpose()?.map(|stored| stored.template))
}

/// The same; deleted ones too.
///
/// # Errors
/// As [`get`].
pub fn stored(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TemplateId,
) -> Result<Option<StoredTemplate>, StoreError> {
    let found = sql(select!("WHERE t.workspace_id = $1 AND t.id = $2"))
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?;
    found.map(Row::into_stored).transpose()
}

/// The same, locked.
///
/// # Errors
/// As [`get`].
pub fn lock(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    id: TemplateId,
) -> Result<Option<StoredTemplate>, StoreError> {
    let found = sql(select!("WHERE t.workspace_id = $1 AND t.id = $2 FOR NO KEY UPDATE OF t"))
        .bind(workspace)
        .bind(id)
        .get_result::<Row>(conn)
        .optional()?;
    found.map(Row::into_stored).transpose()
}

/// All templates of a channel, locked in the order of ids; deleted ones too.
///
/// # Errors
/// As [`get`].
pub fn lock_of_channel(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channel: ChannelId,
) -> Result<Vec<StoredTemplate>, StoreError> {
    let rows =
        sql(select!("WHERE t.workspace_id = $1 AND t.channel_id = $2 ORDER BY t.id FOR NO KEY UPDATE OF t"))
            .bind(workspace)
            .bind(channel)
            .load::<Row>(conn)?;
    rows.into_iter().map(Row::into_stored).collect()
}

/// What a provider's news of a template is about.
#[derive(Debug, Clone)]
pub struct Named {
    /// Its id at the provider.
    pub provider_template_id: String,
    /// Its name and language, where the provider tells them.
    pub key: Option<(String, String)>,
}

/// The templates that news is about, on every channel of the business account that this channel belongs to, locked in the
/// order of ids. One that the provider has given no id yet is known by its name and language.
///
/// # Errors
/// As [`get`].
pub fn lock_named(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channel: ChannelId,
    named: &[Named],
) -> Result<Vec<Template>, StoreError> {
    let key = |take: fn(&(String, String)) -> &String| {
        named.iter().map(|one| one.key.as_ref().map(take).cloned()).collect::<Vec<_>>()
    };
    let rows = sql(select!(
        "WHERE t.workspace_id = $1 AND t.deleted_at IS NULL
           AND (c.id = $2 OR (c.kind = 'whatsapp' AND c.config #>> '{account,waba_id}' =
                (SELECT o.config #>> '{account,waba_id}' FROM channels o WHERE o.workspace_id = $1 AND o.id = $2)))
           AND EXISTS (SELECT FROM unnest($3::text[], $4::text[], $5::text[]) AS n (id, name, language)
                       WHERE n.id = t.provider_template_id
                          OR (t.provider_template_id IS NULL AND n.name = t.name AND n.language = t.language))
         ORDER BY t.id FOR NO KEY UPDATE OF t"
    ))
    .bind(workspace)
    .bind(channel)
    .bind(named.iter().map(|one| one.provider_template_id.clone()).collect::<Vec<_>>())
    .bind(key(|(name, _)| name))
    .bind(key(|(_, language)| language))
    .load::<Row>(conn)?;
    rows.into_iter().map(|row| Ok(row.into_stored()?.template)).collect()
}

/// Which templates.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only those of these channels.
    pub channels: Vec<ChannelId>,
    /// Only those that stand like this.
    pub statuses: Vec<TemplateStatus>,
    /// Only those that may, or may not, start a conversation.
    pub initiate: Option<bool>,
    /// Only those with this in their name, whatever its case.
    pub words: Option<String>,
}

/// Where a page of [`list`] begins: after this name, language and id.
pub type After = (String, String, TemplateId);

/// Templates by name and language, at most `limit`. `only`: of no other channels than these.
///
/// # Errors
/// As [`get`].
pub fn list(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    only: Option<Vec<ChannelId>>,
    filter: &Filter,
    after: Option<After>,
    limit: i64,
) -> Result<Vec<Template>, StoreError> {
    let (name, language, id) = match after {
        Some((name, language, id)) => (Some(name), Some(language), Some(id)),
        None => (None, None, None),
    };
    let channels = (!filter.channels.is_empty()).then(|| filter.channels.clone());
    let statuses: Vec<_> = filter.statuses.iter().map(|status| status.as_str()).collect();
    let rows = sql(select!(
        "WHERE t.workspace_id = $1 AND t.deleted_at IS NULL
           AND ($2::text IS NULL OR (t.name, t.language, t.id) > ($2, $3, $4::uuid))
           AND ($5::uuid[] IS NULL OR t.channel_id = ANY($5)) AND ($6::uuid[] IS NULL OR t.channel_id = ANY($6))
           AND ($7::text[] IS NULL OR t.status = ANY($7)) AND ($8::boolean IS NULL OR t.initiate = $8)
           AND ($9::text IS NULL OR strpos(t.name, lower($9)) > 0)
         ORDER BY t.name, t.language, t.id LIMIT $10"
    ))
    .bind(workspace)
    .bind(name)
    .bind(language)
    .bind(id)
    .bind(only)
    .bind(channels)
    .bind((!statuses.is_empty()).then_some(statuses))
    .bind(filter.initiate)
    .bind(filter.words.clone())
    .bind(limit)
    .load::<Row>(conn)?;
    rows.into_iter().map(|row| Ok(row.into_stored()?.template)).collect()
}

#[derive(QueryableByName)]
struct RefRow {
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    language: String,
}

/// The templates of a channel that can be sent, at most `limit`, by name; only those that may start or reopen a conversation.
///
/// # Errors
/// Only those of the database.
pub fn usable(
    conn: &mut PgConnection,
    workspace: WorkspaceId,
    channel: ChannelId,
    limit: i64,
) -> Result<Vec<TemplateRef>, StoreError> {
    let rows = sql("SELECT id, name, language FROM templates
         WHERE workspace_id = $1 AND channel_id = $2 AND deleted_at IS NULL AND status = 'accepted' AND initiate
           AND unsupported = '{}'
         ORDER BY name, language, id LIMIT $3")
    .bind(workspace)
    .bind(channel)
    .bind(limit)
    .load::<RefRow>(conn)?;
    let reference = |row: RefRow| TemplateRef { id: row.id.into(), name: row.name, language: row.language };
    Ok(rows.into_iter().map(reference).collect())
}
