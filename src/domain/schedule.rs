//! When a feed is polled next, behind one pure function.
//!
//! A feed is polled when the delay that is to be expected of what it published since costs as much as a request
//! ([`rate`]); the [`price`] is one for all feeds, and such that they spend the budget.
//!
//! Who wins, from the top: the server's Retry-After and 410; the backoff of a failing source; the
//! source's `max_interval`; the server's cache headers; the rhythm between floor and ceiling.

pub mod price;
pub mod rate;
pub mod replay;
pub mod skip;

use std::time::Duration;

use crate::time::{DAY, HOUR, Timestamp};
use price::Demand;
use rate::Rate;

/// The bounds a feed is polled within.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rhythm {
    /// Requests per feed and day.
    pub budget: u32,
    /// Never more often than this.
    pub floor: Duration,
    /// Never less often than this, unless the server asks for it or the feed fails.
    pub ceiling: Duration,
    /// The source's own ceiling; it may not go under the floor.
    pub max_interval: Option<Duration>,
}

/// What is learned of a feed, and what a request costs.
#[derive(Clone, Copy, Debug)]
pub struct Pace<'a> {
    /// How much news it brings, and when.
    pub rate: &'a Rate,
    /// The price of a request, in seconds of delay of one item.
    pub price: f64,
    /// How many entries its document shows; 0 when that is not known.
    pub window: u32,
}

/// How a poll ended, as far as the next one is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The feed was read, or is unchanged. How long the server calls its answer fresh.
    Worked {
        /// From the cache headers or the feed's `ttl`.
        fresh_for: Option<Duration>,
    },
    /// The feed could not be had or read.
    Failed {
        /// Failures in a row, this one included.
        failures: u32,
        /// Since when it fails.
        since: Timestamp,
        /// The server asked for fewer requests (429).
        throttled: bool,
    },
    /// The server named the time of the next request.
    RetryAfter(Timestamp),
    /// 410: the feed is gone for good.
    Gone,
}

/// Why a feed is due when it is due; bounds how far ahead that can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The rhythm between floor and ceiling.
    Rhythm,
    /// Cache headers of the server, or hints in the feed.
    Cache,
    /// The feed fails.
    Backoff,
    /// Retry-After or 410.
    Server,
}

impl Reason {
    /// The name that the store keeps.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rhythm => "rhythm",
            Self::Cache => "cache",
            Self::Backoff => "backoff",
            Self::Server => "server",
        }
    }
}

/// The next poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// When.
    pub due_at: Timestamp,
    /// Why then.
    pub reason: Reason,
}

/// The longest that cache headers are believed.
pub const CACHE_BOUND: Duration = DAY;
/// The longest backoff of a failing feed in its first month, and the longest it waits after.
const BACKOFF_BOUND: Duration = DAY;
/// The longest that a server is left alone because it asks for it.
pub const LONGEST_HOLD: Duration = WEEK;
const WEEK: Duration = Duration::from_hours(7 * 24);
const MONTH: Duration = Duration::from_hours(30 * 24);

/// How far ahead a `due_at` of each reason can lie, for a store whose clock was wrong.
pub fn bounds(ceiling: Duration) -> [(Reason, Duration); 4] {
    [
        (Reason::Rhythm, jittered(ceiling, 0xFF)),
        (Reason::Cache, jittered(CACHE_BOUND, 0xFF)),
        (Reason::Backoff, jittered(WEEK, 0xFF)),
        (Reason::Server, jittered(WEEK, 0xFF)),
    ]
}

/// The same for a feed that has a `max_interval`, where it works.
pub fn longest_interval(rhythm: &Rhythm) -> Option<Duration> {
    Some(jittered(own_ceiling(rhythm)?, 0xFF))
}

