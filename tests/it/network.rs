//! The network at its worst: names and addresses that lead nowhere, TLS of all kinds, servers that dawdle, flood,
//! break off and lie.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use habar::io::http::{Accept, Client, Failure, Names, Phase, Request, Response, Settings, TOTAL_TIMEOUT};
use habar::pipeline::driver::Driver;
use habar::time::{HOUR, MINUTE};
use rcgen::{CertificateParams, KeyPair};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::http::{certificate, client, client_with, gzip, server_config, settings};
use crate::poll::SUMMARIES;
use crate::program::Home;
use crate::web::{Answer, Manner, Web};
use crate::world::{World, item, rss};

const FEED: &str = "<rss><channel><title>Habar</title></channel></rss>";
const A: &str = "http://a.test/a.xml";

async fn get(client: &Client, url: &Url) -> Result<Response, Failure> {
    client.get(&Request::new(url.clone(), Accept::Feed)).await.result
}

/// A client that knows one name.
fn knowing(name: &str, addresses: &[&str]) -> Client {
    let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
    Client::with_names(settings(), Names::Table(HashMap::from([(name.to_owned(), addresses)]))).unwrap()
}

// Names and addresses

#[tokio::test]
async fn hosts_of_either_family_are_reached_by_name_and_by_address() {
    for (ip, host) in [("::1", "[::1]"), ("127.0.0.1", "127.0.0.1")] {
        let web = Web::at(ip).await;
        web.page("/", Answer::feed(FEED));
        let client = knowing("one.example", &[ip]);
        for host in [host, "one.example"] {
            let response = get(&client, &web.url_as(host, "/")).await.unwrap();
            assert_eq!(response.body, FEED.as_bytes(), "{host}");
        }
        let log = web.log();
        assert_eq!(log[0].header("host"), Some(web.authority().as_bytes()), "an address as it is written");
    }
}

#[tokio::test]
async fn a_family_that_refuses_or_swallows_everything_does_not_fail_the_other() {
    for (alive, dead) in [("127.0.0.1", "::1"), ("::1", "127.0.0.1")] {
        let web = Web::at(alive).await;
        web.page("/", Answer::feed(FEED));
        let url = web.url_as("dual.example", "/");
        let dual = knowing("dual.example", &[dead, alive]);
        assert_eq!(get(&dual, &url).await.unwrap().body, FEED.as_bytes(), "{dead} refuses");

        let hole = Hole::at(SocketAddr::new(dead.parse().unwrap(), url.port().unwrap())).await;
        let started = Instant::now();
        let dual = knowing("dual.example", &[dead, dead, dead, dead, alive]);
        assert_eq!(get(&dual, &url).await.unwrap().body, FEED.as_bytes(), "{dead} swallows");
        assert!(started.elapsed() < Duration::from_secs(3), "the other family is tried after a moment");
        drop(hole);
    }
}

/// A port whose queue is full: who connects hears nothing.
struct Hole {
    _listener: TcpListener,
    _queue: Vec<JoinHandle<Option<TcpStream>>>,
}

impl Hole {
    async fn at(address: SocketAddr) -> Self {
        let socket = if address.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        // The kernel takes one or two more than it was told.
        let connect = || async move { TcpStream::connect(address).await.ok() };
        let mut queue = vec![tokio::spawn(connect()), tokio::spawn(connect())];
        for _ in 0..2 {
            while !queue[0].is_finished() || !queue[1].is_finished() {
                tokio::task::yield_now().await;
            }
        }
        queue.extend([tokio::spawn(connect()), tokio::spawn(connect())]);
        Self { _listener: listener, _queue: queue }
    }
}

#[tokio::test]
async fn a_name_server_that_is_silent_is_told() {
    let hasty = Settings { total_timeout: TOTAL_TIMEOUT / 60, ..settings() };
    let client = Client::with_names(hasty, Names::Silent).unwrap();
    let failure = get(&client, &Url::parse("http://news.example/").unwrap()).await.unwrap_err();
    assert_eq!(failure, Failure::Timeout { phase: Phase::Dns, limit: TOTAL_TIMEOUT / 60 / 12 });
    assert_eq!(failure.to_string(), "the name server did not answer within 83ms");
}

