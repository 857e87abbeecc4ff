//! Which account a control call is about.

use super::refusal::Refusal;
use crate::sandbox::channel::{SandboxChannel, SandboxKind};
use crate::sandbox::world::World;

/// The account named by its id or kind; without a name the only one, or else the first WhatsApp number.
pub(in crate::sandbox) fn channel(world: &World, name: Option<&str>) -> Result<SandboxChannel, Refusal> {
    let found = match name {
        Some(name) => world
            .channel(name)
            .or_else(|| world.channels.iter().find(|channel| channel.kind().as_str() == name)),
        None => match &world.channels[..] {
            [only] => Some(only),
            several => several.iter().find(|channel| channel.kind() == SandboxKind::Whatsapp),
        },
    };
    found.cloned().ok_or_else(|| refuse(world, name))
}

/// As `channel`; without a name the one where this customer is known wins, if there is just one.
pub(in crate::sandbox) fn channel_of(
    world: &World,
    name: Option<&str>,
    customer: &str,
) -> Result<SandboxChannel, Refusal> {
    if name.is_none() {
        let mut known = world
            .channels
            .iter()
            .filter(|channel| world.known_customer(channel.account(), customer).is_some());
        if let (Some(only), None) = (known.next(), known.next()) {
            return Ok(only.clone());
        }
    }
    channel(world, name)
}

fn refuse(world: &World, name: Option<&str>) -> Refusal {
    if world.channels.is_empty() {
        return Refusal::conflict("no channel is connected: register one with POST /sandbox/channels");
    }
    let connected: Vec<String> = world.channels.iter().map(|channel| format!("{channel:?}")).collect();
    let connected = connected.join(", ");
    match name {
        Some(name) => Refusal::not_found(format!("no channel `{name}` is connected; these are: {connected}")),
        None => Refusal::invalid(format!("say which `channel`: {connected}")),
    }
}

/// The customer's id as this account writes it: digits.
pub(in crate::sandbox) fn customer_id(kind: SandboxKind, id: &str) -> Result<String, Refusal> {
    let digits = id.strip_prefix('+').unwrap_or(id);
    let (lengths, what) = match kind {
        SandboxKind::Whatsapp => (7..=15, "an international phone number, 7 to 15 digits"),
        SandboxKind::Messenger => (1..=20, "a PSID, up to 20 digits"),
        SandboxKind::Telegram => (1..=16, "a chat id, up to 16 digits"),
    };
    let fits = digits.bytes().all(|byte| byte.is_ascii_digit()) && lengths.contains(&digits.len());
    if fits && !digits.starts_with('0') {
        return Ok(digits.to_owned());
    }
    Err(Refusal::invalid(format!("`{id}` is no customer of a {} channel: give {what}", kind.as_str())))
}
