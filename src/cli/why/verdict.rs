//! What each watch says of an article: the code that a read uses, over what is stored of it.

use std::collections::HashMap;

use serde::Serialize;

use super::super::name_of;
use crate::config::{Config, Source, Watch};
use crate::domain::scope::Candidate;
use crate::domain::watch::{Matcher, Text};
use crate::io::store::life::{Alert, Life};
use crate::pipeline::read::{Found, find, is_too_old};

/// One watch's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The watch.
    pub watch: String,
    /// It makes no alerts at present.
    pub paused: bool,
    /// Whether the watch, as it is now, has a hit.
    pub hit: bool,
    /// Why it has none: it does not look at this source or language, or found none of its keywords.
    pub because: Option<Because>,
    /// What was found, also where the watch does not look.
    pub found: Vec<Found>,
    /// Whether it had a hit when the article was read.
    pub stored_hit: bool,
    /// What there is to say of that.
    pub note: Option<String>,
}

/// What decided that there is no hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Because {
    /// The watch does not look at this source.
    Source,
    /// The watch does not look at this language.
    Language,
    /// No keyword stands in the title or the text.
    Keywords,
}

/// The verdict of every watch, in the config's order.
pub fn of(config: &Config, life: &Life, names: &HashMap<String, String>) -> Vec<Verdict> {
    // The config was checked: its keywords can be compiled.
    let Ok(matcher) = Matcher::new(config.watches.iter().map(|watch| watch.keywords.as_slice())) else {
        return Vec::new();
    };
    let language = language(life);
    let found = found(&matcher, life, language);
    let name = name_of(names, &life.source.url, life.source.title.as_deref());
    let own = |source: &&Source| source.url.as_str() == life.source.url;
    let tags = config.sources.iter().find(own).map_or(&[][..], |source| &source.tags);
    let candidate = Candidate { url: &life.source.url, name: &name, tags };
    let one = |(number, watch): (usize, &Watch)| {
        let found =
            found.iter().find(|(of, _)| *of == number).map(|(_, found)| found.clone()).unwrap_or_default();
        judge(watch, life, found, candidate, language)
    };
    config.watches.iter().enumerate().map(one).collect()
}

fn language(life: &Life) -> Option<&str> {
    match &life.article {
        Some(article) => article.language.as_deref(),
        None => life.entry.language.as_deref(),
    }
}

fn found(matcher: &Matcher, life: &Life, language: Option<&str>) -> Vec<(usize, Vec<Found>)> {
    let entry = &life.entry;
    // An edit leaves an article the old words until the new ones have been read.
    let page = life.article.as_ref().and_then(|article| {
        let title = article.title.as_deref().unwrap_or(&entry.title);
        Some(Text { title, body: article.text.as_deref()?, language })
    });
    find(matcher, page, Text { title: &entry.title, body: &entry.summary, language })
}

fn judge(
    watch: &Watch,
    life: &Life,
    found: Vec<Found>,
    source: Candidate<'_>,
    language: Option<&str>,
) -> Verdict {
    let because = match () {
        () if !watch.scope.admits(source, None) => Some(Because::Source),
        () if !watch.scope.admits(source, language) => Some(Because::Language),
        () if found.is_empty() => Some(Because::Keywords),
        () => None,
    };
    let stored = life.hits.iter().find(|(name, _)| *name == watch.name).map(|(_, found)| found.as_str());
    let note = match (because, stored) {
        (None, None) if life.article.is_none() => Some(unread(life)),
        (None, None) => {
            Some("it had no hit when the article was read: the watch was changed since".to_owned())
        }
        (Some(_), Some(stored)) => Some(lost(watch, because, stored)),
        (None, Some(_)) => unalerted(watch, life),
        (Some(_), None) => None,
    };
    Verdict {
        watch: watch.name.clone(),
        paused: life.paused.contains(&watch.name),
        hit: because.is_none(),
        because,
        found,
        stored_hit: stored.is_some(),
        note,
    }
}

/// What was not read has no verdict but this one.
fn unread(life: &Life) -> String {
    if life.entry.quiet {
        "no alert: it was more than a day old when its source was first seen".to_owned()
    } else {
        "it has not been read yet: these are the feed's words".to_owned()
    }
}

/// The read had a hit, and the watch as it is now has none.
fn lost(watch: &Watch, because: Option<Because>, stored: &str) -> String {
    let then: Vec<Found> = serde_json::from_str(stored).unwrap_or_default();
    let what =
        then.first().map(|found| format!(" ({} \u{2192} {})", found.term, found.matched)).unwrap_or_default();
    let has_it_still = then.iter().any(|found| watch.keywords.contains(&found.term));
    let why = if because == Some(Because::Keywords) && has_it_still {
        "in words that are not kept: an earlier version, or a page that seemed not to be the article"
    } else {
        "and the watch was changed since"
    };
    format!("it had a hit when the article was read{what}, {why}")
}

/// A hit that nobody is told of.
fn unalerted(watch: &Watch, life: &Life) -> Option<String> {
    if life.alerts.iter().any(|alert: &Alert| alert.watch == watch.name) {
        return None;
    }
    let published = life.article.as_ref().and_then(|article| article.published);
    Some(if is_too_old(life.entry.first, published, life.entry.found_at) {
        "no alert: it was more than a day old when its source was first seen".to_owned()
    } else {
        "no alert: the watch was paused, or told nobody, when the article was read".to_owned()
    })
}
