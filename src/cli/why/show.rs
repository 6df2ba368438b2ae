//! The life of an article for people.

use super::super::outbox::{failures, standing};
use super::super::output::{self, style};
use super::super::{Result, ago, ahead};
use super::verdict::{Because, Verdict};
use super::{Told, how_is, words};
use crate::io::store::life::{Alert, Article};
use crate::pipeline::read::Found;
use crate::time::Timestamp;

/// Prints all of it.
pub fn all(told: &Told, now: Timestamp) -> Result<()> {
    let entry = &told.life.entry;
    let title = told.life.article.as_ref().and_then(|a| a.title.as_ref()).unwrap_or(&entry.title);
    output::line(output::paint(style::HEADING, output::plain(title)))?;
    if let Some(link) = &entry.link {
        output::line(output::plain(link))?;
    }
    output::line("")?;
    source(told, now)?;
    found(told, now)?;
    page(told, now)?;
    story(told, now)?;
    watches(told)?;
    alerts(told, now)
}

fn part(name: &str, text: impl AsRef<str>) -> Result<()> {
    output::line(format!("{} {}", output::paint(style::HEADING, format!("{name:<8}")), text.as_ref()))
}

/// A line that belongs to the part above it.
fn below(text: impl AsRef<str>) -> Result<()> {
    part("", text)
}

fn source(told: &Told, now: Timestamp) -> Result<()> {
    let source = &told.life.source;
    let name = output::plain(&told.name(&source.url, source.title.as_deref()));
    part("source", format!("{name} ({}), {}", source.url, how_is(source, now)))
}

fn at(at: Timestamp, now: Timestamp) -> String {
    format!("{at} ({})", ago(Some(at), now))
}

fn found(told: &Told, now: Timestamp) -> Result<()> {
    let entry = &told.life.entry;
    let published = match entry.published {
        Some(published) => format!("dated {published} by the feed"),
        None => "without a date in the feed".to_owned(),
    };
    let edits = match entry.edits {
        0 => "never edited",
        1 => "edited once",
        many => &format!("edited {many} times"),
    };
    part("found", format!("{}, {published}, {edits}; number {}", at(entry.found_at, now), entry.id))?;
    if entry.quiet {
        below("it was older than a day when its source was first seen: stored, never read, no alert")?;
    } else if entry.first {
        below("it was there when its source was first seen")?;
    }
    Ok(())
}

fn page(told: &Told, now: Timestamp) -> Result<()> {
    let entry = &told.life.entry;
    match &told.life.article {
        Some(article) => read(told, article, now)?,
        None if entry.quiet => {}
        None => part("read", "not yet")?,
    }
    for failed in &told.life.tries {
        below(format!("failed {}", failures(failed, now)))?;
    }
    match (entry.under_way, entry.due_at) {
        (true, _) => below("it is being read now"),
        (false, Some(due)) => below(format!("its page is tried {} ({due})", when_next(due, now))),
        (false, None) => Ok(()),
    }
}

fn when_next(due: Timestamp, now: Timestamp) -> String {
    format!("next {}", ahead(Some(due), now))
}

fn read(told: &Told, article: &Article, now: Timestamp) -> Result<()> {
    let text = article.text.as_ref().unwrap_or(&told.life.entry.summary);
    let what = if article.full { "its page" } else { "the feed's own title and summary" };
    let when = article.read_at.map(|read| format!("{}, ", at(read, now))).unwrap_or_default();
    let size = match words(text) {
        0 => "no words kept".to_owned(),
        1 => "1 word".to_owned(),
        many => format!("{many} words"),
    };
    let language = article.language.as_deref().unwrap_or("unknown");
    part("read", format!("{when}{what}: {size}, language {}", output::plain(language)))?;
    if let Some(author) = &article.author {
        below(format!("by {}", output::plain(author)))?;
    }
    match &article.problem {
        Some(problem) => below(output::plain(problem)),
        None => Ok(()),
    }
}

fn story(told: &Told, now: Timestamp) -> Result<()> {
    let Some(article) = &told.life.article else { return Ok(()) };
    let others = match told.life.others.len() {
        0 => "nobody else has it",
        1 => "and another article",
        many => &format!("and {many} other articles"),
    };
    part("story", format!("number {}, since {}, {others}", article.story, at(article.story_since, now)))?;
    for other in &told.life.others {
        let name = output::plain(&told.name(&other.source, other.feed_title.as_deref()));
        let link = output::plain(other.link.as_deref().unwrap_or(&other.title));
        below(format!("{name}: {link} ({})", ago(Some(other.found_at), now)))?;
    }
    Ok(())
}

