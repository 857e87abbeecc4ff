//! `GET /v1/events`.

use std::time::Duration;

use actix_web::{HttpResponse, get, web};
use domain::access::{Action, FollowEvents};
use domain::actor::Actor;
use domain::refusal::{Code, Refusal};
use persistence::error::Failure;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};
use utoipa::{IntoParams, ToSchema};
use utoipa_actix_web::service_config::ServiceConfig;

use crate::auth::extract::Auth;
use crate::http::problem::Problem;
use crate::http::query::Query;
use crate::http::reply::STREAM_CURSOR;
use crate::http::responses::Reading;
use crate::state::App;
use crate::stream::backend::Backend;
use crate::stream::cursor::StreamCursor;
use crate::stream::hub::Hub;
use crate::stream::protocol::{Envelope, ResetReason};
use crate::stream::reader::{Joined, ReadError, Reader, View};

/// The items of an answer that is asked for without a limit.
const LIMIT_DEFAULT: i64 = 100;
/// The most items of an answer.
const LIMIT_MAX: i64 = 500;
/// The longest wait, in seconds.
const WAIT_MAX: i64 = 30;
/// How many events are looked at for one answer; the rest is for the next one.
const LOOKED_AT_MAX: usize = 5000;

/// From where, and how much.
#[derive(Debug, Clone, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct EventsQuery {
    /// The newest cursor received. Without one nothing is answered but the present cursor.
    since: Option<String>,
    /// The most items.
    #[param(minimum = 1, maximum = 500, default = 100)]
    limit: Option<i64>,
    /// How many seconds to wait for the first item.
    #[param(minimum = 0, maximum = 30, default = 0)]
    wait: Option<i64>,
}

/// What happened since a cursor: what the stream would have sent.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EventPage {
    /// The events, oldest first; as on the stream, without `op`.
    pub items: Vec<Envelope>,
    /// Where to go on. After a reset it is the cursor that was refused.
    pub cursor: String,
    /// Why there is nothing before the client has loaded anew and goes on from the cursor that came
    /// with the data.
    pub reset: Option<ResetReason>,
}

/// The same, with items that are JSON text already.
#[derive(Debug, Default)]
struct Page {
    items: Vec<String>,
    cursor: String,
    reset: Option<ResetReason>,
}

/// The operations of this file.
pub fn configure(services: &mut ServiceConfig<'_>) {
    services.service(list_events);
}

/// Follow what happens by asking again and again
///
/// For clients without WebSockets: the same events in the same order as on the stream, for the same
/// eyes. Ask with the cursor of the last answer; with `wait` an empty answer takes that long.
#[utoipa::path(tag = "live", params(EventsQuery), extensions(("x-action" = json!(Action::FollowEvents))),
    responses((status = 200, description = "What happened since the cursor", body = EventPage), Reading))]
#[get("/v1/events")]
pub async fn list_events(
    caller: Auth<FollowEvents>,
    app: web::Data<App>,
    query: Query<EventsQuery>,
) -> Result<HttpResponse, Problem> {
    let query = query.0;
    let within = |name: &str, value: i64, range: std::ops::RangeInclusive<i64>| {
        if range.contains(&value) {
            Ok(value)
        } else {
            let detail = format!("must be {} to {}", range.start(), range.end());
            Err(Refusal::invalid(format!("?{name}"), "range", detail))
        }
    };
    let limit = within("limit", query.limit.unwrap_or(LIMIT_DEFAULT), 1..=LIMIT_MAX)?;
    let wait = within("wait", query.wait.unwrap_or(0), 0..=WAIT_MAX)?;
    if query.since.as_ref().is_some_and(|since| since.parse::<StreamCursor>().is_err()) {
        return Err(Code::InvalidCursor.into());
    }
    let ask = Ask {
        since: query.since,
        limit: usize::try_from(limit).unwrap_or(1),
        wait: Duration::from_secs(u64::try_from(wait).unwrap_or(0)),
    };
    let page = page(app.get_ref(), &app.hub, caller.actor(), ask).await?;
    Ok(answer(&page))
}

