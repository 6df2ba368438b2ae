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

/// Its server says that it is gone for good.
pub const GONE: &str = "source gone";
/// It worked once, and has failed for long.
pub const FAILING: &str = "source failing";
/// It has failed since it was added.
pub const NEVER_WORKED: &str = "source never worked";
/// Reading it killed the process again and again.
pub const BROKEN: &str = "source broken";

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

/// What the administrator has to hear of a source in this state: its kind, if anything. One that has never
/// worked is no news; such sources are told in one list.
pub fn trouble(health: &Health, has_worked: bool, now: Timestamp) -> Option<&'static str> {
    let long = now.since(health.since) >= PATIENCE;
    match health.state {
        _ if !has_worked => None,
        State::Gone => Some(GONE),
        State::Failing if long => Some(FAILING),
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
            (25, Poll::Failed("no route"), State::New, 0, None),
            (26, Poll::Worked, State::Fine, 26, None),
            (27, Poll::Worked, State::Fine, 26, None),
            (28, Poll::Failed("500"), State::Failing, 28, None),
            (53, Poll::Failed("500"), State::Failing, 28, Some("source failing")),
            (54, Poll::Gone, State::Gone, 54, Some("source gone")),
            (55, Poll::Worked, State::Fine, 55, None),
        ];
        let mut has_worked = false;
        for (hour, poll, state, since, told) in steps {
            has_worked |= matches!(poll, Poll::Worked);
            health = after(&health, poll, at(hour));
            assert_eq!((health.state, health.since), (state, at(since)), "hour {hour}");
            assert_eq!(trouble(&health, has_worked, at(hour)), told, "hour {hour}");
        }
        assert_eq!(health.failures, 0);
    }

    #[test]
    fn what_never_worked_is_no_news() {
        let start = Timestamp::from_millis(0);
        let mut health = Health { state: State::New, since: start, failures: 0, reason: None };
        for poll in [Poll::Gone, Poll::Failed("404"), Poll::Gone] {
            health = after(&health, poll, start + 3 * DAY);
            assert_eq!(trouble(&health, false, start + 9 * DAY), None, "{health:?}");
        }
    }
}
