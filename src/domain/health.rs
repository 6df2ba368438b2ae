//! The health of a source, as a small state machine: each change is told once, with a reason.

use std::time::Duration;

use crate::time::{DAY, Timestamp};

/// What is known of a source's health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has never worked yet.
    New,
    /// The last poll worked.
    Fine,
    /// It worked once; the last polls failed.
    Failing,
    /// Its server says that it is gone for good (410).
    Gone,
}

impl State {
    /// The name that the store keeps and people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Fine => "fine",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    /// The state of that name; unknown names count as new.
    pub fn from_name(name: &str) -> Self {
        [Self::Fine, Self::Failing, Self::Gone].into_iter().find(|s| s.as_str() == name).unwrap_or(Self::New)
    }
}

/// Health, and since when it is so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// Failures in a row.
    pub failures: u32,
    /// Why the last poll failed; none when it worked.
    pub reason: Option<String>,
}

/// How a poll went, as far as health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll<'a> {
    /// The feed was read, or is unchanged.
    Worked,
    /// It failed for this reason.
    Failed(&'a str),
    /// The server says that it is gone.
    Gone,
}

/// A source that fails for this long is told to the administrator.
pub const PATIENCE: Duration = DAY;

/// The health after a poll at `now`.
pub fn after(old: &Health, poll: Poll<'_>, now: Timestamp) -> Health {
    let (state, failures, reason) = match poll {
        Poll::Worked => (State::Fine, 0, None),
        Poll::Gone => {
            let reason = "the server says the feed is gone for good (410); look for its new address";
            (State::Gone, old.failures.saturating_add(1), Some(reason.to_owned()))
        }
        Poll::Failed(reason) => {
            let state = match old.state {
                State::New => State::New,
                State::Fine | State::Failing | State::Gone => State::Failing,
            };
            (state, old.failures.saturating_add(1), Some(reason.to_owned()))
        }
    };
    let since = if state == old.state { old.since } else { now };
    Health { state, since, failures, reason }
}

/// What the administrator has to hear of a source in this state: its kind, if anything.
pub fn trouble(health: &Health, now: Timestamp) -> Option<&'static str> {
    let long = now.since(health.since) >= PATIENCE;
    match health.state {
        State::Gone => Some("source gone"),
        State::Failing if long => Some("source failing"),
        State::New if long && health.failures > 0 => Some("source never worked"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    #[test]
    fn a_life() {
        let start = Timestamp::from_millis(0);
        let at = |hours: u32| start + hours * HOUR;
        let mut health = Health { state: State::New, since: start, failures: 0, reason: None };
        let steps = [
            (1, Poll::Failed("no route"), State::New, 0, None),
            (25, Poll::Failed("no route"), State::New, 0, Some("source never worked")),
            (26, Poll::Worked, State::Fine, 26, None),
            (27, Poll::Worked, State::Fine, 26, None),
            (28, Poll::Failed("500"), State::Failing, 28, None),
            (53, Poll::Failed("500"), State::Failing, 28, Some("source failing")),
            (54, Poll::Gone, State::Gone, 54, Some("source gone")),
            (55, Poll::Worked, State::Fine, 55, None),
        ];
        for (hour, poll, state, since, told) in steps {
            health = after(&health, poll, at(hour));
            assert_eq!((health.state, health.since), (state, at(since)), "hour {hour}");
            assert_eq!(trouble(&health, at(hour)), told, "hour {hour}");
        }
        assert_eq!(health.failures, 0);
    }
}
