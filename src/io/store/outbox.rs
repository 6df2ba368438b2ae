//! The outbox: composing open alerts into messages, delivering them, and the ledger that remains.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::lease::{self, Lease, Next, Settled, Table};
use super::notices::{self, Notice, NoticeChange};
use super::requests;
use super::tries::{self, Failed, Tried};
use super::{Error, Store};
use crate::time::{DAY, HOUR, MINUTE, Timestamp};

/// Composing asks nobody.
pub const COMPOSE_LEASE: std::time::Duration = MINUTE;
/// Every phase of SMTP at its full deadline, and room to spare.
pub const DELIVERY_LEASE: std::time::Duration = HOUR;
/// The length of every reply in the ledger, in bytes: shorter ones are filled with spaces, so that "sent"
/// takes the room that compose has made.
pub(super) const REPLY: &str = "'%-500s'";
/// Copies of a story are told in later mails for this long.
const LATER: std::time::Duration = std::time::Duration::from_hours(7 * 24);

/// A person with something to be told.
#[derive(Clone, Debug)]
pub struct DueRecipient {
    /// The row.
    pub id: i64,
    /// The address.
    pub address: String,
    /// Open alerts whose release has come, in the order of the config's watches.
    pub alerts: Vec<OpenAlert>,
    /// Copies of stories that were told before, not told yet.
    pub copies: Vec<LateCopy>,
    /// Trouble to be told, with the subscription it is told under.
    pub notices: Vec<(i64, i64, Notice)>,
    /// When mails to this person were composed in the last hour, oldest first.
    pub recent: Vec<Timestamp>,
}

/// An open alert, with what a mail tells of it.
#[derive(Clone, Debug)]
pub struct OpenAlert {
    /// The row.
    pub id: i64,
    /// Whose it is.
    pub subscription: i64,
    /// The watch.
    pub watch: String,
    /// False when the watch or the recipient is gone: it is cancelled.
    pub active: bool,
    /// The story.
    pub story: i64,
    /// The article it was made for.
    pub article: ToldArticle,
    /// The hits of the watch, as the read stored them.
    pub found: String,
    /// The story's other articles.
    pub also_in: Vec<Copied>,
}

/// An article as a mail tells it.
#[derive(Clone, Debug)]
pub struct ToldArticle {
    /// Its title.
    pub title: String,
    /// Its link.
    pub link: Option<String>,
    /// The configured address of its source.
    pub source: String,
    /// The feed's own title.
    pub feed_title: Option<String>,
    /// Its authors.
    pub author: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// The beginning of its text.
    pub text: String,
}

/// Another outlet's article of a story.
#[derive(Clone, Debug)]
pub struct Copied {
    /// The configured address of its source.
    pub source: String,
    /// The feed's own title.
    pub feed_title: Option<String>,
    /// Its link.
    pub link: Option<String>,
}

/// A copy of a story that was told before.
#[derive(Clone, Debug)]
pub struct LateCopy {
    /// The alert that told it.
    pub alert: i64,
    /// The subscription.
    pub subscription: i64,
    /// The story's title as it was told.
    pub title: String,
    /// Message-ID of the mail that told it.
    pub told_by: String,
    /// The configured address of its source.
    pub source: String,
    /// The feed's own title.
    pub feed_title: Option<String>,
    /// Its link.
    pub link: Option<String>,
}

/// A message as compose hands it to the store.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The subscription it is sent under.
    pub subscription: i64,
    /// Message-ID, with its angle brackets.
    pub message_id: String,
    /// The subject, for people.
    pub subject: String,
    /// The final bytes.
    pub body: Vec<u8>,
    /// The alerts it tells, those of other watches that it names included.
    pub alerts: Vec<i64>,
    /// The alerts whose later copies it tells.
    pub copies: Vec<i64>,
    /// The notices it tells.
    pub notices: Vec<i64>,
}

