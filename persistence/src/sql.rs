//! SQL as text, with typed parameters and a statement prepared once per connection.
//!
//! diesel's own `sql_query` prepares its text anew for each call; the lists and the set-based writes
//! here are the hot path, and are clearer as the SQL that PostgreSQL sees. `$1`, `$2`, … name the
//! parameters in the order of [`Sql::bind`]; a parameter that the text does not name is not sent.

use std::borrow::Cow;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::QueryResult;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::query_dsl::RunQueryDsl;
use diesel::serialize::ToSql;
use diesel::sql_types::{
    Array, BigInt, Binary, Bool, HasSqlType, Integer, Jsonb, Nullable, SmallInt, Text, Timestamptz, Untyped,
    Uuid as SqlUuid,
};
use domain::id::{
    AgentId, ApiKeyId, AttachmentId, AuditEntryId, AvailabilityPeriodId, ChannelId, ContactId,
    ContactMergeId, ConversationId, DistributionPolicyId, DivisionId, EventId, IdentityId, JobId, LabelId,
    MessageId, NoteId, NotificationId, OneTimeTokenId, RoutingDecisionId, RoutingRequestId, SessionId,
    SignInId, TemplateId, TicketId, TimerId, WebhookDeliveryId, WebhookEndpointId, WorkspaceId,
};
use domain::time::Timestamp;
use serde_json::Value;
use uuid::Uuid;

/// A statement and its parameters.
pub(crate) struct Sql {
    text: Cow<'static, str>,
    parameters: Vec<Box<dyn Parameter>>,
}

/// Begins a statement. A connection keeps every text that it was ever given, prepared: a text that is
/// put together must be one of few.
pub(crate) fn sql(text: impl Into<Cow<'static, str>>) -> Sql {
    Sql { text: text.into(), parameters: Vec::new() }
}

impl Sql {
    /// Gives the next parameter its value.
    pub(crate) fn bind<T: Bind>(mut self, value: T) -> Self {
        self.parameters.push(value.boxed());
        self
    }
}

pub(crate) trait Parameter {
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()>;
}

struct Typed<ST, T>(T, PhantomData<ST>);

impl<ST, T> Parameter for Typed<ST, T>
where
    Pg: HasSqlType<ST>,
    T: ToSql<ST, Pg>,
{
    fn push<'b>(&'b self, out: &mut AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_bind_param::<ST, T>(&self.0)
    }
}

impl QueryFragment<Pg> for Sql {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        let mut rest = &*self.text;
        while let Some(at) = rest.find('$') {
            out.push_sql(&rest[..at]);
            let digits = rest[at + 1..].bytes().take_while(u8::is_ascii_digit).count();
            let number: usize = rest[at + 1..at + 1 + digits].parse().unwrap_or(0);
            let parameter = number.checked_sub(1).and_then(|index| self.parameters.get(index));
            match parameter {
                Some(parameter) => parameter.push(&mut out)?,
                None => {
                    let message = format!("parameter ${number} of a statement has no value");
                    return Err(diesel::result::Error::QueryBuilderError(message.into()));
                }
            }
            rest = &rest[at + 1 + digits..];
        }
        out.push_sql(rest);
        Ok(())
    }
}

impl QueryId for Sql {
    type QueryId = ();
    // The text is the key of the cache of prepared statements.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Sql {
    type SqlType = Untyped;
}

impl<Connection> RunQueryDsl<Connection> for Sql {}

/// A value that can be a parameter.
pub(crate) trait Bind: Sized {
    fn boxed(self) -> Box<dyn Parameter>;
}

macro_rules! bind {
    ($($from:ty => $sql:ty, $to:ty, $convert:expr);+ $(;)?) => {$(
        impl Bind for $from {
            fn boxed(self) -> Box<dyn Parameter> {
                let convert: fn($from) -> $to = $convert;
                Box::new(Typed::<$sql, $to>(convert(self), PhantomData))
            }
        }
    )+};
}

macro_rules! bind_with_null_and_array {
    ($($from:ty => $sql:ty, $to:ty, $convert:expr);+ $(;)?) => {$(
        bind! {
            $from => $sql, $to, $convert;
            Option<$from> => Nullable<$sql>, Option<$to>, |value| value.map($convert);
            Vec<$from> => Array<$sql>, Vec<$to>, |values| values.into_iter().map($convert).collect();
            Option<Vec<$from>> => Nullable<Array<$sql>>, Option<Vec<$to>>, |values| values.map(|values| values.into_iter().map($convert).collect());
            Vec<Option<$from>> => Array<Nullable<$sql>>, Vec<Option<$to>>, |values| values.into_iter().map(|value| value.map($convert)).collect();
        }
    )+};
}

bind_with_null_and_array! {
    Uuid => SqlUuid, Uuid, |id| id;
    WorkspaceId => SqlUuid, Uuid, |id| id.0;
    AgentId => SqlUuid, Uuid, |id| id.0;
    DivisionId => SqlUuid, Uuid, |id| id.0;
    ChannelId => SqlUuid, Uuid, |id| id.0;
    ContactId => SqlUuid, Uuid, |id| id.0;
    ContactMergeId => SqlUuid, Uuid, |id| id.0;
    IdentityId => SqlUuid, Uuid, |id| id.0;
    ConversationId => SqlUuid, Uuid, |id| id.0;
    SessionId => SqlUuid, Uuid, |id| id.0;
    MessageId => SqlUuid, Uuid, |id| id.0;
    TicketId => SqlUuid, Uuid, |id| id.0;
    EventId => SqlUuid, Uuid, |id| id.0;
    JobId => SqlUuid, Uuid, |id| id.0;
    SignInId => SqlUuid, Uuid, |id| id.0;
    ApiKeyId => SqlUuid, Uuid, |id| id.0;
    AuditEntryId => SqlUuid, Uuid, |id| id.0;
    AvailabilityPeriodId => SqlUuid, Uuid, |id| id.0;
    OneTimeTokenId => SqlUuid, Uuid, |id| id.0;
    DistributionPolicyId => SqlUuid, Uuid, |id| id.0;
    RoutingDecisionId => SqlUuid, Uuid, |id| id.0;
    RoutingRequestId => SqlUuid, Uuid, |id| id.0;
    TimerId => SqlUuid, Uuid, |id| id.0;
    NotificationId => SqlUuid, Uuid, |id| id.0;
    AttachmentId => SqlUuid, Uuid, |id| id.0;
    LabelId => SqlUuid, Uuid, |id| id.0;
    TemplateId => SqlUuid, Uuid, |id| id.0;
    NoteId => SqlUuid, Uuid, |id| id.0;
    WebhookEndpointId => SqlUuid, Uuid, |id| id.0;
    WebhookDeliveryId => SqlUuid, Uuid, |id| id.0;
    String => Text, String, |text| text;
    &'static str => Text, &'static str, |text| text;
    i32 => Integer, i32, |number| number;
    i64 => BigInt, i64, |number| number;
    i16 => SmallInt, i16, |number| number;
    bool => Bool, bool, |yes| yes;
    Timestamp => Timestamptz, DateTime<Utc>, Timestamp::to_chrono;
    Value => Jsonb, Value, |value| value;
    Vec<u8> => Binary, Vec<u8>, |bytes| bytes;
}
