//! When a feed asks to be left alone: hours and weekdays in UTC (`skipHours`, `skipDays`).

use std::time::Duration;

use super::{CACHE_BOUND, Next, Reason, Rhythm, own_ceiling};
use crate::time::{HOUR, Timestamp};

const HOURS: u32 = 0x00FF_FFFF;
const DAYS: u32 = 0x7F00_0000;
const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// Hours of the day and days of the week.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Skip(u32);

/// What a feed asks for in its last document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// To be left alone for so long after it was read.
    pub pause: Option<Duration>,
    /// And at these times.
    pub skip: Skip,
}

impl Skip {
    /// What the store keeps.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Reads what [`Self::bits`] wrote.
    pub fn from_bits(bits: u32) -> Self {
        Self(bits & (HOURS | DAYS))
    }

    /// This hour too, as it stands in a feed; older feeds count to 24.
    pub fn add_hour(&mut self, text: &str) {
        if let Ok(hour @ 0..=24) = text.trim().parse::<u32>() {
            self.0 |= 1 << (hour % 24);
        }
    }

    /// This weekday too, as it stands in a feed.
    pub fn add_day(&mut self, text: &str) {
        let head = text.trim().get(..3).map(str::to_ascii_lowercase);
        if let Some(day) = WEEKDAYS.iter().position(|day| head.as_deref() == Some(day)) {
            self.0 |= 1 << (24 + day);
        }
    }

    /// Whether a poll is unwelcome then. A feed that never wants any is not believed.
    pub fn covers(self, at: Timestamp) -> bool {
        const MILLIS: i64 = 3_600_000;
        let hours = at.millis().div_euclid(MILLIS);
        let (hour, day) = (hours.rem_euclid(24), (hours.div_euclid(24) + 3).rem_euclid(7));
        let stands = |set: u32, bit: i64| self.0 & set != set && self.0 & set & (1 << bit) != 0;
        stands(HOURS, hour) || stands(DAYS, 24 + day)
    }

    /// The next poll, moved out of the times that are skipped: by a day at most, and never beyond the source's own
    /// `max_interval`. What the server asked for, and the backoff of a feed that fails, stay as they are.
    pub fn heed(self, next: Next, rhythm: &Rhythm, now: Timestamp) -> Next {
        if !matches!(next.reason, Reason::Rhythm | Reason::Cache) {
            return next;
        }
        let most = own_ceiling(rhythm).unwrap_or(Duration::MAX).min(CACHE_BOUND);
        let latest = (now + most).max(next.due_at);
        let mut due_at = next.due_at;
        // The minute stays as it is: whoever skips the same hours is not asked all at once.
        while self.covers(due_at) && due_at < latest {
            due_at = (due_at + HOUR).min(latest);
        }
        let reason = if due_at > next.due_at { Reason::Cache } else { next.reason };
        Next { due_at, reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, MINUTE};

    /// Friday, 15 January 2027, 08:00 UTC.
    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn skip(hours: &[&str], days: &[&str]) -> Skip {
        let mut skip = Skip::default();
        for hour in hours {
            skip.add_hour(hour);
        }
        for day in days {
            skip.add_day(day);
        }
        skip
    }

    fn rhythm(max_interval: Option<Duration>) -> Rhythm {
        Rhythm { budget: 48, floor: 15 * MINUTE, ceiling: HOUR, max_interval }
    }

    #[test]
    fn a_poll_is_moved_out_of_what_is_skipped() {
        let everything: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
        let everything: Vec<&str> = everything.iter().map(String::as_str).collect();
        let cases: [(&str, Skip, Duration, Duration); 8] = [
            ("nothing", skip(&[], &[]), Duration::ZERO, Duration::ZERO),
            ("another hour", skip(&["9"], &[]), Duration::ZERO, Duration::ZERO),
            ("this hour", skip(&["8"], &[]), 10 * MINUTE, HOUR + 10 * MINUTE),
            ("three hours", skip(&["8", " 9", "10"], &[]), 5 * MINUTE, 3 * HOUR + 5 * MINUTE),
            ("today", skip(&[], &["Friday"]), HOUR, 16 * HOUR),
            ("a long weekend ends after a day", skip(&[], &["Fri", "SATURDAY", "Sunday"]), HOUR, DAY),
            ("all hours are none", skip(&everything, &[]), HOUR, HOUR),
            ("nonsense", skip(&["25", "-1", "x", ""], &["", "Fr", "Freitag", "ж"]), HOUR, HOUR),
        ];
        for (name, skip, wait, expected) in cases {
            let next = Next { due_at: NOW + wait, reason: Reason::Rhythm };
            let moved = skip.heed(next, &rhythm(None), NOW);
            assert_eq!(moved.due_at.since(NOW), expected, "{name}");
            assert_eq!(moved.reason == Reason::Cache, expected > wait, "{name}");
            assert_eq!(Skip::from_bits(skip.bits()), skip);
        }
        assert!(skip(&["24"], &[]).covers(NOW + 16 * HOUR), "midnight, as older feeds write it");
    }

    #[test]
    fn the_source_and_the_server_win() {
        let skip = skip(&["8", "9", "10"], &[]);
        let next = |reason| Next { due_at: NOW + 20 * MINUTE, reason };
        let own = skip.heed(next(Reason::Rhythm), &rhythm(Some(30 * MINUTE)), NOW);
        assert_eq!(own.due_at, NOW + 30 * MINUTE);
        for reason in [Reason::Server, Reason::Backoff] {
            assert_eq!(skip.heed(next(reason), &rhythm(None), NOW), next(reason));
        }
    }
}
