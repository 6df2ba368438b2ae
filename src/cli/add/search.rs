//! The way from an address to what can be polled behind it: the address itself, the feeds that its page names, those
//! that it links to, and where feeds usually are; where there is none, the sitemaps of the site and the list of the
//! page. It ends at the first step that finds entries.

use std::collections::{HashSet, VecDeque};

use url::Url;

use super::ask::{Answer, Asker, Trouble};
use crate::domain::address;
use crate::domain::discovery::{self, Choice, Fact, How, Lead, Offer};
use crate::domain::feed::sitemap::Parts;
use crate::domain::feed::{Document, Reading};
use crate::io::http::{host_key, robots};

/// Of the feeds that a page names so many are looked at.
const DECLARED: usize = 8;
/// Of those that it links to.
const LINKED: usize = 5;
/// Of the places where feeds usually are.
const USUAL: usize = 9;
/// Of the sitemaps that a site has.
const SITEMAPS: usize = 3;
/// What is kept of the requests for sitemaps while feeds are guessed.
const FOR_SITEMAPS: usize = 5;
/// Where a server shuts its pages, it is not asked for many more.
const BEHIND_A_SHUT_PAGE: usize = 4;

/// What was found.
pub struct Search {
    /// Where the search began, after redirects.
    pub page: Url,
    /// The title of the page, when there is a page.
    pub title: Option<String>,
    /// Its language.
    language: Option<String>,
    /// The feeds, in the order in which they were found.
    pub found: Vec<Found>,
    /// The addresses that were of no use.
    pub tried: Vec<(Url, String)>,
    /// Why there is no page to look at.
    pub trouble: Option<Trouble>,
    /// The page itself.
    html: String,
    asked: HashSet<String>,
}

/// A feed, sitemap or list that answered.
pub struct Found {
    /// The address to poll.
    pub url: Url,
    /// How it was found, and what the page calls it.
    pub lead: Lead,
    /// What it has.
    pub document: Document,
    /// As the config names it: `feed`, `sitemap` or `page`.
    pub kind: &'static str,
    /// The selector of a page's items.
    pub item: Option<String>,
}

impl Search {
    /// Looks behind an address; `ways` are the ways to write it, the likeliest first.
    pub async fn run(asker: &mut Asker, ways: Vec<Url>) -> Option<Self> {
        let page = ways.first()?.clone();
        let known = discovery::known(&page);
        let mut search = Self {
            page,
            title: None,
            language: None,
            found: Vec::new(),
            tried: Vec::new(),
            trouble: None,
            html: String::new(),
            asked: HashSet::new(),
        };
        let count = known.len();
        search.follow(asker, known, count, true).await;
        if search.has_news() {
            return Some(search);
        }
        match search.open(asker, ways).await {
            Some(offer) => search.look(asker, offer).await,
            None if search.trouble.as_ref().is_some_and(|trouble| trouble.is_shut) => {
                let usual = discovery::usual(&search.page, &[]);
                search.follow(asker, usual, BEHIND_A_SHUT_PAGE, true).await;
            }
            None => {}
        }
        Some(search)
    }

    /// Which of the feeds is meant.
    pub fn choice(&self) -> Choice {
        let fact = |found: &Found| {
            Fact::new(found.url.clone(), found.lead.how, found.lead.is_comments, &found.document)
        };
        let facts: Vec<Fact> = self.found.iter().map(fact).collect();
        discovery::choose(&facts, &self.page, self.language.as_deref())
    }

    fn has_news(&self) -> bool {
        self.found.iter().any(|found| !found.lead.is_comments && !found.document.entries.is_empty())
    }

    /// Asks the address itself; returns what its page offers, if it is one.
    async fn open(&mut self, asker: &mut Asker, ways: Vec<Url>) -> Option<Offer> {
        for url in ways {
            self.asked.insert(address::place(&url));
            match asker.ask(&url).await? {
                Answer::Feed(url, document) => {
                    self.keep(url.clone(), Lead::new(url, How::Itself), *document, "feed");
                    return None;
                }
                Answer::Sitemap(url, reading) => {
                    self.keep_sitemap(asker, url, reading, true).await;
                    return None;
                }
                Answer::Page(url, html) => {
                    (self.page, self.trouble, self.html) = (url.clone(), None, html.clone());
                    return tokio::task::spawn_blocking(move || discovery::offered(&html, &url)).await.ok();
                }
                Answer::Trouble(trouble) => {
                    self.tried.push((url, trouble.reason.clone()));
                    let is_silent = trouble.is_silent;
                    // The first says what is wrong with the address as people know it.
                    self.trouble.get_or_insert(trouble);
                    if !is_silent {
                        return None;
                    }
                }
            }
        }
        None
    }

    async fn look(&mut self, asker: &mut Asker, offer: Offer) {
        let usual = discovery::usual(&self.page, offer.usual);
        (self.title, self.language) = (offer.title, offer.language);
        let (comments, leads): (Vec<Lead>, Vec<Lead>) =
            offer.leads.into_iter().partition(|lead| lead.is_comments);
        let (linked, declared) = leads.into_iter().partition(|lead| lead.how == How::Linked);
        self.follow(asker, declared, DECLARED, false).await;
        if !self.has_news() {
            self.follow(asker, linked, LINKED, false).await;
        }
        if !self.has_news() {
            self.follow(asker, usual, USUAL, true).await;
        }
        if !self.has_news() {
            self.look_further(asker).await;
        }
        if self.found.is_empty() {
            self.follow(asker, comments, 1, true).await;
        }
    }

