//! What is learned of the feeds' rhythm, and the price of a request that all of them share.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::feeds::{DueFeed, PollPlan};
use super::{Error, Store};
use crate::domain::schedule::price::Price;
use crate::domain::schedule::rate::Rate;
use crate::domain::schedule::{self, Outcome, Pace};
use crate::time::Timestamp;

/// A feed that is asked by its rhythm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paced {
    /// Its row.
    pub feed: i64,
    /// Items a second.
    pub level: f64,
    /// For how long its server called its last answer fresh.
    pub fresh_for: Option<Duration>,
}

impl Store {
    /// The feeds that share the budget: those that fail are asked by their backoff.
    pub async fn paced(&self) -> Result<Vec<Paced>, Error> {
        self.read(|connection| {
            let sql = "SELECT id, ifnull(level, ?1), fresh FROM feeds
                       WHERE active = 1 AND paused = 0 AND failures = 0";
            let mut statement = connection.prepare_cached(sql)?;
            let row = |row: &rusqlite::Row<'_>| {
                let fresh: Option<i64> = row.get(2)?;
                Ok(Paced {
                    feed: row.get(0)?,
                    level: row.get(1)?,
                    fresh_for: fresh.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or(0))),
                })
            };
            statement.query_map([Rate::UNKNOWN], row)?.collect()
        })
        .await
    }

    /// The price that was kept last.
    pub async fn price(&self) -> Result<Option<Price>, Error> {
        let sql = "SELECT value FROM meta WHERE key = 'price'";
        let bytes: Option<Vec<u8>> = self
            .read(move |connection| {
                connection.prepare_cached(sql)?.query_row([], |row| row.get(0)).optional()
            })
            .await?;
        Ok(bytes.and_then(|bytes| Price::from_bytes(&bytes)))
    }

    /// Keeps the price over a restart.
    pub async fn keep_price(&self, price: Price) -> Result<(), Error> {
        self.write(move |tx| {
            tx.prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('price', ?1)")?
                .execute([price.to_bytes()])?;
            Ok(())
        })
        .await
    }
}

/// Learns from a poll that worked, and says when the next one is due. `dates` are those of the entries that it
/// saw first; none when they could not be stored, and teach nothing.
pub(super) fn next_poll(
    tx: &Connection,
    feed: &DueFeed,
    plan: &PollPlan,
    dates: Option<&[Option<Timestamp>]>,
) -> rusqlite::Result<schedule::Next> {
    let (rhythm, now) = (&plan.rhythm, plan.now);
    let (Outcome::Worked { fresh_for }, Some(dates)) = (plan.outcome, dates) else {
        return Ok(schedule::next_poll(rhythm, None, plan.outcome, now, feed.id));
    };
    let rate = match &feed.rate {
        Some(rate) => {
            let mut rate = Rate::clone(rate);
            rate.observe(now, dates);
            rate
        }
        None => Rate::first(now, &dates.iter().copied().flatten().collect::<Vec<_>>()),
    };
    let window = plan.document.as_ref().and_then(|document| document.shows).unwrap_or(feed.shows);
    let fresh = fresh_for.map(|fresh| i64::try_from(fresh.as_millis()).unwrap_or(i64::MAX));
    tx.prepare_cached("UPDATE feeds SET rate = ?2, level = ?3, shows = ?4, fresh = ?5 WHERE id = ?1")?
        .execute(params![feed.id, rate.to_bytes(), rate.level(), window, fresh])?;
    let pace = Pace { rate: &rate, price: plan.price, window };
    Ok(schedule::next_poll(rhythm, Some(&pace), plan.outcome, now, feed.id))
}
