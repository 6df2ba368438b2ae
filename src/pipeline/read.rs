//! Read: the page behind an entry is fetched, its text extracted, placed in a story and matched.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use url::Url;

use super::plan::WatchPlan;
use super::{Pipeline, Plan, Stage, Window};
use crate::domain::article::{self, Article};
use crate::domain::digest::release::{Rule, release};
use crate::domain::scope::Candidate;
use crate::domain::text;
use crate::domain::watch::{self, Field, Matcher, Text};
use crate::io::http::robots::Robots;
use crate::io::http::{self, Accept, Reply, Request, Response, RetryAfter, host_key};
use crate::io::store::Error;
use crate::io::store::entries::{DueEntry, NewArticle, READ_LEASE, ReadPlan, Stored, WatchHits};
use crate::io::store::hosts::{Host, HostPlan, RobotsTxt};
use crate::io::store::lease::{Lease, Settled};
use crate::io::store::notices::{NoticeChange, PAGE_BROKEN};
use crate::io::store::stories::NewAlert;
use crate::time::{DAY, MINUTE, Timestamp};

/// A page is tried this often.
const TRIES: u32 = 6;
/// robots.txt is asked for again after this (RFC 9309, section 2.4).
const ROBOTS_AGE: std::time::Duration = DAY;
/// A server that names a later time for the next request is not believed.
const LONGEST_WAIT: std::time::Duration = DAY;
/// The alerts of a first sight wait at most this long for the pages that were seen with them.
const HELD: std::time::Duration = std::time::Duration::from_mins(15);
/// A first sight alerts on what is not older than this.
const HORIZON: std::time::Duration = DAY;
/// As many hits of one watch in one article are kept; more say nothing new.
const HITS: usize = 5;

/// The second stage.
pub struct Read {
    pipeline: Arc<Pipeline>,
}

impl Read {
    /// The stage on `pipeline`.
    pub fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }
}

/// A hit as it is stored and told: the sentence in three pieces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The keyword as it is configured.
    pub term: String,
    /// True for the title, false for the text.
    pub in_title: bool,
    /// The sentence before the match.
    pub before: String,
    /// The match as it stands in the article.
    pub matched: String,
    /// The sentence after it.
    pub after: String,
}

impl Stage for Read {
    const NAME: &'static str = "read";
    const DEADLINE: Duration = READ_LEASE;
    /// One entry with a page, or many that need no request.
    type Lease = Vec<Lease<DueEntry>>;
    type Outcome = Vec<ReadPlan>;

    async fn claim(&self, window: Window, limit: usize) -> Result<Vec<Self::Lease>, Error> {
        let store = &self.pipeline.store;
        let pageless = store.claim_pageless(window.now, window.pick).await?;
        let mut work = if pageless.is_empty() { Vec::new() } else { vec![pageless] };
        let limit = limit.saturating_sub(work.len());
        let pages = store.claim_pages(window.now, window.polls_by, window.pick, limit).await?;
        work.extend(pages.into_iter().map(|lease| vec![lease]));
        Ok(work)
    }

    async fn perform(&self, leases: &Self::Lease) -> Vec<ReadPlan> {
        let plan = self.pipeline.plan();
        let mut looks = Vec::with_capacity(leases.len());
        for lease in leases {
            looks.push(look(&plan, lease, self.pipeline.clock.now()).await);
        }
        let now = self.pipeline.clock.now();
        let seen = leases.iter().zip(looks);
        let work: Vec<Work> = seen
            .map(|(lease, look)| Work { entry: lease.job.clone(), tries: lease.attempts, look })
            .collect();
        match decide_all(&self.pipeline, &plan, work.clone(), now).await {
            Some(decided) => decided,
            None => decide_each(&self.pipeline, &plan, work, now).await,
        }
    }

