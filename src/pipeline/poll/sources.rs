//! Sources that are no feeds: a page, which is read where robots.txt allows it, and a sitemap, of which the parts
//! that may have news are read in the same turn, one request after another with the gap of their host.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use url::Url;
use xxhash_rust::xxh3::xxh3_64;

use super::{BROKE_READER, Fresh, News, Seen, Trouble, content_of};
use crate::domain::feed::identity;
use crate::domain::feed::sitemap::{self, Due, Known, Part, Parts};
use crate::domain::feed::{self, Document, FeedError, Kind, Reading};
use crate::io::http::robots::{self, Robots};
use crate::io::http::{Accept, Reply, Request, Response, TOTAL_TIMEOUT, Validators, host_key, masked};
use crate::io::store::feeds::{DueFeed, POLL_LEASE};
use crate::io::store::hosts::RobotsTxt;
use crate::io::store::{Error, listed};
use crate::pipeline::plan::SourcePlan;
use crate::pipeline::read::{self, NO_ROBOTS, Rules};
use crate::pipeline::{Pipeline, Plan};
use crate::time::{MINUTE, SECOND, Timestamp};

/// So many parts of a sitemap are read in one poll, and so many are asked for, should some fail.
const PARTS: usize = 4;
const MOST_ASKED: usize = 6;
/// What remains of a poll after its last request.
const SPARE: std::time::Duration = SECOND.saturating_mul(15);

/// Asks a source that is no feed, and reads what it answers.
pub(super) async fn ask(
    pipeline: &Pipeline,
    plan: &Plan,
    feed: &DueFeed,
    source: &SourcePlan,
    url: Url,
) -> Seen {
    let mut asking = Asking {
        pipeline,
        plan,
        feed,
        source,
        began: Instant::now(),
        now: pipeline.clock.now(),
        reached: Vec::new(),
        moved_to: None,
        is_forced: false,
        robots: None,
        sorting: None,
    };
    let result = asking.look(url).await;
    let Asking { reached, moved_to, is_forced, robots, .. } = asking;
    Seen { result, reached, moved_to, is_forced, robots }
}

/// What is remembered of a source between two polls.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Note {
    /// What its document was read by: another kind, or other selectors, see another document in the same bytes.
    read_by: Option<u64>,
    /// How many entries the selectors of a page found.
    #[serde(skip_serializing_if = "Option::is_none")]
    matched: Option<usize>,
    /// The parts of a sitemap.
    parts: Parts,
}

struct Asking<'a> {
    pipeline: &'a Pipeline,
    plan: &'a Plan,
    feed: &'a DueFeed,
    source: &'a SourcePlan,
    began: Instant,
    now: Timestamp,
    reached: Vec<String>,
    moved_to: Option<String>,
    is_forced: bool,
    robots: Option<RobotsTxt>,
    sorting: Option<Sorting>,
}

