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
        (Some(_), Some(stored)) => Some(lost(watch, life, because, stored)),
        (None, Some(_)) => unalerted(watch, life),
        (Some(Because::Keywords), None) if life.entry.forgotten => {
            Some("only in its title was looked: its text is older than `[store] keep`".to_owned())
        }
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
fn lost(watch: &Watch, life: &Life, because: Option<Because>, stored: &str) -> String {
    let then: Vec<Found> = serde_json::from_str(stored).unwrap_or_default();
    let what =
        then.first().map(|found| format!(" ({} \u{2192} {})", found.term, found.matched)).unwrap_or_default();
    let has_it_still = then.iter().any(|found| watch.keywords.contains(&found.term));
    let why = if because == Some(Because::Keywords) && life.entry.forgotten {
        "in a text that is older than `[store] keep` and was forgotten"
    } else if because == Some(Because::Keywords) && has_it_still {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::store::life::{Article, Entry};
    use crate::io::store::overview::Known;
    use crate::time::{DAY, Timestamp};

    const NOW: Timestamp = Timestamp::from_millis(1_790_000_000_000);

    /// An article in English that was read of its page and hit nothing.
    fn life(title: &str, text: &str) -> Life {
        let source = Known {
            url: "https://news.example/feed".to_owned(),
            title: Some("News".to_owned()),
            health: "fine".to_owned(),
            since: NOW,
            reason: None,
            paused: false,
            active: true,
            polled_at: None,
            worked_at: None,
            due_at: None,
            due_reason: "rhythm".to_owned(),
        };
        let entry = Entry {
            id: 1,
            title: title.to_owned(),
            link: None,
            summary: "The feed's summary".to_owned(),
            published: None,
            found_at: NOW,
            quiet: false,
            first: false,
            edits: 0,
            language: None,
            due_at: None,
            under_way: false,
            attempts: 1,
            forgotten: false,
        };
        let article = Article {
            story: 1,
            story_since: NOW,
            full: true,
            title: None,
            text: Some(text.to_owned()),
            author: None,
            language: Some("en".to_owned()),
            published: None,
            canonical: None,
            problem: None,
            read_at: Some(NOW),
        };
        let (tries, others, hits, alerts, paused) = Default::default();
        Life { source, entry, article: Some(article), tries, others, hits, alerts, paused }
    }

    /// The verdict of a watch for "river" with these settings more.
    fn verdict(more: &str, life: &Life) -> Verdict {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("habar.toml");
        let text = format!(
            "[mail]\nfrom = \"a@example.org\"\nto = [\"a@example.org\"]\n[[source]]\nurl = \"https://news.example/feed\"\n\
             tags = [\"kz\"]\n[[watch]]\nname = \"Rivers\"\nkeywords = [\"river\"]\n{more}\n"
        );
        std::fs::write(&path, text).unwrap();
        let config = crate::config::load(&path).unwrap_or_else(|errors| panic!("{errors}"));
        of(&config, life, &HashMap::new()).remove(0)
    }

    fn stored(term: &str) -> Vec<(String, String)> {
        let found = Found {
            term: term.to_owned(),
            in_title: false,
            before: String::new(),
            matched: "rivers".to_owned(),
            after: String::new(),
        };
        vec![("Rivers".to_owned(), serde_json::to_string(&[found]).unwrap())]
    }

    #[test]
    fn what_decides_is_named() {
        let hit = life("The river rose", "In the night.");
        let miss = life("The lake rose", "In the night.");
        for (more, life, because) in [
            ("", &hit, None),
            ("", &miss, Some(Because::Keywords)),
            ("sources = [\"tag:kz\"]", &hit, None),
            ("sources = [\"tag:uz\"]", &hit, Some(Because::Source)),
            ("sources = [\"-News\"]", &miss, Some(Because::Source)),
            ("languages = [\"en\"]", &hit, None),
            ("languages = [\"kk\"]", &hit, Some(Because::Language)),
        ] {
            let verdict = verdict(more, life);
            assert_eq!((verdict.because, verdict.hit), (because, because.is_none()), "{more}");
            assert_eq!(verdict.found.len(), usize::from(life.entry.title.contains("river")), "{more}");
        }
    }

    #[test]
    fn what_the_read_found_and_is_found_no_more_is_told() {
        let gone = Life { hits: stored("river"), ..life("The lake rose", "") };
        let note = verdict("", &gone).note.unwrap();
        assert!(note.contains("(river \u{2192} rivers), in words that are not kept"), "{note}");
        let changed = Life { hits: stored("brook"), ..life("The lake rose", "") };
        let note = verdict("", &changed).note.unwrap();
        assert!(note.contains("(brook \u{2192} rivers), and the watch was changed since"), "{note}");
        let narrowed = Life { hits: stored("river"), ..life("The river rose", "") };
        let note = verdict("languages = [\"kk\"]", &narrowed).note.unwrap();
        assert!(note.contains("the watch was changed since"), "{note}");
        let wider = verdict("", &life("The river rose", ""));
        assert!(wider.note.unwrap().starts_with("it had no hit when the article was read"));
    }

    #[test]
    fn of_what_was_forgotten_only_the_title_has_a_verdict() {
        let mut old = life("The bridge", "");
        old.entry.forgotten = true;
        let note = |life: &Life| verdict("", life).note.unwrap();
        assert!(note(&old).contains("only in its title"));
        let had = Life { hits: stored("river"), ..old };
        assert!(note(&had).contains("was forgotten"));
    }

    #[test]
    fn a_hit_that_nobody_is_told_of_says_why() {
        let note = |life: &Life| verdict("", life).note.unwrap();
        let mut old = Life { hits: stored("river"), ..life("The river rose", "") };
        assert!(note(&old).contains("the watch was paused"));
        old.entry.first = true;
        old.article.as_mut().unwrap().published = Some(NOW - 2 * DAY);
        assert!(note(&old).contains("more than a day old"));
        let mut waiting = Life { article: None, ..life("The river rose", "") };
        assert!(note(&waiting).contains("not been read yet"));
        waiting.entry.quiet = true;
        assert!(note(&waiting).contains("more than a day old"));
    }
}
