//! What is remembered of a feed between its polls, beside its entries, its validators and its health.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::feeds::{DueFeed, PollPlan};
use super::{Error, Store, hosts};
use crate::domain::feed::identity::Identity;
use crate::domain::health::Record;
use crate::domain::health::habit::Habit;
use crate::domain::health::losses::Losses;
use crate::domain::health::moving::{Moving, Trial};
use crate::domain::schedule::skip::{Skip, Wishes};
use crate::time::Timestamp;

/// What [`read`] reads of the feed `f`.
pub(super) const COLUMNS: &str =
    "f.moved_to, f.trial_to, f.trial_times, f.trial_at, f.lost_at, f.lost_evidence, f.lost_most,
    f.news_at, f.arrivals, f.arrivals_since, f.longest_pause, f.worked_at, f.whole_at, f.distrusted,
    f.hint_pause, f.hint_skip";

/// Reads [`COLUMNS`] that stand from `first` on.
pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<(Record, Wishes)> {
    let at = |place| row.get::<_, Option<i64>>(first + place).map(|at| at.map(Timestamp::from_millis));
    let long = |place| row.get::<_, Option<i64>>(first + place).map(|millis| millis.map(duration));
    let trial: Option<String> = row.get(first + 1)?;
    let times = row.get(first + 2)?;
    let record = Record {
        moving: Moving {
            to: row.get(first)?,
            trial: trial.zip(at(3)?).map(|(to, at)| Trial { to, times, at }),
        },
        losses: Losses { at: at(4)?, evidence: row.get(first + 5)?, most: long(6)? },
        habit: Habit {
            news_at: at(7)?,
            arrivals: row.get(first + 8)?,
            since: at(9)?,
            longest: long(10)?.unwrap_or_default(),
        },
        worked_at: at(11)?,
        whole_at: at(12)?,
        distrusted: row.get(first + 13)?,
    };
    Ok((record, Wishes { pause: long(14)?, skip: Skip::from_bits(row.get(first + 15)?) }))
}

/// Writes them, but for `news_at` and `worked_at`, which go with the entries and the health. A feed that is asked
/// elsewhere from now on goes to that host.
pub(super) fn write(tx: &Connection, feed: &DueFeed, plan: &PollPlan) -> rusqlite::Result<()> {
    let as_before = Record { worked_at: feed.record.worked_at, ..plan.record.clone() };
    if as_before == *feed.record && plan.wishes == feed.wishes {
        return Ok(());
    }
    let Record { moving, losses, habit, whole_at, distrusted, .. } = &plan.record;
    let at = |at: Option<Timestamp>| at.map(Timestamp::millis);
    let trial = moving.trial.as_ref();
    tx.prepare_cached(
        "UPDATE feeds SET moved_to = ?2, trial_to = ?3, trial_times = ?4, trial_at = ?5, lost_at = ?6,
             lost_evidence = ?7, lost_most = ?8, arrivals = ?9, arrivals_since = ?10, longest_pause = ?11,
             whole_at = ?12, distrusted = ?13, hint_pause = ?14, hint_skip = ?15 WHERE id = ?1",
    )?
    .execute(params![
        feed.id,
        moving.to,
        trial.map(|trial| &trial.to),
        trial.map_or(0, |trial| trial.times),
        at(trial.map(|trial| trial.at)),
        at(losses.at),
        losses.evidence,
        losses.most.map(millis),
        habit.arrivals,
        at(habit.since),
        millis(habit.longest),
        at(*whole_at),
        distrusted,
        plan.wishes.pause.map(millis),
        plan.wishes.skip.bits(),
    ])?;
    if let Some(name) = &plan.new_host {
        let host = hosts::ensure(tx, name)?;
        tx.prepare_cached("UPDATE feeds SET host_id = ?2 WHERE id = ?1")?.execute([feed.id, host])?;
        hosts::refresh(tx, host)?;
    }
    Ok(())
}

fn duration(millis: i64) -> Duration {
    Duration::from_millis(u64::try_from(millis).unwrap_or(0))
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Store {
    /// Which of these entries this feed had before: by their ids, or where they are.
    pub async fn known(&self, feed: i64, entries: Vec<Identity>) -> Result<Vec<bool>, Error> {
        self.read(move |connection| {
            let mut entry =
                connection.prepare_cached("SELECT 1 FROM entries WHERE feed_id = ?1 AND ident = ?2")?;
            let mut seen =
                connection.prepare_cached("SELECT 1 FROM seen WHERE feed_id = ?1 AND ident = ?2")?;
            let mut there =
                connection.prepare_cached("SELECT 1 FROM entries WHERE feed_id = ?1 AND place = ?2")?;
            let mut is_known = |Identity { ident, place }: Identity| {
                Ok(entry.exists([feed, ident])?
                    || seen.exists([feed, ident])?
                    || match place {
                        Some(place) => there.exists([feed, place])?,
                        None => false,
                    })
            };
            entries.into_iter().map(&mut is_known).collect()
        })
        .await
    }
}

/// A source whose address the config has changed to where it had moved is the same one, under its new address.
pub(super) fn adopt(tx: &Connection, url: &str, named: &[String]) -> rusqlite::Result<()> {
    let known = tx.prepare_cached("SELECT 1 FROM feeds WHERE url = ?1")?.exists([url])?;
    if known {
        return Ok(());
    }
    let old: Option<(i64, String)> = tx
        .prepare_cached("SELECT id, url FROM feeds WHERE moved_to = ?1 ORDER BY active DESC, id LIMIT 1")?
        .query_row([url], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if let Some((id, _)) = old.filter(|(_, old)| !named.contains(old)) {
        tx.prepare_cached("UPDATE feeds SET url = ?2, moved_to = NULL, trial_to = NULL WHERE id = ?1")?
            .execute(params![id, url])?;
    }
    Ok(())
}
