//! Claim and settle, in one place for the four tables that can be claimed.
//!
//! A claim pushes `due_at` past the work's own deadline, so an unsettled row is simply due again;
//! `claim` only grows, so a worker that comes back late finds that its number is no longer the row's.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::{Error, Store};
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// A job that may be performed alone this often before it is settled without being performed.
pub const DEADLY: u32 = 3;

/// Work taken from the store, with all it needs. Settling takes it by value.
#[derive(Debug)]
#[must_use = "a lease that is not settled comes back only at its deadline"]
pub struct Lease<T> {
    /// The work.
    pub job: T,
    /// Which attempt this is, from 1, since the last success.
    pub attempts: u32,
    /// How often the process died while it held this.
    pub crashes: u32,
    pub(super) id: i64,
    pub(super) claim: i64,
}

impl<T> Lease<T> {
    /// A text that no other claim of this store's has: the row and its claim.
    pub fn unique(&self) -> String {
        format!("{}.{}", self.id, self.claim)
    }

    /// True when performing it has killed the process so often that it must not be tried again.
    /// The first crash may have been another's fault; what was held then has run alone since.
    pub fn is_deadly(&self) -> bool {
        self.crashes > DEADLY
    }
}

/// What became of a settle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Settled {
    /// The plan is written.
    Written,
    /// The work was taken away meanwhile: no plan was written.
    Lost,
}

/// Which rows a claim may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// Whatever is due, except what was held when a process died.
    Usual,
    /// Only what was held when a process died; it runs alone.
    Suspects,
}

impl Pick {
    /// The condition on `crashes` in SQL.
    pub(super) fn condition(self) -> &'static str {
        match self {
            Self::Usual => "crashes = 0",
            Self::Suspects => "crashes > 0",
        }
    }
}

/// The tables whose rows can be claimed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    Feeds,
    Entries,
    Recipients,
    Messages,
}

impl Table {
    const ALL: [Self; 4] = [Self::Feeds, Self::Entries, Self::Recipients, Self::Messages];

    fn name(self) -> &'static str {
        match self {
            Self::Feeds => "feeds",
            Self::Entries => "entries",
            Self::Recipients => "recipients",
            Self::Messages => "messages",
        }
    }
}

/// Claims one row until `until` and wraps `job` around it.
pub(super) fn take<T>(
    tx: &Connection,
    table: Table,
    id: i64,
    owner: i64,
    until: Timestamp,
    job: T,
) -> rusqlite::Result<Lease<T>> {
    let sql = format!(
        "UPDATE {} SET owner = ?2, due_at = ?3, claim = claim + 1, attempts = attempts + 1
         WHERE id = ?1 RETURNING claim, attempts, crashes",
        table.name()
    );
    tx.prepare_cached(&sql)?.query_row(params![id, owner, until.millis()], |row| {
        Ok(Lease { job, id, claim: row.get(0)?, attempts: row.get(1)?, crashes: row.get(2)? })
    })
}

/// The plan of a settle for the columns that every claimable row has.
pub(super) struct Next<'a> {
    pub due_at: Option<Timestamp>,
    pub attempts: u32,
    pub error: Option<&'a str>,
}

/// Gives a row back, if it is still ours: the first statement of every settle.
pub(super) fn give_back<T>(
    tx: &Connection,
    table: Table,
    lease: &Lease<T>,
    next: &Next<'_>,
) -> rusqlite::Result<bool> {
    let sql = format!(
        "UPDATE {} SET owner = NULL, crashes = 0, due_at = ?3, attempts = ?4, last_error = ?5
         WHERE id = ?1 AND claim = ?2",
        table.name()
    );
    let due_at = next.due_at.map(Timestamp::millis);
    let changed = tx.prepare_cached(&sql)?.execute(params![
        lease.id,
        lease.claim,
        due_at,
        next.attempts,
        next.error
    ])?;
    Ok(changed == 1)
}

/// Whether a row is still held by this claim: before what is written of the work without giving it back.
pub(super) fn is_ours(tx: &Connection, table: Table, id: i64, claim: i64) -> rusqlite::Result<bool> {
    let sql = format!("SELECT 1 FROM {} WHERE id = ?1 AND claim = ?2", table.name());
    tx.prepare_cached(&sql)?.exists([id, claim])
}

/// Makes due at once what processes held that are gone, and counts a crash on it.
pub(super) fn free_the_dead(tx: &Connection, me: i64, now: Timestamp) -> rusqlite::Result<()> {
    for table in Table::ALL {
        let sql = format!(
            "UPDATE {} SET owner = NULL, due_at = ?2, crashes = crashes + 1
             WHERE owner IS NOT NULL AND owner <> ?1 AND due_at IS NOT NULL",
            table.name()
        );
        tx.execute(&sql, params![me, now.millis()])?;
    }
    super::hosts::free_the_dead(tx, me)
}

