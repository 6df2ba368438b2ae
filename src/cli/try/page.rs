//! `habar try page`: what would be stored of a page.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Exit, Global, Result, input, jsonl, output};
use crate::domain::article::{self, Article, Extraction, Problem};
use crate::io::http::Accept;

/// Show the article that would be stored of a page
///
/// With --jsonl: {id, file, content_type?, url?} a line in,
/// {id, title, text, authors, date, language, canonical, error} out.
#[derive(Debug, clap::Args)]
pub struct Page {
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
    title: String,
    text: String,
    authors: Vec<String>,
    date: Option<String>,
    language: Option<String>,
    canonical: Option<String>,
    error: Option<&'static str>,
}

impl Page {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Some(source) = &self.source else {
            return jsonl::answer_stdin(answer);
        };
        let input = input::open(global, source, self.url.as_deref(), Accept::Page)?;
        let extraction = article::extract(&input.body, input.content_type.as_deref(), &input.url);
        if global.json {
            output::json(&Told::from(extraction))?;
        } else {
            show(&extraction)?;
        }
        Ok(Exit::Done)
    }
}

fn answer(line: &Line) -> std::result::Result<Told, String> {
    let url = input::parse_url(line.url.as_deref())?;
    let body = input::read_file(&line.file).map_err(|error| format!("{}: {error}", line.file.display()))?;
    Ok(Told::from(article::extract(&body, line.content_type.as_deref(), &url)))
}

impl From<Extraction> for Told {
    fn from(Extraction { article, problem }: Extraction) -> Self {
        let Article { title, text, authors, date, language, canonical, .. } = article;
        Self { title, text, authors, date, language, canonical, error: problem.map(Problem::as_str) }
    }
}

fn show(Extraction { article, problem }: &Extraction) -> Result<()> {
    let field = |name: &str, value: &str| {
        let name = output::paint(output::style::DIM, format!("{name:<10}"));
        output::line(format!("{name} {}", output::plain(value)))
    };
    output::line(output::paint(output::style::HEADING, output::plain(&article.title)))?;
    field("authors", &article.authors.join(", "))?;
    field("date", article.date.as_deref().unwrap_or("-"))?;
    field("language", article.language.as_deref().unwrap_or("-"))?;
    field("canonical", article.canonical.as_deref().unwrap_or("-"))?;
    field("words", &article.text.split_whitespace().count().to_string())?;
    if let Some(problem) = problem {
        let name = output::paint(output::style::WARNING, problem.as_str());
        output::line(format!("\n{name}: {}", consequence(*problem)))?;
    }
    for paragraph in article.text.lines() {
        output::line(format!("\n{}", output::plain(paragraph)))?;
    }
    Ok(())
}

/// What the daemon does about a page that is not the article.
fn consequence(problem: Problem) -> &'static str {
    match problem {
        Problem::Paywall => "only a part is shown to readers without a subscription",
        Problem::Consent => "the page asks for consent instead of showing the article",
        Problem::Login => "the page asks to log in instead of showing the article",
        Problem::Challenge => "the page wants proof that a person reads it",
        Problem::NotFound => "the page says that the article is not there",
        Problem::ScriptOnly => "the text comes by script only",
        Problem::List => "this is a list of articles, not one",
        Problem::Empty => "no text was found",
    }
}
