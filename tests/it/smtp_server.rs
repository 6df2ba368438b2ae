//! A scripted mail server on loopback: per phase it answers, refuses, stalls, drops or talks nonsense, and
//! it keeps a log of every mail it has taken.
//!
//! ```ignore
//! let server = SmtpServer::start(Security::StartTls(authority.issue("localhost"))).await;
//! server.once(At::Rcpt, Act::Say("450 greylisted".into()));
//! server.always(At::Dot, Act::TakeAndDrop);
//! ```

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running server; dropping it ends its listener.
pub struct SmtpServer {
    /// The port it listens on, on 127.0.0.1.
    pub port: u16,
    shared: Arc<Shared>,
    listener: tokio::task::JoinHandle<()>,
}

/// What protects the connection, with the certificate the server shows.
#[derive(Clone)]
pub enum Security {
    Plain,
    StartTls(Certificate),
    Implicit(Certificate),
}

/// Where in the conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum At {
    Greeting,
    Ehlo,
    StartTls,
    Auth,
    Mail,
    Rcpt,
    Data,
    /// In the middle of the mail.
    Body,
    Dot,
    Quit,
}

/// What to do there instead of the usual.
#[derive(Clone, Debug)]
pub enum Act {
    /// This reply line (or these, joined by `\r\n`).
    Say(String),
    /// These bytes and nothing after them.
    Bytes(Vec<u8>),
    /// Say nothing, keep the connection.
    Stall,
    /// Close the connection.
    Drop,
    /// At the dot: take the mail, then close the connection without a reply.
    TakeAndDrop,
    /// At the dot: take the mail and never reply.
    TakeAndStall,
}

impl Act {
    /// This reply.
    pub fn say(reply: &str) -> Self {
        Self::Say(reply.to_owned())
    }
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    pub from: String,
    pub to: Vec<String>,
    pub message_id: String,
    /// As it was before dot-stuffing.
    pub bytes: Vec<u8>,
    pub tls: bool,
    /// Whether the client was told so.
    pub replied: bool,
}

/// A command as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    pub line: String,
    pub tls: bool,
}

struct Shared {
    security: Security,
    script: Mutex<Script>,
    taken: watch::Sender<Vec<Taken>>,
    heard: watch::Sender<Vec<Heard>>,
}

struct Script {
    once: VecDeque<(At, Act)>,
    always: BTreeMap<At, Act>,
    offers: Vec<String>,
    login: Option<String>,
}

impl SmtpServer {
    /// A server on a free port.
    pub async fn start(security: Security) -> Self {
        Self::start_at(0, security).await
    }

    /// A server on this port, such as that of one that has gone.
    pub async fn start_at(port: u16, security: Security) -> Self {
        let socket = TcpListener::bind(("127.0.0.1", port)).await.expect("a port");
        let port = socket.local_addr().expect("an address").port();
        let script = Script {
            once: VecDeque::new(),
            always: BTreeMap::new(),
            offers: ["8BITMIME", "SMTPUTF8", "SIZE 10240000"].map(str::to_owned).to_vec(),
            login: None,
        };
        let shared = Arc::new(Shared {
            security,
            script: Mutex::new(script),
            taken: watch::Sender::default(),
            heard: watch::Sender::default(),
        });
        let listener = tokio::spawn(listen(socket, shared.clone()));
        Self { port, shared, listener }
    }

    /// Does this the next time the conversation comes there.
    pub fn once(&self, at: At, act: Act) {
        self.script().once.push_back((at, act));
    }

    /// Does this whenever the conversation comes there.
    pub fn always(&self, at: At, act: Act) {
        self.script().always.insert(at, act);
    }

    /// Behaves again.
    pub fn behave(&self) {
        let mut script = self.script();
        script.once.clear();
        script.always.clear();
    }

    /// Offers this after EHLO instead of the usual (STARTTLS and AUTH come by themselves).
    pub fn offer(&self, offers: &[&str]) {
        self.script().offers = offers.iter().map(|&o| o.to_owned()).collect();
    }

    /// Takes this login only, `AUTH PLAIN AGEAYg==` for example: the whole command, or for LOGIN the two
    /// answers joined by a space.
    pub fn require_login(&self, proof: &str) {
        self.script().login = Some(proof.to_owned());
    }

    /// The mails taken until now, in order.
    pub fn taken(&self) -> Vec<Taken> {
        self.shared.taken.borrow().clone()
    }

    /// Waits until so many mails have been taken.
    pub async fn wait_for(&self, count: usize) -> Vec<Taken> {
        let mut taken = self.shared.taken.subscribe();
        let enough = timeout(PATIENCE, taken.wait_for(|t| t.len() >= count)).await;
        enough.expect("enough mails in time").expect("the server lives").clone()
    }

