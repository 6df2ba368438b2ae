//! From what is written to what is meant. Whatever is wrong becomes a diagnostic and its default stands in,
//! so that the checks go on to the end.

mod access;
mod mail;
mod source;
mod watch;

use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use toml::Spanned;

use super::diagnostic::{At, Report, Severity};
use super::include::{Loaded, reason};
use super::raw::{self, Number, Text, Texts};
use super::{Config, DeliveryConfig, Environment, HttpConfig, Polling, Reading, StoreConfig};
use crate::io::http::Network;
use crate::time::{DAY, SECOND, parse_duration, show_duration};

/// Checks all files together. What is returned is a config only if the report holds no error.
pub(super) fn check(loaded: Loaded<'_>, environment: &Environment, report: &mut Report) -> Config {
    let mut documents = loaded.documents;
    let first = documents.first_mut().map(|(_, document)| std::mem::take(document)).unwrap_or_default();
    let mut checker = Checker { report, environment, file: 0 };

    let mail = checker.mail(&first.mail);
    let delivery = checker.delivery(&first.delivery);
    let polling = checker.polling(&first.polling);
    let http = checker.http(&first.http);
    let reading =
        Reading { retry: checker.duration("retry", &first.reading.retry, Reading::default().retry, SOME) };
    let keep = checker.duration("keep", &first.store.keep, StoreConfig::default().keep, DAY..=AGES);
    let admin = checker.addresses("to", &first.admin.to);

    let mut sources = source::Sources::default();
    let mut watches = watch::Watches::default();
    sources.add(&mut checker, &first.sources, &polling, &http);
    watches.add(&mut checker, first.watches, &mail, &delivery);
    for (file, document) in documents.into_iter().skip(1) {
        checker.file = file;
        sources.add(&mut checker, &document.sources, &polling, &http);
        watches.add(&mut checker, document.watches, &mail, &delivery);
    }
    watches.check_scopes(checker.report, &sources.checked);
    nothing_to_do(checker.report, &sources, &watches);
    shut_to_the_service(report, environment, &loaded.watched);

    let admin = if admin.is_empty() { mail.to.clone() } else { admin };
    Config {
        files: loaded.watched,
        mail,
        sources: sources.checked,
        watches: watches.checked,
        polling,
        http,
        reading,
        delivery,
        store: StoreConfig { keep },
        admin,
        warnings: Vec::new(),
    }
}

/// Longer than anybody waits, and short enough for calendar arithmetic.
const AGES: Duration = Duration::from_hours(100 * 365 * 24);
/// Anything but none: zero would ask without pause.
const SOME: RangeInclusive<Duration> = SECOND..=AGES;
const ANY: RangeInclusive<Duration> = Duration::ZERO..=AGES;

/// The report and the file that is being checked.
struct Checker<'r> {
    report: &'r mut Report,
    environment: &'r Environment,
    file: usize,
}

