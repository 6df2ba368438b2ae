//! Mail to a server, by lettre driven phase by phase: one connection a mail, a deadline a phase.
//!
//! Only a 2xx to the final dot is "sent". Without an answer to the dot nobody knows, and that is said too.

mod reply;
mod wire;

use std::fmt::Display;
use std::future::poll_fn;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands;
use lettre::transport::smtp::extension::{ClientId, MailBodyParameter, MailParameter};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use self::reply::{Offers, Reply};
use self::wire::Wire;
use super::{Delivery, Envelope, Login, Phase, Secret, Step, Tls, one_line};
use crate::time::{MINUTE, SECOND, show_duration};

/// A mail server, and how to be let in.
#[derive(Clone, Debug)]
pub struct Smtp {
    host: String,
    port: u16,
    mode: Tls,
    login: Option<Login>,
    tls: Arc<rustls::ClientConfig>,
    deadlines: Deadlines,
}

/// How long each phase may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Resolving the host and connecting; the TLS handshake has as long again.
    pub connect: Duration,
    /// The server's first words.
    pub greeting: Duration,
    /// The answer to EHLO, STARTTLS, AUTH, MAIL and RCPT.
    pub command: Duration,
    /// The answer to DATA.
    pub data: Duration,
    /// Each block of the mail.
    pub block: Duration,
    /// The answer to the final dot. Giving up too early here sends mails twice.
    pub dot: Duration,
    /// The answer to QUIT, for which nobody waits.
    pub quit: Duration,
}

/// RFC 5321, 4.5.3.2.
impl Default for Deadlines {
    fn default() -> Self {
        let minutes = |n| MINUTE * n;
        Self {
            connect: 30 * SECOND,
            greeting: minutes(5),
            command: minutes(5),
            data: minutes(2),
            block: minutes(3),
            dot: minutes(10),
            quit: 5 * SECOND,
        }
    }
}

impl Smtp {
    /// The server at `host`, which is a name or an address without brackets.
    pub fn new(
        host: String,
        port: u16,
        mode: Tls,
        login: Option<Login>,
        tls: Arc<rustls::ClientConfig>,
        deadlines: Deadlines,
    ) -> Self {
        Self { host, port, mode, login, tls, deadlines }
    }

    pub(super) async fn send(&self, mail: &Envelope<'_>, steps: &mut (dyn FnMut(Step) + Send)) -> Delivery {
        let addresses = address(mail.from).and_then(|from| Ok((from, address(mail.to)?)));
        let (from, to) = match addresses {
            Ok(addresses) => addresses,
            Err(reply) => return Delivery::Dead { reply },
        };
        let mut session = match self.open(steps).await {
            Ok(session) => session,
            Err(failure) => return self.verdict(failure),
        };
        let outcome = session.transfer(from, to, mail.bytes).await;
        session.leave(outcome.as_ref().err());
        match outcome {
            Ok(reply) => Delivery::Sent { reply: reply.to_string() },
            Err(failure) => self.verdict(failure),
        }
    }

    pub(super) async fn probe(&self, steps: &mut (dyn FnMut(Step) + Send)) -> Result<(), String> {
        match self.open(steps).await {
            Ok(session) => {
                session.leave(None);
                Ok(())
            }
            Err(failure) => Err(self.reason(failure.phase, &failure.trouble)),
        }
    }

    /// Connects, greets, secures the connection and logs in.
    async fn open<'a>(&'a self, steps: &'a mut (dyn FnMut(Step) + Send)) -> Result<Session<'a>, Failure> {
        let mut session = self.greet(steps).await?;
        match session.enter().await {
            Ok(()) => Ok(session),
            Err(failure) => {
                session.leave(Some(&failure));
                Err(failure)
            }
        }
    }

