//! When an alert may be mailed: the delivery rule, in the reader's time zone, outside quiet hours.
//!
//! A digest that is due at a time of day comes exactly once each local day: where the clocks jump
//! over that time, right after the jump; where it comes twice, at the first of the two.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::ToSpan as _;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{AmbiguousOffset, TimeZone};

use crate::time::{DAY, Timestamp};

/// How soon a subscription is told, as written in the config: `now`, `hourly`, `daily 08:00`, `weekly mon 08:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rule {
    /// As soon as hits of the same minute have been gathered.
    Now,
    /// At each full hour of the reader's clock.
    Hourly,
    /// Once a day.
    Daily {
        /// The time of day.
        at: Time,
    },
    /// Once a week.
    Weekly {
        /// The day of the week.
        day: Weekday,
        /// The time of day.
        at: Time,
    },
}

/// Hours in which nobody is mailed: from the first time up to, not including, the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Quiet {
    /// When the quiet begins.
    pub from: Time,
    /// When it ends; an earlier time than `from` means the next morning.
    pub until: Time,
}

/// All that decides when a subscription is mailed.
#[derive(Clone, Debug)]
pub struct Timing {
    /// The delivery rule.
    pub rule: Rule,
    /// The reader's time zone.
    pub zone: TimeZone,
    /// The reader's quiet hours.
    pub quiet: Option<Quiet>,
    /// How long `now` waits for hits that can share a mail.
    pub gather: Duration,
}

/// When an alert made at `now` may be mailed; never before `now`, and after it for every rule but a `now` that gathers nothing.
pub fn release(timing: &Timing, now: Timestamp) -> Timestamp {
    let zone = &timing.zone;
    let at = match timing.rule {
        Rule::Now => now + timing.gather,
        Rule::Hourly => next_full_hour(zone, now),
        Rule::Daily { at } => next_digest(zone, now, at, |_| true),
        Rule::Weekly { day, at } => next_digest(zone, now, at, |date| date.weekday() == day),
    };
    match timing.quiet {
        Some(quiet) => after_quiet(zone, quiet, at),
        None => at,
    }
}

/// The end of the reader's quiet hours, if `now` lies in them: what is late waits for it too.
pub fn quiet_until(timing: &Timing, now: Timestamp) -> Option<Timestamp> {
    let quiet = timing.quiet?;
    Some(after_quiet(&timing.zone, quiet, now)).filter(|end| *end > now)
}

/// The next instant after `now` at which the clock of `zone` shows a full hour.
fn next_full_hour(zone: &TimeZone, now: Timestamp) -> Timestamp {
    const HOUR: i64 = 3_600_000;
    let full_hour_after = |at: Timestamp| {
        let offset = i64::from(zone.to_offset(at.calendar()).seconds()) * 1000;
        let past = at.millis().saturating_add(offset).rem_euclid(HOUR);
        at + Duration::from_millis((HOUR - past).unsigned_abs())
    };
    let next = full_hour_after(now);
    // Where clocks move by half an hour (Lord Howe Island) the full hour of the old time is none of the new.
    let on_the_hour = zone.to_datetime(next.calendar()).time().minute() == 0;
    if on_the_hour { next } else { full_hour_after(next) }
}

/// The first digest after `now`: at `at` on a local day that `wanted` accepts.
fn next_digest(zone: &TimeZone, now: Timestamp, at: Time, wanted: impl Fn(Date) -> bool) -> Timestamp {
    let today = zone.to_datetime(now.calendar()).date();
    // Two weeks, since a day that the zone leaves out (Samoa, 30 December 2011) has no digest.
    (0..15)
        .map(|days: i64| today.saturating_add(days.days()))
        .filter(|date| wanted(*date) && exists(zone, *date))
        .filter_map(|date| first_instant(zone, date.to_datetime(at)))
        .find(|instant| *instant > now)
        .unwrap_or(now + DAY) // only past the last year that jiff knows
}

/// The end of the quiet hours that `at` falls into, else `at` itself.
fn after_quiet(zone: &TimeZone, quiet: Quiet, at: Timestamp) -> Timestamp {
    let local = zone.to_datetime(at.calendar());
    if !quiet.covers(local.time()) {
        return at;
    }
    let ends_tomorrow = quiet.from > quiet.until && local.time() >= quiet.from;
    let date = if ends_tomorrow { local.date().saturating_add(1.days()) } else { local.date() };
    let end = date.to_datetime(quiet.until);
    // The first of two equal clock times may lie behind `at`; then the quiet lasts until the second.
    [first_instant(zone, end), last_instant(zone, end)]
        .into_iter()
        .flatten()
        .find(|instant| *instant > at)
        .unwrap_or(at)
}