/// What a compose's settle writes.
#[derive(Clone, Debug)]
pub struct ComposePlan {
    /// When it was decided.
    pub now: Timestamp,
    /// The messages.
    pub messages: Vec<NewMessage>,
    /// Alerts that are cancelled, with why, and the subscription of each.
    pub cancelled: Vec<(i64, i64, String)>,
    /// Alerts that wait for the end of quiet hours, and that end.
    pub quiet: Vec<(i64, Timestamp)>,
    /// Subscriptions whose open alerts wait until then.
    pub put_off: Option<Timestamp>,
}

/// A message that is due.
#[derive(Clone, Debug)]
pub struct DueMessage {
    /// The row.
    pub id: i64,
    /// The recipient.
    pub to: String,
    /// Message-ID.
    pub message_id: String,
    /// Subject, for logs.
    pub subject: String,
    /// The final bytes.
    pub body: Vec<u8>,
    /// Since when it is tried: it was composed then, or somebody asked for it to be tried anew.
    pub since: Timestamp,
    /// The way that may have taken it already, its fate being unknown; only that way may try it again.
    pub via: String,
    /// The way it is tried now: should nobody settle this, that way may have taken it.
    pub goes_by: String,
    /// It tells the administrator of trouble.
    pub is_notice: bool,
}

/// What became of a delivery.
#[derive(Clone, Debug)]
pub enum DeliveryPlan {
    /// A fact: recorded whoever owns the row.
    Sent {
        /// The server's reply.
        reply: String,
    },
    /// A plan: needs the claim.
    Retry {
        /// When.
        at: Timestamp,
        /// Why.
        error: String,
        /// The only way that may try it again, when its fate is unknown; else empty.
        via: String,
    },
    /// A plan: needs the claim.
    Dead {
        /// Why.
        reply: String,
        /// The only way that may try it again, should somebody ask for that; see `Retry`.
        via: String,
        /// What the administrator is told.
        notice: NoticeChange,
    },
}

impl Store {
    /// Claims up to `limit` recipients whose time has come.
    pub async fn claim_recipients(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<Lease<DueRecipient>>, Error> {
        self.refuse_without_room()?;
        let owner = self.owner();
        self.write(move |tx| {
            let mut leases = Vec::new();
            for (id, address) in due_recipients(tx, now, limit)? {
                let job = due_recipient(tx, id, address, now)?;
                leases.push(lease::take(tx, Table::Recipients, id, owner, now + COMPOSE_LEASE, job)?);
            }
            Ok(leases)
        })
        .await
    }

    /// Settles a compose: messages, alerts, and when the recipient is due again.
    pub async fn settle_compose(
        &self,
        lease: Lease<DueRecipient>,
        plan: ComposePlan,
    ) -> Result<Settled, Error> {
        let grows = !plan.messages.is_empty();
        let settled = self.settle(move |tx| settle_compose(tx, &lease, &plan)).await;
        if grows {
            // The mails' room in the database is taken now, so that "sent" needs none.
            self.checkpoint();
        }
        settled
    }

    /// Claims up to `limit` messages that are due, to go out by `via`.
    pub async fn claim_messages(
        &self,
        now: Timestamp,
        via: String,
        limit: usize,
    ) -> Result<Vec<Lease<DueMessage>>, Error> {
        // Nothing is sent that could not be recorded where it will be looked for.
        self.check_place()?;
        let owner = self.owner();
        let ballast = self.inner.ballast.clone();
        self.write(move |tx| {
            let due = due_messages(tx, now, &via, limit)?;
            if !due.is_empty() && ballast.keep().is_err() {
                return Err(super::full());
            }
            let mut leases = Vec::new();
            for message in due {
                let id = message.id;
                tx.prepare_cached("UPDATE messages SET via = ?2 WHERE id = ?1 AND via = ''")?
                    .execute(params![id, via])?;
                leases.push(lease::take(tx, Table::Messages, id, owner, now + DELIVERY_LEASE, message)?);
            }
            Ok(leases)
        })
        .await
    }

    /// Settles a delivery.
    pub async fn settle_delivery(
        &self,
        lease: Lease<DueMessage>,
        plan: DeliveryPlan,
        now: Timestamp,
    ) -> Result<Settled, Error> {
        let failed = match &plan {
            DeliveryPlan::Sent { .. } => None,
            DeliveryPlan::Retry { error: reason, .. } | DeliveryPlan::Dead { reply: reason, .. } => {
                Some((Tried::Mail(lease.job.id), reason.clone()))
            }
        };
        let settled = self.record(move |tx| settle_delivery(tx, &lease, &plan, now)).await?;
        self.note_tries(failed.into_iter().collect(), now).await;
        Ok(settled)
    }

    /// Makes every waiting message due.
    pub async fn make_messages_due(&self, now: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            tx.execute(
                "UPDATE messages SET due_at = min(due_at, ?1) WHERE due_at IS NOT NULL AND owner IS NULL",
                [now.millis()],
            )
            .map(drop)
        })
        .await
    }

    /// Makes due at once every alert whose rule is `now`; for `once`, which waits for nobody.
    pub async fn release_now(&self, subscriptions: Vec<i64>, now: Timestamp) -> Result<(), Error> {
        self.write(move |tx| {
            for subscription in &subscriptions {
                tx.prepare_cached(
                    "UPDATE alerts SET release_at = min(release_at, ?2), held = 0
                     WHERE subscription_id = ?1 AND state = 'open'",
                )?
                .execute(params![subscription, now.millis()])?;
            }
            refresh_recipients(tx)?;
            Ok(())
        })
        .await
    }
}