struct Ask {
    since: Option<String>,
    limit: usize,
    wait: Duration,
}

fn answer(page: &Page) -> HttpResponse {
    let cursor = serde_json::json!(page.cursor);
    let reset = serde_json::json!(page.reset);
    let body = format!("{{\"items\":[{}],\"cursor\":{cursor},\"reset\":{reset}}}", page.items.join(","));
    HttpResponse::Ok()
        .insert_header((STREAM_CURSOR, page.cursor.as_str()))
        .content_type("application/json")
        .body(body)
}

async fn page<B: Backend>(backend: &B, hub: &Hub, actor: &Actor, ask: Ask) -> Result<Page, Problem> {
    let until = Instant::now() + ask.wait;
    let view = View::of(actor);
    let refused = |reason| Page {
        cursor: ask.since.clone().unwrap_or_default(),
        reset: Some(reason),
        ..Page::default()
    };
    let mut reader = match Reader::join(hub, backend, &view, ask.since.as_deref(), None).await? {
        Joined::Reader(reader) => reader,
        Joined::Reset(reason) => return Ok(refused(reason)),
    };
    // A request that waits is told when the server stops, as a stream is.
    let mut link = hub.open();
    let mut items = Vec::new();
    // Without a cursor there is nothing to wait for: the caller learns where to begin.
    while ask.since.is_some() {
        match collect(&mut reader, &view, ask.limit, &mut items).await? {
            Collected::Everything if items.is_empty() => {}
            Collected::Everything | Collected::Enough => break,
            Collected::Reset(reason) => return Ok(refused(reason)),
        }
        tokio::select! {
            () = reader.ready() => {}
            _ = link.standing.changed() => break,
            () = sleep_until(until) => break,
        }
        // The caller may have changed while it waited.
        let now = backend.actors(vec![(actor.workspace_id, actor.credential())]).await?;
        match now.first() {
            None => return Err(Code::InvalidToken.into()),
            Some(now) if View::of(now).scope != view.scope => return Ok(refused(ResetReason::ScopeChanged)),
            Some(_) => {}
        }
    }
    Ok(Page { items, cursor: reader.place(&view).cursor, reset: None })
}

enum Collected {
    /// There is no more.
    Everything,
    /// There may be more; it is for the next answer.
    Enough,
    Reset(ResetReason),
}

