//! `[[source]]`: addresses that can be polled.

use std::collections::HashMap;
use std::sync::Arc;

use toml::Spanned;
use url::Url;

use super::{Checker, SOME, items};
use crate::config::diagnostic::At;
use crate::config::{HttpConfig, Polling, Source, raw};
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
        Source { url, name, tags, max_interval, full_text, allow_private, credentials, route }
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
