//! Dates as publishers write them: in attributes, in addresses and in words.

use std::fmt;

use crate::domain::calendar;
use crate::time::Timestamp;

/// A date as written: with a time and an offset where there were any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    date: jiff::civil::Date,
    /// Hour, minute, second.
    time: Option<(i8, i8, i8)>,
    /// Minutes east of Greenwich.
    offset: Option<i32>,
}

/// RFC 3339; what names no time is midnight, what names no offset is UTC.
impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hour, minute, second) = self.time.unwrap_or_default();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}", self.date)?;
        match self.offset.unwrap_or(0) {
            0 => f.write_str("Z"),
            offset => {
                let sign = if offset < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
            }
        }
    }
}

impl Written {
    /// The instant.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.to_string().parse::<jiff::Timestamp>().ok().map(Timestamp::from)
    }

    fn day(year: i32, month: i32, day: i32) -> Option<Self> {
        let year = i16::try_from(year).ok().filter(|year| (1995..2100).contains(year))?;
        let date = jiff::civil::Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
        Some(Self { date, time: None, offset: None })
    }
}

/// Reads a date as attributes and structured data hold it: ISO 8601 and its relatives, RFC 2822,
/// unix seconds, else words.
pub(super) fn parse(text: &str) -> Option<Written> {
    let text = text.trim();
    if text.len() >= 10 && text.bytes().all(|b| b.is_ascii_digit()) && text.len() <= 13 {
        return unix(text);
    }
    iso(text).or_else(|| find(text))
}

fn unix(digits: &str) -> Option<Written> {
    let number: i64 = digits.parse().ok()?;
    let seconds = if digits.len() == 13 { number / 1000 } else { number };
    let at = jiff::Timestamp::from_second(seconds).ok()?;
    iso(&at.to_string()).filter(|_| digits.len() == 10 || digits.len() == 13)
}

/// `2026-05-13T11:00:00+05:00`, `2026-05-13 11:00`, `2026/05/13`, `20260513T1100`.
fn iso(text: &str) -> Option<Written> {
    let (first, rest) = number(text)?;
    let digits = text.len() - rest.len();
    let (mut written, rest) = if digits == 8 {
        (Written::day(first / 10_000, first / 100 % 100, first % 100)?, rest)
    } else {
        let separator = rest.chars().next().filter(|c| digits == 4 && matches!(c, '-' | '/' | '.'))?;
        let (month, rest) = number(&rest[1..])?;
        let (day, rest) = number(rest.strip_prefix(separator)?)?;
        (Written::day(first, month, day)?, rest)
    };
    let rest = rest.trim_start().trim_start_matches(['T', 't', ',']).trim_start();
    (written.time, written.offset) = clock(rest);
    Some(written)
}

/// A time of day and an offset at the beginning of a text.
fn clock(text: &str) -> (Option<(i8, i8, i8)>, Option<i32>) {
    let Some((hour, rest)) = number(text) else { return (None, None) };
    let (hour, minute, rest) = match rest.strip_prefix(':').and_then(number) {
        Some((minute, rest)) => (hour, minute, rest),
        None if text.len() - rest.len() == 4 => (hour / 100, hour % 100, rest),
        None => return (None, None),
    };
    let (second, rest) = rest.strip_prefix(':').and_then(number).unwrap_or((0, rest));
    let rest = rest
        .strip_prefix('.')
        .map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()))
        .trim_start();
    let lower = rest.get(..2).unwrap_or_default().to_ascii_lowercase();
    let hour = match lower.as_str() {
        "pm" if hour < 12 => hour + 12,
        "am" if hour == 12 => 0,
        _ => hour,
    };
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) || !(0..=60).contains(&second) {
        return (None, None);
    }
    let small = |n: i32| i8::try_from(n).unwrap_or(0);
    (Some((small(hour), small(minute), small(second.min(59)))), offset(rest))
}

/// `Z`, `+05:00`, `-0330`, `+05`, `GMT`.
fn offset(text: &str) -> Option<i32> {
    if text.starts_with(['Z', 'z']) || text.starts_with("GMT") || text.starts_with("UTC") {
        return Some(0);
    }
    let sign = if text.starts_with('+') { 1 } else { -1 };
    let (first, rest) = number(text.strip_prefix(['+', '-', '\u{2212}'])?)?;
    let minutes = if first >= 100 {
        first / 100 * 60 + first % 100
    } else {
        first * 60 + rest.strip_prefix(':').and_then(number).map_or(0, |(minutes, _)| minutes)
    };
    (minutes <= 14 * 60).then_some(sign * minutes)
}

