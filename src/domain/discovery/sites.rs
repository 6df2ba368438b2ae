//! Sites whose feeds follow from the address of a page.

use url::Url;

use super::{How, Lead};

/// The feeds of a page, by the rules of its site; the one that is meant first.
pub fn known(url: &Url) -> Vec<Lead> {
    let host = url.host_str().unwrap_or_default().trim_start_matches("www.");
    let path: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let feeds = match host {
        "youtube.com" | "m.youtube.com" => youtube(url, &path),
        "github.com" => github(&path),
        "reddit.com" | "old.reddit.com" | "np.reddit.com" => reddit(&path),
        "medium.com" => medium(&path),
        "news.google.com" => google_news(url, &path),
        "vimeo.com" => {
            path.first().map(|user| vec![format!("https://vimeo.com/{user}/videos/rss")]).unwrap_or_default()
        }
        "bsky.app" => match path[..] {
            ["profile", who, ..] => vec![format!("https://bsky.app/profile/{who}/rss")],
            _ => Vec::new(),
        },
        _ => by_host(host, url, &path),
    };
    let leads = feeds.iter().filter_map(|feed| Url::parse(feed).ok());
    // What is a feed already needs no rule.
    leads.filter(|feed| feed != url).map(|feed| Lead::new(feed, How::Site)).collect()
}

fn youtube(url: &Url, path: &[&str]) -> Vec<String> {
    let feed = |key: &str, id: &str| format!("https://www.youtube.com/feeds/videos.xml?{key}={id}");
    let list = url.query_pairs().find(|(key, _)| key == "list").map(|(_, id)| id);
    match (path, list) {
        (["channel", id, ..], _) if is_id(id) => vec![feed("channel_id", id)],
        (["user", name, ..], _) if is_id(name) => vec![feed("user", name)],
        (["playlist", ..], Some(id)) if is_id(&id) => vec![feed("playlist_id", &id)],
        // `/@handle`, `/c/name` and `/watch` say the channel in the page.
        _ => Vec::new(),
    }
}

fn is_id(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Feeds whose addresses only the page tells.
pub(super) fn inside(html: &str, url: &Url) -> Option<Url> {
    let host = url.host_str().unwrap_or_default();
    if host != "youtube.com" && !host.ends_with(".youtube.com") {
        return None;
    }
    let marks = [
        "\"externalId\":\"",
        "itemprop=\"identifier\" content=\"",
        "\"channelId\":\"",
        "youtube.com/channel/",
    ];
    let id = marks.iter().find_map(|mark| {
        let rest = &html[html.find(mark)? + mark.len()..];
        let id = &rest[..rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-' && c != '_')?];
        (id.starts_with("UC") && is_id(id)).then_some(id)
    })?;
    Url::parse(&format!("https://www.youtube.com/feeds/videos.xml?channel_id={id}")).ok()
}

fn github(path: &[&str]) -> Vec<String> {
    const NOT_USERS: [&str; 8] =
        ["features", "topics", "explore", "about", "search", "orgs", "trending", "marketplace"];
    let feed = |rest: &str| format!("https://github.com/{rest}.atom");
    match path {
        [first, ..] if NOT_USERS.contains(first) => Vec::new(),
        [user] => vec![feed(user)],
        [user, repo] => ["releases", "tags", "commits"]
            .iter()
            .map(|kind| feed(&format!("{user}/{repo}/{kind}")))
            .collect(),
        [user, repo, kind @ ("releases" | "tags")] => vec![feed(&format!("{user}/{repo}/{kind}"))],
        [user, repo, "commits"] => vec![feed(&format!("{user}/{repo}/commits"))],
        [user, repo, "commits" | "tree", branch @ ..] => {
            vec![feed(&format!("{user}/{repo}/commits/{}", branch.join("/")))]
        }
        _ => Vec::new(),
    }
}

fn reddit(path: &[&str]) -> Vec<String> {
    match path {
        ["r" | "user" | "u", name, ..] if !path.last().is_some_and(|last| last.ends_with("rss")) => {
            let kind = if path[0] == "r" { "r" } else { "user" };
            vec![format!("https://www.reddit.com/{kind}/{name}/.rss")]
        }
        _ => Vec::new(),
    }
}

fn medium(path: &[&str]) -> Vec<String> {
    match path {
        [] | ["feed" | "tag" | "m", ..] => Vec::new(),
        [who, ..] => vec![format!("https://medium.com/feed/{who}")],
    }
}

/// Its sections and searches have feeds under the same address below `/rss`.
fn google_news(url: &Url, path: &[&str]) -> Vec<String> {
    match path {
        ["topics" | "search" | "publications" | "topstories" | "home", ..] | [] => {
            let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
            let path = if path == ["home"] { String::new() } else { path.join("/") };
            vec![format!("https://news.google.com/rss/{path}{query}").replace("rss/?", "rss?")]
        }
        _ => Vec::new(),
    }
}

fn by_host(host: &str, url: &Url, path: &[&str]) -> Vec<String> {
    let root = |path: &str| url.join(path).map(|url| vec![url.to_string()]).unwrap_or_default();
    let is_feed = path.first().is_some_and(|first| matches!(*first, "feed" | "feeds" | "rss"));
    match path {
        _ if is_feed => Vec::new(),
        _ if host.contains(".blogspot.") => root("/feeds/posts/default"),
        _ if host.ends_with(".medium.com") || host.ends_with(".substack.com") => root("/feed"),
        _ if host.ends_with(".tumblr.com") => root("/rss"),
        _ if host.ends_with(".wordpress.com") && path.is_empty() => root("/feed/"),
        _ if host.ends_with(".livejournal.com") => root("/data/rss"),
        // A person on Mastodon and what speaks like it.
        [handle] if handle.starts_with('@') && handle.len() > 1 && !handle.contains(".rss") => {
            root(&format!("/{handle}.rss"))
        }
        _ => Vec::new(),
    }
}
