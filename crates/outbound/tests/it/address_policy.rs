use outbound::{AddressPolicy, Error, Method, NameResolver, Outbound, Request, Settings};
use std::io::{Read, Write};
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::http::{Server, ServerReply};

fn outbound(allow: &[&str]) -> Outbound {
    let rules = allow.iter().map(|rule| rule.parse().unwrap()).collect();
    Outbound::new(Settings::new(AddressPolicy::new(rules))).unwrap()
}

/// Resolves every name to the next scripted answer; the last one is repeated.
struct ScriptedResolver {
    answers: Mutex<Vec<Vec<&'static str>>>,
    queries: AtomicUsize,
}

#[async_trait::async_trait]
impl NameResolver for ScriptedResolver {
    async fn resolve(&self, _: &str) -> std::io::Result<Vec<IpAddr>> {
        self.queries.fetch_add(1, Ordering::SeqCst);
        let mut answers = self.answers.lock().unwrap();
        let answer = if answers.len() > 1 {
            answers.remove(0)
        } else {
            answers[0].clone()
        };
        Ok(answer
            .iter()
            .map(|address| address.parse().unwrap())
            .collect())
    }
}

fn scripted(answers: &[&[&'static str]]) -> (Outbound, Arc<ScriptedResolver>) {
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    let resolver = Arc::new(ScriptedResolver {
        answers: Mutex::new(answers),
        queries: AtomicUsize::new(0),
    });
    let guard = AddressPolicy::new(vec!["127.0.0.1".parse().unwrap()]);
    let settings = Settings {
        resolver: resolver.clone(),
        ..Settings::new(guard)
    };
    (Outbound::new(settings).unwrap(), resolver)
}

fn port(server: &Server) -> String {
    server.address().rsplit(':').next().unwrap().to_owned()
}

async fn get(outbound: &Outbound, url: &str) -> Result<u16, Error> {
    outbound
        .send(Request::new(Method::Get, url))
        .await
        .map(|response| response.status)
}

fn is_blocked(result: &Result<u16, Error>) -> bool {
    matches!(result, Err(Error::AddressBlocked { .. }))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_with_a_private_address_is_blocked() {
    let server = Server::start();
    for answer in [
        &["10.0.0.1"][..],
        &["169.254.169.254"],
        &["::ffff:169.254.169.254"],
        &["fd00:ec2::254"],
        &["127.0.0.1", "10.0.0.1"],
        &["127.0.0.2"],
    ] {
        let (outbound, _) = scripted(&[answer]);
        let result = get(
            &outbound,
            &format!("http://hooks.example.org:{}/", port(&server)),
        )
        .await;
        assert!(is_blocked(&result), "{answer:?}: {result:?}");
    }
    assert_eq!(server.count(), 0);
    let (empty, _) = scripted(&[&[]]);
    assert!(matches!(
        get(&empty, "http://hooks.example.org/").await,
        Err(Error::Unresolved { .. })
    ));
}

/// The connection is made to the checked address: the name is resolved once per connection, and
/// every answer is checked.
#[tokio::test(flavor = "multi_thread")]
async fn dns_rebinding_is_blocked() {
    let server =
        Server::with_handler(|_| ServerReply::status(200).with_header("connection", "close"));
    let (outbound, resolver) = scripted(&[&["127.0.0.1"], &["10.0.0.1"]]);
    let url = format!("http://hooks.example.org:{}/", port(&server));
    assert_eq!(get(&outbound, &url).await, Ok(200));
    assert_eq!(resolver.queries.load(Ordering::SeqCst), 1);
    assert!(is_blocked(&get(&outbound, &url).await));
    assert_eq!(
        (server.count(), resolver.queries.load(Ordering::SeqCst)),
        (1, 2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn redirect_targets_are_checked() {
    let outbound = outbound(&["127.0.0.1"]);
    let target = Server::start();
    for to in [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.2:80/",
        "http://[::1]/",
        "http://0x0a000001/",
    ] {
        let server = Server::with_handler(move |_| ServerReply::redirect(307, to));
        assert!(is_blocked(&get(&outbound, &server.url("/")).await), "{to}");
    }
    for to in [
        "file:///etc/passwd",
        "ftp://127.0.0.1/",
        "http://user:word@127.0.0.1/",
    ] {
        let server = Server::with_handler(move |_| ServerReply::redirect(302, to));
        assert!(
            matches!(
                get(&outbound, &server.url("/")).await,
                Err(Error::InvalidUrl { .. })
            ),
            "{to}"
        );
    }
    let to = target.url("/there");
    let server = Server::with_handler(move |_| ServerReply::redirect(302, &to));
    assert_eq!(get(&outbound, &server.url("/")).await, Ok(200));
    assert_eq!(target.requests()[0].target, "/there");
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_limited() {
    let server = Server::with_handler(|_| ServerReply::redirect(307, "/again"));
    let result = get(&outbound(&["127.0.0.1"]), &server.url("/")).await;
    assert!(
        matches!(result, Err(Error::RedirectRefused { .. })),
        "{result:?}"
    );
    assert_eq!(server.count(), 4, "the first call and three redirects");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_not_sent_to_another_origin() {
    let target = Server::start();
    let to = target.url("/there");
    let server = Server::with_handler(move |_| ServerReply::redirect(308, &to));
    let mut request =
        Request::new(Method::Post, server.url("/")).with_header("Authorization", "Bearer hush");
    request = request.with_header("Content-Type", "application/json");
    request.body = b"{}".to_vec();
    assert_eq!(
        outbound(&["127.0.0.1"]).send(request).await.unwrap().status,
        200
    );
    assert_eq!(
        server.requests()[0].header("authorization"),
        Some("Bearer hush")
    );
    let there = &target.requests()[0];
    assert_eq!(
        (
            there.method.as_str(),
            there.header("authorization"),
            there.body.as_slice()
        ),
        ("POST", None, &b"{}"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_responses_are_truncated() {
    let server = Server::with_handler(|_| ServerReply::Endless);
    let mut request = Request::new(Method::Get, server.url("/"));
    request.max_body = 100_000;
    let answer = outbound(&["127.0.0.1"]).send(request).await.unwrap();
    assert_eq!(
        (answer.status, answer.body.len(), answer.truncated),
        (200, 100_000, true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_responses_time_out() {
    let server = Server::with_handler(|_| ServerReply::NoResponse);
    let mut request = Request::new(Method::Get, server.url("/secret?token=hush"));
    request.timeout_ms = 100;
    let failure = outbound(&["127.0.0.1"]).send(request).await.unwrap_err();
    assert_eq!(
        failure,
        Error::Timeout {
            host: "127.0.0.1".to_owned(),
            limit_ms: 100
        }
    );
    let closed = Request::new(
        Method::Get,
        format!("http://127.0.0.1:{}/x?token=hush", testkit::free_port()),
    );
    let failure = outbound(&["127.0.0.1"]).send(closed).await.unwrap_err();
    assert!(matches!(failure, Error::Unreachable { .. }), "{failure}");
    assert!(!failure.to_string().contains("hush"));
}

/// A receiver that sends headers without end, either as fast as it can or with pauses. Returns its
/// URL and the number of bytes sent.
fn receiver(piece: &'static [u8], pause: Duration) -> (String, Arc<AtomicUsize>) {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let (url, sent) = (
        format!("http://{}/", listener.local_addr().unwrap()),
        Arc::new(AtomicUsize::new(0)),
    );
    let counted = sent.clone();
    std::thread::spawn(move || {
        let (mut socket, _) = listener.accept().unwrap();
        // A response before the request would be rejected at once, which is not tested here.
        assert!(socket.read(&mut [0; 4_096]).unwrap() > 0);
        socket
            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n")
            .unwrap();
        while socket.write_all(piece).is_ok() {
            counted.fetch_add(piece.len(), Ordering::SeqCst);
            std::thread::sleep(pause);
        }
    });
    (url, sent)
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_are_limited() {
    let lines: &[u8] = b"X-More: and more\r\n".repeat(1_000).leak();
    let line: &[u8] = [b'x'; 20_000].to_vec().leak();
    for piece in [lines, line] {
        let (url, sent) = receiver(piece, Duration::ZERO);
        let failure = outbound(&["127.0.0.1"])
            .send(Request::new(Method::Get, url))
            .await
            .unwrap_err();
        assert!(matches!(failure, Error::Unreachable { .. }), "{failure}");
        let (sent, limit) = (sent.load(Ordering::SeqCst), 16 << 20);
        assert!(
            sent < limit,
            "{sent} bytes were accepted, including system buffers"
        );
    }
    let (url, _) = receiver(b"x", Duration::from_millis(5));
    let request = Request {
        timeout_ms: 200,
        ..Request::new(Method::Get, url)
    };
    let failure = outbound(&["127.0.0.1"]).send(request).await.unwrap_err();
    assert!(matches!(failure, Error::Timeout { .. }), "{failure}");
}
