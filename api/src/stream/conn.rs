//! The loop of one connection, over whatever carries frames.

use std::sync::Arc;

use futures_util::{Stream, StreamExt};
use tokio::sync::broadcast;
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use super::backend::{Admitted, Backend, close_code};
use super::carrier::{End, Incoming, Outgoing, Outlet};
use super::hub::Hub;
use super::links::{Farewell, Link, Standing};
use super::protocol::{
    Auth, AuthDue, ClientFrame, CloseCode, ErrorCode, ErrorFrame, Goaway, GoawayReason, Hello, Mode,
    PROTOCOL, Place, Ready, Reset, ResetReason, ServerFrame, SignalType,
};
use super::reader::{Joined, ReadError, Reader, View};
use super::state::{Effect, Input, State};
use super::topic::Passing;
use super::waits::{farewell, next_signal, ready, until};
use crate::config::StreamSettings;
use domain::access::{Caller, SendMessage};
use domain::actor::Actor;
use domain::id::ConversationId;

/// How many events are sent before the connection looks whether the client said something.
const BATCH: usize = 32;

/// What came with the upgrade.
#[derive(Debug, Clone, Default)]
pub struct Opening {
    /// The id in `hello`.
    pub connection_id: Uuid,
    /// The token, the cursor and the signals, if a token came with the upgrade.
    pub auth: Option<Auth>,
}

/// One connection.
pub struct Conn<B, O> {
    backend: B,
    hub: Hub,
    settings: StreamSettings,
    outlet: O,
    link: Link,
    state: State,
    view: Option<View>,
    actor: Option<Arc<Actor>>,
    reader: Option<Box<Reader<B>>>,
    signals: Option<broadcast::Receiver<Arc<Passing>>>,
    /// The signals that the client asked for.
    wanted: Vec<SignalType>,
    /// The newest place that was named to the client; where it resumes.
    place: Place,
}

enum Step {
    Standing,
    Incoming(Option<Incoming>),
    Time,
    Events,
    Signal(Arc<Passing>),
}

impl<B: Backend, O: Outlet> Conn<B, O> {
    /// A new connection.
    pub fn new(backend: B, hub: Hub, settings: StreamSettings, outlet: O) -> Self {
        let state = State::new(&settings, Instant::now());
        let link = hub.open();
        Self {
            backend,
            hub,
            settings,
            outlet,
            link,
            state,
            view: None,
            actor: None,
            reader: None,
            signals: None,
            wanted: Vec::new(),
            place: Place { cursor: String::new(), seq: 0, prev: None },
        }
    }

    /// Serves the connection until it ends. What carries the frames is handed back, to be closed.
    pub async fn run(mut self, opening: Opening, incoming: impl Stream<Item = Incoming> + Unpin) -> (End, O) {
        let end = match self.serve(opening, incoming).await {
            Ok(never) => match never {},
            Err(end) => end,
        };
        (end, self.outlet)
    }

    async fn serve(
        &mut self,
        opening: Opening,
        mut incoming: impl Stream<Item = Incoming> + Unpin,
    ) -> Result<std::convert::Infallible, End> {
        self.hello(opening.connection_id).await?;
        if let Some(auth) = opening.auth {
            let admitted = self.proven(&auth.token).await?;
            self.admit(admitted, auth).await?;
        }
        loop {
            match self.step(&mut incoming).await {
                Step::Standing => self.look_at_standing().await?,
                Step::Incoming(Some(incoming)) => self.take(incoming).await?,
                Step::Incoming(None) => return Err(End::Gone),
                Step::Time => {
                    while let Some(effect) = self.state.time(Instant::now()) {
                        self.apply(effect).await?;
                    }
                }
                Step::Events => self.forward().await?,
                Step::Signal(signal) => self.pass(&signal).await?,
            }
        }
    }

    /// Waits for the next thing to do. What ends a connection comes first, events of the log later,
    /// signals last.
    async fn step(&mut self, incoming: &mut (impl Stream<Item = Incoming> + Unpin)) -> Step {
        let deadline = self.state.deadline();
        let Self { link, reader, signals, .. } = self;
        tokio::select! {
            biased;
            Ok(()) = link.standing.changed() => Step::Standing,
            incoming = incoming.next() => Step::Incoming(incoming),
            () = until(deadline) => Step::Time,
            () = ready(reader.as_deref_mut()) => Step::Events,
            signal = next_signal(signals.as_mut()) => Step::Signal(signal),
        }
    }

    async fn hello(&mut self, connection_id: Uuid) -> Result<(), End> {
        let settings = &self.settings;
        let seconds =
            |duration: std::time::Duration| duration.as_millis().div_ceil(1000).try_into().unwrap_or(0);
        let hello = Hello {
            protocol: PROTOCOL,
            connection_id,
            heartbeat_seconds: seconds(settings.heartbeat),
            pong_seconds: seconds(settings.pong),
            auth_seconds: seconds(settings.auth),
            max_frame_bytes: settings.max_frame_bytes,
        };
        self.send(ServerFrame::Hello(hello)).await
    }

