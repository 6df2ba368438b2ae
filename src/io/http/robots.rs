//! robots.txt by RFC 9309: what this crawler may fetch from a host.

use std::time::Duration;

use super::{Failure, Response, status_reason};

/// What is told of a page that its host does not let us read.
pub const FORBIDS: &str = "robots.txt forbids the page";
/// The product token that robots.txt calls us by.
pub const TOKEN: &str = "habar";
/// RFC 9309 asks for at least 500 KiB; what lies beyond is not read.
const MAX_BYTES: usize = 500 * 1024;
/// A longer delay than this is an attempt to say "never", and is not waited for.
const MAX_DELAY: Duration = crate::time::HOUR;

/// The rules that an answer gives, empty where its host has none; else why they cannot be had, so that nothing
/// may be read for now (RFC 9309, section 2.3.1).
pub fn rules(answer: Result<Response, Failure>) -> Result<Vec<u8>, String> {
    match answer {
        Ok(response) if (200..300).contains(&response.status) => Ok(response.body),
        Ok(response) if (400..500).contains(&response.status) && response.status != 429 => Ok(Vec::new()),
        Ok(response) => Err(format!("robots.txt: {}", status_reason(response.status))),
        Err(failure) => Err(format!("robots.txt: {failure}")),
    }
}

/// The rules that hold for this crawler on one host.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Robots {
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
struct Rule {
    allow: bool,
    /// Percent-encoded like a path that is matched against it.
    pattern: String,
}

impl Robots {
    /// Reads a robots.txt. Anything can be read: lines that mean nothing are passed over.
    pub fn parse(body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(&body[..body.len().min(MAX_BYTES)]);
        let text = text.trim_start_matches('\u{feff}');
        let (mut ours, mut everyones) = (Group::default(), Group::default());
        let (mut for_us, mut for_all, mut naming) = (false, false, false);
        for line in text.split(['\n', '\r']) {
            let line = line.split('#').next().unwrap_or_default();
            let Some((key, value)) = line.split_once(':') else { continue };
            let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
            if key == "user-agent" {
                // Names that follow one another share the rules below them.
                if !naming {
                    (for_us, for_all, naming) = (false, false, true);
                }
                for_us |= token(value).eq_ignore_ascii_case(TOKEN);
                for_all |= value == "*";
                ours.named |= for_us;
                continue;
            }
            let take = |group: &mut Group| group.line(&key, value);
            if for_us {
                naming &= !take(&mut ours);
            }
            if for_all {
                naming &= !take(&mut everyones);
            }
            if !for_us && !for_all && matches!(key.as_str(), "allow" | "disallow" | "crawl-delay") {
                naming = false;
            }
        }
        let Group { rules, delay, .. } = if ours.named { ours } else { everyones };
        Self { rules, delay }
    }

    /// Whether this path with its query may be fetched: the longest rule that matches decides, and
    /// of two as long the one that allows.
    pub fn allows(&self, path_and_query: &str) -> bool {
        let path = encode(if path_and_query.is_empty() { "/" } else { path_and_query });
        if path == "/robots.txt" {
            return true;
        }
        let matching = self.rules.iter().filter(|rule| matches(&rule.pattern, &path));
        matching.max_by_key(|rule| (rule.pattern.len(), rule.allow)).is_none_or(|rule| rule.allow)
    }

    /// Whether this address may be fetched.
    pub fn allow(&self, url: &url::Url) -> bool {
        self.allows(&url[url::Position::BeforePath..url::Position::AfterQuery])
    }

    /// The pause that the host asks for between two requests.
    pub fn crawl_delay(&self) -> Option<Duration> {
        self.delay
    }
}

#[derive(Default)]
struct Group {
    named: bool,
    rules: Vec<Rule>,
    delay: Option<Duration>,
}

impl Group {
    /// Takes one line; true when it was a rule.
    fn line(&mut self, key: &str, value: &str) -> bool {
        match key {
            // An empty rule matches nothing.
            "allow" | "disallow" => {
                if !value.is_empty() {
                    self.rules.push(Rule { allow: key == "allow", pattern: encode(value) });
                }
                true
            }
            "crawl-delay" => {
                let seconds = value.parse::<f64>().ok().and_then(|s| Duration::try_from_secs_f64(s).ok());
                self.delay = self.delay.or(seconds.map(|delay| delay.min(MAX_DELAY)));
                true
            }
            _ => false,
        }
    }
}

/// The product token at the beginning of a user-agent line: `Habar/1.2` means us.
fn token(value: &str) -> &str {
    let end = value.find(|c: char| !(c.is_ascii_alphabetic() || c == '-' || c == '_')).unwrap_or(value.len());
    &value[..end]
}

/// One form for the many ways to write an octet: unreserved ones plain, others percent-encoded in capitals.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let hex = |b: u8| char::from(b).to_digit(16).and_then(|d| u8::try_from(d).ok());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        let decoded = match after {
            [high, low, ..] if byte == b'%' => hex(*high).zip(hex(*low)).map(|(high, low)| high * 16 + low),
            _ => None,
        };
        rest = if decoded.is_some() { &after[2..] } else { after };
        match decoded {
            Some(octet) if octet.is_ascii_alphanumeric() || b"-._~".contains(&octet) => {
                out.push(char::from(octet));
            }
            Some(octet) => percent(&mut out, octet),
            None if byte.is_ascii_graphic() => out.push(char::from(byte)),
            None => percent(&mut out, byte),
        }
    }
    out
}

