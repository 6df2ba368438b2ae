//! The client: one GET, redirects followed by hand, everything under one deadline.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING, HeaderMap, HeaderValue, USER_AGENT};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use url::Url;

use super::credentials::Presented;
use super::guard::{Grant, Guard, Reach};
use super::proxy::{Proxy, Route};
use super::resolve::{LOOKUPS, Names, Resolver, Unresolved};
use super::{
    Accept, Carried, Failure, Hop, Phase, Refusal, Reply, Request, Response, Settings, decode, failure,
    headers,
};

/// Redirects followed for one request.
pub(super) const MAX_HOPS: usize = 5;
/// Of an error's body so much is read.
const ERROR_BODY: usize = 256 * 1024;
/// An idle connection is kept so long, for the next page of its host.
const IDLE: Duration = Duration::from_secs(30);
/// After so many requests a pool and its idle connections are dropped: a thousand hosts asked within
/// half a minute must not hold a thousand sockets.
const POOL_USES: u32 = 128;
/// So many headers an answer may have.
const HEADERS: usize = 256;
/// So long they may be together over HTTP/2; over HTTP/1 the library's own bound holds.
const HEADER_BYTES: u32 = 64 * 1024;

/// Fetches under the guard. Cheap to share by reference; holds the pools of idle connections.
pub struct Client {
    maker: Maker,
    public: Pool,
    opened: Pool,
    usual: Option<Proxy>,
    /// Connections made through a proxy as one user serve nobody else.
    proxied: Mutex<HashMap<Proxy, Proxied>>,
}

/// The pool of a proxy, and the password that it was made with.
struct Proxied {
    password: Option<String>,
    pool: Pool,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// The contact cannot stand in a header.
    #[error("[http] contact may hold only visible characters, not {0:?}")]
    Contact(String),
    /// The HTTP library refuses its settings.
    #[error("the HTTP client cannot be set up: {0}")]
    Library(#[from] reqwest::Error),
}

impl Client {
    /// A client that asks the machine's resolver.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        Self::with_names(settings, Names::System)
    }

    /// A client whose names are resolved by `names`.
    pub fn with_names(settings: Settings, names: Names) -> Result<Self, SetupError> {
        let mut tls = settings.tls.as_ref().clone();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let maker = Maker {
            guard: Arc::new(Guard::new(settings.allow_private)),
            names: Arc::new(names),
            lookups: Arc::new(Semaphore::new(LOOKUPS)),
            headers: standing_headers(&settings.contact)?,
            deadlines: Deadlines::of(settings.total_timeout),
            tls,
        };
        let public = Pool::new(maker.make(Reach::Public)?);
        let opened = Pool::new(maker.make(Reach::Opened)?);
        Ok(Self { maker, public, opened, usual: settings.proxy, proxied: Mutex::default() })
    }

    /// What the guard has to say to this request without asking the network; a name may still turn out
    /// to lead where nothing may go.
    pub fn admits(&self, request: &Request) -> Result<(), Refusal> {
        self.maker.guard.check(&request.url, &Grant::of(request)).map(|_| ())
    }

    /// Fetches. What goes wrong outside is in the reply.
    pub async fn get(&self, request: &Request) -> Reply {
        let mut hops = Vec::new();
        let total = self.maker.deadlines.total;
        let result = match timeout(total, self.follow(request, &mut hops)).await {
            Ok(result) => result,
            Err(_) => Err(Failure::Timeout { phase: Phase::Total, limit: total }),
        };
        Reply { hops, result }
    }

