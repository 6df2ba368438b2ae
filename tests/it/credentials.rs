//! Headers and logins of a source: its own origin gets them, and nobody else.

use std::path::Path;
use std::sync::Arc;

use habar::io::http::{
    Accept, Carried, Client, Credentials, Failure, Login, OwnHeader, Request, Settings, Worth,
};
use tempfile::TempDir;
use url::Url;

use crate::http::{certificate, client, client_with, settings};
use crate::program::{Home, end};
use crate::web::{Answer, Asked, Web};
use crate::world::{RAIL, World, article, item, rss};

const FEED: &str = "<rss><channel><title>Habar</title></channel></rss>";
/// `desk` with the password `hunter2`.
const BASIC: &str = "Basic ZGVzazpodW50ZXIy";

/// A header and a login for the origin of `home`, its secrets in files of the folder.
fn credentials(home: &Url, folder: &Path) -> Arc<Credentials> {
    std::fs::write(folder.join("key"), "abc\n").unwrap();
    std::fs::write(folder.join("password"), "hunter2\n").unwrap();
    let header = OwnHeader::new("X-Api-Key", Worth::File(folder.join("key"))).unwrap();
    let login = Login::Basic { user: "desk".to_owned(), password: folder.join("password") };
    Arc::new(Credentials::new(home.clone(), vec![header], Some(login)))
}

fn carries(asked: &Asked) -> bool {
    let (key, login) = (asked.header("x-api-key"), asked.header("authorization"));
    assert_eq!(key.is_some(), login.is_some(), "both or neither");
    if let (Some(key), Some(login)) = (key, login) {
        assert_eq!((key, login), (b"abc".as_slice(), BASIC.as_bytes()));
    }
    key.is_some()
}

fn who_got_them(web: &Web) -> Vec<(String, bool)> {
    web.take_log().into_iter().map(|asked| (asked.path.clone(), carries(&asked))).collect()
}

fn paths(list: &[(&str, bool)]) -> Vec<(String, bool)> {
    list.iter().map(|(path, got)| ((*path).to_owned(), *got)).collect()
}

#[tokio::test]
async fn they_follow_a_redirect_inside_their_origin_and_to_no_other() {
    let folder = TempDir::new().unwrap();
    // Another port of the same host, and another host.
    let (own, port, host) = (Web::start().await, Web::start().await, Web::at("127.0.0.2").await);
    own.page("/feed", Answer::moved(301, "/moved"));
    own.page("/moved", Answer::moved(302, port.url("/").as_str()));
    port.page("/", Answer::moved(307, host.url("/").as_str()));
    host.page("/", Answer::moved(308, own.url("/home").as_str()));
    own.page("/home", Answer::feed(FEED));
    let credentials = Some(credentials(&own.url("/feed"), folder.path()));
    let request = Request { credentials, ..Request::new(own.url("/feed"), Accept::Feed) };
    let response = client().get(&request).await.result.unwrap();
    assert_eq!(response.credentials, Carried::Presented);
    assert_eq!(who_got_them(&own), paths(&[("/feed", true), ("/moved", true), ("/home", true)]));
    assert_eq!(who_got_them(&port), paths(&[("/", false)]));
    assert_eq!(who_got_them(&host), paths(&[("/", false)]));
}

#[tokio::test]
async fn they_never_leave_tls() {
    let folder = TempDir::new().unwrap();
    let (server, trust) = certificate("127.0.0.1", (2020, 4000));
    let (secure, plain) = (Web::secure(server).await, Web::start().await);
    secure.page("/feed", Answer::moved(301, plain.url("/feed").as_str()));
    plain.page("/feed", Answer::status(401));
    let credentials = Some(credentials(&secure.url("/feed"), folder.path()));
    let request = Request { credentials, ..Request::new(secure.url("/feed"), Accept::Feed) };
    let client = client_with(Settings { tls: trust, ..settings() });
    let response = client.get(&request).await.result.unwrap();
    assert_eq!(who_got_them(&secure), paths(&[("/feed", true)]));
    assert_eq!(who_got_them(&plain), paths(&[("/feed", false)]));
    let told = habar::io::http::refusal(&response);
    let whom = plain.url("/").origin().ascii_serialization();
    let expected = format!(
        "the server wants a login (401); headers and auth of the source stayed behind, for it is {whom} that answers"
    );
    assert_eq!(told, expected);

    secure.page("/feed", Answer::status(401));
    let response = client.get(&request).await.result.unwrap();
    let told = habar::io::http::refusal(&response);
    assert_eq!(told, "the server does not accept the headers and auth of the source (401)");
}

