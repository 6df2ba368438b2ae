//! Russian and Ukrainian: every word of a name inflects.
//!
//! The dictionary form's ending tells the paradigm; what it leaves open (a noun or an adjective in -ий) is taken
//! both ways, since a form that does not exist is not found either.

use super::{Stem, Tail, ends_with, less, with};

const RU_ADJECTIVE: &[&str] = &[
    "ый", "ий", "ой", "ого", "его", "ому", "ему", "ым", "им", "ом", "ем", "ая", "яя", "ую", "юю", "ой", "ей",
    "ою", "ею", "ое", "ее", "ые", "ие", "ых", "их", "ыми", "ими",
];
const RU_HARD: &[&str] = &["", "а", "у", "ом", "ем", "е", "ы", "и", "ов", "ев", "ей", "ам", "ами", "ах"];
const RU_SURNAME: &[&str] = &["ым", "ой", "ых", "ыми"];
const RU_SOFT: &[&str] =
    &["ь", "я", "ю", "ем", "е", "и", "ей", "ям", "ями", "ях", "ью", "ом", "у", "а", "ам", "ами", "ах"];
const RU_SHORT: &[&str] = &["я", "ю", "ем", "е", "и", "ев", "ей", "ям", "ями", "ях"];
const RU_IY: &[&str] = &["й", "я", "ю", "ем", "и", "е", "ев", "ям", "ями", "ях"];
const RU_A: &[&str] = &["а", "ы", "и", "е", "у", "ой", "ою", "ей", "ею", "", "ам", "ами", "ах"];
const RU_YA: &[&str] = &["я", "и", "е", "ю", "ей", "ею", "ь", "й", "ям", "ями", "ях"];
const RU_O: &[&str] = &["о", "а", "у", "ом", "е", "ам", "ами", "ах", "", "и", "ы"];
const RU_E: &[&str] =
    &["е", "я", "ю", "ем", "и", "ей", "й", "ям", "ями", "ях", "а", "у", "ам", "ами", "ах", ""];
const RU_PLURAL: &[&str] = &["ы", "и", "ов", "ев", "ей", "ам", "ями", "ами", "ям", "ах", "ях", ""];
const RU_PLURAL_A: &[&str] = &["а", "я", "ов", "ев", "ей", "ам", "ям", "ами", "ями", "ах", "ях", ""];

pub(super) fn russian(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::End));
    let Some(&last) = word.last() else { return };
    if word.len() < 2 {
        return;
    }
    let stem = less(word, 1);
    if word.len() > 3
        && ["ый", "ий", "ой", "ая", "яя", "ое", "ее", "ые", "ие"].iter().any(|e| ends_with(word, e))
    {
        tell(Stem::whole(less(word, 2), Tail::Set(RU_ADJECTIVE)));
    }
    match last {
        'а' => {
            tell(Stem::whole(stem, Tail::Set(RU_A)));
            tell(Stem::whole(stem, Tail::Set(RU_PLURAL_A)));
            inserted(stem, &['о', 'е'], tell);
        }
        'я' => {
            tell(Stem::whole(stem, Tail::Set(RU_YA)));
            if ends_with(word, "ья") {
                tell(Stem::whole(less(word, 2), Tail::Set(&["ей", "ий"])));
            }
            inserted(stem, &['е'], tell);
        }
        'о' => {
            tell(Stem::whole(stem, Tail::Set(RU_O)));
            inserted(stem, &['о', 'е'], tell);
        }
        'е' => {
            tell(Stem::whole(stem, Tail::Set(RU_E)));
            inserted(stem, &['е'], tell);
        }
        'ь' => {
            tell(Stem::whole(stem, Tail::Set(RU_SOFT)));
            fleeting(less(word, 2), stem, RU_SOFT, tell);
        }
        'й' => tell(Stem::whole(stem, Tail::Set(if ends_with(word, "ий") { RU_IY } else { RU_SHORT }))),
        'ы' | 'и' => {
            tell(Stem::whole(stem, Tail::Set(RU_PLURAL)));
            inserted(stem, &['о', 'е'], tell);
        }
        'э' | 'у' | 'ю' => {}
        _ => russian_hard(word, tell),
    }
    if ends_with(word, "мя") {
        tell(Stem::whole(stem, Tail::Set(&["ени", "енем", "ена", "ен", "енам", "енами", "енах"])));
    }
}

fn russian_hard(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::Set(RU_HARD)));
    if ["ов", "ев", "ин", "ын"].iter().any(|e| ends_with(word, e)) {
        tell(Stem::whole(word, Tail::Set(RU_SURNAME)));
    }
    if ends_with(word, "анин") || ends_with(word, "янин") {
        tell(Stem::whole(less(word, 2), Tail::Set(&["е", "", "ам", "ами", "ах"])));
    }
    if ends_with(word, "ин") {
        tell(Stem::whole(less(word, 2), Tail::Set(&["ы", "", "ам", "ами", "ах"])));
    }
    fleeting(less(word, 1), word, RU_HARD, tell);
}