    async fn greet<'a>(&'a self, steps: &'a mut (dyn FnMut(Step) + Send)) -> Result<Session<'a>, Failure> {
        let (wire, peer, own_address) = self.connect().await.map_err(fault_in(Phase::Connect))?;
        steps(Step { phase: Phase::Connect, detail: peer.to_string() });
        if self.mode == Tls::Implicit {
            self.start_tls(&wire, Phase::Tls, steps).await?;
        }
        let greeting =
            in_time(self.deadlines.greeting, wire.hear()).await.map_err(fault_in(Phase::Greeting))?;
        if greeting.code / 100 != 2 {
            return Err(Failure::of_reply(Phase::Greeting, greeting));
        }
        steps(Step { phase: Phase::Greeting, detail: greeting.to_string() });

        let me = client_id(own_address);
        let hello = AsyncSmtpConnection::connect_with_transport(Box::new(wire.clone()), &me);
        let hello = timeout(self.deadlines.command, hello).await;
        let (reply, conn) = match (hello, wire.take_reply()) {
            (Ok(Ok(conn)), Some(reply)) => (reply, conn),
            // lettre says QUIT after a refusal and may hang there: the refusal is what counts.
            (_, Some(reply)) => return Err(Failure::of_reply(Phase::Ehlo, reply)),
            (Ok(Ok(_)), None) => return Err(Failure::of_fault(Phase::Ehlo, "no reply")),
            (Ok(Err(e)), None) => {
                return Err(Failure::of_fault(Phase::Ehlo, wire.fault().unwrap_or(e.to_string())));
            }
            (Err(_), None) => return Err(Failure::of_fault(Phase::Ehlo, late(self.deadlines.command))),
        };
        let mut session = Session { smtp: self, steps, wire, conn, me, offers: Offers::from(&reply) };
        session.pass(Phase::Ehlo, &reply);
        Ok(session)
    }

    async fn connect(&self) -> Result<(Wire, SocketAddr, IpAddr), String> {
        const TRIED: usize = 4;
        let resolve = tokio::net::lookup_host((self.host.as_str(), self.port));
        let mut found: Vec<SocketAddr> = in_time(self.deadlines.connect, resolve).await?.collect();
        if self.mode == Tls::None {
            found.retain(|at| at.ip().is_loopback());
            if found.is_empty() {
                return Err(format!("?tls=none is for this machine only, and {} is elsewhere", self.host));
            }
        }
        found.truncate(TRIED);
        let mut why = format!("{} has no address", self.host);
        let share = self.deadlines.connect / u32::try_from(found.len()).unwrap_or(1).max(1);
        for at in found {
            let connecting = async {
                TcpStream::connect(at).await.map_err(|error| match error.kind() {
                    io::ErrorKind::ConnectionRefused => io::Error::other("nothing listens there"),
                    _ => error,
                })
            };
            match in_time(share, connecting).await {
                Ok(socket) => {
                    let own = socket.local_addr().map_err(|e| e.to_string())?;
                    return Ok((Wire::new(socket, at), at, own.ip()));
                }
                Err(e) => why = format!("{at}: {e}"),
            }
        }
        Err(why)
    }

    async fn start_tls(
        &self,
        wire: &Wire,
        phase: Phase,
        steps: &mut (dyn FnMut(Step) + Send),
    ) -> Result<(), Failure> {
        let name = ServerName::try_from(self.host.clone());
        let name =
            name.map_err(|_| Failure::of_fault(phase, "the host is no name that a certificate could hold"))?;
        let secured = in_time(self.deadlines.connect, wire.start_tls(self.tls.clone(), name)).await;
        secured.map_err(|e| Failure::of_fault(phase, with_remedy(e)))?;
        steps(Step { phase, detail: format!("the certificate of {} is trusted", self.host) });
        Ok(())
    }

    fn verdict(&self, failure: Failure) -> Delivery {
        let Failure { phase, trouble, unknown } = failure;
        let about_mail = phase >= Phase::Mail;
        match &trouble {
            Trouble::Reply(reply)
                if (500..600).contains(&reply.code) && about_mail && !is_about_login(phase, reply) =>
            {
                Delivery::Dead { reply: reply.to_string() }
            }
            Trouble::Unsendable(why) => Delivery::Dead { reply: why.clone() },
            Trouble::Reply(reply) => {
                let transport = !about_mail || reply.code == 421 || is_about_login(phase, reply);
                // An answer to the dot that is neither yes nor no says nothing.
                let unknown = unknown && !reply.is_negative();
                Delivery::Retry { reason: self.reason(phase, &trouble), unknown, transport }
            }
            Trouble::Fault(_) => {
                Delivery::Retry { reason: self.reason(phase, &trouble), unknown, transport: !about_mail }
            }
        }
    }

    fn reason(&self, phase: Phase, trouble: &Trouble) -> String {
        let what = match trouble {
            Trouble::Reply(reply) => reply.to_string(),
            Trouble::Fault(what) | Trouble::Unsendable(what) => what.clone(),
        };
        one_line(&format!("{}:{}, {phase}: {what}", self.host, self.port))
    }
}

