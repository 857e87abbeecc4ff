//! Who acts: a member with all that decides what it may do.

use diesel::pg::PgConnection;
use diesel::sql_types::{Array, Bool, Text, Uuid as SqlUuid};
use diesel::{QueryableByName, RunQueryDsl};
use domain::actor::{Actor, Allocation, Via};
use domain::id::{SignInId, WorkspaceId};
use domain::time::Timestamp;
use uuid::Uuid;

use crate::error::{StoreError, word};
use crate::sql::sql;

/// The member's part of an actor, whichever credential it is found by.
#[derive(QueryableByName)]
pub(crate) struct ActorRow {
    #[diesel(sql_type = SqlUuid)]
    workspace_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    agent_id: Uuid,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    role: String,
    #[diesel(sql_type = Bool)]
    view_all: bool,
    #[diesel(sql_type = Array<SqlUuid>)]
    supervises: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    restricted: bool,
    #[diesel(sql_type = Array<SqlUuid>)]
    channels: Vec<Uuid>,
    #[diesel(sql_type = Array<SqlUuid>)]
    divisions: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    agents_may_claim: bool,
    #[diesel(sql_type = Bool)]
    agents_may_transfer: bool,
}

impl ActorRow {
    pub(crate) fn into_actor(self, via: Via) -> Result<Actor, StoreError> {
        fn ids<Id: From<Uuid>>(ids: Vec<Uuid>) -> Vec<Id> {
            ids.into_iter().map(Into::into).collect()
        }
        let allocation = Allocation { channels: ids(self.channels), divisions: ids(self.divisions) };
        Ok(Actor {
            workspace_id: self.workspace_id.into(),
            agent_id: self.agent_id.into(),
            via,
            role: word("agents", "role", self.agent_id, &self.role)?,
            name: self.name,
            view_all: self.view_all,
            supervises: ids(self.supervises),
            restricted_to: self.restricted.then_some(allocation),
            agents_may_claim: self.agents_may_claim,
            agents_may_transfer: self.agents_may_transfer,
        })
    }
}

/// The columns of an [`ActorRow`] and more, from a credential `i` and its active member `a`. Ids are
/// sorted, so that two readings of an unchanged member are equal.
macro_rules! actor_query {
    ($more:literal, $from:literal, $rest:literal) => {
        concat!(
            "SELECT a.workspace_id, a.id AS agent_id, a.name, a.role, a.view_all,
                 ARRAY(SELECT s.id FROM agents s WHERE s.workspace_id = a.workspace_id AND s.supervisor_id = a.id
                       ORDER BY s.id) AS supervises,
                 t.restrict_to_allocation AND a.role <> 'admin' AS restricted,
                 ARRAY(SELECT c.channel_id FROM channel_agents c
                       WHERE t.restrict_to_allocation AND c.workspace_id = a.workspace_id AND c.agent_id = a.id
                       ORDER BY c.channel_id) AS channels,
                 ARRAY(SELECT m.division_id FROM division_members m
                       WHERE t.restrict_to_allocation AND m.workspace_id = a.workspace_id AND m.agent_id = a.id
                       ORDER BY m.division_id) AS divisions,
                 t.agents_may_claim, t.agents_may_transfer ",
            $more,
            " FROM ",
            $from,
            " JOIN agents a ON a.workspace_id = i.workspace_id AND a.id = i.agent_id AND a.active
             JOIN assignment_settings t ON t.workspace_id = i.workspace_id ",
            $rest
        )
    };
}

pub(crate) use actor_query;

#[derive(QueryableByName)]
struct SignedInRow {
    #[diesel(sql_type = SqlUuid)]
    sign_in_id: Uuid,
    #[diesel(embed)]
    actor: ActorRow,
}

impl SignedInRow {
    fn into_actor(self) -> Result<Actor, StoreError> {
        self.actor.into_actor(Via::SignIn(self.sign_in_id.into()))
    }
}

/// Who acts by these sign-ins; those that have ended, or whose member left, are left out.
///
/// # Errors
/// Only those of the database.
pub fn actors(
    conn: &mut PgConnection,
    sign_ins: Vec<(WorkspaceId, SignInId)>,
    now: Timestamp,
) -> Result<Vec<Actor>, StoreError> {
    let (workspaces, sign_ins): (Vec<_>, Vec<_>) = sign_ins.into_iter().unzip();
    sql(actor_query!(
        ", i.id AS sign_in_id",
        "unnest($1::uuid[], $2::uuid[]) AS k (workspace_id, id)
             JOIN sign_ins i ON i.workspace_id = k.workspace_id AND i.id = k.id",
        "WHERE i.revoked_at IS NULL AND i.expires_at > $3"
    ))
    .bind(workspaces)
    .bind(sign_ins)
    .bind(now)
    .load::<SignedInRow>(conn)?
    .into_iter()
    .map(SignedInRow::into_actor)
    .collect()
}
