//! What was found behind an address, told to people and to programs.

use std::cmp::Reverse;

use serde_json::{Value, json};
use url::Url;

use super::search::{Found, Search};
use crate::cli::output::{self, Table};
use crate::cli::{Exit, Failure, Result, ago};
use crate::config::Source;
use crate::domain::discovery::Choice;
use crate::domain::feed::{Document, Entry};
use crate::time::{Clock, Timestamp};

/// So many of the last entries are shown.
const LAST: usize = 5;
/// So many of the addresses that were tried in vain.
const TRIED: usize = 16;

/// Shows the feeds, the best first, and the last entries of those that are taken.
pub fn tell(
    search: &Search,
    choice: &Choice,
    picked: &[usize],
    is_configured: impl Fn(&Url) -> bool,
) -> Result<()> {
    let now = Clock::System.now();
    if let Some(title) = &search.title {
        output::line(output::paint(output::style::HEADING, output::plain(title)))?;
    }
    let mut table = Table::new(&["", "ENTRIES", "NEWEST", "LANGUAGE", "FOUND", "TITLE", "ADDRESS"]);
    for (number, at) in choice.order.iter().enumerate() {
        let Found { url, lead, document, .. } = &search.found[*at];
        let how = match lead.how.as_str() {
            _ if is_configured(url) => "configured already",
            _ if lead.is_comments => "readers' comments",
            how => how,
        };
        table.row([
            &(number + 1).to_string(),
            &document.entries.len().to_string(),
            &ago(newest(document), now),
            document.language.as_deref().unwrap_or("-"),
            how,
            document.title.as_deref().or(lead.title.as_deref()).unwrap_or("-"),
            url.as_str(),
        ]);
    }
    table.right(&[0, 1]);
    table.cut(&[5]);
    table.tail_below();
    table.print()?;
    let shown: &[usize] = if picked.is_empty() { choice.order.get(..1).unwrap_or_default() } else { picked };
    for at in shown {
        entries(&search.found[*at].document)?;
    }
    output::line("")
}

/// The newest entries; in the order of the feed where it does not date them all.
fn last(document: &Document) -> Vec<&Entry> {
    let mut entries: Vec<&Entry> = document.entries.iter().collect();
    if entries.iter().all(|entry| date(entry).is_some()) {
        entries.sort_by_key(|entry| Reverse(date(entry)));
    }
    entries.truncate(LAST);
    entries
}

fn date(entry: &Entry) -> Option<Timestamp> {
    entry.published.or(entry.modified)
}

fn newest(document: &Document) -> Option<Timestamp> {
    document.entries.iter().filter_map(date).max()
}

fn entries(document: &Document) -> Result<()> {
    if document.entries.is_empty() {
        return output::line("\nit has no entries yet");
    }
    output::heading("Last entries")?;
    let mut table = Table::new(&["PUBLISHED", "TITLE"]);
    for entry in last(document) {
        table.row([&date(entry).map_or("-".to_owned(), |at| at.to_string()), &entry.title]);
    }
    table.cut(&[1]);
    table.print()
}

/// Why there is nothing to add.
pub fn no_feed(search: &Search) -> Failure {
    let page = &search.page;
    if let Some(trouble) = &search.trouble {
        return Failure::new(trouble.exit, format!("{page} cannot be read: {}", trouble.reason))
            .help(trouble.help);
    }
    let tried: Vec<String> = search
        .tried
        .iter()
        .take(TRIED)
        .map(|(url, reason)| format!("  {url}: {}", output::plain(reason)))
        .collect();
    let details = if tried.is_empty() { String::new() } else { format!("tried:\n{}", tried.join("\n")) };
    Failure::new(Exit::NoInput, format!("no feed, sitemap or list of news was found behind {page}"))
        .details(details)
        .help("look for RSS or Atom on the site in a browser and add that address")
}

/// For programs: what was found.
pub fn as_json(search: &Search, choice: &Choice, asked: &Url, is_configured: impl Fn(&Url) -> bool) -> Value {
    let found: Vec<Value> = choice
        .order
        .iter()
        .map(|at| {
            let Found { url, lead, document, kind, item } = &search.found[*at];
            let last = document.entries.iter().take(LAST).map(
                |entry| json!({ "title": entry.title, "link": entry.link, "published": entry.published }),
            );
            json!({
                "url": url.as_str(),
                "title": document.title,
                "kind": kind,
                "item": item,
                "how": how(lead.how),
                "comments": lead.is_comments,
                "entries": document.entries.len(),
                "newest": newest(document),
                "language": document.language,
                "configured": is_configured(url),
                "last": last.collect::<Vec<_>>(),
            })
        })
        .collect();
    json!({ "address": asked.as_str(), "page": search.page.as_str(), "found": found, "equals": choice.equals, "tried": tried(search) })
}

fn how(how: crate::domain::discovery::How) -> &'static str {
    use crate::domain::discovery::How;
    match how {
        How::Itself => "itself",
        How::Site => "site",
        How::Declared => "declared",
        How::Linked => "linked",
        How::Usual => "usual",
        How::News => "news_sitemap",
        How::List => "list",
        How::Sitemap => "sitemap",
    }
}

fn tried(search: &Search) -> Vec<Value> {
    search.tried.iter().map(|(url, reason)| json!({ "url": url.as_str(), "reason": reason })).collect()
}

/// For programs: that nothing was found.
pub fn nothing(search: &Search, asked: &Url) -> Value {
    json!({ "address": asked.as_str(), "page": search.page.as_str(), "found": [], "picked": [], "tried": tried(search) })
}

/// For programs: that it is there already.
pub fn known(asked: &Url, source: &Source) -> Value {
    let found = json!({ "url": source.url.as_str(), "title": source.name, "kind": source.kind.as_str(), "configured": true });
    json!({ "address": asked.as_str(), "found": [found], "picked": [source.url.as_str()], "written": [] })
}

/// Adds what `more` holds.
pub fn join(told: &mut Value, more: Value) {
    if let (Some(told), Value::Object(more)) = (told.as_object_mut(), more) {
        told.extend(more);
    }
}
