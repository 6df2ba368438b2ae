//! What was asked, told to people and to programs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::ask::{Answer, Trouble};
use super::{LogIn, Online};
use crate::cli::backup::shell;
use crate::cli::output::{self, Table, style};
use crate::cli::{Result, ago};
use crate::config::{Block, Source};
use crate::io::http::masked;
use crate::time::{DAY, Timestamp};

/// A feed whose newest entry is older than this has probably been left by its publisher.
const STALE: std::time::Duration = DAY.saturating_mul(90);

/// Prints it for people.
pub(super) fn tell(online: &Online, now: Timestamp) -> Result<()> {
    if !online.asked.is_empty() {
        output::heading("Asked")?;
        answers(online, now)?;
        what_to_do(online)?;
        worth_taking_out(&online.take_out())?;
    }
    login(&online.login)
}

fn answers(online: &Online, now: Timestamp) -> Result<()> {
    let mut table = Table::new(&["SOURCE", "ANSWER", "ENTRIES", "NEWEST", "WHY"]);
    let (bad, good): (Vec<_>, Vec<_>) =
        online.asked.iter().partition(|(_, answer)| matches!(answer, Answer::Trouble(_)));
    let works = good.len();
    for (source, answer) in bad.into_iter().chain(good) {
        let name = named(source);
        match answer {
            Answer::Trouble(trouble) => table.row([&name, "fails", "", "", &trouble.reason]),
            Answer::Feed { entries, newest } => {
                table.row([
                    &name,
                    "ok",
                    &entries.to_string(),
                    &ago(*newest, now),
                    remark(*entries, *newest, now),
                ]);
            }
        }
    }
    table.right(&[2]);
    table.cut(&[0]);
    table.tail_below();
    table.print()?;
    output::line(format!("{works} of {} answer with a feed", output::counted(online.asked.len(), "source")))
}

fn named(source: &Source) -> String {
    source.name.clone().unwrap_or_else(|| masked(&source.url))
}

/// What is odd about a feed that works.
fn remark(entries: usize, newest: Option<Timestamp>, now: Timestamp) -> &'static str {
    match newest {
        _ if entries == 0 => "the feed is empty",
        Some(newest) if now.since(newest) > STALE => {
            "nothing new for a long time: its publisher may have left it"
        }
        Some(newest) if newest.since(now) > DAY => "its newest entry lies in the future",
        _ => "",
    }
}

fn what_to_do(online: &Online) -> Result<()> {
    let mut by_help: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (source, trouble) in online.troubles() {
        by_help.entry(trouble.help).or_default().push(named(source));
    }
    if by_help.is_empty() {
        return Ok(());
    }
    output::heading("What to do")?;
    if online.none_works() {
        return output::line("none of them answers: see first whether this machine reaches the web at all");
    }
    for (help, sources) in by_help {
        output::line(output::plain(&sources.join(", ")))?;
        output::line(format!("  {} {help}", output::paint(style::HELP, "→")))?;
    }
    Ok(())
}

/// The lines as they are when they are commented out, and a command that does it.
fn worth_taking_out(found: &[(&Source, &Trouble, Option<Block>)]) -> Result<()> {
    if found.is_empty() {
        return Ok(());
    }
    output::heading("Worth commenting out")?;
    let mut edits: BTreeMap<PathBuf, Vec<String>> = BTreeMap::new();
    for (source, trouble, block) in found {
        let why = output::plain(&trouble.reason);
        let Some(block) = block else {
            output::line(format!("\n# {}: {why}", masked(&source.url)))?;
            continue;
        };
        output::line(format!("\n# {}:{}: {why}", block.file.display(), block.line))?;
        for line in &block.lines {
            output::line(format!("# {line}"))?;
        }
        let last = block.line + block.lines.len() - 1;
        edits.entry(block.file.clone()).or_default().push(format!("-e '{},{last}s/^/# /'", block.line));
    }
    if edits.is_empty() {
        return Ok(());
    }
    output::line("\nAll at once, while the files are as they are now:")?;
    edits
        .iter()
        .try_for_each(|(file, edits)| output::line(format!("  sed -i {} {}", edits.join(" "), shell(file))))
}

fn login(login: &LogIn) -> Result<()> {
    output::heading("Login")?;
    for step in &login.steps {
        output::line(format!("  {:<9} {}", step.phase, output::plain(&step.detail)))?;
    }
    match &login.reason {
        None if login.is_folder => output::line(format!("none: mail is written to {}", login.via)),
        None => {
            output::line(format!("{} {}", output::paint(style::GOOD, "mail can be handed to"), login.via))
        }
        Some(reason) => {
            let reason = output::plain(reason);
            output::line(format!(
                "{} {}: {reason}",
                output::paint(style::ERROR, "no mail can be handed to"),
                login.via
            ))?;
            output::line(format!(
                "{} mail waits until this works; correct [mail] via, user and password_file, then `habar test-mail`",
                output::paint(style::HELP, "help:")
            ))
        }
    }
}

/// The same for programs.
pub(super) fn as_json(online: &Online) -> Value {
    let take_out = online.take_out();
    let sources: Vec<Value> = online
        .asked
        .iter()
        .map(|(source, answer)| {
            let block = take_out.iter().find(|(other, ..)| other.url == source.url);
            let place = block.and_then(|(.., block)| block.as_ref());
            let (entries, newest, trouble) = match answer {
                Answer::Feed { entries, newest } => (Some(*entries), *newest, None),
                Answer::Trouble(trouble) => (None, None, Some(trouble)),
            };
            json!({
                "url": source.url.as_str(),
                "name": source.name,
                "ok": trouble.is_none(),
                "entries": entries,
                "newest": newest,
                "reason": trouble.map(|trouble| &trouble.reason),
                "help": trouble.map(|trouble| trouble.help),
                "worth_commenting_out": block.is_some(),
                "file": place.map(|block| block.file.as_path() as &Path),
                "line": place.map(|block| block.line),
            })
        })
        .collect();
    json!({ "sources": sources, "login": online.login })
}
