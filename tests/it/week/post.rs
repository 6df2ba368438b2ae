//! The mail server of the simulation, and what it does with each mail.

use std::collections::HashMap;

use habar::time::Timestamp;

use super::chance::Chance;
use crate::smtp_server::{Act, At, Security, SmtpServer, Taken};

/// The server and what it was told to do.
pub struct Post {
    pub server: SmtpServer,
    /// Until then it takes nothing.
    pub down: Option<Timestamp>,
    /// Whether anything goes wrong by chance.
    pub faulty: bool,
    /// What was done with each mail, in order.
    pub fates: HashMap<String, Vec<Fate>>,
    chance: Chance,
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    Taken,
    /// Not now.
    Later,
    /// Never.
    Refused,
    /// Taken, and the reply is lost.
    TakenUnheard,
    /// The connection breaks.
    Broken,
}

impl Post {
    /// A server on loopback.
    pub async fn start(chance: Chance) -> Self {
        let server = SmtpServer::start(Security::Plain).await;
        Self { server, down: None, faulty: true, fates: HashMap::new(), chance }
    }

    /// Decides what becomes of the next mail, which is this one.
    pub fn expect(&mut self, message_id: &str, now: Timestamp) {
        self.server.behave();
        let (fate, script) = self.fate(now);
        if let Some((at, act)) = script {
            self.server.once(at, act);
        }
        self.fates.entry(message_id.to_owned()).or_default().push(fate);
    }

    fn fate(&mut self, now: Timestamp) -> (Fate, Option<(At, Act)>) {
        if self.down.is_some_and(|until| now < until) {
            let act = if self.chance.one_in(2) { Act::Drop } else { Act::say("421 4.3.2 closed") };
            return (Fate::Broken, Some((At::Greeting, act)));
        }
        if !self.faulty {
            return (Fate::Taken, None);
        }
        let (fate, at, act) = match self.chance.below(60) {
            0 => (Fate::Later, At::Rcpt, Act::say("450 4.2.0 greylisted")),
            1 => (Fate::Later, At::Dot, Act::say("451 4.3.0 try again")),
            2 => (Fate::Later, At::Mail, Act::say("530 5.7.0 log in first")),
            3 => (Fate::Later, At::Data, Act::say("421 4.3.2 going down")),
            4 => (Fate::TakenUnheard, At::Dot, Act::TakeAndDrop),
            5 => (Fate::Broken, At::Dot, Act::Drop),
            6 => (Fate::Broken, At::Body, Act::Drop),
            7 => (Fate::Broken, At::Ehlo, Act::Bytes(b"\0\xff\r\n".to_vec())),
            8 if self.chance.one_in(2) => (Fate::Refused, At::Rcpt, Act::say("550 5.1.1 no such user")),
            8 => (Fate::Refused, At::Dot, Act::say("554 5.6.0 looks like spam")),
            _ => return (Fate::Taken, None),
        };
        (fate, Some((at, act)))
    }

    /// What the server has taken.
    pub fn taken(&self) -> Vec<Taken> {
        self.server.taken()
    }
}
