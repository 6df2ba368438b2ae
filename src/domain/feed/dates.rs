//! Dates as feeds write them → instants: RFC 3339, RFC 822 and what publishers make of both, in many languages.
//!
//! The parts are recognised by their shape (a time has a colon, a zone follows the time, a month may be a word),
//! so that order and punctuation hardly matter. What has no zone is read as UTC.

use std::borrow::Cow;

use jiff::civil::Date;

use crate::domain::calendar;
use crate::time::Timestamp;

/// Years outside are taken for mistakes: clocks that were never set, and numbers that are no dates.
const YEARS: std::ops::RangeInclusive<i16> = 1980..=2099;

/// No date is longer.
const LONGEST: usize = 250;

/// A date as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    at: Timestamp,
    /// Where day and month are numbers either of which may be the other, the instant with the month first.
    month_first: Option<Timestamp>,
    /// What can be read in one order only tells the order of its neighbours.
    order: Option<Order>,
}

/// How a feed orders the numbers of a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As nearly everybody does.
    DayFirst,
    /// As in the United States.
    MonthFirst,
}

impl Written {
    /// The instant in a feed that orders its dates so; none: as this one suggests by itself.
    pub fn at(&self, order: Option<Order>) -> Timestamp {
        match (self.month_first, order.or(self.order)) {
            (Some(at), Some(Order::MonthFirst)) => at,
            _ => self.at,
        }
    }

    /// The order that this date alone proves.
    pub fn order(&self) -> Option<Order> {
        self.order.filter(|_| self.month_first.is_none())
    }
}

impl From<Timestamp> for Written {
    fn from(at: Timestamp) -> Self {
        Self { at, month_first: None, order: None }
    }
}

/// Reads a date; None for what is none, or an absurd one.
pub fn parse(text: &str) -> Option<Timestamp> {
    read(text).map(|written| written.at(None))
}

/// Reads a date that others of its feed may tell the order of.
pub fn read(text: &str) -> Option<Written> {
    let text = text.trim().trim_matches(['"', '\'']);
    // The years of an emperor are not ours.
    if text.len() > LONGEST || text.contains("令和") || text.contains("平成") {
        return None;
    }
    let text = plain(text);
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        return compact(&text).map(Written::from);
    }
    let mut date = tokens(&text);
    let mut clock = Clock::default();
    if let Some(at) = date.iter().position(|token| matches!(token, Token::Time(_))) {
        let rest = date.split_off(at);
        let half = date.last().and_then(half_of_day);
        clock = Clock::read(&rest, half)?;
        date.extend_from_slice(&rest[clock.tokens..]);
    }
    let (day, other) = calendar_day(&date)?;
    let at = |day| instant(day, clock.seconds - clock.zone.east_of_utc(day));
    let (month_first, order) = match other {
        Other::None => (None, None),
        Other::Order(order) => (None, Some(order)),
        // Hours are counted to twelve with dates like these where the month stands first.
        Other::Day(day) => (at(day), clock.half_days.then_some(Order::MonthFirst)),
    };
    Some(Written { at: at(day)?, month_first, order })
}

/// The text with ASCII digits, and with the marks of Chinese, Japanese and Korean dates as punctuation.
fn plain(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let text = calendar::ascii_digits(text);
    let mut out = String::with_capacity(text.len());
    let mut rest = text.as_ref();
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let after = rest.trim_start();
        let counts = after.starts_with(|c: char| c.is_ascii_digit());
        match c {
            _ if !out.ends_with(|c: char| c.is_ascii_digit()) => out.push(c),
            '年' | '년' | '月' | '월' => out.push('-'),
            '日' | '일' | '号' | '秒' | '초' => out.push(' '),
            '时' | '時' | '시' | '点' | '點' => {
                out.push_str(if counts {
                    ":"
                } else if after.starts_with('半') {
                    ":30"
                } else {
                    ":00"
                });
                rest = after;
            }
            '分' | '분' => {
                out.push(if counts { ':' } else { ' ' });
                rest = after;
            }
            _ => out.push(c),
        }
    }
    // Months of two words, in the countries of the Levant.
    for (name, usual) in [
        ("كانون الثاني", "يناير"),
        ("كانون الأول", "ديسمبر"),
        ("كانون الاول", "ديسمبر"),
        ("تشرين الثاني", "نوفمبر"),
        ("تشرين الأول", "أكتوبر"),
        ("تشرين الاول", "أكتوبر"),
    ] {
        if out.contains(name) {
            out = out.replace(name, usual);
        }
    }
    out.into()
}

