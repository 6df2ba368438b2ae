//! `habar check`: the config as the daemon reads it.

use std::path::Path;

use serde_json::{Value, json};

use super::args::Global;
use super::online::Online;
use super::output::{self, Table, style};
use super::{Exit, Loaded, Result, load_config};
use crate::config::{self, Config, Diagnostic, Severity, Source, Watch};
use crate::domain::feed::Kind;
use crate::domain::scope::Selector;
use crate::io::http::Route;
use crate::time::show_duration;

/// Read the config as the daemon would and say what is watched, polled and mailed
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Also poll every source once and log in to the mail server
    ///
    /// Prints the `[[source]]` lines worth commenting out. Stores and sends nothing. Ends with 69
    /// when no source answers or the mail server does not let us in.
    #[arg(long)]
    online: bool,
}

impl Check {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        if global.json {
            return self.run_json(global);
        }
        let loaded = load_config(global)?;
        if !global.quiet {
            files(&loaded)?;
            watches(&loaded.config)?;
            sources(&loaded.config)?;
            mail(&loaded)?;
        }
        warnings(&loaded.config.warnings)?;
        if !self.online {
            return Ok(Exit::Done);
        }
        let online = Online::ask(global, &loaded)?;
        online.tell()?;
        Ok(online.exit())
    }

    fn run_json(&self, global: &Global) -> Result {
        let file = global.config_file();
        let state = global.state_dir(&file);
        let config = match config::load(&file) {
            Ok(config) => config,
            Err(errors) => {
                let (errors, warnings): (Vec<_>, Vec<_>) =
                    errors.diagnostics.into_iter().partition(|found| found.severity == Severity::Error);
                output::json(&json!({ "config": file, "errors": errors, "warnings": warnings }))?;
                return Ok(Exit::Config);
            }
        };
        let mut shown = as_json(&file, &state, &config);
        let mut exit = Exit::Done;
        if self.online {
            let online = Online::ask(global, &Loaded { config, file, state })?;
            shown["online"] = online.as_json();
            exit = online.exit();
        }
        output::json(&shown).map(|()| exit)
    }
}

fn files(loaded: &Loaded) -> Result<()> {
    output::line(format!("config  {}", loaded.file.display()))?;
    for pack in loaded.config.files.iter().filter(|path| path.is_file() && **path != loaded.file) {
        output::line(format!("        {}", pack.display()))?;
    }
    output::line(format!("state   {}", loaded.state.display()))
}

fn watches(config: &Config) -> Result<()> {
    output::heading("Watched")?;
    if config.watches.is_empty() {
        return output::line("nothing: add a [[watch]]");
    }
    let mut table = Table::new(&["WATCH", "KEYWORDS", "IN", "TOLD", "TO"]);
    for watch in &config.watches {
        table.row([watch.name.as_str(), &keywords(watch), &scope(watch), &rule(watch), &watch.to.join(", ")]);
    }
    table.print()
}

