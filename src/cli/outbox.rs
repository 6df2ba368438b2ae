//! `habar outbox`: the ledger of messages.

use clap::Subcommand;
use serde_json::json;

use super::args::Global;
use super::output::{self, Table, style};
use super::{Exit, Failure, Result, ago, ahead, mailtext, read_store};
use crate::io::store::outbox::{self, Entry};
use crate::time::{Clock, Timestamp};

/// Show the ledger of messages: waiting, sent, given up, cancelled
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
}

const MOST: usize = 50;

impl Outbox {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        match self.what.unwrap_or(What::List { limit: MOST }) {
            What::List { limit } => list(global, limit),
            What::Show { id } => show(global, id),
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
    let Some((entry, bytes)) = found else {
        return Err(Failure::new(Exit::NoInput, format!("there is no message {id}"))
            .help("`habar outbox` lists them with their numbers"));
    };
    let mail = mailtext::read(&bytes);
    if global.json {
        return output::json(&json!({ "message": entry, "text": mail.text })).map(|()| Exit::Done);
    }
    headers(&entry, now)?;
    for line in mail.text.lines() {
        output::line(output::plain_part(line))?;
    }
    Ok(Exit::Done)
}

fn headers(entry: &Entry, now: Timestamp) -> Result<()> {
    let state = match (entry.settled_at, entry.due_at) {
        (Some(at), _) => format!("{} {}", entry.state, ago(Some(at), now)),
        (None, due) => format!("{}, next try {}", entry.state, ahead(due, now)),
    };
    let lines = [
        ("state", format!("{state}, {} tries", entry.attempts)),
        ("reply", entry.reply.clone()),
        ("to", entry.to.clone()),
        ("watch", entry.watch.clone().unwrap_or_else(|| "(for the administrator)".to_owned())),
        ("subject", entry.subject.clone()),
        ("id", entry.message_id.clone()),
        ("composed", entry.composed_at.to_string()),
    ];
    for (name, text) in lines {
        let name = output::paint(style::HEADING, format!("{name:<9}"));
        output::line(format!("{name} {}", output::plain(&text)))?;
    }
    output::line("")
}
