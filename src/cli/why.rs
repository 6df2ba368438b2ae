//! `habar why`: the life of one article.

mod show;
mod verdict;

use std::collections::HashMap;

use serde_json::{Value, json};
use url::Url;

use super::args::Global;
use super::output::{self, Table};
use super::{Exit, Failure, Result, ago, load_names, name_of, read_store};
use crate::config;
use crate::io::store::life::{self, Candidate, Life};
use crate::io::store::overview::Known;
use crate::time::{Clock, Timestamp};

use verdict::Verdict;

/// Tell the life of one article: found when, read how, which story, each watch's verdict, each mail
///
/// The verdicts are those of the present config over what is stored of the article; where the read
/// came to another one, that is told.
#[derive(Debug, clap::Args)]
pub struct Why {
    /// The article: its link, its title or a part of it, or the number that a list of several shows
    #[arg(value_name = "URL|TITLE")]
    article: String,
}

/// Everything there is to tell.
struct Told {
    life: Life,
    names: HashMap<String, String>,
    /// One for each watch of the config; none: the config cannot be read.
    verdicts: Option<Vec<Verdict>>,
}

impl Why {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let words = self.article.trim();
        let now = Clock::System.now();
        let names = load_names(global);
        let found = read_store(global, |connection| match number(words) {
            Some(id) => Ok(life::by_id(connection, id)?.into_iter().collect()),
            None if is_link(words) => life::by_link(connection, words),
            None => life::by_title(connection, words),
        })?;
        let id = match one(&found) {
            Some(id) => id,
            None if found.is_empty() => return Err(nothing(global, words, &names, now)?),
            None => return Err(several(&found, &names, now)),
        };
        let life = read_store(global, |connection| life::of(connection, id))?
            .ok_or_else(|| Failure::new(Exit::NoInput, format!("there is no article {id}")))?;
        let verdicts =
            config::load(&global.config_file()).ok().map(|config| verdict::of(&config, &life, &names));
        let told = Told { life, names, verdicts };
        if global.json {
            output::json(&told.as_json())?;
        } else {
            show::all(&told, now)?;
        }
        Ok(Exit::Done)
    }
}

fn number(words: &str) -> Option<i64> {
    words.strip_prefix('#').unwrap_or(words).parse().ok().filter(|id| *id > 0)
}

