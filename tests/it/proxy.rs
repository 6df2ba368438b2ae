//! Proxies: what goes through them, as whom, and what the guard still sees.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use habar::io::http::{Accept, Client, Failure, Names, Proxy, Refusal, Request, Response, Route, Settings};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

use crate::http::{certificate, settings};
use crate::poll::SUMMARIES;
use crate::web::{Answer, Manner, Web};
use crate::world::{RAIL, World, article, item, rss};

const FEED: &str = "<rss><channel><title>Habar</title></channel></rss>";

/// A proxy that connects to 127.0.0.1 whatever host it is asked for; gone when dropped.
struct Tunnel {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    /// What it was asked for: the server, and the login if there was one.
    log: Mutex<Vec<String>>,
    /// The only login it takes; none: it asks for none.
    login: Option<&'static str>,
}

impl Tunnel {
    async fn start(scheme: &'static str, login: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared { login, ..Shared::default() });
        let served = Arc::clone(&shared);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let served = Arc::clone(&served);
                tokio::spawn(async move {
                    match scheme {
                        "http" => connect(stream, &served).await,
                        _ => socks(stream, &served).await,
                    }
                });
            }
        });
        Self { scheme, address, shared, task }
    }

    fn proxy(&self) -> Proxy {
        format!("{}://{}", self.scheme, self.address).parse().unwrap()
    }

    fn proxy_as(&self, user: &str, password: PathBuf) -> Proxy {
        let proxy: Proxy = format!("{}://{user}@{}", self.scheme, self.address).parse().unwrap();
        proxy.with_password(password)
    }

    fn log(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }
}

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// HTTP CONNECT.
async fn connect(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.strip_prefix("CONNECT ")?.split(' ').next()?.to_owned();
    let login = head.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix("proxy-authorization: ")
            .map(|_| line.split_once(": ").unwrap().1.to_owned())
    });
    shared
        .log
        .lock()
        .unwrap()
        .push([Some(target.clone()), login.clone()].into_iter().flatten().collect::<Vec<_>>().join(" "));
    assert!(!head.contains("api-key") && !head.contains("\r\nauthorization"), "{head}");
    if shared.login.is_some() && shared.login != login.as_deref() {
        stream.write_all(b"HTTP/1.1 407 No\r\n\r\n").await.ok()?;
        return None;
    }
    let mut server = upstream(&target).await?;
    stream.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await.ok()?;
    copy_bidirectional(&mut stream, &mut server).await.ok();
    None
}

/// SOCKS 5 with names (RFC 1928, RFC 1929).
async fn socks(mut stream: TcpStream, shared: &Shared) -> Option<()> {
    let mut two = [0; 2];
    stream.read_exact(&mut two).await.ok()?;
    let mut methods = vec![0; usize::from(two[1])];
    stream.read_exact(&mut methods).await.ok()?;
    let wanted = if shared.login.is_some() { 2 } else { 0 };
    if !methods.contains(&wanted) {
        stream.write_all(&[5, 0xff]).await.ok()?;
        return None;
    }
    stream.write_all(&[5, wanted]).await.ok()?;
    let mut asked = Vec::new();
    if let Some(login) = shared.login {
        stream.read_u8().await.ok()?;
        let (user, password) = (text(&mut stream).await?, text(&mut stream).await?);
        asked.push(format!("{user}:{password}"));
        let refused = u8::from(asked[0] != login);
        stream.write_all(&[1, refused]).await.ok()?;
    }
    let mut four = [0; 4];
    stream.read_exact(&mut four).await.ok()?;
    assert_eq!(four, [5, 1, 0, 3], "a name, not an address that was looked up here");
    let host = text(&mut stream).await?;
    let target = format!("{host}:{}", stream.read_u16().await.ok()?);
    asked.insert(0, target.clone());
    shared.log.lock().unwrap().push(asked.join(" "));
    let server = upstream(&target).await;
    let status = if server.is_some() { 0 } else { 4 };
    stream.write_all(&[5, status, 0, 1, 0, 0, 0, 0, 0, 0]).await.ok()?;
    copy_bidirectional(&mut stream, &mut server?).await.ok();
    None
}

