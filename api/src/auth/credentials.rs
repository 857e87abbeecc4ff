//! From a bearer to who acts: the same way for access tokens and keys, for requests and the stream.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use domain::actor::{Actor, Credential};
use domain::id::WorkspaceId;
use domain::refusal::Code;
use domain::time::Timestamp;
use persistence::error::Failure;
use persistence::{agents, api_keys};

use super::access_token::{self, Claims};
use super::actors::Known;
use super::api_key::{self, PresentedKey};
use crate::http::problem::Problem;
use crate::state::App;

/// Somebody with good credentials.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who.
    pub actor: Arc<Actor>,
    /// Until when what was shown is good; none: until the credential is ended.
    pub until: Option<Timestamp>,
}

/// Why a bearer proves nothing.
#[derive(Debug)]
pub enum Denied {
    /// It is not one of ours.
    Invalid,
    /// It is an access token that has run out.
    Expired,
    /// Its sign-in or key has ended, or its member left.
    Ended,
    /// The database did not do its part.
    Failed(Failure),
}

impl From<Denied> for Problem {
    fn from(denied: Denied) -> Self {
        match denied {
            Denied::Invalid | Denied::Ended => Code::InvalidToken.into(),
            Denied::Expired => Code::TokenExpired.into(),
            Denied::Failed(failure) => failure.into(),
        }
    }
}

/// What somebody shows.
enum Bearer {
    AccessToken(Claims),
    ApiKey(PresentedKey),
}

impl Bearer {
    fn read(app: &App, text: &str, now: Timestamp) -> Result<Self, Denied> {
        if text.starts_with(api_key::PREFIX) {
            return PresentedKey::read(text).map(Self::ApiKey).ok_or(Denied::Invalid);
        }
        access_token::verify(&app.keys, text, now).map(Self::AccessToken).map_err(|code| match code {
            Code::TokenExpired => Denied::Expired,
            _ => Denied::Invalid,
        })
    }

    fn names(&self) -> (WorkspaceId, Credential) {
        match self {
            Self::AccessToken(claims) => (claims.workspace_id, Credential::SignIn(claims.sign_in_id)),
            Self::ApiKey(key) => (key.workspace_id, Credential::ApiKey(key.id)),
        }
    }

    /// Does it prove that its bearer is the one who is known? A key's secret is compared in every call.
    fn proves(&self, known: &Known) -> bool {
        match (self, &known.key) {
            (Self::AccessToken(claims), None) => access_token::is_of(claims, &known.actor),
            (Self::ApiKey(key), Some(proof)) => {
                key.workspace_id == known.actor.workspace_id && key.fits(proof)
            }
            _ => false,
        }
    }

    fn until(&self, known: &Known) -> Option<Timestamp> {
        match self {
            Self::AccessToken(claims) => Timestamp::from_unix_seconds(claims.exp),
            Self::ApiKey(_) => known.key.and_then(|proof| proof.expires_at),
        }
    }
}

/// Who acts by what was shown, now: it is good, its sign-in or key has not ended, and the member has
/// not left.
///
/// # Errors
/// See [`Denied`].
pub async fn authenticate(app: &App, text: &str) -> Result<Authenticated, Denied> {
    let now = app.clock.now();
    let bearer = Bearer::read(app, text, now)?;
    let (workspace, credential) = bearer.names();
    let known = match app.actors.get(credential) {
        Some(known) => known,
        None => {
            let found = look_up(app, vec![(workspace, credential)]).await.map_err(Denied::Failed)?;
            found.into_iter().next().ok_or(Denied::Ended)?
        }
    };
    if !bearer.proves(&known) {
        return Err(Denied::Invalid);
    }
    // One that is only remembered may have run out since it was read.
    if known.key.and_then(|proof| proof.expires_at).is_some_and(|end| end <= now) {
        return Err(Denied::Ended);
    }
    app.key_uses.note(&known.actor, now);
    Ok(Authenticated { until: bearer.until(&known), actor: known.actor })
}

/// Who acts by these credentials, as the database has it; those that have ended are left out. It is
/// remembered, and what was remembered of those that have ended is forgotten.
///
/// # Errors
/// Those of the database.
pub async fn look_up(app: &App, asked: Vec<(WorkspaceId, Credential)>) -> Result<Vec<Known>, Failure> {
    let (now, read) = (app.clock.now(), Instant::now());
    let (mut sign_ins, mut keys) = (Vec::new(), Vec::new());
    for (workspace, credential) in &asked {
        match credential {
            Credential::SignIn(id) => sign_ins.push((*workspace, *id)),
            Credential::ApiKey(id) => keys.push((*workspace, *id)),
        }
    }
    let found: Vec<Known> = app
        .db
        .read(move |conn| {
            let mut found = Vec::new();
            if !sign_ins.is_empty() {
                found.extend(agents::actors(conn, sign_ins, now)?.into_iter().map(Known::from));
            }
            if !keys.is_empty() {
                found.extend(api_keys::actors(conn, keys, now)?.into_iter().map(Known::from));
            }
            Ok(found)
        })
        .await?;
    let mut acting = HashSet::new();
    for known in &found {
        acting.insert(known.actor.credential());
        app.actors.remember(read, known.clone());
    }
    for (_, credential) in asked {
        if !acting.contains(&credential) {
            app.actors.forget(credential);
        }
    }
    Ok(found)
}
