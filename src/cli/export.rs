//! `habar export`: the sources as a list for other readers of feeds.

use std::collections::HashMap;

use serde_json::json;

use super::args::Global;
use super::output::{self, style};
use super::{Exit, Result, load_config, read_store};
use crate::config::Source;
use crate::domain::address;
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
        let (secret, open): (Vec<Source>, Vec<Source>) =
            loaded.config.sources.into_iter().partition(|source| address::holds_a_secret(&source.url));
        let subscriptions: Vec<Subscription> =
            open.into_iter().map(|source| subscription(source, &titles)).collect();
        let left_out: Vec<String> =
            secret.iter().map(|source| source.name.clone().unwrap_or_else(|| masked(&source.url))).collect();
        if global.json {
            let sources: Vec<_> = subscriptions
                .iter()
                .map(|source| json!({ "url": source.url.as_str(), "name": source.name, "tags": source.tags }))
                .collect();
            output::json(&json!({ "sources": sources, "left_out": left_out }))?;
            return Ok(Exit::Done);
        }
        output::raw_line(opml::write("Sources of Habar", &subscriptions).trim_end())?;
        if !left_out.is_empty() {
            let names = output::plain(&left_out.join(", "));
            let count = output::counted(left_out.len(), "source");
            anstream::eprintln!(
                "{} {count} left out, since the address holds a secret: {names}",
                output::paint(style::WARNING, "habar: warning:")
            );
        }
        Ok(Exit::Done)
    }
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
