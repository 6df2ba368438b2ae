//! The log: events with fields on stderr, as the journal or a terminal reads them best.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{Compact, Format, FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::args::{Color, Global};

/// Libraries that tell more than an administrator wants unless asked by name in `RUST_LOG`.
const QUIET: [&str; 6] =
    ["hyper=warn", "hyper_util=warn", "h2=warn", "lettre=warn", "rustls=warn", "reqwest=warn"];

/// Starts the log at the level of `RUST_LOG`, else `info` (`warn` with `--quiet`).
pub fn start(global: &Global) {
    let filter = filter(env::var("RUST_LOG").ok().as_deref(), if global.quiet { "warn" } else { "info" });
    // A terminal of a desktop session inherits the variable without being the journal.
    let journal = env::var_os("JOURNAL_STREAM").is_some() && !io::stderr().is_terminal();
    let result = if journal {
        tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(io::stderr)
            .with_ansi(false)
            .event_format(journal_format())
            .try_init()
    } else {
        let format =
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).with_target(false);
        format.with_ansi(colors(global.color)).compact().try_init()
    };
    // Only a second start fails, and then the first log is the one that counts.
    drop(result);
}

fn journal_format() -> Journal {
    Journal(tracing_subscriber::fmt::format().without_time().with_ansi(false).with_target(false).compact())
}

fn filter(asked: Option<&str>, usual: &str) -> EnvFilter {
    let asked = asked.filter(|text| !text.trim().is_empty()).unwrap_or(usual);
    // Later directives win over earlier ones for the same target, so what was asked for comes last.
    EnvFilter::new(format!("{},{asked}", QUIET.join(",")))
}

fn colors(color: Color) -> bool {
    match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => {
            io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        }
    }
}

/// Lines for journald: `<n>` in front is their priority (sd-daemon(3)); the journal has the time already.
struct Journal(Format<Compact, ()>);

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(context, writer, event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(asked: Option<&str>, events: impl FnOnce()) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(asked, "info"))
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(journal_format())
            .finish();
        tracing::subscriber::with_default(subscriber, events);
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn the_journal_gets_priorities_and_fields() {
        let text = logged(None, || {
            tracing::error!(feed = "a", "broken");
            tracing::warn!("odd");
            tracing::info!("usual");
            tracing::debug!("detail");
        });
        assert_eq!(text, "<3>ERROR broken feed=\"a\"\n<4> WARN odd\n<6> INFO usual\n");
    }

    #[test]
    fn libraries_are_quiet_unless_asked_by_name() {
        let events = || {
            tracing::info!(target: "h2::frame", "chatter");
            tracing::warn!(target: "lettre::smtp", "trouble");
        };
        assert_eq!(logged(Some("debug"), events), "<4> WARN trouble\n");
        assert_eq!(logged(Some("debug,h2=info"), events), "<6> INFO chatter\n<4> WARN trouble\n");
    }
}