impl Store {
    /// Gives back everything that this process holds and will not settle any more. An orderly end is no
    /// crash: what was merely slow must not become a suspect.
    pub async fn let_go(&self, now: Timestamp) -> Result<(), Error> {
        let owner = self.owner();
        self.write(move |tx| {
            for table in Table::ALL {
                let sql = format!(
                    "UPDATE {} SET owner = NULL, claim = claim + 1, due_at = ?2, attempts = max(attempts - 1, 0)
                     WHERE owner = ?1 AND due_at IS NOT NULL",
                    table.name()
                );
                tx.execute(&sql, params![owner, now.millis()])?;
            }
            super::hosts::free(tx, owner)
        })
        .await
    }

    /// Moves with the clock what is due after a time and not at one. What is waited for moves by `set`, as far
    /// as the clock was set; what is held moves by `set` and `slept`, since its holder slept too.
    pub async fn shift(&self, set: i64, slept: i64) -> Result<(), Error> {
        let held = set.saturating_add(slept);
        self.write(move |tx| {
            for table in Table::ALL {
                let sql = format!(
                    "UPDATE {} SET due_at = due_at + iif(owner IS NULL, ?1, ?2) WHERE due_at IS NOT NULL",
                    table.name()
                );
                tx.execute(&sql, [set, held])?;
            }
            // What patience is counted from, and what has been asked for and is yet to be heeded.
            tx.execute(
                "UPDATE feeds SET health_since = health_since + ?1, asked_at = asked_at + ?1,
                     trial_at = trial_at + ?1, lost_at = lost_at + ?1, arrivals_since = arrivals_since + ?1,
                     whole_at = whole_at + ?1, news_at = news_at + ?1, worked_at = worked_at + ?1,
                     polled_at = polled_at + ?1,
                     added_at = iif(worked_at IS NULL, added_at + ?1, added_at)",
                [set],
            )?;
            tx.execute(
                "UPDATE messages SET composed_at = composed_at + ?1, patient_from = patient_from + ?1,
                     asked_at = asked_at + ?1 WHERE state = 'waiting'",
                [set],
            )?;
            super::hosts::shift(tx, set, held)
        })
        .await
    }

    /// Brings every `due_at` to the furthest that its reason can lie ahead: after a start, after a step of the
    /// clock, and when the config was changed.
    pub async fn clamp(&self, now: Timestamp, to: Clamp) -> Result<(), Error> {
        self.write(move |tx| {
            for (reason, bound) in crate::domain::schedule::bounds(to.ceiling) {
                let sql =
                    "UPDATE feeds SET due_at = ?2 WHERE due_reason = ?1 AND due_at > ?2 AND owner IS NULL";
                tx.execute(sql, params![reason.as_str(), (now + bound).millis()])?;
            }
            for (feed, most) in &to.max_intervals {
                let sql = "UPDATE feeds SET due_at = ?2, due_reason = 'rhythm'
                    WHERE id = ?1 AND due_reason IN ('rhythm', 'cache') AND due_at > ?2 AND owner IS NULL";
                tx.prepare_cached(sql)?.execute(params![feed, (now + *most).millis()])?;
            }
            // Nothing that is counted from has yet to come.
            tx.execute(
                "UPDATE feeds SET lost_at = min(lost_at, ?1), trial_at = min(trial_at, ?1), whole_at = min(whole_at, ?1),
                     news_at = min(news_at, ?1), arrivals_since = min(arrivals_since, ?1),
                     worked_at = min(worked_at, ?1), polled_at = min(polled_at, ?1),
                     health_since = min(health_since, ?1)
                 WHERE max(ifnull(polled_at, 0), ifnull(lost_at, 0), ifnull(trial_at, 0), ifnull(whole_at, 0),
                     health_since) > ?1",
                [now.millis()],
            )?;
            let page = (now + DAY).millis();
            tx.execute("UPDATE entries SET due_at = ?1 WHERE due_at > ?1 AND owner IS NULL", [page])?;
            let mail = (now + HOUR + MINUTE).millis();
            tx.execute("UPDATE messages SET due_at = ?1 WHERE due_at > ?1 AND owner IS NULL", [mail])?;
            super::outbox::clamp(tx, now, &to.releases)?;
            super::hosts::clamp(tx, now + to.host_gap, now + crate::domain::schedule::LONGEST_HOLD)
        })
        .await
    }
}

/// What bounds a `due_at`, where the store does not know it.
#[derive(Clone, Debug)]
pub struct Clamp {
    /// Of the rhythm of feeds.
    pub ceiling: Duration,
    /// Of feeds that have a bound of their own, over rhythm and cache headers.
    pub max_intervals: Vec<(i64, Duration)>,
    /// Between two requests to one host.
    pub host_gap: Duration,
    /// When the open alerts of each subscription are told at the latest.
    pub releases: Vec<(i64, Timestamp)>,
}
