//! `habar feeds`.

use std::time::Duration;

use serde::Serialize;

use super::args::Global;
use super::output::{self, Table};
use super::{Exit, Result, a_day, ago, ahead, brief, load_names, read_store};
use crate::io::store::overview::{self, FeedLine};
use crate::time::Clock;

/// Show every feed: health, last and next poll, last new entry, rhythm, entries of the week, hits a day
#[derive(Debug, clap::Args)]
pub struct Feeds {}

#[derive(Serialize)]
struct Shown {
    name: String,
    #[serde(flatten)]
    line: FeedLine,
    hits_a_day: f64,
    every_seconds: Option<u64>,
}

impl Feeds {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Self {} = self;
        let now = Clock::System.now();
        let lines = read_store(global, |connection| overview::feeds(connection, now))?;
        let names = load_names(global);
        let shown: Vec<Shown> = lines
            .into_iter()
            .map(|line| {
                let name = names.get(&line.url).cloned().or_else(|| line.title.clone());
                let every = every(&line);
                Shown {
                    name: name.unwrap_or_default(),
                    hits_a_day: a_day(line.hits),
                    every_seconds: every.map(|every| every.as_secs()),
                    line,
                }
            })
            .collect();
        if global.json {
            return output::json(&shown).map(|()| Exit::Done);
        }
        let mut table = Table::new(&[
            "SOURCE", "HEALTH", "SINCE", "POLLED", "NEWS", "NEXT", "RHYTHM", "WEEK", "HITS/DAY", "WHY",
        ]);
        for Shown { name, line, hits_a_day, .. } in &shown {
            let name = if name.is_empty() { &line.url } else { name };
            table.row([
                name.as_str(),
                health(line),
                &brief(now.since(line.since)),
                &ago(line.polled_at, now),
                &ago(line.news_at, now),
                &ahead(line.due_at, now),
                &rhythm(line),
                &line.week.to_string(),
                &format!("{hits_a_day:.1}"),
                line.reason.as_deref().unwrap_or_default(),
            ]);
        }
        table.right(&[7, 8]);
        table.cut(&[0]);
        table.tail_below();
        table.print()?;
        advise(global, &shown)?;
        Ok(Exit::Done)
    }
}

/// From the last poll to the next as it is planned.
fn every(line: &FeedLine) -> Option<Duration> {
    Some(line.due_at?.since(line.polled_at?))
}

/// How often it is asked, and who has it so when that is not the rhythm of ours.
fn rhythm(line: &FeedLine) -> String {
    let every = every(line).map(brief).unwrap_or_default();
    match line.due_reason.as_str() {
        "rhythm" => every,
        reason => format!("{every} {reason}").trim().to_owned(),
    }
}

/// The health in a word; one that was asked and has never answered is more than new.
fn health(line: &FeedLine) -> &str {
    match line.health.as_str() {
        "new" if line.has_never_worked() => "never worked",
        other => other,
    }
}

fn advise(global: &Global, shown: &[Shown]) -> Result<()> {
    let never = shown.iter().filter(|shown| shown.line.has_never_worked()).count();
    if never == 0 {
        return Ok(());
    }
    let (count, it) =
        if never == 1 { ("1 source has", "it") } else { (&*format!("{never} sources have"), "each") };
    output::say(
        global,
        format!(
            "\n{count} never worked. `habar check --online` asks {it} once more, says what to do and prints the \
         [[source]] lines worth commenting out."
        ),
    )
}
