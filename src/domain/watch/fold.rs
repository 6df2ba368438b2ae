//! Folding: which letters count as the same, whoever typed them.
//!
//! Two views of one text. The *skeleton* is one byte a letter, without case, marks and script twins; it only finds
//! places worth a look, at the speed of a table lookup. *Words* are folded with care, with the place of every
//! letter in the original, and only where the skeleton found something.

use std::rc::Rc;
use std::sync::LazyLock;

use icu_normalizer::properties::CanonicalCombiningClassMapBorrowed;
use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// A letter or digit of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Letter {
    /// As it is compared.
    pub(super) folded: char,
    /// As it was written, except for compatibility forms.
    pub(super) raw: char,
    /// Where it starts in the text, in bytes.
    pub(super) start: usize,
    /// Where it ends, marks on it included.
    pub(super) end: usize,
}

/// The one letter that stands for every apostrophe inside a word.
pub(super) const APOSTROPHE: char = '\'';

/// A run of letters and digits, with the apostrophes between them.
#[derive(Debug, Clone, Default)]
pub(super) struct Word {
    pub(super) letters: Vec<Letter>,
    /// The letters as they are compared.
    pub(super) folded: Vec<char>,
    /// Where the text goes on after the word.
    pub(super) end: usize,
}

/// What stands at a place of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// One or more letters, appended to the list that was handed in.
    Letters,
    /// An apostrophe of any kind.
    Apostrophe,
    /// Nothing: a soft hyphen, a zero-width character, a mark.
    Ignored,
    /// White space or punctuation; dashes of every kind are `-`.
    Separator(char),
}

impl Word {
    /// The word that starts at a letter. Empty when there is none.
    pub(super) fn at(text: &str, start: usize) -> Self {
        let mut word = Self { end: start, ..Self::default() };
        let mut at = start;
        let mut apostrophe: Option<(usize, usize)> = None;
        while at < text.len() && word.letters.len() < LONGEST_WORD {
            let before = word.letters.len();
            let (unit, end) = unit(text, at, &mut word.letters);
            match unit {
                Unit::Letters => {
                    let ideograph = is_unspaced(word.letters[before].folded);
                    if before > 0 && ideograph != is_unspaced(word.letters[0].folded) {
                        word.letters.truncate(before);
                        break;
                    }
                    if let Some((start, end)) = apostrophe.take() {
                        let mark = Letter { folded: APOSTROPHE, raw: APOSTROPHE, start, end };
                        word.letters.insert(before, mark);
                    }
                    word.end = end;
                }
                Unit::Apostrophe if before > 0 && apostrophe.is_none() => apostrophe = Some((at, end)),
                Unit::Ignored => {
                    // A mark that does not compose belongs to the letter before it.
                    if apostrophe.is_none() && before > 0 {
                        word.end = end;
                    }
                }
                Unit::Apostrophe | Unit::Separator(_) => break,
            }
            at = end;
        }
        if let Some(last) = word.letters.last() {
            word.end = last.end;
        }
        untwin(&mut word.letters);
        word.folded = word.letters.iter().map(|letter| letter.folded).collect();
        word
    }
}

/// The words of a text, read when they are asked for; the latest are kept, since many keywords look at one place.
#[derive(Debug)]
pub(super) struct Words<'a> {
    pub(super) text: &'a str,
    latest: [Option<(usize, Rc<Word>)>; 8],
}

impl<'a> Words<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        Self { text, latest: Default::default() }
    }

    /// [`Word::at`], remembered.
    pub(super) fn at(&mut self, start: usize) -> Rc<Word> {
        let slot = &mut self.latest[start % 8];
        match slot {
            Some((at, word)) if *at == start => word.clone(),
            _ => slot.insert((start, Rc::new(Word::at(self.text, start)))).1.clone(),
        }
    }
}

