//! Addresses as people and programs write them, whether two lead to one place, and whether one is a secret.

use url::Url;

use crate::domain::text;

/// A longer address is none.
const LONGEST: usize = 4096;

/// Why a text is no address that can be asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAddress {
    /// It is none at all.
    #[error("{0:?} is no address")]
    NoAddress(String),
    /// It is one of something else than the web.
    #[error("only http and https can be polled, not {0}:")]
    Scheme(String),
    /// A login does not belong there.
    #[error("the address holds a user or a password")]
    Password,
    /// Longer than any server takes.
    #[error("the address is longer than 4096 characters")]
    TooLong,
}

/// Reads an address that may lack its scheme, begin with `feed:` or be escaped once too often. A fragment is left off.
pub fn read(written: &str) -> Result<Url, BadAddress> {
    let text = written.trim().replace("&amp;", "&");
    if text.len() > LONGEST {
        return Err(BadAddress::TooLong);
    }
    let none = || BadAddress::NoAddress(text::cut(&text::clean(&text), 100));
    let mut url = parse(&text).ok_or_else(none)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(BadAddress::Scheme(text::cut(url.scheme(), 20)));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(BadAddress::Password);
    }
    url.set_fragment(None);
    Ok(url)
}

fn parse(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once(':').unwrap_or(("", text));
    if ["feed", "rss", "itpc", "pcast"].iter().any(|other| scheme.eq_ignore_ascii_case(other)) {
        let rest = rest.trim_start_matches('/');
        return if ["http:", "https:"].iter().any(|scheme| rest.starts_with(scheme)) {
            Url::parse(rest).ok()
        } else {
            https(rest)
        };
    }
    match Url::parse(text) {
        // `localhost:8080/feed` and `example.org:443` have a port and no scheme.
        Ok(url) if url.cannot_be_a_base() && rest.starts_with(|c: char| c.is_ascii_digit()) => https(text),
        Ok(url) => Some(url),
        Err(url::ParseError::RelativeUrlWithoutBase) => https(text.trim_start_matches('/')),
        Err(_) => None,
    }
}

/// The address of what begins with a host.
fn https(text: &str) -> Option<Url> {
    let host = text.split(['/', '?', '#', ':']).next().unwrap_or_default();
    let has_port = text[host.len()..].starts_with(':');
    let is_host = host.contains('.') && !host.starts_with('.') || has_port;
    if is_host && !host.contains(char::is_whitespace) {
        Url::parse(&format!("https://{text}")).ok()
    } else {
        None
    }
}

/// What an address shares with others that lead to the same place: scheme, default port, a slash at the end and a
/// fragment are left off.
pub fn place(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{}{port}{}{query}", url.host_str().unwrap_or_default(), url.path().trim_end_matches('/'))
}

/// Words in the name of a value that only its owner should know.
const SECRET: [&str; 13] = [
    "token",
    "secret",
    "passw",
    "pwd",
    "apikey",
    "api_key",
    "api-key",
    "access_key",
    "auth",
    "signature",
    "session",
    "credential",
    "private",
];

/// Whether an address lets in whoever has it: a user, a password, a key in the query, a long random number.
pub fn holds_a_secret(url: &Url) -> bool {
    let by_name = |name: &str| {
        let name = name.to_ascii_lowercase();
        matches!(name.as_str(), "key" | "sig" | "sid" | "jwt" | "hmac")
            || SECRET.iter().any(|word| name.contains(word))
    };
    let in_query =
        url.query_pairs().any(|(name, value)| !value.is_empty() && (by_name(&name) || is_random(&value)));
    let in_path = url.path().split(['/', '.']).any(is_random);
    !url.username().is_empty() || url.password().is_some() || in_query || in_path
}