async fn text(stream: &mut TcpStream) -> Option<String> {
    let mut text = vec![0; usize::from(stream.read_u8().await.ok()?)];
    stream.read_exact(&mut text).await.ok()?;
    String::from_utf8(text).ok()
}

async fn upstream(target: &str) -> Option<TcpStream> {
    let (host, port) = target.rsplit_once(':')?;
    let port: u16 = port.parse().ok()?;
    if host.starts_with("dead") { None } else { TcpStream::connect(("127.0.0.1", port)).await.ok() }
}

/// A client without opened networks, that knows these names and no others.
fn client(proxy: Option<Proxy>, names: &[(&str, &str)]) -> Client {
    client_under(Settings { allow_private: Vec::new(), proxy, ..settings() }, names)
}

fn client_under(settings: Settings, names: &[(&str, &str)]) -> Client {
    let table = names.iter().map(|(name, address)| ((*name).to_owned(), vec![address.parse().unwrap()]));
    Client::with_names(settings, Names::Table(table.collect::<HashMap<_, _>>())).unwrap()
}

fn request(url: &str) -> Request {
    let url = Url::parse(url).unwrap();
    Request { own_port: url.port_or_known_default(), ..Request::new(url, Accept::Feed) }
}

async fn get(client: &Client, url: &str) -> Result<Response, Failure> {
    client.get(&request(url)).await.result
}

fn of(web: &Web) -> Proxy {
    format!("http://{}", web.authority()).parse().unwrap()
}

// What goes through

#[tokio::test]
async fn plain_requests_are_forwarded_and_the_proxy_may_be_private() {
    let proxy = Web::start().await;
    proxy.page("http://news.example/feed", Answer::moved(302, "http://other.example/b"));
    proxy.page("http://other.example/b", Answer::feed(FEED));
    let response = get(&client(Some(of(&proxy)), &[]), "http://news.example/feed").await.unwrap();
    assert_eq!(
        (response.body.as_slice(), response.url.as_str()),
        (FEED.as_bytes(), "http://other.example/b")
    );
    let asked = &proxy.log()[0];
    assert_eq!(asked.header("host"), Some(b"news.example".as_slice()));
    assert_eq!(asked.header("proxy-authorization"), None);
}

#[tokio::test]
async fn secure_requests_are_tunnelled_and_the_proxy_sees_nothing_of_them() {
    for scheme in ["http", "socks5h"] {
        let (server, trust) = certificate("news.example", (2020, 4000));
        let (web, tunnel) = (Web::secure(server).await, Tunnel::start(scheme, None).await);
        web.page("/feed", Answer::feed(FEED));
        let proxied = Settings { tls: trust, proxy: Some(tunnel.proxy()), ..settings() };
        let client = client_under(proxied, &[]);
        let url = web.url_as("news.example", "/feed");
        for _ in 0..2 {
            assert_eq!(get(&client, url.as_str()).await.unwrap().body, FEED.as_bytes(), "{scheme}");
        }
        assert_eq!(tunnel.log(), [format!("news.example:{}", url.port().unwrap())], "{scheme}: one tunnel");
    }
}

#[tokio::test]
async fn socks_carries_plain_requests_too() {
    let (web, tunnel) = (Web::start().await, Tunnel::start("socks5h", None).await);
    web.page("/feed", Answer::feed(FEED));
    let url = web.url_as("news.example", "/feed");
    let client = client(Some(tunnel.proxy()), &[]);
    assert_eq!(get(&client, url.as_str()).await.unwrap().body, FEED.as_bytes());
    assert_eq!(web.log()[0].path, "/feed");
}

#[tokio::test]
async fn a_proxy_may_be_spoken_to_in_tls() {
    let (server, trust) = certificate("127.0.0.1", (2020, 4000));
    let proxy = Web::secure(server).await;
    proxy.page("http://news.example/feed", Answer::feed(FEED));
    let through: Proxy = format!("https://{}", proxy.authority()).parse().unwrap();
    let client = client_under(Settings { tls: trust, proxy: Some(through.clone()), ..settings() }, &[]);
    assert_eq!(get(&client, "http://news.example/feed").await.unwrap().body, FEED.as_bytes());
    let distrusting = client_under(Settings { proxy: Some(through.clone()), ..settings() }, &[]);
    let told = get(&distrusting, "http://news.example/feed").await.unwrap_err().to_string();
    let issuer = "no secure connection: the issuer of the certificate of 127.0.0.1 is not trusted";
    assert!(told.starts_with(&format!("no way through the proxy {through}: {issuer}")), "{told}");
}