    /// The commands that came until now.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.heard.borrow().clone()
    }

    /// Waits until a command has come that begins like this.
    pub async fn wait_to_hear(&self, beginning: &str) {
        let mut heard = self.shared.heard.subscribe();
        let came = heard.wait_for(|all| all.iter().any(|h| h.line.starts_with(beginning)));
        timeout(PATIENCE, came).await.expect("the command in time").expect("the server lives");
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        lock(&self.shared.script)
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn listen(socket: TcpListener, shared: Arc<Shared>) {
    // The conversations end with the listener.
    let mut conversations = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = socket.accept().await {
        conversations.spawn(converse(stream, shared.clone()));
        while conversations.try_join_next().is_some() {}
    }
}

/// A conversation ends with an error when the client goes; nobody minds.
async fn converse(stream: TcpStream, shared: Arc<Shared>) -> io::Result<()> {
    let (stream, tls): (Box<dyn Stream>, bool) = match &shared.security {
        Security::Implicit(cert) => (Box::new(cert.acceptor().accept(stream).await?), true),
        _ => (Box::new(stream), false),
    };
    let mut talk = Talk {
        stream: BufReader::new(stream),
        tls,
        shared,
        from: String::new(),
        to: Vec::new(),
        authed: false,
    };
    talk.answer(At::Greeting, "220 scripted ESMTP").await?;
    loop {
        let line = talk.line().await?;
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                let offers = talk.offers();
                talk.answer(At::Ehlo, &offers).await?;
            }
            "STARTTLS" => talk = talk.start_tls().await?,
            "AUTH" => talk.auth(&line).await?,
            "MAIL" => {
                talk.from = path(&line);
                talk.to.clear();
                talk.answer(At::Mail, "250 2.1.0 sender ok").await?;
            }
            "RCPT" => {
                talk.to.push(path(&line));
                talk.answer(At::Rcpt, "250 2.1.5 recipient ok").await?;
            }
            "DATA" => talk.data().await?,
            "QUIT" => {
                talk.answer(At::Quit, "221 bye").await?;
                return Ok(());
            }
            _ => talk.write(b"500 what?\r\n").await?,
        }
    }
}

