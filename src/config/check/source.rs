//! `[[source]]`: addresses that can be polled.

use std::collections::HashMap;
use std::sync::Arc;

use toml::Spanned;
use url::Url;

use super::{Checker, SOME, items};
use crate::config::diagnostic::At;
use crate::config::{HttpConfig, Polling, Source, raw};
use crate::domain::feed::Kind;
use crate::domain::feed::listing::{Css, Selectors};
use crate::io::http;
use crate::time::show_duration;

/// The sources of all files.
#[derive(Default)]
pub(super) struct Sources {
    pub checked: Vec<Source>,
    places: HashMap<Url, At>,
}

impl Sources {
    /// Checks the sources of the checker's file.
    pub fn add(
        &mut self,
        checker: &mut Checker<'_>,
        raw: &[Spanned<raw::Source>],
        polling: &Polling,
        http: &HttpConfig,
    ) {
        for table in raw {
            let raw = table.get_ref();
            let Some(text) = &raw.url else {
                let at = At { file: checker.file, span: table.span() };
                if !raw.flawed {
                    checker.report.error(
                        &at,
                        "a source needs its address",
                        "for example: url = \"https://example.org/feed.xml\"".to_owned(),
                    );
                }
                continue;
            };
            let Some(url) = checker.url(text) else { continue };
            // The first of two wins: a pack cannot change what the main file says about a source.
            if let Some(first) = self.places.get(&url) {
                let first = checker.report.locate(first);
                checker.warn(text, "this source is there twice", format!("the first counts: {first}"));
                continue;
            }
            self.places.insert(url.clone(), checker.at(text));
            let source = checker.source(raw, url, polling);
            if let Some(refusal) = http::refuses(&source.url, &http.allow_private, source.allow_private) {
                let said = refusal.to_string();
                let (what, help) = said.split_once("; ").unwrap_or((&said, "use its public address"));
                checker.warn(text, format!("this source is never polled: {what}"), help);
            }
            self.checked.push(source);
        }
    }
}

