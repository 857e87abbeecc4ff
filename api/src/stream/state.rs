//! What a connection owes and is owed: deadlines, bounds, and what a frame leads to. Knows neither
//! clock nor socket.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use super::protocol::{Auth, ClientFrame, CloseCode, Malformed, Subscribe, Typing};
use crate::config::StreamSettings;

/// How long before its end a client is told that its token runs out; of one that is good for less than two minutes at
/// half its time, or a client that renews it would be told again at once.
const AUTH_DUE_BEFORE: Duration = Duration::from_secs(60);
/// How far the clocks of two nodes may be apart: the same as for requests.
const LEEWAY: Duration = Duration::from_secs(5);

/// What came from the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text frame.
    Frame(Result<ClientFrame, Malformed>),
    /// A ping or pong of the WebSocket protocol itself.
    Control,
    /// Binary, not UTF-8, or against the WebSocket protocol.
    Unreadable,
    /// Larger than allowed.
    TooLarge,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Check the token, then begin.
    Admit(Auth),
    /// Check the token of a member that is connected already.
    Renew(String),
    /// Begin the subscription anew.
    Subscribe(Subscribe),
    /// Tell the others.
    Type(Typing),
    /// Send a ping.
    Ping,
    /// Tell that the token runs out in so many seconds.
    AuthDue(u64),
    /// End.
    Close(CloseCode),
}

/// The state of one connection.
#[derive(Debug, Clone)]
pub struct State {
    settings: StreamSettings,
    phase: Phase,
    frames: VecDeque<Instant>,
    ping_at: Instant,
    pong_until: Option<Instant>,
    /// The number up to which the client has worked through what it was sent.
    acked: i64,
    /// Since when it has not got further although it was sent more, and how far it should be.
    lag: Option<(Instant, i64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Stranger {
        until: Instant,
    },
    /// `until`: when what it showed runs out; `due`: when it is reminded of that.
    Member {
        due: Option<Instant>,
        until: Option<Instant>,
    },
    Closed,
}

impl State {
    /// A connection that has just been opened.
    #[must_use]
    pub fn new(settings: &StreamSettings, now: Instant) -> Self {
        Self {
            settings: settings.clone(),
            phase: Phase::Stranger { until: now + settings.auth },
            frames: VecDeque::new(),
            ping_at: now + settings.heartbeat,
            pong_until: None,
            acked: 0,
            lag: None,
        }
    }

    /// When [`State::time`] has to be asked next.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match self.phase {
            Phase::Closed => None,
            Phase::Stranger { until } => Some(until),
            Phase::Member { due, until } => {
                let slow = self.lag.map(|(since, _)| since + self.settings.progress);
                [until, due, slow, self.pong_until, Some(self.ping_at)].into_iter().flatten().min()
            }
        }
    }

    /// What time demands now; asked again until nothing.
    pub fn time(&mut self, now: Instant) -> Option<Effect> {
        match self.phase {
            Phase::Closed => None,
            Phase::Stranger { until } if now >= until => self.close(CloseCode::AuthTimeout),
            Phase::Stranger { .. } => None,
            Phase::Member { until: Some(until), .. } if now >= until => {
                self.close(CloseCode::Unauthenticated)
            }
            Phase::Member { due, until } => {
                let slow = self.lag.is_some_and(|(since, _)| now >= since + self.settings.progress);
                if self.pong_until.is_some_and(|until| now >= until) {
                    self.close(CloseCode::NoPong)
                } else if slow {
                    self.close(CloseCode::TooSlow)
                } else if due.is_some_and(|due| now >= due) {
                    self.phase = Phase::Member { due: None, until };
                    let left = until.map(|until| (until - now).saturating_sub(LEEWAY));
                    Some(Effect::AuthDue(left.unwrap_or_default().as_secs()))
                } else if now >= self.ping_at {
                    self.ping_at = now + self.settings.heartbeat;
                    self.pong_until.get_or_insert(now + self.settings.pong);
                    Some(Effect::Ping)
                } else {
                    None
                }
            }
        }
    }

    /// What something from the client leads to.
    pub fn input(&mut self, now: Instant, input: Input) -> Option<Effect> {
        if self.phase == Phase::Closed {
            return None;
        }
        if input == Input::TooLarge {
            return self.close(CloseCode::TooLarge);
        }
        if !self.admits_frame(now) {
            return self.close(CloseCode::TooFast);
        }
        let frame = match input {
            Input::Frame(Ok(frame)) => frame,
            Input::Control => return None,
            Input::Frame(Err(Malformed)) | Input::Unreadable | Input::TooLarge => {
                return self.close(CloseCode::Malformed);
            }
        };
        let known = matches!(self.phase, Phase::Member { .. });
        match frame {
            ClientFrame::Auth(auth) if known => Some(Effect::Renew(auth.token)),
            ClientFrame::Auth(auth) => Some(Effect::Admit(auth)),
            _ if !known => self.close(CloseCode::Unauthenticated),
            ClientFrame::Pong(pong) => {
                self.pong(now, pong.seq);
                None
            }
            ClientFrame::Subscribe(subscribe) => Some(Effect::Subscribe(subscribe)),
            ClientFrame::Typing(typing) => Some(Effect::Type(typing)),
        }
    }

    /// The client has shown a token or key that is good for `lifetime`: the first, or a fresh one. Without
    /// an end nothing is due.
    pub fn admitted(&mut self, now: Instant, lifetime: Option<Duration>) {
        match self.phase {
            Phase::Closed => return,
            Phase::Stranger { .. } => self.ping_at = now + self.settings.heartbeat,
            Phase::Member { .. } => {}
        }
        let due = lifetime.map(|lifetime| now + lifetime.saturating_sub(AUTH_DUE_BEFORE.min(lifetime / 2)));
        self.phase = Phase::Member { due, until: lifetime.map(|lifetime| now + lifetime + LEEWAY) };
    }

    /// A subscription begins after `seq`.
    pub fn subscribed(&mut self, seq: i64) {
        self.acked = seq;
        self.lag = None;
    }

    /// A ping goes out; the event sent last was `sent`.
    pub fn pinged(&mut self, now: Instant, sent: i64) {
        if sent > self.acked {
            let since = self.lag.map_or(now, |(since, _)| since);
            self.lag = Some((since, sent));
        }
    }

    fn pong(&mut self, now: Instant, seq: i64) {
        self.pong_until = None;
        if seq > self.acked {
            self.acked = seq;
            self.lag = self.lag.filter(|(_, sent)| seq < *sent).map(|(_, sent)| (now, sent));
        }
    }

    fn admits_frame(&mut self, now: Instant) -> bool {
        let window = self.settings.frames_window;
        while self.frames.front().is_some_and(|at| now.saturating_duration_since(*at) >= window) {
            self.frames.pop_front();
        }
        self.frames.push_back(now);
        self.frames.len() <= self.settings.frames as usize
    }

    fn close(&mut self, code: CloseCode) -> Option<Effect> {
        self.phase = Phase::Closed;
        Some(Effect::Close(code))
    }
}
