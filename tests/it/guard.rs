//! The guard, seen from the network: what is refused gets no packet.

use std::collections::HashMap;
use std::net::IpAddr;

use habar::io::http::{Accept, Client, Failure, Names, Refusal, Reply, Request};
use url::Url;

use crate::http::{client, client_with, settings};
use crate::web::{Answer, Web};

async fn get(client: &Client, url: Url) -> Reply {
    client.get(&Request::new(url, Accept::Feed)).await
}

fn refused_address(reply: &Reply) -> Option<IpAddr> {
    match &reply.result {
        Err(Failure::Refused(Refusal::Address { address, .. })) => Some(*address),
        _ => None,
    }
}

/// A client whose only open network is 127.0.0.1, and that knows some names.
fn one_host_open(names: &[(&str, &[&str])]) -> Client {
    let mut settings = settings();
    settings.allow_private = vec!["127.0.0.1".parse().unwrap()];
    let table = names.iter().map(|(name, addresses)| {
        ((*name).to_owned(), addresses.iter().map(|a| a.parse().unwrap()).collect::<Vec<IpAddr>>())
    });
    Client::with_names(settings, Names::Table(table.collect::<HashMap<_, _>>())).unwrap()
}

#[tokio::test]
async fn a_redirect_into_a_closed_network_sends_no_packet_there() {
    let (open, closed) = (Web::start().await, Web::at("127.0.0.2").await);
    closed.page("/", Answer::feed("secret"));
    let port = closed.url("/").port().unwrap();
    let client = one_host_open(&[("inside.example", &["127.0.0.2"]), ("open.example", &["127.0.0.1"])]);
    for (target, address) in [
        (format!("http://127.0.0.2:{port}/"), "127.0.0.2"),
        (format!("http://2130706434:{port}/"), "127.0.0.2"),
        (format!("http://0x7f.2:{port}/"), "127.0.0.2"),
        (format!("http://[::ffff:127.0.0.2]:{port}/"), "::ffff:127.0.0.2"),
        (format!("http://inside.example:{port}/"), "127.0.0.2"),
        (format!("//inside.example:{port}/"), "127.0.0.2"),
        ("http://169.254.169.254/latest/meta-data/".to_owned(), "169.254.169.254"),
        ("http://[::ffff:10.0.0.1]/".to_owned(), "::ffff:10.0.0.1"),
        ("http://[64:ff9b::10.0.0.1]/".to_owned(), "64:ff9b::a00:1"),
        ("http://[::1]/".to_owned(), "::1"),
    ] {
        open.page("/", Answer::moved(302, &target));
        let reply = get(&client, open.url_as("open.example", "/")).await;
        assert_eq!(refused_address(&reply), Some(address.parse().unwrap()), "{target}: {:?}", reply.result);
    }
    assert_eq!(closed.connections(), 0);
}

#[tokio::test]
async fn redirects_to_what_is_no_web_address_are_refused() {
    let web = Web::start().await;
    for (target, refusal) in [
        ("file:///etc/passwd", Refusal::Scheme("file".to_owned())),
        ("ftp://127.0.0.1/", Refusal::Scheme("ftp".to_owned())),
        ("gopher://127.0.0.1:25/", Refusal::Scheme("gopher".to_owned())),
        ("http://user:pw@127.0.0.1/", Refusal::UserInfo),
        ("http://93.184.216.34:6379/", Refusal::Port(6379)),
    ] {
        web.page("/", Answer::moved(301, target));
        let reply = get(&client(), web.url("/")).await;
        assert_eq!(reply.result, Err(Failure::Refused(refusal)));
        assert_eq!(reply.hops, [], "a refused redirect was not followed");
    }
}

#[tokio::test]
async fn a_name_connects_only_to_those_of_its_addresses_that_are_open() {
    let (open, closed) = (Web::start().await, Web::at("127.0.0.2").await);
    open.page("/", Answer::feed("open"));
    let client = one_host_open(&[("mixed.example", &["127.0.0.2", "::1", "10.0.0.1", "127.0.0.1"])]);
    let reply = get(&client, open.url_as("mixed.example", "/")).await;
    assert_eq!(reply.result.unwrap().body, b"open");
    assert_eq!(closed.connections(), 0);
}

#[tokio::test]
async fn the_machines_own_names_are_refused_like_any_other() {
    let web = Web::start().await;
    let mut strict = settings();
    strict.allow_private = Vec::new();
    let strict = client_with(strict);
    for host in ["localhost", "LOCALHOST"] {
        let url = Url::parse(&format!("http://{host}/")).unwrap();
        let reply = get(&strict, url).await;
        assert!(refused_address(&reply).is_some_and(|a| a.is_loopback()), "{host}: {:?}", reply.result);
    }
    let closed_port = get(&strict, web.url("/")).await;
    assert_eq!(closed_port.result, Err(Failure::Refused(Refusal::Port(web.url("/").port().unwrap()))));
    assert_eq!(web.connections(), 0);
}

#[tokio::test]
async fn a_private_host_opens_itself_and_nothing_else() {
    let (own, other) = (Web::at("127.0.0.3").await, Web::at("127.0.0.4").await);
    other.page("/", Answer::feed("secret"));
    own.page("/feed", Answer::moved(302, "/moved"));
    own.page("/moved", Answer::feed("mine"));
    own.page("/out", Answer::moved(302, other.url("/").as_str()));
    let mut strict = settings();
    strict.allow_private = Vec::new();
    let strict = client_with(strict);

    let mut request = Request::new(own.url("/feed"), Accept::Feed);
    request.private_host = true;
    assert_eq!(strict.get(&request).await.result.unwrap().body, b"mine");

    request.url = own.url("/out");
    let out = strict.get(&request).await.result;
    assert!(matches!(out, Err(Failure::Refused(_))), "{out:?}");
    assert_eq!(other.connections(), 0);

    let after = own.connections();
    let without = get(&strict, own.url("/moved")).await.result;
    assert!(matches!(without, Err(Failure::Refused(_))), "the grant ended with its request: {without:?}");
    assert_eq!(own.connections(), after);
}

#[tokio::test]
async fn a_refusal_says_what_to_do() {
    let mut strict = settings();
    strict.allow_private = Vec::new();
    let strict = client_with(strict);
    let request = Request::new(Url::parse("http://192.168.1.4/feed").unwrap(), Accept::Feed);
    let reply = strict.get(&request).await;
    let forecast = strict.admits(&request).unwrap_err();
    assert_eq!(reply.result, Err(Failure::Refused(forecast)));
    assert_eq!(
        reply.result.unwrap_err().to_string(),
        "refused: 192.168.1.4 is not public (a private network); [http] allow_private opens networks, \
         allow_private in a source its own host"
    );
}