    async fn follow(&self, request: &Request, hops: &mut Vec<Hop>) -> Result<Response, Failure> {
        let grant = Grant::of(request);
        let mut url = without_fragment(&request.url);
        let mut reach = self.check(&url, &grant)?;
        loop {
            let asked = self.ask(request, &url, reach).await?;
            let status = asked.answer.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return self.read(asked, url, request).await;
            }
            let target = headers::location(asked.answer.headers(), &url)?;
            if hops.len() == MAX_HOPS {
                return Err(Failure::TooManyRedirects);
            }
            if target == without_fragment(&request.url) || hops.iter().any(|hop| hop.url == target) {
                return Err(failure::leads_back(&target));
            }
            reach = self.check(&target, &grant)?;
            hops.push(Hop { status, url: target.clone() });
            url = target;
        }
    }

    fn check(&self, url: &Url, grant: &Grant) -> Result<Reach, Failure> {
        self.maker.guard.check(url, grant).map_err(Failure::Refused)
    }

    /// One hop: the status and headers.
    async fn ask(&self, request: &Request, url: &Url, reach: Reach) -> Result<Asked, Failure> {
        let Deadlines { dns, connect, silence, .. } = self.maker.deadlines;
        let proxy = match &request.route {
            Route::Usual => self.usual.as_ref(),
            Route::Direct => None,
            Route::Through(proxy) => Some(proxy),
        };
        let Presented { headers: mut own, basic } = presented(request, url).await?;
        own.entry(ACCEPT).or_insert(HeaderValue::from_static(request.accept.header()));
        let belongs = request.validators_for.as_ref().unwrap_or(&request.url);
        let conditional =
            without_fragment(belongs) == *url && headers::put_validators(&request.validators, &mut own);
        let client = match proxy {
            None => self.client(reach)?,
            Some(proxy) => self.client_through(proxy, url, reach).await?,
        };
        let mut sending = client.get(url.clone()).headers(own);
        if let Some((user, password)) = basic {
            sending = sending.basic_auth(user, Some(password));
        }
        let answer = match (timeout(connect + silence, sending.send()).await, proxy) {
            (Ok(Ok(answer)), _) => answer,
            (Ok(Err(e)), None) => return Err(failure::classify(&e, url, dns, connect)),
            (Ok(Err(e)), Some(proxy)) => return Err(failure::classify_through(proxy, &e, url, dns, connect)),
            (Err(_), _) => return Err(Failure::Timeout { phase: Phase::Answer, limit: silence }),
        };
        match proxy {
            None => self.check_peer(&answer, url, reach)?,
            Some(proxy) if answer.status().as_u16() == 407 => return Err(failure::wants_login(proxy)),
            Some(_) => {}
        }
        Ok(Asked { answer, conditional })
    }

    /// The resolver let nothing else through; should that ever fail, the answer is not looked at.
    fn check_peer(&self, answer: &reqwest::Response, url: &Url, reach: Reach) -> Result<(), Failure> {
        let Some(peer) = answer.remote_addr() else {
            return Err(Failure::Protocol("the server's IP address is not known".to_owned()));
        };
        let judged = self.maker.guard.permits(reach, peer.ip());
        judged.map_err(|denied| Failure::Refused(denied.refusal(url, peer.ip())))
    }

    fn client(&self, reach: Reach) -> Result<reqwest::Client, Failure> {
        match reach {
            Reach::Public => Ok(self.public.client(|| self.maker.make(reach))),
            Reach::Opened => Ok(self.opened.client(|| self.maker.make(reach))),
            // A connection made with a source's own grant must never serve anyone else, so it is in no pool.
            Reach::Anywhere => self.maker.make(reach).map_err(|e| Failure::Protocol(e.to_string())),
        }
    }

    /// The client of a proxy, once the guard has looked at what can be seen from here.
    async fn client_through(
        &self,
        proxy: &Proxy,
        url: &Url,
        reach: Reach,
    ) -> Result<reqwest::Client, Failure> {
        self.look_ahead(url, reach).await?;
        if matches!(url.host(), Some(url::Host::Ipv6(_))) && (proxy.speaks_socks() || url.scheme() == "https")
        {
            return Err(failure::no_literal_v6(proxy));
        }
        let password = proxy.read_password().await.map_err(Failure::Secret)?;
        let make = || self.maker.make_through(proxy, password.as_deref());
        let mut proxied = self.proxied.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = proxied.get(proxy).filter(|known| known.password == password) {
            return Ok(known.pool.client(make));
        }
        let pool = Pool::new(make().map_err(|e| Failure::Protocol(e.to_string()))?);
        let client = pool.client(make);
        proxied.insert(proxy.clone(), Proxied { password: password.clone(), pool });
        Ok(client)
    }

    /// The proxy resolves the name. What it stands for here is judged, and a name that is unknown here may only
    /// be asked on the ports of the public internet.
    async fn look_ahead(&self, url: &Url, reach: Reach) -> Result<(), Failure> {
        let Some(url::Host::Domain(name)) = url.host() else { return Ok(()) };
        // RFC 7686: such a name is never looked up.
        let is_onion = name.trim_end_matches('.').rsplit('.').next() == Some("onion");
        if reach == Reach::Anywhere || (is_onion && reach == Reach::Public) {
            return Ok(());
        }
        let port = url.port_or_known_default().unwrap_or(0);
        match self.maker.resolver(reach).addresses(name).await {
            Err(Unresolved::Denied(address, denied)) => Err(Failure::Refused(denied.refusal(url, address))),
            Err(_) if reach == Reach::Opened => Err(Failure::Refused(Refusal::Port(port))),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    async fn read(&self, asked: Asked, url: Url, request: &Request) -> Result<Response, Failure> {
        let Asked { mut answer, conditional } = asked;
        if answer.status().as_u16() == 304 && !conditional {
            return Err(Failure::Protocol(
                "the server says \"not modified\" (304) without being asked".to_owned(),
            ));
        }
        let silence = self.maker.deadlines.silence;
        let sent = answer.headers();
        let codings = headers::codings(sent);
        let mut response = Response {
            status: answer.status().as_u16(),
            credentials: match &request.credentials {
                None => Carried::None,
                Some(own) if own.go_with(&url, request.accept) => Carried::Presented,
                Some(_) => Carried::Withheld,
            },
            url,
            content_type: headers::content_type(sent),
            validators: headers::validators(sent),
            fresh_for: headers::fresh_for(sent),
            retry_after: headers::retry_after(sent),
            body: Vec::new(),
            wire_bytes: 0,
        };
        let mut body = Vec::new();
        if answer.status().is_success() {
            let limits = request.accept.limits();
            read_body(&mut answer, &mut body, limits.wire, limits.cut, silence).await?;
            response.wire_bytes = body.len() as u64;
            response.body = undo(body, codings, limits.decoded, limits.cut).await?;
        } else if answer.status().as_u16() != 304 {
            // The status is the message: a body that fails or dawdles takes nothing from it.
            let reading = read_body(&mut answer, &mut body, ERROR_BODY, true, silence);
            let _ = timeout(silence, reading).await;
            response.wire_bytes = body.len() as u64;
            response.body = undo(body, codings, ERROR_BODY, true).await.unwrap_or_default();
        }
        Ok(response)
    }
}

/// What came back of one hop.
struct Asked {
    answer: reqwest::Response,
    /// It may be 304.
    conditional: bool,
}

/// What the source says of itself to the server that has `url`.
async fn presented(request: &Request, url: &Url) -> Result<Presented, Failure> {
    match request.credentials.as_ref().filter(|own| own.go_with(url, request.accept)) {
        Some(own) => own.read().await.map_err(Failure::Secret),
        None => Ok(Presented::default()),
    }
}

/// Appends the body to `into`, at most `limit` bytes; more is an error unless it may be cut.
async fn read_body(
    answer: &mut reqwest::Response,
    into: &mut Vec<u8>,
    limit: usize,
    cut: bool,
    silence: Duration,
) -> Result<(), Failure> {
    let too_large = Failure::TooLarge { limit: limit as u64 };
    let announced = answer.content_length();
    if !cut && announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large);
    }
    // What is announced may never come: a large body earns its room.
    into.reserve(announced.unwrap_or(0).min(64 * 1024).try_into().unwrap_or(0));
    loop {
        let chunk = match timeout(silence, answer.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(e)) => return Err(failure::body_failure(&e)),
            Err(_) => return Err(Failure::Timeout { phase: Phase::Body, limit: silence }),
        };
        let room = limit - into.len();
        if chunk.len() <= room {
            into.extend_from_slice(&chunk);
        } else if cut {
            into.extend_from_slice(&chunk[..room]);
            return Ok(());
        } else {
            return Err(too_large);
        }
    }
}

