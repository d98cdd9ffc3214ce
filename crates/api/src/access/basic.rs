//! Basic credentials (RFC 7617): the Base64 of `user:password`.

use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

/// The longest credential that is accepted, in characters.
const MAX_LEN: usize = 1_024;

/// The password of a credential; `None` if it is malformed.
pub(super) fn password(text: &str) -> Option<String> {
    let text = String::from_utf8(decode(text)?).ok()?;
    text.split_once(':')
        .map(|(_, password)| password.to_owned())
}

/// Decodes Base64 (RFC 4648, section 4), with or without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    const LENIENT: GeneralPurpose = GeneralPurpose::new(
        &alphabet::STANDARD,
        GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
    );
    (text.len() <= MAX_LEN).then(|| LENIENT.decode(text).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_the_rfc_4648_vectors() {
        let vectors = [
            ("", ""),
            ("Zg==", "f"),
            ("Zm8=", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg==", "foob"),
            ("Zm9vYmFy", "foobar"),
        ];
        for (text, decoded) in vectors {
            assert_eq!(decode(text).as_deref(), Some(decoded.as_bytes()), "{text}");
        }
    }

    #[test]
    fn malformed_credentials_are_rejected() {
        assert_eq!(
            password("QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            Some("open sesame".to_owned())
        );
        for invalid in ["", "A", "Zm9v", "Zm 9v", "____"] {
            assert_eq!(password(invalid), None, "{invalid:?}");
        }
    }
}