    /// The connection's member may have changed, left, or been told to go.
    async fn look_at_standing(&mut self) -> Result<(), End> {
        let standing = self.link.standing.borrow_and_update().clone();
        match standing {
            Standing::Stranger => Ok(()),
            Standing::Member(actor) => self.now_is(actor).await,
            Standing::Over(farewell) => {
                if let Farewell::Restart { after_ms } = farewell {
                    let goaway = Goaway { reason: GoawayReason::Deploy, after_ms };
                    let text = Outgoing::Text(ServerFrame::Goaway(goaway).text());
                    // It has to end already, so only the client can hold this up.
                    match tokio::time::timeout(self.settings.pong, self.outlet.send(text)).await {
                        Ok(sent) => sent?,
                        Err(_) => return Err(End::Stuck(farewell.code())),
                    }
                }
                Err(End::Close(farewell.code()))
            }
        }
    }

    /// The member as it is now. Whoever sees something else than before has to load anew.
    async fn now_is(&mut self, actor: Arc<Actor>) -> Result<(), End> {
        let view = View::of(&actor);
        let changed = self.view.as_ref().is_some_and(|before| before.scope != view.scope);
        if changed && let Some(reader) = self.reader.take() {
            if let Some(before) = &self.view {
                self.place = reader.place(before);
            }
            self.signals = None;
            self.send(ServerFrame::Reset(Reset { reason: ResetReason::ScopeChanged })).await?;
        }
        self.view = Some(view);
        self.actor = Some(actor);
        Ok(())
    }

    async fn take(&mut self, incoming: Incoming) -> Result<(), End> {
        let input = match incoming {
            Incoming::Text(text) if text.len() > self.settings.max_frame_bytes => Input::TooLarge,
            Incoming::Text(text) => Input::Frame(ClientFrame::parse(&text)),
            Incoming::Ping(content) => {
                self.put(Outgoing::Pong(content)).await?;
                Input::Control
            }
            Incoming::Pong => Input::Control,
            Incoming::Unreadable => Input::Unreadable,
            Incoming::TooLarge => Input::TooLarge,
            Incoming::Close => return Err(End::Close(CloseCode::Normal)),
        };
        match self.state.input(Instant::now(), input) {
            Some(effect) => self.apply(effect).await,
            None => Ok(()),
        }
    }

    async fn apply(&mut self, effect: Effect) -> Result<(), End> {
        match effect {
            Effect::Admit(auth) => {
                let admitted = self.proven(&auth.token).await?;
                // Credentials that came with the upgrade were counted with it.
                if !self.backend.count_call(admitted.actor.credential()) {
                    return Err(End::Close(CloseCode::TooFast));
                }
                self.admit(admitted, auth).await
            }
            Effect::Renew(token) => self.renew(&token).await,
            Effect::Subscribe(subscribe) => self.subscribe(subscribe.since).await,
            Effect::Type(typing) => self.typing(typing.conversation_id).await,
            Effect::Ping => self.ping().await,
            Effect::AuthDue(in_seconds) => self.send(ServerFrame::AuthDue(AuthDue { in_seconds })).await,
            Effect::Close(code) => Err(End::Close(code)),
        }
    }

    async fn proven(&self, token: &str) -> Result<Admitted, End> {
        self.backend.admit(token).await.map_err(End::Close)
    }

    async fn admit(&mut self, admitted: Admitted, auth: Auth) -> Result<(), End> {
        self.state.admitted(Instant::now(), admitted.lifetime);
        self.link.admit(&admitted.actor, self.settings.connections_per_agent);
        self.now_is(admitted.actor).await?;
        self.wanted = auth.signals;
        self.subscribe(auth.since).await
    }

    /// A fresh token of the same member.
    async fn renew(&mut self, token: &str) -> Result<(), End> {
        let admitted = self.proven(token).await?;
        let who = |actor: &Actor| (actor.workspace_id, actor.agent_id);
        if self.actor.as_deref().map(who) != Some(who(&admitted.actor)) {
            return Err(End::Close(CloseCode::Unauthenticated));
        }
        self.state.admitted(Instant::now(), admitted.lifetime);
        self.link.admit(&admitted.actor, self.settings.connections_per_agent);
        self.now_is(admitted.actor).await
    }

    async fn subscribe(&mut self, since: Option<String>) -> Result<(), End> {
        let (Some(view), Some(actor)) = (&self.view, &self.actor) else { return Ok(()) };
        let agent_id = actor.agent_id;
        self.reader = None;
        self.signals = None;
        let most = Some(self.settings.replay_max);
        let joined = Reader::join(&self.hub, &self.backend, view, since.as_deref(), most).await;
        match joined.map_err(|failure| End::Close(close_code(&failure)))? {
            Joined::Reset(reason) => {
                self.place.cursor = since.unwrap_or_default();
                let cursor = self.place.cursor.clone();
                let ready = Ready { agent_id, cursor, seq: None, mode: Mode::Reset, reason: Some(reason) };
                self.send(ServerFrame::Ready(ready)).await
            }
            Joined::Reader(reader) => {
                let place = reader.place(view);
                let mode = if reader.is_replay() { Mode::Replay } else { Mode::Live };
                self.state.subscribed(place.seq);
                self.signals = (!self.wanted.is_empty()).then(|| reader.topic().signals());
                self.reader = Some(reader);
                self.place = place.clone();
                let ready =
                    Ready { agent_id, cursor: place.cursor, seq: Some(place.seq), mode, reason: None };
                self.send(ServerFrame::Ready(ready)).await?;
                self.catch_up().await
            }
        }
    }

