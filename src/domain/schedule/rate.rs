//! How much news a feed brings, and when: learned from what its polls found.
//!
//! Two Gamma-Poisson filters follow the level, a slow one over weeks and a fast one over days that is drawn
//! towards it; a profile of hours and one of weekdays, both in UTC, say how the level is spread. What is
//! kept of a feed is 35 numbers and a time, however long it is followed.

use std::time::Duration;

use super::number;
use crate::time::{DAY, Timestamp};

/// After this nothing is known of a feed any longer.
const LONGEST: Duration = Duration::from_hours(31 * 24);
/// What is counted halves in this time: weeks for the level and the profile, days for what happens now.
const SLOW: f64 = 28.0 * 86_400.0;
const FAST: f64 = 2.0 * 86_400.0;
/// One item a day is believed before anything is known, as firmly as one item.
const PRIOR: f64 = 1.0 / 86_400.0;
const PRIOR_ITEMS: f64 = 1.0;
/// The fast filter is drawn to the slow one as firmly as three items.
const FAST_PRIOR: f64 = 3.0;
/// The profile is drawn to an even one as firmly as so many items.
const HOURS_PRIOR: f64 = 24.0;
const DAYS_PRIOR: f64 = 14.0;

/// Items that were counted, and how many an hour of that time stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Count {
    items: f64,
    exposure: f64,
}

impl Count {
    fn add(&mut self, items: f64, exposure: f64, elapsed: f64, half_life: f64) {
        let kept = (-elapsed / half_life).exp2();
        self.items = self.items * kept + items;
        self.exposure = self.exposure * kept + exposure;
    }
}

/// The learned rate of one feed.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// Per second.
    slow: Count,
    /// Per item that the slow filter expects.
    fast: Count,
    hours: [f64; 24],
    days: [f64; 7],
    at: Timestamp,
}

/// How a level is spread over hours and weekdays: factors around 1.
pub(super) struct Profile {
    hours: [f64; 24],
    days: [f64; 7],
}

impl Profile {
    fn at(&self, at: Timestamp) -> f64 {
        self.hours[hour(at)] * self.days[weekday(at)]
    }
}

impl Rate {
    /// What the dates in the first document of a feed tell, at `now`.
    pub fn first(now: Timestamp, dates: &[Timestamp]) -> Self {
        let mut rate = Self {
            slow: Count::default(),
            fast: Count::default(),
            hours: [0.0; 24],
            days: [0.0; 7],
            at: now,
        };
        let past: Vec<_> = dates.iter().copied().filter(|date| *date <= now).collect();
        if let Some(oldest) = past.iter().min() {
            let span = now.since(*oldest).max(if past.len() < 2 { DAY } else { Duration::from_mins(1) });
            rate.slow = Count { items: number(past.len()), exposure: span.as_secs_f64() };
            if past.len() > 1 {
                for date in past {
                    rate.count_at(date);
                }
            }
        }
        rate
    }

    /// What a poll at `now` found: the dates of the entries that it saw first. A date from before the last
    /// poll or after `now` says nothing of the hour; such an item counts in the middle between the polls.
    pub fn observe(&mut self, now: Timestamp, dates: &[Option<Timestamp>]) {
        // Of what a long absence brought, the document shows the newest only; or the clock was wrong.
        if now.since(self.at) > LONGEST {
            *self = Self::first(now, &dates.iter().copied().flatten().collect::<Vec<_>>());
            return;
        }
        let elapsed = now.since(self.at).as_secs_f64();
        if elapsed <= 0.0 {
            self.at = now;
            return;
        }
        let expected = self.slow_level() * self.spread(self.at, now);
        self.slow.add(number(dates.len()), elapsed, elapsed, SLOW);
        self.fast.add(number(dates.len()), expected, elapsed, FAST);
        if !dates.is_empty() {
            let kept = (-elapsed / SLOW).exp2();
            self.hours.iter_mut().chain(&mut self.days).for_each(|items| *items *= kept);
            let (last, middle) = (self.at, self.at + now.since(self.at) / 2);
            for date in dates {
                self.count_at(date.filter(|date| (last..=now).contains(date)).unwrap_or(middle));
            }
        }
        self.at = now;
    }

