//! Who is asking a host, and when it may be asked next, over restarts.

use rusqlite::{Connection, OptionalExtension, params};

use crate::time::Timestamp;

/// A host as a claim finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub(super) id: i64,
    pub(super) claim: i64,
    /// Its name, as [`crate::io::http::host_key`] gives it.
    pub name: String,
    /// Its robots.txt as it was fetched last; empty when it had none, and none when it could not be had.
    pub robots: Option<Vec<u8>>,
    /// When that was; none: nobody has asked yet.
    pub robots_at: Option<Timestamp>,
    /// Its server has asked to be left alone until then.
    pub held_until: Timestamp,
}

/// What a settle tells about the hosts it met.
#[derive(Clone, Debug, Default)]
pub struct HostPlan {
    /// When the host of the work may be asked again.
    pub next_at: Timestamp,
    /// Hosts that redirects led to, which may not be asked before the same instant.
    pub reached: Vec<String>,
    /// Pages of the host that were tried before are not tried again before this: its server asked for it.
    pub retries_from: Option<Timestamp>,
    /// A server that asks to be left alone.
    pub held: Option<Hold>,
    /// What became of robots.txt, when it was asked for.
    pub robots: Option<RobotsTxt>,
}

/// A server that asks to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Its host.
    pub host: String,
    /// Until when.
    pub until: Timestamp,
    /// The feed that was told so, and since when it fails.
    pub feed: (i64, Timestamp),
}

/// A host's answer to the request for its rules.
#[derive(Clone, Debug)]
pub enum RobotsTxt {
    /// These; empty for a host that has none.
    Had(Vec<u8>),
    /// None that counts.
    Unavailable,
}

/// The host's row, made if need be.
pub(super) fn ensure(tx: &Connection, name: &str) -> rusqlite::Result<i64> {
    let found = tx
        .prepare_cached("SELECT id FROM hosts WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => Ok(id),
        None => tx
            .prepare_cached("INSERT INTO hosts (name) VALUES (?1) RETURNING id")?
            .query_row([name], |row| row.get(0)),
    }
}

/// Holds a free host until `until`.
pub(super) fn take(tx: &Connection, host: &mut Host, owner: i64, until: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE hosts SET owner = ?2, poll_at = ?3, page_at = ?3, claim = claim + 1
        WHERE id = ?1 RETURNING claim";
    host.claim =
        tx.prepare_cached(sql)?.query_row(params![host.id, owner, until.millis()], |row| row.get(0))?;
    Ok(())
}

/// Lets the host go, if nobody else has taken it meanwhile, and keeps the news of it.
pub(super) fn settle(tx: &Connection, host: &Host, plan: &HostPlan, now: Timestamp) -> rusqlite::Result<()> {
    let claim = host.claim;
    let host = host.id;
    tx.prepare_cached(
        "UPDATE hosts SET owner = iif(claim = ?3, NULL, owner), next_at = max(next_at, ?2) WHERE id = ?1",
    )?
    .execute(params![host, plan.next_at.millis(), claim])?;
    if let Some(answer) = &plan.robots {
        let robots = match answer {
            RobotsTxt::Had(rules) => Some(rules),
            RobotsTxt::Unavailable => None,
        };
        tx.prepare_cached("UPDATE hosts SET robots = ?2, robots_at = ?3 WHERE id = ?1")?.execute(params![
            host,
            robots,
            now.millis()
        ])?;
    }
    if let Some(from) = plan.retries_from {
        // One that is new is tried once: until then nobody knows what it says.
        tx.prepare_cached(
            "UPDATE entries SET due_at = ?2 WHERE host_id = ?1 AND due_at < ?2 AND owner IS NULL AND attempts > 0
                 AND EXISTS (SELECT 1 FROM articles WHERE entry_id = entries.id)",
        )?
        .execute(params![host, from.millis()])?;
    }
    if let Some(held) = &plan.held {
        hold(tx, held)?;
    }
    refresh(tx, host)?;
    for name in &plan.reached {
        let id = ensure(tx, name)?;
        tx.prepare_cached("UPDATE hosts SET next_at = max(next_at, ?2) WHERE id = ?1")?
            .execute(params![id, plan.next_at.millis()])?;
        refresh(tx, id)?;
    }
    Ok(())
}