impl Asking<'_> {
    async fn look(&mut self, url: Url) -> Result<News, Trouble> {
        let kind = &self.source.kind;
        let (id, fingerprint) = (self.feed.id, kind.fingerprint());
        let told = self.pipeline.store.read(move |c| listed::note(c, id)).await;
        let told = told.map_err(|error| unreadable(&error))?;
        let mut note: Note = told.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let is_same = note.read_by == Some(fingerprint);
        if !is_same {
            note = Note { read_by: Some(fingerprint), ..Note::default() };
        }
        let mut request = self.source.request(url, Accept::source(kind));
        if let Kind::Page(_) = kind {
            self.may_read(&request).await?;
        }
        if is_same {
            let Request { validators, validators_for, .. } =
                super::request(self.feed, request.url.clone(), Some(self.source), self.now);
            request = Request { validators, validators_for, ..request };
        }
        // What other selectors find in the same document says nothing of its server.
        self.is_forced = is_same && request.validators == Validators::default();
        let reply = self.plan.http.get(&request).await;
        self.moved_to = super::moved_to(&reply);
        let response = self.answer(reply)?;
        if response.status == 304 {
            return Ok(News::Unchanged { fresh_for: response.fresh_for });
        }
        let body_hash = xxh3_64(&response.body).cast_signed();
        if is_same && self.feed.body_hash == Some(body_hash) {
            return Ok(News::Document(Box::new(Fresh::new(Document::default(), response, body_hash))));
        }
        let (reading, response) = self.read(response).await?;
        let reading =
            reading.map_err(|error| Trouble::plain(&remembering(error, note.matched).to_string()))?;
        let fresh = match reading {
            Reading::Document(document) if *kind == Kind::Sitemap => {
                let shows = Some(u32::try_from(document.entries.len()).unwrap_or(u32::MAX));
                self.sort(document, self.feed.first_sight).await?;
                let (document, archive) = self.sorted();
                Fresh { archive, shows, ..Fresh::new(document, response, body_hash) }
            }
            Reading::Document(document) => {
                note.matched = Some(document.entries.len());
                // That other selectors find other entries is no loss.
                let shows = (!is_same).then(|| u32::try_from(document.entries.len()).unwrap_or(u32::MAX));
                Fresh { shows, ..Fresh::new(document, response, body_hash) }
            }
            Reading::Index(index) => self.parts(&index, response, body_hash, &mut note.parts).await?,
        };
        // It is made of numbers and texts.
        let note = serde_json::to_string(&note).ok();
        Ok(News::Document(Box::new(Fresh { note, ..fresh })))
    }

    /// A page is asked for where robots.txt allows it.
    async fn may_read(&mut self, request: &Request) -> Result<(), Trouble> {
        let rules = match read::robots(&self.feed.host, self.now, self.plan.page_retry / 2) {
            Rules::Known(rules) => rules,
            Rules::Unavailable => return Err(Trouble::plain(NO_ROBOTS)),
            Rules::Unknown => {
                let Ok(url) = request.url.join("/robots.txt") else { return Ok(()) };
                let reply =
                    self.plan.http.get(&Request { url, accept: Accept::Robots, ..request.clone() }).await;
                self.note_hops(&reply);
                let told = robots::rules(reply.result);
                self.robots = Some(told.clone().map_or(RobotsTxt::Unavailable, RobotsTxt::Had));
                let rules = Robots::parse(&told.map_err(|reason| Trouble::plain(&reason))?);
                // It is kept, so that there is time at the next poll.
                if !self.has_time() {
                    return Err(Trouble::plain(ROBOTS_FIRST));
                }
                self.pause().await;
                rules
            }
        };
        if rules.allow(&request.url) { Ok(()) } else { Err(Trouble::plain(robots::FORBIDS)) }
    }

    async fn get(&mut self, request: &Request) -> Result<Response, Trouble> {
        let reply = self.plan.http.get(request).await;
        self.answer(reply)
    }

    /// An answer with a document, or that there is no new one.
    fn answer(&mut self, reply: Reply) -> Result<Response, Trouble> {
        self.note_hops(&reply);
        match reply.result {
            Err(failure) => Err(Trouble::plain(&failure.to_string())),
            Ok(response) if matches!(response.status, 200..=299 | 304) => Ok(response),
            Ok(response) => Err(Trouble::refused(&response)),
        }
    }

    fn note_hops(&mut self, reply: &Reply) {
        self.reached.extend(reply.hops.iter().map(|hop| host_key(&hop.url)));
    }

    async fn pause(&self) {
        tokio::time::sleep(self.plan.host_gap).await;
    }

    async fn read(&self, response: Response) -> Result<(Result<Reading, FeedError>, Response), Trouble> {
        let kind = self.source.kind.clone();
        let work = move || {
            let content_type = response.content_type.as_deref();
            (feed::read(&kind, &response.body, content_type, Some(&response.url)), response)
        };
        self.pipeline.off_thread(work).await.ok_or_else(|| Trouble::plain(BROKE_READER))
    }

    /// Reads the parts that may have news, as many as one poll has time for.
    async fn parts(
        &mut self,
        index: &[Part],
        mut response: Response,
        body_hash: i64,
        known: &mut Parts,
    ) -> Result<Fresh, Trouble> {
        let homes = [self.feed.host.name.clone(), host_key(&response.url)];
        let own = [&self.source.url, &response.url];
        let is_near = |url: &Url| sitemap::near(&host_key(url), &homes);
        // A quarter of an hour is the shortest time between two polls that is usual.
        let turn = u64::try_from(self.now.millis()).unwrap_or(0) / (15 * MINUTE).as_secs() / 1000;
        let due = known.due(index, &own, is_near, turn);
        if due.near.is_empty() {
            return Err(Trouble::plain(&sitemap::no_part(&due).to_string()));
        }
        let Brought { answered, left, trouble } = self.bring(&due, known).await?;
        if let Some(trouble) = trouble.as_ref().filter(|_| !answered) {
            return Err(trouble.clone());
        }
        if self.feed.first_sight {
            known.note_archives(&due.near);
        }
        known.retain(&due.near);
        // What is left is read by the next polls: the index must not be called unchanged until then.
        let is_done = due.all_dated && trouble.is_none() && (left == 0 || self.feed.first_sight);
        if !is_done {
            response.validators = Validators::default();
        }
        let busy = trouble.and_then(|trouble| trouble.retry_after);
        let body_hash = if is_done { body_hash } else { !body_hash };
        let (document, archive) = self.sorted();
        // What a part shows says nothing of how soon the others run over.
        Ok(Fresh { archive, shows: Some(0), busy, ..Fresh::new(document, response, body_hash) })
    }

    async fn bring(&mut self, due: &Due, known: &mut Parts) -> Result<Brought, Trouble> {
        let mut brought = Brought { answered: due.parts.is_empty(), left: due.parts.len(), trouble: None };
        let mut read = 0;
        for part in due.parts.iter().take(MOST_ASKED) {
            if read == PARTS || !self.has_time() {
                break;
            }
            self.pause().await;
            let is_archive = self.feed.first_sight || known.is_archive(&part.url, due);
            match self.part(part, known.of(&part.url)).await {
                Ok((document, now_known)) => {
                    (read, brought.answered) = (read + 1, true);
                    if document.as_ref().is_some_and(|document| document.cut_off) {
                        known.note_failure(part);
                        brought.trouble.get_or_insert(Trouble::plain("a part of it breaks off"));
                    } else {
                        known.note_read(part, now_known);
                        brought.left -= 1;
                    }
                    if let Some(document) = document {
                        self.sort(document, is_archive).await?;
                    }
                }
                Err(trouble) => {
                    known.note_failure(part);
                    let stops = trouble.throttled || trouble.retry_after.is_some();
                    let reason = format!("its part {}: {}", masked(&part.url), trouble.reason);
                    // That a part is gone says nothing of the whole.
                    brought.trouble.get_or_insert(Trouble { reason, gone: false, ..trouble });
                    if stops {
                        break;
                    }
                }
            }
        }
        if !brought.answered {
            brought.trouble.get_or_insert(Trouble::plain(NO_TIME));
        }
        Ok(brought)
    }

    /// Whether another request and the pause before it end in time.
    fn has_time(&self) -> bool {
        self.began.elapsed() + self.plan.host_gap + TOTAL_TIMEOUT + SPARE <= POLL_LEASE
    }

    /// One part, if it has changed, and what is known of it now.
    async fn part(
        &mut self,
        part: &Part,
        known: Option<&Known>,
    ) -> Result<(Option<Document>, Known), Trouble> {
        let bytes = |text: &Option<String>| text.as_ref().map(|text| text.clone().into_bytes());
        let believed = known.filter(|known| known.is_believed(part, self.now));
        let validators = Validators {
            etag: believed.and_then(|known| bytes(&known.etag)),
            last_modified: believed.and_then(|known| bytes(&known.last_modified)),
        };
        let request = Request { validators, ..self.source.request(part.url.clone(), Accept::Feed) };
        // It may be the other of two that differ in their `www`.
        self.reached.extend(Some(host_key(&part.url)).filter(|host| *host != self.feed.host.name));
        let response = self.get(&request).await?;
        if let Some(known) = known.filter(|_| response.status == 304) {
            return Ok((None, known.as_before()));
        }
        let body = xxh3_64(&response.body).cast_signed();
        let text = |bytes: &Option<Vec<u8>>| bytes.clone().and_then(|bytes| String::from_utf8(bytes).ok());
        // After a redirect they would go to another address than the one whose answer carried them.
        let validators =
            if response.url == part.url { response.validators.clone() } else { Validators::default() };
        let now_known = Known::of(text(&validators.etag), text(&validators.last_modified), body, self.now);
        if known.is_some_and(|known| known.body == Some(body)) {
            return Ok((None, now_known));
        }
        match self.read(response).await?.0 {
            Ok(Reading::Document(document)) => Ok((Some(document), now_known)),
            Ok(Reading::Index(_)) => Err(Trouble::plain(&sitemap::nested().to_string())),
            Err(error) => Err(Trouble::plain(&error.to_string())),
        }
    }

    /// Sorts what a sitemap lists into what is news, and what is only to be remembered.
    async fn sort(&mut self, document: Document, first_sight: bool) -> Result<(), Trouble> {
        let (id, now) = (self.feed.id, self.now);
        let looked_up = self.pipeline.store.read(move |c| {
            let identities = identity::identities(&document.entries);
            let idents: Vec<i64> = identities.iter().map(|identity| identity.ident).collect();
            Ok((listed::stored(c, id, &idents)?, idents, document))
        });
        let (stored, idents, document) = looked_up.await.map_err(|error| unreadable(&error))?;
        let mut sorting = self.sorting.take().unwrap_or_default();
        let work = move || {
            sorting.take(document, &idents, &stored, first_sight, now);
            sorting
        };
        let sorted = self.pipeline.off_thread(work).await;
        self.sorting = Some(sorted.ok_or_else(|| Trouble::plain(BROKE_READER))?);
        Ok(())
    }

    /// What is news, the newest first as in a feed, and hashes of what is only to be remembered.
    fn sorted(&mut self) -> (Document, Vec<i64>) {
        let Sorting { mut document, archive, .. } = self.sorting.take().unwrap_or_default();
        document.entries.sort_by_key(|entry| std::cmp::Reverse(entry.published.or(entry.modified)));
        (document, archive)
    }
}