    async fn settle(&self, leases: Self::Lease, outcome: Vec<ReadPlan>) -> Result<(), Error> {
        let told: Vec<_> =
            leases.iter().zip(&outcome).map(|(lease, plan)| headline(&lease.job, plan)).collect();
        let settled = self.pipeline.store.settle_reads(leases.into_iter().zip(outcome).collect()).await?;
        for (headline, settled) in told.into_iter().zip(settled) {
            match headline {
                Some((watches, title)) if settled == Settled::Written => {
                    tracing::debug!(watches, title, "hit");
                }
                _ => {}
            }
        }
        Ok(())
    }
}

fn headline(entry: &DueEntry, plan: &ReadPlan) -> Option<(usize, String)> {
    (!plan.hits.is_empty()).then(|| (plan.hits.len(), text::cut(&entry.title, 120)))
}

/// What was seen of an entry's page.
#[derive(Clone)]
enum Look {
    /// There is no page to read.
    Nothing,
    /// robots.txt came first; the page is due at once, under what it says.
    Robots { body: Vec<u8> },
    /// robots.txt cannot be had, so that the page may not be tried.
    NoRobots { reason: String, reached: Vec<String> },
    /// robots.txt forbids the page.
    Forbidden,
    /// The page came.
    Page { response: Box<Response>, reached: Vec<String> },
    /// It did not, or it may not be tried.
    Failed { reason: String, reached: Vec<String> },
    /// Its server has asked to be left alone until then.
    Held(Timestamp),
    /// Its server named the time of the next request.
    Later { reason: String, reached: Vec<String>, welcome: RetryAfter },
    /// It must not be tried again.
    Broken(String),
}

async fn look(plan: &Plan, lease: &Lease<DueEntry>, now: Timestamp) -> Look {
    let entry = &lease.job;
    if lease.is_deadly() {
        return Look::Broken("reading this page has killed habar again and again".to_owned());
    }
    let (Some(host), Some(link)) = (&entry.host, &entry.link) else { return Look::Nothing };
    let Ok(url) = Url::parse(link) else { return Look::Nothing };
    if host.held_until > now {
        return Look::Held(host.held_until);
    }
    let own = plan.sources.get(&entry.feed);
    let ask = |url: Url, accept| match own {
        Some(source) => source.request(url, accept),
        None => Request::new(url, accept),
    };
    match robots(host, now, plan.page_retry / 2) {
        Rules::Unknown => {
            let Ok(address) = url.join("/robots.txt") else { return Look::Nothing };
            rules(plan.http.get(&ask(address, Accept::Robots)).await)
        }
        Rules::Unavailable => Look::Failed { reason: NO_ROBOTS.to_owned(), reached: Vec::new() },
        Rules::Known(robots) if !robots.allow(&url) => Look::Forbidden,
        Rules::Known(_) => page(plan.http.get(&ask(url, Accept::Page)).await),
    }
}

pub(super) const NO_ROBOTS: &str = "robots.txt could not be had just now";

/// The rules of a host.
pub(super) enum Rules {
    Known(Robots),
    /// They could not be had a moment ago.
    Unavailable,
    /// They are to be asked for.
    Unknown,
}

/// What is known of the rules of a host, and fresh. That they cannot be had is remembered for less than
/// a page waits for its next try, which asks anew.
pub(super) fn robots(host: &Host, now: Timestamp, moment: std::time::Duration) -> Rules {
    let known_for = |age| host.robots_at.is_some_and(|at| now.since(at) < age);
    match &host.robots {
        Some(rules) if known_for(ROBOTS_AGE) => Rules::Known(Robots::parse(rules)),
        None if known_for(moment) => Rules::Unavailable,
        _ => Rules::Unknown,
    }
}

fn rules(reply: Reply) -> Look {
    let reached = reply.hops.iter().map(|hop| host_key(&hop.url)).collect();
    match http::robots::rules(reply.result) {
        Ok(body) => Look::Robots { body },
        Err(reason) => Look::NoRobots { reason, reached },
    }
}

