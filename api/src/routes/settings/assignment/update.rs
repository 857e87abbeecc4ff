use actix_web::{HttpRequest, HttpResponse, put, web};
use domain::access::{Action, ManageWorkspace};
use domain::input;
use domain::refusal::Refusal;
use domain::resource::AssignmentSettings;
use domain::routing::Strategy;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::reply;
use crate::http::responses::{VersionHeader, Writing};
use crate::ops::settings;
use crate::state::App;

/// What the assignment settings are to be: all of them. What is left out and can be null is null.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewAssignmentSettings {
    /// Whether anything is assigned by itself. Off: claiming and assigning by hand still work.
    #[schema(example = true)]
    pub assignment_enabled: bool,
    /// Whether agents may take conversations that nobody holds.
    #[schema(example = true)]
    pub agents_may_claim: bool,
    /// Whether agents may give conversations to others.
    #[schema(example = true)]
    pub agents_may_transfer: bool,
    /// Whether conversations that wait go to an available agent by themselves.
    #[schema(example = true)]
    pub auto_assign: bool,
    /// How one of several available agents is chosen.
    pub strategy: Strategy,
    /// The most conversations that an agent is given by itself; null: any number. An agent may have a limit of its own.
    #[schema(example = 8, minimum = 1, maximum = 1000)]
    pub max_conversations_per_agent: Option<u32>,
    /// When nobody has answered for so many minutes, another agent gets the conversation; null: never.
    #[schema(example = 10, minimum = 1, maximum = 1440)]
    pub unanswered_transfer_minutes: Option<u32>,
    /// When nobody has answered for so many minutes, the holder's supervisor is notified, or, without one, every
    /// admin; null: nobody is.
    #[schema(example = 5, minimum = 1, maximum = 1440)]
    pub notify_supervisor_minutes: Option<u32>,
    /// Whether the conversations of an agent who went offline go to others.
    #[schema(example = true)]
    pub auto_handover: bool,
    /// How many seconds an agent may be offline before that.
    #[schema(example = 60, minimum = 0, maximum = 86400)]
    pub handover_grace_seconds: u32,
    /// Whether supervisors and agents see conversations of others, and waiting ones, only on the
    /// channels, and for the divisions, that they are allocated to.
    #[schema(example = false)]
    pub restrict_to_allocation: bool,
}

impl NewAssignmentSettings {
    /// The settings that are wanted, without a version.
    ///
    /// # Errors
    /// `validation_failed` for numbers that are out of bounds, under `pointer`.
    pub fn checked(&self, pointer: &str) -> Result<AssignmentSettings, Refusal> {
        let at = |name: &str| format!("{pointer}/{name}");
        for (name, value, bounds) in [
            ("max_conversations_per_agent", self.max_conversations_per_agent, 1..=1000),
            ("unanswered_transfer_minutes", self.unanswered_transfer_minutes, 1..=1440),
            ("notify_supervisor_minutes", self.notify_supervisor_minutes, 1..=1440),
            ("handover_grace_seconds", Some(self.handover_grace_seconds), 0..=86400),
        ] {
            value.map_or(Ok(()), |value| input::number(&at(name), value, bounds))?;
        }
        Ok(AssignmentSettings {
            assignment_enabled: self.assignment_enabled,
            agents_may_claim: self.agents_may_claim,
            agents_may_transfer: self.agents_may_transfer,
            auto_assign: self.auto_assign,
            strategy: self.strategy,
            max_conversations_per_agent: self.max_conversations_per_agent,
            unanswered_transfer_minutes: self.unanswered_transfer_minutes,
            notify_supervisor_minutes: self.notify_supervisor_minutes,
            auto_handover: self.auto_handover,
            handover_grace_seconds: self.handover_grace_seconds,
            restrict_to_allocation: self.restrict_to_allocation,
            version: 0,
        })
    }
}

/// Set the assignment settings
///
/// Routing goes by them at once: the queue is looked through, and timers run by the new minutes. What was given to an agent
/// is not taken away by a lower limit. What they say of rights takes effect within two seconds. Whoever sees more or less by them is sent `reset` on the stream, with
/// `scope_changed`.
#[utoipa::path(tag = "routing", request_body = NewAssignmentSettings, params(VersionHeader),
    extensions(("x-action" = json!(Action::ManageWorkspace))),
    responses((status = 200, description = "Set", body = AssignmentSettings), Writing))]
#[put("/v1/settings/assignment")]
pub async fn update_assignment_settings(
    app: web::Data<App>,
    caller: Auth<ManageWorkspace>,
    request: HttpRequest,
    body: Body<NewAssignmentSettings>,
) -> Result<HttpResponse, Problem> {
    let expected = reply::expected_version(&request)?;
    let wanted = body.value.checked("")?;
    let caller = caller.into_caller();
    let settings =
        app.write_configuration(move |tx| settings::set_assignment(tx, &caller, expected, &wanted)).await?;
    Ok(reply::versioned(&settings))
}
