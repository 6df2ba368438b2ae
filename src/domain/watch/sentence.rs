//! The sentence around a hit, for people to read.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

/// Characters of a sentence at most.
const LONGEST: usize = 400;
/// Bytes before and after a hit that are looked at: a text may be one paragraph of megabytes.
const REACH: usize = 4_000;

/// The sentence around a span of a text, at most some 400 characters, without the white space around it.
///
/// A sentence never crosses a line, unless the span does. A span that does not fit the text is brought inside it.
pub fn sentence(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(span.start.min(text.len()));
    let end = text.ceil_char_boundary(span.end.clamp(start, text.len()));
    let from = text.floor_char_boundary(start.saturating_sub(REACH));
    let to = text.ceil_char_boundary((end + REACH).min(text.len()));
    let from = text[from..start].rfind('\n').map_or(from, |at| from + at + 1);
    let to = text[end..to].find('\n').map_or(to, |at| end + at);

    let (mut first, mut last) = (from, to);
    for (at, part) in text[from..to].split_sentence_bound_indices() {
        let bound = from + at + part.len();
        let goes_on = text[bound..to].chars().next().is_some_and(char::is_lowercase);
        if (is_abbreviation(part) && bound < to) || goes_on {
            continue;
        }
        if bound <= start {
            first = bound;
        } else if bound >= end {
            last = bound;
            break;
        }
    }
    trim(text, shorten(text, first..last, &(start..end)))
}

/// Brings a long sentence down to its part around the hit, cut between words.
fn shorten(text: &str, sentence: Range<usize>, hit: &Range<usize>) -> Range<usize> {
    if text[sentence.clone()].chars().count() <= LONGEST {
        return sentence;
    }
    let inner = text[hit.clone()].chars().count();
    if inner >= LONGEST {
        let end = text[hit.start..].char_indices().nth(LONGEST).map_or(hit.end, |(at, _)| hit.start + at);
        return hit.start..end;
    }
    let room = LONGEST - inner;
    let before = text[sentence.start..hit.start].chars().count();
    let after = text[hit.end..sentence.end].chars().count();
    let left = before.min((room / 2).max(room.saturating_sub(after)));
    let right = after.min(room - left);
    let mut start = nth_back(text, hit.start, left);
    let mut end = text[hit.end..].char_indices().nth(right).map_or(text.len(), |(at, _)| hit.end + at);
    if start > sentence.start {
        start = text[start..hit.start].find(char::is_whitespace).map_or(start, |at| start + at);
    }
    if end < sentence.end {
        end = text[hit.end..end].rfind(char::is_whitespace).map_or(end, |at| hit.end + at);
    }
    start..end
}

fn nth_back(text: &str, at: usize, count: usize) -> usize {
    if count == 0 {
        return at;
    }
    text[..at].char_indices().rev().nth(count - 1).map_or(0, |(i, _)| i)
}

fn trim(text: &str, range: Range<usize>) -> Range<usize> {
    let part = &text[range.clone()];
    let start = range.start + (part.len() - part.trim_start().len());
    let end = range.end - (part.len() - part.trim_end().len());
    if start < end { start..end } else { range.start..range.start }
}

/// True when a full stop at the end of this part is not the end of a sentence: an initial, a short title, an
/// ordinal number.
fn is_abbreviation(part: &str) -> bool {
    let Some(part) = part.trim_end().strip_suffix('.') else { return false };
    let word = part.rsplit(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    let letters = word.chars().count();
    let initial = letters == 1 && word.chars().all(char::is_alphabetic);
    let ordinal = (1..=2).contains(&letters) && word.chars().all(|c| c.is_ascii_digit());
    let roman = (1..=5).contains(&letters) && word.chars().all(|c| matches!(c, 'I' | 'V' | 'X'));
    initial || ordinal || roman || ABBREVIATIONS.contains(&word.to_lowercase().as_str())
}

const ABBREVIATIONS: &[&str] = &[
    "mr", "mrs", "ms", "dr", "prof", "st", "gen", "col", "lt", "sen", "rep", "gov", "jr", "sr", "vs", "no",
    "vol", "jan", "feb", "mar", "apr", "aug", "sept", "oct", "nov", "dec", "doç", "av", "yrd", "bkz", "sn",
    "bzw", "nr", "abs", "str", "ul", "hr", "fr", "mme", "mlle", "dr", "özv", "ifj", "id", "kb", "г", "гг",
    "ул", "им", "проф", "акад", "тов", "св", "стр", "рис", "тыс", "млн", "млрд", "руб", "вул", "ім", "ст",
    "грн",
];