impl Checker<'_> {
    fn source(&mut self, raw: &raw::Source, url: Url, polling: &Polling) -> Source {
        let mut max_interval = None;
        if let Some(text) = &raw.max_interval {
            let interval = self.duration("max_interval", &raw.max_interval, polling.floor, SOME);
            if interval < polling.floor {
                let floor = show_duration(polling.floor);
                self.warn(
                    text,
                    format!("max_interval is under the floor of {floor}"),
                    "[polling] floor wins",
                );
            }
            max_interval = Some(interval.max(polling.floor));
        }
        let mut tags: Vec<String> = Vec::new();
        for tag in items(&raw.tags) {
            if let Some(tag) = self.line("a tag", tag)
                && !tags.contains(&tag)
            {
                tags.push(tag);
            }
        }
        let name = raw.name.as_ref().and_then(|name| self.line("a name", name));
        let full_text = raw.full_text.as_ref().is_none_or(|switch| *switch.get_ref());
        let allow_private = raw.allow_private.as_ref().is_some_and(|switch| *switch.get_ref());
        let credentials = self.credentials(raw, &url, allow_private).map(Arc::new);
        let route = self.route(raw);
        let kind = self.kind(raw);
        Source { url, kind, name, tags, max_interval, full_text, allow_private, credentials, route }
    }

    fn kind(&mut self, raw: &raw::Source) -> Kind {
        let is_page = match &raw.kind {
            Some(kind) => match kind.get_ref().trim() {
                "feed" => false,
                "page" => true,
                "sitemap" => {
                    self.refuse_selectors(raw, "a sitemap has no selectors");
                    return Kind::Sitemap;
                }
                other => {
                    let help = "write kind = \"feed\", \"sitemap\" or \"page\"; a feed needs no kind";
                    self.error(kind, format!("{other:?} is no kind of source"), help);
                    return Kind::Feed;
                }
            },
            None => false,
        };
        if !is_page {
            self.refuse_selectors(raw, "a feed has no selectors");
            return Kind::Feed;
        }
        let item = raw.item.as_ref().map(|item| self.selector("item", item));
        let mut inner = |key, raw: &raw::Text| raw.as_ref().and_then(|raw| self.selector(key, raw));
        let (link, title) = (inner("link", &raw.link), inner("title", &raw.title));
        let (date, summary) = (inner("date", &raw.date), inner("summary", &raw.summary));
        match (item, &raw.kind) {
            (Some(Some(item)), _) => Kind::Page(Arc::new(Selectors { item, link, title, date, summary })),
            (None, Some(kind)) if !raw.flawed => {
                let help = "write what encloses each piece of news, for example: item = \"article.card\"";
                self.error(kind, "a page needs the selector of its items", help);
                Kind::Feed
            }
            _ => Kind::Feed,
        }
    }

    fn selector(&mut self, key: &str, raw: &Spanned<String>) -> Option<Css> {
        match raw.get_ref().parse() {
            Ok(css) => Some(css),
            Err(error) => {
                let message = format!("{key} = {:?} is no CSS selector: {error}", raw.get_ref());
                self.error(
                    raw,
                    message,
                    "`habar try feed URL --kind page --item …` shows what a selector finds",
                );
                None
            }
        }
    }

    /// A selector that nobody looks at would be taken for one that works.
    fn refuse_selectors(&mut self, raw: &raw::Source, why: &str) {
        let keys = [
            ("item", &raw.item),
            ("link", &raw.link),
            ("title", &raw.title),
            ("date", &raw.date),
            ("summary", &raw.summary),
        ];
        for (key, raw) in keys {
            if let Some(raw) = raw {
                let help = if key == "title" {
                    "write kind = \"page\", or take it out; the outlet's name is name = \"…\""
                } else {
                    "write kind = \"page\", or take it out"
                };
                self.error(raw, format!("{key}: {why}"), help);
            }
        }
    }

    fn url(&mut self, raw: &Spanned<String>) -> Option<Url> {
        let text = raw.get_ref().trim();
        let example = "for example: url = \"https://example.org/feed.xml\"".to_owned();
        let (message, help) = match Url::parse(text) {
            Ok(url) if !matches!(url.scheme(), "http" | "https") => {
                let https =
                    text.split_once(':').map(|(_, rest)| format!("https://{}", rest.trim_start_matches('/')));
                let help = match https.filter(|_| matches!(url.scheme(), "feed" | "rss" | "ftp")) {
                    Some(https) => format!("did you mean {https:?}?"),
                    None => example,
                };
                (format!("only http and https can be polled, not {}:", url.scheme()), help)
            }
            Ok(url) if !url.username().is_empty() || url.password().is_some() => (
                "an address with a user name or password is not supported".to_owned(),
                "take out what stands before the @: a login is auth = { user = \"…\", password_file = \"…\" }"
                    .to_owned(),
            ),
            Ok(url) => return Some(url),
            Err(url::ParseError::RelativeUrlWithoutBase) if looks_like_a_host(text) => {
                (format!("{text:?} is no address"), format!("did you mean \"https://{text}\"?"))
            }
            Err(url::ParseError::RelativeUrlWithoutBase) => (format!("{text:?} is no address"), example),
            Err(error) => (format!("{text:?} is no address: {error}"), example),
        };
        self.error(raw, message, help);
        None
    }

    /// A text that stands in headers and tables: one line, not empty.
    pub(super) fn line(&mut self, what: &str, raw: &Spanned<String>) -> Option<String> {
        let text = raw.get_ref().trim();
        if text.is_empty() || text.chars().any(char::is_control) || text.chars().count() > 200 {
            self.report.error(&self.at(raw), format!("{what} is one line of 1 to 200 characters"), None);
            return None;
        }
        Some(text.to_owned())
    }
}

fn looks_like_a_host(text: &str) -> bool {
    let host = text.split('/').next().unwrap_or("");
    host.contains('.') && !host.starts_with('.') && !host.contains(char::is_whitespace)
}
