//! Whether a feed comes from a host that carries what others publish (FeedBurner, RSSHub, a bridge of one's own): what
//! such a server says of one feed holds for no other.

use url::{Host, Url};

use super::Entry;

/// Whether most of these entries lead to another site than the one that serves them.
pub fn is_relayed(from: &Url, entries: &[Entry]) -> bool {
    let Some(own) = site(from) else { return false };
    let links = entries.iter().filter_map(|entry| Url::parse(entry.link.as_deref()?).ok());
    let (mut here, mut elsewhere) = (0, 0);
    for link in links {
        *(if site(&link).as_ref() == Some(&own) { &mut here } else { &mut elsewhere }) += 1;
    }
    elsewhere > here
}

/// Under these, as under a country, names belong to different owners.
const SHARED: [&str; 16] = [
    "com", "co", "net", "org", "gov", "edu", "ac", "mil", "info", "or", "ne", "go", "gen", "bel", "web", "av",
];

/// The part of a host's name that somebody has registered; an IP address as it is.
fn site(url: &Url) -> Option<String> {
    let Host::Domain(name) = url.host()? else { return url.host_str().map(str::to_owned) };
    let labels: Vec<&str> = name.trim_end_matches('.').split('.').collect();
    let count = match labels[..] {
        [.., second, country] if country.len() == 2 && SHARED.contains(&second) => 3,
        _ => 2,
    };
    Some(labels[labels.len().saturating_sub(count)..].join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relay_serves_what_leads_elsewhere() {
        let cases = [
            (
                "https://feeds.feedburner.com/haber",
                &["https://haber.example/1", "https://haber.example/2"][..],
                true,
            ),
            (
                "https://rss.haber.com.tr/son",
                &["https://www.haber.com.tr/1", "https://haber.com.tr/2"],
                false,
            ),
            ("https://one.com.tr/rss", &["https://two.com.tr/1"], true),
            ("https://news.example/rss", &["https://news.example/1", "https://other.example/2"], false),
            ("http://127.0.0.1:1200/tass", &["https://tass.example/1"], true),
            ("http://127.0.0.1/rss", &["http://127.0.0.1/1"], false),
            ("https://news.example/rss", &[], false),
            ("https://news.example/rss", &["not an address"], false),
        ];
        for (from, links, relayed) in cases {
            let entry = |link: &&str| Entry { link: Some((*link).to_owned()), ..Entry::default() };
            let entries: Vec<_> = links.iter().map(entry).collect();
            assert_eq!(is_relayed(&Url::parse(from).unwrap(), &entries), relayed, "{from}");
        }
    }
}