/// Brings what waits to be told to the latest instant that its rule can mean.
pub(super) fn clamp(tx: &Connection, now: Timestamp, latest: &[(i64, Timestamp)]) -> rusqlite::Result<()> {
    for (subscription, at) in latest {
        tx.prepare_cached(
            "UPDATE alerts SET release_at = ?2 WHERE subscription_id = ?1 AND state = 'open' AND release_at > ?2",
        )?
        .execute(params![subscription, at.millis()])?;
    }
    // What is no longer configured has no rule: it is cancelled when it is due.
    let week = (now + 7 * DAY).millis();
    tx.execute("UPDATE alerts SET release_at = ?1 WHERE state = 'open' AND release_at > ?1", [week])?;
    notices::clamp(tx, now)?;
    refresh_recipients(tx)?;
    Ok(())
}

/// Computes anew when every recipient is due.
pub(super) fn refresh_recipients(tx: &Connection) -> rusqlite::Result<()> {
    tx.execute(&refresh_of("true"), []).map(drop)
}

/// Computes anew when recipients are due, from what is still open.
fn refresh_of(which: &str) -> String {
    format!(
        "UPDATE recipients SET due_at = (SELECT min(at) FROM (
             SELECT min(a.release_at) AS at FROM subscriptions s JOIN alerts a ON a.subscription_id = s.id
             WHERE s.recipient_id = recipients.id AND a.state = 'open'
             UNION ALL
             SELECT min(n.release_at) FROM subscriptions s, notices n
             WHERE s.recipient_id = recipients.id AND s.watch_id IS NULL AND s.active = 1 AND n.state <> 'over'
                 AND NOT EXISTS (SELECT 1 FROM notice_told t WHERE t.notice_id = n.id AND t.subscription_id = s.id)))
         WHERE {which} AND owner IS NULL"
    )
}

fn due_recipients(tx: &Connection, now: Timestamp, limit: usize) -> rusqlite::Result<Vec<(i64, String)>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.prepare_cached("SELECT id, address FROM recipients WHERE due_at <= ?1 ORDER BY due_at LIMIT ?2")?
        .query_map(params![now.millis(), limit], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect()
}