/// A server that wants a login, or a better one, says so when it is asked for something: it means every mail.
/// The sender is the same in all of them, so a policy against it does too.
fn is_about_login(phase: Phase, reply: &Reply) -> bool {
    match phase {
        Phase::Mail => matches!(reply.code, 503 | 530 | 534 | 535 | 538) || reply.has_subject(7),
        Phase::Rcpt | Phase::Data => matches!(reply.code, 503 | 530 | 534 | 535 | 538),
        _ => false,
    }
}

/// Where a conversation ended and why.
#[derive(Debug)]
struct Failure {
    phase: Phase,
    trouble: Trouble,
    /// The final dot had been sent.
    unknown: bool,
}

#[derive(Debug)]
enum Trouble {
    /// The server said so.
    Reply(Reply),
    /// The connection or the conversation broke.
    Fault(String),
    /// This server can never take this mail.
    Unsendable(String),
}

impl Failure {
    fn of_reply(phase: Phase, reply: Reply) -> Self {
        Self { phase, trouble: Trouble::Reply(reply), unknown: false }
    }

    fn of_fault(phase: Phase, what: impl Into<String>) -> Self {
        Self { phase, trouble: Trouble::Fault(what.into()), unknown: false }
    }
}

fn fault_in(phase: Phase) -> impl FnOnce(String) -> Failure {
    move |what| Failure::of_fault(phase, what)
}

/// An open conversation.
struct Session<'a> {
    smtp: &'a Smtp,
    steps: &'a mut (dyn FnMut(Step) + Send),
    wire: Wire,
    conn: AsyncSmtpConnection,
    me: ClientId,
    offers: Offers,
}

