//! Lists of conversations, search, counts, tickets and messages among a million conversations with ten million messages, and
//! among a hundredth of that: what is asked for of a page must not be paid for by what is not on it.

use std::time::{Duration, Instant};

use harness::process::{Failed, Tanggap, demand, sign_in};
use harness::wire::request;
use serde_json::Value;

use crate::figures::percentile;
use crate::load;
use crate::stage::{PASSWORD, Stage};

const SMALL: usize = 10_000;
const LARGE: usize = 1_000_000;
/// By turns, so that a slower minute of the machine is everybody's.
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(600);
/// What the p99 of the large one may be of that of the small one.
const LIMIT: f64 = 2.0;
/// Below this a difference is the machine's.
const NOTHING_MS: f64 = 2.0;

/// What is asked for. `{…}` is the id of a thing of the workspace; the supervisor has five agents.
const QUESTIONS: [(&str, &str, &str); 31] = [
    ("mine", "agent7", "/v1/conversations?tab=mine"),
    ("all", "admin", "/v1/conversations?tab=all"),
    ("all, a supervisor", "agent39", "/v1/conversations?tab=all"),
    ("unassigned", "admin", "/v1/conversations?tab=unassigned"),
    ("archived", "admin", "/v1/conversations?tab=archived"),
    ("status", "admin", "/v1/conversations?tab=all&status=open"),
    ("channel", "admin", "/v1/conversations?tab=all&channel_id={channel 3}"),
    ("kind of channel", "admin", "/v1/conversations?tab=all&channel_kind=telegram"),
    ("division", "admin", "/v1/conversations?tab=all&division_id={division 1}"),
    ("division, a supervisor", "agent39", "/v1/conversations?tab=all&division_id={division 1}"),
    ("agent", "admin", "/v1/conversations?tab=all&agent_id={agent 3}"),
    ("unread", "admin", "/v1/conversations?tab=all&unread=true"),
    ("unread, mine", "agent7", "/v1/conversations?tab=mine&unread=true"),
    ("unread, a channel", "admin", "/v1/conversations?tab=all&unread=true&channel_id={channel 3}"),
    ("label, on a third", "admin", "/v1/conversations?tab=all&label_id={label common}"),
    ("label, on a hundredth", "admin", "/v1/conversations?tab=all&label_id={label usual}"),
    ("label, on one of 10,000", "admin", "/v1/conversations?tab=all&label_id={label rare}"),
    ("label, on the oldest only", "admin", "/v1/conversations?tab=all&label_id={label old}"),
    ("label, a supervisor", "agent39", "/v1/conversations?tab=all&label_id={label usual}"),
    ("label and channel", "admin", "/v1/conversations?tab=all&label_id={label old}&channel_id={channel 3}"),
    ("name, one of 15", "admin", "/v1/conversations?tab=all&q=budi"),
    ("name, nobody else's", "admin", "/v1/conversations?tab=all&q=xaverius+quiroz"),
    ("name, 1 character", "admin", "/v1/conversations?tab=all&q=a"),
    ("name, 1 rare character", "admin", "/v1/conversations?tab=all&q=x"),
    ("name, 3 characters", "admin", "/v1/conversations?tab=all&q=san"),
    ("name, 3 in 1 of 125", "admin", "/v1/conversations?tab=all&q=dew"),
    ("name and label", "admin", "/v1/conversations?tab=all&q=budi&label_id={label usual}"),
    ("number, whole", "admin", "/v1/conversations?tab=all&q=%2B628{number}"),
    ("counts", "admin", "/v1/conversations/counts"),
    ("tickets", "admin", "/v1/tickets"),
    ("messages", "admin", "/v1/conversations/{customer 77}/messages"),
];

/// A workspace of a size.
struct Side {
    workspace: String,
    slug: &'static str,
    times: Vec<Vec<Duration>>,
}

/// Fills both, measures and prints.
pub async fn measure(stage: &Stage) -> Result<(), Failed> {
    let server = stage.serve().await?;
    let mut sides = Vec::new();
    for (slug, count) in [("small", SMALL), ("large", LARGE)] {
        let kept = stage.text(&format!(
            "SELECT coalesce((SELECT id::text FROM workspaces WHERE slug = '{slug}'), '') AS text"
        ))?;
        if !kept.is_empty() {
            sides.push(Side { workspace: kept, slug, times: vec![Vec::new(); QUESTIONS.len()] });
            continue;
        }
        let tenant = stage.tenant(&server, slug).await?;
        let began = Instant::now();
        let fill = include_str!("inbox.sql").replace("{workspace}", &tenant.id);
        stage.sql(&fill.replace("{channel}", &tenant.channel_id).replace("{count}", &count.to_string()))?;
        println!(
            "{count} conversations with {} messages made in {:.0} s",
            count * 10,
            began.elapsed().as_secs_f64()
        );
        sides.push(Side { workspace: tenant.id, slug, times: vec![Vec::new(); QUESTIONS.len()] });
    }
    stage.sql("VACUUM ANALYZE")?;
    // What is asked first reads the disk.
    for number in 0..=ROUNDS {
        for (at, (_, member, path)) in QUESTIONS.iter().enumerate() {
            for side in &mut sides {
                let times = round(stage, &server, side, member, path).await?;
                if number > 0 {
                    side.times[at].extend(times);
                }
            }
        }
    }
    print(sides);
    Ok(())
}

/// The path with the ids of the workspace in it.
fn path_of(stage: &Stage, side: &Side, path: &str) -> Result<String, Failed> {
    let Some((before, rest)) = path.split_once('{') else { return Ok(path.to_owned()) };
    let (name, after) = rest.split_once('}').ok_or("a path that is cut")?;
    let value = match name {
        "number" => stage.text(&format!(
            "SELECT substr(phone, 4) AS text FROM contacts WHERE workspace_id = '{0}' AND id = md5('{0} customer 77')::uuid",
            side.workspace
        ))?,
        _ => stage.text(&format!("SELECT md5('{} {name}')::uuid::text AS text", side.workspace))?,
    };
    path_of(stage, side, &format!("{before}{value}{after}"))
}

async fn round(
    stage: &Stage,
    server: &Tanggap,
    side: &Side,
    member: &str,
    path: &str,
) -> Result<Vec<Duration>, Failed> {
    let token = sign_in(server.addr, side.slug, &format!("{member}@bench.example"), PASSWORD).await?;
    let path = path_of(stage, side, path)?;
    demand(server.addr, "GET", &path, &token, &Value::Null).await?;
    let authorization = format!("Bearer {token}");
    let bytes = request("GET", &path, &[("authorization", &authorization)], b"");
    Ok(load::again_and_again(server.addr, vec![bytes], 1, ROUND).await?.times)
}

fn print(mut sides: Vec<Side>) {
    println!(
        "one at a time, ms                10,000: p50      p99  1,000,000: p50      p99   p99 of p99 (at most {LIMIT})"
    );
    for (at, (what, ..)) in QUESTIONS.iter().enumerate() {
        let figures: Vec<(f64, f64)> = sides
            .iter_mut()
            .map(|side| (percentile(&mut side.times[at], 0.5), percentile(&mut side.times[at], 0.99)))
            .collect();
        let [(small_p50, small), (large_p50, large)] = figures[..] else { continue };
        let missed = large / small > LIMIT && large - small > NOTHING_MS;
        println!(
            "  {what:<28} {small_p50:>12.2} {small:>8.2} {large_p50:>15.2} {large:>8.2} {:>12.2}{}",
            large / small,
            if missed { " MISSED" } else { "" }
        );
    }
    println!();
}
