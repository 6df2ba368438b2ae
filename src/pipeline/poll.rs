//! Poll: a due feed is asked for news, and what is new becomes entries that are due for reading.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::{Pipeline, Stage, Window};
use crate::domain::feed::identity::{self, Identity};
use crate::domain::feed::{self, Document};
use crate::domain::health::{self, Health, Poll as Verdict, State};
use crate::domain::schedule::{Outcome, Rhythm};
use crate::io::http::{self, Accept, Reply, Request, Response, RetryAfter, Validators, host_key, shown};
use crate::io::store::Error;
use crate::io::store::feeds::{Brought, DueFeed, NewDocument, NewEntry, POLL_LEASE, PollPlan};
use crate::io::store::hosts::HostPlan;
use crate::io::store::lease::Lease;
use crate::io::store::notices::{self, NoticeChange};
use crate::time::{DAY, Timestamp};

/// Entries of one settle; a giant document is stored in chunks of this many, its validators with the last.
const CHUNK: usize = 500;

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
            match Url::parse(&feed.url) {
                Ok(url) => {
                    let reply = plan.http.get(&request(&feed, url, source)).await;
                    let known = feed.body_hash;
                    let seen = self.pipeline.off_thread(move || look(reply, known)).await;
                    seen.unwrap_or_else(|| Seen::failed(BROKE_READER))
                }
                Err(error) => Seen::failed(&format!("the address cannot be read: {error}")),
            }
        }
    }

    async fn settle(&self, lease: Self::Lease, seen: Seen) -> Result<(), Error> {
        let store = &self.pipeline.store;
        let _steady = self.pipeline.hold_clock().await;
        let mut plan = planned(&self.pipeline, &lease, seen);
        if matches!(plan.outcome, Outcome::Worked { .. }) {
            self.pipeline.pricing.count();
        }
        let (id, url, was) = (lease.job.id, shown(&lease.job.url), lease.job.health.clone());
        let mut stored = Brought::default();
        while let Some(oldest) = plan.document.as_mut().and_then(split_chunk) {
            match store.store_chunk(&lease, oldest, plan.now).await {
                Ok(Some(brought)) => {
                    stored.new.extend(brought.new);
                    stored.edited += brought.edited;
                }
                Ok(None) => break,
                // What has been stored stays; the rest is news again at the next poll.
                Err(Error::Full) => plan.document = None,
                Err(error) => return Err(error),
            }
        }
        let health = plan.health.clone();
        match store.settle_poll(lease, plan).await? {
            None => tracing::debug!(feed = id, url, "poll was taken away"),
            Some(brought) => {
                report(&url, &was, &health);
                let (new, edited) = (stored.new.len() + brought.new.len(), stored.edited + brought.edited);
                if new + edited > 0 {
                    tracing::debug!(source = url, new, edited, "new entries");
                }
            }
        }
        Ok(())
    }
}

/// What becomes of the feed: when it is settled, the next poll is counted from then, by what is configured then.
fn planned(pipeline: &Pipeline, lease: &Lease<DueFeed>, seen: Seen) -> PollPlan {
    let (plan, now, feed) = (pipeline.plan(), pipeline.clock.now(), &lease.job);
    let source = plan.sources.get(&feed.id);
    let full_text = source.is_none_or(|source| source.full_text);
    let pace = (plan.rhythm_of(feed.id), pipeline.request_price());
    let mut decided = decide(feed, seen, pace, full_text, now);
    decided.hosts.next_at = now + plan.host_gap;
    if lease.is_deadly() {
        decided.notice = NoticeChange::Raise {
            kind: health::BROKEN.to_owned(),
            subject: shown(&feed.url),
            message: DEADLY.to_owned(),
        };
    }
    decided
}

/// Takes a chunk off a giant document. Feeds list the newest first: the oldest are stored first.
fn split_chunk(document: &mut NewDocument) -> Option<Vec<NewEntry>> {
    let entries = &mut document.entries;
    (entries.len() > CHUNK).then(|| entries.split_off(entries.len() - CHUNK))
}

