//! Whether a caller still may administer, asked again where it counts.

use domain::access::{Act, Caller};
use domain::actor::Actor;
use domain::refusal::Code;
use persistence::agents;
use persistence::error::Failure;

use super::transaction::Tx;

/// Confirms that the caller is still in the team, with a role that may do this; who acts is otherwise
/// believed for a moment without asking. Its role stays as it is until the transaction ends.
///
/// # Errors
/// `forbidden`.
pub fn confirm<A: Act>(tx: &mut Tx<'_>, caller: &Caller<A>) -> Result<(), Failure> {
    let actor = caller.actor();
    let (role, active) =
        agents::lock_role(tx.conn, actor.workspace_id, actor.agent_id)?.ok_or(Code::Forbidden)?;
    if !active {
        return Err(Code::Forbidden.into());
    }
    Caller::<A>::new(Actor { role, ..actor.clone() })?;
    Ok(())
}
