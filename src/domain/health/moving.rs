//! Where a feed has moved to: a permanent redirect is saved when it has proved itself.

use std::time::Duration;

use url::Url;

use crate::time::{DAY, Timestamp};

/// The same redirect is seen so often, so far apart, before it is believed.
const TIMES: u32 = 3;
const APART: Duration = DAY;
/// A saved address that fails this often in a row and for a day is given up again.
const FAILURES: u32 = 3;

/// What is remembered of permanent redirects.
#[must_use]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moving {
    /// The address that is asked in place of the configured one.
    pub to: Option<String>,
    /// A redirect that has yet to prove itself.
    pub trial: Option<Trial>,
}

/// A permanent redirect from the address that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    /// Where it leads.
    pub to: String,
    /// How often it was seen, each time a day after the last.
    pub times: u32,
    /// When it was counted last.
    pub at: Timestamp,
}

impl Moving {
    /// After a poll of `asked` that worked, and which permanent redirects alone had led to `seen` first, if any did.
    /// `home` is the configured address.
    pub fn after(self, home: &str, asked: &str, seen: Option<&str>, now: Timestamp) -> Self {
        let Some(seen) = seen.filter(|seen| *seen != asked && may_replace(asked, seen)) else {
            return Self { trial: None, ..self };
        };
        let trial = match self.trial {
            Some(trial) if trial.to == seen && now.since(trial.at) < APART => trial,
            Some(trial) if trial.to == seen => Trial { times: trial.times + 1, at: now, ..trial },
            _ => Trial { to: seen.to_owned(), times: 1, at: now },
        };
        if trial.times < TIMES {
            return Self { trial: Some(trial), ..self };
        }
        Self { to: Some(trial.to).filter(|to| to != home), trial: None }
    }

    /// After a poll that failed: the configured address knows better where a feed is whose new place is gone.
    pub fn after_failure(self, gone: bool, failures: u32, failing_for: Duration) -> Self {
        if gone || (failures >= FAILURES && failing_for >= DAY) { Self::default() } else { self }
    }
}

/// A connection that nobody can listen to is not given up for good.
fn may_replace(asked: &str, seen: &str) -> bool {
    let scheme = |url: &str| Url::parse(url).map(|url| url.scheme().to_owned()).ok();
    scheme(seen).is_some_and(|new| new == "https" || scheme(asked).as_deref() != Some("https"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    const HOME: &str = "https://old.example/feed";
    const NEW: &str = "https://new.example/feed";
    const OTHER: &str = "https://other.example/feed";
    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    type Polls<'p> = &'p [(u32, Option<&'static str>)];

    /// Where a feed is asked after polls at these hours that were led there.
    fn asked_after(polls: Polls<'_>) -> String {
        let mut moving = Moving::default();
        for (hour, seen) in polls {
            let asked = moving.to.clone().unwrap_or(HOME.to_owned());
            moving = moving.after(HOME, &asked, *seen, START + *hour * HOUR);
        }
        moving.to.unwrap_or(HOME.to_owned())
    }

    #[test]
    fn a_redirect_is_believed_at_the_third_time_a_day_apart() {
        let often: Vec<_> = (0..48).map(|hour| (hour, Some(NEW))).collect();
        let there_and_back: Vec<_> =
            (0..200).map(|hour| (hour, Some(if hour < 49 { NEW } else { HOME }))).collect();
        let cases: [(&str, Polls<'_>, &str); 7] = [
            ("at once", &[(0, Some(NEW))], HOME),
            ("often within two days", &often, HOME),
            ("three times", &[(0, Some(NEW)), (24, Some(NEW)), (48, Some(NEW))], NEW),
            ("not far enough apart", &[(0, Some(NEW)), (23, Some(NEW)), (46, Some(NEW))], HOME),
            ("another in between", &[(0, Some(NEW)), (24, Some(OTHER)), (48, Some(NEW))], HOME),
            ("none in between", &[(0, Some(NEW)), (24, None), (48, Some(NEW)), (72, Some(NEW))], HOME),
            ("back to where it was", &there_and_back, HOME),
        ];
        for (name, polls, expected) in cases {
            assert_eq!(asked_after(polls), expected, "{name}");
        }
        let plain = "http://new.example/feed";
        let moving = Moving { to: Some(NEW.to_owned()), trial: None };
        let kept = (0..99).fold(moving, |m, day| m.after(HOME, NEW, Some(plain), START + day * DAY));
        assert_eq!(kept.to.as_deref(), Some(NEW), "https is not given up");
    }

    #[test]
    fn a_place_that_fails_is_given_up() {
        let moved = || Moving { to: Some(NEW.to_owned()), trial: None };
        assert_eq!(moved().after_failure(false, 2, 3 * DAY), moved());
        assert_eq!(moved().after_failure(false, 9, HOUR), moved());
        assert_eq!(moved().after_failure(false, 3, DAY), Moving::default());
        assert_eq!(moved().after_failure(true, 1, HOUR), Moving::default());
    }
}
