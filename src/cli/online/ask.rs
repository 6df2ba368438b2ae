//! Every source asked once, as the daemon asks it: under the guard, one request at a time to a host.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

use crate::config::Source;
use crate::domain::feed::sitemap::{self, Part, Parts};
use crate::domain::feed::{self, Document, FeedError, Kind, Reading};
use crate::io::http::robots::{self, Robots};
use crate::io::http::{self, Accept, Client, Failure, Phase, Reply, Request, host_key};
use crate::time::Timestamp;

/// Requests under way at once.
const AT_ONCE: usize = 24;

/// What came of asking a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has a feed.
    Feed {
        /// How many entries it has now.
        entries: usize,
        /// The date of the newest, if the feed dates them.
        newest: Option<Timestamp>,
    },
    /// It has none.
    Trouble(Trouble),
}

/// Why a source does not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened.
    pub reason: String,
    /// What to do about it.
    pub help: &'static str,
    /// It will not pass by itself.
    pub lasts: bool,
}

impl Trouble {
    fn new(reason: impl Into<String>, help: &'static str, lasts: bool) -> Self {
        Self { reason: reason.into(), help, lasts }
    }
}

/// Asks every source; the answers are in the order of the sources.
pub async fn ask(client: Client, sources: &[Source], gap: Duration, bar: &ProgressBar) -> Vec<Answer> {
    let asker = Arc::new(Asker {
        client,
        gap,
        slots: Semaphore::new(AT_ONCE),
        free_at: Mutex::default(),
        bar: bar.clone(),
    });
    let mut hosts: BTreeMap<String, Vec<(usize, Kind, Request)>> = BTreeMap::new();
    for (number, source) in sources.iter().enumerate() {
        hosts.entry(host_key(&source.url)).or_default().push((number, source.kind.clone(), request(source)));
    }
    let mut asking = JoinSet::new();
    for (host, requests) in hosts {
        let asker = Arc::clone(&asker);
        asking.spawn(async move { asker.ask_host(&host, requests).await });
    }
    let mut answers: Vec<(usize, Answer)> = asking.join_all().await.into_iter().flatten().collect();
    answers.sort_by_key(|(number, _)| *number);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn request(source: &Source) -> Request {
    Request {
        private_host: source.allow_private,
        own_port: source.url.port_or_known_default(),
        credentials: source.credentials.clone(),
        route: source.route.clone(),
        ..Request::new(source.url.clone(), Accept::source(&source.kind))
    }
}

struct Asker {
    client: Client,
    gap: Duration,
    slots: Semaphore,
    /// When a host may be asked again.
    free_at: Mutex<HashMap<String, Instant>>,
    bar: ProgressBar,
}

impl Asker {
    async fn ask_host(&self, host: &str, requests: Vec<(usize, Kind, Request)>) -> Vec<(usize, Answer)> {
        let mut answers = Vec::new();
        for (number, kind, request) in requests {
            let answer = match self.look(host, kind.clone(), &request).await {
                Ok((Reading::Document(document), _)) => Answer::of(&document),
                Ok((Reading::Index(parts), from)) => self.look_into(&from, kind, &request, &parts).await,
                Err(trouble) => Answer::Trouble(trouble),
            };
            answers.push((number, answer));
            self.bar.inc(1);
        }
        answers
    }

    /// Of a sitemap in parts the newest shows whether it can be read.
    async fn look_into(&self, from: &Url, kind: Kind, request: &Request, parts: &[Part]) -> Answer {
        let homes = [host_key(&request.url), host_key(from)];
        let is_near = |url: &Url| sitemap::near(&host_key(url), &homes);
        let due = Parts::default().due(parts, &[&request.url, from], is_near, 0);
        let Some(part) = due.parts.first() else { return Answer::Trouble(unread(&sitemap::no_part(&due))) };
        let request = Request { url: part.url.clone(), ..request.clone() };
        match self.look(&host_key(&part.url), kind, &request).await {
            Ok((Reading::Document(document), _)) => Answer::of(&document),
            Ok((Reading::Index(_), _)) => Answer::Trouble(unread(&sitemap::nested())),
            Err(trouble) => {
                let reason = format!("its part {}: {}", http::masked(&part.url), trouble.reason);
                Answer::Trouble(Trouble { reason, ..trouble })
            }
        }
    }

    async fn look(&self, host: &str, kind: Kind, request: &Request) -> Result<(Reading, Url), Trouble> {
        if let Kind::Page(_) = kind {
            self.may_read(host, request).await?;
        }
        let reply = self.get(host, request).await;
        let judged = tokio::task::spawn_blocking(move || judge(&kind, reply)).await;
        judged.unwrap_or_else(|_| {
            Err(Trouble::new("the feed breaks its reader", "please report its address", true))
        })
    }

    /// Pages are read where robots.txt allows it.
    async fn may_read(&self, host: &str, request: &Request) -> Result<(), Trouble> {
        let Ok(url) = request.url.join("/robots.txt") else { return Ok(()) };
        let asked = Request { url, accept: Accept::Robots, ..request.clone() };
        match robots::rules(self.get(host, &asked).await.result) {
            Ok(rules) if Robots::parse(&rules).allow(&request.url) => Ok(()),
            Ok(_) => {
                Err(Trouble::new(robots::FORBIDS, "ask its publisher to let habar in, or take it out", true))
            }
            Err(reason) => Err(Trouble::new(reason, PASSES, false)),
        }
    }

    async fn get(&self, host: &str, request: &Request) -> Reply {
        self.wait_for(host).await;
        // A closed semaphore would only ask faster.
        let slot = self.slots.acquire().await;
        let reply = self.client.get(request).await;
        drop(slot);
        let reached: Vec<String> = reply.hops.iter().map(|hop| host_key(&hop.url)).collect();
        self.hold(reached.iter().map(String::as_str).chain([host]));
        reply
    }

    async fn wait_for(&self, host: &str) {
        // A redirect of another source may have reached it meanwhile.
        loop {
            let free_at = self.gaps().get(host).copied();
            match free_at.and_then(|at| at.checked_duration_since(Instant::now())) {
                Some(rest) if !rest.is_zero() => tokio::time::sleep(rest).await,
                _ => return,
            }
        }
    }

    fn hold<'a>(&self, hosts: impl Iterator<Item = &'a str>) {
        let free_at = Instant::now() + self.gap;
        self.gaps().extend(hosts.map(|host| (host.to_owned(), free_at)));
    }

    fn gaps(&self) -> std::sync::MutexGuard<'_, HashMap<String, Instant>> {
        self.free_at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    fn of(document: &Document) -> Self {
        let dates = document.entries.iter().filter_map(|entry| entry.published.or(entry.modified));
        Self::Feed { entries: document.entries.len(), newest: dates.max() }
    }
}

