//! The sources, and what is read of them.

use super::{Finding, Patient};
use crate::cli::brief;
use crate::cli::output::{counted, plain};
use crate::domain::health::{PATIENCE, State};
use crate::io::http::shown;
use crate::io::store::checkup::{Checkup, SourceHealth};

/// How the sources do, and whether their pages come.
pub(super) fn look(patient: &Patient, checkup: &Checkup) -> Vec<Finding> {
    let mut findings = sources(patient, &checkup.sources);
    if !checkup.paused.is_empty() {
        let what = match checkup.paused.len() {
            1 => "1 watch is paused and makes no alerts".to_owned(),
            many => format!("{many} watches are paused and make no alerts"),
        };
        let names = checkup.paused.iter().map(|name| plain(name)).collect();
        findings.push(Finding::warning("watches", what, "`habar resume` ends it").with(names));
    }
    if checkup.pages > 0 {
        findings.push(Finding::warning(
            "pages",
            format!("{} should have been read six hours ago", counted(checkup.pages as usize, "page")),
            "a host may be slow, or have too many of them; their alerts come with the feed's own words until then",
        ));
    }
    if checkup.held > 0 && patient.runs {
        findings.push(Finding::warning(
            "pages",
            format!(
                "{} of a first sight wait for pages, longer than they may",
                counted(checkup.held as usize, "alert")
            ),
            "restart habar, and please report this",
        ));
    }
    findings
}

fn sources(patient: &Patient, sources: &[SourceHealth]) -> Vec<Finding> {
    if sources.is_empty() {
        return Vec::new();
    }
    let asked = sources.iter().filter(|source| source.was_asked).count();
    let answering = sources.iter().filter(|source| source.was_asked && source.failures == 0).count();
    if asked > 0 && answering == 0 {
        let reason =
            sources.iter().find(|source| source.was_asked).map_or("", |source| source.reason.as_str());
        let what = format!("none of {} answers: {reason}", counted(asked, "source"));
        return vec![Finding::wrong(
            "sources",
            what,
            "see whether this machine reaches the web: `habar check --online`",
        )];
    }
    let mut findings =
        vec![Finding::ok("sources", format!("{answering} of {} answer", counted(sources.len(), "source")))];
    let long = |since| patient.now.since(since) >= PATIENCE;
    let never: Vec<_> =
        sources.iter().filter(|s| !s.has_worked && s.failures > 0 && long(s.added_at)).map(why).collect();
    if !never.is_empty() {
        let what = format!(
            "{} {} never worked",
            counted(never.len(), "source"),
            if never.len() == 1 { "has" } else { "have" }
        );
        let help = "`habar check --online` prints the [[source]] lines worth commenting out";
        findings.push(Finding::warning("sources", what, help).with(never));
    }
    let lost: Vec<_> = sources
        .iter()
        .filter(|s| s.has_worked && s.failures > 0 && (s.health == "gone" || long(s.since)))
        .map(|source| lost(source, patient))
        .collect();
    if !lost.is_empty() {
        let what = format!(
            "{} worked once and fail{} now",
            counted(lost.len(), "source"),
            if lost.len() == 1 { "s" } else { "" }
        );
        let help = "habar goes on asking; where an address has changed, write the new one";
        findings.push(Finding::warning("sources", what, help).with(lost));
    }
    findings.extend(WORKS_BUT.iter().filter_map(|(state, what, help)| {
        let so = sources.iter().filter(|source| source.failures == 0 && source.health == state.as_str());
        let items: Vec<_> = so.map(why).collect();
        let what = format!("{} {what}", counted(items.len(), "source"));
        (!items.is_empty()).then(|| Finding::warning("sources", what, *help).with(items))
    }));
    findings
}

/// What can be wrong with a source that works.
const WORKS_BUT: [(State, &str, &str); 3] = [
    (
        State::Lossy,
        "may have lost entries between two polls within a week",
        "allow more polls, or look for a longer feed",
    ),
    (
        State::Silent,
        "without news for much longer than is usual",
        "see whether the site still publishes there",
    ),
    (State::Moved, "asked at another address than the config names", "write the new address into the config"),
];

fn why(source: &SourceHealth) -> String {
    format!("{}: {}", shown(&source.url), source.reason)
}

fn lost(source: &SourceHealth, patient: &Patient) -> String {
    format!("{}, for {}: {}", shown(&source.url), brief(patient.now.since(source.since)), source.reason)
}