impl Session<'_> {
    async fn enter(&mut self) -> Result<(), Failure> {
        if self.smtp.mode == Tls::StartTls {
            self.start_tls().await?;
        }
        match &self.smtp.login {
            Some(login) => self.log_in(login).await,
            None => Ok(()),
        }
    }

    async fn start_tls(&mut self) -> Result<(), Failure> {
        if !self.offers.start_tls {
            let why = "the server does not offer STARTTLS, and nothing is sent without TLS; \
                       if it has TLS from the first byte, write smtps://";
            return Err(Failure::of_fault(Phase::StartTls, why));
        }
        self.ask(Phase::StartTls, 2, commands::Starttls).await?;
        self.smtp.start_tls(&self.wire, Phase::StartTls, self.steps).await?;
        // What was offered in plain text may have been anybody's offer.
        let reply = self.ask(Phase::Ehlo, 2, commands::Ehlo::new(self.me.clone())).await?;
        self.offers = Offers::from(&reply);
        self.pass(Phase::Ehlo, &reply);
        Ok(())
    }

    async fn log_in(&mut self, login: &Login) -> Result<(), Failure> {
        let secret = login.secret.read().await.map_err(fault_in(Phase::Auth))?;
        let wanted: &[Mechanism] = match login.secret {
            Secret::Password(_) => &[Mechanism::Plain, Mechanism::Login],
            Secret::Token(_) => &[Mechanism::Xoauth2],
        };
        let offered = |m: &&Mechanism| self.offers.auth.contains(&m.to_string());
        let Some(&mechanism) = wanted.iter().find(offered) else {
            let wanted: Vec<String> = wanted.iter().map(Mechanism::to_string).collect();
            let offered =
                if self.offers.auth.is_empty() { "no login".to_owned() } else { self.offers.auth.join(", ") };
            let why = format!("the server offers {offered}; Habar needs {}", wanted.join(" or "));
            return Err(Failure::of_fault(Phase::Auth, why));
        };
        let credentials = Credentials::new(login.user.clone(), secret.clone());
        let hide = |failure: Failure| match failure.trouble {
            Trouble::Reply(reply) => Failure::of_reply(failure.phase, reply.without(&secret)),
            _ => failure,
        };
        let reply = self.prove(mechanism, &credentials).await.map_err(hide)?;
        self.pass(Phase::Auth, &reply);
        Ok(())
    }

    async fn prove(&mut self, mechanism: Mechanism, credentials: &Credentials) -> Result<Reply, Failure> {
        let command = |challenge: Option<&str>| {
            commands::Auth::new(mechanism, credentials.clone(), challenge.map(str::to_owned))
                .map_err(|e| Failure::of_fault(Phase::Auth, e.to_string()))
        };
        match mechanism {
            Mechanism::Login => {
                self.prove_by(3, command(None)?).await?;
                // The user, then the password, whatever the server calls them.
                self.prove_by(3, command(Some("Username"))?).await?;
                self.prove_by(2, command(Some("Password"))?).await
            }
            Mechanism::Plain => self.prove_by(2, command(None)?).await,
            Mechanism::Xoauth2 => match self.prove_by(2, command(None)?).await {
                // A 334 holds the details of a refusal, and an empty line asks for the refusal itself.
                Err(Failure { trouble: Trouble::Reply(reply), .. }) if reply.code == 334 => {
                    self.ask(Phase::Auth, 2, "\r\n").await
                }
                other => other,
            },
        }
    }

    async fn prove_by(&mut self, class: u16, command: commands::Auth) -> Result<Reply, Failure> {
        let line = command.to_string();
        let proof = line.trim_end().rsplit(' ').next().unwrap_or_default().to_owned();
        self.ask(Phase::Auth, class, line).await.map_err(|failure| match failure.trouble {
            Trouble::Reply(reply) => Failure::of_reply(failure.phase, reply.without(&proof)),
            _ => failure,
        })
    }

    /// MAIL, RCPT, DATA and the mail; the reply is the 2xx to the final dot.
    async fn transfer(&mut self, from: Address, to: Address, mail: &[u8]) -> Result<Reply, Failure> {
        let mut parameters = Vec::new();
        let addresses: [&str; 2] = [from.as_ref(), to.as_ref()];
        if !addresses.iter().all(|a| a.is_ascii()) {
            if !self.offers.smtp_utf8 {
                let why = format!(
                    "the server does not offer SMTPUTF8, so it cannot take a mail from {from} to {to}"
                );
                return Err(Failure {
                    phase: Phase::Mail,
                    trouble: Trouble::Unsendable(why),
                    unknown: false,
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !mail.is_ascii() && self.offers.eight_bit {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        for (phase, class, line) in [
            (Phase::Mail, 2, commands::Mail::new(Some(from), parameters).to_string()),
            (Phase::Rcpt, 2, commands::Rcpt::new(to, Vec::new()).to_string()),
            (Phase::Data, 3, commands::Data.to_string()),
        ] {
            let reply = self.ask(phase, class, line).await?;
            self.pass(phase, &reply);
        }
        let outcome = self.send_body(mail).await;
        let unknown = self.wire.sent_dot();
        let reply = outcome.map_err(|failure| Failure { unknown, ..failure })?;
        self.pass(Phase::Body, &reply);
        Ok(reply)
    }

    async fn send_body(&mut self, mail: &[u8]) -> Result<Reply, Failure> {
        let lines = smtp_lines(mail);
        let Deadlines { block, dot, .. } = self.smtp.deadlines;
        let result = paced(self.conn.message(&lines), &self.wire, block, dot).await;
        self.outcome(Phase::Body, 2, result)
    }

    /// Says one command and takes the reply; anything but a reply of this class is a failure.
    async fn ask(&mut self, phase: Phase, class: u16, command: impl Display) -> Result<Reply, Failure> {
        let deadlines = &self.smtp.deadlines;
        let deadline = if phase == Phase::Data { deadlines.data } else { deadlines.command };
        let result = match timeout(deadline, self.conn.command(command)).await {
            Ok(result) => result.map(drop).map_err(|e| e.to_string()),
            Err(_) => Err(late(deadline)),
        };
        self.outcome(phase, class, result)
    }

    /// The wire knows the reply better than lettre does, and a fault better than lettre words it.
    fn outcome(&self, phase: Phase, class: u16, result: Result<(), String>) -> Result<Reply, Failure> {
        match (self.wire.take_reply(), result) {
            (Some(reply), Ok(())) if reply.code / 100 == class => Ok(reply),
            (Some(reply), _) => Err(Failure::of_reply(phase, reply)),
            (None, Err(e)) => Err(Failure::of_fault(phase, self.wire.fault().unwrap_or(e))),
            (None, Ok(())) => Err(Failure::of_fault(phase, "no reply")),
        }
    }

    fn pass(&mut self, phase: Phase, reply: &Reply) {
        (self.steps)(Step { phase, detail: reply.to_string() });
    }

    /// Says QUIT without keeping anybody waiting: between a `250` and its record nothing may take time.
    /// Where the conversation broke it may be in the middle of a mail, and is only closed.
    fn leave(self, failure: Option<&Failure>) {
        let broken = failure.is_some_and(|f| matches!(f.trouble, Trouble::Fault(_)) && f.phase > Phase::Auth);
        if broken || self.wire.fault().is_some() {
            return;
        }
        let Self { smtp, mut conn, .. } = self;
        let deadline = smtp.deadlines.quit;
        tokio::spawn(async move { timeout(deadline, conn.quit()).await });
    }
}

/// The two faults of TLS that have a remedy in the config.
fn with_remedy(fault: String) -> String {
    if fault.contains("UnknownIssuer") {
        return format!("{fault}: nobody this machine trusts signed its certificate; ca_file adds a root");
    }
    if fault.contains("InvalidContentType") {
        return format!("{fault}: the server does not begin with TLS at this port; smtp:// is for STARTTLS");
    }
    fault
}

/// Sends a mail. lettre writes it, then the dot, then waits for the answer: the clock starts anew with
/// whatever is sent.
async fn paced<T>(
    message: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    wire: &Wire,
    block: Duration,
    dot: Duration,
) -> Result<(), String> {
    let mut message = pin!(message);
    let mut clock = pin!(sleep(block));
    let mut seen = wire.sent();
    poll_fn(|cx| {
        if let Poll::Ready(result) = message.as_mut().poll(cx) {
            return Poll::Ready(result.map(drop).map_err(|e| e.to_string()));
        }
        let allowed = if wire.sent_dot() { dot } else { block };
        if wire.sent() != seen {
            seen = wire.sent();
            clock.as_mut().reset(Instant::now() + allowed);
        }
        clock.as_mut().poll(cx).map(|()| Err(late(allowed)))
    })
    .await
}

/// An address as SMTP takes it: the domain in ASCII. The error says what is wrong with it.
fn address(text: &str) -> Result<Address, String> {
    let bad = |why: &str| one_line(&format!("{text} is no mail address: {why}"));
    if text.contains(|c: char| c.is_control() || c.is_whitespace() || matches!(c, '<' | '>')) {
        return Err(bad("it contains a space, an angle bracket or a control character"));
    }
    let (user, domain) = text.rsplit_once('@').ok_or_else(|| bad("it has no @"))?;
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        url::Host::parse(domain).map_err(|e| bad(&e.to_string()))?.to_string()
    };
    Address::new(user, domain).map_err(|e| bad(&e.to_string()))
}

/// The name of this machine, if it could be one in the DNS, or else the address it connects from.
fn client_id(own_address: IpAddr) -> ClientId {
    match ClientId::default() {
        ClientId::Domain(name) if is_full_name(&name) => ClientId::Domain(name),
        _ => match own_address {
            IpAddr::V4(ip) => ClientId::Ipv4(ip),
            IpAddr::V6(ip) => ClientId::Ipv6(ip),
        },
    }
}

fn is_full_name(name: &str) -> bool {
    let label = |l: &str| {
        let clean = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        clean && (1..=63).contains(&l.len()) && !l.starts_with('-') && !l.ends_with('-')
    };
    let top_is_word = name.rsplit('.').next().is_some_and(|top| top.bytes().any(|b| b.is_ascii_alphabetic()));
    let is_local = ["localhost", "localdomain", "local"].iter().any(|top| name.ends_with(&format!(".{top}")));
    name.len() <= 253 && name.contains('.') && name.split('.').all(label) && top_is_word && !is_local
}

/// `mail` with `\r\n` as its only line ending, and without its last one, which the final dot brings along.
/// A bare `\n` before a dot would end the mail early on some servers, and what follows would be commands.
fn smtp_lines(mail: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(mail.len());
    let mut before = 0;
    for &byte in mail {
        match byte {
            b'\n' if before == b'\r' => {}
            b'\r' | b'\n' => out.extend_from_slice(b"\r\n"),
            _ => out.push(byte),
        }
        before = byte;
    }
    if out.ends_with(b"\r\n") {
        out.truncate(out.len() - 2);
    }
    out
}

/// The future's result within `deadline`, with words for what went wrong.
async fn in_time<T>(deadline: Duration, future: impl Future<Output = io::Result<T>>) -> Result<T, String> {
    match timeout(deadline, future).await {
        Ok(result) => result.map_err(|e| e.to_string()),
        Err(_) => Err(late(deadline)),
    }
}

fn late(deadline: Duration) -> String {
    let shown =
        if deadline < SECOND { format!("{}ms", deadline.as_millis()) } else { show_duration(deadline) };
    format!("no answer within {shown}")
}

#[cfg(test)]
mod tests;
