//! `habar outbox`: the ledger of messages, and what a person decides about one.

mod decide;

use clap::Subcommand;
use serde_json::json;

use super::args::Global;
use super::output::{self, Table, style};
use super::{Exit, Failure, Result, ago, ahead, mailtext, read_store};
use crate::io::store::outbox::{self, Entry, Shown};
use crate::io::store::tries::Failed;
use crate::time::{Clock, Timestamp};

/// Show the ledger of messages: waiting, sent, given up, cancelled; retry or drop one
#[derive(Debug, clap::Args)]
pub struct Outbox {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List the messages, newest first (what `habar outbox` does)
    List {
        /// How many at the most
        #[arg(long, default_value_t = MOST)]
        limit: usize,
    },
    /// Show one message: its text, its attempts and what the server said
    Show {
        /// The number in the first column of the list
        id: i64,
    },
    /// Send a message that waits or was given up at once, and try for five more days
    Retry {
        /// The number in the first column of the list
        id: i64,
        /// Also when another way than the present one may have taken it already: it can arrive twice
        #[arg(long)]
        any_way: bool,
    },
    /// Send a message that waits or was given up no more; what it tells counts as told
    Drop {
        /// The number in the first column of the list
        id: i64,
    },
}

const MOST: usize = 50;

impl Outbox {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        match self.what.unwrap_or(What::List { limit: MOST }) {
            What::List { limit } => list(global, limit),
            What::Show { id } => show(global, id),
            What::Retry { id, any_way } => decide::retry(global, id, any_way),
            What::Drop { id } => decide::drop(global, id),
        }
    }
}

fn list(global: &Global, limit: usize) -> Result {
    let now = Clock::System.now();
    let ledger = read_store(global, |connection| outbox::list(connection, limit))?;
    if global.json {
        return output::json(&ledger).map(|()| Exit::Done);
    }
    let mut table = Table::new(&["ID", "STATE", "COMPOSED", "TO", "SUBJECT", "TRIES", "REPLY"]);
    for entry in &ledger {
        table.row([
            entry.id.to_string().as_str(),
            &entry.state,
            &ago(Some(entry.composed_at), now),
            &entry.to,
            &entry.subject,
            &entry.attempts.to_string(),
            &entry.reply,
        ]);
    }
    table.right(&[0, 5]);
    table.cut(&[3, 4, 6]);
    table.print()?;
    Ok(Exit::Done)
}

fn show(global: &Global, id: i64) -> Result {
    let now = Clock::System.now();
    let found = read_store(global, |connection| outbox::show(connection, id))?;
    let (Shown { line, tries }, bytes) = found.ok_or_else(|| missing(id))?;
    let mail = mailtext::read(&bytes);
    if global.json {
        let all = json!({ "message": line, "tries": tries, "text": mail.text });
        return output::json(&all).map(|()| Exit::Done);
    }
    headers(&line, now)?;
    for failed in &tries {
        let name = output::paint(style::HEADING, format!("{:<9}", "failed"));
        output::line(format!("{name} {}", failures(failed, now)))?;
    }
    output::line("")?;
    for line in mail.text.lines() {
        output::line(output::plain_part(line))?;
    }
    Ok(Exit::Done)
}

fn missing(id: i64) -> Failure {
    Failure::new(Exit::NoInput, format!("there is no message {id}"))
        .help("`habar outbox` lists them with their numbers")
}

/// How a message stands, in a few words.
pub fn standing(entry: &Entry, now: Timestamp) -> String {
    let state = match (entry.settled_at, entry.due_at) {
        (Some(at), _) => format!("{} {}", entry.state, ago(Some(at), now)),
        (None, _) if entry.under_way => "on its way".to_owned(),
        (None, due) => format!("{}, next try {}", entry.state, ahead(due, now)),
    };
    let tries = if entry.attempts == 1 { "1 try" } else { &format!("{} tries", entry.attempts) };
    let asked = entry.asked.as_ref().map(|what| format!("; {what} asked for")).unwrap_or_default();
    format!("{state}, {tries}{asked}")
}

/// Tries that failed for one reason, in a line.
pub fn failures(failed: &Failed, now: Timestamp) -> String {
    let reason = output::plain(&failed.reason);
    match failed.count {
        1 => format!("{}: {reason}", ago(Some(failed.last_at), now)),
        count => format!(
            "{count} times, from {} to {}: {reason}",
            ago(Some(failed.first_at), now),
            ago(Some(failed.last_at), now)
        ),
    }
}

fn headers(entry: &Entry, now: Timestamp) -> Result<()> {
    let lines = [
        ("state", standing(entry, now)),
        ("reply", entry.reply.clone()),
        ("via", entry.via.clone().unwrap_or_default()),
        ("to", entry.to.clone()),
        ("watch", entry.watch.clone().unwrap_or_else(|| "(for the administrator)".to_owned())),
        ("subject", entry.subject.clone()),
        ("id", entry.message_id.clone()),
        ("composed", entry.composed_at.to_string()),
    ];
    for (name, text) in lines.into_iter().filter(|(_, text)| !text.is_empty()) {
        let name = output::paint(style::HEADING, format!("{name:<9}"));
        output::line(format!("{name} {}", output::plain(&text)))?;
    }
    Ok(())
}