/// Leaves the host alone: none of its feeds is asked, and of its pages none that is new either. What one feed of a
/// host is told that carries the feeds of others holds for that one only, and so does what is told to one alone: another
/// was served since it fails.
fn hold(tx: &Connection, held: &Hold) -> rusqlite::Result<()> {
    let (host, until) = (ensure(tx, &held.host)?, held.until.millis());
    let concerns_one = tx
        .prepare_cached(
            "SELECT 1 FROM feeds WHERE host_id = ?1 AND due_at IS NOT NULL AND paused = 0
                 AND (relayed = 1 OR (id <> ?2 AND failures = 0 AND polled_at > ?3))",
        )?
        .exists(params![host, held.feed.0, held.feed.1.millis()])?;
    if concerns_one {
        return Ok(());
    }
    tx.prepare_cached("UPDATE hosts SET held_until = max(held_until, ?2) WHERE id = ?1")?
        .execute([host, until])?;
    tx.prepare_cached(
        "UPDATE feeds SET due_at = ?2, due_reason = 'server'
         WHERE host_id = ?1 AND due_at < ?2 AND paused = 0 AND owner IS NULL",
    )?
    .execute([host, until])?;
    refresh(tx, host)
}

const REFRESH: &str = "UPDATE hosts SET
    poll_at = max(next_at, held_until, (SELECT due_at FROM feeds WHERE host_id = hosts.id AND due_at IS NOT NULL AND paused = 0 ORDER BY due_at LIMIT 1)),
    page_at = max(next_at, (SELECT due_at FROM entries WHERE host_id = hosts.id AND due_at IS NOT NULL ORDER BY due_at LIMIT 1))
    WHERE owner IS NULL";

/// Computes anew when a free host's work can be claimed: after every change of a `due_at` of its feeds or pages.
pub(super) fn refresh(tx: &Connection, host: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(&format!("{REFRESH} AND id = ?1"))?.execute([host])?;
    Ok(())
}

/// The same for every host: after many changes at once.
pub(super) fn refresh_all(tx: &Connection) -> rusqlite::Result<()> {
    tx.execute(REFRESH, [])?;
    Ok(())
}

/// Frees the hosts that dead processes were asking.
pub(super) fn free_the_dead(tx: &Connection, me: i64) -> rusqlite::Result<()> {
    tx.execute("UPDATE hosts SET owner = NULL WHERE owner IS NOT NULL AND owner <> ?1", [me])?;
    refresh_all(tx)
}

/// No host waits longer than until `latest`, and none whose server asks for time longer than until `held`.
pub(super) fn clamp(tx: &Connection, latest: Timestamp, held: Timestamp) -> rusqlite::Result<()> {
    tx.execute("UPDATE hosts SET held_until = ?1 WHERE held_until > ?1", [held.millis()])?;
    tx.execute("UPDATE hosts SET next_at = ?1 WHERE next_at > ?1", [latest.millis()])?;
    refresh_all(tx)
}

/// Moves with the clock: see [`super::Store::shift`].
pub(super) fn shift(tx: &Connection, set: i64, held: i64) -> rusqlite::Result<()> {
    tx.execute("UPDATE hosts SET next_at = next_at + ?1 WHERE next_at > 0", [set])?;
    tx.execute("UPDATE hosts SET held_until = held_until + ?1 WHERE held_until > 0", [set])?;
    tx.execute("UPDATE hosts SET robots_at = robots_at + ?1", [set])?;
    tx.execute(
        "UPDATE hosts SET poll_at = poll_at + ?1, page_at = page_at + ?1 WHERE owner IS NOT NULL",
        [held],
    )?;
    refresh_all(tx)
}

/// Frees the hosts that `owner` is asking.
pub(super) fn free(tx: &Connection, owner: i64) -> rusqlite::Result<()> {
    tx.execute("UPDATE hosts SET owner = NULL WHERE owner = ?1", [owner])?;
    refresh_all(tx)
}

/// Reads a host that stands in the columns `id, name, robots, robots_at` from `first` on.
pub(super) fn from_row(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Host> {
    Ok(Host {
        id: row.get(first)?,
        claim: 0,
        name: row.get(first + 1)?,
        robots: row.get(first + 2)?,
        robots_at: row.get::<_, Option<i64>>(first + 3)?.map(Timestamp::from_millis),
        held_until: Timestamp::default(),
    })
}
