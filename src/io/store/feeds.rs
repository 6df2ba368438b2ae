//! Feeds: claiming the ones that are due, and settling a poll with the entries it brought.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::hosts::{self, Host, HostPlan};
use super::lease::{self, Lease, Next, Pick, Table};
use super::notices::{self, NoticeChange};
use super::{Error, Store, arrivals, pacing, records};
use crate::domain::health::{Health, Record, State};
use crate::domain::schedule::rate::Rate;
use crate::domain::schedule::skip::Wishes;
use crate::domain::schedule::{self, Outcome, Rhythm};
use crate::time::{MINUTE, Timestamp};

/// A poll has ended after this, or its lease is void: the HTTP client's total deadline and room to spare.
pub const POLL_LEASE: std::time::Duration = std::time::Duration::from_mins(3);

/// A feed that is due, with all a poll needs.
#[derive(Clone, Debug)]
pub struct DueFeed {
    /// Its row.
    pub id: i64,
    /// The configured address.
    pub url: String,
    /// The host that is held for it.
    pub host: Host,
    /// ETag as it was received.
    pub etag: Option<Vec<u8>>,
    /// Last-Modified as it was received.
    pub last_modified: Option<Vec<u8>>,
    /// The address whose answer carried them, after redirects.
    pub answered_by: Option<String>,
    /// Hash of the last document that was stored whole.
    pub body_hash: Option<i64>,
    /// True until the settle that first stored a whole document of it, or a second one that broke off.
    pub first_sight: bool,
    /// What is known of its health.
    pub health: Health,
    /// It has been read at least once.
    pub has_worked: bool,
    /// What is learned of its rhythm.
    pub rate: Option<Box<Rate>>,
    /// How many entries its document showed last; 0 when that is not known.
    pub shows: u32,
    /// What else is remembered of it.
    pub record: Box<Record>,
    /// What it asked for last.
    pub wishes: Wishes,
}

impl DueFeed {
    /// The address that is asked: the one it has moved to, else the configured one.
    pub fn asked(&self) -> &str {
        self.record.moving.to.as_ref().unwrap_or(&self.url)
    }
}

/// An entry as a poll hands it to the store.
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Hash of the entry's id: what makes it the same entry.
    pub ident: i64,
    /// Hash of where it is, if no other entry is there; see [`crate::domain::feed::identity`].
    pub place: Option<i64>,
    /// Hash of title, link and summary: what an edit changes.
    pub content: i64,
    /// Plain title.
    pub title: String,
    /// Absolute link.
    pub link: Option<String>,
    /// Plain summary.
    pub summary: String,
    /// Author as the feed names them.
    pub author: Option<String>,
    /// Language, if the feed tells.
    pub language: Option<String>,
    /// The feed's date.
    pub published: Option<Timestamp>,
    /// Older than the source's first sight goes back: stored, never read or alerted.
    pub quiet: bool,
    /// The host of the page; none when no page is read.
    pub host: Option<String>,
    /// The feed's own words are a hit: its page is read before others of its host.
    pub likely: bool,
}

/// A document that was read whole.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The feed's own title.
    pub title: Option<String>,
    /// The validators that belong to these entries; none when the body may have been cut.
    pub etag: Option<Vec<u8>>,
    /// See `etag`.
    pub last_modified: Option<Vec<u8>>,
    /// The address that answered, after redirects.
    pub answered_by: String,
    /// Hash of the body.
    pub body_hash: i64,
    /// False when the document broke off: what it had more is news the next time, and still first sight
    /// if this was the first.
    pub complete: bool,
    /// How many entries it has; none when it is the one that is stored.
    pub shows: Option<u32>,
    /// Its host carries what others publish.
    pub relayed: bool,
    /// The last chunk of its entries.
    pub entries: Vec<NewEntry>,
    /// Hashes of the ids of what is only to be remembered, as the last chunk of them.
    pub archive: Vec<i64>,
    /// What its reader wants to know at the next poll; None: what it knows already.
    pub note: Option<String>,
}