#[tokio::test]
async fn a_proxys_own_name_is_looked_up_wherever_it_leads() {
    let proxy = Web::start().await;
    proxy.page("http://news.example/feed", Answer::feed(FEED));
    let named: Proxy = proxy.url_as("proxy.internal", "").as_str().parse().unwrap();
    let client = client(Some(named), &[("proxy.internal", "127.0.0.1")]);
    assert_eq!(get(&client, "http://news.example/feed").await.unwrap().body, FEED.as_bytes());
}

#[tokio::test]
async fn a_source_goes_its_own_way() {
    let (usual, own, straight) = (Web::start().await, Web::start().await, Web::at("127.0.0.2").await);
    let url = straight.url("/feed");
    usual.page(url.as_str(), Answer::feed("usual"));
    own.page(url.as_str(), Answer::feed("own"));
    straight.page("/feed", Answer::feed("straight"));
    let client = client_under(Settings { proxy: Some(of(&usual)), ..settings() }, &[]);
    let body = async |route| {
        let request = Request { route, ..request(url.as_str()) };
        String::from_utf8(client.get(&request).await.result.unwrap().body).unwrap()
    };
    for _ in 0..2 {
        assert_eq!(body(Route::Usual).await, "usual");
        assert_eq!(body(Route::Through(of(&own))).await, "own");
        assert_eq!(body(Route::Direct).await, "straight");
    }
    let connections = [&usual, &own, &straight].map(Web::connections);
    assert_eq!(connections, [1, 1, 1], "each way keeps its own connection");
}

// As whom

