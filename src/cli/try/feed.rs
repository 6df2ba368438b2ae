//! `habar try feed`: what would be read out of a feed.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Exit, Failure, Global, Result, input, jsonl, output};
use crate::domain::feed::{self, Document};
use crate::io::http::Accept;
use crate::time::{Timestamp, show_duration};

/// Show the entries of a feed
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
    /// Read one JSON object a line, write one a line
    #[arg(long, conflicts_with_all = ["source", "url"])]
    jsonl: bool,
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
    error: Option<String>,
}

#[derive(Debug, Serialize)]
struct ToldEntry {
    title: String,
    link: Option<String>,
    id: String,
    published: Option<Timestamp>,
}

impl Feed {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Some(source) = &self.source else {
            return jsonl::answer_stdin(answer);
        };
        let input = input::open(global, source, self.url.as_deref(), Accept::Feed)?;
        let parsed = feed::parse(&input.body, input.content_type.as_deref(), input.address());
        if global.json {
            let failed = parsed.is_err();
            output::json(&Told::from(parsed))?;
            return Ok(if failed { Exit::Data } else { Exit::Done });
        }
        let document = parsed.map_err(|error| Failure::new(Exit::Data, format!("{source}: {error}")))?;
        show(&document)?;
        Ok(Exit::Done)
    }
}

fn answer(line: &Line) -> std::result::Result<Told, String> {
    let url = line.url.as_deref().map(|url| input::parse_url(Some(url))).transpose()?;
    let body = input::read_file(&line.file).map_err(|error| format!("{}: {error}", line.file.display()))?;
    Ok(Told::from(feed::parse(&body, line.content_type.as_deref(), url.as_ref())))
}

impl<E: std::fmt::Display> From<std::result::Result<Document, E>> for Told {
    fn from(parsed: std::result::Result<Document, E>) -> Self {
        match parsed {
            Ok(document) => {
                let entries = document.entries.into_iter().map(|entry| ToldEntry {
                    title: entry.title,
                    link: entry.link,
                    id: entry.id,
                    published: entry.published,
                });
                Self { entries: entries.collect(), error: None }
            }
            Err(error) => Self { entries: Vec::new(), error: Some(error.to_string()) },
        }
    }
}

fn show(document: &Document) -> Result<()> {
    let title = document.title.as_deref().unwrap_or("(a feed without a title)");
    output::line(output::paint(output::style::HEADING, crate::domain::text::clean(title)))?;
    let mut about = vec![match document.entries.len() {
        1 => "1 entry".to_owned(),
        n => format!("{n} entries"),
    }];
    about.extend(document.language.as_ref().map(|language| format!("language {}", output::plain(language))));
    about.push(format!("read by {}", document.reader));
    about.extend(document.ttl.map(|ttl| format!("asks to be polled every {} at most", show_duration(ttl))));
    output::line(about.join(", "))?;
    let mut table = output::Table::new(&["PUBLISHED", "TITLE", "LINK"]);
    for entry in &document.entries {
        let published = entry.published.map_or("-".to_owned(), |at| at.to_string());
        table.row([published.as_str(), &entry.title, entry.link.as_deref().unwrap_or("-")]);
    }
    if document.entries.is_empty() { Ok(()) } else { table.print() }
}
