//! Poll: a due feed is asked for news, and what is new becomes entries that are due for reading.

mod sources;

use std::sync::Arc;
use std::time::Duration;

use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::{Pipeline, Stage, Window};
use crate::domain::feed::identity::{self, Identity};
use crate::domain::feed::relay::is_relayed;
use crate::domain::feed::{self, Document, Kind};
use crate::domain::health::{self, Poll as Verdict, Record};
use crate::domain::schedule::skip::Wishes;
use crate::domain::schedule::{self, Outcome, Rhythm};
use crate::domain::watch::Text;
use crate::io::http::{self, Accept, Reply, Request, Response, RetryAfter, Validators, host_key, shown};
use crate::io::store::Error;
use crate::io::store::feeds::{DueFeed, NewDocument, NewEntry, POLL_LEASE, PollPlan};
use crate::io::store::hosts::{Hold, HostPlan, RobotsTxt};
use crate::io::store::lease::Lease;
use crate::io::store::notices::NoticeChange;
use crate::time::{DAY, MINUTE, Timestamp};

mod care;

use care::Change;
pub use care::look_after_sources;

/// Entries of one settle; a giant document is stored in chunks of this many, its validators with the last.
const CHUNK: usize = 500;

/// The same of what is only remembered, by its hash.
const ARCHIVE_CHUNK: usize = 5000;

/// The first stage.
pub struct Poll {
    pipeline: Arc<Pipeline>,
}

impl Poll {
    /// The stage on `pipeline`.
    pub fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }
}

impl Stage for Poll {
    const NAME: &'static str = "poll";
    const DEADLINE: Duration = POLL_LEASE;
    type Lease = Lease<DueFeed>;
    type Outcome = Seen;

    async fn claim(&self, window: Window, limit: usize) -> Result<Vec<Self::Lease>, Error> {
        self.pipeline.store.claim_polls(window.now, window.polls_by, window.pick, limit).await
    }

    async fn perform(&self, lease: &Self::Lease) -> Seen {
        let plan = self.pipeline.plan();
        let feed = lease.job.clone();
        let source = plan.sources.get(&feed.id);
        if lease.is_deadly() {
            Seen::failed(DEADLY)
        } else {
            match Url::parse(feed.asked()) {
                Ok(url) => {
                    if let Some(source) = source.filter(|source| source.kind != Kind::Feed) {
                        return sources::ask(&self.pipeline, &plan, &feed, source, url).await;
                    }
                    let request = request(&feed, url, source, self.pipeline.clock.now());
                    let reply = plan.http.get(&request).await;
                    let is_forced = request.validators == Validators::default();
                    let seen = self.pipeline.off_thread(move || look(reply, feed.body_hash, is_forced)).await;
                    seen.unwrap_or_else(|| Seen::failed(BROKE_READER))
                }
                Err(error) => Seen::failed(&format!("the address cannot be read: {error}")),
            }
        }
    }

    async fn settle(&self, lease: Self::Lease, mut seen: Seen) -> Result<(), Error> {
        let store = &self.pipeline.store;
        if let Ok(News::Document(fresh)) = &mut seen.result {
            fresh.known = store.known(lease.job.id, fresh.identities.clone()).await?;
            self.foresee(lease.job.id, fresh).await;
        }
        let _steady = self.pipeline.hold_clock().await;
        let mut plan = planned(&self.pipeline, &lease, seen);
        if matches!(plan.outcome, Outcome::Worked { .. }) {
            self.pipeline.pricing.count();
        }
        let (id, url) = (lease.job.id, shown(&lease.job.url));
        let change = Change::new(&lease.job, &plan.record, &plan.health, plan.now);
        let held = plan.hosts.held.clone();
        let mut edited = 0;
        while let Some(oldest) = plan.document.as_mut().and_then(split_chunk) {
            match store.store_chunk(&lease, oldest, plan.now).await {
                Ok(Some(brought)) => {
                    plan.stored.extend(brought.new);
                    edited += brought.edited;
                }
                Ok(None) => break,
                // What has been stored stays; the rest is news again at the next poll.
                Err(Error::Full) => (plan.document, plan.no_room) = (None, true),
                Err(error) => return Err(error),
            }
        }
        while let Some(old) = plan.document.as_mut().and_then(split_archive) {
            match store.remember(&lease, old).await {
                Ok(()) => {}
                Err(Error::Full) => (plan.document, plan.no_room) = (None, true),
                Err(error) => return Err(error),
            }
        }
        match store.settle_poll(lease, plan).await? {
            None => tracing::debug!(feed = id, url, "poll was taken away"),
            Some(brought) => {
                change.log();
                if let Some(Hold { host, until, .. }) = held {
                    tracing::info!(source = url, host, %until, "a server asks for time");
                }
                let (new, edited) = (brought.new.len(), edited + brought.edited);
                if new + edited > 0 {
                    tracing::debug!(source = url, new, edited, "new entries");
                }
            }
        }
        Ok(())
    }
}

