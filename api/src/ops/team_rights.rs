//! Whether a caller may still do what it may do by what was known of it a second ago.

use domain::access::{Act, Caller};
use domain::actor::Actor;
use domain::refusal::Code;
use persistence::agents;
use persistence::error::Failure;

use super::transaction::Tx;

/// Makes sure, inside the transaction, that the caller is still an active member whose role may do `A`. Who acts is
/// believed for a moment without asking the database; what manages the team, keys or settings must not be done
/// by somebody who was demoted in that moment. Nobody changes the caller's role until the transaction ends.
///
/// # Errors
/// `forbidden`; those of the database.
pub fn confirm<A: Act>(tx: &mut Tx<'_>, caller: &Caller<A>) -> Result<(), Failure> {
    // The team is of every channel: who is limited to some could get out of the limit by it.
    caller.on_workspace()?;
    let actor = caller.actor();
    match agents::lock_role(tx.conn, actor.workspace_id, actor.agent_id)? {
        Some((role, true)) => {
            Caller::<A>::new(Actor { role, ..actor.clone() })?;
            Ok(())
        }
        Some((_, false)) | None => Err(Code::Forbidden.into()),
    }
}
