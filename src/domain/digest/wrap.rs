//! Text broken into lines by what a terminal shows, wide characters two columns and marks none; and text cut short.

use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Breaks `text` into lines of at most `columns` columns, indent included. The first line begins
/// with `first`, the others with `rest`. Chinese and Japanese break between characters, and so
/// does a word longer than a line.
pub(super) fn wrap(text: &str, columns: usize, first: &str, rest: &str) -> String {
    let room = columns.saturating_sub(rest.width()).max(1);
    let mut out = String::from(first);
    let mut column = first.width();
    let mut line_is_empty = true;
    for unit in text.split_whitespace().flat_map(|word| units(word, room)) {
        let space = usize::from(unit.spaced && !line_is_empty);
        if !line_is_empty && column + space + unit.width > columns {
            out.push('\n');
            out.push_str(rest);
            column = rest.width();
        } else if space == 1 {
            out.push(' ');
            column += 1;
        }
        out.push_str(unit.text);
        column += unit.width;
        line_is_empty = false;
    }
    out
}

/// At most `longest` characters, cut between graphemes so that no flag is halved, at a word where one ends near.
pub(super) fn cut(text: &str, longest: usize) -> String {
    if text.chars().count() <= longest {
        return text.to_owned();
    }
    if longest == 0 {
        return String::new();
    }
    let mut end = 0;
    let mut count = 1; // the ellipsis
    for (at, grapheme) in text.grapheme_indices(true) {
        count += grapheme.chars().count();
        if count > longest {
            break;
        }
        end = at + grapheme.len();
    }
    let (kept, rest) = text.split_at(end);
    let word_end = if rest.starts_with(' ') { Some(end) } else { kept.rfind(' ') };
    let near = word_end.filter(|at| *at > 0 && end - at <= 24).unwrap_or(end);
    let kept = kept.get(..near).unwrap_or(kept);
    format!("{}…", kept.trim_end_matches(|c: char| c.is_whitespace() || ",;:-–—(".contains(c)))
}

/// A piece of text that stays on one line.
struct Unit<'a> {
    text: &'a str,
    width: usize,
    /// Whether white space stands before it.
    spaced: bool,
}

/// A word as one unit, or as many where it may be broken inside.
fn units(word: &str, room: usize) -> Vec<Unit<'_>> {
    let width = word.width();
    let mixed = word.chars().any(is_wide);
    if width <= room && !mixed {
        return vec![Unit { text: word, width, spaced: true }];
    }
    let mut units: Vec<Unit<'_>> = Vec::new();
    let mut start = 0;
    for (at, grapheme) in word.grapheme_indices(true) {
        let end = at + grapheme.len();
        match units.last_mut() {
            Some(last) if last.width < room && stays_with(last.text, grapheme, mixed) => {
                last.text = word.get(start..end).unwrap_or(last.text);
                last.width += grapheme.width();
            }
            _ => {
                start = at;
                units.push(Unit { text: grapheme, width: grapheme.width(), spaced: at == 0 });
            }
        }
    }
    units
}

/// Whether no line may end between the two: before closing punctuation, after an opening one, and
/// inside a Latin word among Chinese.
fn stays_with(before: &str, grapheme: &str, mixed: bool) -> bool {
    let narrow = |c: char| !is_wide(c);
    mixed
        && (grapheme.starts_with(|c| "，。、；：！？」』）》”’".contains(c))
            || before.ends_with(|c| "「『（《“‘".contains(c))
            || before.ends_with(narrow) && grapheme.starts_with(narrow))
}

/// The scripts that are written without spaces, two columns a character.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{2e80}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{ff00}'..='\u{ff60}' | '\u{20000}'..='\u{3ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_their_columns() {
        for (text, columns, expected) in [
            ("one two three", 20, "> one two three"),
            ("one two three", 10, "> one two\n> three"),
            ("  one\n two\t", 20, "> one two"),
            ("", 20, "> "),
            ("abcdefghijkl", 7, "> abcde\n> fghij\n> kl"),
            ("go abcdefgh", 7, "> go ab\n> cdefg\n> h"),
            ("突厥国家组织峰会", 8, "> 突厥国\n> 家组织\n> 峰会"),
            ("突厥国，家组", 8, "> 突厥\n> 国，家\n> 组"),
            ("OTS峰会OTS峰会", 8, "> OTS峰\n> 会OTS\n> 峰会"),
            ("Tokayev 突厥国家", 14, "> Tokayev 突厥\n> 国家"),
            ("e\u{301}e\u{301}e\u{301} x", 7, "> e\u{301}e\u{301}e\u{301} x"),
            ("a b", 0, "> a\n> b"),
        ] {
            assert_eq!(wrap(text, columns, "> ", "> "), expected, "{text:?} in {columns}");
        }
    }

    #[test]
    fn cuts_end_between_graphemes_and_near_a_word() {
        for (text, longest, expected) in [
            ("short", 5, "short"),
            ("one two three", 9, "one two…"),
            ("one two three", 8, "one two…"),
            ("突厥国家组织", 4, "突厥国…"),
            ("🇰🇿🇹🇷🇭🇺", 4, "🇰🇿…"),
            ("🇰🇿🇹🇷🇭🇺", 5, "🇰🇿🇹🇷…"),
            ("e\u{301}e\u{301}", 3, "e\u{301}…"),
            ("ab", 1, "…"),
            ("ab", 0, ""),
        ] {
            assert_eq!(cut(text, longest), expected, "{text:?} at {longest}");
        }
    }

    #[test]
    fn the_first_line_has_an_indent_of_its_own() {
        assert_eq!(wrap("one two three", 9, "1. ", "   "), "1. one\n   two\n   three");
    }
}
