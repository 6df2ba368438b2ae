//! A small scripted web on loopback: pages by path, a log of what was asked, and every kind of fault.
//!
//! The server knows no more HTTP than its scripts need, so that it can also break it. Like a real one it
//! answers 304 by itself when a request carries the validators of the page it would get.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use habar::time::{Clock, Timestamp};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use url::Url;

/// A web server; gone when dropped.
pub struct Web {
    scheme: &'static str,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    pages: Mutex<HashMap<String, VecDeque<Answer>>>,
    minded: Mutex<Option<Mind>>,
    log: Mutex<Vec<Asked>>,
    clock: Mutex<Option<Clock>>,
    connections: AtomicUsize,
    closed: AtomicUsize,
}

/// Answers in place of the pages.
pub type Mind = Box<dyn FnMut(&Asked) -> Answer + Send>;

/// One request, as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// Names in lower case, values byte for byte.
    pub headers: Vec<(String, Vec<u8>)>,
    /// When, by the clock of the web, if it has one.
    pub at: Timestamp,
}

impl Asked {
    /// The value of a header, if it was sent.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_slice())
    }
}

impl Web {
    /// A server on 127.0.0.1.
    pub async fn start() -> Self {
        Self::at("127.0.0.1").await
    }

    /// A server on an address of this machine, such as 127.0.0.2 or ::1.
    pub async fn at(ip: &str) -> Self {
        Self::serve(ip, None).await
    }

    /// A server on 127.0.0.1 that speaks TLS.
    pub async fn secure(tls: rustls::ServerConfig) -> Self {
        Self::serve("127.0.0.1", Some(TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn serve(ip: &str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(SocketAddr::new(ip.parse().unwrap(), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let shared = Arc::<Shared>::default();
        let task = tokio::spawn(accept(listener, tls, Arc::clone(&shared)));
        Self { scheme, address, shared, task }
    }

    /// The address of a page.
    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("{}://{}{path}", self.scheme, self.address)).unwrap()
    }

    /// The address of a page, with the server under another name.
    pub fn url_as(&self, host: &str, path: &str) -> Url {
        Url::parse(&format!("{}://{host}:{}{path}", self.scheme, self.address.port())).unwrap()
    }

    /// Where it listens: IP address and port.
    pub fn authority(&self) -> String {
        self.address.to_string()
    }

    /// What a path answers from now on.
    pub fn page(&self, path: &str, answer: Answer) {
        self.pages(path, [answer]);
    }

    /// What a path answers from now on: each answer once, the last for ever.
    pub fn pages(&self, path: &str, answers: impl IntoIterator<Item = Answer>) {
        self.shared.pages.lock().unwrap().insert(path.to_owned(), answers.into_iter().collect());
    }

    /// Has every request answered by `mind` from now on; nothing is logged.
    pub fn give_mind(&self, mind: Mind) {
        *self.shared.minded.lock().unwrap() = Some(mind);
    }

    /// Notes by this clock when it is asked.
    pub fn keep_time(&self, clock: Clock) {
        *self.shared.clock.lock().unwrap() = Some(clock);
    }

    /// Everything that was asked so far.
    pub fn log(&self) -> Vec<Asked> {
        self.shared.log.lock().unwrap().clone()
    }

    /// Everything that was asked since this was called last.
    pub fn take_log(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.shared.log.lock().unwrap())
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        let closed = self.shared.closed.load(Ordering::SeqCst);
        self.connections() - closed
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What a page answers.
#[derive(Clone, Debug)]
pub struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    manner: Manner,
}

/// How an answer is given.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// With its length, on a connection that stays.
    Whole,
    /// Without its length: the body ends with the connection.
    UntilClosed,
    /// In chunks, of which one has a size that is no number.
    BadChunk,
    /// The body is everything that is sent, status line included.
    Raw,
    /// Never.
    Stall,
    /// The headers and so much of the body; then nothing more comes.
    StallAfter(usize),
    /// The headers and so much of the promised body; then the server hangs up.
    CutAfter(usize),
    /// The body byte by byte.
    Drip(Duration),
    /// The headers byte by byte, and then the body.
    DripHead(Duration),
    /// Not at all: the server hangs up.
    HangUp,
    /// Headers without an end.
    EndlessHeaders,
    /// The body over and over, in chunks without an end.
    EndlessBody,
}

impl Answer {
    /// An answer with an empty body.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), manner: Manner::Whole }
    }

    /// 200 with a body of some type.
    pub fn ok(content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::status(200).header("Content-Type", content_type).body(body)
    }

    /// 200 with a feed.
    pub fn feed(body: impl Into<Vec<u8>>) -> Self {
        Self::ok("application/rss+xml; charset=utf-8", body)
    }

    /// A redirect.
    pub fn moved(status: u16, location: impl AsRef<[u8]>) -> Self {
        Self::status(status).header("Location", location)
    }

    /// These bytes and nothing else.
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self::status(200).body(bytes).manner(Manner::Raw)
    }