    /// Sends events until there are none at hand, or the client or the clock should be heard.
    async fn forward(&mut self) -> Result<(), End> {
        let mut sent = 0;
        for _ in 0..BATCH {
            let Some(reader) = &mut self.reader else { return Ok(()) };
            let more = match reader.fill().await {
                Ok(more) => more,
                Err(ReadError::Expired) => {
                    self.expired().await?;
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            };
            // The events are at hand; a change of scope that came before them has been told by now.
            if !more || self.link.standing.has_changed().unwrap_or(true) || self.is_overdue() {
                break;
            }
            let (Some(view), Some(reader)) = (&self.view, &mut self.reader) else { break };
            if let Some(Some(frame)) = reader.next_frame(view) {
                self.put(Outgoing::Text(frame)).await?;
                sent += 1;
            }
        }
        metrics::counter!("stream_events_sent").increment(sent);
        if sent == 0 {
            // What stopped it may only be seen by the loop after the runtime had its turn.
            tokio::task::yield_now().await;
        }
        self.catch_up().await
    }

    /// The next events were forgotten under way.
    async fn expired(&mut self) -> Result<(), End> {
        if let (Some(reader), Some(view)) = (self.reader.take(), &self.view) {
            self.place = reader.place(view);
        }
        self.signals = None;
        self.send(ServerFrame::Reset(Reset { reason: ResetReason::Expired })).await
    }

    fn is_overdue(&self) -> bool {
        self.state.deadline().is_some_and(|deadline| deadline <= Instant::now())
    }

    async fn catch_up(&mut self) -> Result<(), End> {
        let (Some(reader), Some(view)) = (&mut self.reader, &self.view) else { return Ok(()) };
        if !reader.caught_up() {
            return Ok(());
        }
        let place = reader.place(view);
        self.send(ServerFrame::CaughtUp(place)).await
    }

    async fn ping(&mut self) -> Result<(), End> {
        let (place, sent) = match (&self.reader, &self.view) {
            (Some(reader), Some(view)) => (reader.place(view), reader.prev()),
            _ => (Place { prev: None, ..self.place.clone() }, 0),
        };
        self.state.pinged(Instant::now(), sent);
        self.send(ServerFrame::Ping(place)).await
    }

    async fn typing(&mut self, conversation: ConversationId) -> Result<(), End> {
        let (Some(view), Some(actor)) = (&self.view, &self.actor) else { return Ok(()) };
        let workspace = actor.workspace_id;
        // Saying that one writes is part of writing.
        let Ok(caller) = Caller::<SendMessage>::new((**actor).clone()) else {
            return self.send(ServerFrame::Error(ErrorFrame { code: ErrorCode::ScopeMissing })).await;
        };
        // A signal is the first thing to be dropped: a busy database says nothing to the client.
        let Ok(facts) = self.backend.facts(workspace, conversation).await else { return Ok(()) };
        match facts.filter(|facts| view.visible.sees_conversation(*facts)) {
            Some(facts) => {
                self.hub.typing(workspace, conversation, facts, actor.agent_id, Some(self.link.id()));
                if caller.on(facts).is_ok() {
                    self.backend.show_typing(workspace, conversation);
                }
                Ok(())
            }
            None => self.send(ServerFrame::Error(ErrorFrame { code: ErrorCode::NotFound })).await,
        }
    }

    async fn pass(&mut self, signal: &Passing) -> Result<(), End> {
        let sees = self.view.as_ref().is_some_and(|view| signal.audience.includes(&view.visible));
        if sees && self.wanted.contains(&signal.signal_type) && signal.from != Some(self.link.id()) {
            self.put(Outgoing::Text(signal.frame.clone())).await?;
        }
        Ok(())
    }

    async fn send(&mut self, frame: ServerFrame) -> Result<(), End> {
        self.put(Outgoing::Text(frame.text())).await
    }

    /// Sends a frame. A client that takes nothing for too long, or whose connection has to end
    /// meanwhile, is given up.
    async fn put(&mut self, outgoing: Outgoing) -> Result<(), End> {
        // A copy: what it has seen does not count as seen by the loop.
        let mut standing = self.link.standing.clone();
        tokio::select! {
            biased;
            sent = self.outlet.send(outgoing) => Ok(sent?),
            farewell = farewell(&mut standing) => Err(End::Stuck(farewell.code())),
            () = sleep(self.settings.progress) => Err(End::Stuck(CloseCode::TooSlow)),
        }
    }
}