impl Quiet {
    /// Whether a clock that shows `time` is inside.
    fn covers(self, time: Time) -> bool {
        if self.from <= self.until {
            self.from <= time && time < self.until
        } else {
            self.from <= time || time < self.until
        }
    }
}

/// Whether `zone` has the day at all.
fn exists(zone: &TimeZone, date: Date) -> bool {
    let midnight = zone.to_zoned_datetime(date.to_datetime(Time::midnight()));
    midnight.is_ok_and(|instant| instant.date() == date)
}

/// The first instant at which the clock shows `local`, or the end of the gap that swallowed it.
fn first_instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let in_gap = matches!(ambiguous.offset(), AmbiguousOffset::Gap { .. });
    let instant = ambiguous.compatible().ok()?;
    if !in_gap {
        return Some(instant.into());
    }
    let jump = zone.preceding(instant).next();
    Some(jump.map_or(instant, |jump| jump.timestamp()).into())
}

/// The last instant at which the clock shows `local`.
fn last_instant(zone: &TimeZone, local: DateTime) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).later().ok().map(Timestamp::from)
}

/// Why a text is no delivery rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// The first word is none of the four.
    #[error(
        "\"{0}\" is no delivery rule: write \"now\", \"hourly\", \"daily 08:00\" or \"weekly mon 08:00\""
    )]
    Unknown(String),
    /// A time of day is missing or is none.
    #[error("\"{0}\" needs a time of day from 00:00 to 23:59, as in \"daily 08:00\" or \"weekly mon 08:00\"")]
    Time(String),
    /// The day of a weekly rule is none.
    #[error("\"{0}\" needs a day: mon, tue, wed, thu, fri, sat or sun, as in \"weekly mon 08:00\"")]
    Day(String),
}

impl FromStr for Rule {
    type Err = BadRule;

    fn from_str(text: &str) -> Result<Self, BadRule> {
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let shown = || text.trim().to_owned();
        let time = |word: &str| clock_time(word).ok_or_else(|| BadRule::Time(shown()));
        match words[..] {
            ["now"] => Ok(Self::Now),
            ["hourly"] => Ok(Self::Hourly),
            ["daily", at] => Ok(Self::Daily { at: time(at)? }),
            ["daily"] => Err(BadRule::Time(shown())),
            ["weekly", day, at] => {
                let day = weekday(day).ok_or_else(|| BadRule::Day(shown()))?;
                Ok(Self::Weekly { day, at: time(at)? })
            }
            ["weekly", day] if weekday(day).is_some() => Err(BadRule::Time(shown())),
            ["weekly", ..] => Err(BadRule::Day(shown())),
            _ => Err(BadRule::Unknown(shown())),
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now => f.write_str("now"),
            Self::Hourly => f.write_str("hourly"),
            Self::Daily { at } => write!(f, "daily {}", Clock(*at)),
            Self::Weekly { day, at } => {
                let index = usize::from(day.to_monday_zero_offset().unsigned_abs());
                write!(f, "weekly {} {}", DAYS[index].get(..3).unwrap_or_default(), Clock(*at))
            }
        }
    }
}

/// Why a text names no quiet hours.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadQuiet {
    /// It is not two times of day.
    #[error("\"{0}\" is no span of hours: write two times of day, as in \"22:00-07:00\"")]
    Times(String),
    /// It begins when it ends.
    #[error("quiet hours that begin and end at {0} would be empty; leave them out to have none")]
    Empty(String),
}

impl FromStr for Quiet {
    type Err = BadQuiet;

    fn from_str(text: &str) -> Result<Self, BadQuiet> {
        let times = text.split_once(['-', '–']).and_then(|(from, until)| {
            Some(Self { from: clock_time(from.trim())?, until: clock_time(until.trim())? })
        });
        match times {
            None => Err(BadQuiet::Times(text.trim().to_owned())),
            Some(quiet) if quiet.from == quiet.until => Err(BadQuiet::Empty(Clock(quiet.from).to_string())),
            Some(quiet) => Ok(quiet),
        }
    }
}

impl fmt::Display for Quiet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", Clock(self.from), Clock(self.until))
    }
}

/// A time of day as the config writes it.
struct Clock(Time);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0.hour(), self.0.minute())
    }
}