impl Poll {
    /// Marks the new entries whose words are a hit already: their pages are read first. What breaks here will break
    /// nothing but its own read.
    async fn foresee(&self, feed: i64, fresh: &mut Fresh) {
        let plan = self.pipeline.plan();
        if plan.sources.get(&feed).is_some_and(|source| !source.full_text) {
            return;
        }
        let new = fresh.document.entries.iter().zip(&fresh.known).take(CHUNK);
        let words = |(entry, known): (&feed::Entry, &bool)| {
            (!known).then(|| (entry.title.clone(), entry.summary.clone(), entry.language.clone()))
        };
        let texts: Vec<_> = new.map(words).collect();
        let likely = move || {
            let is_hit = |words: &Option<(String, String, Option<String>)>| {
                words.as_ref().is_some_and(|(title, body, language)| {
                    !plan.matcher.hits(&Text { title, body, language: language.as_deref() }).is_empty()
                })
            };
            texts.iter().map(is_hit).collect()
        };
        fresh.likely = self.pipeline.off_thread(likely).await.unwrap_or_default();
    }
}

/// What becomes of the feed: when it is settled, the next poll is counted from then, by what is configured then.
fn planned(pipeline: &Pipeline, lease: &Lease<DueFeed>, seen: Seen) -> PollPlan {
    let (plan, now, feed) = (pipeline.plan(), pipeline.clock.now(), &lease.job);
    let source = plan.sources.get(&feed.id);
    let full_text = source.is_none_or(|source| source.full_text);
    let pace = (plan.rhythm_of(feed.id), pipeline.request_price());
    let subject = plan.subject(feed.id, &feed.url);
    let mut decided = decide(feed, seen, pace, full_text, &subject, now);
    decided.hosts.next_at = now + plan.host_gap;
    if lease.is_deadly() {
        decided.notices = vec![NoticeChange::Raise {
            kind: health::BROKEN.to_owned(),
            subject,
            message: DEADLY.to_owned(),
        }];
    }
    decided
}

/// Takes a chunk off a giant document. Feeds list the newest first: the oldest are stored first.
fn split_chunk(document: &mut NewDocument) -> Option<Vec<NewEntry>> {
    let entries = &mut document.entries;
    (entries.len() > CHUNK).then(|| entries.split_off(entries.len() - CHUNK))
}

/// Takes a chunk off what is only to be remembered.
fn split_archive(document: &mut NewDocument) -> Option<Vec<i64>> {
    let archive = &mut document.archive;
    (archive.len() > ARCHIVE_CHUNK).then(|| archive.split_off(archive.len() - ARCHIVE_CHUNK))
}

const DEADLY: &str =
    "reading this feed has killed habar again and again; it is left alone. Please report its address";
const BROKE_READER: &str = "the feed breaks its reader; please report its address";

/// The request for a feed. It is unconditional, whatever is known, where an answer that nothing has changed would
/// not be believed.
fn request(feed: &DueFeed, url: Url, source: Option<&super::plan::SourcePlan>, now: Timestamp) -> Request {
    let own_port = url.port_or_known_default();
    let usual = match source {
        Some(source) => source.request(url, Accept::Feed),
        None => Request { own_port, ..Request::new(url, Accept::Feed) },
    };
    let Record { habit, whole_at, distrusted, .. } = feed.record.as_ref();
    if *distrusted || habit.doubts_unchanged(*whole_at, now) {
        return usual;
    }
    Request {
        validators: Validators { etag: feed.etag.clone(), last_modified: feed.last_modified.clone() },
        validators_for: feed.answered_by.as_deref().and_then(|url| Url::parse(url).ok()),
        ..usual
    }
}

/// What the reply says, before it is judged.
pub struct Seen {
    result: Result<News, Trouble>,
    reached: Vec<String>,
    /// Where permanent redirects alone have led, before anything else did.
    moved_to: Option<String>,
    /// No validators were sent, so that the answer is about the document and nothing else.
    is_forced: bool,
    robots: Option<RobotsTxt>,
}

enum News {
    Unchanged { fresh_for: Option<std::time::Duration> },
    Document(Box<Fresh>),
}

