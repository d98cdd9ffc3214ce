//! Where a redirect leads, and what goes along.

use super::failure::Failure;
use super::message::{Method, Request, Response};
use reqwest::Url;

/// Redirects that are followed.
pub(super) const MAX_REDIRECTS: u32 = 3;

/// Headers that may go to another origin. All others may be meant for the first alone.
const TRAVELLERS: [&str; 5] = [
    "accept",
    "content-type",
    "idempotency-key",
    "user-agent",
    "florin-",
];

/// The next call after an answer that redirects; nothing if the answer is the last.
///
/// GET and HEAD follow every redirect; a call with a body follows only 307 and 308, which keep
/// method and body (RFC 9110, 15.4).
pub(super) fn next(
    request: &Request,
    from: &Url,
    answer: &Response,
) -> Result<Option<Request>, Failure> {
    let reads = matches!(request.method, Method::Get | Method::Head);
    let follows = match answer.status {
        301..=303 => reads,
        307 | 308 => true,
        _ => false,
    };
    let Some(location) = answer.header("location").filter(|_| follows) else {
        return Ok(None);
    };
    let host = from.host_str().unwrap_or_default();
    let to = from
        .join(location)
        .map_err(|_| Failure::redirect(host, "its location is not a URL"))?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(Failure::redirect(
            host,
            "it leads from a secure connection to a plain one",
        ));
    }
    let mut next = Request {
        url: to.to_string(),
        ..request.clone()
    };
    if from.origin() != to.origin() {
        next.headers.retain(|(name, _)| travels(name));
    }
    Ok(Some(next))
}

fn travels(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TRAVELLERS.iter().any(|known| {
        if known.ends_with('-') {
            name.starts_with(known)
        } else {
            name == *known
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, location: &str) -> Response {
        let headers = vec![("location".to_owned(), location.to_owned())];
        Response {
            status,
            headers,
            body: Vec::new(),
            truncated: false,
            url: String::new(),
        }
    }

    fn follow(
        method: Method,
        from: &str,
        status: u16,
        location: &str,
    ) -> Result<Option<Request>, Failure> {
        let request = Request::new(method, from)
            .with_header("Authorization", "x")
            .with_header("Florin-Signature", "y");
        next(
            &request,
            &Url::parse(from).expect("a URL"),
            &answer(status, location),
        )
    }

    #[test]
    fn a_body_goes_along_or_stays() {
        assert_eq!(
            follow(Method::Post, "http://a/x", 302, "/y").map(|next| next.is_some()),
            Ok(false)
        );
        assert_eq!(
            follow(Method::Post, "http://a/x", 308, "/y").map(|next| next.map(|it| it.url)),
            Ok(Some("http://a/y".into()))
        );
        assert_eq!(
            follow(Method::Get, "http://a/x", 302, "y").map(|next| next.map(|it| it.url)),
            Ok(Some("http://a/y".into()))
        );
        assert_eq!(
            follow(Method::Get, "http://a/x", 304, "y").map(|next| next.is_some()),
            Ok(false)
        );
    }

    #[test]
    fn credentials_stay_with_their_origin() {
        let names = |to| {
            let next = follow(Method::Post, "https://a/x", 307, to)
                .expect("allowed")
                .expect("followed");
            next.headers
                .into_iter()
                .map(|(name, _)| name)
                .collect::<Vec<_>>()
        };
        assert_eq!(names("https://a/y"), ["Authorization", "Florin-Signature"]);
        assert_eq!(names("https://b/y"), ["Florin-Signature"]);
        assert_eq!(names("https://a:8443/y"), ["Florin-Signature"]);
    }

    #[test]
    fn security_is_not_given_up() {
        assert!(matches!(
            follow(Method::Post, "https://a/x", 307, "http://a/x"),
            Err(Failure::Redirect { .. })
        ));
        assert!(matches!(
            follow(Method::Post, "https://a/x", 307, "http://[bad"),
            Err(Failure::Redirect { .. })
        ));
    }
}
