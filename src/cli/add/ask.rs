//! Addresses asked one after the other: under the guard, with the pause that a host gets, and not many of them.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use url::Url;

use crate::cli::Exit;
use crate::config::Source;
use crate::domain::feed::{self, Document, FeedError, Kind, Reading, SITEMAP, decode};
use crate::io::http::robots::{self, Robots};
use crate::io::http::{self, Accept, Client, Failure, Hop, Reply, Request, host_key};

/// A site is asked for so many things, and no more.
const REQUESTS: usize = 16;

/// Asks.
pub struct Asker {
    client: Client,
    gap: Duration,
    /// Whose headers, login and way go to their own origin.
    sources: Vec<Source>,
    /// The port of the address that was given is as open as that of a source.
    port: Option<u16>,
    free_at: HashMap<String, Instant>,
    left: usize,
    bar: ProgressBar,
}

/// What came of asking an address.
#[derive(Debug)]
pub enum Answer {
    /// It is a feed; its address is that to which it has moved for good.
    Feed(Url, Box<Document>),
    /// It is a web page.
    Page(Url, String),
    /// It is a sitemap, or the index of one.
    Sitemap(Url, Reading),
    /// It is of no use.
    Trouble(Trouble),
}

/// Why an address is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// What happened.
    pub reason: String,
    /// What to do.
    pub help: &'static str,
    /// How a command ends that has nothing else.
    pub exit: Exit,
    /// No answer came: another way to write the address may have one.
    pub is_silent: bool,
    /// The server lets nobody see the page, or not us; its feed it may give.
    pub is_shut: bool,
}

impl Asker {
    /// An asker for what lies behind `url`.
    pub fn new(client: Client, gap: Duration, sources: &[Source], url: &Url, bar: ProgressBar) -> Self {
        let (sources, port) = (sources.to_vec(), url.port_or_known_default());
        Self { client, gap, sources, port, free_at: HashMap::new(), left: REQUESTS, bar }
    }

    /// Asks an address; nothing when enough was asked.
    pub async fn ask(&mut self, url: &Url) -> Option<Answer> {
        let reply = self.get(url, Accept::Feed).await?;
        let url = url.clone();
        let judged = tokio::task::spawn_blocking(move || judge(&url, reply)).await;
        let broken = || Trouble::new("it breaks its reader", "please report the address", Exit::Data);
        Some(judged.unwrap_or_else(|_| Answer::Trouble(broken())))
    }

    /// The robots.txt of a site: its text, and whether the page may be read.
    pub async fn ask_robots(&mut self, page: &Url) -> Option<(String, bool)> {
        let reply = self.get(&page.join("/robots.txt").ok()?, Accept::Robots).await?;
        let rules = robots::rules(reply.result).ok()?;
        let may_read = Robots::parse(&rules).allow(page);
        Some((String::from_utf8_lossy(&rules).into_owned(), may_read))
    }

    /// Whether that many more may be asked.
    pub fn has_left(&self, count: usize) -> bool {
        self.left >= count
    }

    async fn get(&mut self, url: &Url, accept: Accept) -> Option<Reply> {
        self.left = self.left.checked_sub(1)?;
        let host = host_key(url);
        self.bar.set_message(format!("asking {host}"));
        self.bar.tick();
        if let Some(rest) = self.free_at.get(&host).and_then(|at| at.checked_duration_since(Instant::now())) {
            tokio::time::sleep(rest).await;
        }
        let reply = self.client.get(&self.request(url, accept)).await;
        let free_at = Instant::now() + self.gap;
        self.free_at
            .extend(reply.hops.iter().map(|hop| (host_key(&hop.url), free_at)).chain([(host, free_at)]));
        Some(reply)
    }

    fn request(&self, url: &Url, accept: Accept) -> Request {
        let mut request = Request { own_port: self.port, ..Request::new(url.clone(), accept) };
        if let Some(source) = self.sources.iter().find(|source| source.url.origin() == url.origin()) {
            request.credentials.clone_from(&source.credentials);
            request.route = source.route.clone();
            request.private_host = source.allow_private;
        }
        request
    }
}

