//! English, French and German.

use super::{Place, Stem, Tail, ends_with, less};

/// Only the last word of a name has a plural of its own; `'s` is cut off as a word.
pub(super) fn english(word: &[char], place: Place, tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::End));
    if !place.last {
        return;
    }
    tell(Stem::whole(word, Tail::Set(&["s", "es"])));
    for (end, tails) in
        [("y", &["ies"][..]), ("f", &["ves"]), ("fe", &["ves"]), ("is", &["es"]), ("man", &["men"])]
    {
        if word.len() > end.len() && ends_with(word, end) {
            tell(Stem::whole(less(word, end.len()), Tail::Set(tails)));
        }
    }
}

/// Every word agrees. Accents count before a suffix: *port* + *es* is not *portés*.
pub(super) fn french(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem { bare: true, ..Stem::whole(word, Tail::End) });
    tell(Stem::whole(word, Tail::Set(&["s", "x", "e", "es"])));
    if word.len() > 3 && (ends_with(word, "al") || ends_with(word, "ail")) {
        let drop = if ends_with(word, "ail") { 2 } else { 1 };
        tell(Stem::whole(less(word, drop), Tail::Set(&["ux"])));
    }
}

/// Every word agrees; compounds are other words.
pub(super) fn german(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::Set(&["", "s", "es", "n", "en", "e", "er", "ern", "ens", "em", "nen"])));
    if let Some(changed) = umlaut(word) {
        tell(Stem::whole(&changed, Tail::Set(&["", "e", "er", "en", "ern", "n"])));
    }
    for end in ["er", "es", "en", "em", "e"] {
        if word.len() > end.len() + 2 && ends_with(word, end) {
            tell(Stem::whole(less(word, end.len()), Tail::Set(&["er", "es", "en", "em", "e"])));
            break;
        }
    }
}

/// The last vowel of the stem with its umlaut: *Land*, *Länder*; *Haus*, *Häuser*; *Vater*, *Väter*.
fn umlaut(word: &[char]) -> Option<Vec<char>> {
    let mut at = word.iter().rposition(|c| matches!(c, 'a' | 'o' | 'u'))?;
    if word[at] == 'u' && at > 0 && word[at - 1] == 'a' {
        at -= 1;
    }
    let mut changed = word.to_vec();
    changed[at] = match changed[at] {
        'a' => 'ä',
        'o' => 'ö',
        _ => 'ü',
    };
    Some(changed)
}