/// What a poll's settle writes.
#[derive(Clone, Debug)]
pub struct PollPlan {
    /// When the poll was decided.
    pub now: Timestamp,
    /// The bounds of its polls.
    pub rhythm: Rhythm,
    /// What a request costs, in seconds of delay of one item.
    pub price: f64,
    /// How the poll ended, as far as the next one is concerned.
    pub outcome: Outcome,
    /// The new health.
    pub health: Health,
    /// The document, when there was a new one.
    pub document: Option<NewDocument>,
    /// What became of the hosts.
    pub hosts: HostPlan,
    /// What is remembered besides.
    pub record: Record,
    /// What the feed asks for.
    pub wishes: Wishes,
    /// The host that it is asked at from now on, when that is another one.
    pub new_host: Option<String>,
    /// What the administrator is to be told, or need not be told any longer.
    pub notices: Vec<NoticeChange>,
    /// The dates of new entries that were stored in chunks before.
    pub stored: Vec<Option<Timestamp>>,
    /// There is no room for what the poll brought: it is news again the next time, and nothing is learned now.
    pub no_room: bool,
}

/// What a poll brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// The dates of entries never seen before.
    pub new: Vec<Option<Timestamp>>,
    /// Entries whose text has changed.
    pub edited: usize,
}

impl Store {
    /// Claims up to `limit` feeds that were due by `due_by`, each of another free host.
    pub async fn claim_polls(
        &self,
        now: Timestamp,
        due_by: Timestamp,
        pick: Pick,
        limit: usize,
    ) -> Result<Vec<Lease<DueFeed>>, Error> {
        self.refuse_without_room()?;
        let owner = self.owner();
        self.write(move |tx| {
            let mut leases = Vec::new();
            for mut feed in due(tx, now, due_by, pick, limit)? {
                let until = now + POLL_LEASE;
                hosts::take(tx, &mut feed.host, owner, until)?;
                let id = feed.id;
                // This is the poll that was asked for.
                tx.prepare_cached("UPDATE feeds SET asked_at = NULL WHERE id = ?1 AND asked_at IS NOT NULL")?
                    .execute([id])?;
                leases.push(lease::take(tx, Table::Feeds, id, owner, until, feed)?);
            }
            Ok(leases)
        })
        .await
    }

    /// Stores a part of a giant document's entries; the rest and the validators come with [`Self::settle_poll`].
    pub async fn store_chunk(
        &self,
        lease: &Lease<DueFeed>,
        entries: Vec<NewEntry>,
        now: Timestamp,
    ) -> Result<Option<Brought>, Error> {
        let (id, claim, first) = (lease.id, lease.claim, lease.job.first_sight);
        self.settle(move |tx| {
            if lease::is_ours(tx, Table::Feeds, id, claim)? {
                arrivals::store_entries(tx, id, first, &entries, now).map(Some)
            } else {
                Ok(None)
            }
        })
        .await
    }

    /// Settles a poll; `None` when the feed was taken away meanwhile.
    ///
    /// A document that the disk has no room for is left out: its validators with it, so it is news again at
    /// the next poll, which comes no sooner for it. Where there is room for nothing at all, the feed is only given back.
    pub async fn settle_poll(&self, lease: Lease<DueFeed>, plan: PollPlan) -> Result<Option<Brought>, Error> {
        let work = Arc::new((lease, plan));
        let whole = Arc::clone(&work);
        match self.settle(move |tx| settle(tx, &whole.0, &whole.1, whole.1.no_room)).await {
            Err(Error::Full) => {}
            settled => return settled,
        }
        let without = Arc::clone(&work);
        match self.settle(move |tx| settle(tx, &without.0, &without.1, true)).await {
            Err(Error::Full) => self.settle(move |tx| give_back(tx, &work.0, &work.1)).await,
            settled => settled,
        }
    }