struct Fresh {
    document: Document,
    response: Response,
    body_hash: i64,
    /// What its entries are known by.
    identities: Vec<Identity>,
    /// Which of them were seen before.
    known: Vec<bool>,
    /// Those whose words are a hit, as far as that was looked at.
    likely: Vec<bool>,
    /// Hashes of what is only to be remembered: the old addresses of a sitemap.
    archive: Vec<i64>,
    /// How many entries the document shows, where those are not all of them or not the same list; 0 when that says
    /// nothing.
    shows: Option<u32>,
    /// The server of a part of it asked for time.
    busy: Option<RetryAfter>,
    /// What the reader of a source that is no feed wants to know at the next poll.
    note: Option<String>,
}

impl Fresh {
    fn new(document: Document, response: Response, body_hash: i64) -> Self {
        let identities = identity::identities(&document.entries);
        Self {
            document,
            response,
            body_hash,
            identities,
            known: Vec::new(),
            likely: Vec::new(),
            archive: Vec::new(),
            shows: None,
            busy: None,
            note: None,
        }
    }
}

#[derive(Clone)]
struct Trouble {
    reason: String,
    gone: bool,
    throttled: bool,
    retry_after: Option<RetryAfter>,
    /// The host that answered.
    host: Option<String>,
}

impl Seen {
    fn failed(reason: &str) -> Self {
        Self {
            result: Err(Trouble::plain(reason)),
            reached: Vec::new(),
            moved_to: None,
            is_forced: false,
            robots: None,
        }
    }
}

impl Trouble {
    fn plain(reason: &str) -> Self {
        Self { reason: reason.to_owned(), gone: false, throttled: false, retry_after: None, host: None }
    }

    fn refused(response: &Response) -> Self {
        let status = response.status;
        Self {
            reason: http::refusal(response),
            gone: status == 410,
            throttled: status == 429,
            retry_after: response.retry_after.filter(|_| matches!(status, 429 | 503)),
            host: Some(host_key(&response.url)),
        }
    }
}

fn moved_to(reply: &Reply) -> Option<String> {
    let permanent = reply.hops.iter().take_while(|hop| matches!(hop.status, 301 | 308));
    permanent.last().map(|hop| hop.url.to_string())
}

/// Reads the reply: parses the document, unless it is the one that is stored.
fn look(reply: Reply, known: Option<i64>, is_forced: bool) -> Seen {
    let moved_to = moved_to(&reply);
    let reached = reply.hops.iter().map(|hop| host_key(&hop.url)).collect();
    let result = match reply.result {
        Err(failure) => Err(Trouble::plain(&failure.to_string())),
        Ok(response) => news(response, known),
    };
    Seen { result, reached, moved_to, is_forced, robots: None }
}

fn news(response: Response, known: Option<i64>) -> Result<News, Trouble> {
    match response.status {
        304 => Ok(News::Unchanged { fresh_for: response.fresh_for }),
        200..=299 => {
            let body_hash = xxh3_64(&response.body).cast_signed();
            let document = if known == Some(body_hash) {
                Document::default()
            } else {
                feed::parse(&response.body, response.content_type.as_deref(), Some(&response.url))
                    .map_err(|error| Trouble::plain(&error.to_string()))?
            };
            Ok(News::Document(Box::new(Fresh::new(document, response, body_hash))))
        }
        _ => Err(Trouble::refused(&response)),
    }
}

/// The other feeds of a host that asked for time are asked before the one that was told so: are they served, it
/// concerns that one alone.
const AFTER_ALL: Duration = MINUTE;

