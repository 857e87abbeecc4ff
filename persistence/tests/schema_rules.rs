//! Rules that hold for every table, read from PostgreSQL's own catalogue.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod throwaway;

use std::collections::{BTreeMap, BTreeSet};

use domain::access::KeyScope;
use domain::agent::{Availability, PresenceMode, Role};
use domain::attachment::{AttachmentFailure, AttachmentKind, AttachmentState};
use domain::audit::{AuditAction, AuditSubject};
use domain::channel::{ChannelKind, ChannelState};
use domain::conversation::HoldReason;
use domain::event::ActorType;
use domain::job::ChannelJobKind;
use domain::message::{AuthorType, Direction, MessageKind, MessageStatus};
use domain::notification::NotificationKind;
use domain::one_time_token::TokenPurpose;
use domain::routing::{DecisionOutcome, DecisionReason, Strategy, TieBreak, Trigger};
use domain::sign_in_throttle::ThrottleScope;
use domain::template::{ParameterFormat, TemplateCategory, TemplateStatus};
use domain::timer::{TimerKind, TimerState};
use domain::webhook::{DeliveryState, PauseReason};
use throwaway::Throwaway;

/// Tables of the installation itself, which belong to no tenant. This list only shrinks. (Wrong passwords
/// are counted for unknown e-mail addresses too, which are nobody's.)
const OF_NO_TENANT: [&str; 4] =
    ["__diesel_schema_migrations", "installation", "sign_in_throttles", "workspaces"];

/// The column that says whose a row is.
fn tenant(table: &str) -> &'static str {
    if table == "workspaces" { "id" } else { "workspace_id" }
}

fn tables(database: &Throwaway) -> Vec<String> {
    database.values(
        "SELECT c.relname::text AS value FROM pg_class c
         WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') ORDER BY 1",
    )
}

/// `table|name|columns|extra` lines of a query, cut into their parts.
fn rows(database: &Throwaway, query: &str) -> Vec<Vec<String>> {
    let lines = database.values(query);
    lines.iter().map(|line| line.split('|').map(ToOwned::to_owned).collect()).collect()
}

#[test]
fn every_row_belongs_to_a_tenant_first_of_all() {
    let database = Throwaway::migrated();
    let unique = rows(
        &database,
        "SELECT format('%s|%s|%s|%s', t.relname, i.relname, x.indisprimary,
                (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = x.indkey[0])) AS value
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         WHERE t.relnamespace = 'public'::regnamespace AND x.indisunique",
    );
    for table in tables(&database).iter().filter(|table| !OF_NO_TENANT.contains(&table.as_str())) {
        let own: Vec<_> = unique.iter().filter(|row| row[0] == *table).collect();
        assert!(own.iter().any(|row| row[2] == "t"), "{table} has no primary key");
        for row in own {
            assert_eq!(row[3], "workspace_id", "{table}: {} does not begin with the tenant", row[1]);
        }
        let kind = database.values(&format!(
            "SELECT data_type || ' ' || is_nullable AS value FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name = '{table}' AND column_name = 'workspace_id'"
        ));
        assert_eq!(kind, ["uuid NO"], "{table}.workspace_id");
    }
}