/// Reads what stands at `at` (a character boundary) and says where it ends.
pub(super) fn unit(text: &str, at: usize, letters: &mut Vec<Letter>) -> (Unit, usize) {
    let mut chars = text[at..].chars();
    let Some(first) = chars.next() else { return (Unit::Ignored, text.len()) };
    let mut end = at + first.len_utf8();
    if let Some(folded) = simple(first)
        && chars.next().is_none_or(|next| class(next) != NOTHING)
    {
        letters.push(Letter { folded, raw: first, start: at, end });
        return (Unit::Letters, end);
    }
    if is_apostrophe(first) {
        return (Unit::Apostrophe, end);
    }
    if is_ignored(first) {
        return (Unit::Ignored, end);
    }
    if is_dash(first) {
        return (Unit::Separator('-'), end);
    }
    if is_symbol(first) {
        return (Unit::Separator(first), end);
    }
    end = cluster_end(text, at).unwrap_or(end);
    let before = letters.len();
    for c in NFKC.normalize(&text[at..end]).chars().take(EXPANSION_AT_MOST) {
        fold_char(c, at, end, letters);
    }
    match letters.len() - before {
        0 if is_mark(first) => (Unit::Ignored, end),
        0 => (Unit::Separator(if first.is_whitespace() { ' ' } else { first }), end),
        _ => (Unit::Letters, end),
    }
}

/// Hands the skeleton of a text to `step`: its bytes, each with the start of the word it is in and its own end.
///
/// A word begins with [`GAP`]; between ideographs there is none, and white space between them counts for nothing.
#[inline]
pub(super) fn skeleton(text: &str, mut step: impl FnMut(u8, usize, usize)) {
    let classes: &[u8] = &CLASSES;
    let (mut gap, mut hard, mut unspaced, mut word) = (true, true, false, 0);
    for (at, c) in text.char_indices() {
        let class = classes.get(c as usize).copied().unwrap_or_else(|| class_of(c));
        match class {
            NOTHING => {}
            GAP => {
                gap = true;
                hard |= !c.is_whitespace();
            }
            _ => {
                let ideograph = class >= UNSPACED;
                if gap || ideograph || unspaced {
                    if (gap || ideograph != unspaced) && !(ideograph && unspaced && !hard) {
                        step(GAP, word, at);
                    }
                    word = at;
                }
                (gap, hard, unspaced) = (false, false, ideograph);
                let end = at + c.len_utf8();
                if class == SEVERAL {
                    spell(c, |class| step(class, word, end));
                } else {
                    step(class, word, end);
                }
            }
        }
    }
}

/// The skeleton of letters that are folded already.
pub(super) fn skeleton_of(letters: &[char]) -> Vec<u8> {
    letters.iter().map(|c| letter_class(bare(*c))).collect()
}

/// The characters of a text as they are written: composed, without what is invisible, white space alike.
pub(super) fn composed(text: &str) -> Vec<char> {
    let visible: String = text.chars().filter(|c| !is_ignored(*c)).collect();
    NFC.normalize(&visible).chars().map(|c| if c.is_whitespace() { ' ' } else { c }).collect()
}

/// The end of the character at `at` with the marks on it. `None` at the end of the text.
pub(super) fn cluster_end(text: &str, at: usize) -> Option<usize> {
    let first = text[at..].chars().next()?;
    let marks = text[at + first.len_utf8()..].chars().take_while(|c| is_mark(*c)).take(MARKS_AT_MOST);
    Some(at + first.len_utf8() + marks.map(char::len_utf8).sum::<usize>())
}

/// True when the words from `at` on begin with these bytes, one prefix a word.
pub(super) fn words_begin<'a>(text: &str, at: usize, prefixes: impl IntoIterator<Item = &'a [u8]>) -> bool {
    let mut classes = text[at..].chars().map(class).filter(|class| *class != NOTHING).peekable();
    for (i, prefix) in prefixes.into_iter().enumerate() {
        if i > 0 {
            while classes.next_if(|class| *class != GAP).is_some() {}
            while classes.next_if(|class| *class == GAP).is_some() {}
        }
        for byte in prefix {
            match classes.next() {
                // Several letters in one: rare, and looked at with care later.
                Some(SEVERAL) => return true,
                Some(class) if class == *byte => {}
                _ => return false,
            }
        }
    }
    true
}

