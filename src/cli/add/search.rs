//! The way from an address to the feeds behind it: the address itself, what its page names, what it links to, and
//! where feeds usually are. It ends at the first step that finds a feed with entries.

use std::collections::{HashSet, VecDeque};

use url::Url;

use super::ask::{Answer, Asker, Trouble};
use crate::domain::address;
use crate::domain::discovery::{self, Choice, Fact, How, Lead, Offer};
use crate::domain::feed::Document;

/// Of the feeds that a page names so many are looked at.
const DECLARED: usize = 8;
/// Of those that it links to.
const LINKED: usize = 5;
/// Of the places where feeds usually are.
const USUAL: usize = 9;
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
    asked: HashSet<String>,
}

/// A feed that answered.
pub struct Found {
    /// The address to poll.
    pub url: Url,
    /// How it was found, and what the page calls it.
    pub lead: Lead,
    /// What it has.
    pub document: Document,
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
                    let lead = Lead { url: url.clone(), title: None, how: How::Itself, is_comments: false };
                    self.found.push(Found { url, lead, document: *document });
                    return None;
                }
                Answer::Page(url, html) => {
                    (self.page, self.trouble) = (url.clone(), None);
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
            if !self.asked.insert(address::place(&lead.url)) {
                continue;
            }
            match asker.ask(&lead.url).await {
                None => return,
                Some(Answer::Feed(url, document)) => self.keep(url, lead, *document),
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

    fn keep(&mut self, url: Url, lead: Lead, document: Document) {
        // Two leads may have moved to one place.
        if !self.found.iter().any(|found| address::place(&found.url) == address::place(&url)) {
            self.found.push(Found { url, lead, document });
        }
    }
}
