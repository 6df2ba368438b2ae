//! `habar import`: what another reader of feeds subscribes to, as sources.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::args::Global;
use super::output::{self, Table, style};
use super::r#try::input;
use super::writing::{self, Outcome};
use super::{Exit, Failure, Result, load_config};
use crate::config::NewSource;
use crate::domain::address;
use crate::domain::opml::{self, Opml, Subscription, Unusable};

/// Take over the feeds of another reader, from an OPML file
///
/// Folders and categories become tags. The sources go into a pack of their own, sources/NAME.toml beside the
/// config and named after the file, which the config then includes. What is configured already is left out, so
/// that a newer list can be imported over an older one.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file; - for standard input
    #[arg(value_name = "FILE.opml")]
    file: PathBuf,

    /// A tag for each of them, besides its folders; may be given more than once
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,

    #[command(flatten)]
    into: writing::Into,
}

/// What the list comes to in this config.
struct Sorted {
    new: Vec<NewSource>,
    configured: Vec<Subscription>,
    repeated: usize,
    unusable: Vec<Unusable>,
}

impl Import {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        let loaded = load_config(global)?;
        let from_stdin = self.file == Path::new("-");
        let body = if from_stdin { input::read_stdin() } else { input::read_file(&self.file) };
        let body = body.map_err(|error| Failure::reading(&self.file, &error))?;
        let list = opml::read(&body).map_err(|error| {
            let name = if from_stdin { "standard input".to_owned() } else { self.file.display().to_string() };
            Failure::new(Exit::Data, format!("{name}: {error}"))
        })?;
        let configured = loaded.config.sources.iter().map(|source| address::place(&source.url)).collect();
        let sorted = sort(list, &configured, &self.tag);
        let file = self.into.file(&loaded, Some(&pack_name(&self.file)));
        let outcome = self.into.write(&loaded, file, &sorted.new)?;
        if global.json {
            output::json(&as_json(&sorted, &outcome, &self.into))?;
            return outcome.end();
        }
        if !self.into.is_dry_run() {
            tell(global, &sorted)?;
        }
        if sorted.new.is_empty() {
            output::say(global, "nothing new in it: the config stays as it is")?;
            return Ok(Exit::Done);
        }
        let what = output::counted(sorted.new.len(), "source");
        let ended = outcome.tell(global, &loaded, &self.into, &what)?;
        if !self.into.is_dry_run() {
            output::say(global, "`habar check --online` asks each source once and says which do not work")?;
        }
        Ok(ended)
    }
}

/// The name of a pack for this list: what is odd in the name of the file is a hyphen.
fn pack_name(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy().to_lowercase();
    let words: Vec<&str> =
        stem.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|w| !w.is_empty()).collect();
    if words.is_empty() { "imported.toml".to_owned() } else { format!("{}.toml", words.join("-")) }
}

fn sort(list: Opml, configured: &HashSet<String>, more_tags: &[String]) -> Sorted {
    let Opml { subscriptions, repeated, unusable } = list;
    let mut new = Vec::new();
    let mut there = Vec::new();
    for subscription in subscriptions {
        if configured.contains(&address::place(&subscription.url)) {
            there.push(subscription);
            continue;
        }
        let mut tags = subscription.tags;
        tags.extend(more_tags.iter().filter(|tag| !tags.contains(tag)).cloned().collect::<Vec<_>>());
        new.push(NewSource { url: subscription.url, name: subscription.name, tags, more: Vec::new() });
    }
    Sorted { new, configured: there, repeated, unusable }
}

fn tell(global: &Global, sorted: &Sorted) -> Result<()> {
    let Sorted { configured, repeated, unusable, .. } = sorted;
    let were = |count: usize| if count == 1 { "was" } else { "were" };
    if !configured.is_empty() {
        let count = configured.len();
        output::say(
            global,
            format!("{} {} configured already", output::counted(count, "feed"), were(count)),
        )?;
    }
    if *repeated > 0 {
        output::say(global, format!("{repeated} stood in the list again: their tags were joined"))?;
    }
    if unusable.is_empty() {
        return Ok(());
    }
    output::line(format!("{} cannot be taken over:", output::counted(unusable.len(), "outline")))?;
    let mut table = Table::new(&["LINE", "NAME", "WHY"]);
    for Unusable { line, name, why, .. } in unusable {
        table.row([&line.to_string(), name.as_deref().unwrap_or("-"), &why.to_string()]);
    }
    table.right(&[0]);
    table.print()?;
    let sites = unusable.iter().filter(|outline| outline.why == opml::Why::NoAddress);
    for site in sites.filter_map(|outline| outline.site.as_deref()).take(5) {
        let command = output::paint(style::HELP, format!("habar add {}", output::plain(site)));
        output::say(global, format!("{command}   looks for the feed of the site"))?;
    }
    Ok(())
}

fn as_json(sorted: &Sorted, outcome: &Outcome, into: &writing::Into) -> serde_json::Value {
    let added: Vec<_> = sorted
        .new
        .iter()
        .map(|new| json!({ "url": new.url.as_str(), "name": new.name, "tags": new.tags }))
        .collect();
    let configured: Vec<_> = sorted
        .configured
        .iter()
        .map(|known| json!({ "url": known.url.as_str(), "name": known.name }))
        .collect();
    let unusable: Vec<_> = sorted
        .unusable
        .iter()
        .map(|Unusable { line, name, site, why }| {
            json!({ "line": line, "name": name, "site": site, "reason": why.to_string() })
        })
        .collect();
    let mut told = outcome.as_json(into);
    told["added"] = added.into();
    told["configured"] = configured.into();
    told["repeated"] = sorted.repeated.into();
    told["unusable"] = unusable.into();
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pack_is_named_after_the_list() {
        let cases = [
            ("feedly.opml", "feedly.toml"),
            ("/tmp/My Feeds (2026-11).OPML", "my-feeds-2026-11.toml"),
            ("Подписки.xml", "подписки.toml"),
            ("../..", "imported.toml"),
            ("-", "imported.toml"),
        ];
        for (file, name) in cases {
            assert_eq!(pack_name(Path::new(file)), name, "{file}");
        }
    }
}
