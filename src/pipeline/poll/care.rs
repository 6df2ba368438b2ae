//! What a poll tells of its source besides its entries: how it does, what is remembered of it, what the
//! administrator and the log are told.

use std::collections::HashSet;

use url::Url;

use super::{Fresh, News, Seen};
use crate::domain::health::losses::Overlap;
use crate::domain::health::{self, Health, Record, State, Trouble};
use crate::io::http::{host_key, shown};
use crate::io::store::Error;
use crate::io::store::feeds::DueFeed;
use crate::io::store::notices::{self, NoticeChange};
use crate::pipeline::Pipeline;
use crate::pipeline::plan::SourcePlan;
use crate::time::Timestamp;

/// What is remembered after a poll that worked.
pub(super) fn after_success(
    feed: &DueFeed,
    seen: &Seen,
    floor: std::time::Duration,
    now: Timestamp,
) -> Record {
    let old = Record::clone(&feed.record);
    let moving = old.moving.after(&feed.url, feed.asked(), seen.moved_to.as_deref(), now);
    let mut record = Record { moving, worked_at: Some(now), whole_at: old.whole_at.or(Some(now)), ..old };
    let Ok(News::Document(fresh)) = &seen.result else { return record };
    record.whole_at = Some(now);
    let Fresh { document, response, .. } = fresh.as_ref();
    let known = fresh.known.iter().filter(|known| **known).count();
    let overlap = Overlap { entries: document.entries.len(), known, shown_before: feed.shows > 0 };
    let has_news = overlap.known < overlap.entries;
    // Of a sitemap only what is new is here, and of a page maybe another list.
    let is_whole = fresh.shows.is_none() && !document.cut_off;
    if !feed.first_sight && is_whole && overlap.entries > 0 {
        let interval = old.worked_at.map_or(floor, |at| now.since(at));
        record.losses = old.losses.after(overlap, interval, floor, now);
        let sent = (&response.validators.etag, &response.validators.last_modified);
        let same = sent == (&feed.etag, &feed.last_modified) && sent != (&None, &None);
        record.distrusted |= has_news && seen.is_forced && same;
    }
    if has_news {
        record.habit = old.habit.after_news(old.worked_at, now);
    }
    record
}

/// What is remembered after one that failed.
pub(super) fn after_failure(feed: &DueFeed, gone: bool, health: &Health, now: Timestamp) -> Record {
    let old = Record::clone(&feed.record);
    let moving = old.moving.after_failure(gone, health.failures, now.since(health.since));
    Record { moving, ..old }
}

/// What the administrator is told of a source in this health, and what he need not know any longer.
pub(super) fn notices(
    feed: &DueFeed,
    subject: &str,
    record: &Record,
    health: &Health,
    troubles: &[Trouble],
    now: Timestamp,
) -> Vec<NoticeChange> {
    let raise = |kind: &str, message: &str| NoticeChange::Raise {
        kind: kind.to_owned(),
        subject: subject.to_owned(),
        message: message.to_owned(),
    };
    let ended = |kind: &str| NoticeChange::Ended { kind: kind.to_owned(), subject: subject.to_owned() };
    if !health.state.works() {
        let kind = health::trouble(health, feed.has_worked, now);
        return kind
            .map(|kind| raise(kind, health.reason.as_deref().unwrap_or_default()))
            .into_iter()
            .collect();
    }
    let mut changes = Vec::new();
    // A trouble may end under a worse one that stays.
    if feed.health.state != health.state || feed.health.failures > 0 || health.state != State::Fine {
        let stands = |kind: &&str| troubles.iter().any(|trouble| trouble.kind() == *kind);
        changes.extend(OF_A_SOURCE.iter().filter(|kind| !stands(kind)).map(|kind| ended(kind)));
    }
    if feed.record.moving.to.is_some() && feed.record.moving.to != record.moving.to {
        // It has moved on, or back.
        changes.push(ended(health::MOVED));
    }
    changes.extend(troubles.iter().map(|trouble| raise(trouble.kind(), &trouble.reason)));
    changes
}

/// All that can be told of a source.
const OF_A_SOURCE: [&str; 7] = [
    health::GONE,
    health::FAILING,
    health::NEVER_WORKED,
    health::BROKEN,
    health::MOVED,
    health::SILENT,
    health::LOSSY,
];

/// A source that has worked may fail this often in a row before it is told: a server that is slow now and then
/// is no news.
const HICCUPS: u32 = 2;

/// How a source does before a poll and after it.
pub(super) struct Change {
    source: String,
    was: (Health, Vec<Trouble>),
    is: (Health, Vec<Trouble>),
}