/// Takes what there is, up to the limit.
async fn collect<B: Backend>(
    reader: &mut Reader<B>,
    view: &View,
    limit: usize,
    items: &mut Vec<String>,
) -> Result<Collected, Failure> {
    for _ in 0..LOOKED_AT_MAX {
        if items.len() >= limit {
            return Ok(Collected::Enough);
        }
        match reader.fill().await {
            Ok(true) => items.extend(reader.next_envelope(view).flatten()),
            Ok(false) => return Ok(Collected::Everything),
            Err(ReadError::Expired) => return Ok(Collected::Reset(ResetReason::Expired)),
            Err(ReadError::Failed(failure)) => return Err(failure),
        }
    }
    Ok(Collected::Enough)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::actor::Actor;
    use domain::agent::Role;
    use serde_json::Value;
    use tokio::time::Instant;

    use super::{Ask, Page, page};
    use crate::http::problem::Problem;
    use crate::stream::cursor::StreamCursor;
    use crate::stream::hub::Hub;
    use crate::stream::protocol::ResetReason;
    use crate::stream::testing::{EPOCH, Entry, Memory, admin, agent, agent_id, facts};
    use domain::refusal::Code;

    async fn ask(
        memory: &Memory,
        hub: &Hub,
        actor: &Actor,
        since: Option<i64>,
        limit: usize,
        wait: u64,
    ) -> Result<Page, Problem> {
        let since = since.map(|seq| StreamCursor::new(EPOCH, seq).to_string());
        page(memory, hub, actor, Ask { since, limit, wait: Duration::from_secs(wait) }).await
    }

    fn numbers(page: &Page) -> Vec<(i64, i64)> {
        let item = |text: &String| -> Value { serde_json::from_str(text).unwrap() };
        let number = |item: &Value, name: &str| item[name].as_i64().unwrap();
        page.items.iter().map(item).map(|item| (number(&item, "prev"), number(&item, "seq"))).collect()
    }

    fn place(page: &Page) -> i64 {
        page.cursor.parse::<StreamCursor>().unwrap().seq
    }

    fn server(actor: &Actor) -> (Memory, Hub) {
        let memory = Memory::default();
        memory.know(actor.clone());
        (memory, Hub::default())
    }

    #[tokio::test(start_paused = true)]
    async fn gives_the_stream_in_pieces() {
        let siti = agent(1);
        let (memory, hub) = server(&siti);
        for number in 0..1000 {
            let holder = if number % 2 == 0 { 1 } else { 2 };
            memory.append(Entry::moved(number, 1, None, facts(Some(holder))));
        }
        let begin = ask(&memory, &hub, &siti, None, 100, 30).await.unwrap();
        assert_eq!((numbers(&begin), place(&begin), begin.reset), (vec![], 1000, None));
        let first = ask(&memory, &hub, &siti, Some(0), 3, 0).await.unwrap();
        assert_eq!((numbers(&first), place(&first)), (vec![(0, 1), (1, 3), (3, 5)], 5));
        let rest = ask(&memory, &hub, &siti, Some(5), 500, 0).await.unwrap();
        assert_eq!((rest.items.len(), place(&rest)), (497, 1000));
        assert_eq!(numbers(&rest)[0], (5, 7));
        memory.forget(10);
        let late = ask(&memory, &hub, &siti, Some(5), 3, 0).await.unwrap();
        assert_eq!((late.items.len(), place(&late), late.reset), (0, 5, Some(ResetReason::Expired)));
    }

    #[tokio::test(start_paused = true)]
    async fn waits_for_something_to_tell() {
        let siti = agent(1);
        let (memory, hub) = server(&siti);
        let begin = Instant::now();
        assert!(ask(&memory, &hub, &siti, Some(0), 9, 7).await.unwrap().items.is_empty());
        assert_eq!(begin.elapsed().as_secs(), 7);
        let waiting = {
            let (memory, hub, siti) = (memory.clone(), hub.clone(), siti.clone());
            tokio::spawn(async move { ask(&memory, &hub, &siti, Some(0), 9, 30).await })
        };
        for holder in [2, 2, 1] {
            tokio::time::sleep(Duration::from_secs(1)).await;
            memory.commit(&hub, Entry::moved(holder, 1, None, facts(Some(holder))));
        }
        assert_eq!(numbers(&waiting.await.unwrap().unwrap()), [(0, 3)]);
        assert_eq!(begin.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn who_changed_while_waiting_is_told_nothing_else() {
        let lead = Actor { role: Role::Supervisor, supervises: vec![agent_id(2)], ..agent(1) };
        for ended in [false, true] {
            let (memory, hub) = server(&lead);
            let waiting = {
                let (memory, hub, lead) = (memory.clone(), hub.clone(), lead.clone());
                tokio::spawn(async move { ask(&memory, &hub, &lead, Some(0), 9, 30).await })
            };
            tokio::time::sleep(Duration::from_secs(1)).await;
            if ended {
                memory.end(lead.credential());
            } else {
                memory.know(agent(1));
            }
            memory.commit(&hub, Entry::moved(1, 1, None, facts(Some(2))));
            match waiting.await.unwrap() {
                Ok(page) => assert_eq!(
                    (ended, page.items.len(), page.reset),
                    (false, 0, Some(ResetReason::ScopeChanged))
                ),
                Err(problem) => assert_eq!((ended, problem.code()), (true, Code::InvalidToken)),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_with_the_server() {
        let siti = admin(1);
        let (memory, hub) = server(&siti);
        let begin = Instant::now();
        let waiting = {
            let hub = hub.clone();
            tokio::spawn(async move { ask(&memory, &hub, &siti, Some(0), 9, 30).await })
        };
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(hub.shutdown(Duration::from_secs(5), Duration::from_secs(5)).await);
        assert!(waiting.await.unwrap().unwrap().items.is_empty());
        assert_eq!(begin.elapsed().as_secs(), 1);
    }
}
