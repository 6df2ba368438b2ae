//! `habar try schedule`: the planner on the publication times of real feeds.

use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;

use super::{Exit, Failure, Global, Result, input, output};
use crate::config::Polling;
use crate::domain::schedule::Rhythm;
use crate::domain::schedule::replay::{Summary, Trace, replay};
use crate::time::parse_duration;

/// Show when feeds of known publication times would be polled, and how late their news would be
///
/// TRACE holds one JSON object a line: {feed, window, min_interval, times: [unix seconds]}.
/// The first 14 days are for learning and are not scored, nor are the last two.
/// In a pipe or with --json: {requests_per_feed_day, mean_min, p50_min, p95_min, missed, feeds: [...]}.
#[derive(Debug, clap::Args)]
pub struct Schedule {
    /// A file of traces, or - for standard input
    #[arg(value_name = "TRACE.jsonl")]
    trace: PathBuf,
    /// Requests per feed and day, averaged over all feeds
    #[arg(long, default_value_t = Polling::default().budget)]
    budget: u32,
    /// No feed more often than this
    #[arg(long, value_parser = parse_duration, default_value = "15m")]
    floor: Duration,
    /// No feed less often than this
    #[arg(long, value_parser = parse_duration, default_value = "60m")]
    ceiling: Duration,
    /// Where to write the polls of each feed: {feed, polls: [unix seconds]} a line
    #[arg(long, value_name = "FILE")]
    polls: Option<PathBuf>,
}

impl Schedule {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let traces = self.traces()?;
        let (floor, ceiling) = (self.floor, self.ceiling.max(self.floor));
        let rhythm = Rhythm { budget: self.budget.max(1), floor, ceiling, max_interval: None };
        let summary = replay(&traces, &rhythm);
        if let Some(file) = &self.polls {
            let written = std::fs::File::create(file).map(std::io::BufWriter::new).and_then(|mut file| {
                for feed in &summary.feeds {
                    writeln!(file, "{}", json!({ "feed": feed.feed, "polls": feed.polls }))?;
                }
                file.flush()
            });
            written
                .map_err(|error| Failure::new(Exit::CannotCreate, format!("{}: {error}", file.display())))?;
        }
        if global.json || !std::io::stdout().is_terminal() {
            output::json(&summary)?;
        } else {
            show(&summary)?;
        }
        Ok(Exit::Done)
    }

    fn traces(&self) -> Result<Vec<Trace>> {
        let read =
            if self.trace.as_os_str() == "-" { input::read_stdin() } else { input::read_file(&self.trace) };
        let bytes = read.map_err(|error| Failure::reading(&self.trace, &error))?;
        let lines =
            bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.trim_ascii().is_empty());
        let mut traces = Vec::new();
        for (number, line) in lines {
            let wrong = |why: &str| {
                Failure::new(Exit::Data, format!("{}:{}: {why}", self.trace.display(), number + 1)).help(
                    "a line is {\"feed\": \"name\", \"window\": 30, \"times\": [unix seconds, ascending]}",
                )
            };
            let trace: Trace = serde_json::from_slice(line).map_err(|error| wrong(&error.to_string()))?;
            if !trace.times.is_sorted() || trace.times.iter().any(|at| !(0.0..1e11).contains(at)) {
                return Err(wrong("the times are not ascending unix seconds"));
            }
            traces.push(trace);
        }
        Ok(traces)
    }
}

fn show(summary: &Summary) -> Result<()> {
    let minutes = |value: Option<f64>| value.map_or("-".to_owned(), |value| format!("{value:.1}"));
    let mut table = output::Table::new(&["FEED", "REQUESTS/DAY", "MEAN MIN", "P95 MIN", "MISSED"]);
    for feed in &summary.feeds {
        let requests = format!("{:.1}", feed.requests_per_day);
        let (mean, late) = (minutes(feed.mean_min), minutes(feed.p95_min));
        table.row([&feed.feed, &requests, &mean, &late, &feed.missed.to_string()]);
    }
    table.print()?;
    output::line(format!(
        "{:.1} requests per feed and day; minutes of delay: mean {}, median {}, 19 of 20 within {}; {} missed",
        summary.requests_per_feed_day,
        minutes(summary.mean_min),
        minutes(summary.p50_min),
        minutes(summary.p95_min),
        summary.missed
    ))
}
