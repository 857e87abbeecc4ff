//! Who asks, and the proof that it may.

use std::marker::PhantomData;

use crate::actor::Actor;
use crate::id::ChannelId;
use crate::refusal::{Code, Refusal};

use super::{Act, Facts, KeyUse, Relation, Verdict, Visible, decide, may_ever};

/// A caller whose role allows the action on at least some things. What depends on the thing is
/// asked again, with [`Caller::on`], after its row is locked.
#[derive(Debug, Clone)]
pub struct Caller<A> {
    actor: Actor,
    action: PhantomData<fn() -> A>,
}

impl<A: Act> Caller<A> {
    /// Checks what the role alone, and the key if it is a program that calls, can settle.
    ///
    /// # Errors
    /// `forbidden` if no thing could ever allow the action to this role, or to any program;
    /// `scope_missing` if the key lacks the scope.
    pub fn new(actor: Actor) -> Result<Self, Refusal> {
        if let Some(key) = actor.key() {
            match A::ACTION.key_use() {
                KeyUse::Never => return Err(Code::Forbidden.into()),
                KeyUse::With(scope) if !key.scopes.contains(&scope) => {
                    return Err(Refusal::new(Code::ScopeMissing).with("scope", scope));
                }
                KeyUse::Always | KeyUse::With(_) => {}
            }
        }
        if may_ever((&actor).into(), A::ACTION) {
            Ok(Self { actor, action: PhantomData })
        } else {
            Err(Code::Forbidden.into())
        }
    }

    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }

    /// Checks the action on one conversation or ticket.
    ///
    /// # Errors
    /// `not_found` if the caller may not know of it, `forbidden` if it may not do this.
    pub fn on(&self, facts: Facts) -> Result<Permit<A>, Refusal> {
        self.permit(facts.relation_to(&self.actor))
    }

    /// Checks the action on something of a channel.
    ///
    /// # Errors
    /// `not_found` if the caller is a program that is kept from the channel; `forbidden`.
    pub fn on_channel(&self, channel: ChannelId) -> Result<Permit<A>, Refusal> {
        let outside = self.actor.is_kept_from(channel);
        self.permit(if outside { Relation::Outside } else { Relation::Other })
    }

    /// Checks the action on a contact, by what decides of each of its identities.
    ///
    /// # Errors
    /// `not_found` if the caller does not see the contact; `forbidden`.
    pub fn on_contact(&self, facts: &[Facts]) -> Result<Permit<A>, Refusal> {
        let seen = Visible::to(&self.actor).sees_contact(facts);
        self.permit(if seen { Relation::Other } else { Relation::Outside })
    }

    /// Checks the action on what is of the workspace as a whole, so of every channel.
    ///
    /// # Errors
    /// `forbidden` if the caller is a program that is limited to channels.
    pub fn on_workspace(&self) -> Result<(), Refusal> {
        let limited = self.actor.key().is_some_and(|key| key.channels.is_some());
        if limited { Err(Code::Forbidden.into()) } else { Ok(()) }
    }

    fn permit(&self, relation: Relation) -> Result<Permit<A>, Refusal> {
        match decide((&self.actor).into(), A::ACTION, relation) {
            Verdict::Allowed => Ok(Permit { actor: self.actor.clone(), action: PhantomData }),
            Verdict::Forbidden => Err(Code::Forbidden.into()),
            Verdict::Hidden => Err(Code::NotFound.into()),
        }
    }
}

/// Proof that the actor may do `A` to the thing it was asked for.
#[derive(Debug, Clone)]
pub struct Permit<A> {
    actor: Actor,
    action: PhantomData<fn() -> A>,
}

impl<A: Act> Permit<A> {
    /// Who acts.
    #[must_use]
    pub fn actor(&self) -> &Actor {
        &self.actor
    }
}