/// When the feed `id` is polled next; evenly, where nothing is learned of it. Jitter comes from `id` and `now`,
/// only ever adds, and never passes the ceiling.
pub fn next_poll(
    rhythm: &Rhythm,
    pace: Option<&Pace<'_>>,
    outcome: Outcome,
    now: Timestamp,
    id: i64,
) -> Next {
    let seed = xxhash_rust::xxh3::xxh3_64_with_seed(&now.millis().to_le_bytes(), id.unsigned_abs());
    let even = even_interval(rhythm);
    let (wait, reason) = match outcome {
        Outcome::RetryAfter(at) => {
            return Next { due_at: welcome(rhythm, at, now), reason: Reason::Server };
        }
        Outcome::Gone => (WEEK, Reason::Server),
        Outcome::Failed { failures, since, throttled } => {
            let extra = if throttled { HOUR.mul_f64(unit(seed >> 8)) } else { Duration::ZERO };
            (backoff(even, failures, now.since(since)) + extra, Reason::Backoff)
        }
        Outcome::Worked { fresh_for } => {
            let (least, most) = rhythm.between(fresh_for);
            let wait = pace.map_or(even, |pace| pace.wait(now, most)).clamp(least, most);
            let held_off = wait == least && least > rhythm.floor && Some(least) != own_ceiling(rhythm);
            let reason = if held_off || wait > rhythm.ceiling { Reason::Cache } else { Reason::Rhythm };
            return Next { due_at: now + jittered(wait, seed).min(most), reason };
        }
    };
    Next { due_at: now + jittered(wait, seed), reason }
}

/// When a server that wants to be asked at `at` is asked. A floor above the bound wins.
pub fn welcome(rhythm: &Rhythm, at: Timestamp, now: Timestamp) -> Timestamp {
    at.min(now + LONGEST_HOLD).max(now + rhythm.floor)
}

/// The first poll of each of `count` overdue feeds at the start of `run` waits at most this long.
pub fn start_spread(count: usize, floor: Duration) -> Duration {
    floor.min(Duration::from_millis(500).saturating_mul(u32::try_from(count).unwrap_or(u32::MAX)))
}

fn even_interval(rhythm: &Rhythm) -> Duration {
    let even = DAY / rhythm.budget.max(1);
    even.clamp(rhythm.floor.min(rhythm.ceiling), rhythm.ceiling.max(rhythm.floor))
}

impl Rhythm {
    /// The shortest and the longest wait after a poll that worked. A source's `max_interval` goes before what the
    /// server calls fresh, and that before the ceiling.
    fn between(&self, fresh_for: Option<Duration>) -> (Duration, Duration) {
        let own = own_ceiling(self).unwrap_or(Duration::MAX);
        let least = fresh_for.unwrap_or_default().min(CACHE_BOUND).min(own).max(self.floor);
        (least, self.ceiling.min(own).max(least))
    }

    /// What a feed of this level, in items a second, would spend.
    pub fn demand(&self, level: f64, fresh_for: Option<Duration>) -> Demand {
        let (floor, ceiling) = self.between(fresh_for);
        Demand { level, floor, ceiling }
    }
}

/// A document shows its newest entries: when so much of it is expected to be new, the rest may be lost.
const WINDOW_GUARD: f64 = 0.3;

impl Pace<'_> {
    fn wait(&self, now: Timestamp, ceiling: Duration) -> Duration {
        let most = if self.window == 0 { f64::INFINITY } else { WINDOW_GUARD * f64::from(self.window) };
        self.rate.wait(self.price, most, now, ceiling)
    }
}

fn own_ceiling(rhythm: &Rhythm) -> Option<Duration> {
    rhythm.max_interval.map(|most| most.max(rhythm.floor))
}

/// Doubles from the even interval to a day; once a week after a month of failure.
fn backoff(even: Duration, failures: u32, failing_for: Duration) -> Duration {
    if failing_for >= MONTH {
        return WEEK;
    }
    // The first failure already doubles; a source polled every second still waits a little.
    let doubled = even.max(SHORTEST_BACKOFF).saturating_mul(2_u32.saturating_pow(failures.clamp(1, 20)));
    doubled.min(BACKOFF_BOUND)
}

const SHORTEST_BACKOFF: Duration = Duration::from_secs(1);

/// How many, for reckoning.
fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Adds up to 5 %.
fn jittered(wait: Duration, seed: u64) -> Duration {
    wait + wait.mul_f64(0.05 * unit(seed)).min(HOUR)
}

