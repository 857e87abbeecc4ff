//! Logs and metrics.

use std::sync::OnceLock;

use diesel::PgConnection;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use persistence::webhooks::sending;
use persistence::{jobs, routing};
use tracing_subscriber::EnvFilter;

use crate::state::App;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins logging to standard output. `filter` as in `RUST_LOG`; what cannot be read means `info`.
pub fn start_logging(filter: &str, format: LogFormat) {
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(false);
    // A second call, in tests, changes nothing.
    let _ = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).with_current_span(false).try_init(),
    };
}

static METRICS: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Begins counting. Once per process; later calls change nothing.
pub fn start_metrics() {
    METRICS.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets(&[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0])
            .ok()
            .and_then(|builder| builder.install_recorder().ok())
    });
}

/// The metrics as text, with the gauges read now.
pub async fn render(app: &App) -> String {
    for (name, db) in [("requests", &app.db), ("readiness", &app.readiness)] {
        let (used, all) = db.usage();
        metrics::gauge!("database_connections_used", "pool" => name).set(as_gauge(used));
        metrics::gauge!("database_connections_max", "pool" => name).set(as_gauge(all));
    }
    metrics::gauge!("ingest_waiting_webhooks").set(as_gauge(app.ingest.waiting()));
    if let Ok((waiting, oldest)) = app.readiness.read(|conn| Ok(jobs::depth(conn)?)).await {
        let age = oldest.map_or(0, |oldest| app.clock.now().since(oldest).num_seconds());
        metrics::gauge!("jobs_waiting").set(as_gauge(usize::try_from(waiting).unwrap_or(0)));
        metrics::gauge!("jobs_oldest_age_seconds").set(as_gauge(usize::try_from(age).unwrap_or(0)));
    }
    if let Ok((waiting, oldest)) = app.readiness.read(|conn| Ok(sending::depth(conn)?)).await {
        let age = oldest.map_or(0, |oldest| app.clock.now().since(oldest).num_seconds());
        metrics::gauge!("webhook_deliveries_waiting").set(as_gauge(usize::try_from(waiting).unwrap_or(0)));
        metrics::gauge!("webhook_deliveries_oldest_age_seconds")
            .set(as_gauge(usize::try_from(age).unwrap_or(0)));
    }
    let routing = |conn: &mut PgConnection| Ok((routing::depth(conn)?, routing::waiting_count(conn)?));
    if let Ok((requests, conversations)) = app.readiness.read(routing).await {
        metrics::gauge!("routing_requests_waiting").set(as_gauge(usize::try_from(requests).unwrap_or(0)));
        metrics::gauge!("conversations_waiting").set(as_gauge(usize::try_from(conversations).unwrap_or(0)));
    }
    METRICS.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default()
}

fn as_gauge(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}
