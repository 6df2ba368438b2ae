//! Dates as feeds write them → instants: RFC 3339, RFC 822 and what publishers make of both, in many languages.
//!
//! The parts are recognised by their shape (a time has a colon, a zone follows the time, a month may be a word),
//! so that order and punctuation hardly matter. What has no zone is read as UTC.

use crate::time::Timestamp;

/// Years outside are taken for mistakes: clocks that were never set, and numbers that are no dates.
const YEARS: std::ops::RangeInclusive<i16> = 1980..=2099;

/// Reads a date; None for what is none, or an absurd one.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_matches(['"', '\'']);
    if text.len() > 100 {
        return None;
    }
    if text.len() >= 9 && text.bytes().all(|b| b.is_ascii_digit()) {
        return compact(text);
    }
    let tokens = tokens(text);
    let time_at = tokens.iter().position(|token| matches!(token, Token::Time(_)));
    let (date, seconds, offset) = match time_at {
        Some(at) => {
            let Token::Time(time) = tokens[at] else { return None };
            let mut rest = &tokens[at + 1..];
            let seconds = time.seconds(&mut rest)?;
            let (offset, rest) = zone(rest)?;
            let date: Vec<Token<'_>> = tokens[..at].iter().chain(rest).copied().collect();
            (date, seconds, offset)
        }
        None => (tokens, 0, 0),
    };
    instant(calendar_day(&date)?, seconds - offset)
}

/// Unix seconds, unix milliseconds, or `20261123100000`.
fn compact(digits: &str) -> Option<Timestamp> {
    if digits.len() == 14 {
        let part = |from: usize, to: usize| digits[from..to].parse::<i64>().ok();
        let day = civil(part(0, 4)?, part(4, 6)?, part(6, 8)?)?;
        return instant(day, part(8, 10)? * 3600 + part(10, 12)? * 60 + part(12, 14)?);
    }
    let number: i64 = digits.parse().ok()?;
    let at = Timestamp::from_millis(if digits.len() > 11 { number } else { number.checked_mul(1000)? });
    YEARS.contains(&jiff::tz::TimeZone::UTC.to_datetime(at.calendar()).year()).then_some(at)
}

fn instant(day: jiff::civil::Date, seconds: i64) -> Option<Timestamp> {
    let midnight = jiff::tz::TimeZone::UTC.to_timestamp(day.at(0, 0, 0, 0)).ok()?.as_millisecond();
    Some(Timestamp::from_millis(midnight + seconds * 1000))
}

