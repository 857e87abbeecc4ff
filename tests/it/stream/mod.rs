//! `GET /v1/stream`, and `GET /v1/events`, which reads the same log.

use std::time::{Duration, Instant};

use api::config::Settings;
use api::stream::cursor::StreamCursor;
use api::stream::protocol::{Envelope, ServerFrame};
use harness::stream::Received;
use harness::{DEADLINE, StreamClient, TestApp};

mod admission;
mod ends;
mod fold;
mod frames;
mod nodes;
mod resume;
mod screen;
mod signals;
mod slow;
mod visibility;

/// Short enough for tests that wait for a ping.
const HEARTBEAT: Duration = Duration::from_millis(100);

/// The server pings often, and a client may answer all of them.
fn quick(settings: &mut Settings) {
    settings.stream.heartbeat = HEARTBEAT;
    settings.stream.frames = 100_000;
    settings.stream.poll = HEARTBEAT;
}

pub(crate) async fn quick_app() -> TestApp {
    TestApp::options().settings(quick).start().await
}

/// The number in a cursor.
fn seq(cursor: &str) -> i64 {
    cursor.parse::<StreamCursor>().unwrap().seq
}

/// Everything but pings that comes until the server has sent all up to `head`.
pub(crate) async fn up_to(client: &mut StreamClient, head: i64) -> Vec<ServerFrame> {
    let mut frames = Vec::new();
    let until = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < until, "event {head} is not reached; so far {frames:?}");
        match client.receive().await {
            Received::Frame(ServerFrame::Ping(place)) if place.seq >= head => return frames,
            Received::Frame(ServerFrame::Ping(_)) => {}
            Received::Frame(frame) => frames.push(frame),
            Received::Closed(code) => panic!("closed with {code:?} after {frames:?}"),
        }
    }
}

/// The events among them; fails if there is anything else.
pub(crate) fn events(frames: Vec<ServerFrame>) -> Vec<Envelope> {
    let event = |frame| match frame {
        ServerFrame::Event(event) => event,
        other => panic!("not an event: {other:?}"),
    };
    frames.into_iter().map(event).collect()
}