/// A number of at most eight digits at the beginning of a text.
fn number(text: &str) -> Option<(i32, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    (1..=8).contains(&end).then(|| text[..end].parse().ok().map(|n| (n, &text[end..])))?
}

/// The first date in a running text.
pub(super) fn find(text: &str) -> Option<Written> {
    let text: String = text.chars().take(400).collect();
    let text = calendar::ascii_digits(&text);
    let tokens = tokens(&text);
    (0..tokens.len()).find_map(|at| date_at(&text, &tokens[at..]))
}

/// Numbers and words of a text with the place where each ends.
enum Token<'a> {
    Number(i32, usize, usize),
    Word(&'a str),
    Mark(char),
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut out = Vec::new();
    let mut chars = text.char_indices().peekable();
    while let Some((from, c)) = chars.next() {
        let digit = c.is_ascii_digit();
        if !digit && !c.is_alphabetic() {
            if !c.is_whitespace() {
                out.push(Token::Mark(c));
            }
            continue;
        }
        let mut end = from + c.len_utf8();
        let ideograph = |c: char| matches!(c, '年' | '月' | '日' | '년' | '월' | '일');
        while let Some(&(at, next)) = chars.peek() {
            let same = if digit { next.is_ascii_digit() } else { next.is_alphabetic() && !ideograph(c) };
            if !same {
                break;
            }
            end = at + next.len_utf8();
            chars.next();
        }
        let part = &text[from..end];
        if digit {
            out.push(Token::Number(part.parse().unwrap_or(-1), part.len(), end));
        } else {
            out.push(Token::Word(part));
        }
    }
    out
}

