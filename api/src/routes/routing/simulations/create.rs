use actix_web::{HttpResponse, post, web};
use domain::access::{Action, SimulateRouting};
use domain::refusal::Refusal;
use domain::resource::RoutingSimulation;
use serde::Deserialize;
use utoipa::ToSchema;

use super::conversation::{self, HypotheticalConversation};
use super::draft::{Draft, DraftPolicy};
use super::range::{self, SimulatedPast};
use crate::auth::extract::Auth;
use crate::http::body::Body;
use crate::http::problem::Problem;
use crate::http::responses::Writing;
use crate::routes::settings::NewAssignmentSettings;
use crate::state::App;

/// What is to be tried out, and on what: `conversation` or `range`, one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "range": { "from": "2026-11-16T00:00:00Z", "to": "2026-11-20T00:00:00Z" },
    "policies": [],
}))]
pub struct NewRoutingSimulation {
    /// The settings; those in force if absent.
    pub settings: Option<NewAssignmentSettings>,
    /// The policies, all of them; those in force if absent.
    #[schema(max_items = 1000)]
    pub policies: Option<Vec<DraftPolicy>>,
    /// A conversation that might come.
    pub conversation: Option<HypotheticalConversation>,
    /// A stretch of time to be gone through again.
    pub range: Option<SimulatedPast>,
}

/// Try out settings
///
/// Nothing is written, told or kept. For a conversation that might come, the decision is made that would be made now, by the
/// same rules and on the team as it is.
///
/// For a range, the recorded decisions are made again, in their order, on the team as it was recorded, corrected by what
/// the simulation has given out differently by then; with the settings in force nothing differs. A conversation is held for as
/// long as it really was (one that nobody ever held: for the median of the others), then the next has its turn; what waits
/// is tried again, oldest first, at each decision, when a slot frees, and when somebody comes online. Where the draft's
/// minutes are other than those in force, time-outs come every so many minutes until the real time to the first answer
/// has passed. What was done by hand, allocation, limits of an agent's own and who is online stay as they were.
///
/// A range of more decisions than can be simulated at once is refused with `range_too_large`. API keys that are limited
/// to channels try out conversations on these, and no ranges.
#[utoipa::path(tag = "routing", request_body = NewRoutingSimulation,
    extensions(("x-action" = json!(Action::SimulateRouting))),
    responses((status = 200, description = "What would happen", body = RoutingSimulation), Writing))]
#[post("/v1/routing/simulations")]
pub async fn simulate_routing(
    app: web::Data<App>,
    caller: Auth<SimulateRouting>,
    body: Body<NewRoutingSimulation>,
) -> Result<HttpResponse, Problem> {
    let (asked, now) = (body.value, app.clock.now());
    let settings = asked.settings.map(|settings| settings.checked("/settings")).transpose()?;
    let draft = Draft::checked(settings, asked.policies)?;
    let caller = caller.into_caller();
    let simulation = match (asked.conversation, asked.range) {
        (Some(asked), None) => {
            let work = move |conn: &mut _| conversation::simulate(conn, &caller, &draft, asked, now);
            RoutingSimulation { conversation: Some(app.db.read(work).await?), range: None }
        }
        (None, Some(past)) => {
            caller.on_workspace()?;
            past.check(now)?;
            let range = range::simulate(&app, caller, draft, past).await?;
            RoutingSimulation { conversation: None, range: Some(range) }
        }
        (None, None) => {
            return Err(Refusal::invalid("/conversation", "required", "give this, or `range`").into());
        }
        (Some(_), Some(_)) => {
            return Err(
                Refusal::invalid("/range", "conflict", "give this, or `conversation`, not both").into()
            );
        }
    };
    Ok(HttpResponse::Ok().json(simulation))
}
