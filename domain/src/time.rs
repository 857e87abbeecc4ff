//! Points in time, as the product stores and shows them.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, SubsecRound, TimeDelta, Utc};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A point in time, UTC, in whole microseconds.
///
/// PostgreSQL keeps microseconds; a finer value would come back different from what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Takes a time, cutting it to microseconds.
    #[must_use]
    pub fn new(at: DateTime<Utc>) -> Self {
        Self(at.trunc_subsecs(6))
    }

    /// Seconds since 1970, as WhatsApp and Telegram send them. `None` outside the calendar.
    #[must_use]
    pub fn from_unix_seconds(seconds: i64) -> Option<Self> {
        DateTime::from_timestamp(seconds, 0).map(Self)
    }

    /// Milliseconds since 1970, as Messenger sends them. `None` outside the calendar.
    #[must_use]
    pub fn from_unix_millis(millis: i64) -> Option<Self> {
        DateTime::from_timestamp_millis(millis).map(Self)
    }

    /// Microseconds since 1970. `None` outside the calendar.
    #[must_use]
    pub fn from_unix_micros(micros: i64) -> Option<Self> {
        DateTime::from_timestamp_micros(micros).map(Self)
    }

    /// Microseconds since 1970.
    #[must_use]
    pub fn unix_micros(self) -> i64 {
        self.0.timestamp_micros()
    }

    /// Whole seconds since 1970.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        self.0.timestamp()
    }

    /// The time as chrono's type.
    #[must_use]
    pub fn to_chrono(self) -> DateTime<Utc> {
        self.0
    }

    /// This time moved by `by`; the furthest representable time where that would overflow.
    #[must_use]
    pub fn plus(self, by: TimeDelta) -> Self {
        let end = if by < TimeDelta::zero() { DateTime::<Utc>::MIN_UTC } else { DateTime::<Utc>::MAX_UTC };
        Self::new(self.0.checked_add_signed(by).unwrap_or(end))
    }

    /// How long after `earlier` this is; negative when it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> TimeDelta {
        self.0 - earlier.0
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 with `Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Micros, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let at = DateTime::<Utc>::deserialize(deserializer)?;
        // RFC 3339 knows no others, nor does PostgreSQL know all that chrono does.
        if (0..=9999).contains(&at.year()) {
            Ok(Self::new(at))
        } else {
            Err(D::Error::custom("the year must be 0000 to 9999"))
        }
    }
}

#[cfg(feature = "schema")]
mod schema {
    use super::Timestamp;
    use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, SchemaFormat, Type};
    use utoipa::openapi::{RefOr, Schema};

    impl utoipa::PartialSchema for Timestamp {
        fn schema() -> RefOr<Schema> {
            ObjectBuilder::new()
                .schema_type(Type::String)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
                .description(Some("A point in time: RFC 3339, UTC, microseconds"))
                .examples(["2026-11-20T02:14:03.000000Z"])
                .into()
        }
    }

    impl utoipa::ToSchema for Timestamp {
        fn name() -> std::borrow::Cow<'static, str> {
            "Timestamp".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;

    #[test]
    fn is_cut_to_microseconds_and_shown_with_z() {
        let at = chrono::DateTime::parse_from_rfc3339("2026-11-20T09:14:03.123456789+07:00")
            .map(|at| Timestamp::new(at.to_utc()));
        assert_eq!(at.map(|at| at.to_string()).as_deref(), Ok("2026-11-20T02:14:03.123456Z"));
    }
}
