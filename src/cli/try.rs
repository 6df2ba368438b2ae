//! `habar try`: one part on given input; nothing is stored and nothing sent.

use clap::Subcommand;

use super::args::Global;
use super::{Exit, Failure, Result, block_on, load_config, output};

mod feed;
pub(super) mod input;
mod jsonl;
mod r#match;
mod page;
mod schedule;

/// Run one part on given input: nothing is stored, nothing is sent
///
/// With --jsonl each reads one JSON object a line from its input and writes one a line, in order.
#[derive(Debug, clap::Args)]
pub struct Try {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    Feed(feed::Feed),
    Page(page::Page),
    Match(r#match::Match),
    Schedule(schedule::Schedule),
}

impl Try {
    /// Runs the command.
    pub fn run(self, global: &Global) -> Result {
        match self.part {
            Part::Feed(part) => part.run(global),
            Part::Page(part) => part.run(global),
            Part::Match(part) => part.run(global),
            Part::Schedule(part) => part.run(global),
        }
    }
}