    /// Asks the first leads; with `one` no more than it takes to find one with entries. A link may lead to a page
    /// with a list of feeds, which are looked at then.
    async fn follow(&mut self, asker: &mut Asker, leads: Vec<Lead>, most: usize, one: bool) {
        let mut queue: VecDeque<(Lead, bool)> =
            leads.into_iter().take(most).map(|lead| (lead, true)).collect();
        while let Some((lead, may_list)) = queue.pop_front() {
            if lead.how == How::Usual && !asker.has_left(FOR_SITEMAPS) {
                return;
            }
            if !self.asked.insert(address::place(&lead.url)) {
                continue;
            }
            match asker.ask(&lead.url).await {
                None => return,
                Some(Answer::Feed(url, document)) => self.keep(url, lead, *document, "feed"),
                Some(Answer::Sitemap(..)) => self.tried.push((lead.url, "it is a sitemap".to_owned())),
                Some(Answer::Page(url, html)) if may_list && lead.how >= How::Linked => {
                    self.tried.push((lead.url, "it is a web page".to_owned()));
                    let offered =
                        tokio::task::spawn_blocking(move || discovery::offered(&html, &url).leads).await;
                    let listed = offered.unwrap_or_default().into_iter().filter(|lead| !lead.is_comments);
                    queue.extend(listed.take(LINKED).map(|lead| (lead, false)));
                }
                Some(Answer::Page(..)) => self.tried.push((lead.url, "it is a web page".to_owned())),
                Some(Answer::Trouble(trouble)) => self.tried.push((lead.url, trouble.reason)),
            }
            if one && self.has_news() {
                return;
            }
        }
    }

    /// Without a feed: a sitemap of news, else the list of the page, else any sitemap.
    async fn look_further(&mut self, asker: &mut Asker) {
        let page = self.page.clone();
        let Some((robots, may_read)) = asker.ask_robots(&page).await else { return };
        for url in discovery::sitemaps(&robots, &page).into_iter().take(SITEMAPS) {
            match asker.ask(&url).await {
                None => break,
                Some(Answer::Sitemap(url, reading)) => self.keep_sitemap(asker, url, reading, false).await,
                Some(Answer::Trouble(trouble)) => self.tried.push((url, trouble.reason)),
                Some(Answer::Feed(..) | Answer::Page(..)) => {
                    self.tried.push((url, "it is no sitemap".to_owned()));
                }
            }
            if self.found.iter().any(|found| found.lead.how == How::News) {
                return;
            }
            if self.has_news() {
                break;
            }
        }
        if !may_read {
            self.tried.push((page, robots::FORBIDS.to_owned()));
            return;
        }
        let html = std::mem::take(&mut self.html);
        let listed = tokio::task::spawn_blocking(move || discovery::listed(&html, &page));
        if let Ok(Some((item, document))) = listed.await {
            let page = self.page.clone();
            self.keep(page.clone(), Lead::new(page, How::List), document, "page");
            if let Some(found) = self.found.last_mut() {
                found.item = Some(item);
            }
        }
    }

    /// Of a sitemap in parts the one of news is taken, else all of it, as its newest part shows it.
    async fn keep_sitemap(&mut self, asker: &mut Asker, url: Url, reading: Reading, is_asked_for: bool) {
        let (url, document) = match reading {
            Reading::Document(document) => (url, document),
            Reading::Index(parts) => {
                let is_near = |part: &Url| host_key(part) == host_key(&url);
                let due = Parts::default().due(&parts, &[&url], is_near, 0).parts;
                let of_news = due.iter().find(|part| discovery::sounds_like_news(&part.url));
                let Some(part) = of_news.or(due.first()) else {
                    return self
                        .tried
                        .push((url, "it is a sitemap without parts at its own host".to_owned()));
                };
                match asker.ask(&part.url).await {
                    Some(Answer::Sitemap(_, Reading::Document(document))) => {
                        let is_part = of_news.is_some() && !is_asked_for;
                        (if is_part { part.url.clone() } else { url }, document)
                    }
                    Some(Answer::Trouble(trouble)) => {
                        return self.tried.push((part.url.clone(), trouble.reason));
                    }
                    _ => return,
                }
            }
        };
        let is_news = document.entries.iter().any(|entry| entry.published.is_some());
        let how = match (is_asked_for, is_news) {
            (true, _) => How::Itself,
            (false, true) => How::News,
            (false, false) => How::Sitemap,
        };
        self.keep(url.clone(), Lead::new(url, how), document, "sitemap");
    }

    fn keep(&mut self, url: Url, lead: Lead, document: Document, kind: &'static str) {
        // Two leads may have moved to one place.
        if !self.found.iter().any(|found| address::place(&found.url) == address::place(&url)) {
            self.found.push(Found { url, lead, document, kind, item: None });
        }
    }
}