/// Unix seconds, unix milliseconds, `20261123100000` or `202611231000`.
fn compact(digits: &str) -> Option<Timestamp> {
    let part = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
    let seconds = match digits.len() {
        14 => part(12, 14)?,
        12 if digits.starts_with("20") => 0,
        length => {
            let number: i64 = digits.parse().ok()?;
            let at = Timestamp::from_millis(if length > 11 { number } else { number.checked_mul(1000)? });
            return YEARS.contains(&jiff::tz::TimeZone::UTC.to_datetime(at.calendar()).year()).then_some(at);
        }
    };
    let day = civil(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
    instant(day, part(8, 10)? * 3600 + part(10, 12)? * 60 + seconds)
}

fn instant(day: Date, seconds: i64) -> Option<Timestamp> {
    let midnight = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_millisecond();
    Some(Timestamp::from_millis(midnight + seconds * 1000))
}

fn civil(year: i64, month: i64, day: i64) -> Option<Date> {
    if (1350..1480).contains(&year) {
        return calendar::persian(year, month, day);
    }
    let year = i16::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Number { value: i64, digits: usize },
    Time(Time),
    Word(&'a str),
    Sign(i64),
    Slash,
}

#[derive(Clone, Copy, Debug)]
struct Time {
    hour: i64,
    minute: i64,
    second: i64,
}

/// The halves of a day that is counted to twelve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    Morning,
    Afternoon,
}

fn half_of_day(token: &Token<'_>) -> Option<Half> {
    let Token::Word(word) = token else { return None };
    match word.to_lowercase().as_str() {
        "am" | "a.m." | "a.m" | "上午" | "午前" | "早上" | "凌晨" | "오전" | "öö" | "πμ" | "π.μ." | "ص"
        | "ق.ظ" => Some(Half::Morning),
        "pm" | "p.m." | "p.m" | "下午" | "午後" | "晚上" | "오후" | "ös" | "du." | "μμ" | "μ.μ." | "م"
        | "ب.ظ" => Some(Half::Afternoon),
        _ => None,
    }
}

/// The time of day and its zone.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    /// Into the day.
    seconds: i64,
    zone: Zone,
    half_days: bool,
    /// So many tokens tell it.
    tokens: usize,
}

