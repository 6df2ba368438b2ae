//! Mail kept in memory, with scripted answers: what tests look at instead of a mail server.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Delivery, Envelope};

/// A mailer that keeps what it takes. Clones share the same list and script.
#[derive(Clone, Debug, Default)]
pub struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    kept: Vec<Kept>,
    script: VecDeque<Delivery>,
    attempts: usize,
}

/// A mail that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The sender's address.
    pub from: String,
    /// The recipient's address.
    pub to: String,
    /// With its angle brackets.
    pub message_id: String,
    /// The mail itself.
    pub bytes: Vec<u8>,
}

impl Memory {
    /// A mailer that takes everything.
    pub fn new() -> Self {
        Self::default()
    }

    /// Answers the next mails with these, one each; after them everything is taken again. A `Retry` with
    /// `unknown` keeps the mail as well: the server took it, and its answer was lost.
    pub fn answer_next(&self, answers: impl IntoIterator<Item = Delivery>) {
        self.lock().script.extend(answers);
    }

    /// The mails taken until now, in order.
    pub fn kept(&self) -> Vec<Kept> {
        self.lock().kept.clone()
    }

    /// How often a mail was handed over, whatever the answer.
    pub fn attempts(&self) -> usize {
        self.lock().attempts
    }

    pub(super) fn send(&self, mail: &Envelope<'_>) -> Delivery {
        let mut inner = self.lock();
        inner.attempts += 1;
        let taken = Delivery::Sent { reply: "250 kept in memory".to_owned() };
        let answer = inner.script.pop_front().unwrap_or(taken);
        if matches!(answer, Delivery::Sent { .. } | Delivery::Retry { unknown: true, .. }) {
            inner.kept.push(Kept {
                from: mail.from.to_owned(),
                to: mail.to.to_owned(),
                message_id: mail.message_id.to_owned(),
                bytes: mail.bytes.to_owned(),
            });
        }
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_followed_and_then_everything_is_taken() {
        let memory = Memory::new();
        let retry = |unknown| Delivery::Retry { reason: "busy".to_owned(), unknown, transport: false };
        let dead = Delivery::Dead { reply: "550 no".to_owned() };
        memory.answer_next([retry(false), retry(true), dead.clone()]);
        let mail = Envelope { from: "a@b.c", to: "d@e.f", message_id: "<1@b.c>", bytes: b"hello" };
        let answers: Vec<Delivery> = (0..4).map(|_| memory.send(&mail)).collect();
        let sent = Delivery::Sent { reply: "250 kept in memory".to_owned() };
        assert_eq!(answers, [retry(false), retry(true), dead, sent]);
        // The one whose answer was lost, and the last one.
        assert_eq!((memory.kept().len(), memory.attempts()), (2, 4));
    }
}
