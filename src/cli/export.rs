//! `habar export`: the sources as a list for other readers of feeds.

use std::collections::HashMap;
use std::io::Write as _;

use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Result, load_config, read_store};
use crate::config::Source;
use crate::domain::address;
use crate::domain::feed::Kind;
use crate::domain::opml::{self, Subscription};
use crate::io::http::masked;
use crate::io::store::overview;
use crate::time::Clock;

/// Print the sources as OPML 2.0, for other readers of feeds
///
/// The first tag of a source is its folder, all of them are its category. Addresses that hold a secret are left
/// out, and so are logins and headers.
#[derive(Debug, clap::Args)]
pub struct Export {}

impl Export {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let Self {} = self;
        let loaded = load_config(global)?;
        let titles = titles(global);
        let (mut subscriptions, mut left_out) = (Vec::new(), Vec::new());
        for source in loaded.config.sources {
            match unfit(&source) {
                Some(reason) => {
                    left_out.push((source.name.clone().unwrap_or_else(|| masked(&source.url)), reason));
                }
                None => subscriptions.push(subscription(source, &titles)),
            }
        }
        if global.json {
            let sources: Vec<_> = subscriptions
                .iter()
                .map(|source| json!({ "url": source.url.as_str(), "name": source.name, "tags": source.tags }))
                .collect();
            let left_out: Vec<_> =
                left_out.iter().map(|(name, reason)| json!({ "name": name, "reason": reason })).collect();
            output::json(&json!({ "sources": sources, "left_out": left_out }))?;
            return Ok(Exit::Done);
        }
        output::raw_line(opml::write("Sources of Habar", &subscriptions).trim_end())?;
        for reason in [SECRET, NO_FEED] {
            let of_it = left_out.iter().filter(|(_, why)| *why == reason);
            let names: Vec<&str> = of_it.map(|(name, _)| name.as_str()).collect();
            if !names.is_empty() {
                let count = output::counted(names.len(), "source");
                let mark = output::paint(style::WARNING, "habar: warning:");
                let names = output::plain(&names.join(", "));
                // A stderr that is gone is nobody to tell.
                let _ = writeln!(anstream::stderr().lock(), "{mark} {count} left out ({reason}): {names}");
            }
        }
        Ok(Exit::Done)
    }
}

const SECRET: &str = "the address holds a secret";
const NO_FEED: &str = "a list for other readers holds feeds only";

/// Why a source is none for other readers.
fn unfit(source: &Source) -> Option<&'static str> {
    if source.kind != Kind::Feed {
        return Some(NO_FEED);
    }
    address::holds_a_secret(&source.url).then_some(SECRET)
}

fn subscription(source: Source, titles: &HashMap<String, String>) -> Subscription {
    let name = source.name.or_else(|| titles.get(source.url.as_str()).cloned());
    Subscription { url: source.url, name, site: None, tags: source.tags }
}

/// What the feeds call themselves; nothing without a store that can be read.
fn titles(global: &Global) -> HashMap<String, String> {
    let lines = read_store(global, |store| overview::feeds(store, Clock::System.now())).unwrap_or_default();
    lines.into_iter().filter_map(|line| Some((line.url, line.title?))).collect()
}