fn due_recipient(
    tx: &Connection,
    id: i64,
    address: String,
    now: Timestamp,
) -> rusqlite::Result<DueRecipient> {
    let mut alerts: Vec<OpenAlert> = tx
        .prepare_cached(
            "SELECT a.id, a.subscription_id, w.name, s.active AND w.active, a.story_id, ifnull(h.found, '[]'),
                 ifnull(x.title, e.title), e.link, f.url, f.title, ifnull(x.author, e.author),
                 ifnull(x.language, e.language), ifnull(x.published, e.published), ifnull(x.text, e.summary)
             FROM subscriptions s
             JOIN alerts a ON a.subscription_id = s.id AND a.state = 'open' AND a.release_at <= ?2
             JOIN watches w ON w.id = s.watch_id
             JOIN entries e ON e.id = a.entry_id
             JOIN feeds f ON f.id = e.feed_id
             LEFT JOIN articles x ON x.entry_id = e.id
             LEFT JOIN hits h ON h.entry_id = e.id AND h.watch_id = s.watch_id
             WHERE s.recipient_id = ?1 ORDER BY w.position, a.id",
        )?
        .query_map(params![id, now.millis()], open_alert)?
        .collect::<Result<_, _>>()?;
    for alert in &mut alerts {
        alert.also_in = also_in(tx, alert.id)?;
    }
    let copies = if alerts.is_empty() { Vec::new() } else { late_copies(tx, id, now)? };
    let notices = due_notices(tx, id, now)?;
    let recent = tx
        .prepare_cached(
            "SELECT m.composed_at FROM messages m JOIN subscriptions s ON s.id = m.subscription_id
             WHERE m.recipient_id = ?1 AND m.composed_at > ?2 AND m.composed_at <= ?3 AND s.watch_id IS NOT NULL
                 AND m.state <> 'cancelled'
             ORDER BY m.composed_at",
        )?
        .query_map(params![id, (now - HOUR).millis(), now.millis()], |row| row.get(0).map(Timestamp::from_millis))?
        .collect::<Result<_, _>>()?;
    Ok(DueRecipient { id, address, alerts, copies, notices, recent })
}

fn open_alert(row: &Row<'_>) -> rusqlite::Result<OpenAlert> {
    Ok(OpenAlert {
        id: row.get(0)?,
        subscription: row.get(1)?,
        watch: row.get(2)?,
        active: row.get(3)?,
        story: row.get(4)?,
        found: row.get(5)?,
        article: ToldArticle {
            title: row.get(6)?,
            link: row.get(7)?,
            source: row.get(8)?,
            feed_title: row.get(9)?,
            author: row.get(10)?,
            language: row.get(11)?,
            published: row.get::<_, Option<i64>>(12)?.map(Timestamp::from_millis),
            text: row.get(13)?,
        },
        also_in: Vec::new(),
    })
}

/// The other articles of an alert's story, one an outlet.
fn also_in(tx: &Connection, alert: i64) -> rusqlite::Result<Vec<Copied>> {
    tx.prepare_cached(
        "SELECT f.url, f.title, min(e.link) FROM alerts l JOIN articles x ON x.story_id = l.story_id
         JOIN entries e ON e.id = x.entry_id JOIN feeds f ON f.id = e.feed_id
         WHERE l.id = ?1 AND x.entry_id <> l.entry_id
             AND e.feed_id <> (SELECT feed_id FROM entries WHERE id = l.entry_id)
         GROUP BY f.id ORDER BY min(x.placed_at), f.id",
    )?
    .query_map([alert], |row| Ok(Copied { source: row.get(0)?, feed_title: row.get(1)?, link: row.get(2)? }))?
    .collect()
}

fn late_copies(tx: &Connection, recipient: i64, now: Timestamp) -> rusqlite::Result<Vec<LateCopy>> {
    tx.prepare_cached(
        "SELECT a.id, a.subscription_id, ifnull(o.title, t.title), m.message_id, f.url, f.title, e.link
         FROM subscriptions s JOIN alerts a ON a.subscription_id = s.id AND a.state = 'told' AND a.told_at > ?2
         JOIN messages m ON m.id = a.message_id AND m.state = 'sent'
         JOIN entries t ON t.id = a.entry_id LEFT JOIN articles o ON o.entry_id = t.id
         JOIN articles x ON x.story_id = a.story_id AND x.placed_at > a.told_at AND x.entry_id <> a.entry_id
         JOIN entries e ON e.id = x.entry_id AND e.feed_id <> t.feed_id
         JOIN feeds f ON f.id = e.feed_id
         WHERE s.recipient_id = ?1 GROUP BY a.id, f.id ORDER BY a.id, x.placed_at LIMIT 200",
    )?
    .query_map(params![recipient, (now - LATER).millis()], |row| {
        Ok(LateCopy {
            alert: row.get(0)?,
            subscription: row.get(1)?,
            title: row.get(2)?,
            told_by: row.get(3)?,
            source: row.get(4)?,
            feed_title: row.get(5)?,
            link: row.get(6)?,
        })
    })?
    .collect()
}