fn watches(told: &Told) -> Result<()> {
    let Some(verdicts) = &told.verdicts else {
        return part("watches", "the config cannot be read (`habar check`), so there are no verdicts");
    };
    for verdict in verdicts {
        let paused = if verdict.paused { " (paused)" } else { "" };
        part("watch", format!("{}{paused}: {}", output::plain(&verdict.watch), said(verdict)))?;
        for (line, times) in counted(verdict.found.iter().map(hit)) {
            below(if times == 1 { line } else { format!("{line} ({times} times)") })?;
        }
        if let Some(note) = &verdict.note {
            below(output::paint(style::WARNING, output::plain(note)))?;
        }
    }
    Ok(())
}

/// Each line once, in the order of the first of its kind, and how often it stands there.
fn counted(lines: impl Iterator<Item = String>) -> Vec<(String, usize)> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match counted.iter_mut().find(|(known, _)| *known == line) {
            Some((_, times)) => *times += 1,
            None => counted.push((line, 1)),
        }
    }
    counted
}

fn said(verdict: &Verdict) -> String {
    let found = if verdict.found.is_empty() { "" } else { "; it would have found" };
    match verdict.because {
        None => output::paint(style::GOOD, "hit"),
        Some(Because::Source) => format!("no hit: it does not look at this source{found}"),
        Some(Because::Language) => format!("no hit: it does not look at this language{found}"),
        Some(Because::Keywords) => "no hit: no keyword of it stands in the title or the text".to_owned(),
    }
}

fn hit(found: &Found) -> String {
    let place = if found.in_title { "title" } else { "text" };
    let matched = output::plain_part(&found.matched);
    format!(
        "{} \u{2192} {matched}, in the {place}: {}{}{}",
        output::plain(&found.term),
        output::plain_part(&found.before),
        output::paint(style::HIT, &matched),
        output::plain_part(&found.after)
    )
}

fn alerts(told: &Told, now: Timestamp) -> Result<()> {
    for alert in &told.life.alerts {
        let state = match alert.state.as_str() {
            "open" if alert.held => {
                format!(
                    "open until {}, held for what was first seen with it",
                    ahead(Some(alert.release_at), now)
                )
            }
            "open" => format!("open, told {}", ahead(Some(alert.release_at), now)),
            "told" => told_by(alert, now),
            state => state.to_owned(),
        };
        let by = if alert.entry == told.life.entry.id { "" } else { ", for another article of the story" };
        part(
            "alert",
            format!("{} to {}: {state}{by}", output::plain(&alert.watch), output::plain(&alert.to)),
        )?;
        mail(alert, now)?;
    }
    Ok(())
}

/// A mail that tells of it is not one that was sent.
fn told_by(alert: &Alert, now: Timestamp) -> String {
    match alert.message.as_ref().map(|message| message.line.state.as_str()) {
        Some("waiting") => "in the mail below, which is not sent yet".to_owned(),
        Some("dead") => "in the mail below, which was given up".to_owned(),
        Some("cancelled") => "in the mail below, which was not sent".to_owned(),
        _ => format!("told {}", ago(alert.told_at, now)),
    }
}

fn mail(alert: &Alert, now: Timestamp) -> Result<()> {
    let Some(message) = &alert.message else { return Ok(()) };
    let line = &message.line;
    let via = line.via.as_ref().map(|via| format!(" by {via}")).unwrap_or_default();
    let reply =
        if line.reply.is_empty() { String::new() } else { format!(": {}", output::plain(&line.reply)) };
    below(format!("message {}, {}{via}{reply}", line.id, standing(line, now)))?;
    if line.state != "cancelled" || line.message_id.starts_with('<') {
        below(format!("Message-ID {}", output::plain(&line.message_id)))?;
    }
    message.tries.iter().try_for_each(|failed| below(format!("failed {}", failures(failed, now))))
}

#[cfg(test)]
mod tests {
    use super::counted;

    #[test]
    fn what_is_the_same_is_told_once() {
        let lines = ["a", "b", "a", "c", "a"].map(str::to_owned);
        let told = [("a", 3), ("b", 1), ("c", 1)].map(|(line, times)| (line.to_owned(), times));
        assert_eq!(counted(lines.into_iter()), told);
    }
}