/// The low byte of `seed` as a number from 0 to 1.
fn unit(seed: u64) -> f64 {
    f64::from(u8::try_from(seed & 0xFF).unwrap_or(u8::MAX)) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{MINUTE, SECOND};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const DEFAULT: Rhythm = Rhythm {
        budget: 48,
        floor: Duration::from_mins(15),
        ceiling: Duration::from_hours(1),
        max_interval: None,
    };

    fn wait(rhythm: Rhythm, outcome: Outcome) -> (u64, Reason) {
        let next = next_poll(&rhythm, None, outcome, NOW, 7);
        (next.due_at.since(NOW).as_secs() / 60, next.reason)
    }

    #[test]
    fn who_wins() {
        let fresh = |minutes: u64| Outcome::Worked { fresh_for: Some(Duration::from_mins(minutes)) };
        let plain = Outcome::Worked { fresh_for: None };
        let failed =
            |failures, days: u32| Outcome::Failed { failures, since: NOW - days * DAY, throttled: false };
        let eager = Rhythm { max_interval: Some(Duration::from_mins(20)), ..DEFAULT };
        let rare = Rhythm { floor: 30 * DAY, ceiling: 30 * DAY, ..DEFAULT };
        let too_eager = Rhythm { max_interval: Some(Duration::from_mins(1)), ..DEFAULT };
        let cases = [
            ("even interval of the budget", DEFAULT, plain, 30, Reason::Rhythm),
            ("floor", Rhythm { budget: 10_000, ..DEFAULT }, plain, 15, Reason::Rhythm),
            ("ceiling", Rhythm { budget: 1, ..DEFAULT }, plain, 60, Reason::Rhythm),
            ("short cache headers change nothing", DEFAULT, fresh(5), 30, Reason::Rhythm),
            ("cache headers raise it", DEFAULT, fresh(120), 120, Reason::Cache),
            ("cache headers are believed for a day", DEFAULT, fresh(60 * 24 * 9), 24 * 60, Reason::Cache),
            ("max_interval beats cache headers", eager, fresh(120), 20, Reason::Rhythm),
            ("max_interval stays over the floor", too_eager, plain, 15, Reason::Rhythm),
            ("first failure", DEFAULT, failed(1, 0), 60, Reason::Backoff),
            ("third failure", DEFAULT, failed(3, 0), 240, Reason::Backoff),
            ("backoff ends at a day", DEFAULT, failed(30, 2), 24 * 60, Reason::Backoff),
            ("weekly after a month", DEFAULT, failed(90, 31), 7 * 24 * 60, Reason::Backoff),
            ("backoff beats max_interval", eager, failed(3, 0), 240, Reason::Backoff),
            ("gone", eager, Outcome::Gone, 7 * 24 * 60, Reason::Server),
            ("Retry-After", eager, Outcome::RetryAfter(NOW + 5 * HOUR), 300, Reason::Server),
            ("Retry-After under the floor", DEFAULT, Outcome::RetryAfter(NOW + SECOND), 15, Reason::Server),
            (
                "Retry-After under a floor of a month",
                rare,
                Outcome::RetryAfter(NOW + HOUR),
                30 * 24 * 60,
                Reason::Server,
            ),
            (
                "Retry-After of a year",
                DEFAULT,
                Outcome::RetryAfter(NOW + 365 * DAY),
                7 * 24 * 60,
                Reason::Server,
            ),
        ];
        for (name, rhythm, outcome, minutes, reason) in cases {
            let (got, why) = wait(rhythm, outcome);
            assert_eq!(why, reason, "{name}");
            assert!(
                got >= minutes && got <= minutes + (minutes / 20).min(60) + 1,
                "{name}: {got} for {minutes}"
            );
        }
    }

    #[test]
    fn jitter_only_adds_and_differs_between_feeds() {
        let waits: Vec<_> = (0..100)
            .map(|id| {
                next_poll(&DEFAULT, None, Outcome::Worked { fresh_for: None }, NOW, id).due_at.since(NOW)
            })
            .collect();
        assert!(waits.iter().all(|wait| (30 * MINUTE..=32 * MINUTE).contains(wait)));
        assert!(waits.iter().max() > waits.iter().min());
    }

    #[test]
    fn no_due_time_lies_beyond_the_bound_of_its_reason() {
        let outcomes = [
            Outcome::Worked { fresh_for: None },
            Outcome::Worked { fresh_for: Some(90 * DAY) },
            Outcome::Failed { failures: 99, since: NOW, throttled: false },
            Outcome::RetryAfter(NOW + 90 * DAY),
            Outcome::Gone,
        ];
        for (outcome, id) in outcomes.into_iter().zip(0..) {
            let next = next_poll(&DEFAULT, None, outcome, NOW, id);
            let (_, bound) =
                bounds(DEFAULT.ceiling).into_iter().find(|(reason, _)| *reason == next.reason).unwrap();
            assert!(next.due_at.since(NOW) <= bound, "{outcome:?}");
        }
    }

    #[test]
    fn overdue_polls_are_spread_at_the_start() {
        assert_eq!(start_spread(10, 15 * MINUTE), 5 * SECOND);
        assert_eq!(start_spread(100_000, 15 * MINUTE), 15 * MINUTE);
    }
}