/// Drawn by a machine to be guessed by nobody: 128 bits in hexadecimal.
fn is_random(text: &str) -> bool {
    text.len() >= 32
        && text.bytes().all(|byte| byte.is_ascii_hexdigit())
        && text.bytes().any(|byte| byte.is_ascii_digit())
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_as_people_write_it() {
        let cases = [
            ("https://a.example/feed", Ok("https://a.example/feed")),
            (" a.example ", Ok("https://a.example/")),
            ("//a.example/x", Ok("https://a.example/x")),
            (
                "www.a.example/новости?x=1",
                Ok("https://www.a.example/%D0%BD%D0%BE%D0%B2%D0%BE%D1%81%D1%82%D0%B8?x=1"),
            ),
            ("қазақстан.қаз", Ok("https://xn--80aaa0a6awh12ed.xn--80ao21a/")),
            ("a.example:8080/feed", Ok("https://a.example:8080/feed")),
            ("localhost:8080/feed", Ok("https://localhost:8080/feed")),
            ("127.0.0.1:8080", Ok("https://127.0.0.1:8080/")),
            ("feed://a.example/x", Ok("https://a.example/x")),
            ("feed:https://a.example/x", Ok("https://a.example/x")),
            ("Feed:http://a.example/x", Ok("http://a.example/x")),
            ("HTTP://A.example/X#part", Ok("http://a.example/X")),
            ("https://a.example/?a=1&amp;b=2", Ok("https://a.example/?a=1&b=2")),
            ("https://me:pw@a.example/", Err(BadAddress::Password)),
            ("ftp://a.example/", Err(BadAddress::Scheme("ftp".to_owned()))),
            ("javascript:alert(1)", Err(BadAddress::Scheme("javascript".to_owned()))),
            ("mailto:a@b.example", Err(BadAddress::Scheme("mailto".to_owned()))),
            ("", Err(BadAddress::NoAddress(String::new()))),
            ("two words.", Err(BadAddress::NoAddress("two words.".to_owned()))),
            ("news", Err(BadAddress::NoAddress("news".to_owned()))),
            ("https://", Err(BadAddress::NoAddress("https://".to_owned()))),
        ];
        for (written, expected) in cases {
            let url = read(written);
            assert_eq!(url.as_ref().map(Url::as_str), expected.as_ref().copied(), "{written:?}");
        }
        assert_eq!(read(&"x".repeat(5000)), Err(BadAddress::TooLong));
    }

    #[test]
    fn what_leads_to_one_place_is_one() {
        let place = |url: &str| place(&Url::parse(url).unwrap());
        for other in ["http://a.example/feed/", "https://a.example:443/feed", "https://A.example/feed#x"] {
            assert_eq!(place("https://a.example/feed"), place(other), "{other}");
        }
        for other in ["https://a.example/feed2", "https://a.example/feed?x", "https://a.example:444/feed"] {
            assert_ne!(place("https://a.example/feed"), place(other), "{other}");
        }
    }

    #[test]
    fn a_secret_is_told_from_what_only_looks_long() {
        let cases = [
            ("https://a.example/feed?cat=guncel&lang=tr", false),
            ("https://www.youtube.com/feeds/videos.xml?channel_id=UCabcdefghijklmnopqrstuv", false),
            ("https://a.example/2026/11/a-very-long-name-of-a-section-of-this-outlet", false),
            ("https://a.example/feed/1234567890123456789012345678901234", false),
            ("https://me@a.example/feed", true),
            ("https://a.example/feed?token=abc", true),
            ("https://a.example/feed?token=", false),
            ("https://a.example/feed?X-Api-Key=1", true),
            ("https://a.example/feed?key=1", true),
            ("https://a.example/feed?user=me&feed=0123456789abcdef0123456789abcdef", true),
            ("https://a.example/private/0123456789abcdef0123456789abcdef.xml", true),
        ];
        for (url, secret) in cases {
            assert_eq!(holds_a_secret(&Url::parse(url).unwrap()), secret, "{url}");
        }
    }
}
