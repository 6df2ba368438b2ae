//! JSON-LD: what the publisher tells machines about the page.

use serde_json::{Map, Value};

use crate::domain::html::tree::squeeze;

/// What structured data says of the article.
#[derive(Debug, Default, Clone)]
pub(super) struct Linked {
    /// It describes an article and not only a page or site.
    pub article: bool,
    /// Its headline.
    pub headline: Option<String>,
    /// Names of people, no organisations.
    pub people: Vec<String>,
    /// The publisher's name.
    pub publisher: Option<String>,
    /// When it was published, as written.
    pub published: Option<String>,
    /// The text, when it is given in whole or part.
    pub body: Option<String>,
    /// The language, as written.
    pub language: Option<String>,
    /// False: readers must pay.
    pub free: Option<bool>,
}

/// More objects than this are not looked at.
const MAX_OBJECTS: usize = 5_000;
/// Keys whose values speak of something else than the page itself.
const ELSEWHERE: [&str; 14] = [
    "comment",
    "itemListElement",
    "mentions",
    "about",
    "review",
    "isPartOf",
    "publisher",
    "author",
    "creator",
    "liveBlogUpdate",
    "relatedLink",
    "hasPart",
    "citation",
    "image",
];

/// Reads all JSON-LD of a page; the first article in it wins.
pub(super) fn read(data: &[String]) -> Linked {
    let documents: Vec<Value> = data.iter().filter_map(|text| parse(text)).collect();
    let objects = objects(&documents);
    let mut found: Vec<&Map<String, Value>> = objects.iter().copied().filter(|o| kind(o) > 0).collect();
    found.sort_by_key(|object| std::cmp::Reverse(kind(object)));
    let Some(best) = found.first() else { return Linked::default() };
    let mut out = Linked { article: kind(best) > 1, ..Linked::default() };
    for object in found.iter().take_while(|object| kind(object) == kind(best)).take(50) {
        merge(&mut out, object, &objects);
    }
    out
}

/// Fills what is still missing; a second article may only add to the first when both have its headline.
fn merge(out: &mut Linked, object: &Map<String, Value>, all: &[&Map<String, Value>]) {
    let headline = text(object, &["headline", "name"]);
    if out.headline.is_some() && headline.is_some() && out.headline != headline {
        return;
    }
    let empty = out.people.is_empty();
    out.headline = out.headline.take().or(headline);
    out.published =
        out.published.take().or_else(|| text(object, &["datePublished", "dateCreated", "uploadDate"]));
    out.language = out.language.take().or_else(|| text(object, &["inLanguage"]));
    out.body = out.body.take().or_else(|| text(object, &["articleBody"]));
    out.publisher = out
        .publisher
        .take()
        .or_else(|| object.get("publisher").and_then(|p| names(p, all, true).into_iter().next()));
    out.free = out.free.or_else(|| object.get("isAccessibleForFree").and_then(truth));
    if empty {
        for key in ["author", "creator"] {
            if out.people.is_empty()
                && let Some(value) = object.get(key)
            {
                out.people = names(value, all, false);
            }
        }
    }
}

fn parse(text: &str) -> Option<Value> {
    let text = text.trim().trim_start_matches("<!--").trim_end_matches("-->").trim();
    serde_json::from_str(text).ok().or_else(|| serde_json::from_str(&repair(text)).ok())
}

/// What publishers' templates get wrong: raw line breaks in strings, commas before a closing bracket,
/// a CDATA wrapping, a semicolon at the end.
fn repair(text: &str) -> String {
    let text = text.replace("<![CDATA[", "").replace("]]>", "");
    let from = text.find(['{', '[']).unwrap_or(0);
    let until = text.rfind(['}', ']']).map_or(text.len(), |at| at + 1);
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.get(from..until).unwrap_or_default().chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' | ']' if !quoted => {
                let kept = out.trim_end().trim_end_matches(',').len();
                out.truncate(kept);
            }
            _ => {}
        }
        out.push(if c.is_control() { ' ' } else { c });
    }
    out
}

/// All objects that speak of the page itself, in document order, without recursion.
fn objects(documents: &[Value]) -> Vec<&Map<String, Value>> {
    let mut out = Vec::new();
    let mut open: Vec<&Value> = documents.iter().rev().collect();
    while let Some(value) = open.pop() {
        if out.len() >= MAX_OBJECTS {
            break;
        }
        match value {
            Value::Array(items) => open.extend(items.iter().rev()),
            Value::Object(object) => {
                out.push(object);
                let inside = object.iter().filter(|(key, _)| !ELSEWHERE.contains(&key.as_str()));
                open.extend(inside.map(|(_, value)| value).filter(|v| v.is_object() || v.is_array()));
            }
            _ => {}
        }
    }
    out
}

/// 3: an article; 2: something published like one; 1: a page.
fn kind(object: &Map<String, Value>) -> u8 {
    let one = |name: &str| match name.rsplit(['/', ':']).next().unwrap_or(name) {
        "NewsArticle"
        | "ReportageNewsArticle"
        | "Article"
        | "BlogPosting"
        | "OpinionNewsArticle"
        | "AnalysisNewsArticle"
        | "LiveBlogPosting"
        | "TechArticle"
        | "ScholarlyArticle"
        | "Report"
        | "BackgroundNewsArticle"
        | "AdvertiserContentArticle"
        | "SocialMediaPosting"
        | "ReviewNewsArticle" => 3,
        "VideoObject" | "Review" | "Recipe" | "PodcastEpisode" => 2,
        "WebPage" | "ItemPage" => 1,
        _ => 0,
    };
    match object.get("@type") {
        Some(Value::String(name)) => one(name),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).map(one).max().unwrap_or(0),
        _ => 0,
    }
}

