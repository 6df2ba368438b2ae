//! The connection under lettre: it hands lettre whole, clean replies of bounded size, one to a command.
//!
//! lettre reads a line of any length into memory, panics on some EHLO replies, cannot read text that is not
//! UTF-8, and takes a reply that came before its command for the answer to it: one reply too many, and the
//! `250` to RCPT counts for the final dot; one put in before STARTTLS is believed after it. Here a reply is
//! read whole before lettre sees any of it, and what comes unasked ends the connection.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::reply::Reply;

/// A handle on the connection. lettre holds one, and the conversation another.
#[derive(Clone)]
pub(super) struct Wire(Arc<Mutex<Inner>>);

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}

struct Inner {
    /// `None` only while TLS is being set up.
    socket: Option<Box<dyn Socket>>,
    peer: SocketAddr,
    /// What came and is no whole reply yet.
    raw: Vec<u8>,
    /// A reply that lettre has not read to its end.
    clean: Vec<u8>,
    /// The first reply since one was taken.
    reply: Option<Reply>,
    /// What went wrong on the connection, in words.
    fault: Option<String>,
    sent: u64,
    /// The last five bytes sent.
    tail: [u8; 5],
}

impl Wire {
    pub(super) fn new(socket: TcpStream, peer: SocketAddr) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            socket: Some(Box::new(socket)),
            peer,
            raw: Vec::new(),
            clean: Vec::new(),
            reply: None,
            fault: None,
            sent: 0,
            tail: [0; 5],
        })))
    }

    /// Waits for a whole reply and leaves it for lettre to read.
    pub(super) async fn hear(&self) -> io::Result<Reply> {
        std::future::poll_fn(|cx| {
            let mut inner = self.lock();
            ready!(inner.poll_reply(cx))?;
            Poll::Ready(inner.reply.take().ok_or_else(|| io::Error::other("no reply")))
        })
        .await
    }

    /// Goes on under TLS.
    pub(super) async fn start_tls(
        &self,
        tls: Arc<rustls::ClientConfig>,
        name: ServerName<'static>,
    ) -> io::Result<()> {
        let socket = {
            let mut inner = self.lock();
            if !inner.raw.is_empty() || !inner.clean.is_empty() {
                return Err(io::Error::other("the server went on in plain text after it agreed to TLS"));
            }
            inner.socket.take().ok_or_else(gone)?
        };
        let socket = TlsConnector::from(tls).connect(name, socket).await?;
        self.lock().socket = Some(Box::new(socket));
        Ok(())
    }

    /// The reply to what was sent last. Where lettre says QUIT by itself, it is still the reply before that.
    pub(super) fn take_reply(&self) -> Option<Reply> {
        self.lock().reply.take()
    }

    /// What went wrong on the connection.
    pub(super) fn fault(&self) -> Option<String> {
        self.lock().fault.clone()
    }

    /// How many bytes were sent.
    pub(super) fn sent(&self) -> u64 {
        self.lock().sent
    }

    /// Whether the last thing sent was the end of a mail. Dot-stuffing keeps it out of the mail itself.
    pub(super) fn sent_dot(&self) -> bool {
        self.lock().tail == *b"\r\n.\r\n"
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Ready when `clean` holds a reply.
    fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.clean.is_empty() {
            match Reply::split_off(&mut self.raw) {
                Ok(Some(reply)) => {
                    self.clean = reply.for_lettre();
                    self.keep(reply);
                }
                Ok(None) => match ready!(self.poll_fill(cx)) {
                    Ok(0) => {
                        return Poll::Ready(Err(self.fail("the server closed the connection".to_owned())));
                    }
                    Ok(_) => {}
                    Err(e) => return Poll::Ready(Err(self.fail(e.to_string()))),
                },
                Err(e) => return Poll::Ready(Err(self.fail(e.to_string()))),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads what has come; 0 at the end of the connection.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut room = [0; 4096];
        let mut room = ReadBuf::new(&mut room);
        let socket = self.socket.as_mut().ok_or_else(gone)?;
        ready!(Pin::new(socket).poll_read(cx, &mut room))?;
        self.raw.extend_from_slice(room.filled());
        Poll::Ready(Ok(room.filled().len()))
    }

    /// Nothing may have come when something is sent, except a refusal that ends the exchange: an error
    /// in the middle of a mail, or a server that shuts down.
    fn expect_silence(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if let Poll::Ready(filled) = self.poll_fill(cx) {
            if filled.map_err(|e| self.fail(e.to_string()))? == 0 {
                return Err(self.fail("the server closed the connection".to_owned()));
            }
            if let Ok(Some(reply)) = Reply::split_off(&mut self.raw)
                && reply.is_negative()
            {
                self.keep(reply);
                return Err(self.fail("the server broke off".to_owned()));
            }
        } else if self.raw.is_empty() {
            return Ok(());
        }
        Err(self.fail("the server spoke before it was asked".to_owned()))
    }

    fn keep(&mut self, reply: Reply) {
        self.reply.get_or_insert(reply);
    }

    fn fail(&mut self, what: String) -> io::Error {
        io::Error::other(self.fault.insert(what).clone())
    }

    fn note(&mut self, bytes: &[u8]) {
        self.sent = self.sent.saturating_add(bytes.len() as u64);
        for &byte in &bytes[bytes.len().saturating_sub(self.tail.len())..] {
            self.tail.rotate_left(1);
            self.tail[4] = byte;
        }
    }
}

fn gone() -> io::Error {
    io::Error::other("the connection is gone")
}

impl AsyncRead for Wire {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        ready!(inner.poll_reply(cx))?;
        let n = inner.clean.len().min(buf.remaining());
        buf.put_slice(&inner.clean[..n]);
        inner.clean.drain(..n);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut inner = self.lock();
        inner.expect_silence(cx)?;
        let socket = inner.socket.as_mut().ok_or_else(gone)?;
        match ready!(Pin::new(socket).poll_write(cx, buf)) {
            Ok(n) => {
                inner.note(&buf[..n]);
                Poll::Ready(Ok(n))
            }
            Err(e) => Poll::Ready(Err(inner.fail(e.to_string()))),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        let socket = inner.socket.as_mut().ok_or_else(gone)?;
        Pin::new(socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut inner = self.lock();
        let socket = inner.socket.as_mut().ok_or_else(gone)?;
        Pin::new(socket).poll_shutdown(cx)
    }
}

impl AsyncTokioStream for Wire {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.lock().peer)
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").field("peer", &self.lock().peer).finish_non_exhaustive()
    }
}
