//! What can be said on the command line.

use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand, ValueEnum};

use crate::config::{self, Environment};

use super::{
    add, backup, check, demo, doctor, export, feeds, import, init, once, outbox, pause, poll, run, status,
    test_mail, r#try, watches, why,
};

const LONG_ABOUT: &str = "\
Habar polls news feeds, reads the articles behind them, keeps one copy of each story,
and mails the people who watch for it when a story mentions their keywords.

New here? `habar demo` shows all of it in ten seconds, without network or set-up.
Then `habar init` writes a commented config, `habar check` reads it back to you,
and `habar run` starts the daemon.";

const AFTER_HELP: &str = "\
Exit codes: 0 done, 64 usage, 65 damaged data, 66 input not found, 69 unavailable,
73 and 74 cannot write, 75 later (another daemon holds the state), 77 permission, 78 config.";

/// News feeds in, mail alerts out.
#[derive(Debug, Parser)]
#[command(name = "habar", version, about = "News feeds in, mail alerts out", long_about = LONG_ABOUT)]
#[command(after_long_help = AFTER_HELP, propagate_version = false, disable_help_subcommand = true)]
#[command(subcommand_required = true, arg_required_else_help = true, max_term_width = 100)]
pub struct Args {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

/// Options every command takes.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The config file
    ///
    /// Without it: $HABAR_CONFIG, else ./config/habar.toml, else habar/habar.toml in the user's
    /// XDG config folder, else /etc/habar/habar.toml.
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The folder with the store and, unless the config says otherwise, the mail
    ///
    /// Without it: $STATE_DIRECTORY, else /var/lib/habar when the config lies under /etc, else
    /// habar in the user's XDG state folder.
    #[arg(long, global = true, value_name = "DIR")]
    pub state: Option<PathBuf>,

    /// Print JSON for programs instead of text for people
    #[arg(long, global = true)]
    pub json: bool,

    /// Print nothing but what was asked for, and errors
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Colours: on a terminal only, or as told
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        value_enum,
        default_value_t,
        hide_possible_values = false
    )]
    pub color: Color,
}

impl Global {
    /// The config file: what was asked for, else the first that exists where it is looked for.
    pub fn config_file(&self) -> PathBuf {
        config::find(self.config.as_deref(), &Environment::of_this_process(), Path::exists)
    }

    /// The state folder that belongs to a config file.
    pub fn state_dir(&self, config: &Path) -> PathBuf {
        config::state_dir(self.state.as_deref(), config, &Environment::of_this_process())
    }

    /// Whether there is a config, or one was asked for.
    pub fn has_config(&self) -> bool {
        self.config.is_some() || self.config_file().exists()
    }
}

/// When to print colours.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
pub enum Color {
    /// On a terminal that has them.
    #[default]
    Auto,
    /// Also into pipes and files.
    Always,
    /// Not at all.
    Never,
}

/// The commands, in the order of a newcomer's first hour.
#[derive(Debug, Subcommand)]
pub enum Command {
    Demo(demo::Demo),
    Init(init::Init),
    Check(check::Check),
    Run(run::Run),
    Once(once::Once),
    Add(add::Add),
    Import(import::Import),
    Export(export::Export),
    Feeds(feeds::Feeds),
    Watches(watches::Watches),
    Status(status::Status),
    Why(why::Why),
    Poll(poll::Poll),
    Pause(pause::Pause),
    Resume(pause::Resume),
    TestMail(test_mail::TestMail),
    Outbox(outbox::Outbox),
    Backup(backup::Backup),
    Doctor(doctor::Doctor),
    Try(r#try::Try),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_consistent() {
        use clap::CommandFactory;
        Args::command().debug_assert();
    }
}
