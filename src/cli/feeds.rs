//! `habar feeds`.

use serde::Serialize;

use super::args::Global;
use super::output::{self, Table};
use super::{Exit, Result, ago, ahead, brief, load_names, read_store};
use crate::io::store::overview::{self, FeedLine};
use crate::time::Clock;

/// Show every feed: health, last and next poll, last new entry, entries and hits of the week
#[derive(Debug, clap::Args)]
pub struct Feeds {}

#[derive(Serialize)]
struct Shown {
    name: String,
    #[serde(flatten)]
    line: FeedLine,
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
                Shown { name: name.unwrap_or_default(), line }
            })
            .collect();
        if global.json {
            return output::json(&shown).map(|()| Exit::Done);
        }
        let mut table =
            Table::new(&["SOURCE", "HEALTH", "SINCE", "POLLED", "NEWS", "NEXT", "WEEK", "HITS", "WHY"]);
        for Shown { name, line } in &shown {
            let name = if name.is_empty() { &line.url } else { name };
            table.row([
                name.as_str(),
                health(line),
                &brief(now.since(line.since)),
                &ago(line.polled_at, now),
                &ago(line.news_at, now),
                &ahead(line.due_at, now),
                &line.week.to_string(),
                &line.hits.to_string(),
                line.reason.as_deref().unwrap_or_default(),
            ]);
        }
        table.right(&[6, 7]);
        table.cut(&[0]);
        table.tail_below();
        table.print()?;
        advise(global, &shown)?;
        Ok(Exit::Done)
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