const DEADLY: &str =
    "reading this feed has killed habar again and again; it is left alone. Please report its address";
const BROKE_READER: &str = "the feed breaks its reader; please report its address";

/// A source that has worked may fail this often in a row before it is told: a server that is slow now and then
/// is no news.
const HICCUPS: u32 = 2;

/// One event for each change of a source's health, and for the first failure of one that has never worked.
fn report(source: &str, was: &Health, is: &Health) {
    let reason = is.reason.as_deref().unwrap_or_default();
    match (was.state, is.state) {
        (State::New, State::Fine) => tracing::info!(source, "source works"),
        (State::Failing, State::Fine) if was.failures <= HICCUPS => {
            tracing::debug!(source, "source works again");
        }
        (State::Failing | State::Gone, State::Fine) => tracing::info!(source, "source works again"),
        (_, State::Failing) if is.failures == HICCUPS + 1 => {
            tracing::warn!(source, reason, since = %is.since, "source fails");
        }
        (State::New, State::New) if was.failures == 0 => {
            tracing::warn!(source, reason, "source does not work");
        }
        (_, State::Gone) if was.state != State::Gone => tracing::warn!(source, reason, "source is gone"),
        (_, State::Fine) => {}
        _ => tracing::debug!(source, reason, "source still fails"),
    }
}

fn request(feed: &DueFeed, url: Url, source: Option<&super::plan::SourcePlan>) -> Request {
    let own_port = url.port_or_known_default();
    let usual = match source {
        Some(source) => source.request(url, Accept::Feed),
        None => Request { own_port, ..Request::new(url, Accept::Feed) },
    };
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
}

enum News {
    Unchanged { fresh_for: Option<std::time::Duration> },
    Document(Box<Fresh>),
}

struct Fresh {
    document: Document,
    response: Response,
    body_hash: i64,
}

struct Trouble {
    reason: String,
    gone: bool,
    throttled: bool,
    retry_after: Option<RetryAfter>,
}

impl Seen {
    fn failed(reason: &str) -> Self {
        Self { result: Err(Trouble::plain(reason)), reached: Vec::new() }
    }
}

impl Trouble {
    fn plain(reason: &str) -> Self {
        Self { reason: reason.to_owned(), gone: false, throttled: false, retry_after: None }
    }
}

/// Reads the reply: parses the document, unless it is the one that is stored.
fn look(reply: Reply, known: Option<i64>) -> Seen {
    let reached = reply.hops.iter().map(|hop| host_key(&hop.url)).collect();
    let result = match reply.result {
        Err(failure) => Err(Trouble::plain(&failure.to_string())),
        Ok(response) => news(response, known),
    };
    Seen { result, reached }
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
            Ok(News::Document(Box::new(Fresh { document, response, body_hash })))
        }
        status => Err(Trouble {
            reason: http::refusal(&response),
            gone: status == 410,
            throttled: status == 429,
            retry_after: response.retry_after.filter(|_| matches!(status, 429 | 503)),
        }),
    }
}

/// What becomes of the feed.
fn decide(
    feed: &DueFeed,
    seen: Seen,
    (rhythm, price): (Rhythm, f64),
    full_text: bool,
    now: Timestamp,
) -> PollPlan {
    let verdict = match &seen.result {
        Ok(_) => Verdict::Worked,
        Err(trouble) if trouble.gone => Verdict::Gone,
        Err(trouble) => Verdict::Failed(&trouble.reason),
    };
    let health = health::after(&feed.health, verdict, now);
    let outcome = match &seen.result {
        Ok(News::Unchanged { fresh_for }) => Outcome::Worked { fresh_for: *fresh_for },
        Ok(News::Document(fresh)) => {
            Outcome::Worked { fresh_for: fresh.response.fresh_for.max(fresh.document.ttl) }
        }
        Err(Trouble { gone: true, .. }) => Outcome::Gone,
        Err(Trouble { retry_after: Some(welcome), .. }) => Outcome::RetryAfter(welcome.from(now)),
        Err(trouble) => {
            Outcome::Failed { failures: health.failures, since: health.since, throttled: trouble.throttled }
        }
    };
    let notice = notice(feed, &health, now);
    let document = match seen.result {
        Ok(News::Document(fresh)) => Some(new_document(feed, *fresh, full_text, now)),
        _ => None,
    };
    PollPlan {
        now,
        rhythm,
        price,
        outcome,
        health,
        document,
        hosts: HostPlan { next_at: now, reached: seen.reached, ..HostPlan::default() },
        notice,
    }
}

