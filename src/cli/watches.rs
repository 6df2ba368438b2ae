//! `habar watches`.

use serde::Serialize;

use super::args::Global;
use super::output::{self, Table};
use super::{Exit, Result, a_day, ago, load_config, read_store};
use crate::config::Watch;
use crate::io::store::overview::{self, WatchLine};
use crate::time::{Clock, Timestamp};

/// Show every watch: keywords, recipients, when it tells, hits and alerts of the week, last mail
#[derive(Debug, clap::Args)]
pub struct Watches {}

#[derive(Serialize)]
struct Shown {
    name: String,
    keywords: usize,
    to: Vec<String>,
    deliver: String,
    quiet: Option<String>,
    paused: bool,
    hits_a_day: f64,
    alerts: u32,
    last_hit: Option<Timestamp>,
    last_mail: Option<Timestamp>,
}

impl Watches {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Self {} = self;
        let config = load_config(global)?.config;
        let now = Clock::System.now();
        let lines = read_store(global, |connection| overview::watches(connection, now))?;
        let shown: Vec<Shown> = config
            .watches
            .iter()
            .map(|watch| shown(watch, lines.iter().find(|line| line.name == watch.name)))
            .collect();
        if global.json {
            return output::json(&shown).map(|()| Exit::Done);
        }
        let mut table = Table::new(&[
            "WATCH",
            "KEYWORDS",
            "TOLD",
            "STATE",
            "HITS/DAY",
            "ALERTS",
            "LAST HIT",
            "LAST MAIL",
            "TO",
        ]);
        for watch in &shown {
            let quiet = watch.quiet.as_ref().map(|quiet| format!(", quiet {quiet}")).unwrap_or_default();
            table.row([
                watch.name.as_str(),
                &watch.keywords.to_string(),
                &format!("{}{quiet}", watch.deliver),
                if watch.paused { "paused" } else { "on" },
                &format!("{:.1}", watch.hits_a_day),
                &watch.alerts.to_string(),
                &ago(watch.last_hit, now),
                &ago(watch.last_mail, now),
                &watch.to.join(", "),
            ]);
        }
        table.right(&[1, 4, 5]);
        table.cut(&[0]);
        table.tail_below();
        table.print()?;
        Ok(Exit::Done)
    }
}

/// A watch that the store does not know yet has found nothing.
fn shown(watch: &Watch, line: Option<&WatchLine>) -> Shown {
    Shown {
        name: watch.name.clone(),
        keywords: watch.keywords.len(),
        to: watch.to.clone(),
        deliver: watch.timing.rule.to_string(),
        quiet: watch.timing.quiet.as_ref().map(ToString::to_string),
        paused: line.is_some_and(|line| line.paused),
        hits_a_day: line.map_or(0.0, |line| a_day(line.hits)),
        alerts: line.map_or(0, |line| line.alerts),
        last_hit: line.and_then(|line| line.last_hit),
        last_mail: line.and_then(|line| line.last_mail),
    }
}
