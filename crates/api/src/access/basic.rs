//! Basic credentials (RFC 7617): the Base64 of `user:password`.

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
    let digits = text.trim_end_matches('=');
    if text.len() > MAX_LEN || digits.len() % 4 == 1 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    for group in digits.as_bytes().chunks(4) {
        let mut bits = 0u32;
        for index in 0..4 {
            bits = (bits << 6) | group.get(index).map_or(Some(0), |digit| value(*digit))?;
        }
        bytes.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
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
