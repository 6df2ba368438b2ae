//! The one clock, instants in milliseconds and durations as users write them (`15m`, `6h`, `2d`).
//!
//! Nothing else in the crate asks the system for the time: what needs it takes `now` as an argument.

use std::fmt;
use std::ops::{Add, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// One second.
pub const SECOND: Duration = Duration::from_secs(1);
/// One minute.
pub const MINUTE: Duration = Duration::from_mins(1);
/// One hour.
pub const HOUR: Duration = Duration::from_hours(1);
/// One day of 24 hours.
pub const DAY: Duration = Duration::from_hours(24);

/// An instant: milliseconds since 1970-01-01T00:00:00Z, as the store keeps it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `millis` milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to here; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The same instant for calendar work; instants beyond jiff's years are clamped to its bounds.
    pub fn calendar(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(if self.0 < 0 {
            jiff::Timestamp::MIN
        } else {
            jiff::Timestamp::MAX
        })
    }
}

impl From<jiff::Timestamp> for Timestamp {
    fn from(at: jiff::Timestamp) -> Self {
        Self(at.as_millisecond())
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, rhs: Duration) -> Self {
        Self(self.0.saturating_add(millis(rhs)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, rhs: Duration) -> Self {
        Self(self.0.saturating_sub(millis(rhs)))
    }
}

/// RFC 3339 in UTC, for logs and JSON.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.calendar().fmt(f)
    }
}

impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A duration in whole milliseconds, saturating.
fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// Where `now` comes from: the machine, or a test that moves it by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's wall clock.
    #[default]
    System,
    /// The wall clock as it was once, carried on by the monotonic one: a step of the wall clock is seen only
    /// when it is adopted, so that nobody acts on it before what is stored has been brought along.
    Steady(Arc<Steady>),
    /// A clock that stands still until it is moved.
    Manual(Arc<AtomicI64>),
}

/// See [`Clock::Steady`].
#[derive(Debug)]
pub struct Steady {
    since: Instant,
    /// The wall clock at `since`, in milliseconds.
    wall: AtomicI64,
}

impl Clock {
    /// A clock that stands at `at` until [`Clock::advance`] moves it.
    pub fn manual(at: Timestamp) -> Self {
        Self::Manual(Arc::new(AtomicI64::new(at.0)))
    }

    /// A clock that goes on from the machine's present time, whatever becomes of that.
    pub fn steady() -> Self {
        let wall = AtomicI64::new(Self::System.now().0);
        Self::Steady(Arc::new(Steady { since: Instant::now(), wall }))
    }

    /// The present instant.
    #[expect(clippy::disallowed_methods, reason = "the one place that may ask the system")]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => {
                let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
                Timestamp(since_epoch.map_or(0, millis))
            }
            Self::Steady(steady) => {
                Timestamp(steady.wall.load(Ordering::SeqCst).saturating_add(millis(steady.since.elapsed())))
            }
            Self::Manual(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock forward; the system's cannot be moved.
    pub fn advance(&self, by: Duration) {
        self.shift(millis(by));
    }

    /// Moves a steady or a manual clock by so many milliseconds, in either direction.
    pub fn shift(&self, by: i64) {
        match self {
            Self::System => {}
            Self::Steady(steady) => drop(steady.wall.fetch_add(by, Ordering::SeqCst)),
            Self::Manual(at) => drop(at.fetch_add(by, Ordering::SeqCst)),
        }
    }
}

/// Why a text is no duration.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a duration is a number and a unit: 30s, 15m, 6h, 2d, 4w or 1y")]
pub struct BadDuration;

const UNITS: [(&str, u64); 6] =
    [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400), ("w", 604_800), ("y", 31_536_000)];

/// Reads a duration as users write it: one whole number and one unit.
///
/// ```
/// use std::time::Duration;
/// assert_eq!(habar::time::parse_duration("15m"), Ok(Duration::from_secs(900)));
/// assert!(habar::time::parse_duration("15").is_err());
/// ```
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let count: u64 = digits.trim_end().parse().map_err(|_| BadDuration)?;
    let unit = &text[digits.len()..];
    let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(BadDuration)?;
    count.checked_mul(*seconds).map(Duration::from_secs).ok_or(BadDuration)
}

/// Writes a duration with its two largest units, as people read it: `45s`, `15m`, `1h 30m`, `3d 4h`.
pub fn show_duration(duration: Duration) -> String {
    let mut rest = duration.as_secs();
    let mut parts = Vec::new();
    for (unit, seconds) in [("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)] {
        let count = rest / seconds;
        rest %= seconds;
        if count > 0 {
            parts.push(format!("{count}{unit}"));
        } else if !parts.is_empty() {
            break;
        }
    }
    parts.truncate(2);
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        let cases = [
            ("45s", Some(45)),
            ("15m", Some(900)),
            ("6h", Some(21_600)),
            ("2d", Some(172_800)),
            ("1y", Some(31_536_000)),
            ("0s", Some(0)),
            (" 5m ", Some(300)),
            ("", None),
            ("m", None),
            ("15", None),
            ("1.5h", None),
            ("-5m", None),
            ("5 parsecs", None),
            ("99999999999999999999s", None),
            ("9999999999999999y", None),
        ];
        for (text, seconds) in cases {
            assert_eq!(parse_duration(text).ok(), seconds.map(Duration::from_secs), "{text:?}");
        }
    }

    #[test]
    fn durations_are_shown_with_two_units() {
        let cases = [
            (0, "0s"),
            (45, "45s"),
            (900, "15m"),
            (5400, "1h 30m"),
            (86_460, "1d"),
            (273_600, "3d 4h"),
            (3661, "1h 1m"),
        ];
        for (seconds, text) in cases {
            assert_eq!(show_duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let late = Timestamp::from_millis(i64::MAX);
        assert_eq!(late + DAY, late);
        assert_eq!(Timestamp::from_millis(5).since(late), Duration::ZERO);
        assert_eq!(Timestamp::from_millis(5_000).since(Timestamp::from_millis(2_000)), 3 * SECOND);
    }
}
