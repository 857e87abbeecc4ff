//! Looks through the log for the endpoints of a workspace.

use std::collections::HashSet;

use domain::access::Visible;
use domain::event::{Audience, EventType};
use domain::id::WorkspaceId;
use domain::resource::{EventActor, LostEvents};
use persistence::db::keep_plans_by_key;
use persistence::error::Failure;
use persistence::events;
use persistence::webhooks::endpoints;
use persistence::webhooks::fan_out::{self as stored, NewDelivery, Reader};
use uuid::Uuid;

use crate::ops::transaction::Tx;
use crate::stream::event::LogEvent;

/// The most deliveries of one page, about.
const ROWS: usize = 4000;
/// The most events of one page.
const EVENTS: usize = 500;
/// At least so many, however many endpoints there are.
const EVENTS_MIN: usize = 20;

/// Looks through what comes next in the log for those endpoints that are nearest to its end, and for those that are furthest
/// behind, so that who is far behind holds up nobody. What each wants is stored. Each event is looked at once for each
/// endpoint: where an endpoint is moves in the same transaction. Answers whether there may be more.
///
/// # Errors
/// Those of the database.
pub fn fan_out(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<bool, Failure> {
    keep_plans_by_key(tx.conn)?;
    let mut readers = stored::lock_readers(tx.conn, workspace)?;
    // Asked before the log is read: what comes in between is new, and was not forgotten.
    let head = events::head(tx.conn, workspace)?;
    readers.retain(|reader| reader.position < head);
    let nearest = readers.iter().map(|reader| reader.position).max().unwrap_or_default();
    let page = i64::try_from(EVENTS).unwrap_or(i64::MAX);
    let (near, far) = readers.into_iter().partition(|reader| nearest - reader.position < page);
    Ok(look_through(tx, workspace, near, head)? | look_through(tx, workspace, far, head)?)
}

/// Looks through one page for these endpoints, from where the first of them is.
fn look_through(
    tx: &mut Tx<'_>,
    workspace: WorkspaceId,
    mut readers: Vec<Reader>,
    head: i64,
) -> Result<bool, Failure> {
    let Some(from) = readers.iter().map(|reader| reader.position).min() else { return Ok(false) };
    let limit = (ROWS / readers.len()).clamp(EVENTS_MIN, EVENTS);
    let found = events::read(tx.conn, workspace, from, i64::try_from(limit).unwrap_or(i64::MAX))?;
    let first = found.first().map_or(head + 1, |first| first.seq);
    for reader in readers.iter_mut().filter(|reader| reader.position + 1 < first) {
        lost(tx, workspace, reader, first)?;
    }
    let last = found.last().map_or(first - 1, |last| last.seq);
    let events: Vec<LogEvent> = found.into_iter().map(LogEvent::from).collect();
    let about: Vec<Option<Uuid>> = events.iter().map(LogEvent::about).collect();
    let mut new = Vec::new();
    for reader in &readers {
        let channels = Some(reader.channel_ids.clone()).filter(|channels| !channels.is_empty());
        let visible = Visible::to_endpoint(workspace, channels);
        let mut lanes = HashSet::new();
        for (event, about) in events.iter().zip(&about).filter(|(event, _)| event.seq > reader.position) {
            let Some(event_type) = event.told_as(&visible).filter(|one| wants(reader, *one)) else {
                continue;
            };
            let lane = about.unwrap_or_default();
            new.push(NewDelivery {
                endpoint_id: reader.id,
                id: tx.id(),
                event_id: event.id,
                event_type,
                seq: event.seq,
                lane,
                first: lanes.insert(lane),
            });
        }
    }
    let now = tx.now;
    stored::insert(tx.conn, workspace, &new, now)?;
    let behind = readers.iter().filter(|reader| reader.position < last).map(|reader| reader.id).collect();
    stored::advance(tx.conn, workspace, behind, last)?;
    Ok(events.len() == limit)
}

fn wants(reader: &Reader, event_type: EventType) -> bool {
    reader.all_types || reader.event_types.contains(&event_type)
}

/// What comes before `first` was forgotten before this endpoint was looked at: that is said, and it goes on.
fn lost(tx: &mut Tx<'_>, workspace: WorkspaceId, reader: &mut Reader, first: i64) -> Result<(), Failure> {
    let (from_seq, to_seq) = (reader.position + 1, first - 1);
    reader.position = to_seq;
    stored::advance(tx.conn, workspace, vec![reader.id], to_seq)?;
    let Some(before) = endpoints::get(tx.conn, workspace, reader.id)? else { return Ok(()) };
    let mut after = before.clone();
    after.lost_events = Some(LostEvents { from_seq, to_seq });
    endpoints::update(tx.conn, workspace, &mut after)?;
    tracing::warn!(workspace_id = %workspace, endpoint_id = %reader.id, from_seq, to_seq,
        "events were no longer kept when a webhook endpoint was to be told of them");
    let told = (EventType::WebhookEndpointUpdated, Audience::Admins);
    tx.tell_consequence(workspace, told, &EventActor::system(), &before, &after);
    Ok(())
}
