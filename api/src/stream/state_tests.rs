//! A connection's state over made-up time.

use std::time::Duration;

use proptest::prelude::*;
use tokio::time::Instant;
use uuid::Uuid;

use super::state::{Effect, Input, State};
use crate::config::StreamSettings;
use crate::stream::protocol::{Auth, ClientFrame, CloseCode, Malformed, Pong, Subscribe, Typing};

const HOUR: Duration = Duration::from_secs(3600);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn member(now: Instant, lifetime: Duration) -> State {
    let mut state = State::new(&StreamSettings::default(), now);
    state.admitted(now, Some(lifetime));
    state.subscribed(100);
    state
}

fn pong(seq: i64) -> Input {
    Input::Frame(Ok(ClientFrame::Pong(Pong { seq })))
}

fn auth() -> ClientFrame {
    ClientFrame::Auth(Auth { token: "t".to_owned(), since: None, signals: Vec::new() })
}

/// Lets time pass, answering every ping with `answer`, until the connection is closed.
fn closes(mut state: State, begin: Instant, sent: i64, answer: Option<i64>) -> Option<(Duration, CloseCode)> {
    for _ in 0..1000 {
        let now = state.deadline()?;
        match state.time(now)? {
            Effect::Close(code) => return Some((now - begin, code)),
            Effect::Ping => {
                state.pinged(now, sent);
                if let Some(seq) = answer {
                    assert_eq!(state.input(now, pong(seq)), None);
                }
            }
            _ => {}
        }
    }
    None
}

#[test]
fn a_stranger_has_five_seconds() {
    let now = Instant::now();
    let mut state = State::new(&StreamSettings::default(), now);
    assert_eq!(state.time(now + Duration::from_millis(4999)), None);
    assert_eq!(state.deadline(), Some(now + seconds(5)));
    assert_eq!(state.time(now + seconds(5)), Some(Effect::Close(CloseCode::AuthTimeout)));
    assert_eq!(state.deadline(), None);
    assert_eq!(state.input(now, Input::Frame(Ok(auth()))), None);
}

#[test]
fn a_stranger_may_only_say_who_it_is() {
    let now = Instant::now();
    let first = |input| State::new(&StreamSettings::default(), now).input(now, input);
    assert_eq!(first(pong(1)), Some(Effect::Close(CloseCode::Unauthenticated)));
    assert_eq!(first(Input::Frame(Err(Malformed))), Some(Effect::Close(CloseCode::Malformed)));
    assert_eq!(first(Input::Unreadable), Some(Effect::Close(CloseCode::Malformed)));
    assert_eq!(first(Input::TooLarge), Some(Effect::Close(CloseCode::TooLarge)));
    assert!(matches!(first(Input::Frame(Ok(auth()))), Some(Effect::Admit(_))));
}

#[test]
fn a_ping_is_answered_in_ten_seconds_or_the_client_is_gone() {
    let now = Instant::now();
    assert_eq!(closes(member(now, HOUR), now, 100, None), Some((seconds(35), CloseCode::NoPong)));
}

#[test]
fn who_answers_but_gets_no_further_is_too_slow() {
    let now = Instant::now();
    // The first ping after 25 s shows the lag; 30 s later its time is up.
    assert_eq!(closes(member(now, HOUR), now, 200, Some(100)), Some((seconds(55), CloseCode::TooSlow)));
    let (after, code) = closes(member(now, HOUR), now, 200, Some(200)).unwrap();
    assert_eq!((after, code), (HOUR + seconds(5), CloseCode::Unauthenticated));
}

#[test]
fn getting_a_little_further_gives_more_time() {
    let now = Instant::now();
    let mut state = member(now, HOUR);
    for round in 1..20 {
        let at = now + seconds(25 * round);
        assert_eq!(state.time(at), Some(Effect::Ping), "{round}");
        state.pinged(at, 10_000);
        assert_eq!(state.input(at, pong(100 + i64::try_from(round).unwrap())), None);
    }
}

