//! Routing: what one decision costs, how many conversations a second find an agent, and how soon each does.

mod cost;
mod office;
mod pure;
mod queue;
mod sessions;
mod statements;
mod watch;

use harness::process::Failed;

use crate::stage::Stage;

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    pure::measure()?;
    let server = stage.serve().await?;
    queue::drain(stage, &server).await?;
    queue::moves(stage, &server).await?;
    cost::measure(stage, &server).await?;
    sessions::measure(stage, &server).await
}