    /// The same with one more header.
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        self.headers.push((name.to_owned(), value.as_ref().to_vec()));
        self
    }

    /// The same with a body.
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The same, given in another manner.
    pub fn manner(mut self, manner: Manner) -> Self {
        self.manner = manner;
        self
    }

    /// The same with every text in it changed; bytes that are none stay.
    pub fn rewritten(mut self, change: impl Fn(&str) -> String) -> Self {
        let texts = self.headers.iter_mut().map(|(_, value)| value).chain([&mut self.body]);
        for bytes in texts {
            if let Ok(text) = std::str::from_utf8(bytes) {
                *bytes = change(text).into_bytes();
            }
        }
        self
    }

    fn own_header(&self, name: &str) -> Option<&[u8]> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_slice())
    }

    /// What a request gets that may already have this answer.
    fn to(self, asked: &Asked) -> Self {
        let same =
            |sent: &str, own: &str| asked.header(sent).is_some_and(|v| self.own_header(own) == Some(v));
        let has_it = same("if-none-match", "etag")
            || (asked.header("if-none-match").is_none() && same("if-modified-since", "last-modified"));
        if self.status == 200 && has_it {
            Self { status: 304, body: Vec::new(), manner: Manner::Whole, ..self }
        } else {
            self
        }
    }

    fn head(&self, more: &str) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} Scripted\r\n", self.status).into_bytes();
        for (name, value) in &self.headers {
            head.extend_from_slice(name.as_bytes());
            head.extend_from_slice(b": ");
            head.extend_from_slice(value);
            head.extend_from_slice(b"\r\n");
        }
        head.extend_from_slice(more.as_bytes());
        head.extend_from_slice(b"\r\n");
        head
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    // Dropped with this task, and the connections with it.
    let mut open = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        shared.connections.fetch_add(1, Ordering::SeqCst);
        let (tls, shared) = (tls.clone(), Arc::clone(&shared));
        open.spawn(async move {
            match tls {
                None => converse(stream, &shared).await,
                Some(tls) => match tls.accept(stream).await {
                    Ok(stream) => converse(stream, &shared).await,
                    Err(_) => None,
                },
            };
            shared.closed.fetch_add(1, Ordering::SeqCst);
        });
        while open.try_join_next().is_some() {}
    }
}

/// Answers one request after another until somebody hangs up.
async fn converse(mut stream: impl AsyncRead + AsyncWrite + Unpin, shared: &Shared) -> Option<()> {
    let mut unread = Vec::new();
    loop {
        let mut asked = read_request(&mut stream, &mut unread).await?;
        asked.at = shared.clock.lock().unwrap().as_ref().map(Clock::now).unwrap_or_default();
        let answer = shared.minded.lock().unwrap().as_mut().map(|mind| mind(&asked));
        if let Some(answer) = answer {
            give(&mut stream, &answer.to(&asked)).await?;
            continue;
        }
        let answer = {
            let mut pages = shared.pages.lock().unwrap();
            match pages.get_mut(&asked.path) {
                Some(turns) if turns.len() > 1 => turns.pop_front(),
                Some(turns) => turns.front().cloned(),
                None => None,
            }
        };
        shared.log.lock().unwrap().push(asked.clone());
        let answer = answer.unwrap_or_else(|| Answer::status(404)).to(&asked);
        give(&mut stream, &answer).await?;
    }
}

async fn read_request(stream: &mut (impl AsyncRead + Unpin), unread: &mut Vec<u8>) -> Option<Asked> {
    let end = loop {
        if let Some(at) = unread.windows(4).position(|w| w == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(unread).await.ok()? == 0 {
            return None;
        }
    };
    let head: Vec<u8> = unread.drain(..end + 4).collect();
    let mut lines = head.split(|b| *b == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = String::from_utf8_lossy(lines.next()?).into_owned();
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let headers = lines
        .filter_map(|line| {
            let colon = line.iter().position(|b| *b == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            Some((name, line[colon + 1..].trim_ascii().to_vec()))
        })
        .collect();
    Some(Asked { method, path, headers, at: Timestamp::default() })
}

/// Gives one answer; none when the connection is over.
async fn give(stream: &mut (impl AsyncWrite + Unpin), answer: &Answer) -> Option<()> {
    let length = format!("Content-Length: {}\r\n", answer.body.len());
    let body = answer.body.as_slice();
    match answer.manner {
        Manner::Whole => return send(stream, &[answer.head(&length), body.to_vec()].concat()).await,
        Manner::UntilClosed => {
            send(stream, &[answer.head("Connection: close\r\n"), body.to_vec()].concat()).await?;
        }
        Manner::BadChunk => {
            send(stream, &answer.head("Transfer-Encoding: chunked\r\n")).await?;
            send(stream, &[format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\nxyz\r\n"].concat())
                .await?;
        }
        Manner::Raw => send(stream, body).await?,
        Manner::Stall => std::future::pending().await,
        Manner::StallAfter(count) => {
            send(stream, &[&answer.head(&length), &body[..count]].concat()).await?;
            std::future::pending::<()>().await;
        }
        Manner::CutAfter(count) => send(stream, &[&answer.head(&length), &body[..count]].concat()).await?,
        Manner::Drip(pause) => {
            send(stream, &answer.head(&length)).await?;
            for byte in body {
                send(stream, &[*byte]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        Manner::DripHead(pause) => {
            for byte in [&answer.head(&length), body].concat() {
                send(stream, &[byte]).await?;
                tokio::time::sleep(pause).await;
            }
        }
        Manner::HangUp => {}
        Manner::EndlessHeaders => {
            send(stream, b"HTTP/1.1 200 Scripted\r\n").await?;
            loop {
                send(stream, &b"X-More: and more and more and more and more and more\r\n".repeat(100))
                    .await?;
            }
        }
        Manner::EndlessBody => {
            send(stream, &answer.head("Transfer-Encoding: chunked\r\n")).await?;
            loop {
                send(stream, &[format!("{:x}\r\n", body.len()).as_bytes(), body, b"\r\n"].concat()).await?;
            }
        }
    }
    // Whoever still reads sees the end of the stream, not a reset.
    let _ = stream.shutdown().await;
    None
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> Option<()> {
    stream.write_all(bytes).await.ok()?;
    stream.flush().await.ok()
}
