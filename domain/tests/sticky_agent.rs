//! The sticky agent is among the candidates that are kept, however large the team.

use domain::agent::{Availability, Role};
use domain::id::{AgentId, ChannelId};
use domain::routing::{DecisionReason, Inquiry, LeftOut, Member, Strategy, Team, decide};
use uuid::Uuid;

fn agent(n: u128) -> AgentId {
    Uuid::from_u128(n).into()
}

/// A team of a thousand of whom the last one does not hold fewer than others.
fn team(last_is_online: bool) -> Team {
    let mut team = Team::default();
    for n in 1..=1000 {
        team.insert(Member {
            id: agent(n),
            role: Role::Agent,
            availability: Availability::Online,
            online: n < 1000 || last_is_online,
            max_conversations: None,
            channels: Vec::new(),
            divisions: Vec::new(),
            load: 0,
            last_assigned_at: None,
        });
    }
    team
}

fn inquiry() -> Inquiry {
    Inquiry {
        channel_id: ChannelId::from(Uuid::from_u128(7)),
        division_id: None,
        holder_id: None,
        previous_holder_ids: Vec::new(),
        sticky_agent_id: Some(agent(1000)),
        strategy: Strategy::LeastBusy,
        max_conversations: None,
    }
}

#[test]
fn one_that_is_chosen_comes_first() {
    let decision = decide(&team(true), &inquiry());
    assert_eq!(decision.reason, DecisionReason::StickyAgent);
    let (kept, omitted) = decision.ranked(200);
    assert_eq!((kept.len(), kept[0].agent_id, kept[1].agent_id), (200, agent(1000), agent(1)));
    assert_eq!(omitted, [(None, 800)]);
}

#[test]
fn one_that_is_left_out_is_kept_with_the_reason() {
    let decision = decide(&team(false), &inquiry());
    assert_eq!(decision.reason, DecisionReason::LeastBusy);
    let (kept, omitted) = decision.ranked(200);
    let last = kept.last().map(|one| (one.agent_id, one.left_out));
    assert_eq!(
        (kept.len(), kept[0].agent_id, last),
        (200, agent(1), Some((agent(1000), Some(LeftOut::Offline))))
    );
    assert_eq!(omitted, [(None, 800)]);
    assert_eq!(decision.ranked(1000).0.len(), 1000);
}