fn path(line: &str) -> String {
    let inner = line.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
    inner.map_or_else(String::new, |(path, _)| path.to_owned())
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

struct Talk {
    stream: BufReader<Box<dyn Stream>>,
    tls: bool,
    shared: Arc<Shared>,
    from: String,
    to: Vec<String>,
    authed: bool,
}

impl Talk {
    fn offers(&self) -> String {
        let script = lock(&self.shared.script);
        let mut lines = vec!["scripted".to_owned()];
        lines.extend(script.offers.iter().cloned());
        if matches!(self.shared.security, Security::StartTls(_)) && !self.tls {
            lines.push("STARTTLS".to_owned());
        }
        if script.login.is_some() && !script.offers.iter().any(|o| o.to_ascii_uppercase().starts_with("AUTH"))
        {
            lines.push("AUTH PLAIN LOGIN XOAUTH2".to_owned());
        }
        let last = lines.len() - 1;
        let code = |(i, line)| format!("250{}{line}", if i == last { ' ' } else { '-' });
        lines.iter().enumerate().map(code).collect::<Vec<_>>().join("\r\n")
    }

    async fn start_tls(mut self) -> io::Result<Self> {
        self.answer(At::StartTls, "220 go ahead").await?;
        let Security::StartTls(cert) = &self.shared.security else { return Err(io::Error::other("no TLS")) };
        let stream = cert.acceptor().accept(self.stream.into_inner()).await?;
        let stream: Box<dyn Stream> = Box::new(stream);
        Ok(Self { stream: BufReader::new(stream), tls: true, ..self })
    }

    async fn auth(&mut self, line: &str) -> io::Result<()> {
        let mut proof = line.to_owned();
        if line.eq_ignore_ascii_case("AUTH LOGIN") {
            self.write(b"334 VXNlcm5hbWU6\r\n").await?;
            let user = self.line().await?;
            self.write(b"334 UGFzc3dvcmQ6\r\n").await?;
            proof = format!("{user} {}", self.line().await?);
        }
        self.authed = lock(&self.shared.script).login.as_ref() == Some(&proof);
        if !self.authed && line.starts_with("AUTH XOAUTH2") {
            self.write(b"334 eyJzdGF0dXMiOiI0MDAifQ==\r\n").await?;
            assert_eq!(self.line().await?, "", "an empty line asks for the refusal");
        }
        let usual = if self.authed { "235 2.7.0 welcome" } else { "535 5.7.8 wrong" };
        self.answer(At::Auth, usual).await
    }

    async fn data(&mut self) -> io::Result<()> {
        self.answer(At::Data, "354 end with a dot").await?;
        if let Some(act) = self.act(At::Body) {
            self.line().await?;
            self.perform(act).await?;
        }
        let bytes = self.body().await?;
        let act = self.act(At::Dot);
        let take = match &act {
            None | Some(Act::TakeAndDrop | Act::TakeAndStall) => true,
            Some(Act::Say(reply)) => reply.starts_with('2'),
            Some(_) => false,
        };
        if take {
            let taken = Taken {
                from: self.from.clone(),
                to: self.to.clone(),
                message_id: header(&bytes, "message-id"),
                bytes,
                tls: self.tls,
                replied: matches!(act, None | Some(Act::Say(_))),
            };
            self.shared.taken.send_modify(|all| all.push(taken));
        }
        let usual = "250 2.0.0 queued as 42";
        match act {
            None => self.write(format!("{usual}\r\n").as_bytes()).await,
            Some(act) => self.perform(act).await,
        }
    }

    /// The mail without its stuffed dots.
    async fn body(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        loop {
            let mut line = Vec::new();
            if self.stream.read_until(b'\n', &mut line).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.as_slice() {
                b".\r\n" => return Ok(bytes),
                [b'.', rest @ ..] => bytes.extend_from_slice(rest),
                line => bytes.extend_from_slice(line),
            }
        }
    }

    async fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
        self.shared.heard.send_modify(|all| all.push(Heard { line: line.clone(), tls: self.tls }));
        Ok(line)
    }

    fn act(&self, at: At) -> Option<Act> {
        let mut script = lock(&self.shared.script);
        if let Some(i) = script.once.iter().position(|(when, _)| *when == at) {
            return script.once.remove(i).map(|(_, act)| act);
        }
        script.always.get(&at).cloned()
    }

    async fn answer(&mut self, at: At, usual: &str) -> io::Result<()> {
        match self.act(at) {
            None => self.write(format!("{usual}\r\n").as_bytes()).await,
            Some(act) => self.perform(act).await,
        }
    }

    async fn perform(&mut self, act: Act) -> io::Result<()> {
        match act {
            Act::Say(reply) => return self.write(format!("{reply}\r\n").as_bytes()).await,
            Act::Bytes(bytes) => {
                self.write(&bytes).await?;
                self.wait_for_the_end().await;
            }
            Act::Stall | Act::TakeAndStall => std::future::pending().await,
            Act::Drop | Act::TakeAndDrop => {}
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// A connection that is closed with unread input is reset, and a reset may overtake what was written.
    async fn wait_for_the_end(&mut self) {
        let _ = self.stream.read_to_end(&mut Vec::new()).await;
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await?;
        self.stream.flush().await
    }
}

/// The value of a header in a mail; empty when there is none.
fn header(mail: &[u8], name: &str) -> String {
    let text = String::from_utf8_lossy(mail);
    let head = text.split("\r\n\r\n").next().unwrap_or_default();
    let found = head.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
    });
    found.unwrap_or_default()
}

/// Somebody who issues certificates.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    root: String,
}

impl Authority {
    pub fn new() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        // Two authorities of one name would pass for one with two keys.
        params.distinguished_name.push(DnType::CommonName, format!("{:?}", &key.public_key_raw()[1..9]));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), root }
    }

    /// Writes the root certificate, as `ca_file` wants it.
    pub fn write_root(&self, path: &Path) {
        std::fs::write(path, &self.root).expect("a writable folder");
    }

    /// A certificate for this host.
    pub fn issue(&self, host: &str) -> Certificate {
        self.issue_until(host, 4000)
    }

    /// A certificate that ended long ago.
    pub fn issue_expired(&self, host: &str) -> Certificate {
        self.issue_until(host, 2001)
    }

    fn issue_until(&self, host: &str, year: i32) -> Certificate {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new([host.to_owned()]).expect("a host");
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(year, 1, 1);
        let cert = params.signed_by(&key, &self.issuer).expect("a certificate");
        Certificate { chain: vec![cert.der().clone()], key: key.serialize_der() }
    }
}

/// A certificate and its key.
#[derive(Clone)]
pub struct Certificate {
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
}

impl Certificate {
    fn acceptor(&self) -> TlsAcceptor {
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let key = PrivateKeyDer::try_from(self.key.clone()).expect("a key");
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)
            .expect("a certificate");
        TlsAcceptor::from(Arc::new(config))
    }
}