#[test]
fn a_token_that_runs_out_is_asked_for_and_then_missed() {
    let now = Instant::now();
    let mut state = member(now, seconds(120));
    state.admitted(now - seconds(50), Some(seconds(120)));
    assert_eq!(state.deadline(), Some(now + seconds(10)));
    assert_eq!(state.time(now + seconds(10)), Some(Effect::AuthDue(60)));
    let late = now + seconds(24);
    assert_eq!(state.time(late), None);
    assert!(matches!(state.input(late, Input::Frame(Ok(auth()))), Some(Effect::Renew(_))));
    let mut renewed = state.clone();
    renewed.admitted(late, Some(HOUR));
    let closed = |state| closes(state, now, 100, Some(100));
    assert_eq!(closed(state), Some((seconds(75), CloseCode::Unauthenticated)));
    assert_eq!(closed(renewed), Some((HOUR + seconds(29), CloseCode::Unauthenticated)));
    // Whoever renews a short one is not asked again at once.
    let mut short = member(now, seconds(20));
    assert_eq!(short.time(now), None);
    assert_eq!(short.time(now + seconds(10)), Some(Effect::AuthDue(10)));
}

#[test]
fn of_a_key_without_an_end_nothing_is_due() {
    let now = Instant::now();
    let mut state = member(now, HOUR);
    state.admitted(now, None);
    for _ in 0..1000 {
        let at = state.deadline().unwrap();
        assert_eq!(state.time(at), Some(Effect::Ping));
        assert_eq!(state.input(at, pong(100)), None);
    }
}

#[test]
fn twenty_frames_in_ten_seconds_are_the_most() {
    let now = Instant::now();
    let mut state = member(now, HOUR);
    for frame in 0..20 {
        assert_eq!(state.input(now, Input::Control), None, "{frame}");
    }
    let mut patient = state.clone();
    assert_eq!(patient.input(now + seconds(10), pong(1)), None);
    let soon = now + Duration::from_millis(9999);
    assert_eq!(state.input(soon, pong(1)), Some(Effect::Close(CloseCode::TooFast)));
}

fn any_input() -> impl Strategy<Value = Input> {
    let conversation_id = Uuid::nil().into();
    prop_oneof![
        3 => (0..400_i64).prop_map(pong),
        2 => Just(Input::Frame(Ok(auth()))),
        1 => Just(Input::Frame(Ok(ClientFrame::Subscribe(Subscribe { since: None })))),
        1 => Just(Input::Frame(Ok(ClientFrame::Typing(Typing { conversation_id })))),
        2 => Just(Input::Control),
        1 => prop_oneof![Just(Input::Unreadable), Just(Input::TooLarge), Just(Input::Frame(Err(Malformed)))],
    ]
}

#[derive(Debug, Clone)]
enum Step {
    Pass(u64),
    Input(Input),
    Admit(u64),
    Send(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..20_000_u64).prop_map(Step::Pass),
        4 => any_input().prop_map(Step::Input),
        1 => (0..200_u64).prop_map(Step::Admit),
        1 => (1..50_i64).prop_map(Step::Send),
    ]
}

proptest! {
    #[test]
    fn survives_whatever_comes(steps in proptest::collection::vec(any_step(), 0..80)) {
        let begin = Instant::now();
        let (mut now, mut sent, mut closed, mut known) = (begin, 0, false, false);
        let mut state = State::new(&StreamSettings::default(), begin);
        for step in steps {
            let mut effects = Vec::new();
            match step {
                Step::Pass(millis) => {
                    now += Duration::from_millis(millis);
                    let mut rounds = 0;
                    while let Some(effect) = state.time(now) {
                        if effect == Effect::Ping {
                            prop_assert!(known, "a stranger is not pinged");
                            state.pinged(now, sent);
                        }
                        effects.push(effect);
                        rounds += 1;
                        prop_assert!(rounds < 5, "time comes to rest: {effects:?}");
                    }
                    // Nothing is overdue: the loop sleeps, it does not spin.
                    prop_assert!(state.deadline().is_none_or(|deadline| deadline > now));
                }
                Step::Input(input) => effects.extend(state.input(now, input)),
                Step::Admit(seconds) => {
                    state.admitted(now, Some(Duration::from_secs(seconds)));
                    known = true;
                }
                Step::Send(more) => sent += more,
            }
            prop_assert!(!closed || effects.is_empty(), "nothing after the end: {effects:?}");
            closed |= effects.iter().any(|effect| matches!(effect, Effect::Close(_)));
            prop_assert_eq!(closed, state.deadline().is_none());
        }
    }
}
