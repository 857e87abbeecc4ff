//! What was measured on, and what was measured.

use std::fs;
use std::process::Command;
use std::thread::available_parallelism;

use harness::process::Failed;

use crate::stage::Stage;

/// Prints both.
pub fn describe(stage: &Stage) -> Result<(), Failed> {
    let cores = available_parallelism()?;
    println!("{}, {cores} cores, {:.0} GiB", processor(), memory_gib());
    println!(
        "Tanggap {}, {}, PostgreSQL {}, fsync {}, synchronous_commit {}\n",
        printed("git", &["describe", "--always", "--dirty"]),
        printed("rustc", &["--version"]),
        stage.text("SELECT split_part(current_setting('server_version'), ' ', 1) AS text")?,
        stage.text("SELECT current_setting('fsync') AS text")?,
        stage.text("SELECT current_setting('synchronous_commit') AS text")?,
    );
    Ok(())
}

fn processor() -> String {
    let described = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let named = described.lines().find(|line| line.starts_with("model name"));
    match named.and_then(|line| line.split_once(':')) {
        Some((_, name)) => name.trim().to_owned(),
        None => printed("sysctl", &["-n", "machdep.cpu.brand_string"]),
    }
}

fn memory_gib() -> f64 {
    let described = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = described.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    match kib.and_then(|kib| kib.parse::<f64>().ok()) {
        Some(kib) => kib / 1024.0 / 1024.0,
        None => printed("sysctl", &["-n", "hw.memsize"]).parse::<f64>().unwrap_or(f64::NAN) / 1024f64.powi(3),
    }
}

fn printed(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    text.ok().filter(|text| !text.is_empty()).unwrap_or_else(|| "unknown".to_owned())
}
