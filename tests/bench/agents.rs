//! An admin's list of 25 among 1,000 members with 100,000 tickets, in each order.

use harness::process::{Failed, sign_in};

use crate::list::{AT_ONCE, Statement, compare};
use crate::stage::{PASSWORD, Stage};

const MEMBERS: Statement = Statement { begins: "SELECT a.id, a.name", has: "FROM (SELECT a.* FROM" };

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let server = stage.serve().await?;
    let tenant = stage.tenant(&server, "team").await?;
    let fill = include_str!("agents.sql").replace("{workspace}", &tenant.id);
    stage.sql(&fill.replace("{channel}", &tenant.channel_id))?;
    stage.sql("VACUUM ANALYZE")?;
    let token = sign_in(server.addr, "team", "admin@bench.example", PASSWORD).await?;
    println!("list of 25 among 1,000 members with 100,000 tickets, {AT_ONCE} at once");
    println!("  sort      lists/s   p50 ms   p99 ms  server us  pgbench/s  ratio");
    for sort in ["name", "assigned", "handled", "resolved"] {
        let path = format!("/v1/agents?sort={sort}");
        compare(stage, &server, &token, (sort, &path), &MEMBERS).await?;
    }
    println!();
    Ok(())
}
