//! The HTTP client against a server that does everything a server can do wrong.

use std::collections::HashMap;
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use habar::io::http::{
    Accept, Client, Failure, Hop, Names, Phase, Reply, Request, Response, RetryAfter, Settings,
    TOTAL_TIMEOUT, Validators,
};
use habar::io::tls;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::TlsAcceptor;
use url::Url;

use crate::web::{Answer, Manner, Web};

const FEED: &str = "<rss><channel><title>Habar</title></channel></rss>";

static ROOTS: LazyLock<Arc<rustls::ClientConfig>> = LazyLock::new(|| tls::client_config(None).unwrap());

/// Settings that reach loopback.
pub fn settings() -> Settings {
    Settings {
        contact: String::new(),
        allow_private: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
        total_timeout: TOTAL_TIMEOUT,
        tls: Arc::clone(&ROOTS),
        proxy: None,
    }
}

pub fn client_with(settings: Settings) -> Client {
    Client::new(settings).unwrap()
}

pub fn client() -> Client {
    client_with(settings())
}

/// A client whose every deadline is a fifteenth of the real one: four seconds in all.
pub fn hasty_client() -> Client {
    client_with(Settings { total_timeout: TOTAL_TIMEOUT / 15, ..settings() })
}

async fn get(client: &Client, url: Url) -> Reply {
    client.get(&Request::new(url, Accept::Feed)).await
}