/// What a reply says of its source.
fn judge(kind: &Kind, reply: Reply) -> Result<(Reading, Url), Trouble> {
    let response = reply.result.map_err(|failure| failed(&failure))?;
    if !(200..300).contains(&response.status) {
        return Err(refused(response.status));
    }
    match feed::read(kind, &response.body, response.content_type.as_deref(), Some(&response.url)) {
        Ok(reading) => Ok((reading, response.url)),
        Err(error) => Err(unread(&error)),
    }
}

const MOVED: &str = "look for the new address of its feed, or take it out";
const PASSES: &str = "this may pass: habar goes on asking, less and less often";

fn failed(failure: &Failure) -> Trouble {
    let (help, lasts) = match failure {
        Failure::Refused(_) => {
            ("use its public address, or write allow_private = true under the source", true)
        }
        Failure::Dns(_) => ("its host may be no more: look for the new address, or take it out", true),
        Failure::Timeout { phase: Phase::Dns, .. } => {
            ("see whether this machine's name server answers", false)
        }
        Failure::Tls(_) => (
            "its server needs a good certificate; [http] ca_file trusts one root more, if it is your own",
            false,
        ),
        Failure::Proxy(_) => ("see to the proxy; proxy = \"direct\" under a source goes without it", false),
        Failure::Secret(_) => ("see to the file that it names, and that the user of habar can read it", true),
        Failure::TooManyRedirects | Failure::BadRedirect(_) | Failure::TooLarge { .. } => (MOVED, true),
        Failure::Connect(_) | Failure::Timeout { .. } | Failure::BadBody(_) | Failure::Protocol(_) => {
            (PASSES, false)
        }
    };
    Trouble::new(failure.to_string(), help, lasts)
}

fn refused(status: u16) -> Trouble {
    let (help, lasts) = match status {
        401 | 402 | 403 | 407 | 451 => {
            ("ask its publisher to let habar in ([http] contact tells them who asks), or take it out", true)
        }
        404 | 410 | 300..=399 => (MOVED, true),
        _ => (PASSES, false),
    };
    Trouble::new(http::status_reason(status), help, lasts)
}

fn unread(error: &FeedError) -> Trouble {
    let help = match error {
        FeedError::NotAFeed { found } if found == feed::SITEMAP => {
            "a sitemap is read with kind = \"sitemap\""
        }
        FeedError::Unmatched(_) => "`habar try feed URL --kind page --item …` shows what a selector finds",
        FeedError::Mistaken { .. } | FeedError::Index { .. } => {
            "see what its address answers, and write what it says"
        }
        FeedError::NotAFeed { .. } => "open it in a browser, and look for the address of its feed there",
        _ => "tell its publisher; `habar try feed` shows what is wrong with it",
    };
    Trouble::new(error.to_string(), help, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_is_told_from_what_lasts() {
        let limit = Duration::from_secs(1);
        let dns = Failure::Dns("a.example: no such name".to_owned());
        let cases = [
            (refused(404), true),
            (refused(403), true),
            (refused(410), true),
            (refused(429), false),
            (refused(503), false),
            (failed(&dns), true),
            (failed(&Failure::Timeout { phase: Phase::Dns, limit }), false),
            (failed(&Failure::Timeout { phase: Phase::Total, limit }), false),
            (failed(&Failure::Connect("refused".to_owned())), false),
            (unread(&FeedError::NotAFeed { found: "a web page".to_owned() }), true),
        ];
        for (trouble, lasts) in cases {
            assert_eq!(trouble.lasts, lasts, "{}", trouble.reason);
            assert!(!trouble.help.is_empty());
        }
    }
}
