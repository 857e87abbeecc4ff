//! Lists of 25 among 100,000 conversations, as different people see them; beside each pgbench with the very statement.

use std::fs;
use std::time::{Duration, Instant};

use harness::process::{Failed, Tanggap, demand, sign_in};
use harness::wire::request;
use serde_json::Value;

use crate::figures::{each_us, median, percentile};
use crate::load;
use crate::pgbench;
use crate::stage::{PASSWORD, Stage};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
/// As many as the server has connections for requests.
pub const AT_ONCE: usize = 8;
/// Longer than who acts is believed without asking the database.
const BELIEVED: Duration = Duration::from_millis(1500);

/// Who reads which list.
struct Reader {
    what: &'static str,
    member: &'static str,
    tab: &'static str,
    /// Whether the workspace restricts its agents to their channels and divisions meanwhile.
    restricted: bool,
}

/// The first is what the others are compared with.
const READERS: [Reader; 5] = [
    Reader { what: "all, an admin", member: "admin", tab: "all", restricted: false },
    Reader { what: "all, an agent", member: "agent7", tab: "all", restricted: false },
    Reader { what: "all, a supervisor of 5", member: "agent19", tab: "all", restricted: false },
    Reader { what: "all, an agent of 2 channels", member: "agent8", tab: "all", restricted: true },
    Reader { what: "mine, an agent", member: "agent7", tab: "mine", restricted: false },
];

/// What the rounds of a reader gave.
#[derive(Default)]
struct Measured {
    ours: Vec<f64>,
    theirs: Vec<f64>,
    times: Vec<Duration>,
    busy: Duration,
}

/// Measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let server = stage.serve().await?;
    let tenant = stage.tenant(&server, "list").await?;
    let fill = include_str!("list.sql").replace("{workspace}", &tenant.id);
    stage.sql(&fill.replace("{channel}", &tenant.channel_id))?;
    stage.sql("VACUUM ANALYZE")?;
    let mut measured: Vec<Measured> = READERS.iter().map(|_| Measured::default()).collect();
    // By turns, so that a slower minute of the machine is everybody's.
    for _ in 0..ROUNDS {
        for (reader, measured) in READERS.iter().zip(&mut measured) {
            let restrict = format!(
                "UPDATE assignment_settings SET restrict_to_allocation = {} WHERE workspace_id = '{}'",
                reader.restricted, tenant.id
            );
            stage.sql(&restrict)?;
            tokio::time::sleep(BELIEVED).await;
            round(stage, &server, reader, measured).await?;
        }
    }
    print(measured);
    Ok(())
}

/// How the statement that reads a page is known in PostgreSQL's log.
pub struct Statement {
    /// How it begins.
    pub begins: &'static str,
    /// What no other statement has in it.
    pub has: &'static str,
}

const CONVERSATIONS: Statement =
    Statement { begins: "SELECT c.workspace_id", has: "AS place FROM conversations c" };

/// Lists a page of 25 over and over, beside pgbench with the statement that it asks. Prints a line.
pub async fn compare(
    stage: &Stage,
    server: &Tanggap,
    token: &str,
    (name, path): (&str, &str),
    known_by: &Statement,
) -> Result<(), Failed> {
    let page = demand(server.addr, "GET", path, token, &Value::Null).await?;
    let found = page["items"].as_array().map_or(0, Vec::len);
    if found != 25 {
        return Err(format!("{path} lists {found} items instead of 25").into());
    }
    let statement = statement_of(stage, server, token, path, known_by).await?;
    let authorization = format!("Bearer {token}");
    let bytes = request("GET", path, &[("authorization", &authorization)], b"");
    let (mut ours, mut theirs, mut times) = (Vec::new(), Vec::new(), Vec::new());
    let before = server.busy();
    for _ in 0..ROUNDS {
        let round = load::again_and_again(server.addr, vec![bytes.clone()], AT_ONCE, ROUND).await?;
        ours.push(round.per_second);
        times.extend(round.times);
        theirs.push(pgbench::run(stage, &statement, AT_ONCE, &[])?);
    }
    let (ours, theirs) = (median(ours), median(theirs));
    println!(
        "  {name:<8} {ours:>8.0} {:>8.1} {:>8.1} {:>10.0} {theirs:>10.0}  {:.2}",
        percentile(&mut times, 0.5),
        percentile(&mut times, 0.99),
        each_us(server.busy() - before, times.len()),
        ours / theirs
    );
    Ok(())
}