/// What becomes of the feed.
fn decide(
    feed: &DueFeed,
    seen: Seen,
    (rhythm, price): (Rhythm, f64),
    full_text: bool,
    subject: &str,
    now: Timestamp,
) -> PollPlan {
    let worked = seen.result.is_ok().then(|| care::after_success(feed, &seen, rhythm.floor, now));
    let troubles = worked
        .as_ref()
        .map_or_else(Vec::new, |record| record.troubles(&shown(care::asked(feed, record)), now));
    let verdict = match &seen.result {
        Ok(_) => Verdict::Worked(&troubles),
        Err(trouble) if trouble.gone => Verdict::Gone,
        Err(trouble) => Verdict::Failed(&trouble.reason),
    };
    let gone = verdict == Verdict::Gone;
    let health = health::after(&feed.health, verdict, now);
    let record = worked.unwrap_or_else(|| care::after_failure(feed, gone, &health, now));
    let wishes = wishes(feed, &seen);
    // A feed that loses entries wants a longer pause than it can bear.
    let pause = wishes.pause.map(|pause| record.losses.bound(pause));
    let outcome = match &seen.result {
        Ok(News::Unchanged { fresh_for }) => Outcome::Worked { fresh_for: (*fresh_for).max(pause) },
        Ok(News::Document(fresh)) => match fresh.busy {
            Some(welcome) => Outcome::RetryAfter(welcome.from(now)),
            None => Outcome::Worked { fresh_for: fresh.response.fresh_for.max(pause) },
        },
        // Where it had moved to it is gone; where it was before it may be again.
        Err(Trouble { gone: true, .. }) if feed.record.moving.to.is_none() => Outcome::Gone,
        Err(Trouble { retry_after: Some(welcome), .. }) => Outcome::RetryAfter(welcome.from(now) + AFTER_ALL),
        Err(trouble) => {
            Outcome::Failed { failures: health.failures, since: health.since, throttled: trouble.throttled }
        }
    };
    let held = hold(&seen, &rhythm, (feed.id, health.since), now);
    PollPlan {
        now,
        rhythm: Rhythm { ceiling: record.losses.bound(rhythm.ceiling), ..rhythm },
        price,
        outcome,
        notices: care::notices(feed, subject, &record, &health, &troubles, now),
        new_host: care::new_host(feed, &record),
        health,
        record,
        wishes,
        stored: Vec::new(),
        no_room: false,
        hosts: HostPlan {
            next_at: now,
            reached: seen.reached,
            held,
            robots: seen.robots,
            ..HostPlan::default()
        },
        document: match seen.result {
            Ok(News::Document(fresh)) => Some(new_document(feed, *fresh, full_text, now)),
            _ => None,
        },
    }
}

/// What the feed asks for: as it said in the last document that was read.
fn wishes(feed: &DueFeed, seen: &Seen) -> Wishes {
    match &seen.result {
        Ok(News::Document(fresh)) if feed.body_hash != Some(fresh.body_hash) => {
            Wishes { pause: fresh.document.ttl, skip: fresh.document.skip }
        }
        _ => feed.wishes,
    }
}

/// The host to be left alone, when its server asks for that.
fn hold(seen: &Seen, rhythm: &Rhythm, feed: (i64, Timestamp), now: Timestamp) -> Option<Hold> {
    let trouble = seen.result.as_ref().err()?;
    let until = schedule::welcome(rhythm, trouble.retry_after?.from(now), now);
    Some(Hold { host: trouble.host.clone()?, until, feed })
}

fn new_document(feed: &DueFeed, fresh: Fresh, full_text: bool, now: Timestamp) -> NewDocument {
    let Fresh { document, response, body_hash, identities, likely, archive, shows, note, .. } = fresh;
    let horizon = now - DAY;
    let relayed = is_relayed(&response.url, &document.entries);
    let is_new = feed.body_hash != Some(body_hash);
    let entries: Vec<_> = document
        .entries
        .into_iter()
        .zip(identities)
        .enumerate()
        .map(|(place, (entry, identity))| {
            let quiet = feed.first_sight && entry.published.is_some_and(|at| at < horizon);
            let likely = likely.get(place).is_some_and(|likely| *likely);
            NewEntry { likely, ..new_entry(entry, identity, quiet, full_text) }
        })
        .collect();
    // A document that broke off must be had whole the next time: its validators would answer 304 for ever.
    let validators = if document.cut_off { Validators::default() } else { response.validators };
    NewDocument {
        title: document.title,
        etag: validators.etag,
        last_modified: validators.last_modified,
        complete: !document.cut_off,
        shows: shows.or_else(|| is_new.then(|| u32::try_from(entries.len()).unwrap_or(u32::MAX))),
        relayed,
        entries,
        answered_by: response.url.to_string(),
        body_hash,
        archive,
        note,
    }
}

fn new_entry(entry: feed::Entry, identity: Identity, quiet: bool, full_text: bool) -> NewEntry {
    let page = entry.link.as_deref().filter(|_| full_text).and_then(|link| Url::parse(link).ok());
    NewEntry {
        ident: identity.ident,
        place: identity.place,
        content: content_of(&entry),
        title: entry.title,
        link: entry.link,
        summary: entry.summary,
        author: entry.author,
        language: entry.language,
        published: entry.published,
        quiet,
        host: page.as_ref().map(host_key),
        likely: false,
    }
}

/// The hash of what an edit changes.
fn content_of(entry: &feed::Entry) -> i64 {
    let content =
        [entry.title.as_str(), entry.link.as_deref().unwrap_or_default(), &entry.summary].join("\n");
    xxh3_64(content.as_bytes()).cast_signed()
}