fn percent(out: &mut String, octet: u8) {
    out.push('%');
    for digit in [octet >> 4, octet & 15] {
        out.extend(char::from_digit(u32::from(digit), 16).map(|c| c.to_ascii_uppercase()));
    }
}

/// Whether a pattern matches the beginning of a path; `*` is any run, `$` at the end is the end.
/// The leftmost place for each piece is enough, so no pattern costs more than pieces times length.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, anchored) = pattern.strip_suffix('$').map_or((pattern, false), |pattern| (pattern, true));
    let mut pieces = pattern.split('*');
    let Some(mut rest) = path.strip_prefix(pieces.next().unwrap_or_default()) else { return false };
    let pieces: Vec<&str> = pieces.collect();
    let Some((last, middle)) = pieces.split_last() else { return !anchored || rest.is_empty() };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    if anchored { rest.ends_with(last) } else { rest.contains(last) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(robots: &str, cases: &[(&str, bool)]) {
        let parsed = Robots::parse(robots.as_bytes());
        for (path, allowed) in cases {
            assert_eq!(parsed.allows(path), *allowed, "{path} under {robots:?}");
        }
    }

    #[test]
    fn the_longest_rule_decides_and_allow_wins_a_draw() {
        check(
            "User-agent: *\nDisallow: /news\nAllow: /news/open\nDisallow: /a\nAllow: /a\nDisallow: /",
            &[("/news/1", false), ("/news/open/1", true), ("/a", true), ("/b", false), ("/robots.txt", true)],
        );
    }

    #[test]
    fn our_own_group_replaces_the_one_for_all() {
        let both = "User-agent: *\nDisallow: /\n\nUser-Agent: HABAR/2.0\nDisallow: /private";
        check(both, &[("/news", true), ("/private/x", false)]);
        let shared = "User-agent: other\nUser-agent: habar\nDisallow: /x\nUser-agent: *\nDisallow: /";
        check(shared, &[("/x", false), ("/y", true)]);
        let twice =
            "User-agent: habar\nDisallow: /x\nUser-agent: b\nDisallow: /z\nUser-agent: Habar\nDisallow: /y";
        check(twice, &[("/x", false), ("/y", false), ("/z", true)]);
        check("User-agent: habarbot\nDisallow: /", &[("/", true)]);
        check("User-agent: habar\nDisallow:\nUser-agent: *\nDisallow: /", &[("/", true)]);
    }

    #[test]
    fn stars_and_dollars_match_as_the_standard_says() {
        check(
            "User-agent: *\nDisallow: /*.pdf$\nDisallow: /*/print\nDisallow: /q?*id=\nDisallow: /end$",
            &[
                ("/a.pdf", false),
                ("/a.pdf?x", true),
                ("/a/print/2", false),
                ("/print", true),
                ("/q?x=1&id=2", false),
                ("/q?x=1", true),
                ("/end", false),
                ("/ending", true),
            ],
        );
    }

    #[test]
    fn octets_match_however_they_are_written() {
        check("User-agent: *\nDisallow: /haber/ə", &[("/haber/%C9%99", false), ("/haber/%c9%99/x", false)]);
        check("User-agent: *\nDisallow: /%7Ejoe", &[("/~joe", false)]);
        check("User-agent: *\nDisallow: /a%2Fb", &[("/a/b", true), ("/a%2fb", false)]);
    }

    #[test]
    fn comments_line_ends_and_nonsense_are_survived() {
        check(
            "\u{feff}user-agent : * # all\r\nDISALLOW : /x # not this\rSitemap: /s\n<html>",
            &[("/x", false), ("/y", true)],
        );
        check("Disallow: /before-any-agent", &[("/before-any-agent", true)]);
        check("", &[("/", true), ("", true)]);
        check("User-agent: *\nSitemap: http://a/\nUser-agent: habar\nDisallow: /x", &[("/x", false)]);
        assert!(Robots::parse(&[0xff, 0xfe, b':', b'\n']).allows("/"));
    }

    #[test]
    fn only_the_first_half_megabyte_counts() {
        let mut long = b"User-agent: *\n".to_vec();
        long.resize(MAX_BYTES, b'#');
        long.extend_from_slice(b"\nDisallow: /");
        assert!(Robots::parse(&long).allows("/x"));
    }

    #[test]
    fn a_delay_is_taken_when_it_is_one() {
        let delay = |value: &str| {
            Robots::parse(format!("User-agent: *\nCrawl-delay: {value}").as_bytes()).crawl_delay()
        };
        assert_eq!(delay("10"), Some(Duration::from_secs(10)));
        assert_eq!(delay("0.5"), Some(Duration::from_millis(500)));
        assert_eq!(delay("1e300"), None);
        assert_eq!(delay("99999999"), Some(MAX_DELAY));
        for odd in ["", "-1", "NaN", "inf", "ten"] {
            assert_eq!(delay(odd), None, "{odd}");
        }
    }

    #[test]
    fn a_hostile_pattern_costs_little() {
        let pattern = format!("User-agent: *\nDisallow: /{}$", "*a".repeat(50_000));
        assert!(Robots::parse(pattern.as_bytes()).allows(&format!("/{}b", "a".repeat(50_000))));
    }
}
