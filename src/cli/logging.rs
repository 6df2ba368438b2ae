//! The log: events with fields on stderr, as the journal or a terminal reads them best.
//!
//! What a year of `info` holds is what changed: a mail sent, a source that fails and works again, a config
//! read anew. What comes with every poll is for `debug`. Nothing that came from outside begins a line.

use std::env;
use std::fmt;
use std::io::{self, IsTerminal as _};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{Compact, Format, FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::registry::LookupSpan;

use super::args::{Color, Global};

/// Libraries that tell more than an administrator wants unless asked by name in `RUST_LOG`.
const QUIET: [&str; 6] =
    ["hyper=warn", "hyper_util=warn", "h2=warn", "lettre=warn", "rustls=warn", "reqwest=warn"];

/// Starts the log at the level of `RUST_LOG`, else `info` (`warn` with `--quiet`).
pub fn start(global: &Global) {
    let filter = filter(env::var("RUST_LOG").ok().as_deref(), if global.quiet { "warn" } else { "info" });
    let format = tracing_subscriber::fmt::format().with_target(false);
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    let result = if is_journal(env::var("JOURNAL_STREAM").ok().as_deref()) {
        log.event_format(Lines {
            format: format.without_time().with_ansi(false).compact(),
            journal: true,
            colors: false,
        })
        .try_init()
    } else {
        let ansi = colors(global.color);
        log.with_ansi(ansi)
            .event_format(Lines { format: format.with_ansi(ansi).compact(), journal: false, colors: ansi })
            .try_init()
    };
    // Only a second start fails, and then the first log is the one that counts.
    drop(result);
}

/// What begins a line of an error that ends the program: its priority, where the journal reads it.
pub fn error_mark() -> &'static str {
    if is_journal(env::var("JOURNAL_STREAM").ok().as_deref()) { "<3>" } else { "" }
}

/// Whether our stderr is what systemd has connected to the journal: this device and inode, systemd.exec(5).
/// Whatever else it leads to would show the priorities as text.
fn is_journal(stream: Option<&str>) -> bool {
    let (Some(stream), Ok(stderr)) = (stream, rustix::fs::fstat(io::stderr())) else { return false };
    stream == format!("{}:{}", stderr.st_dev, stderr.st_ino)
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

/// An event a line. Where one has more lines, as errors of a config do, they are indented, so that no text can
/// pass for an event of its own.
///
/// Lines for journald: `<n>` in front is their priority (sd-daemon(3)); the journal has the time already.
struct Lines<T> {
    format: Format<Compact, T>,
    journal: bool,
    colors: bool,
}

impl<S, N, T> FormatEvent<S, N> for Lines<T>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    T: FormatTime,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut text = String::new();
        self.format.format_event(context, Writer::new(&mut text), event)?;
        for (number, line) in text.trim_end().split('\n').enumerate() {
            if self.journal {
                write!(writer, "<{}>", priority(*event.metadata().level()))?;
            }
            writer.write_str(if number == 0 { "" } else { "    " })?;
            write_visibly(&mut writer, line, self.colors)?;
            writer.write_char('\n')?;
        }
        Ok(())
    }
}

fn priority(level: Level) -> u8 {
    match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    }
}

/// What moves the cursor or turns the text around is spelled out, but for our own colours.
fn write_visibly(writer: &mut Writer<'_>, line: &str, colors: bool) -> fmt::Result {
    for (number, part) in line.split('\u{1b}').enumerate() {
        if number > 0 {
            let escape = if colors && is_color(part) { "\u{1b}" } else { "\\u{1b}" };
            writer.write_str(escape)?;
        }
        for c in part.chars() {
            let turns =
                matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || turns {
                write!(writer, "{}", c.escape_unicode())?;
            } else {
                writer.write_char(c)?;
            }
        }
    }
    Ok(())
}

/// What follows an escape changes the colour, and does no more.
fn is_color(part: &str) -> bool {
    let code =
        part.strip_prefix('[').map(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';'));
    code.is_some_and(|rest| rest.starts_with('m'))
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
        let format = tracing_subscriber::fmt::format().without_time().with_ansi(false).with_target(false);
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(filter(asked, "info"))
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .event_format(Lines { format: format.compact(), journal: true, colors: false })
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

    #[test]
    fn nothing_from_outside_begins_a_line() {
        let forged = "a title\n<0>EMERG all is lost\r\u{1b}[2J\u{202e}\u{85}b";
        let text = logged(None, || {
            tracing::info!(title = forged, "quoted");
            tracing::info!(title = %forged, "as it is");
            tracing::info!("{forged}");
        });
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text:?}");
        assert!(
            lines.iter().all(|line| line.starts_with("<6> INFO") || line.starts_with("<6>    ")),
            "{text}"
        );
        assert!(!text.contains(['\r', '\u{1b}', '\u{202e}', '\u{85}']), "{text:?}");
    }

    #[test]
    fn only_what_leads_to_the_journal_gets_priorities() {
        let stderr = rustix::fs::fstat(io::stderr()).unwrap();
        let this = format!("{}:{}", stderr.st_dev, stderr.st_ino);
        assert!(is_journal(Some(&this)));
        for other in [None, Some(""), Some("8:1"), Some("nonsense")] {
            assert!(!is_journal(other), "{other:?}");
        }
    }
}
