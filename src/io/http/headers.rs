//! The headers that matter: validators, freshness, `Retry-After` and `Location`.

use std::fmt::Write as _;
use std::time::Duration;

use reqwest::header::{
    AGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, DATE, ETAG, EXPIRES, HeaderMap, HeaderName,
    HeaderValue, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED, LOCATION, RETRY_AFTER,
};
use url::Url;

use super::{Failure, RetryAfter, Validators};
use crate::time::Timestamp;

/// Validators longer than this are not kept: they would go with every request.
const LONGEST_VALIDATOR: usize = 4096;
/// Addresses longer than this are not followed.
const LONGEST_LOCATION: usize = 8192;

/// The validators of an answer, as they are.
pub(super) fn validators(headers: &HeaderMap) -> Validators {
    let one = |name| {
        let value: &HeaderValue = headers.get(name)?;
        let kept = !value.is_empty() && value.len() <= LONGEST_VALIDATOR;
        kept.then(|| value.as_bytes().to_vec())
    };
    Validators { etag: one(ETAG), last_modified: one(LAST_MODIFIED) }
}

/// Puts the validators into a request; says whether there are any. What cannot stand in a header did not come
/// from one.
pub(super) fn put_validators(validators: &Validators, headers: &mut HeaderMap) -> bool {
    let mut any = false;
    let pairs = [(IF_NONE_MATCH, &validators.etag), (IF_MODIFIED_SINCE, &validators.last_modified)];
    for (name, value) in pairs {
        if let Some(value) = value.as_deref().and_then(|v| HeaderValue::from_bytes(v).ok()) {
            headers.insert(name, value);
            any = true;
        }
    }
    any
}

/// `Content-Type`, with what is not UTF-8 in it replaced.
pub(super) fn content_type(headers: &HeaderMap) -> Option<String> {
    headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// The codings of the body in the order they were applied, in lower case.
pub(super) fn codings(headers: &HeaderMap) -> Vec<String> {
    list(headers, &CONTENT_ENCODING).filter(|coding| coding != "identity").collect()
}

/// How long the answer says it stays fresh; `max-age` wins over `Expires`, and a wish not to be cached
/// over both.
pub(super) fn fresh_for(headers: &HeaderMap) -> Option<Duration> {
    let mut max_age = None;
    for directive in list(headers, &CACHE_CONTROL) {
        let (name, value) = directive.split_once('=').unwrap_or((&directive, ""));
        match name.trim() {
            "no-store" | "no-cache" => return None,
            "max-age" => max_age = max_age.or(Some(seconds(value.trim().trim_matches('"'))?)),
            _ => {}
        }
    }
    if let Some(max_age) = max_age {
        let age = text(headers, &AGE).and_then(seconds).unwrap_or(0);
        return Some(Duration::from_secs(max_age.saturating_sub(age)));
    }
    let at = |name| text(headers, name).and_then(date);
    Some(at(&EXPIRES)?.since(at(&DATE)?))
}

/// When to come again, if the answer says so.
pub(super) fn retry_after(headers: &HeaderMap) -> Option<RetryAfter> {
    let value = text(headers, &RETRY_AFTER)?;
    seconds(value).map(RetryAfter::Seconds).or_else(|| date(value).map(RetryAfter::At))
}

/// Where an answer redirects to. Bytes beyond ASCII are percent-encoded as they are, whatever their
/// encoding: the server that wrote them knows them again.
pub(super) fn location(headers: &HeaderMap, base: &Url) -> Result<Url, Failure> {
    let bad = |reason: String| Failure::BadRedirect(reason);
    let bytes =
        headers.get(LOCATION).ok_or_else(|| bad("there is no Location header".to_owned()))?.as_bytes();
    if bytes.len() > LONGEST_LOCATION {
        return Err(bad(format!("its Location header is longer than {LONGEST_LOCATION} bytes")));
    }
    let mut target = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii() {
            target.push(char::from(byte));
        } else {
            // Writing to a String never fails.
            let _ = write!(target, "%{byte:02X}");
        }
    }
    let mut url = base.join(&target).map_err(|e| {
        let before_query = bytes.split(|b| *b == b'?').next().unwrap_or_default();
        let shown = &before_query[..before_query.len().min(200)];
        bad(format!("its Location header `{}` is no address: {e}", shown.escape_ascii()))
    })?;
    url.set_fragment(None);
    Ok(url)
}