fn secret(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("password");
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn a_login_at_the_proxy_is_read_anew_and_makes_connections_of_its_own() {
    let folder = TempDir::new().unwrap();
    let path = secret(&folder, "hunter2\n");
    let proxy = Web::start().await;
    proxy.page("http://news.example/feed", Answer::feed(FEED));
    let named: Proxy = format!("http://desk@{}", proxy.authority()).parse().unwrap();
    let client = client(Some(named.with_password(path.clone())), &[]);
    let anonymous = Request { route: Route::Through(of(&proxy)), ..request("http://news.example/feed") };
    for (password, login) in [("hunter2", "Basic ZGVzazpodW50ZXIy"), ("new", "Basic ZGVzazpuZXc=")] {
        std::fs::write(&path, password).unwrap();
        get(&client, "http://news.example/feed").await.unwrap();
        client.get(&anonymous).await.result.unwrap();
        let log = proxy.take_log();
        assert_eq!(log[0].header("proxy-authorization"), Some(login.as_bytes()));
        assert_eq!(log[1].header("proxy-authorization"), None);
    }
    assert_eq!(proxy.connections(), 3, "one for each password, and one for nobody");

    std::fs::remove_file(&path).unwrap();
    let told = get(&client, "http://news.example/feed").await.unwrap_err().to_string();
    assert!(told.starts_with(&format!("not asked: proxy_password_file {}: ", path.display())), "{told}");
    assert_eq!(proxy.connections(), 3);
}

#[tokio::test]
async fn tunnels_are_opened_with_the_login() {
    let folder = TempDir::new().unwrap();
    let path = secret(&folder, "hunter2");
    for (scheme, login) in [("http", "Basic ZGVzazpodW50ZXIy"), ("socks5h", "desk:hunter2")] {
        let (server, trust) = certificate("news.example", (2020, 4000));
        let (web, tunnel) = (Web::secure(server).await, Tunnel::start(scheme, Some(login)).await);
        web.page("/", Answer::feed(FEED));
        let url = web.url_as("news.example", "/");
        let through =
            |proxy| client_under(Settings { tls: Arc::clone(&trust), proxy: Some(proxy), ..settings() }, &[]);
        let known = through(tunnel.proxy_as("desk", path.clone()));
        assert_eq!(get(&known, url.as_str()).await.unwrap().body, FEED.as_bytes(), "{scheme}");
        assert_eq!(tunnel.log(), [format!("news.example:{} {login}", url.port().unwrap())]);

        for (proxy, why) in [
            (tunnel.proxy(), "it wants a"),
            (tunnel.proxy_as("thief", path.clone()), "it does not accept the login"),
        ] {
            let told = get(&through(proxy), url.as_str()).await.unwrap_err().to_string();
            let expected = format!("no way through the proxy {}: {why}", tunnel.proxy());
            assert!(told.starts_with(&expected), "{scheme}: {told}");
        }
    }
    let forward = Web::start().await;
    forward.page("http://news.example/", Answer::status(407));
    let told = get(&client(Some(of(&forward)), &[]), "http://news.example/").await.unwrap_err().to_string();
    assert!(
        told.ends_with("it wants a login (407): proxy = \"http://user@…\" and proxy_password_file"),
        "{told}"
    );
}

// What the guard sees

#[tokio::test]
async fn what_is_seen_to_be_private_from_here_is_not_asked_through_a_proxy_either() {
    let proxy = Web::start().await;
    let names = [("inside.example", "10.0.0.1"), ("outside.example", "93.184.216.34")];
    let client = client(Some(of(&proxy)), &names);
    for url in ["http://127.0.0.1/", "http://0x7f.1/", "http://[::ffff:10.0.0.1]/", "http://inside.example/"]
    {
        let refused = get(&client, url).await;
        assert!(matches!(refused, Err(Failure::Refused(Refusal::Address { .. }))), "{url}: {refused:?}");
    }
    proxy.page("http://unknown.example/", Answer::moved(302, "http://inside.example/"));
    let refused = get(&client, "http://unknown.example/").await;
    assert!(matches!(refused, Err(Failure::Refused(Refusal::Address { .. }))), "{refused:?}");
    assert_eq!(
        proxy.take_log().len(),
        1,
        "a name that is not known here passes, what it redirects to is judged"
    );
    proxy.page("http://outside.example/", Answer::feed(FEED));
    assert_eq!(get(&client, "http://outside.example/").await.unwrap().status, 200);

    let onion = client_under(Settings { proxy: Some(of(&proxy)), ..settings() }, &[("x.onion", "10.0.0.1")]);
    proxy.page("http://x.onion/", Answer::feed(FEED));
    assert_eq!(
        get(&onion, "http://x.onion/").await.unwrap().status,
        200,
        "such names are never looked up here"
    );

    let own_host = Request { private_host: true, ..request("http://inside.example/") };
    proxy.page("http://inside.example/", Answer::feed(FEED));
    assert_eq!(client.get(&own_host).await.result.unwrap().status, 200, "its own host is opened");
}

#[tokio::test]
async fn an_odd_port_is_for_opened_networks_through_a_proxy_too() {
    let proxy = Web::start().await;
    let names = [("inside.example", "10.0.0.1"), ("outside.example", "93.184.216.34")];
    let opened = Settings {
        allow_private: vec!["10.0.0.0/8".parse().unwrap()],
        proxy: Some(of(&proxy)),
        ..settings()
    };
    let client = client_under(opened, &names);
    proxy.page("http://inside.example:6379/", Answer::feed(FEED));
    let ask = async |url| client.get(&Request::new(Url::parse(url).unwrap(), Accept::Feed)).await.result;
    assert_eq!(ask("http://inside.example:6379/").await.unwrap().status, 200);
    for url in ["http://outside.example:6379/", "http://unknown.example:6379/"] {
        assert_eq!(ask(url).await, Err(Failure::Refused(Refusal::Port(6379))), "{url}");
    }
    assert_eq!(proxy.log().len(), 1);
}

// What goes wrong

#[tokio::test]
async fn a_proxy_that_fails_is_named_and_so_is_what_to_do() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let web = Web::start().await;
    web.page("news.example:443", Answer::status(403));
    web.page("mute.example:443", Answer::status(200).manner(Manner::HangUp));
    let cases = [
        (
            "http",
            closed.to_string(),
            "news.example",
            format!("no connection: nothing listens on port {} of 127.0.0.1", closed.port()),
        ),
        ("socks5h", closed.to_string(), "news.example", "it cannot be connected to".to_owned()),
        (
            "http",
            "proxy.invalid:3128".to_owned(),
            "news.example",
            "name not resolved: proxy.invalid: no such name".to_owned(),
        ),
        ("http", web.authority(), "news.example", "it does not connect to news.example:443".to_owned()),
        (
            "http",
            web.authority(),
            "mute.example",
            "it hung up instead of connecting to mute.example:443".to_owned(),
        ),
        (
            "http",
            web.authority(),
            "[2606:2800:220:1::1]",
            "a server without a name cannot be asked for by its IPv6 address".to_owned(),
        ),
    ];
    for (scheme, authority, host, why) in cases {
        let proxy: Proxy = format!("{scheme}://{authority}").parse().unwrap();
        let told = get(&client(Some(proxy.clone()), &[]), &format!("https://{host}/")).await.unwrap_err();
        let expected = format!("no way through the proxy {proxy}: {why}");
        assert!(told.to_string().starts_with(&expected), "{told}\n{expected}");
    }
    let tunnel = Tunnel::start("socks5h", None).await;
    let told =
        get(&client(Some(tunnel.proxy()), &[]), "https://dead.example/").await.unwrap_err().to_string();
    assert!(told.ends_with("it does not connect to dead.example:443 (host unreachable)"), "{told}");
}

