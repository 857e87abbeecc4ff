//! From starting the process to `/readyz`.

use std::time::{Duration, Instant};

use harness::process::Failed;

use crate::figures::{at_most, percentile};
use crate::stage::Stage;

const STARTS: usize = 10;
const LIMIT_MS: f64 = 1000.0;

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let launch = stage.launch()?;
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..STARTS {
        let began = Instant::now();
        let mut server = launch.spawn()?;
        server.until_ready(Duration::from_secs(60)).await?;
        times.push(began.elapsed());
        server.kill()?;
    }
    println!("start of `tanggap serve` on an existing database, to ready, {STARTS} times");
    println!(
        "  median {:.0} ms, longest {}\n",
        percentile(&mut times, 0.5),
        at_most(percentile(&mut times, 1.0), LIMIT_MS, "ms")
    );
    Ok(())
}
