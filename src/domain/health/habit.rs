//! How long a feed is used to be without news, from when its entries came: what is much longer is a silence.

use std::time::Duration;

use crate::time::{DAY, Timestamp};

/// A habit shows after so many arrivals, and two weekends.
const ARRIVALS: u32 = 10;
const WATCHED: Duration = Duration::from_hours(14 * 24);
/// A pause is a silence when it is so many times as long as the longest one before, and two days at least.
const MUCH: u32 = 4;
const SHORTEST_SILENCE: Duration = Duration::from_hours(2 * 24);
/// The longest pause counts half after this: feeds change their ways.
const HALF_LIFE: Duration = Duration::from_hours(56 * 24);
/// News that come after a longer absence of ours do not tell when they came.
const ABSENCE: Duration = Duration::from_hours(26);
/// A feed of no known habit is asked for all of its document after so long a time without news.
const UNKNOWN_HABIT: Duration = Duration::from_hours(7 * 24);

/// What is remembered of when news came.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Habit {
    /// When they came last.
    pub news_at: Option<Timestamp>,
    /// How often they came.
    pub arrivals: u32,
    /// Since when that is counted.
    pub since: Option<Timestamp>,
    /// The longest pause between two arrivals; it fades.
    pub longest: Duration,
}

impl Habit {
    /// After a poll at `now` that brought news; the poll before that worked was at `last`.
    pub fn after_news(self, last: Option<Timestamp>, now: Timestamp) -> Self {
        let Some(news_at) = self.news_at else {
            return Self { news_at: Some(now), arrivals: 1, since: Some(now), longest: Duration::ZERO };
        };
        let pause = now.since(news_at);
        if last.is_none_or(|last| now.since(last) > ABSENCE) {
            // What is not known of the time between is learned anew.
            return Self { news_at: Some(now), arrivals: 1, since: Some(now), ..self };
        }
        let faded = self.longest.mul_f64((-pause.as_secs_f64() / HALF_LIFE.as_secs_f64()).exp2());
        Self {
            news_at: Some(now),
            arrivals: self.arrivals.saturating_add(1),
            since: self.since.or(Some(now)),
            longest: faded.max(pause),
        }
    }

    /// How long nothing has come, and the longest that this took before, when that is a silence.
    pub fn silence(&self, now: Timestamp) -> Option<(Duration, Duration)> {
        let quiet = now.since(self.news_at?);
        (self.is_known() && quiet > (MUCH * self.longest).max(SHORTEST_SILENCE))
            .then_some((quiet, self.longest))
    }

    /// Whether to ask for the whole document although its validators are known: the server has said for longer than
    /// is usual that nothing is new, and may be wrong. Once a day at most, and the longer it is quiet the less often.
    pub fn doubts_unchanged(&self, whole_at: Option<Timestamp>, now: Timestamp) -> bool {
        let Some(whole_at) = whole_at else { return false };
        let quiet = now.since(self.news_at.unwrap_or(whole_at));
        let usual = if self.is_known() { self.longest.max(DAY) } else { UNKNOWN_HABIT };
        quiet > usual && now.since(whole_at) >= DAY.max(quiet / 8)
    }

    /// There is enough to judge by.
    fn is_known(&self) -> bool {
        let watched = self.since.zip(self.news_at).map(|(since, last)| last.since(since));
        self.arrivals >= ARRIVALS && watched.is_some_and(|watched| watched >= WATCHED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::HOUR;

    /// Monday, 4 January 2027, 00:00 UTC.
    const START: Timestamp = Timestamp::from_millis(1_799_020_800_000);

    /// A feed that is polled every half hour and has news at these hours after the start.
    fn lived(hours: impl IntoIterator<Item = u32>) -> Habit {
        hours.into_iter().fold(Habit::default(), |habit, hour| {
            let now = START + hour * HOUR;
            habit.after_news(Some(now - HOUR / 2), now)
        })
    }

    /// After how many hours without news it is called silent, if within a year.
    fn patience(habit: &Habit) -> Option<u32> {
        (1..24 * 365).find(|hours| habit.silence(habit.news_at.unwrap() + *hours * HOUR).is_some())
    }

    #[test]
    fn silence_is_measured_by_what_is_usual() {
        let weeks = |count: u32| 0..count * 168;
        let is_office = |hour: &u32| hour / 24 % 7 < 5 && (9..18).contains(&(hour % 24));
        let cases: [(&str, Habit, std::ops::Range<u32>); 4] = [
            ("news every hour, day and night", lived(weeks(4)), 48..50),
            ("news in the day only", lived(weeks(4).filter(|hour| hour % 24 > 8)), 48..50),
            ("quiet on weekends", lived(weeks(4).filter(is_office)), 230..265),
            ("once a week", lived(weeks(12).filter(|hour| hour % 168 == 30)), 650..675),
        ];
        for (name, habit, hours) in cases {
            let patience = patience(&habit);
            assert!(patience.is_some_and(|patience| hours.contains(&patience)), "{name}: {patience:?}");
        }
    }

    #[test]
    fn a_feed_of_no_known_habit_is_never_silent() {
        let rare = lived((0..9).map(|month| month * 730));
        let young = lived(0..200);
        let seldom_asked = (0..99).fold(Habit::default(), |habit, week| {
            let now = START + week * 7 * DAY;
            habit.after_news(Some(now - 7 * DAY), now)
        });
        for habit in [rare, young, seldom_asked, Habit::default()] {
            assert_eq!(habit.silence(START + 3000 * DAY), None, "{habit:?}");
        }
    }

    #[test]
    fn an_absence_of_ours_is_no_pause_of_the_feed() {
        let habit = lived(0..24 * 20);
        let back = habit.news_at.unwrap() + 9 * DAY;
        let after = habit.after_news(habit.news_at, back);
        assert!(after.longest <= HOUR, "{after:?}");
        assert_eq!(after.silence(back + HOUR), None);
    }

    #[test]
    fn a_long_pause_is_forgotten_in_time() {
        let mut hours: Vec<u32> = (0..24 * 20).collect();
        hours.extend(24 * 30..24 * 31);
        let habit = lived(hours.iter().copied());
        assert!(patience(&habit) > Some(24 * 30));
        let habit = lived(hours.into_iter().chain(24 * 31..24 * 400));
        assert!(patience(&habit) < Some(24 * 5), "{:?}", patience(&habit));
    }

    #[test]
    fn unchanged_is_doubted_once_a_day_at_most_and_less_and_less() {
        let habit = lived(0..24 * 20);
        let last = habit.news_at.unwrap();
        let mut asked = Vec::new();
        let mut whole_at = last;
        for half_hours in 1..48 * 100 {
            let now = last + half_hours * HOUR / 2;
            if habit.doubts_unchanged(Some(whole_at), now) {
                whole_at = now;
                asked.push(half_hours / 48);
            }
        }
        assert_eq!(asked[..4], [1, 2, 3, 4], "daily");
        assert!((16..32).contains(&asked.len()), "{asked:?}");
        let unknown = Habit { news_at: Some(START), ..Habit::default() };
        assert!(!unknown.doubts_unchanged(Some(START), START + 7 * DAY));
        assert!(unknown.doubts_unchanged(Some(START), START + 7 * DAY + HOUR));
        assert!(!habit.doubts_unchanged(None, last + 90 * DAY), "it was never had");
    }
}