    /// What the store keeps.
    pub fn to_bytes(&self) -> Vec<u8> {
        let counts = [self.slow.items, self.slow.exposure, self.fast.items, self.fast.exposure];
        let mut bytes = self.at.millis().to_le_bytes().to_vec();
        for number in counts.iter().chain(&self.hours).chain(&self.days) {
            bytes.extend(number.to_le_bytes());
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] wrote; none of anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (at, rest) = bytes.split_first_chunk()?;
        let (numbers, []) = rest.as_chunks() else { return None };
        let numbers: Vec<_> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        let (counts, spread) = numbers.split_first_chunk::<4>()?;
        let (hours, days) = spread.split_first_chunk()?;
        let [slow, exposed, fast, expected] = *counts;
        numbers.iter().all(|number| number.is_finite() && *number >= 0.0).then_some(())?;
        Some(Self {
            slow: Count { items: slow, exposure: exposed },
            fast: Count { items: fast, exposure: expected },
            hours: *hours,
            days: days.try_into().ok()?,
            at: Timestamp::from_millis(i64::from_le_bytes(*at)),
        })
    }

    /// Items a day that are to be expected at present.
    pub fn per_day(&self) -> f64 {
        self.level() * DAY.as_secs_f64()
    }

    /// How long after a poll at `from` the delay that is to be expected of what came since costs as much as a
    /// request: `price`, in seconds of delay. Not later than `ceiling`, and not so late that more than
    /// `most` items are to be expected.
    ///
    /// For a steady rate this is the square-root law of Sia, Cho and Cho (2007): `sqrt(2 price / rate)`.
    pub(super) fn wait(&self, price: f64, most: f64, from: Timestamp, ceiling: Duration) -> Duration {
        let (level, profile) = (self.level(), self.profile());
        let (mut past, mut items, mut delay) = (0.0, 0.0, 0.0);
        for (at, length) in pieces(from, from + ceiling) {
            let here = level * profile.at(at);
            let costs = delay + items * length + here * length * length / 2.0;
            let paid = (costs >= price).then(|| {
                ((items * items + 2.0 * here * (price - delay).max(0.0)).sqrt() - items)
                    / here.max(f64::MIN_POSITIVE)
            });
            let full = (items + here * length >= most)
                .then(|| (most - items).max(0.0) / here.max(f64::MIN_POSITIVE));
            if let Some(rest) = paid.into_iter().chain(full).reduce(f64::min) {
                return Duration::from_secs_f64(past + rest.clamp(0.0, length)).min(ceiling);
            }
            (past, items, delay) = (past + length, items + here * length, costs);
        }
        ceiling
    }

    /// The level of a feed of which nothing is known.
    pub const UNKNOWN: f64 = PRIOR;

    /// Items a second, without the profile.
    pub fn level(&self) -> f64 {
        self.slow_level() * (self.fast.items + FAST_PRIOR) / (self.fast.exposure + FAST_PRIOR)
    }

    fn slow_level(&self) -> f64 {
        (self.slow.items + PRIOR_ITEMS) / (self.slow.exposure + PRIOR_ITEMS / PRIOR)
    }

    pub(super) fn profile(&self) -> Profile {
        let (hours, days): (f64, f64) = (self.hours.iter().sum(), self.days.iter().sum());
        let smooth = |h: usize| {
            0.25 * self.hours[(h + 23) % 24] + 0.5 * self.hours[h] + 0.25 * self.hours[(h + 1) % 24]
        };
        Profile {
            hours: std::array::from_fn(|h| 24.0 * (smooth(h) + HOURS_PRIOR / 24.0) / (hours + HOURS_PRIOR)),
            days: std::array::from_fn(|d| 7.0 * (self.days[d] + DAYS_PRIOR / 7.0) / (days + DAYS_PRIOR)),
        }
    }

    fn count_at(&mut self, date: Timestamp) {
        self.hours[hour(date)] += 1.0;
        self.days[weekday(date)] += 1.0;
    }

    /// The integral of the profile, in seconds.
    fn spread(&self, from: Timestamp, to: Timestamp) -> f64 {
        let profile = self.profile();
        pieces(from, to).map(|(at, length)| profile.at(at) * length).sum()
    }
}

/// The time between two instants, cut at full hours: where each piece begins, and its seconds.
fn pieces(from: Timestamp, to: Timestamp) -> impl Iterator<Item = (Timestamp, f64)> {
    let mut at = from;
    std::iter::from_fn(move || {
        let full = (at.millis().div_euclid(HOUR_MILLIS) + 1).saturating_mul(HOUR_MILLIS);
        let next = Timestamp::from_millis(full).min(to);
        let piece = (at < to).then(|| (at, next.since(at).as_secs_f64()));
        at = next;
        piece
    })
}

const HOUR_MILLIS: i64 = 3_600_000;

fn hour(at: Timestamp) -> usize {
    usize::try_from(at.millis().div_euclid(HOUR_MILLIS).rem_euclid(24)).unwrap_or(0)
}