/// The start of the word before the one that starts at `at`, as the skeleton cuts words.
pub(super) fn word_before(text: &str, at: usize) -> Option<usize> {
    let mut start = None;
    let mut unspaced = false;
    for (i, c) in text[..at].char_indices().rev().take(LONGEST_WORD) {
        match class(c) {
            NOTHING => {}
            GAP if start.is_none() => {}
            GAP => break,
            class => {
                let ideograph = class >= UNSPACED;
                if start.is_some() && (ideograph || unspaced) {
                    break;
                }
                unspaced = ideograph;
                start = Some(i);
            }
        }
    }
    start
}

/// The letter folded, where that is one letter.
pub(super) fn lower(c: char) -> char {
    simple(c).unwrap_or(c)
}

/// True for letters and for what is written on them.
pub(super) fn is_in_word(c: char) -> bool {
    class(c) != GAP
}

/// The letter without its diacritics: what is typed where the keyboard lacks them.
pub(super) fn bare(c: char) -> char {
    if c.is_ascii() {
        return c;
    }
    match c {
        'ə' => 'e',
        'ø' => 'o',
        'ł' => 'l',
        'đ' | 'ð' => 'd',
        'ŋ' => 'n',
        'ә' => 'а',
        'і' => 'и',
        'ң' => 'н',
        'ғ' | 'ґ' => 'г',
        'ү' | 'ұ' => 'у',
        'қ' | 'ҡ' => 'к',
        'ө' => 'о',
        'һ' | 'ҳ' => 'х',
        'ҙ' => 'з',
        'ҫ' => 'с',
        'җ' => 'ж',
        'є' => 'е',
        'آ' => 'ا',
        // Hangul and compatibility letters come apart into other letters, not into marks.
        '\u{C0}'..='\u{24F}' | '\u{370}'..='\u{52F}' | '\u{1E00}'..='\u{1FFF}' => {
            NFKD.normalize_utf8(c.encode_utf8(&mut [0; 4]).as_bytes()).chars().next().unwrap_or(c)
        }
        _ => c,
    }
}

/// True for the letters of scripts that are written without spaces.
pub(super) fn is_unspaced(c: char) -> bool {
    matches!(c as u32, 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x2FDF | 0x3005..=0x3007
        | 0x3041..=0x30FF | 0x3100..=0x312F | 0x31F0..=0x31FF | 0x3400..=0x4DBF | 0x4E00..=0x9FFF | 0xF900..=0xFAFF
        | 0xFF66..=0xFF9F | 0x20000..=0x3FFFF)
}

/// True for what is neither a letter nor something between letters.
pub(super) fn is_ignored(c: char) -> bool {
    matches!(c as u32, 0xAD | 0x34F | 0x600..=0x605 | 0x61C | 0x640 | 0x6DD | 0x70F | 0x180B..=0x180E
        | 0x200B..=0x200F | 0x202A..=0x202E | 0x2060..=0x206F | 0xFE00..=0xFE0F | 0xFEFF | 0xFFF9..=0xFFFB
        | 0xE0000..=0xE0FFF)
}

/// True for letters and digits; some apostrophes pass for letters elsewhere.
pub(super) fn is_word_char(c: char) -> bool {
    c.is_alphanumeric() && !is_apostrophe(c)
}

/// True for every character that is typed for an apostrophe.
pub(super) fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | 'ʻ' | 'ʽ' | '`' | '´' | '′' | '‛' | 'ʹ' | '＇' | 'ꞌ')
}

