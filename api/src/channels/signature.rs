//! Proof that a webhook call comes from the provider, compared in constant time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

const PREFIX: &str = "sha256=";

/// True if `header` (the value of `X-Hub-Signature-256`) is Meta's signature over the body's bytes
/// as they came: `sha256=` and the HMAC-SHA256 in hex, keyed with the app secret.
///
/// Never true with an empty secret: anybody can sign with that one.
///
/// Source: Meta, webhooks "create webhook endpoint".
#[must_use]
pub fn verify(body: &[u8], header: &str, app_secret: &str) -> bool {
    let Some(claimed) = header.strip_prefix(PREFIX) else {
        return false;
    };
    let Ok(claimed) = hex::decode(claimed) else {
        return false;
    };
    match keyed(app_secret) {
        Some(mac) => mac.chain_update(body).verify_slice(&claimed).is_ok(),
        None => false,
    }
}

/// The value of `X-Hub-Signature-256` for a body, as Meta would send it; the sandbox and tests use
/// it. Empty for an empty secret, which [`verify`] refuses.
#[must_use]
pub fn sign(body: &[u8], app_secret: &str) -> String {
    match keyed(app_secret) {
        Some(mac) => {
            let digest = mac.chain_update(body).finalize().into_bytes();
            format!("{PREFIX}{}", hex::encode(digest))
        }
        None => String::new(),
    }
}

/// True if a secret that came over the wire is the one we know: Telegram's
/// `X-Telegram-Bot-Api-Secret-Token`, Meta's `hub.verify_token`. Never true if ours is empty.
#[must_use]
pub fn secrets_match(ours: &str, theirs: &str) -> bool {
    // Digests have one length, so the time taken does not tell the secret's length either.
    let (a, b) = (Sha256::digest(ours), Sha256::digest(theirs));
    !ours.is_empty() && bool::from(a.as_slice().ct_eq(b.as_slice()))
}

fn keyed(secret: &str) -> Option<Hmac<Sha256>> {
    if secret.is_empty() {
        return None;
    }
    Hmac::new_from_slice(secret.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::{secrets_match, sign, verify};
    use crate::channels::fixtures;

    const SECRET: &str = "fixture-app-secret";

    #[test]
    fn d_06_every_fixture_verifies_and_one_flipped_byte_does_not() {
        let signatures = fixtures::text("signatures.tsv");
        let mut seen = 0;
        for line in signatures.lines().filter(|line| !line.starts_with('#')) {
            let mut columns = line.split('\t');
            let (file, header) = (columns.next().unwrap(), columns.next().unwrap());
            let body = fixtures::bytes(file);
            assert!(verify(&body, header, SECRET), "{file}");
            assert_eq!(sign(&body, SECRET), header, "{file}");
            for at in [0, body.len() / 2, body.len() - 1] {
                let mut bent = body.clone();
                bent[at] ^= 1;
                assert!(!verify(&bent, header, SECRET), "{file}: body byte {at}");
            }
            for at in [7, 40, 70] {
                let mut bent = header.to_owned().into_bytes();
                bent[at] = if bent[at] == b'0' { b'1' } else { b'0' };
                let bent = String::from_utf8(bent).unwrap();
                assert!(!verify(&body, &bent, SECRET), "{file}: signature byte {at}");
            }
            seen += 1;
        }
        assert_eq!(seen, 22);
    }

    #[test]
    fn only_the_whole_signature_counts() {
        let good = sign(b"{}", SECRET);
        assert!(verify(b"{}", &good, SECRET));
        let digits = good.trim_start_matches("sha256=");
        for bad in [
            String::new(),
            "sha256=".into(),
            digits.to_owned(),
            format!("sha1={digits}"),
            good[..good.len() - 2].to_owned(),
            format!("{good}00"),
            format!("{good} "),
            "sha256=zz".into(),
        ] {
            assert!(!verify(b"{}", &bad, SECRET), "{bad:?}");
        }
        assert!(!verify(b"{}", &good, "another secret"));
        assert!(!verify(b"{}", "sha256=", ""));
        assert_eq!(sign(b"{}", ""), "");
    }

    #[test]
    fn secrets_match_only_themselves() {
        assert!(secrets_match("rahasia-1", "rahasia-1"));
        for other in ["", "r", "rahasia-2", "rahasia-1 ", "rahasia-11"] {
            assert!(!secrets_match("rahasia-1", other), "{other:?}");
        }
        assert!(!secrets_match("", ""));
    }
}