    /// Makes every feed due that its server does not forbid.
    pub async fn make_all_due(&self, now: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            let sql =
                "UPDATE feeds SET due_at = ?1 WHERE due_at > ?1 AND due_reason <> 'server' AND owner IS NULL";
            tx.execute(sql, [now.millis()])?;
            hosts::refresh_all(tx)
        })
        .await
    }

    /// Spreads overdue polls evenly over `over`, so that a start is no storm.
    pub async fn spread_polls(&self, now: Timestamp, over: std::time::Duration) -> Result<(), Error> {
        let over = i64::try_from(over.as_millis()).unwrap_or(i64::MAX);
        self.write(move |tx| {
            let sql = "UPDATE feeds SET due_at = ?1 + spread.place * ?2 / spread.count FROM (
                    SELECT id, row_number() OVER (ORDER BY due_at, id) - 1 AS place, count(*) OVER () AS count
                    FROM feeds WHERE due_at <= ?1 AND paused = 0 AND owner IS NULL AND crashes = 0
                ) AS spread WHERE feeds.id = spread.id";
            tx.execute(sql, [now.millis(), over])?;
            hosts::refresh_all(tx)
        })
        .await
    }
}

fn due(
    tx: &Connection,
    now: Timestamp,
    due_by: Timestamp,
    pick: Pick,
    limit: usize,
) -> rusqlite::Result<Vec<DueFeed>> {
    let crashes = pick.condition();
    // A poll has a minute's start over the pages of its host.
    let sql = format!(
        "SELECT h.id, h.name, h.robots, h.robots_at, f.id, f.url, f.etag, f.last_modified, f.body_hash, f.answered_by,
                f.seen_at IS NULL, f.health, f.health_since, f.failures, f.reason, f.worked_at IS NOT NULL,
                f.rate, ifnull(f.shows, 0), {}
         FROM hosts h JOIN feeds f ON f.id = (
             SELECT id FROM feeds WHERE host_id = h.id AND due_at <= ?2 AND paused = 0 AND {crashes}
             ORDER BY due_at LIMIT 1)
         WHERE h.poll_at <= ?1 AND NOT EXISTS (
             SELECT 1 FROM entries e WHERE e.host_id = h.id AND e.due_at < f.due_at - ?3 AND e.{crashes})
         ORDER BY h.poll_at LIMIT ?4",
        records::COLUMNS
    );
    let head_start = i64::try_from(MINUTE.as_millis()).unwrap_or(0);
    let mut statement = tx.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map(params![now.millis(), due_by.millis(), head_start, limit], due_feed)?.collect()
}

fn due_feed(row: &Row<'_>) -> rusqlite::Result<DueFeed> {
    let (record, wishes) = records::read(row, 18)?;
    Ok(DueFeed {
        host: hosts::from_row(row, 0)?,
        id: row.get(4)?,
        url: row.get(5)?,
        etag: row.get(6)?,
        last_modified: row.get(7)?,
        body_hash: row.get(8)?,
        answered_by: row.get(9)?,
        first_sight: row.get(10)?,
        health: Health {
            state: State::from_name(&row.get::<_, String>(11)?),
            since: Timestamp::from_millis(row.get(12)?),
            failures: row.get(13)?,
            reason: row.get(14)?,
        },
        has_worked: row.get(15)?,
        rate: row.get::<_, Option<Vec<u8>>>(16)?.and_then(|bytes| Rate::from_bytes(&bytes)).map(Box::new),
        shows: row.get(17)?,
        record: Box::new(record),
        wishes,
    })
}