#[test]
fn foreign_keys_stay_within_the_tenant_have_an_index_and_say_what_a_delete_does() {
    let database = Throwaway::migrated();
    let keys = rows(
        &database,
        "SELECT format('%s|%s|%s|%s|%s|%s', t.relname, k.conname, f.relname, k.confdeltype,
                (SELECT string_agg(a.attname, ',' ORDER BY n) FROM unnest(k.conkey) WITH ORDINALITY u (num, n)
                 JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.num),
                (SELECT string_agg(a.attname, ',' ORDER BY n) FROM unnest(k.confkey) WITH ORDINALITY u (num, n)
                 JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.num)) AS value
         FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid JOIN pg_class f ON f.oid = k.confrelid
         WHERE k.contype = 'f' AND t.relnamespace = 'public'::regnamespace",
    );
    let indexes = rows(
        &database,
        "SELECT format('%s|%s|%s|%s', t.relname, i.relname,
                (SELECT string_agg(a.attname, ',' ORDER BY n) FROM unnest(x.indkey::smallint[]) WITH ORDINALITY u (num, n)
                 JOIN pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = u.num),
                coalesce(pg_get_expr(x.indpred, x.indrelid), '')) AS value
         FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid
         WHERE t.relnamespace = 'public'::regnamespace",
    );
    assert!(keys.len() > 15, "the query finds the keys");
    let mut wrong = Vec::new();
    for key in &keys {
        let [table, name, target, rule, columns, referred] = &key[..] else { panic!("{key:?}") };
        let (own, theirs): (Vec<_>, Vec<_>) = (columns.split(',').collect(), referred.split(',').collect());
        let first = own.iter().position(|column| *column == "workspace_id");
        if first.is_none_or(|at| theirs[at] != tenant(target)) {
            wrong.push(format!("{table}.{name} may point into another tenant"));
        }
        if rule == "a" {
            wrong.push(format!("{table}.{name} does not say what a delete does"));
        }
        let serves = |index: &&Vec<String>| {
            let leading: BTreeSet<_> = index[2].split(',').take(own.len()).collect();
            // A condition that leaves out rows which the key checks makes the index useless for it.
            let all =
                index[3].is_empty() || own.iter().any(|column| index[3] == format!("({column} IS NOT NULL)"));
            index[0] == *table && all && leading == own.iter().copied().collect()
        };
        if !indexes.iter().any(|index| serves(&index)) {
            wrong.push(format!("{table}.{name} ({columns}) has no index"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_point_in_time_knows_its_zone() {
    let database = Throwaway::migrated();
    let found = database.values(
        "SELECT table_name || '.' || column_name || ' ' || data_type AS value FROM information_schema.columns
         WHERE table_schema = 'public' AND table_name <> '__diesel_schema_migrations'
           AND (data_type IN ('date', 'json') OR data_type LIKE 'time%')",
    );
    let others: Vec<_> = found.iter().filter(|one| !one.ends_with(" timestamp with time zone")).collect();
    assert!(others.is_empty(), "{others:?}");
    assert!(found.len() > 20, "the query finds the columns");
    for column in found.iter().map(|one| one.split(' ').next().unwrap()) {
        assert!(
            column.ends_with("_at")
                || column.ends_with(".at")
                || column.ends_with("_since")
                || column.ends_with("_until")
                || column.ends_with("_up_to"),
            "{column} is not named like a point in time"
        );
    }
}

fn words<T: Copy + Into<&'static str>>(all: impl IntoIterator<Item = T>) -> BTreeSet<&'static str> {
    all.into_iter().map(Into::into).collect()
}

macro_rules! all {
    ($name:ident) => {
        words($name::ALL.iter().map(|one| one.as_str()))
    };
}

/// The words that a column takes, by the domain's own lists.
fn enumerations() -> BTreeMap<&'static str, BTreeSet<&'static str>> {
    BTreeMap::from([
        ("agents.role", all!(Role)),
        ("agents.availability", all!(Availability)),
        ("api_keys.scopes", all!(KeyScope)),
        ("audit_entries.action", all!(AuditAction)),
        ("audit_entries.actor_type", all!(ActorType)),
        ("audit_entries.subject_type", all!(AuditSubject)),
        ("availability_periods.availability", all!(Availability)),
        ("workspaces.presence", all!(PresenceMode)),
        ("channels.kind", all!(ChannelKind)),
        ("channels.state", all!(ChannelState)),
        // `domain::event::Audience` has data, so it has no list.
        (
            "events.audience",
            words(["everyone", "admins", "agent", "conversation", "ticket", "channel", "contact"]),
        ),
        // The names of the first two are only in `persistence::jobs`.
        ("jobs.kind", words(["send_message", "send_mail"]).union(&all!(ChannelJobKind)).copied().collect()),
        ("attachments.failure", all!(AttachmentFailure)),
        ("attachments.kind", all!(AttachmentKind)),
        ("attachments.state", all!(AttachmentState)),
        ("messages.author_type", all!(AuthorType)),
        ("messages.direction", all!(Direction)),
        ("messages.kind", all!(MessageKind)),
        ("messages.status", all!(MessageStatus)),
        // Only people put emojis on messages.
        ("message_reactions.author_type", words(["contact", "agent"])),
        ("assignment_settings.strategy", all!(Strategy)),
        ("conversations.waiting_cause", all!(Trigger)),
        ("distribution_policies.strategy", all!(Strategy)),
        ("notifications.kind", all!(NotificationKind)),
        ("notification_preferences.muted_kinds", all!(NotificationKind)),
        ("routing_decisions.outcome", all!(DecisionOutcome)),
        ("routing_decisions.reason", all!(DecisionReason)),
        ("routing_decisions.tie_break", all!(TieBreak)),
        ("routing_decisions.trigger", all!(Trigger)),
        ("routing_requests.cause", all!(Trigger)),
        ("templates.category", all!(TemplateCategory)),
        ("templates.parameter_format", all!(ParameterFormat)),
        ("templates.status", all!(TemplateStatus)),
        ("timers.kind", all!(TimerKind)),
        ("timers.state", all!(TimerState)),
        ("one_time_tokens.purpose", all!(TokenPurpose)),
        ("sign_in_throttles.scope", all!(ThrottleScope)),
        ("ticket_holders.reason", all!(HoldReason)),
        ("webhook_deliveries.state", all!(DeliveryState)),
        ("webhook_endpoints.paused_reason", all!(PauseReason)),
    ])
}

#[test]
fn enumerations_are_the_domains() {
    let database = Throwaway::migrated();
    let checks = rows(
        &database,
        "SELECT format('%s|%s|%s', t.relname,
                (SELECT string_agg(a.attname, ',') FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = ANY (k.conkey)),
                replace(pg_get_constraintdef(k.oid), '|', '/')) AS value
         FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
         WHERE k.contype = 'c' AND t.relnamespace = 'public'::regnamespace",
    );
    let mut found = BTreeMap::new();
    for check in &checks {
        let (column, rule) = (format!("{}.{}", check[0], check[1]), &check[2]);
        let single = rule.contains(&format!("({} = '", check[1]));
        if rule.contains("= ANY (ARRAY[") || rule.contains("<@ ARRAY[") || single {
            let words: BTreeSet<String> =
                rule.split('\'').skip(1).step_by(2).map(ToOwned::to_owned).collect();
            assert!(found.insert(column.clone(), words).is_none(), "{column} is checked twice");
        }
    }
    let expected: BTreeMap<String, BTreeSet<String>> = enumerations()
        .into_iter()
        .map(|(column, words)| (column.to_owned(), words.into_iter().map(ToOwned::to_owned).collect()))
        .collect();
    for (column, words) in &found {
        let domain = expected.get(column).unwrap_or_else(|| panic!("say which list {column} has: {words:?}"));
        assert_eq!(words, domain, "{column}: the schema's words, then the domain's");
    }
    assert_eq!(found.len(), expected.len(), "a column lost its check constraint: {:?}", found.keys());
}