/// The first keywords, and how many more there are.
fn keywords(watch: &Watch) -> String {
    const SHOWN: usize = 5;
    let shown = watch.keywords.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match watch.keywords.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Which articles a watch looks at, in a few words.
fn scope(watch: &Watch) -> String {
    let name = |selector: &Selector| match selector {
        Selector::Tag(tag) => format!("tag:{tag}"),
        Selector::Name(name) => name.clone(),
    };
    let scope = &watch.scope;
    let mut parts: Vec<String> = scope.only.iter().map(name).collect();
    parts.extend(scope.never.iter().map(|selector| format!("-{}", name(selector))));
    parts.extend(scope.languages.iter().map(|language| format!("language {language}")));
    if parts.is_empty() { "every source".to_owned() } else { parts.join(", ") }
}

fn rule(watch: &Watch) -> String {
    let timing = &watch.timing;
    match &timing.quiet {
        None => timing.rule.to_string(),
        Some(quiet) => format!("{}, quiet {quiet}", timing.rule),
    }
}

fn sources(config: &Config) -> Result<()> {
    output::heading("Polled")?;
    if config.sources.is_empty() {
        return output::line("nothing: add a [[source]]");
    }
    let noted = config.sources.iter().any(|source| !notes(source).is_empty());
    let columns = ["SOURCE", "ADDRESS", "TAGS", "NOTES"];
    let mut table = Table::new(&columns[..if noted { 4 } else { 3 }]);
    for source in &config.sources {
        let name = source.name.as_deref().unwrap_or("(the feed's title)");
        let cells = [name, source.url.as_str(), &source.tags.join(", "), &notes(source)];
        table.row(&cells[..if noted { 4 } else { 3 }]);
    }
    table.print()?;
    if let Some(proxy) = &config.http.proxy {
        output::line(format!("through {proxy}"))?;
    }
    let polling = &config.polling;
    let count = match config.sources.len() {
        1 => "1 source".to_owned(),
        many => format!("{many} sources, each"),
    };
    output::line(format!(
        "{count} every {} to {}, {} requests a feed and day on average",
        show_duration(polling.floor),
        show_duration(polling.ceiling),
        polling.budget
    ))
}

fn notes(source: &Source) -> String {
    let mut notes = Vec::new();
    match &source.kind {
        Kind::Feed => {}
        Kind::Sitemap => notes.push("a sitemap".to_owned()),
        Kind::Page(selectors) => notes.push(format!("the page's {}", selectors.item)),
    }
    notes.extend(source.max_interval.map(|interval| format!("at least every {}", show_duration(interval))));
    notes.extend((!source.full_text).then(|| "pages are not read".to_owned()));
    notes.extend(source.allow_private.then(|| "may lie in a private network".to_owned()));
    if let Some(own) = &source.credentials {
        notes.extend(own.login().map(|_| "with a login".to_owned()));
        let names = own.header_names();
        notes.extend((!names.is_empty()).then(|| format!("with {}", names.join(", "))));
    }
    match &source.route {
        Route::Usual => {}
        Route::Direct => notes.push("no proxy".to_owned()),
        Route::Through(proxy) => notes.push(format!("through {proxy}")),
    }
    notes.join(", ")
}

fn mail(loaded: &Loaded) -> Result<()> {
    let mail = &loaded.config.mail;
    output::heading("Mailed")?;
    let login = mail.login.as_ref().map(|login| format!(" as {}", login.user)).unwrap_or_default();
    output::line(format!("via   {}{login}", loaded.config.via_in(&loaded.state)))?;
    output::line(format!("from  {}", mail.from))?;
    output::line(format!("to    {}", mail.to.join(", ")))?;
    output::line(format!("admin {}", loaded.config.admin.join(", ")))?;
    match loaded.config.maildir_note(&loaded.state) {
        Some(note) => output::line(output::paint(style::WARNING, note)),
        None => Ok(()),
    }
}

fn warnings(warnings: &[Diagnostic]) -> Result<()> {
    warnings.iter().try_for_each(|warning| output::line(format!("\n{warning}")))
}

fn as_json(file: &Path, state: &Path, config: &Config) -> Value {
    let sources: Vec<_> = config
        .sources
        .iter()
        .map(|source| {
            let Source { url, kind, name, tags, .. } = source;
            json!({ "url": url.as_str(), "kind": kind.as_str(), "name": name, "tags": tags })
        })
        .collect();
    let watches: Vec<_> = config
        .watches
        .iter()
        .map(|watch| {
            json!({
                "name": watch.name,
                "keywords": watch.keywords,
                "in": scope(watch),
                "deliver": watch.timing.rule.to_string(),
                "quiet": watch.timing.quiet.as_ref().map(ToString::to_string),
                "to": watch.to,
            })
        })
        .collect();
    json!({
        "config": file,
        "state": state,
        "watches": watches,
        "sources": sources,
        "mail": { "via": config.via_in(state).to_string(), "from": config.mail.from, "to": config.mail.to },
        "admin": config.admin,
        "errors": [],
        "warnings": config.warnings,
    })
}
