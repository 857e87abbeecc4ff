//! Access tokens: JWT (RFC 9068's header type), signed with HS256, for 15 minutes by default.

use chrono::TimeDelta;
use domain::actor::Actor;
use domain::id::{AgentId, SignInId, WorkspaceId};
use domain::refusal::Code;
use domain::time::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde::{Deserialize, Serialize};

use super::keys::Keys;

const ISSUER: &str = "tanggap";
const AUDIENCE: &str = "tanggap:api";
const TYPE: &str = "at+jwt";
/// How far two clocks may be apart, in seconds.
const LEEWAY_SECONDS: i64 = 5;

/// What a token says. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    iss: String,
    aud: String,
    /// The member.
    pub sub: AgentId,
    /// The tenant.
    pub workspace_id: WorkspaceId,
    /// The sign-in: when it ends, so does the token.
    pub sign_in_id: SignInId,
    iat: i64,
    nbf: i64,
    /// When the token runs out.
    pub exp: i64,
}

/// Makes the token of a sign-in.
///
/// # Errors
/// If the claims cannot be written as JSON, which they can.
pub fn issue(
    keys: &Keys,
    workspace_id: WorkspaceId,
    agent_id: AgentId,
    sign_in_id: SignInId,
    lifetime: TimeDelta,
    now: Timestamp,
) -> Result<String, jsonwebtoken::errors::Error> {
    let issued = now.unix_seconds();
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        sub: agent_id,
        workspace_id,
        sign_in_id,
        iat: issued,
        nbf: issued,
        exp: now.plus(lifetime).unix_seconds(),
    };
    let header =
        Header { typ: Some(TYPE.to_owned()), kid: Some(keys.id.clone()), ..Header::new(Algorithm::HS256) };
    encode(&header, &claims, &EncodingKey::from_secret(&keys.access_tokens))
}

/// Checks a token: algorithm, type, key, signature, issuer, audience, and its times by our clock.
///
/// # Errors
/// `token_expired`, or `invalid_token` for everything else.
pub fn verify(keys: &Keys, token: &str, now: Timestamp) -> Result<Claims, Code> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["iss", "aud", "sub", "nbf", "exp"]);
    // The library asks the system's clock; ours is asked below, with a smaller leeway.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.leeway = 0;
    let data = decode::<Claims>(token, &DecodingKey::from_secret(&keys.access_tokens), &validation)
        .map_err(|_| Code::InvalidToken)?;
    let header = data.header;
    let plain = header.jku.is_none() && header.jwk.is_none() && header.x5u.is_none() && header.x5c.is_none();
    let ours = header.typ.as_deref() == Some(TYPE) && header.kid.as_deref() == Some(&keys.id);
    let now = now.unix_seconds();
    if !ours || !plain || data.claims.nbf > now + LEEWAY_SECONDS {
        return Err(Code::InvalidToken);
    }
    if data.claims.exp + LEEWAY_SECONDS <= now {
        return Err(Code::TokenExpired);
    }
    Ok(data.claims)
}

/// Does the token speak of this actor? A sign-in belongs to one member for good.
#[must_use]
pub fn is_of(claims: &Claims, actor: &Actor) -> bool {
    claims.sub == actor.agent_id && claims.workspace_id == actor.workspace_id
}