/// A word starts here, or two letters are kept apart.
pub(super) const GAP: u8 = b' ';
/// Skeleton bytes from here on are letters of scripts without spaces.
pub(super) const UNSPACED: u8 = 0x80;

const NOTHING: u8 = 0;
const SEVERAL: u8 = 1;
/// Letters of a word, and of what stands between two: a longer one matches nothing, and reading it again and again
/// for each of its letters would take for ever.
pub(super) const LONGEST_WORD: usize = 250;
const MARKS_AT_MOST: usize = 16;
const EXPANSION_AT_MOST: usize = 24;
const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();
const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
const NFKD: DecomposingNormalizerBorrowed<'static> = DecomposingNormalizerBorrowed::new_nfkd();
const COMBINING: CanonicalCombiningClassMapBorrowed<'static> = CanonicalCombiningClassMapBorrowed::new();

/// The skeleton byte of every character of the basic plane.
static CLASSES: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=0xFFFF).map(|code| char::from_u32(code).map_or(GAP, class_of)).collect());

/// For every character of the basic plane that is one letter as it stands, that letter folded; else zero.
static SIMPLE: LazyLock<Vec<u16>> = LazyLock::new(|| (0..=0xFFFF).map(simple_of).collect());

fn simple(c: char) -> Option<char> {
    let folded = SIMPLE.get(c as usize).copied().filter(|folded| *folded != 0)?;
    char::from_u32(u32::from(folded))
}

fn simple_of(code: u32) -> u16 {
    let Some(c) = char::from_u32(code) else { return 0 };
    let alone = NFKC.normalize_utf8(c.encode_utf8(&mut [0; 4]).as_bytes()).chars().eq([c]);
    if !alone || is_apostrophe(c) || is_ignored(c) || is_dash(c) || is_symbol(c) {
        return 0;
    }
    let mut letters = Vec::new();
    fold_char(c, 0, 0, &mut letters);
    match &letters[..] {
        [letter] => u16::try_from(u32::from(letter.folded)).unwrap_or(0),
        _ => 0,
    }
}

fn class(c: char) -> u8 {
    CLASSES.get(c as usize).copied().unwrap_or_else(|| class_of(c))
}

fn class_of(c: char) -> u8 {
    if is_ignored(c) || is_mark(c) {
        return NOTHING;
    }
    if is_apostrophe(c) || is_dash(c) || is_symbol(c) {
        return GAP;
    }
    let mut found = GAP;
    let mut count = 0;
    spell(c, |class| {
        found = class;
        count += 1;
    });
    if count > 1 { SEVERAL } else { found }
}

/// The skeleton bytes of one character, letters only.
fn spell(c: char, mut each: impl FnMut(u8)) {
    let mut letters = Vec::new();
    for c in NFKC.normalize_utf8(c.encode_utf8(&mut [0; 4]).as_bytes()).chars().take(EXPANSION_AT_MOST) {
        fold_char(c, 0, 0, &mut letters);
    }
    for letter in letters {
        each(letter_class(bare(letter.folded)));
    }
}

/// One byte for a folded letter. Letters that share a byte only cost a look.
fn letter_class(c: char) -> u8 {
    let c = to_latin(c).unwrap_or(c);
    if c.is_ascii() {
        // Kazakh ә looks like Azerbaijani ə, but one loses its mark to a and the other to e.
        return if c == 'e' { b'a' } else { c as u8 };
    }
    let code = c as u32;
    #[allow(clippy::cast_possible_truncation)] // reduced first
    if is_unspaced(c) {
        return UNSPACED + ((code ^ (code >> 6)) % 64) as u8;
    }
    match c {
        'и' => b'i',
        'ي' | 'ى' | 'ی' => b'y',
        'ك' | 'ک' => b'k',
        'أ' | 'إ' | 'ٱ' | 'آ' | 'ا' => b'a',
        'ة' | 'ه' | 'ە' => b'h',
        #[allow(clippy::cast_possible_truncation)]
        _ => b"bdfghijklmnqrstuvwz{|}~@[]^_!"[(code % 29) as usize],
    }
}