fn date_at(text: &str, tokens: &[Token<'_>]) -> Option<Written> {
    use Token::{Mark, Number, Word};
    let (mut written, end) = match tokens {
        // 2026-05-13, 2026.05.13
        [Number(year, 4, _), Mark(a), Number(month, _, _), Mark(b), Number(day, _, end), ..]
            if a == b && "-./".contains(*a) =>
        {
            (Written::day(*year, *month, *day)?, *end)
        }
        // 2026年5月13日
        [
            Number(year, 4, _),
            Word("年" | "년"),
            Number(month, _, _),
            Word("月" | "월"),
            Number(day, _, end),
            ..,
        ] => (Written::day(*year, *month, *day)?, *end),
        // 13.05.2026; day first unless that is no month
        [Number(day, 1..=2, _), Mark(a), Number(month, 1..=2, _), Mark(b), Number(year, 4, end), ..]
            if a == b && "-./".contains(*a) =>
        {
            (Written::day(*year, *month, *day).or_else(|| Written::day(*year, *day, *month))?, *end)
        }
        // 13 May 2026, 13. Mai 2026, 13 de mayo de 2026, 13 мая, 2026
        [Number(day, 1..=2, _), rest @ ..] => words_then_year(*day, rest)?,
        // May 13, 2026
        [Word(name), Number(day, 1..=2, _), rest @ ..] => {
            let rest = if let [Word("th" | "st" | "nd" | "rd"), rest @ ..] = rest { rest } else { rest };
            let rest = if let [Mark(','), rest @ ..] = rest { rest } else { rest };
            let [Number(year, 4, end), ..] = rest else { return None };
            (Written::day(*year, month(name)?, *day)?, *end)
        }
        // 2026 жылғы 13 мамыр, 2026. május 13.
        [Number(year, 4, _), rest @ ..] => year_then_words(*year, rest)?,
        _ => return None,
    };
    let after = text[end..].trim_start_matches(|c: char| !c.is_ascii_digit()).trim_start();
    if text[end..].len() - after.len() <= 12 {
        (written.time, written.offset) = clock(after);
    }
    Some(written)
}

fn words_then_year(day: i32, rest: &[Token<'_>]) -> Option<(Written, usize)> {
    let mut found = None;
    for token in rest.iter().take(7) {
        match token {
            Token::Word(name) if found.is_none() => {
                found = month(name);
                let joint = matches!(
                    name.to_lowercase().as_str(),
                    "de" | "of" | "th" | "st" | "nd" | "rd" | "ta" | "d"
                );
                if found.is_none() && !joint {
                    return None;
                }
            }
            Token::Number(year, 4, end) => return Some((Written::day(*year, found?, day)?, *end)),
            Token::Number(..) => return None,
            _ => {}
        }
    }
    None
}

fn year_then_words(year: i32, rest: &[Token<'_>]) -> Option<(Written, usize)> {
    let mut found = None;
    let mut day = None;
    for token in rest.iter().take(4) {
        match token {
            Token::Word(name) => found = found.or_else(|| month(name)),
            Token::Number(number, 1..=2, end) => day = Some((*number, *end)),
            _ => {}
        }
        if let (Some(month), Some((day, end))) = (found, day) {
            return Some((Written::day(year, month, day)?, end));
        }
    }
    None
}

fn month(word: &str) -> Option<i32> {
    calendar::month(word).map(i32::from)
}

/// A date in the path of an address: `/2026/05/13/`, `/2026-05-13-`, `/20260513/`.
pub(super) fn in_path(path: &str) -> Option<Written> {
    let bytes = path.as_bytes();
    for at in 1..bytes.len() {
        if bytes[at - 1].is_ascii_digit() || !bytes[at].is_ascii_digit() || !path.is_char_boundary(at) {
            continue;
        }
        let rest = &path[at..];
        let (first, after) = number(rest).unwrap_or((0, ""));
        match rest.len() - after.len() {
            8 if !after.starts_with(|c: char| c.is_ascii_digit()) => {}
            4 if after.starts_with(['-', '/', '_']) => {
                let (month, tail) = number(&after[1..]).unwrap_or((0, ""));
                let joint = after.chars().next().unwrap_or('/');
                let day = tail
                    .strip_prefix(joint)
                    .and_then(number)
                    .filter(|(_, end)| !end.starts_with(|c: char| c.is_alphanumeric()));
                if let Some(written) = day.and_then(|(day, _)| Written::day(first, month, day)) {
                    return Some(written);
                }
                continue;
            }
            _ => continue,
        }
        if let Some(written) = Written::day(first / 10_000, first / 100 % 100, first % 100) {
            return Some(written);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_written() {
        let cases = [
            ("2026-05-13T11:00:00+05:00", "2026-05-13T11:00:00+05:00"),
            ("2026-05-13T11:00:00.123Z", "2026-05-13T11:00:00Z"),
            ("2026-05-13 11:07", "2026-05-13T11:07:00Z"),
            ("2026-05-13T11:00:00-0330", "2026-05-13T11:00:00-03:30"),
            ("2026-05-13", "2026-05-13T00:00:00Z"),
            ("2026/5/3", "2026-05-03T00:00:00Z"),
            ("20260513", "2026-05-13T00:00:00Z"),
            ("20260513T1130Z", "2026-05-13T11:30:00Z"),
            ("Wed, 13 May 2026 11:00:00 +0300", "2026-05-13T11:00:00+03:00"),
            ("1778670000", "2026-05-13T11:00:00Z"),
            ("13.05.2026 09:15", "2026-05-13T09:15:00Z"),
            ("05/13/2026", "2026-05-13T00:00:00Z"),
            ("May 13th, 2026 at 3:05 PM", "2026-05-13T15:05:00Z"),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).map(|w| w.to_string()).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_found_in_the_words_of_many_languages() {
        let cases = [
            "Posted on 13 May 2026 by A",
            "Mittwoch, 13. Mai 2026",
            "13 de mayo de 2026",
            "13 mayıs 2026",
            "13 may 2026",
            "13 мая 2026",
            "13 мамыр 2026",
            "2026 жылғы 13 мамыр",
            "13 травня 2026",
            "13 maja 2026",
            "13 Μαΐου 2026",
            "2026年5月13日",
            "2026년 5월 13일",
            "2026. május 13.",
            "13 مايو 2026",
        ];
        for text in cases {
            assert_eq!(find(text).map(|w| w.date.to_string()).as_deref(), Some("2026-05-13"), "{text}");
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "1 of 2",
            "tomorrow",
            "2026-13-45",
            "13 cows in 2026",
            "0000-00-00",
            "1970-01-01",
            "99999999999999",
            "١٣",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn addresses_hold_dates() {
        let cases = [
            ("/2026/05/13/bells", Some("2026-05-13")),
            ("/news/2026-05-13-bells", Some("2026-05-13")),
            ("/news/20260513/bells", Some("2026-05-13")),
            ("/2026/05/bells", None),
            ("/id/202605139", None),
            ("/x/1234-56-78", None),
        ];
        for (path, date) in cases {
            assert_eq!(in_path(path).map(|w| w.date.to_string()).as_deref(), date, "{path}");
        }
    }
}