impl Checker<'_> {
    fn delivery(&mut self, raw: &raw::Delivery) -> DeliveryConfig {
        let default = DeliveryConfig::default();
        DeliveryConfig {
            gather: self.duration("gather", &raw.gather, default.gather, ANY),
            retry: self.duration("retry", &raw.retry, default.retry, SOME),
            fold_after: self.count("fold_after", &raw.fold_after, default.fold_after),
        }
    }

    fn polling(&mut self, raw: &raw::Polling) -> Polling {
        let default = Polling::default();
        let budget = self.count("budget", &raw.budget, default.budget);
        let floor = self.duration("floor", &raw.floor, default.floor, SOME);
        let ceiling = self.duration("ceiling", &raw.ceiling, default.ceiling, SOME);

        let (most, least) = (DAY.as_secs() / floor.as_secs(), DAY.as_secs() / ceiling.max(floor).as_secs());
        let spans = [raw.budget.as_ref().map(Spanned::span), span(&raw.floor), span(&raw.ceiling)];
        let [budget_span, floor_span, ceiling_span] = spans;
        let mut warn = |span: Option<_>, message: String, help: String| {
            self.report.warn(&At { file: self.file, span: span.unwrap_or_default() }, message, help);
        };
        if ceiling < floor {
            let written = raw.floor.as_ref().map_or("15m", |text| text.get_ref());
            let (floor, ceiling) = (show_duration(floor), show_duration(ceiling));
            warn(
                ceiling_span.or(floor_span),
                format!(
                    "the ceiling ({ceiling}) is under the floor ({floor}): every feed is asked at the floor"
                ),
                format!("write ceiling = {written:?} or more"),
            );
        } else if most < u64::from(budget) {
            warn(
                budget_span.or(floor_span),
                format!("the budget of {budget} requests a day cannot be spent: the floor allows {most}"),
                if most == 0 {
                    "write a lower floor".to_owned()
                } else {
                    format!("write budget = {most}, or a lower floor")
                },
            );
        } else if least > u64::from(budget) {
            warn(
                budget_span.or(ceiling_span),
                format!("the budget of {budget} requests a day cannot be held: the ceiling takes {least}"),
                format!("write budget = {least}, or a higher ceiling"),
            );
        }
        Polling { budget, floor, ceiling: ceiling.max(floor) }
    }

    fn http(&mut self, raw: &raw::Http) -> HttpConfig {
        let default = HttpConfig::default();
        let mut allow_private = Vec::new();
        for network in items(&raw.allow_private) {
            match network.get_ref().parse::<Network>() {
                Ok(network) => allow_private.push(network),
                Err(error) => {
                    let message = format!("{:?} is no network", network.get_ref());
                    self.error(network, message, error.to_string());
                }
            }
        }
        HttpConfig {
            contact: self.contact(&raw.contact),
            host_gap: self.duration("host_gap", &raw.host_gap, default.host_gap, ANY),
            allow_private,
            proxy: self.usual_proxy(raw),
            ca_file: self.ca_file(&raw.ca_file),
        }
    }

    /// It goes into a header of every request: nothing but an address or a page may.
    fn contact(&mut self, raw: &Text) -> String {
        let Some(raw) = raw else { return String::new() };
        let text = raw.get_ref().trim();
        let is_page = text.is_ascii() && (text.starts_with("https://") || text.starts_with("http://"));
        let is_address = text.is_ascii() && text.parse::<lettre::Address>().is_ok();
        if text.is_empty() || is_address || (is_page && url::Url::parse(text).is_ok()) {
            return text.to_owned();
        }
        let message = format!("{text:?} is neither a mail address nor a page");
        self.error(raw, message, r#"for example: contact = "news@example.org""#);
        String::new()
    }

    fn ca_file(&mut self, raw: &Text) -> Option<PathBuf> {
        let raw = raw.as_ref().filter(|raw| !raw.get_ref().is_empty())?;
        let path = self.path(raw);
        if let Err(error) = std::fs::File::open(&path) {
            let message = format!("ca_file {} cannot be read: {}", path.display(), reason(&error));
            self.error(raw, message, "it holds one or more certificates in PEM form");
        }
        Some(path)
    }

    /// A path, relative to the file it is written in.
    fn path(&self, raw: &Spanned<String>) -> PathBuf {
        let folder = self.report.path(self.file).parent().unwrap_or(Path::new(""));
        folder.join(raw.get_ref())
    }

    /// A text of a type that reads itself. Where its error goes on to say what to write, that is the help.
    fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str, raw: &Text) -> Option<T> {
        let raw = raw.as_ref()?;
        let error = match raw.get_ref().trim().parse() {
            Ok(parsed) => return Some(parsed),
            Err(error) => format!("{error}"),
        };
        let (what, help) = match error.find("write ") {
            Some(at) => (error[..at].trim_end_matches([' ', ':', ';', ',']), Some(error[at..].to_owned())),
            None => (error.as_str(), None),
        };
        let what = if what.is_empty() { "this cannot be read" } else { what };
        self.report.error(&self.at(raw), format!("{key}: {what}"), help);
        None
    }

    fn duration(
        &mut self,
        key: &str,
        raw: &Text,
        default: Duration,
        bounds: RangeInclusive<Duration>,
    ) -> Duration {
        let Some(raw) = raw else { return default };
        match parse_duration(raw.get_ref()) {
            Ok(duration) if bounds.contains(&duration) => duration,
            Ok(duration) => {
                let (way, bound) = if duration < *bounds.start() {
                    ("short", format!("{} or more", show_duration(*bounds.start())))
                } else {
                    ("long", "100y or less".to_owned())
                };
                self.error(raw, format!("{key} = {:?} is too {way}", raw.get_ref()), bound);
                default
            }
            Err(error) => {
                self.error(raw, format!("{key} = {:?} is no duration", raw.get_ref()), error.to_string());
                default
            }
        }
    }

    fn count(&mut self, key: &str, raw: &Number, default: u32) -> u32 {
        let Some(raw) = raw else { return default };
        if *raw.get_ref() == 0 {
            let at = At { file: self.file, span: raw.span() };
            let help = format!("for example: {key} = {default}");
            self.report.error(&at, format!("{key:?} must be a whole number from 1"), help);
            return default;
        }
        *raw.get_ref()
    }

    /// Bare mail addresses, each once.
    fn addresses(&mut self, key: &str, raw: &Texts) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::new();
        for raw in items(raw) {
            if let Some(address) = self.address(key, raw)
                && !addresses.iter().any(|known| known.eq_ignore_ascii_case(&address))
            {
                addresses.push(address);
            }
        }
        addresses
    }

    fn address(&mut self, key: &str, raw: &Spanned<String>) -> Option<String> {
        let text = raw.get_ref().trim();
        if text.starts_with("webhook:") {
            let message = "webhooks are not supported yet by this version of habar";
            self.error(raw, message, r#"write a mail address: "desk@example.org""#);
            return None;
        }
        if let Ok(address) = text.parse::<lettre::Address>() {
            return Some(address.to_string());
        }
        let inner = text.parse::<lettre::message::Mailbox>().ok().map(|mailbox| mailbox.email.to_string());
        let help =
            format!("{key} takes bare addresses: {:?}", inner.as_deref().unwrap_or("desk@example.org"));
        self.error(raw, format!("{text:?} is no mail address"), help);
        None
    }

    fn at(&self, raw: &Spanned<String>) -> At {
        At { file: self.file, span: raw.span() }
    }

    fn error(&mut self, raw: &Spanned<String>, message: impl Into<String>, help: impl Into<String>) {
        self.report.error(&self.at(raw), message, help.into());
    }

    fn warn(&mut self, raw: &Spanned<String>, message: impl Into<String>, help: impl Into<String>) {
        self.report.warn(&self.at(raw), message, help.into());
    }
}

