//! What the router asks of PostgreSQL, as PostgreSQL's log shows it.

use std::collections::HashMap;
use std::fs::{File, metadata};
use std::io::{Read as _, Seek as _, SeekFrom};

use harness::process::Failed;

use crate::stage::Stage;

/// A text that every transaction of routing has and no other.
const ROUTING: &str = "UPDATE routing_states";

/// What transactions of routing did since the log was opened.
#[derive(Debug, Default, Clone, Copy)]
pub struct Cost {
    /// How many there were.
    pub transactions: usize,
    /// Their statements, from BEGIN to COMMIT.
    pub statements: usize,
    /// How long PostgreSQL worked on them but for the commits, in milliseconds.
    pub work_ms: f64,
    /// How long the commits took, which is the disk more than anything, in milliseconds.
    pub commit_ms: f64,
}

/// PostgreSQL's log while it tells every statement with its duration.
pub struct Log<'a> {
    stage: &'a Stage,
    from: u64,
}

impl<'a> Log<'a> {
    /// From now on everything is logged.
    pub fn open(stage: &'a Stage) -> Result<Self, Failed> {
        stage.sql("ALTER SYSTEM SET log_min_duration_statement = 0")?;
        stage.sql("ALTER SYSTEM SET log_parameter_max_length = 0")?;
        stage.sql("ALTER SYSTEM SET log_line_prefix = 'process %p '")?;
        stage.sql("SELECT pg_reload_conf()")?;
        let from = metadata(stage.database_log())?.len();
        Ok(Self { stage, from })
    }

    /// What was logged since; nothing more is.
    pub fn close(self) -> Result<Cost, Failed> {
        for name in ["log_min_duration_statement", "log_parameter_max_length", "log_line_prefix"] {
            self.stage.sql(&format!("ALTER SYSTEM RESET {name}"))?;
        }
        self.stage.sql("SELECT pg_reload_conf()")?;
        let mut file = File::open(self.stage.database_log())?;
        file.seek(SeekFrom::Start(self.from))?;
        let mut log = Vec::new();
        file.read_to_end(&mut log)?;
        Ok(cost(&String::from_utf8_lossy(&log)))
    }
}

/// A transaction that one process has begun.
#[derive(Default)]
struct Begun {
    cost: Cost,
    routes: bool,
}

fn cost(log: &str) -> Cost {
    let mut sum = Cost::default();
    let mut begun: HashMap<&str, Begun> = HashMap::new();
    for (process, ms, what) in log.lines().filter_map(timed) {
        let is_begin = what.ends_with(": BEGIN");
        if is_begin {
            begun.insert(process, Begun::default());
        }
        let Some(one) = begun.get_mut(process) else { continue };
        one.routes |= what.contains(ROUTING);
        if what.ends_with(": COMMIT") {
            one.cost.commit_ms += ms;
            one.cost.statements += 1;
            if one.routes {
                sum.transactions += 1;
                sum.statements += one.cost.statements;
                sum.work_ms += one.cost.work_ms;
                sum.commit_ms += one.cost.commit_ms;
            }
            begun.remove(process);
        } else {
            one.cost.work_ms += ms;
            // Parsing and binding are steps of a statement that is executed.
            one.cost.statements += usize::from(what.starts_with("execute") || what.starts_with("statement"));
        }
    }
    sum
}

/// The process, the milliseconds and the beginning of the statement in a line of the log.
fn timed(line: &str) -> Option<(&str, f64, &str)> {
    let (process, rest) = line.strip_prefix("process ")?.split_once(' ')?;
    let (ms, what) = rest.split_once("duration: ")?.1.split_once(" ms  ")?;
    Some((process, ms.parse().ok()?, what))
}
