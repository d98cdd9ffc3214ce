//! Webhook signatures: HMAC-SHA256 (RFC 2104) over timestamp and body.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use types::Time;

/// The value of `Florin-Signature`: `t=<seconds>,v1=<hex>`, with one `v1` per live secret.
///
/// The signed message is `<seconds>.<body>`; the key is the text of the secret, `whsec_` included.
pub(crate) fn signature(at: Time, body: &[u8], secrets: &[&str]) -> String {
    let seconds = at.secs();
    let mut value = format!("t={seconds}");
    for secret in secrets {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
            .expect("HMAC takes keys of any length");
        mac.update(seconds.to_string().as_bytes());
        mac.update(b".");
        mac.update(body);
        value.push_str(",v1=");
        value.push_str(&hex::encode(mac.finalize().into_bytes()));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Computed with `printf '%s' '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_known_signature() {
        let value = signature(
            Time::from_secs(1_700_000_000),
            b"{\"a\":1}",
            &["secret", "other"],
        );
        let parts: Vec<&str> = value.split(',').collect();
        assert_eq!(
            parts[..2],
            [
                "t=1700000000",
                "v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
            ]
        );
        assert_eq!(parts.len(), 3);
        assert_ne!(parts[1], parts[2]);
    }
}