impl Change {
    pub fn new(feed: &DueFeed, record: &Record, health: &Health, now: Timestamp) -> Self {
        let troubles = |record: &Record, at| record.troubles(&shown(asked(feed, record)), at);
        let before = feed.record.worked_at.map_or_else(Vec::new, |at| troubles(feed.record.as_ref(), at));
        // What was wrong with a source before it failed still is when it works again.
        let after = if health.state.works() { troubles(record, now) } else { before.clone() };
        Self { source: shown(&feed.url), was: (feed.health.clone(), before), is: (health.clone(), after) }
    }

    /// One event for each change, and for the first failure of a source that has never worked.
    pub fn log(self) {
        let Self { source, was: (was, before), is: (is, after) } = self;
        log_health(&source, &was, &is);
        let has = |troubles: &[Trouble], state| troubles.iter().any(|trouble| trouble.state == state);
        for Trouble { state, reason } in after.iter().filter(|trouble| !has(&before, trouble.state)) {
            match state {
                State::Moved => tracing::warn!(source, reason, "source has moved"),
                State::Silent => tracing::warn!(source, reason, "source is silent"),
                _ => tracing::warn!(source, reason, "source may lose entries"),
            }
        }
        for Trouble { state, .. } in before.iter().filter(|trouble| !has(&after, trouble.state)) {
            match state {
                State::Moved => tracing::info!(source, "source is asked at its configured address again"),
                State::Silent => tracing::info!(source, "source has news again"),
                _ => tracing::info!(source, "source has lost nothing for a week"),
            }
        }
    }
}

fn log_health(source: &str, was: &Health, is: &Health) {
    let reason = is.reason.as_deref().unwrap_or_default();
    match (was.state, is.state) {
        (State::New, state) if state.works() => tracing::info!(source, "source works"),
        (State::Failing, state) if state.works() && was.failures <= HICCUPS => {
            tracing::debug!(source, "source works again");
        }
        (State::Failing | State::Gone, state) if state.works() => {
            tracing::info!(source, "source works again");
        }
        (_, State::Failing) if is.failures == HICCUPS + 1 => {
            tracing::warn!(source, reason, since = %is.since, "source fails");
        }
        (State::New, State::New) if was.failures == 0 => {
            tracing::warn!(source, reason, "source does not work");
        }
        (_, State::Gone) if was.state != State::Gone => tracing::warn!(source, reason, "source is gone"),
        (_, state) if state.works() => {}
        _ => tracing::debug!(source, reason, "source still fails"),
    }
}

/// Where a feed is asked of which this is remembered.
pub(super) fn asked<'f>(feed: &'f DueFeed, record: &'f Record) -> &'f str {
    record.moving.to.as_ref().unwrap_or(&feed.url)
}

/// The host of the address that is asked from now on, when that is another one.
pub(super) fn new_host(feed: &DueFeed, record: &Record) -> Option<String> {
    let asked = asked(feed, record);
    (asked != feed.asked()).then(|| Url::parse(asked).ok().map(|url| host_key(&url)))?
}

/// What no single poll can tell. Sources that have never worked since they were added are told in one list,
/// when that is a day; and whoever is no longer configured is in no trouble.
pub async fn look_after_sources(pipeline: &Pipeline) -> Result<(), Error> {
    let (store, now) = (&pipeline.store, pipeline.clock.now());
    let plan = pipeline.plan();
    let subject = |(id, source): (&i64, &SourcePlan)| plan.subject(*id, source.url.as_str());
    let configured: HashSet<String> = plan.sources.iter().map(subject).collect();
    let troubles = store.read(notices::current).await?;
    let is_told = |subject: &String| {
        troubles.iter().any(|told| told.kind == health::NEVER_WORKED && told.subject == *subject)
    };
    let mut changes = Vec::new();
    for (id, reason) in store.never_worked(now - health::PATIENCE).await? {
        let Some(source) = plan.sources.get_key_value(&id) else { continue };
        let (kind, subject) = (health::NEVER_WORKED.to_owned(), subject(source));
        if !is_told(&subject) {
            changes.push(NoticeChange::Raise { kind, subject, message: reason });
        }
    }
    if !changes.is_empty() {
        tracing::warn!(sources = changes.len(), "sources have never worked since they were added");
    }
    for told in troubles {
        if OF_A_SOURCE.contains(&told.kind.as_str()) && !configured.contains(&told.subject) {
            changes.push(NoticeChange::Over { subject: told.subject });
        }
    }
    if changes.is_empty() { Ok(()) } else { store.notices(changes, now).await }
}
