//! Entries: claiming the ones whose page is due, and settling what was read with its story and alerts.

use std::sync::Arc;

use rusqlite::{Connection, Row, params};

use super::hosts::{self, Host, HostPlan};
use super::lease::{self, Lease, Next, Pick, Settled, Table};
use super::notices::{self, NoticeChange};
use super::stories::{self, NewAlert};
use super::tries::Tried;
use super::{Error, Store};
use crate::domain::story::Traits;
use crate::time::{MINUTE, Timestamp};

/// A read has ended after this: one page, or one robots.txt.
pub const READ_LEASE: std::time::Duration = std::time::Duration::from_mins(3);

/// What was read and found no room on the disk is read again after this.
const NO_ROOM_PAUSE: std::time::Duration = std::time::Duration::from_mins(15);

/// An entry that is due, with all a read needs.
#[derive(Clone, Debug)]
pub struct DueEntry {
    /// Its row.
    pub id: i64,
    /// The source it came by.
    pub feed: i64,
    /// The source's configured address.
    pub feed_url: String,
    /// The feed's own title.
    pub feed_title: Option<String>,
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
    /// When a poll found it.
    pub found_at: Timestamp,
    /// It belongs to the document that was its source's first.
    pub first: bool,
    /// The host that is held for its page; none: nothing is to be fetched.
    pub host: Option<Host>,
    /// Whether an article of it is stored, and whether that is its page's text.
    pub stored: Option<Stored>,
}

/// What an earlier read left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// The feed's own title and summary.
    Summary,
    /// The text of the page.
    Page,
}

/// The article as a read found it.
#[derive(Clone, Debug)]
pub struct NewArticle {
    /// The title, where it is not the entry's.
    pub title: Option<String>,
    /// The text of the page; none: the entry's summary stands for it.
    pub text: Option<String>,
    /// Authors, in one line.
    pub author: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// The page's date, else the feed's.
    pub published: Option<Timestamp>,
    /// The canonical address, else the link.
    pub canonical: Option<String>,
    /// Why the page is not the article, if it is not.
    pub problem: Option<String>,
}

/// The hits of one watch, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchHits {
    /// The watch.
    pub watch: i64,
    /// Its hits: see [`crate::pipeline`].
    pub found: String,
}

/// What a read's settle writes.
#[derive(Clone, Debug)]
pub struct ReadPlan {
    /// When it was decided.
    pub now: Timestamp,
    /// The article; none: nothing was learned that is not stored already.
    pub article: Option<NewArticle>,
    /// The hits by watch.
    pub hits: Vec<WatchHits>,
    /// An alert for each subscription of these watches.
    pub alerts: Vec<NewAlert>,
    /// When the page is tried again.
    pub retry_at: Option<Timestamp>,
    /// Why it has to be.
    pub error: Option<String>,
    /// Tries of the page so far.
    pub tries: u32,
    /// Why this one has failed, if it has; see [`super::tries`].
    pub failed: Option<String>,
    /// What became of the hosts; none when nothing was asked.
    pub hosts: HostPlan,
    /// What the administrator is to be told.
    pub notice: NoticeChange,
}

/// Entries without a page are claimed this many at a time: they cost no request.
const PAGELESS: usize = 256;

impl Store {
    /// Claims up to `limit` entries whose pages are due, each of another free host.
    pub async fn claim_pages(
        &self,
        now: Timestamp,
        polls_by: Timestamp,
        pick: Pick,
        limit: usize,
    ) -> Result<Vec<Lease<DueEntry>>, Error> {
        self.refuse_without_room()?;
        let owner = self.owner();
        self.write(move |tx| {
            let mut leases = Vec::new();
            for mut entry in due_pages(tx, now, polls_by, pick, limit)? {
                let until = now + READ_LEASE;
                if let Some(host) = &mut entry.host {
                    hosts::take(tx, host, owner, until)?;
                }
                leases.push(lease::take(tx, Table::Entries, entry.id, owner, until, entry)?);
            }
            Ok(leases)
        })
        .await
    }