fn civil(year: i64, month: i64, day: i64) -> Option<jiff::civil::Date> {
    let year = i16::try_from(year).ok().filter(|year| YEARS.contains(year))?;
    jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

#[derive(Clone, Copy, Debug)]
enum Token<'a> {
    Number { value: i64, digits: usize },
    Time(Time),
    Word(&'a str),
    Sign(i64),
}

#[derive(Clone, Copy, Debug)]
struct Time {
    hour: i64,
    minute: i64,
    second: i64,
}

impl Time {
    /// Seconds into the day; takes a following am or pm off `rest`. An hour of 24 is the end of the day.
    fn seconds(mut self, rest: &mut &[Token<'_>]) -> Option<i64> {
        if let [Token::Word(word), after @ ..] = *rest {
            let afternoon = ["pm", "p.m."].iter().any(|name| word.eq_ignore_ascii_case(name));
            if afternoon || ["am", "a.m."].iter().any(|name| word.eq_ignore_ascii_case(name)) {
                self.hour = match (self.hour, afternoon) {
                    (12, false) => 0,
                    (1..=11, true) => self.hour + 12,
                    (hour, _) => hour,
                };
                *rest = after;
            }
        }
        let valid = self.hour <= 24 && self.minute < 60 && self.second <= 60;
        let seconds = self.hour * 3600 + self.minute * 60 + self.second.min(59);
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
            // The T of ISO 8601 stands between digits.
            if !rest[..end].eq_ignore_ascii_case("t") {
                found.push(Token::Word(&rest[..end]));
            }
            rest = &rest[end..];
        } else if c == '(' {
            // "(Coordinated Universal Time)" repeats the zone in words.
            rest = rest.find(')').map_or("", |end| &rest[end + 1..]);
        } else {
            if matches!(c, '+' | '-' | '−') {
                found.push(Token::Sign(if c == '+' { 1 } else { -1 }));
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

/// `10:00`, `10:00:00`, `10:00:00.123`.
fn time(text: &str) -> Option<(Time, &str)> {
    let (hour, 1..=2, after) = number(text) else { return None };
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

/// The offset that follows a time, in seconds east of UTC, and the tokens after it.
fn zone<'t, 'a>(tokens: &'t [Token<'a>]) -> Option<(i64, &'t [Token<'a>])> {
    match tokens {
        [Token::Sign(sign), offset, rest @ ..] => Some((sign * offset_seconds(offset)?, rest)),
        // `GMT+3` means three hours ahead, as people write it.
        [Token::Word(name), Token::Sign(sign), offset, rest @ ..] if named_zone(name) == Some(0) => {
            Some((sign * offset_seconds(offset)?, rest))
        }
        [Token::Word(name), rest @ ..] => match named_zone(name) {
            Some(offset) => Some((offset, rest)),
            None => Some((0, tokens)),
        },
        _ => Some((0, tokens)),
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

fn named_zone(name: &str) -> Option<i64> {
    let name = name.trim_end_matches('.').to_ascii_uppercase();
    let minutes = match name.as_str() {
        "Z" | "UTC" | "GMT" | "UT" | "UCT" | "WET" | "ZULU" => 0,
        "BST" | "CET" | "MEZ" | "WEST" | "WAT" => 60,
        "CEST" | "MESZ" | "EET" | "SAST" | "CAT" => 120,
        "EEST" | "MSK" | "МСК" | "TRT" | "TSI" | "EAT" | "AST" => 180,
        "IRST" => 210,
        "AZT" | "GET" | "GST" | "MSD" | "SAMT" | "AMT" => 240,
        "UZT" | "TMT" | "TJT" | "PKT" | "YEKT" => 300,
        "IST" => 330,
        "KGT" | "OMST" => 360,
        "WIB" | "ICT" | "KRAT" => 420,
        "HKT" | "SGT" | "AWST" | "ULAT" => 480,
        "JST" | "KST" => 540,
        "AEST" => 600,
        "AEDT" => 660,
        "NZST" => 720,
        "NZDT" => 780,
        "ADT" | "BRT" | "ART" => -180,
        "EDT" => -240,
        "EST" | "CDT" => -300,
        "CST" | "MDT" => -360,
        "MST" | "PDT" => -420,
        "PST" | "AKDT" => -480,
        "AKST" => -540,
        "HST" => -600,
        _ => return None,
    };
    Some(minutes * 60)
}

/// The day that is left when time and zone are taken away.
fn calendar_day(tokens: &[Token<'_>]) -> Option<jiff::civil::Date> {
    let numbers: Vec<(i64, usize)> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Number { value, digits } => Some((*value, *digits)),
            _ => None,
        })
        .take(3)
        .collect();
    // A weekday may look like a month (`mar, 01 jun`), so the last word decides.
    let month = tokens.iter().rev().find_map(|token| match token {
        Token::Word(word) => month(word),
        _ => None,
    });
    match (month, numbers.as_slice()) {
        (Some(month), [(year, 4), (day, 1..=2), ..]) => civil(*year, month, *day),
        (Some(month), [(day, 1..=2), year @ (_, 2 | 4), ..]) => civil(full_year(*year), month, *day),
        (None, [(year, 4), (month, 1..=2), (day, 1..=2)]) => civil(*year, *month, *day),
        // Day first, as nearly everybody writes; month first where the day cannot be one.
        (None, [(day, 1..=2), (month, 1..=2), year @ (_, 2 | 4)]) => {
            let (month, day) = if *month > 12 { (*day, *month) } else { (*month, *day) };
            civil(full_year(*year), month, day)
        }
        (None, [(day, 8), ..]) => civil(day / 10_000, day / 100 % 100, day % 100),
        _ => None,
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

/// Beginnings of month names that no other month shares: English, Turkish, Azerbaijani, Uzbek, Russian, Ukrainian,
/// Kazakh, Hungarian, German, French, Spanish, Portuguese, Italian, Polish.
#[rustfmt::skip]
const MONTHS: [&[&str]; 12] = [
    &["jan", "oca", "yan", "янв", "січ", "қаң", "jän", "ene", "gen", "sty"],
    &["feb", "şub", "sub", "fev", "fév", "фев", "лют", "ақп", "lut"],
    &["mar", "már", "mär", "мар", "бер", "нау", "mrz"],
    &["apr", "nis", "ápr", "апр", "кві", "сәу", "avr", "abr", "kwi"],
    &["may", "máj", "maj", "mai", "май", "мая", "тра", "мам", "mag"],
    &["jun", "haz", "jún", "iyn", "iyun", "июн", "чер", "мау", "juin", "giu", "cze"],
    &["jul", "tem", "júl", "iyl", "iyul", "июл", "лип", "шіл", "juil", "lug", "lip"],
    &["aug", "ağu", "agu", "avq", "avg", "авг", "сер", "там", "aoû", "aou", "ago", "sie"],
    &["sep", "eyl", "sze", "sen", "сен", "вер", "қыр", "set", "wrz"],
    &["oct", "eki", "okt", "окт", "жов", "қаз", "out", "ott", "paź"],
    &["nov", "kas", "noy", "ноя", "лис", "қар", "lis"],
    &["dec", "ara", "dek", "дек", "гру", "жел", "dez", "déc", "dic", "gru"],
];

fn month(word: &str) -> Option<i64> {
    // Decomposed by nobody; only the capital İ needs a hand.
    let word = word.to_lowercase().replace('\u{307}', "");
    let found = MONTHS.iter().position(|stems| stems.iter().any(|stem| word.starts_with(stem)))?;
    i64::try_from(found + 1).ok()
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
        ] {
            check(text, "2026-11-23T10:00:00Z");
        }
        check("2026-11-23", "2026-11-23T00:00:00Z");
        check("20261123", "2026-11-23T00:00:00Z");
        check("05.02.2025", "2025-02-05T00:00:00Z");
        check("Sun, 10/02/2011 2:12 PM", "2011-02-10T14:12:00Z");
        check("2026-11-23 12:30 am", "2026-11-23T00:30:00Z");
        check("Mon, 23 Nov 2026 24:00:00 GMT", "2026-11-24T00:00:00Z");
        check("Sat, 31 Dec 2016 23:59:60 GMT", "2016-12-31T23:59:59Z");
    }

    #[test]
    fn months_in_the_languages_of_the_readers() {
        for text in [
            "23 Kasım 2026 Pazartesi 10:00",
            "23 KASIM 2026 10:00",
            "23 noyabr 2026 10:00",
            "23-noyabr, 2026, 10:00",
            "23 ноября 2026 г. 10:00",
            "Пн, 23 Ноя 2026 13:00:00 +0300",
            "23 қараша 2026 10:00",
            "2026. november 23., hétfő 10:00",
            "Seg, 23 Nov 2026 10:00:00 +0000",
            "lun., 23 nov. 2026 10:00",
            "2026年11月23日 10:00",
        ] {
            check(text, "2026-11-23T10:00:00Z");
        }
        let months = [
            ("Ocak", "января", "január", 1),
            ("Şubat", "февраля", "február", 2),
            ("Mart", "марта", "március", 3),
            ("Nisan", "апреля", "április", 4),
            ("Mayıs", "мая", "május", 5),
            ("Haziran", "июня", "június", 6),
            ("Temmuz", "июля", "július", 7),
            ("Ağustos", "августа", "augusztus", 8),
            ("Eylül", "сентября", "szeptember", 9),
            ("Ekim", "октября", "október", 10),
            ("Kasım", "ноября", "november", 11),
            ("Aralık", "декабря", "december", 12),
        ];
        for (turkish, russian, hungarian, month) in months {
            let expected = format!("2026-{month:02}-05T00:00:00Z");
            check(&format!("5 {turkish} 2026"), &expected);
            check(&format!("5 {russian} 2026"), &expected);
            check(&format!("2026. {hungarian} 5."), &expected);
        }
        check("mar, 01 jun 2010 10:00", "2010-06-01T10:00:00Z");
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
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
        assert_eq!(parse(&"1".repeat(1_000_000)), None);
    }
}
