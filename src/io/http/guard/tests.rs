//! Every way to write a private address, and what else must not be asked.

use super::*;

fn verdict(guard: &Guard, grant: &Grant, text: &str) -> String {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(e) => return format!("no url: {e}"),
    };
    match guard.check(&url, grant) {
        Ok(reach) => format!("{reach:?}"),
        Err(Refusal::Address { address, kind, .. }) => format!("{address} {kind}"),
        Err(Refusal::Port(port)) => format!("port {port}"),
        Err(other) => format!("{other:?}"),
    }
}

fn check(text: &str, expected: &str) {
    assert_eq!(verdict(&Guard::default(), &Grant::default(), text), expected, "{text}");
}

#[test]
fn every_way_to_write_a_private_address_is_seen_through() {
    for text in [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://017700000001/",
        "http://127.0.0.1./",
        "http://%31%32%37.0.0.1/",
        "http://１２７。０。０。１/",
        "http://127｡0｡0｡1/",
        "http://127．0．0．1/",
        "http:\\\\127.0.0.1\\",
        "http:127.0.0.1",
        "http://①②⑦.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[0:0:0:0:0:ffff:7f00:0001]/",
        "https://[64:ff9b::127.0.0.1]/",
    ] {
        let seen = verdict(&Guard::default(), &Grant::default(), text);
        assert!(seen.ends_with("this machine"), "{text}: {seen}");
    }
}

#[test]
fn special_ipv4_is_refused_up_to_its_edges() {
    for (first, last, kind) in [
        ("0.0.0.0", "0.255.255.255", "this host"),
        ("10.0.0.0", "10.255.255.255", "a private network"),
        ("100.64.0.0", "100.127.255.255", "a provider's shared address space"),
        ("127.0.0.0", "127.255.255.255", "this machine"),
        ("169.254.0.0", "169.254.255.255", "a link-local address"),
        ("169.254.169.254", "169.254.170.2", "a link-local address"),
        ("172.16.0.0", "172.31.255.255", "a private network"),
        ("192.0.0.0", "192.0.0.255", "reserved for protocols"),
        ("192.0.2.0", "192.0.2.255", "reserved for documentation"),
        ("192.31.196.0", "192.31.196.255", "reserved for AS112"),
        ("192.52.193.0", "192.52.193.255", "reserved for AMT"),
        ("192.88.99.0", "192.88.99.255", "a 6to4 relay"),
        ("192.168.0.0", "192.168.255.255", "a private network"),
        ("192.175.48.0", "192.175.48.255", "reserved for AS112"),
        ("198.18.0.0", "198.19.255.255", "reserved for benchmarks"),
        ("198.51.100.0", "198.51.100.255", "reserved for documentation"),
        ("203.0.113.0", "203.0.113.255", "reserved for documentation"),
        ("224.0.0.0", "239.255.255.255", "a multicast address"),
        ("240.0.0.0", "255.255.255.255", "a reserved address"),
    ] {
        for address in [first, last] {
            check(&format!("http://{address}/"), &format!("{address} {kind}"));
        }
    }
}

#[test]
fn public_ipv4_next_to_the_edges_is_open() {
    for address in [
        "1.0.0.0",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.1.0",
        "192.0.3.0",
        "192.167.255.255",
        "192.169.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
    ] {
        check(&format!("http://{address}/"), "Public");
        check(&format!("http://[::ffff:{address}]/"), "Public");
        check(&format!("http://[64:ff9b::{address}]/"), "Public");
    }
}

#[test]
fn of_ipv6_only_global_unicast_is_open() {
    for (address, expected) in [
        ("::", ":: this host"),
        ("::1", "::1 this machine"),
        ("::127.0.0.1", "::7f00:1 an IPv4-compatible address"),
        ("::8.8.8.8", "::808:808 an IPv4-compatible address"),
        ("::ffff:10.0.0.1", "::ffff:10.0.0.1 a private network"),
        ("::ffff:0:127.0.0.1", "::ffff:0:7f00:1 not a public IPv6 address"),
        ("64:ff9b::a9fe:a9fe", "64:ff9b::a9fe:a9fe a link-local address"),
        ("64:ff9b:1::8.8.8.8", "64:ff9b:1::808:808 a local NAT64 address"),
        ("100::1", "100::1 a discard address"),
        ("2001::1", "2001::1 a Teredo address"),
        ("2001:0:4136:e378:8000:63bf:80ff:fffe", "2001:0:4136:e378:8000:63bf:80ff:fffe a Teredo address"),
        ("2001:2::1", "2001:2::1 reserved for protocols"),
        ("2001:10::1", "2001:10::1 reserved for protocols"),
        ("2001:1ff:ffff::1", "2001:1ff:ffff::1 reserved for protocols"),
        ("2001:200::1", "Public"),
        ("2001:db8::1", "2001:db8::1 reserved for documentation"),
        ("2001:db9::1", "Public"),
        ("2002:7f00:1::1", "2002:7f00:1::1 a 6to4 address"),
        ("2002:808:808::1", "2002:808:808::1 a 6to4 address"),
        ("2003::1", "Public"),
        ("2606:4700::1111", "Public"),
        ("2620:4f:8000::1", "2620:4f:8000::1 reserved for AS112"),
        ("3ffe::1", "Public"),
        ("3fff::1", "3fff::1 reserved for documentation"),
        ("3fff:1000::1", "Public"),
        ("4000::1", "4000::1 not a public IPv6 address"),
        ("5f00::1", "5f00::1 not a public IPv6 address"),
        ("fc00::1", "fc00::1 a private network"),
        ("fd12:3456::1", "fd12:3456::1 a private network"),
        ("fe80::1", "fe80::1 a link-local address"),
        ("fec0::1", "fec0::1 a site-local address"),
        ("ff02::1", "ff02::1 a multicast address"),
    ] {
        check(&format!("https://[{address}]/"), expected);
    }
}