/// 1970-01-01 was a Thursday; Monday is 0.
fn weekday(at: Timestamp) -> usize {
    usize::try_from((at.millis().div_euclid(24 * HOUR_MILLIS) + 3).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, MINUTE};

    /// A Monday, 00:00 UTC.
    const MONDAY: Timestamp = Timestamp::from_millis(1_800_230_400_000);

    /// A feed that is polled each half hour for `days` and publishes in the hours that `busy` names.
    fn followed(days: u32, busy: impl Fn(u32) -> bool) -> Rate {
        let mut rate = Rate::first(MONDAY, &[]);
        for half_hour in 1..=days * 48 {
            let now = MONDAY + half_hour * (HOUR / 2);
            let news = busy((half_hour - 1) / 2 % 24).then_some(Some(now - MINUTE));
            rate.observe(now, news.as_slice());
        }
        rate
    }

    #[test]
    fn the_level_is_learned_within_days_and_follows_a_change() {
        let rate = followed(10, |_| true);
        assert!((45.0..51.0).contains(&rate.per_day()), "{}", rate.per_day());
        let mut rate = rate;
        rate.observe(MONDAY + 14 * DAY, &[]);
        assert!(rate.per_day() < 15.0, "silent for four days: {}", rate.per_day());
    }

    #[test]
    fn a_steady_feed_is_asked_by_the_square_root_of_its_price() {
        let rate = followed(56, |_| true);
        let wait = rate.wait(1800.0 * 1800.0 / 2.0 * rate.level(), 1e9, MONDAY + 56 * DAY, DAY);
        assert!((28 * MINUTE..32 * MINUTE).contains(&wait), "{wait:?}");
    }

    #[test]
    fn what_publishes_by_day_is_asked_by_day() {
        let rate = followed(28, |hour| (8..18).contains(&hour));
        let price = 1800.0 * 1800.0 / 2.0 * rate.level();
        let at = |hour: u32| rate.wait(price, 1e9, MONDAY + 28 * DAY + hour * HOUR, DAY);
        assert!(at(12) < 25 * MINUTE, "{:?}", at(12));
        assert!(at(20) > 60 * MINUTE, "{:?}", at(20));
    }

    #[test]
    fn a_short_window_is_looked_at_before_it_runs_over() {
        let rate = followed(56, |_| true);
        let wait = rate.wait(1e12, 3.0, MONDAY + 56 * DAY, DAY);
        assert!((80 * MINUTE..100 * MINUTE).contains(&wait), "three items at two an hour: {wait:?}");
        assert_eq!(rate.wait(1e12, 1e9, MONDAY, 2 * HOUR), 2 * HOUR, "the ceiling");
    }

    #[test]
    fn the_first_document_is_enough_to_begin_with() {
        let dates: Vec<_> = (1..=30).map(|hour| MONDAY - hour * HOUR).collect();
        let per_day = Rate::first(MONDAY, &dates).per_day();
        assert!((12.0..30.0).contains(&per_day), "{per_day}");
        let future = Rate::first(MONDAY, &[MONDAY + DAY]);
        assert_eq!(future, Rate::first(MONDAY, &[]), "a date in the future tells nothing");
    }

    #[test]
    fn clocks_that_jump_teach_nothing() {
        let mut rate = followed(10, |_| true);
        let before = rate.per_day();
        rate.observe(MONDAY, &[None, None]);
        assert_eq!(rate.per_day().to_bits(), before.to_bits());
        rate.observe(MONDAY + 4000 * DAY, &[Some(MONDAY + 9000 * DAY), Some(MONDAY - DAY), None]);
        assert!(rate.per_day().is_finite() && rate.per_day() > 0.0);
        let mut rate = followed(10, |_| true);
        let start = MONDAY + 2000 * DAY;
        rate.observe(start, &[Some(start - HOUR)]);
        for half_hour in 1..=3 * 48 {
            let now = start + half_hour * (HOUR / 2);
            rate.observe(now, &[Some(now - MINUTE)]);
        }
        assert!((30.0..60.0).contains(&rate.per_day()), "years ahead, and learned anew: {}", rate.per_day());
    }

    #[test]
    fn what_is_stored_comes_back() {
        let rate = followed(3, |hour| hour > 5);
        let bytes = rate.to_bytes();
        assert_eq!(Rate::from_bytes(&bytes).as_ref(), Some(&rate));
        assert_eq!(Rate::from_bytes(&bytes[1..]), None);
        assert_eq!(Rate::from_bytes(&[0xFF; 288]), None, "not a number");
    }
}