fn page(reply: Reply) -> Look {
    let reached = reply.hops.iter().map(|hop| host_key(&hop.url)).collect();
    match reply.result {
        Ok(response) if (200..300).contains(&response.status) => {
            Look::Page { response: Box::new(response), reached }
        }
        Ok(response) => {
            let reason = http::refusal(&response);
            match response.retry_after.filter(|_| matches!(response.status, 429 | 503)) {
                Some(welcome) => Look::Later { reason, reached, welcome },
                None => Look::Failed { reason, reached },
            }
        }
        Err(failure) => Look::Failed { reason: failure.to_string(), reached },
    }
}

/// An entry and what was seen of its page.
#[derive(Clone)]
struct Work {
    entry: DueEntry,
    tries: u32,
    look: Look,
}

async fn decide_all(
    pipeline: &Pipeline,
    plan: &Arc<Plan>,
    work: Vec<Work>,
    now: Timestamp,
) -> Option<Vec<ReadPlan>> {
    let plan = Arc::clone(plan);
    let decide = move |w: Work| decide(&plan, &w.entry, w.tries, w.look, now);
    pipeline.off_thread(move || work.into_iter().map(decide).collect()).await
}

/// One of these entries breaks its reader; it takes no other with it. Is it the page, the feed's own words
/// still count; if those break it too, the entry is settled without any.
async fn decide_each(
    pipeline: &Pipeline,
    plan: &Arc<Plan>,
    work: Vec<Work>,
    now: Timestamp,
) -> Vec<ReadPlan> {
    let mut decided = Vec::with_capacity(work.len());
    for work in work {
        let broken = Look::Broken("the page breaks its reader".to_owned());
        let without_page = Work { look: broken, ..work.clone() };
        let mut last = nothing(plan, work.tries, now);
        last.failed = Some("the entry breaks its reader".to_owned());
        last.notice = page_broken(&work.entry, "the entry breaks its reader; please report its address");
        let mut alone = decide_all(pipeline, plan, vec![work], now).await;
        if alone.is_none() {
            alone = decide_all(pipeline, plan, vec![without_page], now).await;
        }
        decided.extend(alone.unwrap_or_else(|| vec![last]));
    }
    decided
}

/// A settle that writes nothing yet.
fn nothing(plan: &Plan, tries: u32, now: Timestamp) -> ReadPlan {
    ReadPlan {
        now,
        article: None,
        hits: Vec::new(),
        alerts: Vec::new(),
        retry_at: None,
        error: None,
        tries,
        failed: None,
        hosts: HostPlan { next_at: now + plan.host_gap, ..HostPlan::default() },
        notice: NoticeChange::None,
    }
}

fn page_broken(entry: &DueEntry, message: &str) -> NoticeChange {
    NoticeChange::Raise {
        kind: PAGE_BROKEN.to_owned(),
        subject: entry.link.clone().unwrap_or_else(|| entry.title.clone()),
        message: message.to_owned(),
    }
}

