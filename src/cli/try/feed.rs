//! `habar try feed`: what would be read out of a feed, a sitemap, or a page by its selectors.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Exit, Failure, Global, Result, input, jsonl, output};
use crate::domain::feed::listing::{Css, Selectors, Tally};
use crate::domain::feed::sitemap::{Part, Parts};
use crate::domain::feed::{self, Document, FeedError, Kind, Reading};
use crate::io::http::Accept;
use crate::time::{Timestamp, show_duration};

/// Show the entries of a feed, a sitemap, or a page
///
/// The selectors are those of the config: `--item article.card --title h2` reads a page as
/// a source with kind = "page" would, and says what each of them finds.
///
/// With --jsonl: {id, file, content_type?, url?} a line in, {id, entries: [{title, link, id, published}], error} out.
#[derive(Debug, clap::Args)]
pub struct Feed {
    /// A file, an http(s) address, or - for standard input
    #[arg(value_name = "FILE|URL", required_unless_present = "jsonl")]
    source: Option<String>,
    /// Where a file came from, for its relative links
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// How to read it
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Option<KindName>,
    /// Of a page: the selector of what encloses a piece of news
    #[arg(long, value_name = "CSS", required_if_eq("kind", "page"))]
    item: Option<Css>,
    /// Of a page: the selector of its link; else the first link in it
    #[arg(long, value_name = "CSS", requires = "item")]
    link: Option<Css>,
    /// Of a page: the selector of its title; else the first heading in it, or the text of the link
    #[arg(long, value_name = "CSS", requires = "item")]
    title: Option<Css>,
    /// Of a page: the selector of its date; else the first `<time>` in it
    #[arg(long, value_name = "CSS", requires = "item")]
    date: Option<Css>,
    /// Of a page: the selector of its summary
    #[arg(long, value_name = "CSS", requires = "item")]
    summary: Option<Css>,
    /// Read one JSON object a line, write one a line
    #[arg(long, conflicts_with_all = ["source", "url", "kind", "item"])]
    jsonl: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum KindName {
    Feed,
    Sitemap,
    Page,
}

#[derive(Debug, Deserialize)]
struct Line {
    file: PathBuf,
    content_type: Option<String>,
    url: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told {
    entries: Vec<ToldEntry>,
    /// Of a sitemap in parts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<ToldPart>,
    /// Of a page: how often its selectors match.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<Matched>,
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct ToldPart {
    url: String,
    modified: Option<Timestamp>,
}

#[derive(Debug, Serialize)]
struct Matched {
    items: usize,
    links: usize,
    titles: usize,
    dates: usize,
    summaries: usize,
}

#[derive(Debug, Serialize)]
struct ToldEntry {
    title: String,
    link: Option<String>,
    id: String,
    published: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    modified: Option<Timestamp>,
}

impl Feed {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Some(source) = &self.source else {
            return jsonl::answer_stdin(answer);
        };
        let kind = self.kind()?;
        let input = input::open(global, source, self.url.as_deref(), Accept::source(&kind))?;
        let parsed = feed::read(&kind, &input.body, input.content_type.as_deref(), input.address());
        if global.json {
            let failed = parsed.is_err();
            output::json(&Told::from(parsed))?;
            return Ok(if failed { Exit::Data } else { Exit::Done });
        }
        match parsed.map_err(|error| Failure::new(Exit::Data, format!("{source}: {error}")))? {
            Reading::Document(document) => {
                show(&document)?;
                matched(&kind, document.tally.as_ref())?;
            }
            Reading::Index(parts) => index(&parts)?,
        }
        Ok(Exit::Done)
    }

    fn kind(&self) -> Result<Kind> {
        let Self { link, title, date, summary, .. } = self;
        match (self.kind, &self.item) {
            (None | Some(KindName::Page), Some(item)) => Ok(Kind::Page(Arc::new(Selectors {
                item: item.clone(),
                link: link.clone(),
                title: title.clone(),
                date: date.clone(),
                summary: summary.clone(),
            }))),
            (_, Some(_)) => Err(Failure::new(Exit::Usage, "--item is about --kind page")),
            (Some(KindName::Sitemap), None) => Ok(Kind::Sitemap),
            (_, None) => Ok(Kind::Feed),
        }
    }
}

fn answer(line: &Line) -> std::result::Result<Told, String> {
    let url = line.url.as_deref().map(|url| input::parse_url(Some(url))).transpose()?;
    let body = input::read_file(&line.file).map_err(|error| format!("{}: {error}", line.file.display()))?;
    Ok(Told::from(feed::parse(&body, line.content_type.as_deref(), url.as_ref()).map(Reading::Document)))
}

impl From<std::result::Result<Reading, FeedError>> for Told {
    fn from(read: std::result::Result<Reading, FeedError>) -> Self {
        let mut told = Self { entries: Vec::new(), parts: Vec::new(), matched: None, error: None };
        match read {
            Ok(Reading::Document(document)) => {
                let entries = document.entries.into_iter().map(|entry| ToldEntry {
                    title: entry.title,
                    link: entry.link,
                    id: entry.id,
                    published: entry.published,
                    modified: entry.modified,
                });
                told.entries = entries.collect();
                told.matched = document.tally.map(|Tally { items, links, titles, dates, summaries }| {
                    Matched { items, links, titles, dates, summaries }
                });
            }
            Ok(Reading::Index(parts)) => {
                let part = |Part { url, modified }| ToldPart { url: String::from(url), modified };
                told.parts = parts.into_iter().map(part).collect();
            }
            Err(error) => told.error = Some(error.to_string()),
        }
        told
    }
}

fn show(document: &Document) -> Result<()> {
    let title = document.title.as_deref().unwrap_or("(without a title)");
    output::line(output::paint(output::style::HEADING, crate::domain::text::clean(title)))?;
    let mut about = vec![match document.entries.len() {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    }];
    about.extend(document.language.as_ref().map(|language| format!("language {}", output::plain(language))));
    about.push(format!("read by {}", document.reader));
    about.extend(document.ttl.map(|ttl| format!("asks to be polled every {} at most", show_duration(ttl))));
    output::line(about.join(", "))?;
    let is_told = document.entries.iter().any(|entry| entry.published.is_some());
    let is_changed = !is_told && document.entries.iter().any(|entry| entry.modified.is_some());
    let date = if is_changed { "CHANGED" } else { "PUBLISHED" };
    let mut table = output::Table::new(&[date, "TITLE", "LINK"]);
    for entry in &document.entries {
        let published = entry.published.or(entry.modified).map_or("-".to_owned(), |at| at.to_string());
        table.row([published.as_str(), &entry.title, entry.link.as_deref().unwrap_or("-")]);
    }
    if document.entries.is_empty() { Ok(()) } else { table.print() }
}

/// What each selector found, for those who write them.
fn matched(kind: &Kind, tally: Option<&Tally>) -> Result<()> {
    let (Kind::Page(selectors), Some(tally)) = (kind, tally) else { return Ok(()) };
    output::heading("What the selectors find")?;
    let mut table = output::Table::new(&["FOR", "SELECTOR", "FINDS"]);
    let mut row = |key: &str, css: Option<&Css>, instead: &str, found: usize| {
        let selector = css.map_or_else(|| format!("({instead})"), ToString::to_string);
        table.row([key, &selector, &found.to_string()]);
    };
    row("item", Some(&selectors.item), "", tally.items);
    row("link", selectors.link.as_ref(), "the first link in it", tally.links);
    row("title", selectors.title.as_ref(), "its first heading, else the text of its link", tally.titles);
    row("date", selectors.date.as_ref(), "the first <time> in it", tally.dates);
    row("summary", selectors.summary.as_ref(), "none", tally.summaries);
    table.right(&[2]);
    table.print()
}

/// The parts of a sitemap, those first that would be read first.
fn index(parts: &[Part]) -> Result<()> {
    output::line(output::paint(
        output::style::HEADING,
        format!("A sitemap in {}", output::counted(parts.len(), "part")),
    ))?;
    let due = Parts::default().due(parts, &[], |_| true, 0);
    output::line("the newest are read; `habar try feed PART --kind sitemap` shows one of them")?;
    let mut table = output::Table::new(&["CHANGED", "PART"]);
    for part in &due.parts {
        table.row([&part.modified.map_or("-".to_owned(), |at| at.to_string()), part.url.as_str()]);
    }
    if due.parts.is_empty() { Ok(()) } else { table.print() }
}