fn items(raw: &Texts) -> &[Spanned<String>] {
    raw.as_ref().map_or(&[], |list| list.get_ref().as_slice())
}

fn span(raw: &Text) -> Option<std::ops::Range<usize>> {
    raw.as_ref().map(Spanned::span)
}

/// Root reads what the service cannot.
fn shut_to_the_service(report: &mut Report, environment: &Environment, files: &[PathBuf]) {
    let Some(unit) = &environment.unit else { return };
    for file in files.iter().filter(|file| file.is_file() && unit.cannot_read(file)) {
        let message = "cannot be read by the service, which runs as a user of its own".to_owned();
        let help = format!("chmod o+r {}; secrets belong into files of their own", file.display());
        report.about_file(Severity::Warning, file, message, Some(help));
    }
    let folders = files.iter().flat_map(|file| file.ancestors().skip(1)).filter(|at| at.starts_with("/etc"));
    for folder in folders.collect::<BTreeSet<_>>() {
        if std::fs::metadata(folder).is_ok_and(|meta| meta.mode() & 0o001 == 0) {
            let message = "is shut to the service, which runs as a user of its own".to_owned();
            report.about_file(
                Severity::Warning,
                folder,
                message,
                Some(format!("chmod o+x {}", folder.display())),
            );
        }
    }
}

fn nothing_to_do(report: &mut Report, sources: &source::Sources, watches: &watch::Watches) {
    if report.refuses() {
        return;
    }
    let main = report.path(0).to_owned();
    if sources.checked.is_empty() {
        let help = "write [[source]] on a line of its own and below it url = \"https://…\"".to_owned();
        report.about_file(
            super::Severity::Warning,
            &main,
            "no [[source]]: nothing is polled".to_owned(),
            Some(help),
        );
    }
    if watches.checked.is_empty() {
        let help = "write [[watch]] on a line of its own and below it name = \"…\" and keywords = [\"…\"]"
            .to_owned();
        report.about_file(
            super::Severity::Warning,
            &main,
            "no [[watch]]: nobody is told".to_owned(),
            Some(help),
        );
    }
}