async fn round(
    stage: &Stage,
    server: &Tanggap,
    reader: &Reader,
    measured: &mut Measured,
) -> Result<(), Failed> {
    let token = sign_in(server.addr, "list", &format!("{}@bench.example", reader.member), PASSWORD).await?;
    let path = format!("/v1/conversations?tab={}", reader.tab);
    let page = demand(server.addr, "GET", &path, &token, &Value::Null).await?;
    let found = page["items"].as_array().map_or(0, Vec::len);
    if found != 25 {
        return Err(format!("{}: {found} conversations instead of 25", reader.what).into());
    }
    let statement = statement_of(stage, server, &token, &path, &CONVERSATIONS).await?;
    let authorization = format!("Bearer {token}");
    let bytes = request("GET", &path, &[("authorization", &authorization)], b"");
    let before = server.busy();
    let round = load::again_and_again(server.addr, vec![bytes], AT_ONCE, ROUND).await?;
    measured.busy += server.busy() - before;
    measured.ours.push(round.per_second);
    measured.times.extend(round.times);
    measured.theirs.push(pgbench::run(stage, &statement, AT_ONCE, &[])?);
    Ok(())
}

fn print(measured: Vec<Measured>) {
    println!("list of 25 among 100,000 conversations, {AT_ONCE} at once");
    println!(
        "  tab, reader                    lists/s   p50 ms   p99 ms  server us  to the first  pgbench/s  ratio"
    );
    let mut first = None;
    for (reader, Measured { ours, theirs, mut times, busy }) in READERS.iter().zip(measured) {
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "  {:<28} {ours:>9.0} {:>8.1} {:>8.1} {:>10.0} {:>13.2} {theirs:>10.0}  {:.2}",
            reader.what,
            percentile(&mut times, 0.5),
            percentile(&mut times, 0.99),
            each_us(busy, times.len()),
            ours / *first.get_or_insert(ours),
            ours / theirs
        );
    }
    println!();
}

/// What PostgreSQL is asked for a list, as its log shows it, so that it cannot differ from what is.
async fn statement_of(
    stage: &Stage,
    server: &Tanggap,
    token: &str,
    path: &str,
    known_by: &Statement,
) -> Result<String, Failed> {
    stage.sql("ALTER SYSTEM SET log_min_duration_statement = 0")?;
    stage.sql("SELECT pg_reload_conf()")?;
    let deadline = Instant::now() + Duration::from_secs(10);
    let before = fs::metadata(stage.database_log())?.len() as usize;
    let found = loop {
        demand(server.addr, "GET", path, token, &Value::Null).await?;
        let log = fs::read(stage.database_log())?;
        match last_list(&String::from_utf8_lossy(&log[before..]), known_by) {
            Some(statement) => break statement,
            None if Instant::now() > deadline => return Err("the log shows no list".into()),
            None => {}
        }
    };
    stage.sql("ALTER SYSTEM RESET log_min_duration_statement")?;
    stage.sql("SELECT pg_reload_conf()")?;
    Ok(found)
}

/// The last logged statement that reads a page, with its parameters in it.
fn last_list(log: &str, known_by: &Statement) -> Option<String> {
    let at = log.rfind(known_by.has)?;
    let begin = log[..at].rfind(known_by.begins)?;
    let (statement, rest) = log[begin..].split_once("\n2")?;
    let parameters = rest.lines().next()?.split_once("parameters: ")?.1;
    let mut statement = statement.to_owned();
    // From the last to the first: `$1` is the beginning of `$10`.
    for parameter in parameters.split(", $").collect::<Vec<_>>().into_iter().rev() {
        let (number, value) = parameter.trim_start_matches('$').split_once(" = ")?;
        statement = statement.replace(&format!("${number}"), value);
    }
    statement.push(';');
    Some(statement)
}