fn unreadable(error: &Error) -> Trouble {
    Trouble::plain(&format!("the store cannot be read: {error}"))
}

const NO_TIME: &str = "a sitemap in parts takes several requests, for which [http] host_gap leaves no time; \
    write the address of one of its parts";
const ROBOTS_FIRST: &str = "its robots.txt came first; the page is asked for by the next poll";

/// What came of the parts of a sitemap.
struct Brought {
    /// One of them has answered, or none had to.
    answered: bool,
    /// So many that may have news were not read.
    left: usize,
    /// Why the first of them was not.
    trouble: Option<Trouble>,
}

/// What the documents of one poll list, set against what is stored.
#[derive(Default)]
struct Sorting {
    met: HashSet<i64>,
    document: Document,
    archive: Vec<i64>,
}

impl Sorting {
    /// Takes a document, of whose entries, known by `idents`, these are `stored`.
    fn take(
        &mut self,
        listed: Document,
        idents: &[i64],
        stored: &HashMap<i64, Option<i64>>,
        first_sight: bool,
        now: Timestamp,
    ) {
        let (mut unseen, mut edited) = (Vec::new(), Vec::new());
        for (entry, ident) in listed.entries.into_iter().zip(idents) {
            if !self.met.insert(*ident) {
                continue;
            }
            match stored.get(ident) {
                None => unseen.push(entry),
                // Only a sitemap of news has titles that can be edited.
                Some(Some(content)) if entry.published.is_some() && *content != content_of(&entry) => {
                    edited.push(entry);
                }
                Some(_) => {}
            }
        }
        let (new, archive) = sitemap::sift(unseen, first_sight, now);
        self.archive.extend(identity::identities(&archive).iter().map(|identity| identity.ident));
        self.document.entries.extend(new.into_iter().chain(edited));
        self.document.title = self.document.title.take().or(listed.title);
        self.document.cut_off |= listed.cut_off;
    }
}

/// The error with what the selectors of a page found before.
fn remembering(error: FeedError, before: Option<usize>) -> FeedError {
    match error {
        FeedError::Unmatched(unmatched) => {
            FeedError::Unmatched(feed::listing::Unmatched { before, ..unmatched })
        }
        error => error,
    }
}