fn judge(url: &Url, reply: Reply) -> Answer {
    let response = match reply.result {
        Ok(response) => response,
        Err(failure) => return Answer::Trouble(failed(&failure)),
    };
    if !(200..300).contains(&response.status) {
        return Answer::Trouble(refused(response.status));
    }
    let home = if moved_for_good(&reply.hops) { &response.url } else { url }.clone();
    let content_type = response.content_type.as_deref();
    match feed::parse(&response.body, content_type, Some(&response.url)) {
        Ok(document) => Answer::Feed(home, Box::new(document)),
        Err(FeedError::NotAFeed { found }) if found == SITEMAP => {
            match feed::read(&Kind::Sitemap, &response.body, content_type, Some(&response.url)) {
                Ok(reading) => Answer::Sitemap(home, reading),
                Err(error) => Answer::Trouble(Trouble::new(error.to_string(), IN_A_BROWSER, Exit::Data)),
            }
        }
        Err(FeedError::NotAFeed { found }) => {
            let text = decode::decode(&response.body, content_type);
            let head = text[..text.floor_char_boundary(4096)].to_ascii_lowercase();
            let is_page = found == "a web page"
                || content_type.is_some_and(|kind| kind.contains("html"))
                || ["<html", "<!doctype html"].iter().any(|tag| head.contains(tag));
            if is_page {
                return Answer::Page(response.url, text);
            }
            let help = match found.as_str() {
                "an OPML list of feeds" => "save it and take over its feeds with `habar import`",
                _ => IN_A_BROWSER,
            };
            Answer::Trouble(Trouble::new(format!("it is {found}"), help, Exit::NoInput))
        }
        Err(error) => {
            Answer::Trouble(Trouble::new(error.to_string(), "`habar try feed` shows more", Exit::Data))
        }
    }
}

/// Whether every redirect said that it holds for ever.
fn moved_for_good(hops: &[Hop]) -> bool {
    !hops.is_empty() && hops.iter().all(|hop| matches!(hop.status, 301 | 308))
}

impl Trouble {
    fn new(reason: impl Into<String>, help: &'static str, exit: Exit) -> Self {
        Self { reason: reason.into(), help, exit, is_silent: false, is_shut: false }
    }
}

const IN_A_BROWSER: &str = "look for the address of the feed in a browser and add that";
const LATER: &str = "try again later";

fn failed(failure: &Failure) -> Trouble {
    let help = match failure {
        Failure::Refused(_) => {
            "[http] allow_private in the config opens networks besides the public internet"
        }
        Failure::Dns(_) => "see whether the address is right, and whether this machine's name server answers",
        Failure::Tls(_) => "see whether its certificate is good; [http] ca_file trusts one root more",
        Failure::Proxy(_) => "see to [http] proxy",
        Failure::Secret(_) => "see to the file that it names",
        Failure::TooLarge { .. } | Failure::TooManyRedirects | Failure::BadRedirect(_) => IN_A_BROWSER,
        _ => LATER,
    };
    let is_silent =
        matches!(failure, Failure::Dns(_) | Failure::Connect(_) | Failure::Tls(_) | Failure::Timeout { .. });
    Trouble { is_silent, ..Trouble::new(failure.to_string(), help, Exit::Unavailable) }
}

fn refused(status: u16) -> Trouble {
    let reason = http::status_reason(status);
    match status {
        401 | 402 | 403 | 405 | 406 | 451 => {
            let help = "its server may let feeds be read and pages not: look for the address of the feed in a \
                        browser and add that; [http] contact tells publishers who asks";
            Trouble { is_shut: true, ..Trouble::new(reason, help, Exit::Unavailable) }
        }
        404 | 410 => {
            let help = "see whether the address is right; `habar add` with the name of the site alone looks at its home page";
            Trouble::new(reason, help, Exit::NoInput)
        }
        _ => Trouble::new(reason, LATER, Exit::Unavailable),
    }
}
