//! `habar poll`.

use serde_json::json;

use super::args::Global;
use super::asking::{Heeder, ask};
use super::picking::{Named, pick};
use super::{Exit, Failure, Result, ahead, load_names, output, read_store};
use crate::io::store::overview::{self, Known};
use crate::io::store::requests::Request;
use crate::time::{Clock, Timestamp};

/// Poll a source at once, also while the daemon runs
///
/// A source that is paused, or that its server does not want to be asked yet, is not polled: the
/// command says when it will be, and exits with 69 or 75.
#[derive(Debug, clap::Args)]
pub struct Poll {
    /// The source: its address, its name, the feed's title, or a part of one that fits no other
    #[arg(value_name = "SOURCE")]
    source: String,
}

impl Poll {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let known = read_store(global, overview::known)?;
        let named = name_sources(global, &known);
        let meant = pick(&self.source, &named)?;
        let source = known.iter().find(|source| source.url == meant.key).ok_or_else(gone)?;
        let now = Clock::System.now();
        if let Some((exit, reason)) = refusal(source, meant, now) {
            tell(global, source, meant, None, &reason)?;
            return Ok(exit);
        }
        let heeder = ask(global, &Request::Poll(source.url.clone()))?.ok_or_else(gone)?;
        tell(global, source, meant, Some(heeder), &heeder.will("polls it"))?;
        Ok(Exit::Done)
    }
}

fn gone() -> Failure {
    Failure::new(Exit::NoInput, "the source is no longer there").help("`habar feeds` lists them")
}

/// The sources with everything they are called.
pub fn name_sources(global: &Global, known: &[Known]) -> Vec<Named> {
    let configured = load_names(global);
    let name = |source: &Known| Named {
        kind: "source",
        key: source.url.clone(),
        names: configured.get(&source.url).cloned().into_iter().chain(source.title.clone()).collect(),
    };
    known.iter().map(name).collect()
}

/// Why the source is not polled now, and what that exits with.
fn refusal(source: &Known, meant: &Named, now: Timestamp) -> Option<(Exit, String)> {
    if source.paused {
        return Some((
            Exit::Unavailable,
            format!("it is paused; `habar resume \"{}\"` polls it", meant.shown()),
        ));
    }
    let at = source.due_at.filter(|at| *at > now && source.due_reason == "server")?;
    let when = format!("it will be asked {} ({at})", ahead(Some(at), now));
    Some(match source.health.as_str() {
        "gone" => (Exit::TryLater, format!("its server says that it is gone for good (410); {when}")),
        _ => (Exit::TryLater, format!("its server does not want to be asked yet; {when}")),
    })
}

fn tell(global: &Global, source: &Known, meant: &Named, heeder: Option<Heeder>, said: &str) -> Result<()> {
    if global.json {
        return output::json(&json!({
            "url": source.url,
            "name": meant.names.first(),
            "asked": heeder.is_some(),
            "daemon": heeder,
            "paused": source.paused,
            "due_at": source.due_at,
            "due_reason": source.due_reason,
            "message": said,
        }));
    }
    output::line(format!("{}: {said}", output::plain(meant.shown())))
}
