//! Who sees a customer because it holds the conversation.

use std::collections::BTreeSet;

use domain::event::{Audience, ContactSight, EventType};
use domain::id::{AgentId, ChannelId, ConversationId, WorkspaceId};
use domain::resource::EventActor;
use persistence::error::Failure;
use persistence::{agents, contacts};

use super::transaction::{Change, Hands, Tx};

/// Tells of the customers of conversations that changed hands in this transaction: a member that is kept to its allocation
/// sees the customer of a conversation elsewhere as long as it holds that. Where the members are allocated to the channel they
/// see its customers anyway, and nothing is told.
///
/// # Errors
/// Only those of the database.
pub(super) fn tell(tx: &mut Tx<'_>) -> Result<(), Failure> {
    let hands = tx.take_hands();
    if hands.is_empty() {
        return Ok(());
    }
    let members = hands.iter().flat_map(|((workspace, _), one)| of(one).map(|agent| (*workspace, agent)));
    let allocated: BTreeSet<(AgentId, ChannelId)> =
        agents::allocated_channels(tx.conn, members.collect())?.into_iter().collect();
    for ((workspace, conversation), one) in hands {
        if of(&one).any(|agent| !allocated.contains(&(agent, one.channel))) {
            tell_one(tx, workspace, conversation, one.from)?;
        }
    }
    Ok(())
}

fn of(hands: &Hands) -> impl Iterator<Item = AgentId> + use<> {
    hands.from.into_iter().chain(hands.to)
}

fn tell_one(
    tx: &mut Tx<'_>,
    workspace_id: WorkspaceId,
    conversation: ConversationId,
    held_by: Option<AgentId>,
) -> Result<(), Failure> {
    let Some(contact) = contacts::of_conversation(tx.conn, workspace_id, conversation)? else {
        return Ok(());
    };
    let before = contacts::facts_when_held(tx.conn, workspace_id, contact, conversation, held_by)?;
    let after = contacts::facts(tx.conn, workspace_id, contact)?;
    let Some((_, shape)) = contacts::shapes(tx.conn, vec![(workspace_id, contact)])?.pop() else {
        return Ok(());
    };
    tx.tell(Change {
        workspace_id,
        event_type: EventType::ContactUpdated,
        audience: Audience::Contact(ContactSight { before: Some(before), after: Some(after) }),
        conversation_id: None,
        actor: &EventActor::system(),
        data: &shape,
        previous: None,
    });
    Ok(())
}
