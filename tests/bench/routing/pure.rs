//! The decision alone: who of a team is given a conversation.

use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::agent::{Availability, Role};
use domain::id::{AgentId, ChannelId};
use domain::routing::{Inquiry, Member, Outcome, Strategy, Team, decide};
use domain::time::Timestamp;
use harness::process::Failed;
use uuid::Uuid;

use crate::figures::{at_most, percentile};

pub const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];
const DECISIONS: usize = 2_000;
/// How many times what a member of a team of 100 costs one of a larger team may cost: more than linear would be more.
const LIMIT: f64 = 4.0;

/// Measures and prints.
pub fn measure() -> Result<(), Failed> {
    println!(
        "the pure decision, least busy, {DECISIONS} times    limit: a member costs {LIMIT} times one of 100"
    );
    println!("  members   p50 us   p99 us  ns per member");
    let mut of_hundred = f64::NAN;
    for members in SIZES {
        let mut times = decisions(members)?;
        let (median, slowest) = (percentile(&mut times, 0.5) * 1000.0, percentile(&mut times, 0.99) * 1000.0);
        let each = median * 1000.0 / members as f64;
        if members == 100 {
            of_hundred = each;
        }
        let compared = if members > 100 { at_most(each / of_hundred, LIMIT, "times") } else { String::new() };
        println!("  {members:>7} {median:>8.1} {slowest:>8.1} {each:>14.1}  {compared}");
    }
    println!();
    Ok(())
}

/// Decides, and gives the winner the conversation, again and again.
fn decisions(members: usize) -> Result<Vec<Duration>, Failed> {
    let channel = ChannelId::from(Uuid::from_u128(1));
    let mut team = team(members);
    let inquiry = Inquiry {
        channel_id: channel,
        division_id: None,
        holder_id: None,
        previous_holder_ids: Vec::new(),
        sticky_agent_id: None,
        strategy: Strategy::LeastBusy,
        max_conversations: Some(100_000),
    };
    let start = Timestamp::from_unix_seconds(1_800_000_000).ok_or("no such time")?;
    let mut times = Vec::with_capacity(DECISIONS);
    for _ in 0..DECISIONS {
        let began = Instant::now();
        let decision = black_box(decide(&team, black_box(&inquiry)));
        times.push(began.elapsed());
        let Outcome::Found(placement) = decision.outcome else { return Err("nobody was found".into()) };
        let at = team.next_turn(start);
        team.give(placement.agent(), at);
    }
    Ok(times)
}

/// Nine of ten are online; half have a limit of their own, and every fifth is allocated to another channel.
fn team(members: usize) -> Team {
    let another = ChannelId::from(Uuid::from_u128(2));
    let mut team = Team::default();
    for number in 0..members {
        team.insert(Member {
            id: AgentId::from(Uuid::from_u128((number as u128) * 0x9e37_79b9_7f4a_7c15)),
            role: Role::Agent,
            availability: Availability::Online,
            online: number % 10 != 9,
            max_conversations: (number % 2 == 0).then_some(100_000),
            channels: if number % 5 == 0 { vec![another] } else { Vec::new() },
            divisions: Vec::new(),
            load: u32::try_from(number % 7).unwrap_or_default(),
            last_assigned_at: None,
        });
    }
    team
}
