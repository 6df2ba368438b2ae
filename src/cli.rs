//! The command line: one file a command, one way to print, one way to fail.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use rusqlite::Connection;

mod add;
mod args;
mod asking;
mod backup;
mod check;
mod demo;
mod doctor;
mod exit;
mod export;
mod feeds;
mod import;
mod init;
mod logging;
mod mailtext;
mod once;
mod online;
mod outbox;
mod output;
mod pause;
mod picking;
mod poll;
mod run;
mod status;
mod test_mail;
mod r#try;
mod watches;
mod why;
mod writing;

pub use demo::site::{RequestLine, Site};
pub use exit::{Exit, Failure};

use args::{Args, Command, Global};

use crate::config::{self, Config};
use crate::io::store;
use crate::pipeline::plan::outlet;
use crate::time::{DAY, HOUR, MINUTE, SECOND, Timestamp, show_duration};

/// What a command comes to.
type Result<T = Exit> = std::result::Result<T, Failure>;

/// Reads the command line, runs the command, and says what stopped it.
pub fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return exit::from_clap(&error).into(),
    };
    output::set_color(args.global.color);
    match run(args) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            failure.exit().into()
        }
    }
}

fn run(args: Args) -> Result {
    let global = &args.global;
    match args.command {
        Command::Demo(command) => command.run(global),
        Command::Init(command) => command.run(global),
        Command::Check(command) => command.run(global),
        Command::Run(command) => command.run(global),
        Command::Once(command) => command.run(global),
        Command::Add(command) => command.run(global),
        Command::Import(command) => command.run(global),
        Command::Export(command) => command.run(global),
        Command::Feeds(command) => command.run(global),
        Command::Watches(command) => command.run(global),
        Command::Status(command) => command.run(global),
        Command::Why(command) => command.run(global),
        Command::Poll(command) => command.run(global),
        Command::Pause(command) => command.run(global),
        Command::Resume(command) => command.run(global),
        Command::TestMail(command) => command.run(global),
        Command::Outbox(command) => command.run(global),
        Command::Backup(command) => command.run(global),
        Command::Doctor(command) => command.run(global),
        Command::Try(command) => command.run(global),
    }
}

/// The config, and where it and the state lie.
#[derive(Debug)]
struct Loaded {
    config: Config,
    file: PathBuf,
    state: PathBuf,
}

/// Reads the config that the command line names; one that is refused is told with every mistake in it.
fn load_config(global: &Global) -> Result<Loaded> {
    let file = global.config_file();
    let state = global.state_dir(&file);
    match config::load(&file) {
        Ok(config) => Ok(Loaded { config, file, state }),
        Err(errors) => {
            let failure =
                Failure::new(Exit::Config, format!("{} is refused", file.display())).details(&errors);
            Err(if file.exists() {
                failure
            } else {
                failure.help("`habar init` writes a config to start from")
            })
        }
    }
}

/// The configured names of sources; none without a readable config.
fn load_names(global: &Global) -> HashMap<String, String> {
    let sources = config::load(&global.config_file()).map(|config| config.sources).unwrap_or_default();
    sources.into_iter().filter_map(|source| Some((source.url.to_string(), source.name?))).collect()
}

/// Asks the store, beside the daemon and without changing anything.
fn read_store<T>(global: &Global, query: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T> {
    let state = global.state_dir(&global.config_file());
    Ok(store::ask_read_only(&state, query)?)
}

/// The outlet's name: the configured one, else the feed's own title, else its host.
fn name_of(names: &HashMap<String, String>, url: &str, title: Option<&str>) -> String {
    outlet(names.get(url).map(String::as_str), url, title)
}

/// So many in a week, as so many a day, in tenths.
fn a_day(in_a_week: u32) -> f64 {
    (f64::from(in_a_week) * 10.0 / 7.0).round() / 10.0
}

/// How long ago something was.
fn ago(at: Option<Timestamp>, now: Timestamp) -> String {
    match at.map(|at| now.since(at)) {
        None => "never".to_owned(),
        Some(past) if past < SECOND => "just now".to_owned(),
        Some(past) => format!("{} ago", brief(past)),
    }
}

/// How far ahead something is.
fn ahead(at: Option<Timestamp>, now: Timestamp) -> String {
    match at {
        None => "not planned".to_owned(),
        Some(at) if at <= now => "now".to_owned(),
        Some(at) => format!("in {}", brief(at.since(now))),
    }
}

/// A duration without what nobody asks of one so long.
fn brief(duration: Duration) -> String {
    let unit = match duration {
        _ if duration < MINUTE => SECOND,
        _ if duration < DAY => MINUTE,
        _ if duration < 10 * DAY => HOUR,
        _ => DAY,
    };
    let whole = duration.as_secs() / unit.as_secs() * unit.as_secs();
    show_duration(Duration::from_secs(whole))
}

/// Threads that parse, read the store and resolve names; the shipped unit allows 64 tasks in all.
const BLOCKING_THREADS: usize = 24;

/// tokio starts a worker for every core, and a start fails when a thread is refused: on a big machine this
/// keeps within the same 64.
const MAX_WORKERS: usize = 16;

/// Those threads are waited for at the end, but no longer than this.
const LAST_WAIT: Duration = Duration::from_secs(2);

/// Runs the asynchronous part of a command to its end.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(cores.min(MAX_WORKERS))
        .max_blocking_threads(BLOCKING_THREADS)
        .build()
        .map_err(|error| Failure::new(Exit::Io, format!("cannot start: {error}")))?;
    let done = runtime.block_on(work);
    // A name that is being resolved cannot be told to stop; it must not hold up the end.
    runtime.shutdown_timeout(LAST_WAIT);
    Ok(done)
}