/// What becomes of the entry.
fn decide(plan: &Plan, entry: &DueEntry, tries: u32, look: Look, now: Timestamp) -> ReadPlan {
    let mut settled = nothing(plan, tries, now);
    let mut seen = Seen::Summary;
    let mut problem = None;
    match look {
        Look::Robots { body } => {
            settled.hosts.robots = Some(RobotsTxt::Had(body));
            settled.retry_at = Some(now);
            settled.tries = tries.saturating_sub(1);
            return settled;
        }
        Look::Nothing => {}
        Look::Forbidden => problem = Some(http::robots::FORBIDS.to_owned()),
        Look::Broken(reason) => {
            settled.notice = page_broken(entry, &reason);
            problem = Some(reason);
        }
        Look::NoRobots { reason, reached } => {
            settled.hosts.robots = Some(RobotsTxt::Unavailable);
            settled.hosts.reached = reached;
            settled.error = Some(reason);
        }
        Look::Failed { reason, reached } => {
            settled.hosts.reached = reached;
            settled.error = Some(reason);
        }
        Look::Held(until) => {
            settled.error = Some("its server asked to be left alone for a while".to_owned());
            settled.hosts.retries_from = Some(until.min(now + LONGEST_WAIT));
            // Nobody was asked.
            settled.tries = tries.saturating_sub(1);
        }
        Look::Later { reason, reached, welcome } => {
            settled.hosts.reached = reached;
            settled.hosts.retries_from = Some(welcome.from(now).min(now + LONGEST_WAIT));
            settled.error = Some(reason);
        }
        Look::Page { response, reached } => {
            settled.hosts.reached = reached;
            match read_page(&response) {
                Sight::Article(article) => seen = Seen::Page(article),
                Sight::NoText(reason) => problem = Some(reason),
                Sight::Doubtful(article, reason) => {
                    // Judged wrongly, its text would be lost: in the end it counts.
                    let last = tries >= TRIES && article.text.len() >= TELLING;
                    seen = if last { Seen::Page(article) } else { Seen::Teaser(article) };
                    settled.error = Some(reason);
                }
            }
        }
    }
    if settled.error.is_some() && settled.tries < TRIES {
        let wait = plan.page_retry.saturating_mul(1 << tries.saturating_sub(1).min(16));
        settled.retry_at = Some((now + wait).max(settled.hosts.retries_from.unwrap_or(now)));
    }
    problem = problem.or_else(|| settled.error.clone());
    settled.failed.clone_from(&problem);
    place_and_match(plan, entry, seen, problem, &mut settled);
    settled
}

/// What stands for the entry's words.
enum Seen {
    /// The page was not read.
    Summary,
    /// The page.
    Page(Article),
    /// A page that seems not to be the article: its words are looked at, and it is tried again.
    Teaser(Article),
}

/// A doubtful page with less text than this is surely not the article.
const TELLING: usize = 200;

/// What a page turned out to be.
enum Sight {
    Article(Article),
    Doubtful(Article, String),
    NoText(String),
}

fn read_page(response: &Response) -> Sight {
    let kind = response.content_type.as_deref().unwrap_or("text/html").to_ascii_lowercase();
    if !["html", "xml", "text/plain"].iter().any(|readable| kind.contains(readable)) {
        return Sight::NoText(format!("the page is no text but {}", text::cut(&kind, 60)));
    }
    let extraction = article::extract(&response.body, response.content_type.as_deref(), &response.url);
    match extraction.problem {
        Some(problem) => {
            let reason = format!("the page is not the article: {}", problem.as_str());
            Sight::Doubtful(extraction.article, reason)
        }
        None => Sight::Article(extraction.article),
    }
}

/// Fills in the article, the hits and the alerts.
fn place_and_match(
    plan: &Plan,
    entry: &DueEntry,
    seen: Seen,
    problem: Option<String>,
    settled: &mut ReadPlan,
) {
    let (full, teaser) = match seen {
        Seen::Page(article) => (Some(article), None),
        Seen::Teaser(article) => (None, Some(article)),
        Seen::Summary => (None, None),
    };
    let language = full.as_ref().and_then(|a| a.language.clone()).or_else(|| entry.language.clone());
    let published = entry.published.or_else(|| full.as_ref().and_then(|a| a.published));
    let page = full.as_ref().or(teaser.as_ref());
    let hits = find(
        &plan.matcher,
        page.map(|a| Text { title: &a.title, body: &a.text, language: language.as_deref() }),
        Text { title: &entry.title, body: &entry.summary, language: language.as_deref() },
    );
    let too_old = is_too_old(entry.first, published, entry.found_at);
    for (number, found) in hits {
        let Some(watch) = plan.watches.get(number) else { continue };
        if !admits(plan, entry, watch, language.as_deref()) {
            continue;
        }
        let found = serde_json::to_string(&found).unwrap_or_default();
        settled.hits.push(WatchHits { watch: watch.id, found });
        // Whether the watch is paused is known when they are stored.
        if !too_old {
            settled.alerts.extend(alerts(watch, entry, settled.now));
        }
    }
    // A page that was read before is not replaced by the feed's summary of it.
    let worth_storing = match entry.stored {
        None => true,
        Some(Stored::Summary) => full.is_some() || settled.error.is_none(),
        Some(Stored::Page) => full.is_some(),
    };
    if worth_storing {
        settled.article = Some(new_article(entry, full, problem, language, published));
    }
}