/// Undoes the codings, where other requests do not wait for it.
async fn undo(body: Vec<u8>, codings: Vec<String>, limit: usize, cut: bool) -> Result<Vec<u8>, Failure> {
    if !decode::is_encoded(&body, &codings) {
        return Ok(body);
    }
    let work = tokio::task::spawn_blocking(move || decode::decode(body, &codings, limit, cut));
    work.await.unwrap_or_else(|e| Err(Failure::BadBody(format!("decoding failed: {e}"))))
}

fn without_fragment(url: &Url) -> Url {
    let mut url = url.clone();
    url.set_fragment(None);
    url
}

/// How much is taken of an answer.
struct Limits {
    wire: usize,
    decoded: usize,
    /// The rest is left off, and that is no error.
    cut: bool,
}

impl Accept {
    fn limits(self) -> Limits {
        const KIB: usize = 1024;
        const MIB: usize = 1024 * KIB;
        match self {
            Self::Feed => Limits { wire: 8 * MIB, decoded: 16 * MIB, cut: false },
            Self::Page => Limits { wire: 4 * MIB, decoded: 8 * MIB, cut: false },
            Self::Robots => Limits { wire: 512 * KIB, decoded: 512 * KIB, cut: true },
        }
    }

    fn header(self) -> &'static str {
        match self {
            Self::Feed => {
                "application/rss+xml, application/atom+xml, application/feed+json, application/rdf+xml, \
                 application/xml;q=0.9, text/xml;q=0.9, */*;q=0.1"
            }
            Self::Page => "text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.1",
            Self::Robots => "text/plain, */*;q=0.1",
        }
    }
}