#[tokio::test]
async fn robots_txt_is_asked_for_without_them() {
    let folder = TempDir::new().unwrap();
    let web = Web::start().await;
    let credentials = Some(credentials(&web.url("/feed"), folder.path()));
    let request = Request { credentials, ..Request::new(web.url("/robots.txt"), Accept::Robots) };
    client().get(&request).await.result.unwrap();
    assert_eq!(who_got_them(&web), paths(&[("/robots.txt", false)]));
}

#[tokio::test]
async fn a_header_of_the_source_takes_the_place_of_ours() {
    let web = Web::start().await;
    let header = OwnHeader::new("Accept", Worth::Text("application/json".to_owned())).unwrap();
    let credentials = Some(Arc::new(Credentials::new(web.url("/"), vec![header], None)));
    client().get(&Request { credentials, ..Request::new(web.url("/"), Accept::Feed) }).await.result.unwrap();
    let log = web.log();
    let accept: Vec<_> = log[0].headers.iter().filter(|(name, _)| name == "accept").collect();
    assert_eq!(accept, [&("accept".to_owned(), b"application/json".to_vec())]);
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_asks_nobody_and_is_read_anew() {
    let folder = TempDir::new().unwrap();
    let web = Web::start().await;
    web.page("/", Answer::feed(FEED));
    let credentials = Some(credentials(&web.url("/"), folder.path()));
    let request = Request { credentials, ..Request::new(web.url("/"), Accept::Feed) };
    let client: Client = client();
    client.get(&request).await.result.unwrap();
    let path = folder.path().join("password");
    for (text, why) in [("", "is empty"), ("a\0b", "contains a NUL byte")] {
        std::fs::write(&path, text).unwrap();
        let told = client.get(&request).await.result;
        assert_eq!(told, Err(Failure::Secret(format!("password_file {} {why}", path.display()))));
    }
    std::fs::write(folder.path().join("key"), "a\nb").unwrap();
    let told = client.get(&request).await.result.unwrap_err().to_string();
    assert_eq!(told, "not asked: header x-api-key has a value that cannot be sent");
    assert_eq!(web.take_log().len(), 1);
    std::fs::write(folder.path().join("key"), "new").unwrap();
    std::fs::write(&path, "hunter3").unwrap();
    client.get(&request).await.result.unwrap();
    let asked = web.take_log().remove(0);
    let sent = (asked.header("x-api-key"), asked.header("authorization"));
    assert_eq!(sent, (Some(b"new".as_slice()), Some(b"Basic ZGVzazpodW50ZXIz".as_slice())));
    assert_eq!(web.connections(), 1, "a request carries them, not a connection");
}

// In the pipeline

/// A source behind a login, and one without, whose pages are at the first.
fn behind_a_login(more: &str) -> String {
    format!(
        r#"
        [[watch]]
        name = "Rail"
        keywords = ["railway"]
        [[source]]
        url = "http://a.test/a.xml"
        {more}
        [[source]]
        url = "http://b.test/b.xml"
        "#
    )
}

#[tokio::test]
async fn the_pages_of_a_source_get_them_and_those_of_others_do_not() {
    let mut world = World::new(&behind_a_login("headers = { X-Odd = \"abc\" }")).await;
    world.publish("http://a.test/a.xml", item("http://a.test/own", "One"));
    world.publish("http://a.test/a.xml", item("http://c.test/away", "Two"));
    world.publish("http://b.test/b.xml", item("http://a.test/of-another", "Three"));
    for page in ["/own", "/away", "/of-another"] {
        world.page(&format!("http://a.test{page}"), article("Rail", RAIL));
    }
    world.run_until_idle().await;
    let mut got: Vec<String> = Vec::new();
    for asked in world.web.log() {
        let host = String::from_utf8_lossy(asked.header("host").unwrap()).into_owned();
        if asked.header("x-odd").is_some() {
            got.push(format!("http://{}{}", world.shown(&host), asked.path));
        }
    }
    got.sort();
    assert_eq!(got, ["http://a.test/a.xml", "http://a.test/own"]);
}

#[tokio::test]
async fn a_reload_changes_what_is_sent() {
    let mut world = World::new(&behind_a_login("headers = { X-Odd = \"old\" }")).await;
    let sent = |world: &World| {
        let log = world.web.take_log().into_iter().filter(|asked| asked.path == "/a.xml");
        log.map(|asked| asked.header("x-odd").map(<[u8]>::to_vec)).collect::<Vec<_>>()
    };
    world.page("http://a.test/a.xml", Answer::feed(rss(&[])));
    world.run_until_idle().await;
    assert_eq!(sent(&world), [Some(b"old".to_vec())]);
    for (more, expected) in [("headers = { X-Odd = \"new\" }", Some(b"new".to_vec())), ("", None)] {
        world.reload(&behind_a_login(more)).await;
        world.poll_all().await;
        assert_eq!(sent(&world), [expected]);
    }
}

#[tokio::test]
async fn a_login_that_is_mended_is_tried_at_once() {
    let web = Web::start().await;
    web.pages("/a.xml", [Answer::status(401), Answer::feed(rss(&[]))]);
    let config = |more: &str| {
        format!(
            "[[source]]\nurl = \"{}\"\n{more}\n[http]\nallow_private = [\"127.0.0.0/8\"]\nhost_gap = \"0s\"\n",
            web.url("/a.xml")
        )
    };
    let home = Home::new(&config(""));
    std::fs::write(home.path().join("token"), "abc").unwrap();
    let daemon = home.daemon().await;
    daemon.wait_to_hear("the server wants a login (401)").await;
    home.save(&config("auth = { token_file = \"token\" }"));
    daemon.wait_to_hear("source works").await;
    let log = daemon.stop().await;
    assert!(log.contains(": auth"), "{log}");
    assert_eq!(web.log()[1].header("authorization"), Some(b"Bearer abc".as_slice()));
}

#[tokio::test]
async fn try_asks_as_the_source_would() {
    let (web, other) = (Web::start().await, Web::start().await);
    let config = format!(
        "[[source]]\nurl = \"{}\"\nheaders = {{ X-Odd = \"abc\" }}\n[http]\nallow_private = [\"127.0.0.0/8\"]\n",
        web.url("/a.xml")
    );
    let home = Home::new(&config);
    for server in [&web, &other] {
        server.page("/page", article("Rail", RAIL));
        let ended = home.run(&["try", "page", server.url("/page").as_str()]).await;
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    }
    assert_eq!(web.log()[0].header("x-odd"), Some(b"abc".as_slice()));
    assert_eq!(other.log()[0].header("x-odd"), None);
}

#[tokio::test]
async fn no_log_and_no_store_holds_a_secret() {
    let (web, proxy) = (Web::start().await, Web::start().await);
    web.page("/a.xml", Answer::status(401));
    let secrets = ["header-s3cret", "password-s3cret", "token-s3cret", "proxy-s3cret", "proxy-user"];
    let config = format!(
        "[[source]]\nurl = \"{own}a.xml\"\nheaders = {{ X-Api-Key = {{ file = \"key\" }} }}\n\
         auth = {{ user = \"desk\", password_file = \"password\" }}\n\
         [[source]]\nurl = \"{own}b.xml\"\nauth = {{ token_file = \"token\" }}\n\
         proxy = \"http://proxy-user@{proxy}\"\nproxy_password_file = \"proxy\"\n\
         [[source]]\nurl = \"{own}c.xml\"\nauth = {{ token_file = \"missing\" }}\n\
         [http]\nallow_private = [\"127.0.0.0/8\"]\nhost_gap = \"0s\"\n",
        own = web.url("/"),
        proxy = proxy.authority(),
    );
    let home = Home::new(&config);
    for (file, secret) in
        [("key", secrets[0]), ("password", secrets[1]), ("token", secrets[2]), ("proxy", secrets[3])]
    {
        std::fs::write(home.path().join(file), secret).unwrap();
    }
    let mut seen = String::new();
    for arguments in [&["once"][..], &["feeds"], &["check"], &["check", "--json"], &["status"]] {
        let mut command = home.habar(arguments);
        let loud = "trace,hyper=trace,hyper_util=trace,h2=trace,rustls=trace,reqwest=trace";
        command.env("RUST_LOG", loud);
        let ended = end(command).await;
        seen += &(ended.stdout + &ended.stderr);
    }
    assert_eq!((web.log().len(), proxy.log().len()), (1, 1), "{seen}");
    assert!(
        web.log()[0].header("authorization").is_some()
            && proxy.log()[0].header("proxy-authorization").is_some()
    );
    assert!(seen.contains("connecting to 127.0.0.1"), "the libraries were loud");
    let noted =
        ["with a login, with x-api-key", &format!("with a login, through http://{}", proxy.authority())];
    assert!(noted.iter().all(|note| seen.contains(note)), "{seen}");
    assert!(seen.contains("token_file") && seen.contains("X-Api-Key".to_lowercase().as_str()));
    for file in std::fs::read_dir(home.state()).unwrap() {
        seen += &String::from_utf8_lossy(&std::fs::read(file.unwrap().path()).unwrap_or_default());
    }
    let encoded = ["cGFzc3dvcmQtczNjcmV0", "ZGVzazpwYXNzd29yZC1zM2NyZXQ", "cHJveHktdXNlcjpwcm94eS1zM2NyZXQ"];
    for secret in secrets.iter().chain(&encoded) {
        assert!(!seen.contains(secret), "{secret} is shown");
    }
}
