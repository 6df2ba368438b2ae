//! `habar try match`: where keywords match a text.

use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Exit, Failure, Global, Result, input, jsonl, output};
use crate::domain::watch::{Field, Hit, Matcher, Text, sentence};

/// Show where keywords match a text
///
/// With --jsonl: {id, keyword, text, title?, lang?} a line in, {id, hit, match, spans: [[start, end]], error} out;
/// spans are counted in characters of the text.
#[derive(Debug, clap::Args)]
pub struct Match {
    /// What to look for, as a watch would have it; may be given several times
    #[arg(long, short, value_name = "KEYWORD", required_unless_present = "jsonl")]
    keyword: Vec<String>,
    /// The title that goes with the text
    #[arg(long, default_value = "", hide_default_value = true)]
    title: String,
    /// The language of the text, like tr or kk
    #[arg(long, value_name = "CODE")]
    lang: Option<String>,
    /// The text, a file with it, or - for standard input
    #[arg(value_name = "TEXT|FILE", required_unless_present = "jsonl")]
    text: Option<String>,
    /// Read one JSON object a line, write one a line
    #[arg(long, conflicts_with_all = ["keyword", "title", "lang", "text"])]
    jsonl: bool,
}

#[derive(Debug, Deserialize)]
struct Line {
    keyword: Option<String>,
    query: Option<String>,
    text: String,
    title: Option<String>,
    lang: Option<String>,
}

#[derive(Debug, Serialize)]
struct Told {
    hit: bool,
    r#match: Option<String>,
    spans: Vec<[usize; 2]>,
    error: Option<String>,
}

impl Match {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        if self.jsonl {
            let mut matchers = Matchers::default();
            return jsonl::answer_stdin(|line| answer(&mut matchers, line));
        }
        let matcher = Matcher::new([self.keyword.as_slice()])
            .map_err(|error| Failure::new(Exit::Usage, format!("--keyword: {error}")))?;
        let body = read(self.text.as_deref().unwrap_or("-"))?;
        let text = Text { title: &self.title, body: &body, language: self.lang.as_deref() };
        let hits = matcher.hits(&text);
        if global.json {
            output::json(&told(&text, &hits))?;
        } else {
            show(&text, &hits)?;
        }
        Ok(Exit::Done)
    }
}

/// The text a person gave: where a file has that name, the file's.
fn read(given: &str) -> Result<String> {
    let path = Path::new(given);
    let bytes = match given {
        "-" => input::read_stdin(),
        _ if path.is_file() => input::read_file(path),
        _ => return Ok(given.to_owned()),
    };
    let bytes = bytes.map_err(|error| Failure::reading(path, &error))?;
    String::from_utf8(bytes).map_err(|_| Failure::new(Exit::Data, format!("{given} is not UTF-8 text")))
}

/// Compiled matchers by keyword: a run of lines often asks for the same one.
#[derive(Default)]
struct Matchers(HashMap<String, Matcher>);

impl Matchers {
    const MOST: usize = 1024;

    fn get(&mut self, keyword: &str) -> std::result::Result<&Matcher, String> {
        if !self.0.contains_key(keyword) {
            let keywords = [keyword.to_owned()];
            let matcher = Matcher::new([keywords.as_slice()]).map_err(|error| error.to_string())?;
            if self.0.len() >= Self::MOST {
                self.0.clear();
            }
            self.0.insert(keyword.to_owned(), matcher);
        }
        self.0.get(keyword).ok_or_else(|| "no matcher".to_owned())
    }
}

fn answer(matchers: &mut Matchers, line: &Line) -> std::result::Result<Told, String> {
    let keyword = match (&line.keyword, &line.query) {
        (_, Some(_)) => return Err("queries are not supported yet".to_owned()),
        (None, None) => return Err("missing field `keyword`".to_owned()),
        (Some(keyword), None) => keyword,
    };
    let title = line.title.as_deref().unwrap_or_default();
    let text = Text { title, body: &line.text, language: line.lang.as_deref() };
    Ok(told(&text, &matchers.get(keyword)?.hits(&text)))
}

fn told(text: &Text<'_>, hits: &[Hit]) -> Told {
    let in_text = || hits.iter().filter(|hit| matches!(hit.field, Field::Text));
    let first = in_text().next().or(hits.first());
    Told {
        hit: !hits.is_empty(),
        r#match: first.and_then(|hit| Some(field(text, hit).get(hit.span.clone())?.to_owned())),
        spans: in_text().map(|hit| in_characters(text.body, &hit.span)).collect(),
        error: None,
    }
}

fn field<'a>(text: &Text<'a>, hit: &Hit) -> &'a str {
    match hit.field {
        Field::Title => text.title,
        Field::Text => text.body,
    }
}

fn in_characters(text: &str, span: &Range<usize>) -> [usize; 2] {
    let count = |end: usize| text.char_indices().take_while(|(at, _)| *at < end).count();
    [count(span.start), count(span.end)]
}

fn show(text: &Text<'_>, hits: &[Hit]) -> Result<()> {
    for hit in hits {
        let whole = field(text, hit);
        let around = sentence(whole, &hit.span);
        let piece = |span: Range<usize>| output::plain_part(whole.get(span).unwrap_or_default());
        let place = match hit.field {
            Field::Title => "title",
            Field::Text => "text",
        };
        let matched = output::paint(output::style::HIT, piece(hit.span.clone()));
        let (before, after) = (piece(around.start..hit.span.start), piece(hit.span.end..around.end));
        output::line(format!("{}, in the {place}: {before}{matched}{after}", output::plain(&hit.term)))?;
    }
    output::line(match hits.len() {
        0 => "no hit".to_owned(),
        1 => "1 hit".to_owned(),
        n => format!("{n} hits"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_counted_in_characters() {
        let check = |text: &str, span: Range<usize>, expected: [usize; 2]| {
            assert_eq!(in_characters(text, &span), expected, "{text} {span:?}");
        };
        check("abc", 1..3, [1, 3]);
        check("şu ОТГ", 4..10, [3, 6]);
        check("", 0..0, [0, 0]);
    }
}