fn due_notices(tx: &Connection, recipient: i64, now: Timestamp) -> rusqlite::Result<Vec<(i64, i64, Notice)>> {
    tx.prepare_cached(
        "SELECT n.id, s.id, n.kind, n.subject, n.message, n.since FROM subscriptions s, notices n
         WHERE s.recipient_id = ?1 AND s.watch_id IS NULL AND s.active = 1 AND n.state <> 'over' AND n.release_at <= ?2
             AND NOT EXISTS (SELECT 1 FROM notice_told t WHERE t.notice_id = n.id AND t.subscription_id = s.id)
         ORDER BY n.kind, n.since, n.id",
    )?
    .query_map(params![recipient, now.millis()], |row| {
        let notice = Notice {
            kind: row.get(2)?,
            subject: row.get(3)?,
            message: row.get(4)?,
            since: Timestamp::from_millis(row.get(5)?),
        };
        Ok((row.get(0)?, row.get(1)?, notice))
    })?
    .collect()
}

fn settle_compose(
    tx: &Connection,
    lease: &Lease<DueRecipient>,
    plan: &ComposePlan,
) -> rusqlite::Result<Settled> {
    let recipient = lease.job.id;
    if !lease::give_back(tx, Table::Recipients, lease, &Next { due_at: None, attempts: 0, error: None })? {
        return Ok(Settled::Lost);
    }
    for message in &plan.messages {
        insert_message(tx, recipient, message, plan.now)?;
    }
    for (alert, subscription, why) in &plan.cancelled {
        cancel(tx, recipient, *alert, *subscription, why, plan.now)?;
    }
    for (alert, until) in &plan.quiet {
        tx.prepare_cached("UPDATE alerts SET release_at = ?2 WHERE id = ?1 AND state = 'open'")?
            .execute(params![alert, until.millis()])?;
    }
    if let Some(until) = plan.put_off {
        tx.prepare_cached(
            "UPDATE alerts SET release_at = max(release_at, ?2) WHERE state = 'open'
                 AND subscription_id IN (SELECT id FROM subscriptions WHERE recipient_id = ?1)",
        )?
        .execute(params![recipient, until.millis()])?;
    }
    tx.prepare_cached(&refresh_of("id = ?1"))?.execute([recipient])?;
    Ok(Settled::Written)
}

fn insert_message(
    tx: &Connection,
    recipient: i64,
    message: &NewMessage,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let row: i64 = tx
        .prepare_cached(
            &format!(
                "INSERT INTO messages (subscription_id, recipient_id, message_id, subject, composed_at, due_at, reply)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5, printf({REPLY}, '')) RETURNING id"
            ),
        )?
        .query_row(
            params![
                message.subscription,
                recipient,
                message.message_id,
                message.subject,
                now.millis()
            ],
            |row| row.get(0),
        )?;
    tx.prepare_cached("INSERT INTO bodies (message_id, bytes) VALUES (?1, ?2)")?
        .execute(params![row, message.body])?;
    for alert in &message.alerts {
        tx.prepare_cached(
            "UPDATE alerts SET state = 'told', message_id = ?2, told_at = ?3, held = 0 WHERE id = ?1 AND state = 'open'",
        )?
        .execute(params![alert, row, now.millis()])?;
    }
    for alert in &message.copies {
        tx.prepare_cached("UPDATE alerts SET told_at = ?2 WHERE id = ?1")?
            .execute(params![alert, now.millis()])?;
    }
    for notice in &message.notices {
        tx.prepare_cached("INSERT OR IGNORE INTO notice_told (notice_id, subscription_id) VALUES (?1, ?2)")?
            .execute(params![notice, message.subscription])?;
        tx.prepare_cached("UPDATE notices SET state = 'told' WHERE id = ?1 AND state = 'open'")?
            .execute([notice])?;
    }
    Ok(())
}