#[test]
fn names_are_left_to_the_resolver() {
    for text in
        ["http://localhost/", "http://localhost./", "http://example.org:8080/", "http://127.0.0.1.nip.io/"]
    {
        check(text, "Public");
    }
}

#[test]
fn only_plain_http_addresses_are_asked() {
    check("file:///etc/passwd", "Scheme(\"file\")");
    check("ftp://example.org/", "Scheme(\"ftp\")");
    check("data:text/xml,<rss/>", "Scheme(\"data\")");
    check("gopher://127.0.0.1:25/", "Scheme(\"gopher\")");
    check("http://user@example.org/", "UserInfo");
    check("http://:secret@example.org/", "UserInfo");
    check("http://example.org@127.0.0.1/", "UserInfo");
}

#[test]
fn ports_are_the_usual_ones_and_the_sources_own() {
    for (text, expected) in [
        ("http://example.org/", "Public"),
        ("http://example.org:443/", "Public"),
        ("https://example.org:8443/", "Public"),
        ("http://example.org:25/", "port 25"),
        ("http://example.org:0/", "port 0"),
        ("http://93.184.216.34:6379/", "port 6379"),
        ("http://93.184.216.34:8000/", "port 8000"),
    ] {
        check(text, expected);
    }
    let own = Grant { port: Some(8000), host: None };
    assert_eq!(verdict(&Guard::default(), &own, "http://example.org:8000/"), "Public");
    assert_eq!(verdict(&Guard::default(), &own, "http://example.org:8001/"), "port 8001");
    assert_eq!(verdict(&Guard::default(), &own, "http://10.0.0.1:8000/"), "10.0.0.1 a private network");
}

#[test]
fn an_opened_network_is_open_on_any_port_and_in_any_form() {
    let guard = Guard::new(vec!["127.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
    for (text, expected) in [
        ("http://127.0.0.1:9/", "Opened"),
        ("http://127.0.0.1/", "Public"),
        ("http://[::ffff:127.0.0.1]:9/", "Opened"),
        ("http://[fd00::1]:9/", "Opened"),
        ("http://10.0.0.1/", "10.0.0.1 a private network"),
        ("http://[::1]/", "::1 this machine"),
        // Whether the name lies in an opened network is for the resolver to see.
        ("http://example.org:9/", "Opened"),
        ("http://93.184.216.34:9/", "port 9"),
    ] {
        assert_eq!(verdict(&guard, &Grant::default(), text), expected, "{text}");
    }
}

#[test]
fn a_sources_own_grant_opens_its_host_and_no_other() {
    let grant = Grant { host: Some("nas.local".to_owned()), port: None };
    for (text, expected) in [
        ("http://nas.local:5000/feed", "Anywhere"),
        ("http://NAS.local./feed", "Anywhere"),
        ("http://10.0.0.1/", "10.0.0.1 a private network"),
        ("http://router.local/", "Public"),
        ("http://sub.nas.local:5000/", "port 5000"),
        ("file://nas.local/etc/passwd", "Scheme(\"file\")"),
        ("http://root@nas.local/", "UserInfo"),
    ] {
        assert_eq!(verdict(&Guard::default(), &grant, text), expected, "{text}");
    }
    let literal = Grant { host: Some("10.0.0.1".to_owned()), port: None };
    assert_eq!(verdict(&Guard::default(), &literal, "http://10.0.0.1:81/"), "Anywhere");
    assert_eq!(verdict(&Guard::default(), &literal, "http://10.0.0.2/"), "10.0.0.2 a private network");
}