fn is_link(words: &str) -> bool {
    Url::parse(words).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// The one that is meant: the only one; or where all are one story, the one that was alerted, else the first.
fn one(found: &[Candidate]) -> Option<i64> {
    let story = found.first()?.story;
    let one_story = found.len() == 1 || (story.is_some() && found.iter().all(|other| other.story == story));
    if !one_story {
        return None;
    }
    found.iter().rfind(|article| article.alerted).or(found.last()).map(|article| article.id)
}

fn several(found: &[Candidate], names: &HashMap<String, String>, now: Timestamp) -> Failure {
    let mut table = Table::new(&["ID", "FOUND", "SOURCE", "TITLE", "LINK"]);
    for article in found {
        table.row([
            article.id.to_string().as_str(),
            &ago(Some(article.found_at), now),
            &name_of(names, &article.source, article.feed_title.as_deref()),
            &article.title,
            article.link.as_deref().unwrap_or_default(),
        ]);
    }
    table.right(&[0]);
    Failure::new(Exit::Usage, "several articles fit; these are the newest")
        .details(table.text())
        .help("say more of the title, or `habar why ID` with the number of one")
}

fn nothing(global: &Global, words: &str, names: &HashMap<String, String>, now: Timestamp) -> Result<Failure> {
    let failure = |what: String| {
        let failure = Failure::new(Exit::NoInput, what);
        if read_store(global, life::has_forgotten)? {
            return Ok(failure.help("what is older than `[store] keep` and was never alerted is forgotten"));
        }
        Ok(failure)
    };
    if number(words).is_some() {
        return failure(format!("there is no article {words}"));
    }
    if !is_link(words) {
        let what = format!("no article has \u{201c}{}\u{201d} in its title", output::plain(words));
        return Ok(failure(what)?.help("a part of the title is enough, in any case"));
    }
    let failure = failure(format!("no source has brought {}", output::plain(words)))?;
    let sources = read_store(global, |connection| life::sources_of_site(connection, words))?;
    if sources.is_empty() {
        return Ok(failure.help("no source is on its site: `habar feeds` lists them"));
    }
    let told = sources.iter().map(|source| {
        let name = name_of(names, &source.url, source.title.as_deref());
        format!("it would come by {} ({}), {}", output::plain(&name), source.url, how_is(source, now))
    });
    Ok(told.fold(failure, Failure::help))
}

/// How a source does, in a few words.
fn how_is(source: &Known, now: Timestamp) -> String {
    let health = match source.health.as_str() {
        "new" => "which has never worked yet".to_owned(),
        health => format!("which is {health} since {}", ago(Some(source.since), now)),
    };
    let reason =
        source.reason.as_ref().map(|reason| format!(": {}", output::plain(reason))).unwrap_or_default();
    let state = match (source.active, source.paused) {
        (false, _) => "; the config no longer names it",
        (true, true) => "; it is paused",
        (true, false) => "",
    };
    format!("{health}{reason}; last read {}{state}", ago(source.worked_at, now))
}

/// Words, as far as spaces tell them.
fn words(text: &str) -> usize {
    text.split_whitespace().count()
}

impl Told {
    fn name(&self, url: &str, title: Option<&str>) -> String {
        name_of(&self.names, url, title)
    }

    /// read-page, read-summary, waiting, never.
    fn outcome(&self) -> &'static str {
        match &self.life.article {
            Some(article) if article.full => "page",
            Some(_) => "summary",
            None if self.life.entry.quiet => "never",
            None => "waiting",
        }
    }

    fn as_json(&self) -> Value {
        let Life { source, entry, article, tries, others, alerts, .. } = &self.life;
        let text = |article: &life::Article| article.text.clone().unwrap_or_else(|| entry.summary.clone());
        let others: Vec<Value> = others
            .iter()
            .map(|other| {
                let name = self.name(&other.source, other.feed_title.as_deref());
                json!({ "id": other.id, "name": name, "url": other.source, "title": other.title,
                    "link": other.link, "found_at": other.found_at })
            })
            .collect();
        json!({
            "source": {
                "name": self.name(&source.url, source.title.as_deref()), "url": source.url,
                "health": source.health, "since": source.since, "reason": source.reason,
                "paused": source.paused, "configured": source.active,
                "polled_at": source.polled_at, "worked_at": source.worked_at, "due_at": source.due_at,
            },
            "entry": {
                "id": entry.id, "title": entry.title, "link": entry.link, "found_at": entry.found_at,
                "published": entry.published, "edits": entry.edits,
                "first_sight": entry.first, "quiet": entry.quiet, "language": entry.language,
            },
            "page": {
                "outcome": self.outcome(), "attempts": entry.attempts, "tries": tries,
                "under_way": entry.under_way, "due_at": entry.due_at,
                "read_at": article.as_ref().and_then(|a| a.read_at),
                "problem": article.as_ref().and_then(|a| a.problem.clone()),
                "title": article.as_ref().map(|a| a.title.as_ref().unwrap_or(&entry.title)),
                "author": article.as_ref().and_then(|a| a.author.clone()),
                "language": article.as_ref().and_then(|a| a.language.clone()),
                "published": article.as_ref().and_then(|a| a.published),
                "canonical": article.as_ref().and_then(|a| a.canonical.clone()),
                "words": article.as_ref().map(|a| words(&text(a))),
            },
            "story": article.as_ref().map(|a| json!({
                "id": a.story, "since": a.story_since, "others": others,
            })),
            "watches": self.verdicts,
            "alerts": alerts,
        })
    }
}