/// Folds one composed character; marks and punctuation leave nothing.
fn fold_char(c: char, start: usize, end: usize, letters: &mut Vec<Letter>) {
    if !c.is_alphanumeric() || is_mark(c) || is_ignored(c) {
        return;
    }
    let mut push = |folded| letters.push(Letter { folded, raw: c, start, end });
    match c {
        'a'..='z' | '0'..='9' => push(c),
        'A'..='H' | 'J'..='Z' => push(c.to_ascii_lowercase()),
        // One key for İSTANBUL, Istanbul and ISTANBUL, whatever the language: see the Turkish i.
        'I' | 'ı' | 'İ' => push('i'),
        'ё' | 'Ё' => push('е'),
        'ș' | 'Ș' => push('ş'),
        'ț' | 'Ț' => push('ţ'),
        'ς' => push('σ'),
        'ß' | 'ẞ' => {
            push('s');
            push('s');
        }
        _ => c.to_lowercase().filter(|c| !is_mark(*c)).for_each(push),
    }
}

/// Where a word mixes Latin and Cyrillic, the letters of the smaller part become the other's twins.
fn untwin(letters: &mut [Letter]) {
    let latin = letters.iter().filter(|l| is_latin(l.folded)).count();
    if latin == 0 {
        return;
    }
    let cyrillic = letters.iter().filter(|l| is_cyrillic(l.folded)).count();
    if cyrillic == 0 {
        return;
    }
    let twin = if latin > cyrillic { to_latin } else { to_cyrillic };
    for letter in letters {
        letter.folded = twin(letter.folded).unwrap_or(letter.folded);
    }
}

fn to_latin(c: char) -> Option<char> {
    TWINS.iter().find(|(cyrillic, _)| *cyrillic == c).map(|(_, latin)| *latin)
}

fn to_cyrillic(c: char) -> Option<char> {
    TWINS.iter().find(|(_, latin)| *latin == c).map(|(cyrillic, _)| *cyrillic)
}

/// Letters that look alike: Cyrillic, Latin.
const TWINS: &[(char, char)] = &[
    ('а', 'a'),
    ('е', 'e'),
    ('о', 'o'),
    ('с', 'c'),
    ('р', 'p'),
    ('х', 'x'),
    ('у', 'y'),
    ('і', 'i'),
    ('һ', 'h'),
    ('ј', 'j'),
    ('ѕ', 's'),
    ('к', 'k'),
    ('м', 'm'),
    ('т', 't'),
    ('в', 'b'),
    ('н', 'h'),
    ('ә', 'ə'),
    ('ї', 'ï'),
];

pub(super) fn is_latin(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, '\u{C0}'..='\u{24F}' | '\u{250}'..='\u{2AF}' | '\u{1E00}'..='\u{1EFF}')
}

pub(super) fn is_cyrillic(c: char) -> bool {
    matches!(c, '\u{400}'..='\u{52F}')
}

fn is_mark(c: char) -> bool {
    c as u32 >= 0x300 && COMBINING.get_u8(c) != 0
}

fn is_dash(c: char) -> bool {
    matches!(
        c,
        '-' | '\u{2010}'
            ..='\u{2015}'
                | '\u{2043}'
                | '\u{2212}'
                | '\u{FE58}'
                | '\u{FE63}'
                | '\u{FF0D}'
                | '\u{58A}'
                | '\u{5BE}'
    )
}

/// Signs that NFKC would spell out in letters.
fn is_symbol(c: char) -> bool {
    matches!(c, '\u{2100}'..='\u{214F}' | '\u{2460}'..='\u{24FF}' | '\u{3200}'..='\u{33FF}' | 'ª' | 'º' | '¨' | '…')
}