fn text(object: &Map<String, Value>, keys: &[&str]) -> Option<String> {
    keys.iter().find_map(|key| {
        let value = match object.get(*key)? {
            Value::Array(items) => items.first()?,
            value => value,
        };
        let value = value.as_str().or_else(|| value.get("@value")?.as_str())?.trim();
        (!value.is_empty()).then(|| value.to_owned())
    })
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(free) => Some(*free),
        Value::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Value::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// The names in an author or publisher, whichever of the many shapes it has.
fn names(value: &Value, all: &[&Map<String, Value>], organisations: bool) -> Vec<String> {
    let values = match value {
        Value::Array(items) => items.iter().take(20).collect(),
        value => vec![value],
    };
    values
        .into_iter()
        .flat_map(|value| name(value, all, organisations))
        .filter(|name| !name.is_empty())
        .collect()
}

fn name(value: &Value, all: &[&Map<String, Value>], organisations: bool) -> Vec<String> {
    let object = match value {
        Value::String(name) => return vec![squeeze(name)],
        Value::Object(object) => object,
        _ => return Vec::new(),
    };
    let has_name = |o: &Map<String, Value>| o.get("name").is_some();
    let reference = object.get("@id").and_then(Value::as_str).filter(|_| !has_name(object));
    let object = reference
        .and_then(|id| {
            all.iter().copied().find(|o| has_name(o) && o.get("@id").and_then(Value::as_str) == Some(id))
        })
        .unwrap_or(object);
    if !organisations && is_organisation(object) {
        return Vec::new();
    }
    match object.get("name") {
        Some(Value::String(name)) => vec![squeeze(name)],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).map(squeeze).collect(),
        _ => Vec::new(),
    }
}

fn is_organisation(object: &Map<String, Value>) -> bool {
    let organisation = |name: &str| name.ends_with("Organization") || name == "Corporation";
    match object.get("@type") {
        Some(Value::String(name)) => organisation(name),
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str);
            names.clone().all(|name| name != "Person") && names.any(organisation)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(json: &str) -> Linked {
        read(&[json.to_owned()])
    }

    #[test]
    fn the_article_is_found_in_every_shape() {
        let cases = [
            r#"{"@type":"NewsArticle","headline":"Körpü açıldı"}"#,
            r#"[{"@type":"WebSite","name":"Site"},{"@type":["Article","NewsArticle"],"headline":"Körpü açıldı"}]"#,
            r#"{"@graph":[{"@type":"WebPage","name":"Page"},{"@type":"BlogPosting","headline":"Körpü açıldı"}]}"#,
            r#"{"@type":"WebPage","mainEntity":{"@type":"Article","headline":"Körpü açıldı"}}"#,
            r#"{"@type":"ItemList","itemListElement":[{"@type":"Article","headline":"Other"}]} "#,
        ];
        for json in &cases[..4] {
            assert_eq!(one(json).headline.as_deref(), Some("Körpü açıldı"), "{json}");
        }
        assert_eq!(one(cases[4]).headline, None);
    }

    #[test]
    fn broken_json_is_repaired() {
        let cases = [
            "{\"@type\":\"Article\",\"headline\":\"a\nb\",}",
            "//<![CDATA[\n{\"@type\":\"Article\",\"headline\":\"a b\"}\n//]]>",
            "{\"@type\":\"Article\",\"headline\":\"a b\", \"keywords\":[\"x\", ] };",
        ];
        for json in cases {
            assert_eq!(one(json).headline.as_deref(), Some("a b"), "{json}");
        }
        assert!(!one("{").article && !one(&"[".repeat(100_000)).article);
    }

    #[test]
    fn people_are_authors_and_organisations_are_not() {
        let cases: [(&str, &[&str]); 6] = [
            (r#""author":{"@type":"Person","name":"Ələkbər Əliyev"}"#, &["Ələkbər Əliyev"]),
            (r#""author":[{"name":"A B"},{"@type":"Organization","name":"APA"}]"#, &["A B"]),
            (r#""author":{"@type":"NewsMediaOrganization","name":"APA"}"#, &[]),
            (r#""author":"A B""#, &["A B"]),
            (r#""author":{"@type":"Person","name":["A B","C D"]}"#, &["A B", "C D"]),
            (r#""comment":{"author":{"@type":"Person","name":"Troll"}}"#, &[]),
        ];
        for (author, people) in cases {
            assert_eq!(
                one(&format!(r#"{{"@type":"Article","headline":"x",{author}}}"#)).people,
                people,
                "{author}"
            );
        }
        let graph = r##"{"@graph":[{"@type":"Article","author":{"@id":"#p"}},{"@type":"Person","@id":"#p","name":"A B"}]}"##;
        assert_eq!(one(graph).people, ["A B"]);
    }

    #[test]
    fn a_page_behind_a_wall_says_so() {
        for (written, free) in
            [("false", Some(false)), ("\"False\"", Some(false)), ("true", Some(true)), ("3", None)]
        {
            let json = format!(r#"{{"@type":"Article","isAccessibleForFree":{written}}}"#);
            assert_eq!(one(&json).free, free, "{written}");
        }
    }
}