/// How long each part of a request may take.
#[derive(Clone, Copy)]
struct Deadlines {
    dns: Duration,
    connect: Duration,
    silence: Duration,
    total: Duration,
}

impl Deadlines {
    fn of(total: Duration) -> Self {
        Self { dns: total / 12, connect: total / 6, silence: total / 4, total }
    }
}

/// The headers of every request.
fn standing_headers(contact: &str) -> Result<HeaderMap, SetupError> {
    const NAME: &str = concat!("habar/", env!("CARGO_PKG_VERSION"));
    let agent = match contact.trim() {
        "" => NAME.to_owned(),
        contact => format!("{NAME} (+{contact})"),
    };
    let agent = HeaderValue::from_str(&agent).map_err(|_| SetupError::Contact(contact.to_owned()))?;
    let encodings = HeaderValue::from_static("gzip, br, deflate");
    Ok(HeaderMap::from_iter([(USER_AGENT, agent), (ACCEPT_ENCODING, encodings)]))
}

/// Makes the HTTP library's clients, one for each reach.
struct Maker {
    guard: Arc<Guard>,
    names: Arc<Names>,
    lookups: Arc<Semaphore>,
    headers: HeaderMap,
    deadlines: Deadlines,
    tls: rustls::ClientConfig,
}

impl Maker {
    fn make(&self, reach: Reach) -> Result<reqwest::Client, reqwest::Error> {
        self.builder(self.resolver(reach), &self.tls, reach != Reach::Anywhere).build()
    }

    /// A client all of whose requests go through `proxy`. It resolves the proxy's name, wherever that leads, and
    /// no other: a request that went past the proxy would go past the guard.
    fn make_through(&self, proxy: &Proxy, password: Option<&str>) -> Result<reqwest::Client, reqwest::Error> {
        let resolver = Resolver { only: Some(proxy.host().to_owned()), ..self.resolver(Reach::Anywhere) };
        let mut tls = self.tls.clone();
        if proxy.url().scheme() == "https" {
            // Proxies are spoken to in HTTP/1.
            tls.alpn_protocols.clear();
        }
        self.builder(resolver, &tls, true).proxy(proxy.all(password)?).build()
    }

    fn resolver(&self, reach: Reach) -> Resolver {
        Resolver {
            guard: Arc::clone(&self.guard),
            names: Arc::clone(&self.names),
            lookups: Arc::clone(&self.lookups),
            timeout: self.deadlines.dns,
            reach,
            only: None,
        }
    }

    fn builder(
        &self,
        resolver: Resolver,
        tls: &rustls::ClientConfig,
        keep_idle: bool,
    ) -> reqwest::ClientBuilder {
        reqwest::Client::builder()
            .tls_backend_preconfigured(tls.clone())
            .default_headers(self.headers.clone())
            .dns_resolver(Arc::new(resolver))
            // A proxy of the environment would resolve names in our place.
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.deadlines.connect)
            .pool_max_idle_per_host(usize::from(keep_idle))
            .pool_idle_timeout(IDLE)
            .http1_ignore_invalid_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_max_headers(HEADERS)
            .http2_max_header_list_size(HEADER_BYTES)
    }
}

/// A client and how often it was used; it is replaced before its idle connections become many.
struct Pool {
    current: Mutex<(reqwest::Client, u32)>,
}

impl Pool {
    fn new(client: reqwest::Client) -> Self {
        Self { current: Mutex::new((client, 0)) }
    }

    fn client(&self, make: impl FnOnce() -> Result<reqwest::Client, reqwest::Error>) -> reqwest::Client {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        current.1 += 1;
        if current.1 > POOL_USES {
            // A client that cannot be made again still serves as it is.
            if let Ok(fresh) = make() {
                current.0 = fresh;
            }
            current.1 = 1;
        }
        current.0.clone()
    }
}