// TLS

/// A server that says the same to everybody once it has heard something; gone when dropped.
struct Parrot {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Parrot {
    async fn saying(bytes: Vec<u8>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut heard = [0; 4096];
                let _ = stream.read(&mut heard).await;
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
                // Whoever still reads sees the end of the stream, not a reset.
                let _ = stream.read(&mut heard).await;
            }
        });
        Self { address, task }
    }

    fn url(&self) -> Url {
        Url::parse(&format!("https://{}/", self.address)).unwrap()
    }
}

impl Drop for Parrot {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A fatal TLS alert.
fn alert(description: u8) -> Vec<u8> {
    vec![0x15, 3, 1, 0, 2, 2, description]
}

/// A server's hello in TLS 1.0.
fn old_hello() -> Vec<u8> {
    let hello = [&[3, 1][..], &[7; 32], &[0, 0, 0x2f, 0]].concat();
    let length = u8::try_from(hello.len()).unwrap();
    [&[0x16, 3, 1, 0, length + 4, 2, 0, 0, length][..], &hello].concat()
}

#[tokio::test]
async fn tls_that_is_too_old_or_none_is_told() {
    let cases = [
        (alert(70), "127.0.0.1 offers no TLS newer than 1.1, which is not safe any more"),
        (old_hello(), "127.0.0.1 offers no TLS newer than 1.1, which is not safe any more"),
        (alert(40), "127.0.0.1 offers no encryption that is safe"),
        (alert(112), "the server has no certificate for 127.0.0.1"),
        (alert(80), "127.0.0.1 refused the TLS handshake (InternalError)"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), "port 0 of 127.0.0.1 does not speak TLS"),
        (Vec::new(), "127.0.0.1 hung up during the TLS handshake"),
    ];
    for (bytes, expected) in cases {
        let server = Parrot::saying(bytes).await;
        let expected = expected.replace("port 0", &format!("port {}", server.address.port()));
        match get(&client(), &server.url()).await {
            Err(Failure::Tls(reason)) => assert!(reason.starts_with(&expected), "{reason}\n{expected}"),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn plain_requests_at_a_port_of_tls_are_told() {
    let (server, _) = certificate("127.0.0.1", (2020, 4000));
    let web = Web::secure(server).await;
    let plain = Url::parse(&format!("http://{}/", web.authority())).unwrap();
    let told = get(&client(), &plain).await;
    assert!(matches!(told, Err(Failure::Protocol(_) | Failure::Connect(_))), "{told:?}");
}

#[tokio::test]
async fn feeds_shows_each_reason_in_words() {
    let key = KeyPair::generate().unwrap();
    let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap().self_signed(&key).unwrap();
    let self_signed = Web::secure(server_config(vec![own.der().clone()], &key)).await;
    let (old, plain) = (Parrot::saying(alert(70)).await, Parrot::saying(b"220 mail\r\n".to_vec()).await);
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let web = Web::start().await;
    web.page("/inside", Answer::moved(302, "http://169.254.169.254/latest"));
    web.page("/circle", Answer::moved(302, "/circle"));
    web.page("/login", Answer::status(401));
    web.page("/cut", Answer::feed(FEED).manner(Manner::CutAfter(5)));
    web.page("/unasked", Answer::status(304));
    let cases = [
        (self_signed.url("/"), "the issuer of the certificate of 127.0.0.1 is not trusted (self-signed"),
        (old.url(), "offers no TLS newer than 1.1"),
        (plain.url(), "does not speak TLS"),
        (Url::parse(&format!("http://{closed}/")).unwrap(), "nothing listens on port"),
        (web.url("/inside"), "169.254.169.254 is not public (a link-local address)"),
        (web.url("/circle"), "bad redirect: it leads back to"),
        (web.url("/login"), "the server wants a login (401)"),
        (web.url("/cut"), "unusable body: the connection ended before the body did"),
        (web.url("/unasked"), "the server says \"not modified\" (304) without being asked"),
    ];
    let sources = cases.each_ref().map(|(url, _)| format!("[[source]]\nurl = \"{url}\"\n")).concat();
    let home = Home::new(&format!("{sources}[http]\nallow_private = [\"127.0.0.0/8\"]\nhost_gap = \"0s\"\n"));
    let once = home.run(&["once"]).await;
    assert_eq!(once.code, Some(0), "{}", once.stderr);
    let feeds = home.run(&["feeds"]).await.stdout;
    let feeds = feeds.split_whitespace().collect::<Vec<_>>().join(" ");
    for (url, reason) in cases {
        assert!(feeds.contains(reason), "{url}: {reason}\n{feeds}");
    }
}

// Slow

#[tokio::test]
async fn fifty_hosts_that_dawdle_do_not_hold_up_the_rest() {
    let slow = Web::at("0.0.0.0").await;
    let drip = Duration::from_millis(300);
    slow.page("/head", Answer::feed(FEED.repeat(100)).manner(Manner::DripHead(drip)));
    slow.page("/body", Answer::feed(FEED.repeat(100)).manner(Manner::Drip(drip)));
    let source = |n: u8| {
        let path = if n.is_multiple_of(2) { "/head" } else { "/body" };
        format!("[[source]]\nurl = \"{}\"\n", slow.url_as(&format!("127.0.2.{n}"), path))
    };
    let dawdlers: String = (1..=50).map(source).collect();
    let mut world = World::new(&format!("{dawdlers}\n{SUMMARIES}")).await;
    world.publish(A, item("http://a.test/1", "Railway news"));
    let stop = CancellationToken::new();
    let mut driver = Driver::new(world.pipeline());
    let started = Instant::now();
    let driving = tokio::spawn({
        let stop = stop.clone();
        async move { driver.run(&stop).await }
    });
    while world.select::<i64>("SELECT count(*) FROM entries") != [1] {
        assert!(started.elapsed() < Duration::from_secs(5), "{} were asked", slow.connections());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(slow.connections(), 50, "those before it are all under way");
    stop.cancel();
    driving.await.unwrap().unwrap();
}

// Broken and lying

#[tokio::test]
async fn what_a_broken_body_held_is_found_by_the_next_poll() {
    let feed = rss(&[item("http://a.test/1", "Railway one"), item("http://a.test/2", "Railway two")]);
    let zipped = gzip(feed.as_bytes());
    let half = zipped.len() / 2;
    let broken = [
        Answer::feed(feed.clone()).manner(Manner::CutAfter(feed.len() / 2)),
        Answer::feed(feed.clone()).manner(Manner::BadChunk),
        Answer::feed(zipped.clone()).header("Content-Encoding", "gzip").manner(Manner::CutAfter(half)),
        Answer::feed(&zipped[..half]).header("Content-Encoding", "gzip").manner(Manner::UntilClosed),
        Answer::feed(&feed[..feed.len() / 2]).manner(Manner::UntilClosed),
        Answer::feed(&feed[..feed.len() - 30]),
    ];
    for answer in broken {
        let told = format!("{answer:?}");
        let world = World::new(SUMMARIES).await;
        world.pages(A, [answer.header("ETag", "\"1\""), Answer::feed(feed.clone()).header("ETag", "\"1\"")]);
        world.run_until_idle().await;
        assert_eq!(world.select::<Option<Vec<u8>>>("SELECT etag FROM feeds"), [None], "{told}");
        world.pass(3 * HOUR).await;
        assert_eq!(world.web.log()[1].header("if-none-match"), None, "{told}");
        assert_eq!(world.select::<i64>("SELECT count(*) FROM entries"), [2], "{told}");
        assert_eq!(world.select::<Option<Vec<u8>>>("SELECT etag FROM feeds"), [Some(b"\"1\"".to_vec())]);
    }
}

#[tokio::test]
async fn no_answer_of_unchanged_hides_news() {
    let feed = |numbers: &[usize]| {
        let items: Vec<_> =
            numbers.iter().map(|n| item(&format!("http://a.test/{n}"), "Railway news")).collect();
        Answer::feed(rss(&items))
    };
    let world = World::new(SUMMARIES).await;
    world.pages(
        A,
        [
            Answer::status(304),
            feed(&[1]).header("ETag", "\"1\""),
            Answer::status(304).header("ETag", "\"2\""),
            // As if the server forgot to change it.
            Answer::raw(format!(
                "HTTP/1.1 200 OK\r\nETag: \"1\"\r\nConnection: close\r\n\r\n{}",
                rss(&[item("http://a.test/1", "Railway news"), item("http://a.test/2", "Railway news"),])
            )),
            feed(&[3, 2, 1]).header("ETag", "\"3\""),
            feed(&[3, 2, 1]).header("ETag", "\"4\""),
            feed(&[4, 3, 2, 1]),
            feed(&[5, 4, 3, 2, 1]),
        ],
    );
    let mut seen = Vec::new();
    world.run_until_idle().await;
    assert_eq!(
        world.select::<String>("SELECT health FROM feeds"),
        ["new"],
        "who has nothing is told nothing"
    );
    for poll in 0..9 {
        if poll > 0 {
            world.poll_all().await;
        }
        let sent = world.web.take_log()[0]
            .header("if-none-match")
            .map(|etag| String::from_utf8_lossy(etag).into_owned());
        seen.push((sent.unwrap_or_default(), world.select::<i64>("SELECT count(*) FROM entries")[0]));
        world.advance(MINUTE);
    }
    let seen: Vec<_> = seen.iter().map(|(etag, entries)| (etag.as_str(), *entries)).collect();
    let expected = [
        ("", 0), // 304 to somebody who has nothing
        ("", 1),
        ("\"1\"", 1), // 304 with another ETag: what is stored belongs to the old one
        ("\"1\"", 2), // a new body under the old ETag
        ("\"1\"", 3),
        ("\"3\"", 3), // the same body under a new ETag
        ("\"4\"", 4),
        ("", 5),
        ("", 5),
    ];
    assert_eq!(seen, expected);
    assert_eq!(world.select::<String>("SELECT health FROM feeds"), ["fine"]);
}

// HTTP/2

/// One frame.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

/// A server that starts like one of HTTP/2, says `first`, and then `again` and again.
async fn flooding(first: Vec<u8>, again: Vec<u8>) -> Result<Response, Failure> {
    let (mut server, trust) = certificate("127.0.0.1", (2020, 4000));
    server.alpn_protocols = vec![b"h2".to_vec()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("https://{}/", listener.local_addr().unwrap())).unwrap();
    let task = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = TlsAcceptor::from(Arc::new(server)).accept(stream).await.unwrap();
        let (mut reading, mut writing) = tokio::io::split(stream);
        let mut heard = [0; 4096];
        // The preface, the settings and the request.
        let mut count = 0;
        while count < 24 + 9 + 9 + 10 {
            count += reading.read(&mut heard).await.unwrap();
        }
        tokio::spawn(async move { while reading.read(&mut heard).await.is_ok_and(|n| n > 0) {} });
        writing.write_all(&[frame(4, 0, 0, &[]), frame(4, 1, 0, &[]), first].concat()).await.unwrap();
        let flood = again.repeat(200);
        while writing.write_all(&flood).await.is_ok() {}
    });
    let client = client_with(Settings { tls: trust, total_timeout: TOTAL_TIMEOUT / 15, ..settings() });
    let result = get(&client, &url).await;
    task.abort();
    result
}

#[tokio::test]
async fn floods_over_http_2_are_cut() {
    const OK: &[u8] = &[0x88];
    let header = [&[0x40, 4][..], b"more", &[100], &[b'a'; 100]].concat();
    let cases = [
        ("headers without an end", frame(1, 0, 1, OK), frame(9, 0, 1, &header), "the server floods us"),
        ("empty headers without an end", frame(1, 0, 1, OK), frame(9, 0, 1, &[]), "the server floods us"),
        ("empty data without an end", frame(1, 4, 1, OK), frame(0, 0, 1, &[]), "the server floods us"),
        ("resets", frame(1, 4, 1, OK), frame(3, 0, 1, &[0, 0, 0, 8]), "stream error received"),
        ("settings", Vec::new(), frame(4, 0, 0, &[]), "the server did not answer within 1s"),
        ("pings", Vec::new(), frame(6, 0, 0, &[0; 8]), "the server did not answer within 1s"),
    ];
    for (what, first, again, expected) in cases {
        let told = flooding(first, again).await.unwrap_err().to_string();
        assert!(told.contains(expected), "{what}: {told}");
    }
}