/// An alert whose watch or recipient is gone is no mail, but a line in the ledger.
fn cancel(
    tx: &Connection,
    recipient: i64,
    alert: i64,
    subscription: i64,
    why: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let subject: String = tx.query_row(
        "SELECT ifnull(x.title, e.title) FROM alerts a JOIN entries e ON e.id = a.entry_id
         LEFT JOIN articles x ON x.entry_id = e.id WHERE a.id = ?1",
        [alert],
        |row| row.get(0),
    )?;
    let row: i64 = tx.query_row(
        "INSERT INTO messages (subscription_id, recipient_id, message_id, subject, composed_at, state, settled_at, reply)
         SELECT ?1, ?2, 'cancelled:' || id || '.' || made_at, ?4, ?5, 'cancelled', ?5, ?6 FROM alerts WHERE id = ?3
         RETURNING id",
        params![subscription, recipient, alert, subject, now.millis(), why],
        |row| row.get(0),
    )?;
    tx.execute(
        "UPDATE alerts SET state = 'cancelled', held = 0, message_id = ?2 WHERE id = ?1 AND state = 'open'",
        params![alert, row],
    )?;
    Ok(())
}

fn due_messages(
    tx: &Connection,
    now: Timestamp,
    via: &str,
    limit: usize,
) -> rusqlite::Result<Vec<DueMessage>> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    tx.prepare_cached(
        "SELECT m.id, r.address, m.message_id, m.subject, b.bytes, ifnull(m.patient_from, m.composed_at), m.via, s.watch_id IS NULL
         FROM messages m JOIN bodies b ON b.message_id = m.id JOIN recipients r ON r.id = m.recipient_id JOIN subscriptions s ON s.id = m.subscription_id
         WHERE m.due_at <= ?1 ORDER BY m.due_at LIMIT ?2",
    )?
    .query_map(params![now.millis(), limit], |row| {
        Ok(DueMessage {
            id: row.get(0)?,
            to: row.get(1)?,
            message_id: row.get(2)?,
            subject: row.get(3)?,
            body: row.get(4)?,
            since: Timestamp::from_millis(row.get(5)?),
            via: row.get(6)?,
            goes_by: via.to_owned(),
            is_notice: row.get(7)?,
        })
    })?
    .collect()
}

fn settle_delivery(
    tx: &Connection,
    lease: &Lease<DueMessage>,
    plan: &DeliveryPlan,
    now: Timestamp,
) -> rusqlite::Result<Settled> {
    let finish = format!(
        "UPDATE messages SET state = ?2, reply = printf({REPLY}, ?3), settled_at = ?4, due_at = NULL, owner = NULL,
        crashes = 0, claim = claim + 1"
    );
    let message = &lease.job;
    match plan {
        DeliveryPlan::Sent { reply } => {
            let sql = format!("{finish}, asked = NULL, asked_at = NULL WHERE id = ?1");
            tx.prepare_cached(&sql)?.execute(params![lease.id, "sent", reply, now.millis()])?;
            notices::end_of_mail(tx, &message.message_id, &message.to)?;
        }
        DeliveryPlan::Retry { at, error, via } => {
            let next = Next { due_at: Some(*at), attempts: lease.attempts, error: Some(error) };
            if !lease::give_back(tx, Table::Messages, lease, &next)? {
                return Ok(Settled::Lost);
            }
            let sql = format!("UPDATE messages SET reply = printf({REPLY}, ?2), via = ?3 WHERE id = ?1");
            tx.prepare_cached(&sql)?.execute(params![lease.id, error, via])?;
        }
        DeliveryPlan::Dead { reply, via, notice } => {
            let sql = format!("{finish}, via = ?6 WHERE id = ?1 AND claim = ?5");
            let done = tx.prepare_cached(&sql)?.execute(params![
                lease.id,
                "dead",
                reply,
                now.millis(),
                lease.claim,
                via
            ])?;
            if done == 0 {
                return Ok(Settled::Lost);
            }
            notices::apply(tx, notice, now)?;
        }
    }
    // What somebody asked for meanwhile comes now.
    requests::heed_mail(tx, Some(message.id))?;
    Ok(Settled::Written)
}

