//! A small multilingual news site on loopback: feeds in three formats, pages with all the noise of real ones.

use std::collections::HashSet;
use std::convert::Infallible;
use std::io;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::feeds;
use super::pages;
use super::texts::{OUTLETS, Outlet, Piece};
use crate::time::{Clock, Timestamp};

/// The running site. It ends when it is dropped.
#[derive(Debug)]
pub struct Site {
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

/// One request the site has answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    /// The path asked for.
    pub path: String,
    /// The status answered.
    pub status: u16,
}

impl Site {
    /// Starts the site on a free port of 127.0.0.1, with its first edition.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let desk = Arc::new(Desk::new(format!("http://{}", listener.local_addr()?)));
        let server = tokio::spawn(serve(listener, Arc::clone(&desk)));
        Ok(Self { desk, server })
    }

    /// The address of the site, without a slash at its end.
    pub fn base(&self) -> &str {
        &self.desk.base
    }

    /// The habar.toml that watches this site.
    pub fn config(&self) -> String {
        let sources: Vec<String> = OUTLETS
            .iter()
            .map(|outlet| format!("[[source]]\nurl = \"{}\"\n", self.desk.feed_url(outlet)))
            .collect();
        CONFIG.replace("{sources}", &sources.join("\n"))
    }

    /// Publishes the second edition: some outlets have news, the others answer 304.
    pub fn publish_second_edition(&self) {
        self.desk.edition.store(2, Ordering::SeqCst);
    }

    /// What has been asked so far, in order.
    pub fn requests(&self) -> Vec<RequestLine> {
        self.desk.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

const CONFIG: &str = r#"# The config the demo runs with. `habar init` writes one with every option explained.

[mail]
from = "Habar <habar@localhost>"
to = ["you@localhost"]
via = "maildir:mail"            # files in the state folder; smtps://mail.example.org for real mail

{sources}
[[watch]]
name = "Organization of Turkic States"
keywords = [                    # any of these, in any of their inflected forms
    "Organization of Turkic States",
    "OTS",
    "Türk Devletleri Teşkilatı",
    "Türk Dövlətləri Təşkilatı",
    "Түркі мемлекеттері ұйымы",
    "Организация тюркских государств",
    "Turkiy davlatlar tashkiloti",
    "Türk Államok Szervezete",
]

# What follows makes a demo of ten seconds out of a daemon of years.
[http]
allow_private = ["127.0.0.0/8"] # the site runs on this machine
host_gap = "0s"

[reading]
retry = "1s"

[delivery]
gather = "1s"
"#;

async fn serve(listener: TcpListener, desk: Arc<Desk>) {
    // The connections live in here, so that they end with the server.
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => { connections.spawn(converse(stream, Arc::clone(&desk))); }
                Err(error) => tracing::debug!(%error, "the demo's site cannot accept"),
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn converse(stream: TcpStream, desk: Arc<Desk>) {
    let service = service_fn(move |request| {
        let answer = desk.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    });
    if let Err(error) =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await
    {
        tracing::debug!(%error, "a connection to the demo's site broke");
    }
}

/// What the outlets have in print.
#[derive(Debug)]
pub(super) struct Desk {
    base: String,
    started: Timestamp,
    edition: AtomicU8,
    stumbled: Mutex<HashSet<String>>,
    log: Mutex<Vec<RequestLine>>,
}

impl Desk {
    fn new(base: String) -> Self {
        Self {
            base,
            started: Clock::System.now(),
            edition: AtomicU8::new(1),
            stumbled: Mutex::default(),
            log: Mutex::default(),
        }
    }

    /// When a piece came out.
    pub(super) fn published(&self, piece: &Piece) -> Timestamp {
        self.started - std::time::Duration::from_secs(piece.age * 60)
    }

    /// The pieces of an outlet in the present edition, newest first.
    pub(super) fn pieces(&self, outlet: &'static Outlet) -> Vec<&'static Piece> {
        let edition = self.edition.load(Ordering::SeqCst);
        let mut pieces: Vec<_> = outlet.pieces.iter().filter(|piece| piece.edition <= edition).collect();
        pieces.sort_by_key(|piece| piece.age);
        pieces
    }

    /// The front page of an outlet.
    pub(super) fn home_url(&self, outlet: &str) -> String {
        format!("{}/{outlet}/", self.base)
    }

    /// The address of an article.
    pub(super) fn page_url(&self, outlet: &str, piece: &str) -> String {
        format!("{}/{outlet}/{piece}.html", self.base)
    }

    /// The address of an outlet's feed.
    pub(super) fn feed_url(&self, outlet: &Outlet) -> String {
        format!("{}/{}/{}", self.base, outlet.slug, feeds::file_name(outlet.format))
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
        let response = self.find(path, known);
        let line = RequestLine { path: path.to_owned(), status: response.status().as_u16() };
        self.log.lock().unwrap_or_else(PoisonError::into_inner).push(line);
        response
    }

    fn find(&self, path: &str, known: Option<&str>) -> Response<Full<Bytes>> {
        if path == "/robots.txt" {
            return reply(
                StatusCode::OK,
                "text/plain; charset=utf-8",
                "User-agent: *\nDisallow: /archive/\n".to_owned(),
            );
        }
        let (folder, file) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        let Some(outlet) = OUTLETS.iter().find(|outlet| outlet.slug == folder) else {
            return not_found();
        };
        if file == feeds::file_name(outlet.format) {
            return self.feed(outlet, known);
        }
        match self.pieces(outlet).into_iter().find(|piece| file.strip_suffix(".html") == Some(piece.slug)) {
            Some(piece) => self.page(outlet, piece, path),
            None => not_found(),
        }
    }

    fn feed(&self, outlet: &'static Outlet, known: Option<&str>) -> Response<Full<Bytes>> {
        let (content_type, body) = feeds::render(self, outlet);
        let etag = format!("\"{:016x}\"", xxhash_rust::xxh3::xxh3_64(body.as_bytes()));
        let mut response = if known == Some(etag.as_str()) {
            reply(StatusCode::NOT_MODIFIED, content_type, String::new())
        } else {
            reply(StatusCode::OK, content_type, body)
        };
        if let Ok(etag) = etag.parse() {
            response.headers_mut().insert(ETAG, etag);
        }
        response
    }

    fn page(&self, outlet: &'static Outlet, piece: &'static Piece, path: &str) -> Response<Full<Bytes>> {
        let mut stumbled = self.stumbled.lock().unwrap_or_else(PoisonError::into_inner);
        if piece.stumbles && stumbled.insert(path.to_owned()) {
            let mut response = reply(
                StatusCode::SERVICE_UNAVAILABLE,
                "text/html; charset=utf-8",
                pages::unavailable(outlet),
            );
            response.headers_mut().insert(RETRY_AFTER, 1.into());
            return response;
        }
        reply(StatusCode::OK, "text/html; charset=utf-8", pages::article(self, outlet, piece))
    }
}

fn not_found() -> Response<Full<Bytes>> {
    reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "There is no such page.\n".to_owned())
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::article::{self, Extraction};
    use crate::domain::watch::{Matcher, Text};

    fn status(desk: &Desk, path: &str, known: Option<&str>) -> u16 {
        desk.find(path, known).status().as_u16()
    }

    #[test]
    fn a_feed_that_is_known_answers_304_until_the_second_edition() {
        let desk = Desk::new("http://127.0.0.1:1".to_owned());
        let first = desk.find("/ipak-yoli-sadosi/feed.json", None);
        let etag = first.headers()[ETAG].to_str().unwrap().to_owned();
        assert_eq!(status(&desk, "/ipak-yoli-sadosi/feed.json", Some(&etag)), 304);
        desk.edition.store(2, Ordering::SeqCst);
        assert_eq!(status(&desk, "/ipak-yoli-sadosi/feed.json", Some(&etag)), 200);
    }

    #[test]
    fn one_page_works_only_the_second_time() {
        let desk = Desk::new("http://127.0.0.1:1".to_owned());
        let page = "/dala-jarshysy/su-kartasy.html";
        assert_eq!((status(&desk, page, None), status(&desk, page, None)), (503, 200));
        let page = "/silk-road-wire/single-permit.html";
        assert_eq!(status(&desk, page, None), 200);
    }

    #[test]
    fn what_is_not_published_is_not_there() {
        let desk = Desk::new("http://127.0.0.1:1".to_owned());
        for path in ["/", "/nobody/", "/silk-road-wire/nothing.html", "/ipak-yoli-sadosi/hunarmandlar.html"] {
            assert_eq!(status(&desk, path, None), 404, "{path}");
        }
    }

    #[test]
    fn every_original_that_a_reprint_names_exists() {
        for (outlet, slug) in
            OUTLETS.iter().flat_map(|outlet| outlet.pieces).filter_map(|piece| piece.canonical)
        {
            let original = OUTLETS.iter().find(|known| known.slug == outlet).unwrap();
            assert!(original.pieces.iter().any(|piece| piece.slug == slug), "{outlet}/{slug}");
        }
    }

    /// What the demo's watch finds in an article as it is read from its page.
    fn found(desk: &Desk, outlet: &'static Outlet, piece: &'static Piece) -> Vec<String> {
        let url = desk.page_url(outlet.slug, piece.slug).parse().unwrap();
        let page = pages::article(desk, outlet, piece);
        let Extraction { article, problem } = article::extract(page.as_bytes(), Some("text/html"), &url);
        assert!(problem.is_none(), "{}", piece.slug);
        assert_eq!((article.title.as_str(), article.text), (piece.title, piece.paragraphs().join("\n")));
        let keywords: Vec<String> = CONFIG
            .lines()
            .filter_map(|line| Some(line.strip_prefix("    \"")?.strip_suffix("\",")?.to_owned()))
            .collect();
        let matcher = Matcher::new([keywords.as_slice()]).unwrap();
        let found = |body: &str| {
            let text = Text { title: piece.title, body, language: article.language.as_deref() };
            matcher.hits(&text).into_iter().map(|hit| hit.term).collect::<Vec<_>>()
        };
        assert_eq!(
            found(piece.summary),
            Vec::<String>::new(),
            "the summary of {} tells too much",
            piece.slug
        );
        found(&piece.paragraphs().join("\n"))
    }

    #[test]
    fn every_article_alerts_or_keeps_silent_as_the_tour_says() {
        let desk = Desk::new("http://127.0.0.1:1".to_owned());
        desk.edition.store(2, Ordering::SeqCst);
        let other_news = ["apple-register", "lodos", "chorsu"];
        for outlet in OUTLETS {
            for piece in outlet.pieces {
                let silent = piece.near.is_some() || other_news.contains(&piece.slug);
                let found = found(&desk, outlet, piece);
                assert_eq!(found.is_empty(), silent, "{} found {found:?}", piece.slug);
            }
        }
    }
}