    /// Claims due entries that need no request.
    pub async fn claim_pageless(&self, now: Timestamp, pick: Pick) -> Result<Vec<Lease<DueEntry>>, Error> {
        self.refuse_without_room()?;
        let owner = self.owner();
        self.write(move |tx| {
            let limit = if pick == Pick::Suspects { 1 } else { PAGELESS };
            let mut leases = Vec::new();
            for entry in due_pageless(tx, now, pick, limit)? {
                leases.push(lease::take(tx, Table::Entries, entry.id, owner, now + READ_LEASE, entry)?);
            }
            Ok(leases)
        })
        .await
    }

    /// Settles reads, all in one transaction, each under its own claim. Says of each what became of it.
    /// Those that find no room are read again later, and not at once: their servers have done their part.
    pub async fn settle_reads(&self, reads: Vec<(Lease<DueEntry>, ReadPlan)>) -> Result<Vec<Settled>, Error> {
        let Some(now) = reads.first().map(|(_, plan)| plan.now) else { return Ok(Vec::new()) };
        let failed: Vec<_> = reads
            .iter()
            .map(|(lease, plan)| Some((Tried::Page(lease.job.id), plan.failed.clone()?)))
            .collect();
        let reads = Arc::new(reads);
        let same = Arc::clone(&reads);
        let settled = self
            .settle(move |tx| {
                let settled: rusqlite::Result<Vec<_>> =
                    reads.iter().map(|(lease, plan)| settle(tx, lease, plan)).collect();
                stories::release_held(tx, now)?;
                settled
            })
            .await;
        if let Err(Error::Full) = settled {
            self.write(move |tx| same.iter().try_for_each(|(lease, plan)| put_off(tx, lease, plan))).await?;
        }
        let settled = settled?;
        let ours = failed.into_iter().zip(&settled).filter(|(_, settled)| **settled == Settled::Written);
        self.note_tries(ours.filter_map(|(failed, _)| failed).collect(), now).await;
        Ok(settled)
    }
}

const COLUMNS: &str = "e.id, e.feed_id, f.url, f.title, e.title, e.link, e.summary, e.author, e.language,
    e.published, e.found_at, e.first, (SELECT a.full FROM articles a WHERE a.entry_id = e.id)";

fn due_pages(
    tx: &Connection,
    now: Timestamp,
    polls_by: Timestamp,
    pick: Pick,
    limit: usize,
) -> rusqlite::Result<Vec<DueEntry>> {
    let crashes = pick.condition();
    let sql = format!(
        "SELECT {COLUMNS}, h.id, h.name, h.robots, h.robots_at, h.held_until
         FROM hosts h JOIN entries o ON o.id = (
             SELECT id FROM entries WHERE host_id = h.id AND due_at <= ?1 AND {crashes} ORDER BY due_at LIMIT 1)
         JOIN entries e ON e.id = ifnull((
             SELECT id FROM entries WHERE likely = 1 AND due_at IS NOT NULL AND host_id = h.id AND due_at <= ?1
                 AND {crashes} ORDER BY due_at LIMIT 1), o.id)
         JOIN feeds f ON f.id = e.feed_id
         WHERE h.page_at <= ?1 AND NOT EXISTS (
             SELECT 1 FROM feeds p WHERE p.host_id = h.id AND p.paused = 0 AND p.due_at <= ?2 AND p.due_at - ?3 <= o.due_at AND p.{crashes})
         ORDER BY h.page_at LIMIT ?4"
    );
    let head_start = i64::try_from(MINUTE.as_millis()).unwrap_or(0);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = tx.prepare_cached(&sql)?;
    let rows = statement.query_map(params![now.millis(), polls_by.millis(), head_start, limit], |row| {
        let held_until = Timestamp::from_millis(row.get(17)?);
        due_entry(row, Some(Host { held_until, ..hosts::from_row(row, 13)? }))
    })?;
    rows.collect()
}

fn due_pageless(
    tx: &Connection,
    now: Timestamp,
    pick: Pick,
    limit: usize,
) -> rusqlite::Result<Vec<DueEntry>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM entries e JOIN feeds f ON f.id = e.feed_id
         WHERE e.host_id IS NULL AND e.due_at <= ?1 AND e.{} ORDER BY e.due_at LIMIT ?2",
        pick.condition()
    );
    let mut statement = tx.prepare_cached(&sql)?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map(params![now.millis(), limit], |row| due_entry(row, None))?.collect()
}

