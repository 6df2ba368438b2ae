//! `habar pause` and `habar resume`.

use serde_json::json;

use super::args::Global;
use super::asking::{Heeder, ask};
use super::picking::{Named, pick};
use super::poll::name_sources;
use super::{Exit, Failure, Result, output, read_store};
use crate::io::store::overview;
use crate::io::store::requests::Request;
use crate::time::Clock;

/// Stop a watch's alerts, or the polling of a source, at once and until `resume`
///
/// A paused watch still finds hits, which `why` and `feeds` show; it makes no alerts, also not later.
#[derive(Debug, clap::Args)]
pub struct Pause {
    #[command(flatten)]
    what: What,
}

/// Go on with a watch or a source that was paused
#[derive(Debug, clap::Args)]
pub struct Resume {
    #[command(flatten)]
    what: What,
}

#[derive(Debug, clap::Args)]
struct What {
    /// The watch or the source: its name, its address, or a part that fits no other; `watch:NAME` and
    /// `source:NAME` say which of the two
    #[arg(value_name = "WATCH|SOURCE")]
    name: String,
}

impl Pause {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        set(global, &self.what.name, true)
    }
}

impl Resume {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        set(global, &self.what.name, false)
    }
}

fn set(global: &Global, word: &str, paused: bool) -> Result {
    let now = Clock::System.now();
    let (watches, sources) = read_store(global, |connection| {
        Ok((overview::watches(connection, now)?, overview::known(connection)?))
    })?;
    let mut named: Vec<Named> = watches
        .iter()
        .map(|watch| Named { kind: "watch", key: watch.name.clone(), names: Vec::new() })
        .collect();
    named.extend(name_sources(global, &sources));
    let meant = pick(word, &named)?;
    let is_watch = meant.kind == "watch";
    let was = if is_watch {
        watches.iter().any(|watch| watch.name == meant.key && watch.paused)
    } else {
        sources.iter().any(|source| source.url == meant.key && source.paused)
    };
    // A resume of what was not paused would poll a source that nobody asked for.
    let heeder = if was == paused { None } else { Some(ask_for(global, meant, paused)?) };
    let does = match (is_watch, paused) {
        (true, true) => "makes no more alerts for it",
        (true, false) => "makes alerts for it again",
        (false, true) => "polls it no more",
        (false, false) => "polls it again",
    };
    let said = match heeder {
        Some(heeder) => heeder.will(does),
        None if paused => "it was paused already".to_owned(),
        None => "it was not paused".to_owned(),
    };
    if global.json {
        output::json(&json!({
            "kind": meant.kind,
            "name": meant.shown(),
            "url": (!is_watch).then_some(&meant.key),
            "paused": paused,
            "changed": heeder.is_some(),
            "daemon": heeder,
            "message": said,
        }))?;
    } else {
        output::line(format!("{} {}: {said}", meant.kind, output::plain(meant.shown())))?;
    }
    Ok(Exit::Done)
}

fn ask_for(global: &Global, meant: &Named, paused: bool) -> Result<Heeder> {
    let request = match meant.kind {
        "watch" => Request::PauseWatch(meant.key.clone(), paused),
        _ => Request::PauseSource(meant.key.clone(), paused),
    };
    ask(global, &request)?
        .ok_or_else(|| Failure::new(Exit::NoInput, format!("the {} is no longer there", meant.kind)))
}
