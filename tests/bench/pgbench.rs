//! PostgreSQL's own load generator, for what the database alone can do.

use std::fs;
use std::process::Command;

use harness::process::Failed;

use crate::stage::Stage;

/// How long one round lasts.
const SECONDS: u32 = 4;

/// Runs a script with prepared statements. Answers transactions per second.
pub fn run(stage: &Stage, script: &str, clients: usize, variables: &[(&str, i64)]) -> Result<f64, Failed> {
    let file = stage.folder().join("pgbench.sql");
    fs::write(&file, script)?;
    let mut command = Command::new(stage.program("pgbench"));
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=2"]);
    command.arg(format!("--time={SECONDS}")).arg(format!("--client={clients}"));
    command.arg(format!("--file={}", file.display()));
    for (name, value) in variables {
        command.arg(format!("--define={name}={value}"));
    }
    let output = command.arg(stage.url()).output()?;
    let (printed, complaint) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let rate = printed.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
    match rate.and_then(|rate| rate.parse().ok()) {
        Some(rate) if output.status.success() => Ok(rate),
        _ => Err(format!("pgbench did not finish: {complaint}").into()),
    }
}