fn due_entry(row: &Row<'_>, host: Option<Host>) -> rusqlite::Result<DueEntry> {
    Ok(DueEntry {
        id: row.get(0)?,
        feed: row.get(1)?,
        feed_url: row.get(2)?,
        feed_title: row.get(3)?,
        title: row.get(4)?,
        link: row.get(5)?,
        summary: row.get(6)?,
        author: row.get(7)?,
        language: row.get(8)?,
        published: row.get::<_, Option<i64>>(9)?.map(Timestamp::from_millis),
        found_at: Timestamp::from_millis(row.get(10)?),
        first: row.get(11)?,
        stored: row.get::<_, Option<bool>>(12)?.map(|full| if full { Stored::Page } else { Stored::Summary }),
        host,
    })
}

fn settle(tx: &Connection, lease: &Lease<DueEntry>, plan: &ReadPlan) -> rusqlite::Result<Settled> {
    let entry = &lease.job;
    let next = Next { due_at: plan.retry_at, attempts: plan.tries, error: plan.error.as_deref() };
    let ours = lease::give_back(tx, Table::Entries, lease, &next)?;
    if let Some(host) = &entry.host {
        // That the request has ended is a fact, whoever owns the entry now.
        hosts::settle(tx, host, &plan.hosts, plan.now)?;
    }
    if !ours {
        return Ok(Settled::Lost);
    }
    if plan.tries > 0 && entry.first {
        tx.prepare_cached("UPDATE entries SET fresh = 0 WHERE id = ?1 AND fresh = 1")?.execute([entry.id])?;
    }
    let story = match &plan.article {
        Some(article) => Some(store_article(tx, entry, article, plan)?),
        None => stories::of(tx, entry.id)?,
    };
    if let Some(story) = story {
        store_hits(tx, entry.id, &plan.hits)?;
        stories::alert(tx, story, entry.id, &plan.alerts, plan.now)?;
    }
    notices::apply(tx, &plan.notice, plan.now)?;
    Ok(Settled::Written)
}

/// Gives the entry back as it was, to be read again in a while; the try does not count.
fn put_off(tx: &Connection, lease: &Lease<DueEntry>, plan: &ReadPlan) -> rusqlite::Result<()> {
    let attempts = lease.attempts.saturating_sub(1);
    let next = Next { due_at: Some(plan.now + NO_ROOM_PAUSE), attempts, error: Some(super::NO_ROOM) };
    let _ = lease::give_back(tx, Table::Entries, lease, &next)?;
    match &lease.job.host {
        Some(host) => hosts::settle(tx, host, &HostPlan { robots: None, ..plan.hosts.clone() }, plan.now),
        None => Ok(()),
    }
}

fn store_article(
    tx: &Connection,
    entry: &DueEntry,
    article: &NewArticle,
    plan: &ReadPlan,
) -> rusqlite::Result<i64> {
    let traits = Traits {
        link: article.canonical.as_deref(),
        title: article.title.as_deref().unwrap_or(&entry.title),
        text: article.text.as_deref().unwrap_or(&entry.summary),
        full: article.text.is_some(),
    };
    let placed = stories::place(tx, entry.feed, entry.id, &traits, plan.now)?;
    let story = placed.story;
    tx.prepare_cached(
        "INSERT INTO articles (entry_id, story_id, full, title, text, author, language, published, canonical,
             problem, placed_at, read_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?11)
         ON CONFLICT (entry_id) DO UPDATE SET story_id = ?2, full = ?3, title = ?4, text = ?5, author = ?6,
             language = ?7, published = ?8, canonical = ?9, problem = ?10, read_at = ?11,
             placed_at = iif(story_id = ?2, placed_at, ?11)",
    )?
    .execute(params![
        entry.id,
        story,
        traits.full,
        article.title,
        article.text,
        article.author,
        article.language,
        article.published.map(Timestamp::millis),
        article.canonical,
        article.problem,
        plan.now.millis(),
    ])?;
    if let Some(left) = placed.left {
        stories::move_alerts(tx, entry.id, left, story, placed.late_page)?;
    }
    Ok(story)
}

fn store_hits(tx: &Connection, entry: i64, hits: &[WatchHits]) -> rusqlite::Result<()> {
    for hits in hits {
        tx.prepare_cached("INSERT OR REPLACE INTO hits (entry_id, watch_id, found) VALUES (?1, ?2, ?3)")?
            .execute(params![entry, hits.watch, hits.found])?;
    }
    Ok(())
}
