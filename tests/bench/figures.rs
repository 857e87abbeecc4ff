//! Medians, percentiles, and how they are printed.

use std::time::Duration;

/// The middle one.
pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The time within which this share of them was, in milliseconds.
pub fn percentile(times: &mut [Duration], share: f64) -> f64 {
    if times.is_empty() {
        return f64::NAN;
    }
    let at = ((times.len() - 1) as f64 * share).round() as usize;
    times.select_nth_unstable(at).1.as_secs_f64() * 1000.0
}

/// Compares what should be large with what it must be at least.
pub fn at_least(value: f64, limit: f64) -> String {
    format!("{value:.2} (at least {limit}{})", if value >= limit { "" } else { ": MISSED" })
}

/// Compares what should be small with what it may be at most.
pub fn at_most(value: f64, limit: f64, unit: &str) -> String {
    format!("{value:.1} {unit} (at most {limit} {unit}{})", if value <= limit { "" } else { ": MISSED" })
}

/// Microseconds each.
pub fn each_us(busy: Duration, count: usize) -> f64 {
    busy.as_secs_f64() * 1e6 / count as f64
}
