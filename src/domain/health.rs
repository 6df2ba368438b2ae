//! The health of a source, as a small state machine: each change is told once, with a reason and what to do.

use std::time::Duration;

use crate::time::{DAY, Timestamp, show_duration};

pub mod habit;
pub mod losses;
pub mod moving;

use habit::Habit;
use losses::Losses;
use moving::Moving;

/// What is known of a source's health. Of several that hold at once, it is in the one that stands last here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has never worked yet.
    New,
    /// The last poll worked.
    Fine,
    /// It works, at another address than the configured one.
    Moved,
    /// It works, and has had no news for much longer than is usual.
    Silent,
    /// It works, and may lose entries between two polls.
    Lossy,
    /// It worked once; the last polls failed.
    Failing,
    /// Its server says that it is gone for good (410).
    Gone,
}

impl State {
    const ALL: [Self; 7] =
        [Self::New, Self::Fine, Self::Moved, Self::Silent, Self::Lossy, Self::Failing, Self::Gone];

    /// The name that the store keeps and people see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Fine => "fine",
            Self::Moved => "moved",
            Self::Silent => "silent",
            Self::Lossy => "lossy",
            Self::Failing => "failing",
            Self::Gone => "gone",
        }
    }

    /// The state of that name; unknown names count as new.
    pub fn from_name(name: &str) -> Self {
        Self::ALL.into_iter().find(|s| s.as_str() == name).unwrap_or(Self::New)
    }

    /// The last poll worked.
    pub fn works(self) -> bool {
        matches!(self, Self::Fine | Self::Moved | Self::Silent | Self::Lossy)
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
    /// Why it is not fine, and what to do; of a poll that failed, why it did.
    pub reason: Option<String>,
}

/// How a poll went, as far as health is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poll<'a> {
    /// The feed was read, or is unchanged. What speaks against it all the same.
    Worked(&'a [Trouble]),
    /// It failed for this reason.
    Failed(&'a str),
    /// The server says that it is gone.
    Gone,
}

/// What is remembered of a source besides its health, and what a poll is judged by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Where it has moved to.
    pub moving: Moving,
    /// Whether it loses entries.
    pub losses: Losses,
    /// How long it is used to be without news.
    pub habit: Habit,
    /// When a poll of it worked last.
    pub worked_at: Option<Timestamp>,
    /// When a whole document was had last, and not the answer that it is unchanged.
    pub whole_at: Option<Timestamp>,
    /// Its server has said that it is unchanged when it was not: it is asked for the whole document each time.
    pub distrusted: bool,
}

/// Something that the administrator should know of a source that works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The state that it puts the source in.
    pub state: State,
    /// What it is, and what to do.
    pub reason: String,
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
/// It is asked at another address than the configured one.
pub const MOVED: &str = "source moved";
/// It has had no news for much longer than is usual.
pub const SILENT: &str = "source silent";
/// It may lose entries between two polls.
pub const LOSSY: &str = "source loses entries";

impl Record {
    /// What speaks against a source whose poll at `now` worked, the worst first. `asked` is where it was asked, as it
    /// may be shown.
    pub fn troubles(&self, asked: &str, now: Timestamp) -> Vec<Trouble> {
        let lossy = self.losses.trouble(now).map(|_| Trouble {
            state: State::Lossy,
            reason: "nothing in it was known from the poll before: what came in between may be lost. It is asked more \
                     often for now; a smaller max_interval or [polling] floor, or a feed that shows more entries, helps"
                .to_owned(),
        });
        let silent = self.habit.silence(now).map(|(quiet, longest)| Trouble {
            state: State::Silent,
            reason: format!(
                "no new entry for {}; its longest pause was {}. See whether its site still publishes, and whether this \
                 address is still its feed",
                whole(quiet),
                whole(longest)
            ),
        });
        let moved = self.moving.to.as_ref().map(|_| Trouble {
            state: State::Moved,
            reason: format!(
                "its server has moved it for good: it is asked at {asked} now. Write that into the config"
            ),
        });
        [lossy, silent, moved].into_iter().flatten().collect()
    }
}

/// In days, hours or minutes: the parts of it that count.
fn whole(duration: Duration) -> String {
    const HOUR: u64 = 3600;
    let seconds = duration.as_secs();
    let unit = if seconds >= 48 * HOUR {
        24 * HOUR
    } else if seconds >= HOUR {
        HOUR
    } else {
        60
    };
    show_duration(Duration::from_secs(seconds / unit * unit))
}

/// The health after a poll at `now`.
pub fn after(old: &Health, poll: Poll<'_>, now: Timestamp) -> Health {
    let (state, failures, reason) = match poll {
        Poll::Worked(troubles) => match troubles.first() {
            None => (State::Fine, 0, None),
            Some(worst) => (worst.state, 0, Some(worst.reason.clone())),
        },
        Poll::Gone => {
            let reason = "the server says the feed is gone for good (410); look for its new address";
            (State::Gone, old.failures.saturating_add(1), Some(reason.to_owned()))
        }
        Poll::Failed(reason) => {
            let state = if old.state == State::New { State::New } else { State::Failing };
            (state, old.failures.saturating_add(1), Some(reason.to_owned()))
        }
    };
    let since = if state == old.state { old.since } else { now };
    Health { state, since, failures, reason }
}

/// What the administrator has to hear of a source that does not work: its kind, if anything. One that has never
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

impl Trouble {
    /// What the administrator knows it by.
    pub fn kind(&self) -> &'static str {
        match self.state {
            State::Lossy => LOSSY,
            State::Silent => SILENT,
            State::Moved => MOVED,
            State::Gone => GONE,
            State::New | State::Fine | State::Failing => FAILING,
        }
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
            (26, Poll::Worked(&[]), State::Fine, 26, None),
            (27, Poll::Worked(&[]), State::Fine, 26, None),
            (28, Poll::Failed("500"), State::Failing, 28, None),
            (53, Poll::Failed("500"), State::Failing, 28, Some("source failing")),
            (54, Poll::Gone, State::Gone, 54, Some("source gone")),
            (55, Poll::Worked(&[]), State::Fine, 55, None),
        ];
        let mut has_worked = false;
        for (hour, poll, state, since, told) in steps {
            has_worked |= matches!(poll, Poll::Worked(_));
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
