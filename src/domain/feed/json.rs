//! A JSON Feed with the fields that are read here, in the types that feed-rs expects.
//!
//! Publishers write numbers for ids, leave titles out and invent fields; feed-rs refuses the document for each.

use serde_json::{Map, Value, json};

use super::{FeedError, repair};

/// The document to give to feed-rs, and how many items it holds.
pub(super) fn repair(text: &str) -> Result<(String, usize), FeedError> {
    let found: Value = serde_json::from_str(text).map_err(|error| FeedError::Broken {
        line: Some(error.line()),
        what: format!("it is no valid JSON: {error}"),
    })?;
    let is_feed =
        found.get("version").and_then(Value::as_str).is_some_and(|v| v.contains("jsonfeed.org/version/1"));
    let Some(items) = found.get("items").and_then(Value::as_array).filter(|_| is_feed) else {
        return Err(FeedError::NotAFeed { found: "a JSON document of another kind".to_owned() });
    };
    let mut feed = fields(&found, &["home_page_url", "feed_url", "language"]);
    feed.insert("version".to_owned(), json!("https://jsonfeed.org/version/1.1"));
    feed.insert("title".to_owned(), found.get("title").and_then(as_text).unwrap_or_default().into());
    feed.insert("items".to_owned(), items.iter().map(item).collect());
    Ok((Value::Object(feed).to_string(), items.len()))
}

fn item(found: &Value) -> Value {
    let mut item = fields(
        found,
        &[
            "id",
            "url",
            "external_url",
            "title",
            "content_html",
            "content_text",
            "summary",
            "date_published",
            "date_modified",
        ],
    );
    let several = found.get("authors").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<Value> = several
        .chain(found.get("author"))
        .filter_map(|author| as_text(author.get("name").unwrap_or(author)))
        .map(|name| json!({ "name": name.replace('@', repair::AT.encode_utf8(&mut [0; 4])) }))
        .collect();
    item.insert("authors".to_owned(), names.into());
    Value::Object(item)
}

fn fields(found: &Value, names: &[&str]) -> Map<String, Value> {
    names.iter().filter_map(|name| Some(((*name).to_owned(), as_text(found.get(name)?)?.into()))).collect()
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
