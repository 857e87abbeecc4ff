//! Stand-ins for the providers, to develop and test against.
//!
//! One server plays the WhatsApp Cloud API, the Messenger Send API and the Telegram Bot API, as strictly as the real ones, and
//! calls back with signed webhooks. Its control API plays the customers and scripts faults. See `docs/sandbox.md`.

mod attempt;
mod channel;
mod control;
mod deliver;
mod exchange;
mod faults;
mod graph;
mod graph_templates;
mod ids;
mod media;
mod messenger;
mod reply;
mod server;
mod shared;
mod sign;
mod telegram;
#[cfg(test)]
mod tests;
mod uploads;
mod whatsapp;
mod world;

pub use channel::{SandboxChannel, SandboxKind};
pub use server::{Sandbox, SandboxConfig, run};
pub use shared::Clock;
