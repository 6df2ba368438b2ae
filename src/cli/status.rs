//! `habar status`.

use std::path::Path;

use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Result, ago, ahead, read_store};
use crate::config;
use crate::domain::health;
use crate::io::store::notices::{self, Notice};
use crate::io::store::overview::{self, Figures};
use crate::io::store::{self, free_bytes};
use crate::time::{Clock, Timestamp};

/// Show the queue, the oldest unsent mail, the size of the store and what is wrong
#[derive(Debug, clap::Args)]
pub struct Status {}

impl Status {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Self {} = self;
        let now = Clock::System.now();
        let (figures, trouble) = read_store(global, |connection| {
            Ok((overview::figures(connection, now)?, notices::current(connection)?))
        })?;
        let state = global.state_dir(&global.config_file());
        let runs = store::is_held(&state);
        if global.json {
            let all = json!({ "daemon": runs, "figures": figures, "trouble": trouble });
            return output::json(&all).map(|()| Exit::Done);
        }
        show(&figures, runs, &state, now)?;
        maildir_note(global)?;
        let (never, other): (Vec<_>, Vec<_>) =
            trouble.iter().partition(|notice| notice.kind == health::NEVER_WORKED);
        for notice in other {
            tell(notice, now)?;
        }
        tell_list(&never)?;
        Ok(Exit::Done)
    }
}

fn show(figures: &Figures, runs: Option<bool>, state: &Path, now: Timestamp) -> Result<()> {
    let feeds: Vec<_> = figures.feeds.iter().map(|(health, count)| format!("{count} {health}")).collect();
    let waiting = match figures.oldest_waiting {
        Some(at) => {
            let why = figures.waiting_for.as_ref().map(|why| format!(" ({})", output::plain(why)));
            let why = why.unwrap_or_default();
            format!("{} waiting, the oldest composed {}{why}", figures.waiting, ago(Some(at), now))
        }
        None => "none waiting".to_owned(),
    };
    let daemon = match runs {
        Some(true) => "runs",
        Some(false) => "does not run",
        None => "this user cannot see whether it runs",
    };
    let lines = [
        ("daemon", daemon.to_owned()),
        ("sources", if feeds.is_empty() { "none".to_owned() } else { feeds.join(", ") }),
        ("polls", format!("last {}, next {}", ago(figures.last_poll, now), ahead(figures.next_poll, now))),
        ("pages", format!("{} to be read", figures.pages)),
        ("alerts", format!("{} open", figures.alerts)),
        (
            "mails",
            format!("{waiting}; {} sent in the last day, {} given up", figures.sent_today, figures.dead),
        ),
        (
            "store",
            format!(
                "{} articles, {}{}",
                figures.articles,
                size(u64::try_from(figures.bytes).unwrap_or(0)),
                free(state)
            ),
        ),
    ];
    for (name, text) in lines {
        output::line(format!("{} {text}", output::paint(style::HEADING, format!("{name:<8}"))))?;
    }
    for watch in &figures.paused {
        let (paused, watch) = (output::paint(style::WARNING, "paused:"), output::plain(watch));
        output::line(format!("\n{paused} {watch}\n    no alerts until `habar resume`"))?;
    }
    Ok(())
}

/// The room that is left where the store lies; nothing where the system does not tell.
fn free(state: &Path) -> String {
    free_bytes(state).map_or_else(String::new, |bytes| format!("; {} free on its disk", size(bytes)))
}

/// Bytes as people read them.
pub(super) fn size(bytes: u64) -> String {
    const MEGABYTE: u64 = 1_000_000;
    const GIGABYTE: u64 = 1000 * MEGABYTE;
    let (unit, name) = if bytes >= GIGABYTE { (GIGABYTE, "GB") } else { (MEGABYTE, "MB") };
    format!("{}.{} {name}", bytes / unit, bytes % unit / (unit / 10))
}

/// The store is enough for everything else: a config that is missing or broken says nothing here.
fn maildir_note(global: &Global) -> Result<()> {
    let file = global.config_file();
    let note = config::load(&file).ok().and_then(|config| config.maildir_note(&global.state_dir(&file)));
    note.map_or(Ok(()), |note| output::line(format!("\n{note}")))
}

fn tell(notice: &Notice, now: Timestamp) -> Result<()> {
    output::line(format!(
        "\n{} {}\n    {} (since {})",
        output::paint(style::WARNING, format!("{}:", notice.kind)),
        output::plain(&notice.subject),
        output::plain(&notice.message),
        ago(Some(notice.since), now)
    ))
}

/// Sources that have never worked are one list, and no news.
fn tell_list(never: &[&Notice]) -> Result<()> {
    let Some(first) = never.first() else { return Ok(()) };
    let title = output::paint(style::WARNING, format!("{}:", first.kind));
    output::line(format!("\n{title} {} of them; `habar feeds` says why", never.len()))?;
    never.iter().try_for_each(|notice| output::line(format!("    {}", output::plain(&notice.subject))))
}