fn new_article(
    entry: &DueEntry,
    full: Option<Article>,
    problem: Option<String>,
    language: Option<String>,
    published: Option<Timestamp>,
) -> NewArticle {
    let canonical = full.as_ref().and_then(|a| a.canonical.clone()).or_else(|| entry.link.clone());
    let authors = full.as_ref().map(|a| a.authors.join(", ")).filter(|names| !names.is_empty());
    let title = full.as_ref().map(|a| a.title.clone()).filter(|t| !t.is_empty() && *t != entry.title);
    NewArticle {
        title,
        text: full.map(|a| a.text),
        author: authors.or_else(|| entry.author.clone()),
        language,
        published,
        canonical,
        problem,
    }
}

/// Whether an entry was old when its source was first seen, which makes no alerts.
pub fn is_too_old(first_sight: bool, published: Option<Timestamp>, found_at: Timestamp) -> bool {
    first_sight && published.is_some_and(|at| at < found_at - HORIZON)
}

/// The hits by watch: in the article, and where it has none, in what the feed said of it.
pub fn find(matcher: &Matcher, page: Option<Text<'_>>, feed: Text<'_>) -> Vec<(usize, Vec<Found>)> {
    let mut by_watch: Vec<(usize, Vec<Found>)> = Vec::new();
    for text in page.into_iter().chain([feed]) {
        let known: Vec<usize> = by_watch.iter().map(|(watch, _)| *watch).collect();
        for hit in matcher.hits(&text).into_iter().filter(|hit| !known.contains(&hit.watch)) {
            let found = found(&text, &hit);
            match by_watch.iter_mut().find(|(watch, _)| *watch == hit.watch) {
                Some((_, hits)) if hits.len() < HITS => hits.push(found),
                Some(_) => {}
                None => by_watch.push((hit.watch, vec![found])),
            }
        }
    }
    by_watch.sort_by_key(|(watch, _)| *watch);
    by_watch
}

fn found(text: &Text<'_>, hit: &watch::Hit) -> Found {
    let field = match hit.field {
        Field::Title => text.title,
        Field::Text => text.body,
    };
    let sentence = watch::sentence(field, &hit.span);
    let piece = |from: usize, to: usize| field.get(from..to).unwrap_or_default().to_owned();
    Found {
        term: hit.term.clone(),
        in_title: hit.field == Field::Title,
        before: piece(sentence.start, hit.span.start),
        matched: piece(hit.span.start, hit.span.end),
        after: piece(hit.span.end, sentence.end),
    }
}

fn admits(plan: &Plan, entry: &DueEntry, watch: &WatchPlan, language: Option<&str>) -> bool {
    let name = plan.outlet(&entry.feed_url, entry.feed_title.as_deref());
    let tags = plan.sources.get(&entry.feed).map_or(&[][..], |s| &s.tags);
    watch.scope.admits(Candidate { url: &entry.feed_url, name: &name, tags }, language)
}

fn alerts(watch: &WatchPlan, entry: &DueEntry, now: Timestamp) -> Vec<NewAlert> {
    let usual = release(&watch.timing, now);
    let prompt = watch.timing.rule == Rule::Now;
    let first_sight = entry.first && now < entry.found_at + HELD;
    // Quiet hours hold a first sight as they hold everything.
    let held = first_sight && prompt && usual <= now + watch.timing.gather.max(MINUTE);
    let release_at = if held { (entry.found_at + HELD).max(usual) } else { usual };
    let alert = |subscription: &i64| NewAlert {
        subscription: *subscription,
        release_at,
        held,
        gathers: prompt && !held,
    };
    watch.subscriptions.iter().map(alert).collect()
}