/// A line of the ledger.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Entry {
    /// The number that `outbox show` takes.
    pub id: i64,
    /// waiting, sent, dead or cancelled.
    pub state: String,
    /// The recipient.
    pub to: String,
    /// The watch; none for a notice to the administrator.
    pub watch: Option<String>,
    /// The subject.
    pub subject: String,
    /// Message-ID.
    pub message_id: String,
    /// When it was composed.
    pub composed_at: Timestamp,
    /// When it was sent, died or was cancelled.
    pub settled_at: Option<Timestamp>,
    /// When it is tried next.
    pub due_at: Option<Timestamp>,
    /// Attempts so far.
    pub attempts: u32,
    /// The server's last reply, or why there was none.
    pub reply: String,
    /// The way it went, or may have gone: the only one that may try it again.
    pub via: Option<String>,
    /// What somebody has asked for it, and the daemon has yet to heed: retry, retry-any-way or drop.
    pub asked: Option<String>,
    /// It is on its way.
    pub under_way: bool,
}

const LEDGER: &str = "SELECT m.id, m.state, r.address, w.name, m.subject, m.message_id, m.composed_at,
    nullif(m.settled_at, 0), m.due_at, m.attempts, rtrim(m.reply), nullif(m.via, ''), m.asked, m.owner IS NOT NULL
    FROM messages m JOIN recipients r ON r.id = m.recipient_id
    JOIN subscriptions s ON s.id = m.subscription_id LEFT JOIN watches w ON w.id = s.watch_id";

fn ledger_line(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let at = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(Timestamp::from_millis));
    Ok(Entry {
        id: row.get(0)?,
        state: row.get(1)?,
        to: row.get(2)?,
        watch: row.get(3)?,
        subject: row.get(4)?,
        message_id: row.get(5)?,
        composed_at: Timestamp::from_millis(row.get(6)?),
        settled_at: at(7)?,
        due_at: at(8)?,
        attempts: row.get(9)?,
        reply: row.get(10)?,
        via: row.get(11)?,
        asked: row.get(12)?,
        under_way: row.get(13)?,
    })
}

/// The newest `limit` lines of the ledger, newest first.
pub fn list(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<Entry>> {
    let mut statement = connection.prepare(&format!("{LEDGER} ORDER BY m.id DESC LIMIT ?1"))?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    statement.query_map([limit], ledger_line)?.collect()
}

/// A line of the ledger with what became of it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Shown {
    /// The line.
    #[serde(flatten)]
    pub line: Entry,
    /// The tries that failed, oldest first.
    pub tries: Vec<Failed>,
}

/// One line of the ledger with its history.
pub fn line(connection: &Connection, id: i64) -> rusqlite::Result<Option<Shown>> {
    let found = connection
        .prepare_cached(&format!("{LEDGER} WHERE m.id = ?1"))?
        .query_row([id], ledger_line)
        .optional()?;
    found.map(|line| Ok(Shown { line, tries: tries::of(connection, Tried::Mail(id))? })).transpose()
}

/// One line of the ledger with its history, and the message's bytes.
pub fn show(connection: &Connection, id: i64) -> rusqlite::Result<Option<(Shown, Vec<u8>)>> {
    let Some(shown) = line(connection, id)? else { return Ok(None) };
    // Cancelled ones never had bytes, and those of old mails are forgotten.
    let bytes = connection
        .query_row("SELECT bytes FROM bodies WHERE message_id = ?1", [id], |row| row.get(0))
        .optional()?;
    Ok(Some((shown, bytes.unwrap_or_default())))
}