/// A vowel that stands only where the word ends: *отец, отца*; *Орёл, Орла*; *китаец, китайца*.
///
/// `whole` is the word up to its last consonant, `short` the word up to the vowel before it.
fn fleeting(short: &[char], whole: &[char], tails: &'static [&'static str], tell: &mut dyn FnMut(Stem<'_>)) {
    let (Some(&last), Some(&vowel)) = (whole.last(), short.last()) else { return };
    if short.len() < 2
        || !matches!(vowel, 'е' | 'о' | 'є')
        || !matches!(last, 'ц' | 'к' | 'н' | 'л' | 'р' | 'в' | 'т' | 'х' | 'г' | 'м')
    {
        return;
    }
    let base = less(short, 1);
    let mut stem = base.to_vec();
    stem.push(last);
    tell(Stem::whole(&stem, Tail::Set(tails)));
    let Some(&before) = base.last() else { return };
    let soft = if is_vowel(before) { "й" } else { "ь" };
    if is_vowel(before) || matches!(before, 'л' | 'н' | 'р') {
        let mut stem = with(base, soft);
        stem.push(last);
        tell(Stem::whole(&stem, Tail::Set(tails)));
        if vowel == 'є' && before == 'о' {
            // боєць, бійця: the syllable that closes takes і.
            let at = base.len() - 1;
            stem[at] = 'і';
            tell(Stem::whole(&stem, Tail::Set(tails)));
        }
    }
}

/// The genitive plural without an ending, with a vowel between its last consonants: *письмо, писем*.
fn inserted(stem: &[char], vowels: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    let [start @ .., before, last] = stem else { return };
    if is_vowel(*before) || is_vowel(*last) || start.is_empty() {
        return;
    }
    for vowel in vowels {
        let mut form = start.to_vec();
        if !matches!(before, 'ь' | 'й') {
            form.push(*before);
        }
        form.extend([*vowel, *last]);
        tell(Stem::whole(&form, Tail::Set(&["", "ь"])));
    }
}

const UK_ADJECTIVE: &[&str] = &[
    "ий", "ій", "а", "я", "е", "є", "і", "ого", "ього", "ому", "ьому", "им", "ім", "ої", "ьої", "ою", "ьою",
    "у", "ю", "их", "іх", "ими", "іми",
];
const UK_FEMININE: &[&str] = &["ої", "ій", "у", "ою", "і", "их", "им", "ими"];
const UK_HARD: &[&str] =
    &["", "а", "у", "ові", "еві", "ом", "ем", "і", "и", "ам", "ами", "ах", "ів", "ї", "ей", "е"];
const UK_SURNAME: &[&str] = &["им", "их", "ими", "ої", "ою", "ій"];
const UK_SOFT: &[&str] = &[
    "ь", "я", "ю", "еві", "єві", "ем", "єм", "і", "ї", "ів", "ей", "ям", "ями", "ях", "ами", "у", "а", "ом",
    "ові", "е",
];
const UK_SHORT: &[&str] = &["й", "я", "ю", "єві", "єм", "ї", "ів", "їв", "ям", "ями", "ях", "є"];
const UK_A: &[&str] = &["а", "и", "і", "у", "ою", "ею", "", "ам", "ами", "ах", "ей", "о", "ів"];
const UK_YA: &[&str] = &["я", "і", "ї", "ю", "ею", "єю", "ь", "й", "ей", "ям", "ями", "ях", "ів", "є", "е"];
const UK_O: &[&str] = &["о", "а", "у", "ом", "і", "ові", "ам", "ами", "ах", "", "и"];
const UK_E: &[&str] = &[
    "е", "є", "я", "ю", "ем", "єм", "і", "ї", "ь", "ей", "ям", "ями", "ях", "а", "у", "ам", "ами", "ах", "",
];
const UK_PLURAL: &[&str] =
    &["и", "і", "ї", "ів", "їв", "ей", "ам", "ям", "ами", "ями", "ах", "ях", "", "ь", "й"];