/// Reads `8:00` and `08:00`.
fn clock_time(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if !matches!(hour.len(), 1 | 2) || minute.len() != 2 || !digits(hour) || !digits(minute) {
        return None;
    }
    Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()
}

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Reads a day by its name, or by the first three letters or more of it.
fn weekday(text: &str) -> Option<Weekday> {
    let index = DAYS.iter().position(|day| text.len() >= 3 && day.starts_with(text))?;
    Weekday::from_monday_zero_offset(i8::try_from(index).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{MINUTE, SECOND};

    // Zones by their rules, so that no test needs the machine's zone database.
    const BUDAPEST: &str = "CET-1CEST,M3.5.0,M10.5.0/3";
    const TASHKENT: &str = "<+05>-5";
    const KATHMANDU: &str = "<+0545>-5:45";
    const LORD_HOWE: &str = "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0";
    const SAO_PAULO_2018: &str = "<-03>3<-02>,M11.1.0/0,M2.3.0/0";

    fn zone(rules: &str) -> TimeZone {
        TimeZone::posix(rules).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse::<jiff::Timestamp>().unwrap().into()
    }

    fn timing(rule: &str, zone_rules: &str, quiet: &str) -> Timing {
        Timing {
            rule: rule.parse().unwrap(),
            zone: zone(zone_rules),
            quiet: (!quiet.is_empty()).then(|| quiet.parse().unwrap()),
            gather: 45 * SECOND,
        }
    }

    fn check(rule: &str, zone_rules: &str, quiet: &str, cases: &[(&str, &str)]) {
        for (now, expected) in cases {
            let got = release(&timing(rule, zone_rules, quiet), at(now));
            assert_eq!(got, at(expected), "{rule} in {zone_rules}, quiet {quiet:?}, made at {now}");
        }
    }

    #[test]
    fn now_gathers() {
        check("now", TASHKENT, "", &[("2026-11-25T04:12:00Z", "2026-11-25T04:12:45Z")]);
    }

    #[test]
    fn hourly_is_the_next_full_hour_of_the_readers_clock() {
        check(
            "hourly",
            BUDAPEST,
            "",
            &[
                ("2026-11-25T04:12:31Z", "2026-11-25T05:00:00Z"),
                ("2026-11-25T05:00:00Z", "2026-11-25T06:00:00Z"),
                ("2026-11-25T04:59:59.999Z", "2026-11-25T05:00:00Z"),
                ("2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"),
                ("2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"),
            ],
        );
        check("hourly", KATHMANDU, "", &[("2026-11-25T04:12:00Z", "2026-11-25T04:15:00Z")]);
        // Back by half an hour at 15:00Z, when the clock shows 02:00 and then 01:30.
        check("hourly", LORD_HOWE, "", &[("2026-04-04T14:40:00Z", "2026-04-04T15:30:00Z")]);
    }

    #[test]
    fn daily_is_the_next_local_time_of_day() {
        check(
            "daily 08:00",
            TASHKENT,
            "",
            &[
                ("2026-11-25T02:59:59Z", "2026-11-25T03:00:00Z"),
                ("2026-11-25T03:00:00Z", "2026-11-26T03:00:00Z"),
                ("2026-11-25T22:00:00Z", "2026-11-26T03:00:00Z"),
                ("2026-12-31T23:00:00Z", "2027-01-01T03:00:00Z"),
            ],
        );
    }

    #[test]
    fn a_digest_in_the_gap_comes_right_after_it() {
        check("daily 02:30", BUDAPEST, "", &[("2026-03-28T22:00:00Z", "2026-03-29T01:00:00Z")]);
        check("weekly sun 02:30", BUDAPEST, "", &[("2026-03-25T22:00:00Z", "2026-03-29T01:00:00Z")]);
        check("daily 00:30", SAO_PAULO_2018, "", &[("2026-10-31T22:00:00Z", "2026-11-01T03:00:00Z")]);
    }

    #[test]
    fn a_digest_that_comes_twice_is_mailed_the_first_time() {
        check(
            "daily 02:30",
            BUDAPEST,
            "",
            &[
                ("2026-10-25T00:29:00Z", "2026-10-25T00:30:00Z"),
                ("2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"),
                ("2026-10-25T01:15:00Z", "2026-10-26T01:30:00Z"), // between the two
                ("2026-10-25T01:45:00Z", "2026-10-26T01:30:00Z"), // after the second
            ],
        );
    }

    /// Every hit of every minute goes to one digest, and each local day has one.
    #[test]
    fn one_digest_a_local_day_through_both_changes() {
        for (rules, first, last) in [
            (BUDAPEST, "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z"),
            (BUDAPEST, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z"),
            (TASHKENT, "2026-10-24T00:00:00Z", "2026-10-27T00:00:00Z"),
        ] {
            let timing = timing("daily 02:30", rules, "");
            let mut digests = Vec::new();
            let mut now = at(first);
            while now < at(last) {
                let due = release(&timing, now);
                assert!(due > now);
                if digests.last() != Some(&due) {
                    digests.push(due);
                }
                now = now + MINUTE;
            }
            let days: Vec<Date> =
                digests.iter().map(|due| timing.zone.to_datetime(due.calendar()).date()).collect();
            for pair in days.windows(2) {
                assert_eq!(pair[0].tomorrow().unwrap(), pair[1], "{rules}: {digests:?}");
            }
        }
    }

    #[test]
    fn weekly_waits_for_its_day() {
        check(
            "weekly mon 08:00",
            BUDAPEST,
            "",
            &[
                ("2026-11-25T04:00:00Z", "2026-11-30T07:00:00Z"),
                ("2026-11-30T06:59:00Z", "2026-11-30T07:00:00Z"),
                ("2026-11-30T07:00:00Z", "2026-12-07T07:00:00Z"),
                ("2026-10-24T12:00:00Z", "2026-10-26T07:00:00Z"), // the clocks change between
            ],
        );
    }

    #[test]
    fn quiet_hours_push_to_their_end() {
        check(
            "now",
            TASHKENT,
            "22:00-07:00",
            &[
                ("2026-11-25T16:00:00Z", "2026-11-25T16:00:45Z"), // 21:00
                ("2026-11-25T16:59:30Z", "2026-11-26T02:00:00Z"), // gathered into the quiet
                ("2026-11-25T17:00:00Z", "2026-11-26T02:00:00Z"), // 22:00
                ("2026-11-25T20:00:00Z", "2026-11-26T02:00:00Z"), // 01:00
                ("2026-11-26T01:59:00Z", "2026-11-26T02:00:00Z"),
                ("2026-11-26T02:00:00Z", "2026-11-26T02:00:45Z"), // 07:00
            ],
        );
        check("now", TASHKENT, "12:00-13:30", &[("2026-11-25T07:00:00Z", "2026-11-25T08:30:00Z")]);
        check("hourly", TASHKENT, "22:00-07:00", &[("2026-11-25T16:30:00Z", "2026-11-26T02:00:00Z")]);
        check("daily 23:00", TASHKENT, "22:00-07:00", &[("2026-11-25T16:30:00Z", "2026-11-26T02:00:00Z")]);
        check("daily 07:00", TASHKENT, "22:00-07:00", &[("2026-11-25T16:30:00Z", "2026-11-26T02:00:00Z")]);
    }

    #[test]
    fn quiet_hours_end_where_the_clocks_change() {
        // 02:30 does not exist: the quiet ends with the gap.
        check("now", BUDAPEST, "22:00-02:30", &[("2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z")]);
        // 02:30 comes twice, and between the two it is quiet again.
        check(
            "now",
            BUDAPEST,
            "22:00-02:30",
            &[
                ("2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"),
                ("2026-10-25T00:40:00Z", "2026-10-25T00:40:45Z"),
                ("2026-10-25T01:10:00Z", "2026-10-25T01:30:00Z"),
            ],
        );
    }

    #[test]
    fn times_beyond_the_calendar_still_give_an_answer() {
        for rule in ["now", "hourly", "daily 08:00", "weekly mon 08:00"] {
            for millis in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
                let now = Timestamp::from_millis(millis);
                assert!(release(&timing(rule, BUDAPEST, "22:00-07:00"), now) >= now, "{rule} at {millis}");
            }
        }
    }

    #[test]
    fn rules_are_read_and_shown() {
        for (text, shown) in [
            ("now", "now"),
            (" Hourly ", "hourly"),
            ("daily 8:00", "daily 08:00"),
            ("daily  23:59", "daily 23:59"),
            ("weekly mon 08:00", "weekly mon 08:00"),
            ("Weekly Sunday 00:05", "weekly sun 00:05"),
            ("weekly thurs 12:00", "weekly thu 12:00"),
        ] {
            assert_eq!(text.parse::<Rule>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn bad_rules_say_what_to_write() {
        for (text, word) in [
            ("", "no delivery rule"),
            ("immediately", "no delivery rule"),
            ("now please", "no delivery rule"),
            ("daily", "time of day"),
            ("daily 24:00", "time of day"),
            ("daily 8", "time of day"),
            ("daily 8:0", "time of day"),
            ("daily 08:00:00", "time of day"),
            ("daily -1:30", "time of day"),
            ("weekly", "needs a day"),
            ("weekly 08:00", "needs a day"),
            ("weekly mo 08:00", "needs a day"),
            ("weekly mon", "time of day"),
            ("weekly mon 8am", "time of day"),
        ] {
            let error = text.parse::<Rule>().unwrap_err().to_string();
            assert!(error.contains(word), "{text:?}: {error}");
        }
    }

    #[test]
    fn quiet_hours_are_read_and_shown() {
        for (text, shown) in [("22:00-07:00", "22:00-07:00"), (" 9:30 – 10:00 ", "09:30-10:00")] {
            assert_eq!(text.parse::<Quiet>().unwrap().to_string(), shown);
        }
        for text in ["", "22:00", "22:00-", "22-07", "25:00-07:00", "07:00-07:00", "22:00-07:00-08:00"] {
            assert!(text.parse::<Quiet>().is_err(), "{text:?}");
        }
    }
}