fn settle(
    tx: &Connection,
    lease: &Lease<DueFeed>,
    plan: &PollPlan,
    no_room: bool,
) -> rusqlite::Result<Option<Brought>> {
    let feed = &lease.job;
    let failures = plan.health.failures;
    let error = plan.health.reason.as_deref().filter(|_| failures > 0);
    let next = Next { due_at: Some(plan.now), attempts: failures, error };
    if !lease::give_back(tx, Table::Feeds, lease, &next)? {
        // That the request has ended is a fact, whoever owns the feed now.
        hosts::settle(tx, &feed.host, &plan.hosts, plan.now)?;
        return Ok(None);
    }
    let mut brought = Brought { new: plan.stored.clone(), edited: 0 };
    if let Some(document) = plan.document.as_ref().filter(|_| !no_room) {
        store_document(tx, feed, document, plan.now, &mut brought)?;
    }
    // What there was no room for is news again: that it did not come now says nothing.
    let seen = (!no_room).then_some(brought.new.as_slice());
    let next = pacing::next_poll(tx, feed, plan, seen)?;
    let next = plan.wishes.skip.heed(next, &plan.rhythm, plan.now);
    let worked_at = (failures == 0).then_some(plan.now.millis());
    tx.prepare_cached(
        "UPDATE feeds SET polled_at = ?2, worked_at = ifnull(?3, worked_at), health = ?4, health_since = ?5,
             reason = ?6, failures = ?7, due_reason = ?8, due_at = ?9 WHERE id = ?1",
    )?
    .execute(params![
        feed.id,
        plan.now.millis(),
        worked_at,
        plan.health.state.as_str(),
        plan.health.since.millis(),
        plan.health.reason,
        failures,
        next.reason.as_str(),
        next.due_at.millis(),
    ])?;
    if !no_room {
        records::write(tx, feed, plan)?;
    }
    honour_requests(tx, feed.id)?;
    hosts::settle(tx, &feed.host, &plan.hosts, plan.now)?;
    plan.notices.iter().try_for_each(|notice| notices::apply(tx, notice, plan.now))?;
    super::stories::release_held(tx, plan.now)?;
    Ok(Some(brought))
}

/// What takes no room: the numbers are there already, and others of their size come in their place.
fn give_back(tx: &Connection, lease: &Lease<DueFeed>, plan: &PollPlan) -> rusqlite::Result<Option<Brought>> {
    let next = schedule::next_poll(&plan.rhythm, None, plan.outcome, plan.now, lease.job.id);
    let next = Next { due_at: Some(next.due_at), attempts: plan.health.failures, error: None };
    let ours = lease::give_back(tx, Table::Feeds, lease, &next)?;
    hosts::settle(
        tx,
        &lease.job.host,
        &HostPlan { next_at: plan.hosts.next_at, ..HostPlan::default() },
        plan.now,
    )?;
    Ok(ours.then(Brought::default))
}

/// Other processes ask for a poll or pause a feed in columns of their own: the earlier of plan and request wins.
fn honour_requests(tx: &Connection, feed: i64) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE feeds SET asked_at = NULL, due_at = CASE
             WHEN active = 0 THEN NULL
             WHEN asked_at IS NOT NULL AND due_reason <> 'server' THEN min(due_at, asked_at)
             ELSE due_at END
         WHERE id = ?1",
    )?
    .execute([feed])?;
    Ok(())
}

fn store_document(
    tx: &Connection,
    feed: &DueFeed,
    document: &NewDocument,
    now: Timestamp,
    brought: &mut Brought,
) -> rusqlite::Result<()> {
    let stored = arrivals::store_entries(tx, feed.id, feed.first_sight, &document.entries, now)?;
    brought.new.extend(stored.new);
    brought.edited += stored.edited;
    let news_at = (!brought.new.is_empty()).then_some(now.millis());
    super::listed::remember(tx, feed.id, &document.archive)?;
    if let Some(note) = &document.note {
        super::listed::write_note(tx, feed.id, note)?;
    }
    // What broke off may have more that is old. What breaks off each time would stay first sight for ever.
    let seen = document.complete || feed.health.state != State::New;
    tx.prepare_cached(
        "UPDATE feeds SET title = ifnull(?2, title), etag = ?3, last_modified = ?4, body_hash = iif(?9, ?5, NULL),
             seen_at = ifnull(seen_at, iif(?10, ?6, NULL)), news_at = ifnull(?7, news_at), answered_by = ?8,
             relayed = iif(?11, ?12, relayed) WHERE id = ?1",
    )?
    .execute(params![
        feed.id,
        document.title,
        document.etag,
        document.last_modified,
        document.body_hash,
        now.millis(),
        news_at,
        document.answered_by,
        document.complete,
        seen,
        document.shows.is_some(),
        document.relayed,
    ])?;
    Ok(())
}