pub(super) fn ukrainian(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::End));
    let Some(&last) = word.last() else { return };
    if word.len() < 2 {
        return;
    }
    let stem = less(word, 1);
    if word.len() > 3 && ["ий", "ій"].iter().any(|e| ends_with(word, e)) {
        tell(Stem::whole(less(word, 2), Tail::Set(UK_ADJECTIVE)));
    }
    match last {
        'а' => {
            tell(Stem::whole(stem, Tail::Set(UK_A)));
            tell(Stem::whole(stem, Tail::Set(UK_FEMININE)));
            softened(stem, &["і"], tell);
            closed(stem, "", tell);
            inserted(stem, &['о', 'е'], tell);
        }
        'я' => {
            tell(Stem::whole(stem, Tail::Set(UK_YA)));
            tell(Stem::whole(stem, Tail::Set(&["ьої", "ій", "ю", "ьою", "і", "іх", "ім", "іми"])));
            neuter(stem, tell);
            closed(stem, "ь", tell);
            inserted(stem, &['е'], tell);
        }
        'о' => {
            tell(Stem::whole(stem, Tail::Set(UK_O)));
            softened(stem, &["і"], tell);
            closed(stem, "", tell);
            inserted(stem, &['о', 'е'], tell);
        }
        'е' | 'є' => {
            tell(Stem::whole(stem, Tail::Set(UK_E)));
            tell(Stem::whole(stem, Tail::Set(UK_ADJECTIVE)));
            inserted(stem, &['е'], tell);
        }
        'ь' => {
            tell(Stem::whole(stem, Tail::Set(UK_SOFT)));
            let mut long = stem.to_vec();
            long.extend(stem.last());
            tell(Stem::whole(&long, Tail::Set(&["ю"])));
            tell(Stem::whole(stem, Tail::Set(&["ю"])));
            opened(stem, UK_SOFT, tell);
            fleeting(less(word, 2), stem, UK_SOFT, tell);
        }
        'й' => {
            tell(Stem::whole(stem, Tail::Set(UK_SHORT)));
            opened(word, &["ю", "я", "єм", "ї", "їв", "ями", "ям", "ях"], tell);
        }
        'и' | 'і' | 'ї' => {
            tell(Stem::whole(stem, Tail::Set(UK_PLURAL)));
            tell(Stem::whole(stem, Tail::Set(&["их", "им", "ими", "іх", "ім", "іми"])));
            closed(stem, "", tell);
            inserted(stem, &['о', 'е'], tell);
        }
        'у' | 'ю' => {}
        _ => ukrainian_hard(word, tell),
    }
}

fn ukrainian_hard(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::Set(UK_HARD)));
    softened(word, &["і"], tell);
    if ["ов", "ев", "єв", "ін", "їн", "ин", "ів", "їв"].iter().any(|e| ends_with(word, e)) {
        tell(Stem::whole(word, Tail::Set(UK_SURNAME)));
    }
    if ends_with(word, "ин") {
        tell(Stem::whole(less(word, 2), Tail::Set(&["и", "", "ам", "ами", "ах", "е"])));
    }
    opened(word, UK_HARD, tell);
    fleeting(less(word, 1), word, UK_HARD, tell);
}

/// г, к, х before і: *Прага, Празі*.
fn softened(stem: &[char], tails: &'static [&'static str], tell: &mut dyn FnMut(Stem<'_>)) {
    let soft = match stem.last() {
        Some('г') => "з",
        Some('к') => "ц",
        Some('х') => "с",
        _ => return,
    };
    tell(Stem::whole(&with(less(stem, 1), soft), Tail::Set(tails)));
}

/// і of a closed syllable is о or е in an open one: *Харків, Харкова*; *Київ, Києва*; *Рівне* stays.
fn opened(stem: &[char], tails: &'static [&'static str], tell: &mut dyn FnMut(Stem<'_>)) {
    let Some(at) = stem.iter().rposition(|c| is_vowel(*c)) else { return };
    let choices: &[char] = match stem[at] {
        'і' => &['о', 'е'],
        'ї' => &['є'],
        _ => return,
    };
    for vowel in choices {
        let mut form = stem.to_vec();
        form[at] = *vowel;
        if form.last() == Some(&'й') {
            form.pop();
        }
        tell(Stem::whole(&form, Tail::Set(tails)));
        if ends_with(stem, "ість") || ends_with(stem, "іст") {
            return tell(Stem::whole(&form, Tail::Set(&["і", "ей", "ям", "ями", "ях", "ою"])));
        }
        softened(&form, &["і"], tell);
    }
}

/// The other way, where a plural loses its ending: *школа, шкіл*; *слово, слів*.
fn closed(stem: &[char], end: &'static str, tell: &mut dyn FnMut(Stem<'_>)) {
    let Some(at) = stem.iter().rposition(|c| is_vowel(*c)) else { return };
    if matches!(stem[at], 'о' | 'е') && at + 1 < stem.len() {
        let mut form = stem.to_vec();
        form[at] = 'і';
        tell(Stem::whole(&form, Tail::Set(if end.is_empty() { &[""] } else { &["ь"] })));
    }
}

/// Nouns in a doubled consonant and -я: *засідання, засідань*.
fn neuter(stem: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    let [start @ .., a, b] = stem else { return };
    if a == b {
        tell(Stem::whole(stem, Tail::Set(&["ю", "ям", "ями", "ях", "і"])));
        let mut single = start.to_vec();
        single.push(*a);
        tell(Stem::whole(&single, Tail::Set(&["ь", ""])));
    }
}

fn is_vowel(c: char) -> bool {
    "аеиоуыэюяіїє".contains(c)
}