fn notice(feed: &DueFeed, health: &Health, now: Timestamp) -> NoticeChange {
    match health::trouble(health, feed.has_worked, now) {
        Some(kind) => NoticeChange::Raise {
            kind: kind.to_owned(),
            subject: shown(&feed.url),
            message: health.reason.clone().unwrap_or_default(),
        },
        None if health.state == State::Fine && feed.health.state != State::Fine => {
            NoticeChange::Over { subject: shown(&feed.url) }
        }
        None => NoticeChange::None,
    }
}

/// What no single poll can tell. Sources that have never worked since they were added are told in one list,
/// when that is a day; and whoever is no longer configured is in no trouble.
pub async fn look_after_sources(pipeline: &Pipeline) -> Result<(), Error> {
    let (store, now) = (&pipeline.store, pipeline.clock.now());
    let plan = pipeline.plan();
    let configured: HashSet<String> = plan.sources.values().map(|s| http::masked(&s.url)).collect();
    let troubles = store.read(notices::current).await?;
    let is_told = |subject: &String| {
        troubles.iter().any(|told| told.kind == health::NEVER_WORKED && told.subject == *subject)
    };
    let mut changes = Vec::new();
    for (url, reason) in store.never_worked(now - health::PATIENCE).await? {
        let (kind, subject) = (health::NEVER_WORKED.to_owned(), shown(&url));
        if !is_told(&subject) {
            changes.push(NoticeChange::Raise { kind, subject, message: reason });
        }
    }
    if !changes.is_empty() {
        tracing::warn!(sources = changes.len(), "sources have never worked since they were added");
    }
    let of_a_source = [health::GONE, health::FAILING, health::NEVER_WORKED, health::BROKEN];
    for told in troubles {
        if of_a_source.contains(&told.kind.as_str()) && !configured.contains(&told.subject) {
            changes.push(NoticeChange::Over { subject: told.subject });
        }
    }
    if changes.is_empty() { Ok(()) } else { store.notices(changes, now).await }
}

fn new_document(feed: &DueFeed, fresh: Fresh, full_text: bool, now: Timestamp) -> NewDocument {
    let Fresh { document, response, body_hash } = fresh;
    let horizon = now - DAY;
    let identities = identity::identities(&document.entries);
    let entries: Vec<_> = document
        .entries
        .into_iter()
        .zip(identities)
        .map(|(entry, identity)| {
            let quiet = feed.first_sight && entry.published.is_some_and(|at| at < horizon);
            new_entry(entry, identity, quiet, full_text)
        })
        .collect();
    // A document that broke off must be had whole the next time: its validators would answer 304 for ever.
    let validators = if document.cut_off { Validators::default() } else { response.validators };
    NewDocument {
        title: document.title,
        etag: validators.etag,
        last_modified: validators.last_modified,
        complete: !document.cut_off,
        shows: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        entries,
        answered_by: response.url.to_string(),
        body_hash,
    }
}

fn new_entry(entry: feed::Entry, identity: Identity, quiet: bool, full_text: bool) -> NewEntry {
    let content =
        [entry.title.as_str(), entry.link.as_deref().unwrap_or_default(), &entry.summary].join("\n");
    let page = entry.link.as_deref().filter(|_| full_text).and_then(|link| Url::parse(link).ok());
    NewEntry {
        ident: identity.ident,
        place: identity.place,
        content: xxh3_64(content.as_bytes()).cast_signed(),
        title: entry.title,
        link: entry.link,
        summary: entry.summary,
        author: entry.author,
        language: entry.language,
        published: entry.published,
        quiet,
        host: page.as_ref().map(host_key),
    }
}