#[tokio::test]
async fn what_is_wrong_behind_a_tunnel_is_not_blamed_on_the_proxy() {
    let (server, trust) = certificate("other.example", (2020, 4000));
    let (web, tunnel) = (Web::secure(server).await, Tunnel::start("http", None).await);
    let client = client_under(Settings { tls: trust, proxy: Some(tunnel.proxy()), ..settings() }, &[]);
    let told = get(&client, web.url_as("news.example", "/").as_str()).await;
    assert_eq!(told, Err(Failure::Tls("the certificate is not for news.example".to_owned())));
}

// In the pipeline

#[tokio::test]
async fn feed_robots_and_pages_of_a_source_go_through_its_proxy_and_a_reload_changes_it() {
    let proxy = Web::start().await;
    let config = |more: &str| {
        let watch = "[[watch]]\nname = \"Rail\"\nkeywords = [\"railway\"]";
        format!("{watch}\n[[source]]\nurl = \"http://a.test/a.xml\"\n{more}")
    };
    let mut world = World::new(&config(&format!("proxy = \"http://{}\"", proxy.authority()))).await;
    let page = world.placed("http://b.test/1");
    proxy.page(&world.placed("http://a.test/a.xml"), Answer::feed(rss(&[item(&page, "One")])));
    proxy.page(&page, article("One", RAIL));
    world.run_until_idle().await;
    let asked: Vec<String> = proxy.take_log().into_iter().map(|asked| world.shown(&asked.path)).collect();
    assert_eq!(asked, ["http://a.test/a.xml", "http://b.test/robots.txt", "http://b.test/1"]);
    assert!(world.one_mail().has("[railway]"), "{}", world.one_mail().text);
    assert_eq!(world.web.connections(), 0);

    let other = Web::start().await;
    world.reload(&config(&format!("[http]\nproxy = \"http://{}\"", other.authority()))).await;
    world.poll_all().await;
    assert_eq!((proxy.log().len(), other.log().len()), (0, 1));
    world.reload(&config(&format!("proxy = \"\"\n[http]\nproxy = \"http://{}\"", other.authority()))).await;
    world.poll_all().await;
    assert_eq!((other.log().len(), world.asked().len()), (1, 1), "a source of its own way");
}

#[tokio::test]
async fn the_environments_proxies_are_passed_by() {
    let (stray, web) = (Web::start().await, Web::start().await);
    web.page("/a.xml", Answer::feed(rss(&[])));
    let config = SUMMARIES.replace("http://a.test", web.url("").as_str().trim_end_matches('/'));
    let home = crate::program::Home::new(&format!("{config}\n[http]\nallow_private = [\"127.0.0.0/8\"]\n"));
    let mut command = home.habar(&["once"]);
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"] {
        command.env(name, stray.url("").as_str());
    }
    let ended = crate::program::end(command).await;
    assert_eq!((ended.code, stray.connections(), web.log().len()), (Some(0), 0, 1), "{}", ended.stderr);
}
