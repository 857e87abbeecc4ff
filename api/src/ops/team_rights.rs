//! The rights of those who manage: read again where they are used.

use domain::access::{Act, Caller};
use domain::actor::Actor;
use domain::refusal::Code;
use persistence::agents;
use persistence::error::Failure;

use super::transaction::Tx;

/// Confirms that the caller is still in the team, in a role that may do this; neither changes until the
/// transaction ends. Who calls is believed for a second without asking the database: too long for
/// somebody who was just demoted and could make itself admin again.
///
/// # Errors
/// `forbidden`.
pub fn confirm<A: Act>(tx: &mut Tx<'_>, caller: &Caller<A>) -> Result<(), Failure> {
    let actor = caller.actor();
    match agents::lock_role(tx.conn, actor.workspace_id, actor.agent_id)? {
        Some((role, true)) => {
            Caller::<A>::new(Actor { role, ..actor.clone() })?;
            Ok(())
        }
        Some((_, false)) | None => Err(Code::Forbidden.into()),
    }
}