impl Clock {
    /// Reads what begins with a time; `half` stood before it.
    fn read(tokens: &[Token<'_>], half: Option<Half>) -> Option<Self> {
        let [Token::Time(time), rest @ ..] = tokens else { return None };
        let (half, used) = match rest {
            [Token::Word("a." | "A."), Token::Word("m." | "M."), ..] => (Some(Half::Morning), 2),
            [Token::Word("p." | "P."), Token::Word("m." | "M."), ..] => (Some(Half::Afternoon), 2),
            [word, ..] => half_of_day(word).map_or((half, 0), |half| (Some(half), 1)),
            [] => (half, 0),
        };
        let (zone, zone_tokens) = Zone::read(&rest[used..])?;
        let seconds = time.seconds(half)?;
        Some(Self { seconds, zone, half_days: half.is_some(), tokens: 1 + used + zone_tokens })
    }
}

impl Time {
    /// Seconds into the day. An hour of 24 is the end of the day.
    fn seconds(self, half: Option<Half>) -> Option<i64> {
        let hour = match (self.hour, half) {
            (12, Some(Half::Morning)) => 0,
            (1..=11, Some(Half::Afternoon)) => self.hour + 12,
            (hour, _) => hour,
        };
        let valid = hour <= 24 && self.minute < 60 && self.second <= 60;
        let seconds = hour * 3600 + self.minute * 60 + self.second.min(59);
        (valid && seconds <= 86_400).then_some(seconds)
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::with_capacity(10);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some((time, after)) = time(rest) {
            found.push(Token::Time(time));
            rest = after;
        } else if c.is_ascii_digit() {
            let (value, digits, after) = number(rest);
            found.push(Token::Number { value, digits });
            rest = after;
        } else if c.is_alphabetic() {
            let end = rest.find(|c: char| !c.is_alphabetic() && c != '.').unwrap_or(rest.len());
            let (word, after) = rest.split_at(end);
            rest = after;
            // The T of ISO 8601 stands between digits.
            if word.eq_ignore_ascii_case("t") {
                if let (Some(Token::Number { .. }), Some((time, after))) = (found.last(), basic_time(rest)) {
                    found.push(Token::Time(time));
                    rest = after;
                }
            } else {
                found.push(Token::Word(word));
            }
        } else if matches!(c, '(' | '[') {
            rest = &rest[1..];
            // "(Coordinated Universal Time)" and "[Europe/Istanbul]" repeat the zone in words.
            let end = rest.find([')', ']']).unwrap_or(rest.len());
            if rest[..end].chars().count() > 5 {
                rest = &rest[end..];
            }
        } else {
            match c {
                '+' => found.push(Token::Sign(1)),
                '-' | '\u{2212}' => found.push(Token::Sign(-1)),
                '/' => found.push(Token::Slash),
                _ => {}
            }
            rest = &rest[c.len_utf8()..];
        }
    }
    found
}

fn number(text: &str) -> (i64, usize, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (text[..digits].parse().unwrap_or(i64::MAX), digits, &text[digits..])
}

/// `10:00`, `10:00:00`, `10:00:00.123`, `10h00`, `10h`.
fn time(text: &str) -> Option<(Time, &str)> {
    let (hour, 1..=2, after) = number(text) else { return None };
    if let Some(rest) = after.strip_prefix(['h', 'H']) {
        return match number(rest) {
            (minute, 2, rest) => Some((Time { hour, minute, second: 0 }, rest)),
            _ if rest.starts_with(char::is_alphabetic) => None,
            _ => Some((Time { hour, minute: 0, second: 0 }, rest)),
        };
    }
    let (minute, 1..=2, mut rest) = number(after.strip_prefix(':')?) else { return None };
    let mut second = 0;
    if let Some(after) = rest.strip_prefix(':') {
        let (value, 1..=2, after) = number(after) else { return None };
        second = value;
        rest = after;
        if let Some(fraction) =
            after.strip_prefix(['.', ',']).filter(|f| f.starts_with(|c: char| c.is_ascii_digit()))
        {
            rest = number(fraction).2;
        }
    }
    Some((Time { hour, minute, second }, rest))
}

/// `1000` and `100000`, after the T.
fn basic_time(text: &str) -> Option<(Time, &str)> {
    match number(text) {
        (value, 4, rest) => Some((Time { hour: value / 100, minute: value % 100, second: 0 }, rest)),
        (value, 6, rest) => {
            Some((Time { hour: value / 10_000, minute: value / 100 % 100, second: value % 100 }, rest))
        }
        _ => None,
    }
}

/// What a time is counted from.
#[derive(Clone, Copy, Debug, Default)]
struct Zone {
    /// Seconds east of UTC.
    offset: i64,
    country: Option<Country>,
}

/// Countries whose clocks were once set otherwise than by summer time.
#[derive(Clone, Copy, Debug)]
enum Country {
    Russia,
    Kazakhstan,
}

impl Zone {
    /// The zone that follows a time, and how many tokens name it.
    fn read(tokens: &[Token<'_>]) -> Option<(Self, usize)> {
        let fixed = |offset| Self { offset, country: None };
        match tokens {
            [Token::Sign(sign), offset, ..] => Some((fixed(sign * offset_seconds(offset)?), 2)),
            // `GMT+3` means three hours ahead, as people write it.
            [Token::Word(name), Token::Sign(sign), offset, ..] if named_zone(name) == Some(0) => {
                Some((fixed(sign * offset_seconds(offset)?), 3))
            }
            [Token::Word(name), ..] => Some(match named_zone(name) {
                Some(offset) => (Self { offset, country: country(name) }, 1),
                None => (fixed(0), 0),
            }),
            _ => Some((fixed(0), 0)),
        }
    }

    fn east_of_utc(self, day: Date) -> i64 {
        let an_hour_more = match self.country {
            Some(Country::Russia) => day >= Date::constant(2011, 3, 27) && day < Date::constant(2014, 10, 26),
            Some(Country::Kazakhstan) => day < Date::constant(2024, 3, 1),
            None => false,
        };
        self.offset + if an_hour_more { 3600 } else { 0 }
    }
}

fn offset_seconds(token: &Token<'_>) -> Option<i64> {
    let (hours, minutes) = match token {
        Token::Time(time) => (time.hour, time.minute),
        Token::Number { value, digits: 1..=2 } => (*value, 0),
        Token::Number { value, digits: 3..=4 } => (value / 100, value % 100),
        _ => return None,
    };
    (hours <= 14 && minutes < 60).then_some(hours * 3600 + minutes * 60)
}

fn country(zone: &str) -> Option<Country> {
    match zone.to_uppercase().as_str() {
        "MSK" | "МСК" | "SAMT" | "YEKT" | "OMST" | "NOVT" | "KRAT" | "IRKT" | "YAKT" | "VLAT" | "MAGT" => {
            Some(Country::Russia)
        }
        "ALMT" | "QYZT" => Some(Country::Kazakhstan),
        _ => None,
    }
}

fn named_zone(name: &str) -> Option<i64> {
    let minutes = match name.trim_end_matches('.').to_uppercase().as_str() {
        "Z" | "UTC" | "GMT" | "UT" | "UCT" | "WET" | "ZULU" => 0,
        "BST" | "CET" | "MEZ" | "WEST" | "WAT" => 60,
        "CEST" | "MESZ" | "EET" | "SAST" | "CAT" => 120,
        "EEST" | "MSK" | "МСК" | "TRT" | "TSI" | "TSİ" | "EAT" | "AST" | "IDT" => 180,
        "IRST" => 210,
        "AZT" | "GET" | "GST" | "MSD" | "МСД" | "SAMT" | "AMT" => 240,
        "IRDT" | "AFT" => 270,
        "UZT" | "TMT" | "TJT" | "PKT" | "YEKT" | "AZST" | "ALMT" | "QYZT" | "AQTT" | "ORAT" => 300,
        "IST" => 330,
        "KGT" | "OMST" | "BDT" => 360,
        "WIB" | "ICT" | "KRAT" | "NOVT" | "HOVT" => 420,
        "HKT" | "SGT" | "AWST" | "ULAT" | "IRKT" | "PHT" | "MYT" => 480,
        "JST" | "KST" | "YAKT" => 540,
        "ACST" => 570,
        "AEST" | "VLAT" => 600,
        "AEDT" | "MAGT" => 660,
        "NZST" => 720,
        "NZDT" => 780,
        "ADT" | "BRT" | "ART" => -180,
        "EDT" | "CLT" => -240,
        "EST" | "CDT" | "COT" | "PET" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" | "AKDT" => -480,
        "AKST" => -540,
        "HST" => -600,
        _ => return None,
    };
    Some(minutes * 60)
}

/// What else a day of two small numbers and a year may be.
enum Other {
    None,
    /// Nothing, and its order is this one.
    Order(Order),
    /// This day, if the month stands first.
    Day(Date),
}

/// The day that is left when time and zone are taken away.
fn calendar_day(tokens: &[Token<'_>]) -> Option<(Date, Other)> {
    let numbers: Vec<(i64, usize)> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Number { value, digits } => Some((*value, *digits)),
            _ => None,
        })
        .take(3)
        .collect();
    let certain = |day| Some((day, Other::None));
    match numbers.as_slice() {
        [(year, 4), (day, 1..=2), ..] if let Some(month) = month(tokens, *year) => {
            certain(civil(*year, month, *day)?)
        }
        [(day, 1..=2), year @ (_, 2 | 4), ..] if let Some(month) = month(tokens, full_year(*year)) => {
            certain(civil(full_year(*year), month, *day)?)
        }
        [(year, 4), (month, 1..=2), (day, 1..=2)] => certain(civil(*year, *month, *day)?),
        [(year @ 32.., 2), (month, 1..=2), (day, 1..=2)] => {
            certain(civil(full_year((*year, 2)), *month, *day)?)
        }
        [(first, 1..=2), (second, 1..=2), year @ (_, 2 | 4)] => {
            numeric_day(tokens, full_year(*year), *first, *second)
        }
        [(day, 8), ..] => certain(civil(day / 10_000, day / 100 % 100, day % 100)?),
        _ => None,
    }
}

/// The month that a word names. A day of the week may look like one (`mar, 01 jun`), so the last word decides.
fn month(tokens: &[Token<'_>], year: i64) -> Option<i64> {
    let named = |word: &&str| {
        if year < 1500 { calendar::persian_month(word) } else { calendar::month(word) }
    };
    let words = tokens.iter().rev().filter_map(|token| match token {
        Token::Word(word) => Some(*word),
        _ => None,
    });
    words.filter_map(|word| named(&word)).map(i64::from).next()
}

/// Two small numbers and a year: day first, unless something says otherwise.
fn numeric_day(tokens: &[Token<'_>], year: i64, first: i64, second: i64) -> Option<(Date, Other)> {
    let (by_day, by_month) = (civil(year, second, first), civil(year, first, second));
    // Nobody who writes dots or words between them puts the month first.
    let slashed = tokens.iter().any(|token| matches!(token, Token::Slash | Token::Sign(_)));
    let weekday = tokens.iter().find_map(|token| match token {
        Token::Word(word) => calendar::weekday(word),
        _ => None,
    });
    match (by_day, by_month) {
        (Some(day), None) => Some((day, if slashed { Other::Order(Order::DayFirst) } else { Other::None })),
        (None, Some(day)) => Some((day, if slashed { Other::Order(Order::MonthFirst) } else { Other::None })),
        (Some(day), Some(other)) if slashed && day != other => match weekday {
            Some(name) if day.weekday() == name => Some((day, Other::Order(Order::DayFirst))),
            Some(name) if other.weekday() == name => Some((other, Other::Order(Order::MonthFirst))),
            _ => Some((day, Other::Day(other))),
        },
        (day, _) => Some((day?, Other::None)),
    }
}

/// The year a number of that many digits means.
fn full_year((year, digits): (i64, usize)) -> i64 {
    match (digits, year) {
        (2, 69..) => year + 1900,
        (2, _) => year + 2000,
        _ => year,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let found = parse(text).map(|at| at.to_string());
        assert_eq!(found.as_deref(), Some(expected), "{text:?}");
    }

    #[test]
    fn the_standards() {
        for text in [
            "2026-11-23T10:00:00Z",
            "2026-11-23T10:00:00.123456789Z",
            "2026-11-23T13:00:00+03:00",
            "2026-11-23T13:00:00+0300",
            "Mon, 23 Nov 2026 10:00:00 GMT",
            "Mon, 23 Nov 2026 10:00:00 +0000",
            "Mon, 23 Nov 2026 05:00:00 EST",
            "23 Nov 26 10:00 Z",
            "Mon Nov 23 10:00:00 2026",
        ] {
            check(text, "2026-11-23T10:00:00Z");
        }
    }

    #[test]
    fn what_publishers_make_of_them() {
        for text in [
            "Mon, 23 Nov 2026 10:00:00",
            "Mon, 23 Nov 2026 10:00",
            "Monday, 23 November 2026 10:00:00 UTC",
            "Tue, 23 Nov 2026 10:00:00 GMT",
            "2026-11-23 10:00:00",
            "2026-11-23 10:00:00 UTC",
            "2026-11-23T10:00:00",
            "2026-11-23T10:00Z",
            "2026/11/23 10:00",
            "23.11.2026 10:00",
            "23/11/2026 10:00",
            "11/23/2026 10:00 AM",
            "23 .11.2026 10:00",
            "23-Nov-2026 10:00:00",
            "November 23, 2026 10:00",
            "Nov 23 10:00:00 +0000 2026",
            "Mon, 23 Nov 2026 13:00:00 GMT+3",
            "Mon,23 Nov 2026 13:0:0 GMT+03:00",
            "Mon, 23 Nov 2026 13:00:00 +3",
            "Mon, 23 Nov 2026 13:00:00 + 0300",
            "Mon, 23 Nov 2026 02:00:00 -800",
            "Mon, 23 Nov 2026 13:00:00 MSK",
            "Mon, 23 Nov 2026 11:00:00 CET",
            "Mon, 23 Nov 2026 15:00:00 UZT",
            "Mon, 23 Nov 2026 10:00:00 GMT (Coordinated Universal Time)",
            "\"2026-11-23T10:00:00Z\"",
            "1795428000",
            "1795428000000",
            "20261123100000",
            "202611231000",
            "20261123T1000Z",
            "20261123T100000+0000",
            "Monday, 23rd of November 2026 10:00 a.m.",
            "23 November 2026 Monday 10:00:00 GMT",
        ] {
            check(text, "2026-11-23T10:00:00Z");
        }
        check("2026-11-23", "2026-11-23T00:00:00Z");
        check("20261123", "2026-11-23T00:00:00Z");
        check("05.02.2025", "2025-02-05T00:00:00Z");
        check("2026-11-23 12:30 am", "2026-11-23T00:30:00Z");
        check("Mon, 23 Nov 2026 24:00:00 GMT", "2026-11-24T00:00:00Z");
        check("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59Z");
    }

    #[test]
    fn dates_in_the_languages_of_the_readers() {
        for text in [
            "23 Kasım 2026 Pazartesi 10:00",
            "23 KASIM 2026 10:00",
            "Pzt, 23 Kas 2026 13:00:00 TSİ",
            "23 noyabr 2026, 10:00",
            "23-noyabr, 2026, 10:00",
            "2026 yil 23 noyabr 10:00",
            "2026-njy ýylyň 23-nji noýabry 10:00",
            "23 ноября 2026 г. 10:00",
            "Пн, 23 Ноя 2026 13:00:00 +0300",
            "23 ноября 2026, 13:00 (мск)",
            "понедельник, 23 ноября 2026 года, 10:00",
            "понеділок, 23 листопада 2026 р., 10:00",
            "23 қараша 2026 10:00",
            "2026 жылғы 23 қараша, дүйсенбі 10:00",
            "2026-жыл, 23-ноябрь 10:00",
            "23 ноябрь 2026 ел 10:00",
            "2026. november 23., hétfő 10:00",
            "2026. nov. 23. 10:00",
            "Montag, 23. November 2026, 10:00 Uhr",
            "lun., 23 nov. 2026 10h00",
            "lundi 23 novembre 2026 à 10h",
            "lunes, 23 de noviembre de 2026 10:00 a. m.",
            "lunedì 23 novembre 2026 10:00",
            "Seg, 23 Nov 2026 10:00:00 +0000",
            "segunda-feira, 23 de novembro de 2026 10:00",
            "poniedziałek, 23 listopada 2026 10:00",
            "الاثنين، 23 نوفمبر 2026 - 10:00",
            "٢٣ نوفمبر ٢٠٢٦ ١٠:٠٠ ص",
            "23 تشرين الثاني 2026 10:00",
            "دوشنبه ۲۳ نوامبر ۲۰۲۶ ۱۰:۰۰",
            "دوشنبه ۲ آذر ۱۴۰۵ - ۱۰:۰۰",
            "۱۴۰۵/۰۹/۰۲ ۱۰:۰۰",
            "2026年11月23日 10:00",
            "2026年11月23日 星期一 上午10时00分",
            "2026年11月23日(月) 10時",
            "２０２６年１１月２３日 １０：００",
            "2026년 11월 23일 월요일 오전 10시 00분",
            "Δευτέρα, 23 Νοεμβρίου 2026 10:00 π.μ.",
        ] {
            check(text, "2026-11-23T10:00:00Z");
        }
        check("2026年11月23日下午3時30分", "2026-11-23T15:30:00Z");
        check("2026년 11월 23일 오후 3시 5분 7초", "2026-11-23T15:05:07Z");
        check("2026. szept. 2., szerda du. 3:05", "2026-09-02T15:05:00Z");
        // Days of the week that begin like a month.
        check("2026 жылғы 14 қараша, сенбі", "2026-11-14T00:00:00Z");
        check("2026. november 25., szerda", "2026-11-25T00:00:00Z");
        check("25 листопада 2026, середа", "2026-11-25T00:00:00Z");
        check("24 de noviembre de 2026, martes", "2026-11-24T00:00:00Z");
        check("mar, 01 jun 2010 10:00", "2010-06-01T10:00:00Z");
        check("mar. 31 mars 2026", "2026-03-31T00:00:00Z");
    }

    #[test]
    fn zones_have_names() {
        for (zone, expected) in [
            ("MSK", "07:00"),
            ("CEST", "08:00"),
            ("CET", "09:00"),
            ("EET", "08:00"),
            ("TRT", "07:00"),
            ("TSİ", "07:00"),
            ("AZT", "06:00"),
            ("GET", "06:00"),
            ("UZT", "05:00"),
            ("TMT", "05:00"),
            ("TJT", "05:00"),
            ("ALMT", "05:00"),
            ("KGT", "04:00"),
            ("JST", "01:00"),
            ("EDT", "14:00"),
            ("UTC+6", "04:00"),
            ("GMT +06:00", "04:00"),
            ("+05", "05:00"),
            ("(MSK)", "07:00"),
            ("+0300 (MSK)", "07:00"),
            ("+03:00[Europe/Istanbul]", "07:00"),
            ("XYZ", "10:00"),
            ("A", "10:00"),
        ] {
            check(&format!("Mon, 23 Nov 2026 10:00:00 {zone}"), &format!("2026-11-23T{expected}:00Z"));
        }
        // The clocks of Russia stood at summer time from 2011 to 2014, those of Kazakhstan were set back in 2024.
        check("Mon, 03 Oct 2011 14:00:00 MSK", "2011-10-03T10:00:00Z");
        check("Mon, 03 Oct 2022 14:00:00 ALMT", "2022-10-03T08:00:00Z");
    }

    #[test]
    fn day_and_month_as_numbers() {
        let read = |text: &str| read(text).unwrap();
        let (either, day_first, month_first) = (read("09/12/2026"), read("23/11/2026"), read("11/23/2026"));
        assert_eq!(
            (day_first.order(), month_first.order()),
            (Some(Order::DayFirst), Some(Order::MonthFirst))
        );
        assert_eq!(either.order(), None);
        assert_eq!(either.at(None).to_string(), "2026-12-09T00:00:00Z");
        assert_eq!(either.at(month_first.order()).to_string(), "2026-09-12T00:00:00Z");
        for (text, expected) in [
            // A weekday tells, and so does the half of a day.
            ("Sun, 10/02/2011 2:12 PM", "2011-10-02T14:12:00Z"),
            ("Thu, 10/02/2011 14:12", "2011-02-10T14:12:00Z"),
            ("9/12/2011 2:59:50 AM", "2011-09-12T02:59:50Z"),
            ("11-23-2026", "2026-11-23T00:00:00Z"),
            ("18/05/04 00:00", "2004-05-18T00:00:00Z"),
            ("98/05/04", "1998-05-04T00:00:00Z"),
        ] {
            check(text, expected);
        }
        // Dots and spaces stand after the day.
        assert_eq!(read("09.12.2026").at(Some(Order::MonthFirst)).to_string(), "2026-12-09T00:00:00Z");
        assert_eq!(read("02 .12.2008").order(), None);
    }

    #[test]
    fn what_is_no_date_and_what_is_an_absurd_one() {
        for text in [
            "",
            "today",
            "3 days ago",
            "February 2008",
            "0000-00-00 00:00:00",
            "-0001-11-30T00:00:00+00:00",
            "1970-01-01T00:00:00Z",
            "0001-01-01T00:00:00",
            "9999-12-31T23:59:59Z",
            "Mon, 32 Nov 2026 10:00:00 GMT",
            "2026-02-30",
            "2026-11-23T25:00:00Z",
            "2026-11-23T10:99:00Z",
            "2026-11-23T10:00:00+99:00",
            "99999999999999999999",
            "99999999999999999999-01-01 10:00",
            "12345",
            "１２３",
            "2026年",
            "令和8年11月23日",
            "۱۴۰۵/۱۳/۰۱",
            "23 сенбі 2026",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&"1".repeat(1_000_000)), None);
    }
}
