//! JSON Feed 1.0 and 1.1 (<https://www.jsonfeed.org/version/1.1/>), with numbers for ids, fields left out and fields
//! invented, for each of which feed-rs refuses the document.

use serde_json::Value;

use super::FeedError;
use super::dates;
use super::draft::{Draft, DraftFeed, Link};

/// Reads a JSON Feed.
pub(super) fn read(text: &str) -> Result<DraftFeed, FeedError> {
    let found: Value = serde_json::from_str(text).map_err(|error| FeedError::Broken {
        line: Some(error.line()),
        what: format!("it is no valid JSON: {error}"),
    })?;
    let is_feed =
        found.get("version").and_then(Value::as_str).is_some_and(|v| v.contains("jsonfeed.org/version/1"));
    let Some(items) = found.get("items").and_then(Value::as_array).filter(|_| is_feed) else {
        return Err(FeedError::NotAFeed { found: "a JSON document of another kind".to_owned() });
    };
    Ok(DraftFeed {
        title: plain(&found, "title").unwrap_or_default(),
        language: text_of(&found, "language"),
        links: text_of(&found, "home_page_url").map(page).into_iter().collect(),
        entries: items.iter().map(item).collect(),
        items: items.len(),
        ..DraftFeed::default()
    })
}

fn item(found: &Value) -> Draft {
    let date = |key| text_of(found, key).and_then(|date| dates::parse(&date));
    let several = found.get("authors").and_then(Value::as_array).into_iter().flatten();
    let people = several.chain(found.get("author"));
    Draft {
        id: text_of(found, "id").unwrap_or_default(),
        title: plain(found, "title").unwrap_or_default(),
        summary: plain(found, "summary").unwrap_or_default(),
        content: text_of(found, "content_html").or_else(|| plain(found, "content_text")).unwrap_or_default(),
        links: ["url", "external_url"].iter().filter_map(|key| text_of(found, key)).map(page).collect(),
        people: people.filter_map(|author| as_text(author.get("name").unwrap_or(author))).collect(),
        published: date("date_published"),
        updated: date("date_modified"),
        language: text_of(found, "language"),
        ..Draft::default()
    }
}

fn page(href: String) -> Link {
    Link { href, ..Link::default() }
}

/// Plain text, as HTML.
fn plain(found: &Value, key: &str) -> Option<String> {
    text_of(found, key).map(|text| text.replace('&', "&amp;").replace('<', "&lt;"))
}

fn text_of(found: &Value, key: &str) -> Option<String> {
    found.get(key).and_then(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