/// All values of a header that is a list, in lower case.
fn list<'a>(headers: &'a HeaderMap, name: &'a HeaderName) -> impl Iterator<Item = String> + 'a {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(','))
        .map(|item| item.trim().to_ascii_lowercase())
        .filter(|s| !s.is_empty())
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Whole seconds; more than fit are as many as fit.
fn seconds(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// The three forms of HTTP dates, and what else passes for the first of them.
fn date(text: &str) -> Option<Timestamp> {
    const MAIL: jiff::fmt::rfc2822::DateTimeParser =
        jiff::fmt::rfc2822::DateTimeParser::new().relaxed_weekday(true);
    if let Ok(at) = MAIL.parse_timestamp(text) {
        return Some(at.into());
    }
    // RFC 850 and asctime. The weekday is skipped: it says nothing, and is wrong at times.
    let (_, rest) = text.split_once(' ')?;
    let form = if rest.contains('-') { "%d-%b-%y %H:%M:%S GMT" } else { "%b %e %H:%M:%S %Y" };
    let civil = jiff::civil::DateTime::strptime(form, rest.trim()).ok()?;
    jiff::tz::Offset::UTC.to_timestamp(civil).ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pairs = &'static [(&'static str, &'static str)];

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        map
    }

    #[test]
    fn freshness_is_max_age_less_age_or_expires_less_date() {
        const NINE: &str = "Fri, 02 Oct 2026 09:00:00 GMT";
        const TEN: &str = "Fri, 02 Oct 2026 10:00:00 GMT";
        let cases: &[(Pairs, Option<u64>)] = &[
            (&[], None),
            (&[("cache-control", "max-age=600")], Some(600)),
            (&[("cache-control", "Public, Max-Age=600, must-revalidate")], Some(600)),
            (&[("cache-control", "max-age=\"600\"")], Some(600)),
            (&[("cache-control", "max-age=600"), ("age", "100")], Some(500)),
            (&[("cache-control", "max-age=600"), ("age", "1000")], Some(0)),
            (&[("cache-control", "max-age=600"), ("age", "old")], Some(600)),
            (&[("cache-control", "max-age=0")], Some(0)),
            (&[("cache-control", "s-maxage=600")], None),
            (&[("cache-control", "max-age=ten")], None),
            (&[("cache-control", "max-age=-1")], None),
            (&[("cache-control", "max-age=99999999999999999999")], Some(u64::MAX)),
            (&[("cache-control", "no-store"), ("expires", TEN), ("date", NINE)], None),
            (&[("cache-control", "max-age=600, no-cache")], None),
            (&[("cache-control", "private"), ("cache-control", "max-age=60")], Some(60)),
            (&[("expires", TEN), ("date", NINE)], Some(3600)),
            (&[("expires", NINE), ("date", TEN)], Some(0)),
            (&[("expires", TEN)], None),
            (&[("expires", "0"), ("date", NINE)], None),
            (&[("expires", "-1"), ("date", NINE)], None),
            (&[("cache-control", "max-age=60"), ("expires", TEN), ("date", NINE)], Some(60)),
        ];
        for (pairs, expected) in cases {
            assert_eq!(fresh_for(&headers(pairs)), expected.map(Duration::from_secs), "{pairs:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let at = |seconds: i64| Some(RetryAfter::At(Timestamp::from_millis(seconds * 1000)));
        let cases = [
            ("120", Some(RetryAfter::Seconds(120))),
            ("0", Some(RetryAfter::Seconds(0))),
            (" 7 ", Some(RetryAfter::Seconds(7))),
            ("99999999999999999999999", Some(RetryAfter::Seconds(u64::MAX))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", at(784_111_777)),
            ("Mon, 06 Nov 1994 08:49:37 GMT", at(784_111_777)),
            ("Sunday, 06-Nov-94 08:49:37 GMT", at(784_111_777)),
            ("Sun Nov  6 08:49:37 1994", at(784_111_777)),
            ("Sun, 06 Nov 1994 08:49:37 +0000", at(784_111_777)),
            ("-5", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ];
        for (value, expected) in cases {
            assert_eq!(retry_after(&headers(&[("retry-after", value)])), expected, "{value:?}");
        }
        assert_eq!(retry_after(&headers(&[])), None);
    }

    #[test]
    fn a_location_is_taken_as_bytes_and_resolved() {
        let base = Url::parse("https://haber.example.org/rss?x=1").unwrap();
        let cases: [(&[u8], &str); 9] = [
            ("/akış/türkiye.xml".as_bytes(), "https://haber.example.org/ak%C4%B1%C5%9F/t%C3%BCrkiye.xml"),
            (b"/haber/g\xfcndem-\xf6zeti", "https://haber.example.org/haber/g%FCndem-%F6zeti"),
            (b"/a b", "https://haber.example.org/a%20b"),
            (b"feed.xml#top", "https://haber.example.org/feed.xml"),
            (b"//other.example/f", "https://other.example/f"),
            ("https://қазақ.example/ж".as_bytes(), "https://xn--80aau21bd.example/%D0%B6"),
            (b"?page=2", "https://haber.example.org/rss?page=2"),
            (b"http://2130706433/", "http://127.0.0.1/"),
            (b"file:///etc/passwd", "file:///etc/passwd"),
        ];
        for (value, expected) in cases {
            let mut map = HeaderMap::new();
            map.insert(LOCATION, HeaderValue::from_bytes(value).unwrap());
            assert_eq!(location(&map, &base).unwrap().as_str(), expected, "{}", value.escape_ascii());
        }
    }

    #[test]
    fn a_location_that_is_no_address_is_named_and_shown_escaped() {
        let base = Url::parse("https://haber.example.org/rss").unwrap();
        let cases: [(&[u8], &str); 3] = [
            (
                b"http://[\xff/x?token=geheim",
                "its Location header `http://[\\xff/x` is no address: invalid IPv6 address",
            ),
            (b"http:///", "its Location header `http:///` is no address: empty host"),
            (&[b'a'; 9000], "its Location header is longer than 8192 bytes"),
        ];
        for (value, expected) in cases {
            let mut map = HeaderMap::new();
            map.insert(LOCATION, HeaderValue::from_bytes(value).unwrap());
            assert_eq!(location(&map, &base), Err(Failure::BadRedirect(expected.to_owned())));
        }
        let missing = location(&HeaderMap::new(), &base);
        assert_eq!(missing, Err(Failure::BadRedirect("there is no Location header".to_owned())));
    }

    #[test]
    fn validators_are_kept_byte_for_byte_and_put_back_so() {
        let long = "x".repeat(LONGEST_VALIDATOR + 1);
        for (etag, kept) in
            [("W/\"a b\"", true), ("unquoted", true), ("\"\u{fc}\"", true), ("", false), (&long, false)]
        {
            let found = validators(&headers(&[("etag", etag)]));
            assert_eq!(found.etag, kept.then(|| etag.as_bytes().to_vec()), "{etag}");
            let mut request = HeaderMap::new();
            assert_eq!(put_validators(&found, &mut request), kept);
            assert_eq!(request.get(IF_NONE_MATCH).map(|v| v.as_bytes().to_vec()), found.etag);
            assert!(!request.contains_key(IF_MODIFIED_SINCE), "none is invented");
        }
    }

    /// Values at random, made of what headers are made of, and bytes of no meaning.
    #[test]
    fn no_value_of_a_header_breaks_its_reader() {
        const PIECES: [&str; 24] = [
            "max-age=",
            "no-cache",
            ",",
            ";",
            "=",
            "\"",
            " ",
            "0",
            "99999999999999999999",
            "-1",
            "1.5",
            "Sun, ",
            "06 Nov",
            "-Nov-94",
            " 1994",
            "08:49:37",
            " GMT",
            "Sunday",
            "http://",
            "//[",
            "..",
            "?x",
            "%",
            "\u{e9}",
        ];
        let base = Url::parse("https://haber.example.org/rss").unwrap();
        let mut state = 1_u64;
        let mut below = |bound: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % bound
        };
        for _ in 0..20_000 {
            let mut value = Vec::new();
            for _ in 0..below(9) {
                match below(12) {
                    0 => value.push(u8::try_from(below(256)).unwrap()),
                    _ => value.extend(PIECES[below(PIECES.len())].bytes()),
                }
            }
            let Ok(value) = HeaderValue::from_bytes(&value) else { continue };
            let mut map = HeaderMap::new();
            for name in [
                CACHE_CONTROL,
                EXPIRES,
                DATE,
                AGE,
                RETRY_AFTER,
                LOCATION,
                ETAG,
                CONTENT_ENCODING,
                CONTENT_TYPE,
            ] {
                map.append(name, value.clone());
            }
            let _ = (fresh_for(&map), retry_after(&map), codings(&map), content_type(&map));
            let mut back = HeaderMap::new();
            put_validators(&validators(&map), &mut back);
            assert_eq!(back.get(IF_NONE_MATCH), Some(&value).filter(|value| !value.is_empty()));
            if let Ok(url) = location(&map, &base) {
                assert_eq!(url.fragment(), None, "{value:?}");
            }
        }
    }
}
