//! Every write: authorise, lock, decide, save, log, enqueue, commit.
//!
//! REST, the socket, webhooks, jobs and the demo call the same operations. Locks are taken in one
//! order everywhere: workspace, routing's place, settings, channels, templates, contacts, conversations, members,
//! divisions, counts of members and event counter (the last two by [`transaction::Tx`]).

pub mod agents;
pub mod api_keys;
pub mod attachments;
pub mod channels;
mod contact_sight;
pub mod contacts;
pub mod conversations;
pub mod divisions;
pub mod event;
pub mod gestures;
pub mod inbound;
pub mod ingest;
pub mod invitations;
pub mod labels;
pub mod messages;
pub mod notes;
pub mod notification_preferences;
pub mod notifications;
pub mod one_time_tokens;
pub mod passwords;
pub mod policies;
pub mod precondition;
pub mod presence;
pub mod profile;
pub mod read;
pub mod routing;
pub mod sends;
pub mod settings;
pub mod sign_in_throttle;
pub mod sign_ins;
pub mod team_rights;
pub mod templates;
pub mod tickets;
mod touched;
pub mod transaction;
pub mod webhooks;
pub mod workspaces;
mod writing;