async fn answer_to(answer: Answer) -> Result<Response, Failure> {
    let web = Web::start().await;
    web.page("/", answer);
    get(&client(), web.url("/")).await.result
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

// What is sent

#[tokio::test]
async fn a_request_says_who_asks_and_for_what_and_nothing_more() {
    let web = Web::start().await;
    web.page("/feed?a=1", Answer::moved(302, "/b").header("Set-Cookie", "id=1").header("ETag", "\"x\""));
    web.page("/b", Answer::feed(FEED));
    let reply = get(&client(), web.url("/feed?a=1#top")).await;
    assert_eq!(reply.result.unwrap().url, web.url("/b"));
    assert_eq!(web.log().len(), 2);
    for asked in web.log() {
        assert_eq!(asked.method, "GET");
        let names: Vec<&str> = asked.headers.iter().map(|(name, _)| name.as_str()).collect();
        let expected = ["accept", "accept-encoding", "host", "user-agent"];
        assert!(names.iter().all(|n| expected.contains(n)) && names.len() == expected.len(), "{names:?}");
        assert_eq!(asked.header("user-agent"), Some(concat!("habar/", env!("CARGO_PKG_VERSION")).as_bytes()));
        assert_eq!(asked.header("accept-encoding"), Some(b"gzip, br, deflate".as_slice()));
        assert!(asked.header("accept").unwrap().starts_with(b"application/rss+xml, application/atom+xml"));
    }
    assert_eq!(web.log()[0].path, "/feed?a=1", "the fragment stays here");
    assert_eq!(web.connections(), 1, "kept alive from one hop to the next");
}

#[tokio::test]
async fn the_contact_stands_in_the_user_agent() {
    let web = Web::start().await;
    let client = client_with(Settings { contact: "https://example.org/bot".to_owned(), ..settings() });
    for accept in [Accept::Page, Accept::Robots] {
        client.get(&Request::new(web.url("/"), accept)).await.result.unwrap();
    }
    let log = web.log();
    let agent = concat!("habar/", env!("CARGO_PKG_VERSION"), " (+https://example.org/bot)");
    assert_eq!(log[0].header("user-agent"), Some(agent.as_bytes()));
    assert!(log[0].header("accept").unwrap().starts_with(b"text/html"));
    assert!(log[1].header("accept").unwrap().starts_with(b"text/plain"));
    let bad = Client::new(Settings { contact: "line\nbreak".to_owned(), ..settings() });
    assert!(bad.err().unwrap().to_string().contains("contact"));
}

#[tokio::test]
async fn validators_come_back_byte_for_byte() {
    let web = Web::start().await;
    let client = client();
    let mut odd = OddBytes(0x9e37_79b9_7f4a_7c15);
    let mut values: Vec<Vec<u8>> =
        ["W/\"weak\"", "\"\"", "unquoted", "\"a, b\"", "\"a\tb  c\"", "\"ü\"", "*", "\"\\\""]
            .map(|v| v.as_bytes().to_vec())
            .into();
    values.extend((0..1000).map(|n| odd.value(1 + n % 60)));
    for value in values {
        web.page("/", Answer::feed(FEED).header("ETag", &value).header("Last-Modified", &value));
        let mut request = Request::new(web.url("/"), Accept::Feed);
        request.validators = client.get(&request).await.result.unwrap().validators;
        let again = client.get(&request).await.result.unwrap();
        assert_eq!(again.status, 304, "{}", value.escape_ascii());
        let sent = web.take_log().pop().unwrap();
        assert_eq!(sent.header("if-none-match"), Some(value.as_slice()));
        assert_eq!(sent.header("if-modified-since"), Some(value.as_slice()));
    }
}

/// Header values of every byte that may stand in one.
pub struct OddBytes(pub u64);

impl OddBytes {
    pub fn value(&mut self, length: usize) -> Vec<u8> {
        let mut value: Vec<u8> = (0..length).map(|_| self.byte()).collect();
        // Space at the ends is not part of a value.
        for end in [0, length - 1] {
            if value[end].is_ascii_whitespace() {
                value[end] = b'"';
            }
        }
        value
    }

    fn byte(&mut self) -> u8 {
        loop {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let byte = self.0.to_le_bytes()[3];
            if byte == b'\t' || (byte >= 0x20 && byte != 0x7f) {
                return byte;
            }
        }
    }
}

#[tokio::test]
async fn validators_go_only_to_the_address_they_belong_to() {
    let web = Web::start().await;
    web.page("/old", Answer::moved(301, "/new"));
    web.page("/new", Answer::feed(FEED).header("ETag", "\"x\""));
    let client = client();
    let mut request = Request::new(web.url("/old"), Accept::Feed);
    request.validators = Validators { etag: Some(b"\"x\"".to_vec()), last_modified: None };
    let conditional = |n: usize| web.log()[n].header("if-none-match").is_some();

    assert_eq!(client.get(&request).await.result.unwrap().status, 200);
    assert_eq!((conditional(0), conditional(1)), (true, false), "by default the first address's own");

    request.validators_for = Some(web.url("/new"));
    assert_eq!(client.get(&request).await.result.unwrap().status, 304);
    assert_eq!((conditional(2), conditional(3)), (false, true));
}

// Redirects

#[tokio::test]
async fn redirects_are_followed_five_times() {
    let web = Web::start().await;
    for n in 0..6 {
        web.page(&format!("/{n}"), Answer::moved([301, 302, 303, 307, 308, 301][n], format!("/{}", n + 1)));
    }
    web.page("/5", Answer::feed(FEED));
    let reply = get(&client(), web.url("/0")).await;
    assert_eq!(reply.result.unwrap().url, web.url("/5"));
    let followed = [301, 302, 303, 307, 308].into_iter().zip(1..);
    let hops: Vec<Hop> = followed.map(|(status, n)| Hop { status, url: web.url(&format!("/{n}")) }).collect();
    assert_eq!(reply.hops, hops);

    web.page("/5", Answer::moved(301, "/6"));
    let reply = get(&client(), web.url("/0")).await;
    assert_eq!(reply.result, Err(Failure::TooManyRedirects));
    assert!(web.log().iter().all(|asked| asked.path != "/6"));
}

#[tokio::test]
async fn a_circle_is_seen_at_its_first_turn() {
    let web = Web::start().await;
    web.page("/a?key=secret", Answer::moved(302, "/b"));
    web.page("/b", Answer::moved(302, "/a?key=secret"));
    let failure = get(&client(), web.url("/a?key=secret")).await.result.unwrap_err();
    assert_eq!(web.log().len(), 2);
    assert_eq!(
        failure.to_string(),
        format!("bad redirect: it leads back to {}", web.url("/a?key=…").as_str().replace("%E2%80%A6", "…"))
    );
}

#[tokio::test]
async fn a_location_beyond_ascii_is_followed_as_bytes() {
    let web = Web::start().await;
    web.page("/rss", Answer::moved(302, "/akış/türkiye.xml"));
    web.page("/ak%C4%B1%C5%9F/t%C3%BCrkiye.xml", Answer::moved(301, b"/haber/g\xfcndem-\xf6zeti"));
    web.page("/haber/g%FCndem-%F6zeti", Answer::feed(FEED));
    let reply = get(&client(), web.url("/rss")).await;
    assert_eq!(reply.result.unwrap().url, web.url("/haber/g%FCndem-%F6zeti"));
}

#[tokio::test]
async fn redirects_that_lead_nowhere_are_told() {
    let cases = [
        (Answer::status(302), "there is no Location header"),
        (
            Answer::moved(302, "http://[\u{fc}/?t=secret"),
            "its Location header `http://[\\xc3\\xbc/` is no address: invalid IPv6 address",
        ),
        (Answer::moved(302, ""), "it leads back to http://"),
    ];
    for (answer, expected) in cases {
        match answer_to(answer).await {
            Err(Failure::BadRedirect(reason)) => assert!(reason.starts_with(expected), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
    for status in [300, 305] {
        assert_eq!(answer_to(Answer::moved(status, "/x")).await.unwrap().status, status, "not one to follow");
    }
}

// What comes back

#[tokio::test]
async fn an_answer_is_read_with_what_its_headers_say() {
    let answer = Answer::status(503)
        .header("Content-Type", "text/html; charset=\u{fc}")
        .header("ETag", "W/\"1\"")
        .header("Last-Modified", "sometime")
        .header("Cache-Control", "max-age=60")
        .header("Age", "10")
        .header("Retry-After", "120")
        .body("busy");
    let response = answer_to(answer).await.unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(response.content_type.as_deref(), Some("text/html; charset=\u{fc}"));
    assert_eq!(response.validators.etag.as_deref(), Some(b"W/\"1\"".as_slice()));
    assert_eq!(response.validators.last_modified.as_deref(), Some(b"sometime".as_slice()));
    assert_eq!(response.fresh_for, Some(Duration::from_secs(50)));
    assert_eq!(response.retry_after, Some(RetryAfter::Seconds(120)));
    assert_eq!((response.body.as_slice(), response.wire_bytes), (b"busy".as_slice(), 4));
}

#[tokio::test]
async fn bodies_come_with_a_length_in_chunks_or_to_the_end_of_the_connection() {
    let chunked =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\n";
    assert_eq!(answer_to(Answer::raw(chunked)).await.unwrap().body, b"hello!");
    assert_eq!(
        answer_to(Answer::feed(FEED).manner(Manner::UntilClosed)).await.unwrap().body,
        FEED.as_bytes()
    );
    let zipped = gzip(FEED.as_bytes());
    let response = answer_to(Answer::feed(zipped.clone()).header("Content-Encoding", "gzip")).await.unwrap();
    assert_eq!((response.body, response.wire_bytes), (FEED.into(), zipped.len() as u64));
}

#[tokio::test]
async fn small_sins_are_forgiven() {
    let cases = [
        ("a header without a colon", "HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\nhi"),
        ("space before the colon", "HTTP/1.1 200 OK\r\nServer : x\r\nContent-Length: 2\r\n\r\nhi"),
        ("a folded header", "HTTP/1.1 200 OK\r\nX-Long: a\r\n b\r\nContent-Length: 2\r\n\r\nhi"),
        ("no reason", "HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi"),
        ("HTTP/1.0", "HTTP/1.0 200 OK\r\n\r\nhi"),
        (
            "early hints",
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        ),
    ];
    for (sin, answer) in cases {
        let response = answer_to(Answer::raw(answer)).await;
        assert_eq!(response.map(|r| r.body), Ok(b"hi".to_vec()), "{sin}");
    }
}

#[tokio::test]
async fn half_a_body_is_no_body() {
    let zipped = gzip(FEED.as_bytes());
    let half = zipped.len() / 2;
    for answer in [
        Answer::feed(FEED).manner(Manner::CutAfter(20)),
        Answer::feed(FEED).manner(Manner::BadChunk),
        Answer::feed(&zipped[..half]).header("Content-Encoding", "gzip"),
        Answer::feed(&zipped[..half]).header("Content-Encoding", "gzip").manner(Manner::UntilClosed),
        Answer::feed(zipped.clone()).header("Content-Encoding", "gzip").manner(Manner::CutAfter(half)),
        Answer::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"),
    ] {
        let told = format!("{answer:?}");
        let result = answer_to(answer).await;
        assert!(matches!(result, Err(Failure::BadBody(_))), "{told}: {result:?}");
    }
}

#[tokio::test]
async fn an_errors_status_survives_its_body() {
    for answer in [
        Answer::status(429).body(FEED).manner(Manner::CutAfter(20)),
        Answer::status(429).body(FEED).header("Content-Encoding", "gzip"),
        Answer::status(429).body(gzip(&vec![0; 32 << 20])).header("Content-Encoding", "gzip"),
        Answer::status(429).body(vec![b' '; 64 * 1024]).manner(Manner::EndlessBody),
    ] {
        let response = answer_to(answer.header("Retry-After", "60")).await.unwrap();
        assert_eq!((response.status, response.retry_after), (429, Some(RetryAfter::Seconds(60))));
        assert!(response.body.len() <= 256 * 1024);
    }
    let web = Web::start().await;
    web.page("/", Answer::status(429).body(FEED).manner(Manner::StallAfter(5)));
    assert_eq!(get(&hasty_client(), web.url("/")).await.result.unwrap().status, 429);
}

// Too much

#[tokio::test]
async fn more_than_the_cap_is_not_taken() {
    const WIRE: Failure = Failure::TooLarge { limit: 8 << 20 };
    const DECODED: Failure = Failure::TooLarge { limit: 16 << 20 };
    let announced = "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n";
    let bomb = gzip(&vec![b' '; 17 << 20]);
    for (answer, expected) in [
        (Answer::raw(announced), WIRE),
        (Answer::feed(vec![b' '; 64 * 1024]).manner(Manner::EndlessBody), WIRE),
        (Answer::feed(vec![b' '; (8 << 20) + 1]).manner(Manner::UntilClosed), WIRE),
        (Answer::feed(bomb.clone()).header("Content-Encoding", "gzip"), DECODED),
        (Answer::feed(bomb.clone()), DECODED),
        (Answer::feed(gzip(&bomb)).header("Content-Encoding", "gzip, gzip"), DECODED),
    ] {
        assert_eq!(answer_to(answer).await, Err(expected));
    }
    let page = Web::start().await;
    page.page("/", Answer::feed(vec![b' '; (4 << 20) + 1]));
    let request = Request::new(page.url("/"), Accept::Page);
    assert_eq!(client().get(&request).await.result, Err(Failure::TooLarge { limit: 4 << 20 }));
}

#[tokio::test]
async fn of_a_robots_txt_the_beginning_is_taken() {
    let web = Web::start().await;
    let client = client();
    let rules = b"User-agent: *\nDisallow: /private\n".repeat(40_000);
    for answer in [
        Answer::ok("text/plain", rules.clone()),
        Answer::ok("text/plain", rules.clone()).manner(Manner::EndlessBody),
        Answer::ok("text/plain", gzip(&rules)).header("Content-Encoding", "gzip"),
    ] {
        web.page("/robots.txt", answer);
        let request = Request::new(web.url("/robots.txt"), Accept::Robots);
        assert_eq!(client.get(&request).await.result.unwrap().body, rules[..512 * 1024]);
    }
}

#[tokio::test]
async fn headers_end_somewhere() {
    let failure = answer_to(Answer::status(200).manner(Manner::EndlessHeaders)).await.unwrap_err();
    assert_eq!(failure, Failure::Protocol("the answer has too many headers or too long ones".to_owned()));
}

// Too little, too slow

#[tokio::test]
async fn what_is_no_http_is_told() {
    for answer in ["\x16\x03\x01 garbage\r\n\r\n", "220 mail.example.org ESMTP\r\n", "<html>\r\n\r\n"] {
        let result = answer_to(Answer::raw(answer)).await;
        assert!(matches!(result, Err(Failure::Protocol(_))), "{answer:?}: {result:?}");
    }
    let silent = answer_to(Answer::status(200).manner(Manner::HangUp)).await;
    assert_eq!(silent, Err(Failure::Protocol("the server hung up instead of answering".to_owned())));
}

#[tokio::test]
async fn each_silence_has_its_deadline_and_all_of_it_one_more() {
    let web = Web::start().await;
    web.page("/stall", Answer::feed(FEED).manner(Manner::Stall));
    web.page("/body", Answer::feed(FEED).manner(Manner::StallAfter(10)));
    web.page("/drip", Answer::feed(FEED.repeat(1000)).manner(Manner::Drip(Duration::from_millis(20))));
    web.page("/head", Answer::feed(FEED.repeat(10)).manner(Manner::DripHead(Duration::from_millis(50))));
    web.page("/hop", Answer::moved(302, "/drip"));
    let client = hasty_client();
    let (silence, total) = (Duration::from_secs(1), Duration::from_secs(4));
    let check = async |path, phase, limit| {
        let reply = get(&client, web.url(path)).await;
        assert_eq!(reply.result, Err(Failure::Timeout { phase, limit }), "{path}");
        assert_eq!(reply.hops.len(), usize::from(path == "/hop"), "hops are told also when the last fails");
    };
    let started = tokio::time::Instant::now();
    tokio::join!(
        check("/stall", Phase::Answer, silence),
        check("/body", Phase::Body, silence),
        check("/drip", Phase::Total, total),
        check("/head", Phase::Answer, silence),
        check("/hop", Phase::Total, total),
    );
    assert!(started.elapsed() < total * 2);
}

#[tokio::test]
async fn connections_that_fail_say_why() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = client();
    let nobody = get(&client, Url::parse(&format!("http://{address}/?token=secret")).unwrap()).await;
    let expected = format!("no connection: nothing listens on port {} of 127.0.0.1", address.port());
    assert_eq!(nobody.result.unwrap_err().to_string(), expected);
    let nameless = Client::with_names(settings(), Names::Table(HashMap::new())).unwrap();
    let nowhere = get(&nameless, Url::parse("http://habar.invalid/?token=secret").unwrap()).await;
    let told = nowhere.result.unwrap_err().to_string();
    assert_eq!(told, "name not resolved: habar.invalid: no such name");
}

// TLS

/// A root, a certificate under it for `name`, valid in the given years, and what trusts the root.
pub fn certificate(name: &str, years: (i32, i32)) -> (rustls::ServerConfig, Arc<rustls::ClientConfig>) {
    let mut root = CertificateParams::default();
    root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    root.distinguished_name = DistinguishedName::new();
    let root = CertifiedIssuer::self_signed(root, KeyPair::generate().unwrap()).unwrap();
    let mut leaf = CertificateParams::new(vec![name.to_owned()]).unwrap();
    leaf.not_before = rcgen::date_time_ymd(years.0, 1, 1);
    leaf.not_after = rcgen::date_time_ymd(years.1, 1, 1);
    let key = KeyPair::generate().unwrap();
    let leaf = leaf.signed_by(&key, &root).unwrap();
    let server = server_config(vec![leaf.der().clone()], &key);

    let folder = tempfile::tempdir().unwrap();
    let ca_file = folder.path().join("root.pem");
    std::fs::write(&ca_file, root.pem()).unwrap();
    (server, tls::client_config(Some(&ca_file)).unwrap())
}

pub fn server_config(chain: Vec<CertificateDer<'static>>, key: &KeyPair) -> rustls::ServerConfig {
    rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, PrivatePkcs8KeyDer::from(key.serialize_der()).into())
        .unwrap()
}

async fn get_secure(
    server: rustls::ServerConfig,
    trust: Arc<rustls::ClientConfig>,
) -> Result<Response, Failure> {
    let web = Web::secure(server).await;
    web.page("/", Answer::feed(FEED));
    let client = client_with(Settings { tls: trust, ..settings() });
    get(&client, web.url("/")).await.result
}

#[tokio::test]
async fn a_trusted_certificate_is_enough() {
    let (server, trust) = certificate("127.0.0.1", (2020, 4000));
    assert_eq!(get_secure(server, trust).await.unwrap().body, FEED.as_bytes());
}

#[tokio::test]
async fn certificates_that_are_not_accepted_say_why() {
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let self_signed = server_config(vec![own.der().clone()], &key);
    let cases = [
        ((self_signed, Arc::clone(&ROOTS)), "the issuer of the certificate of 127.0.0.1 is not trusted"),
        (certificate("127.0.0.1", (2020, 2021)), "the certificate of 127.0.0.1 has expired"),
        (certificate("127.0.0.1", (3000, 4000)), "the certificate of 127.0.0.1 is not valid yet"),
        (certificate("example.org", (2020, 4000)), "the certificate is not for 127.0.0.1"),
        (
            (certificate("127.0.0.1", (2020, 4000)).0, Arc::clone(&ROOTS)),
            "the issuer of the certificate of 127.0.0.1 is not trusted",
        ),
    ];
    for ((server, trust), expected) in cases {
        match get_secure(server, trust).await {
            Err(Failure::Tls(reason)) => assert!(reason.starts_with(expected), "{reason}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn http_2_carries_many_requests_over_one_connection() {
    let (mut server, trust) = certificate("127.0.0.1", (2020, 4000));
    server.alpn_protocols = vec![b"h2".to_vec()];
    let (url, connections) = serve_http_2(server).await;
    let client = client_with(Settings { tls: trust, ..settings() });
    for path in ["/a", "/b", "/c"] {
        let response = get(&client, url.join(path).unwrap()).await.result.unwrap();
        assert_eq!(response.body, path.as_bytes());
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

/// A server that answers each path with itself.
async fn serve_http_2(tls: rustls::ServerConfig) -> (Url, Arc<AtomicUsize>) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    let connections = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut connection = h2::server::handshake(acceptor.accept(stream).await.unwrap()).await.unwrap();
            tokio::spawn(async move {
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let body = hyper::body::Bytes::from(request.uri().path().to_owned());
                    let mut stream = respond.send_response(hyper::Response::new(()), false).unwrap();
                    stream.send_data(body, true).unwrap();
                }
            });
        }
    });
    (url, connections)
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls_is_told() {
    let plain = Web::start().await;
    let as_https = |url: &Url| Url::parse(&url.as_str().replace("http:", "https:")).unwrap();
    plain.page("/", Answer::feed(FEED));
    let port = plain.url("/").port().unwrap();

    // It waits for the end of a request and says nothing.
    let stalled = get(&hasty_client(), as_https(&plain.url("/"))).await.result;
    let connect = TOTAL_TIMEOUT / 15 / 6;
    assert_eq!(stalled, Err(Failure::Timeout { phase: Phase::Connect, limit: connect }));

    // It greets in plain text.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let greeting = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    let server = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.writable().await.unwrap();
        stream.try_write(b"220 mail.example.org ESMTP\r\n").unwrap();
        stream
    });
    let greeted = get(&client(), greeting.clone()).await.result;
    let expected = format!("port {} of 127.0.0.1 does not speak TLS", greeting.port().unwrap());
    assert_eq!(greeted, Err(Failure::Tls(expected)));
    assert_ne!(greeting.port(), Some(port));
    drop(server.await);
}

// Connections

#[tokio::test]
async fn a_connection_the_server_gave_up_is_made_anew() {
    let web = Web::start().await;
    web.page("/", Answer::raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"));
    let client = client();
    for _ in 0..20 {
        assert_eq!(get(&client, web.url("/")).await.result.unwrap().body, b"hi");
    }
    assert_eq!(web.log().len(), 20, "and nothing is asked twice");
}

#[tokio::test]
async fn many_hosts_do_not_hold_many_connections() {
    let client = client();
    let mut webs = Vec::new();
    for n in 1..=250 {
        let web = Web::at(&format!("127.0.1.{n}")).await;
        web.page("/", Answer::feed(FEED));
        get(&client, web.url("/")).await.result.unwrap();
        webs.push(web);
    }
    let open = || webs.iter().filter(|web| web.open() > 0).count();
    // The servers learn of the end a moment later.
    for _ in 0..1000 {
        if open() <= 128 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert!(open() <= 128, "{} connections", open());
}

#[tokio::test]
async fn idle_connections_are_kept_but_not_for_everybody() {
    let web = Web::start().await;
    web.page("/", Answer::feed(FEED));
    let client = client();
    for _ in 0..3 {
        get(&client, web.url("/")).await.result.unwrap();
    }
    assert_eq!(web.connections(), 1);
    let mut own = Request::new(web.url("/"), Accept::Feed);
    own.private_host = true;
    for _ in 0..2 {
        client.get(&own).await.result.unwrap();
    }
    assert_eq!(web.connections(), 3, "what was opened for one source is not left in a pool");
}
