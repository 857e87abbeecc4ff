//! S-18: everything that the tested servers log is read along, and what must never be in a log ends the
//! whole run. The tests' own secrets and customers are the canaries.

use std::fmt;
use std::io::Write;
use std::process::abort;
use std::sync::OnceLock;

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::app::{OPERATOR_KEY, SECRET_KEY};
use crate::client::PASSWORD;
use crate::fixtures::APP_SECRET;
use crate::hooks::{ACCESS_TOKEN, TELEGRAM_SECRET};

/// Passwords, keys, tokens of providers; what access tokens, refresh tokens and API keys begin with; and what
/// customers write in nearly every test.
const CANARIES: [&str; 10] = [
    PASSWORD,
    OPERATOR_KEY,
    SECRET_KEY,
    APP_SECRET,
    ACCESS_TOKEN,
    TELEGRAM_SECRET,
    "eyJ",
    "tgr_",
    "tgk_",
    "Halo",
];

/// Begins to read along, once per process: our own lines at every level, those of libraries as `debug` shows
/// them to an operator who looks for a fault.
pub fn watch() {
    static WATCHING: OnceLock<()> = OnceLock::new();
    WATCHING.get_or_init(|| {
        let filter = EnvFilter::new("debug,api=trace,persistence=trace,domain=trace");
        let _ = Registry::default().with(Watcher.with_filter(filter)).try_init();
    });
}

struct Watcher;

impl<S: Subscriber> Layer<S> for Watcher {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        if let Some(found) = told(&line.0) {
            // A panic would end one task of a server, and no test would fail.
            let sentence = format!("\n{} logged {found:?}: {}\n", event.metadata().target(), line.0);
            // Past what a test captures, which would be lost.
            let _ = std::io::stderr().write_all(sentence.as_bytes());
            abort();
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        use fmt::Write;
        let _ = write!(self.0, "{field}={value:?} ");
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        use fmt::Write;
        let _ = write!(self.0, "{field}={value} ");
    }
}

/// What of a line must not be in it.
fn told(line: &str) -> Option<&str> {
    let canary = CANARIES.into_iter().find(|canary| line.contains(canary));
    canary.or_else(|| {
        line.split(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '.').find(|word| is_phone(word))
    })
}

/// An Indonesian number, as the tests' customers have it.
fn is_phone(word: &str) -> bool {
    (11..=15).contains(&word.len())
        && word.starts_with("62")
        && word.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::told;

    #[test]
    fn canaries_are_found_and_ids_are_not() {
        assert_eq!(told("message=request route=/v1/me status=200"), None);
        assert_eq!(told("workspace=0192f000-0000-7000-8000-628123456789"), None);
        assert_eq!(told("to=6281234567890 failed"), Some("6281234567890"));
        assert_eq!(told("header=Bearer eyJhbGciOi"), Some("eyJ"));
    }
}
