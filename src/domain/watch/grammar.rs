//! Grammar: which forms of a word count as the word.
//!
//! A form is a *stem* of the keyword's word and a *tail* that its language allows there. Stems and tails are tables,
//! one file a family. Nothing here is a dictionary: a tail that makes another word (-lı, -lik, -çi, -ский) is
//! simply not in the tables.

mod arabic;
mod chain;
mod hungarian;
mod slavic;
mod turkic;
mod western;

use super::fold::{self, APOSTROPHE};

/// The languages with a table of their own, and [`Grammar::Plain`] for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grammar {
    Turkish,
    Azerbaijani,
    Turkmen,
    UzbekLatin,
    UzbekCyrillic,
    Kazakh,
    Kyrgyz,
    Tatar,
    Bashkir,
    Uyghur,
    Russian,
    Ukrainian,
    Hungarian,
    German,
    French,
    English,
    Arabic,
    Persian,
    Plain,
}

/// The script of a keyword; it decides which grammars may apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Script {
    Latin,
    Cyrillic,
    Arabic,
    Other,
}

/// Where a word stands in its keyword.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) first: bool,
    pub(super) last: bool,
}

/// What may follow a stem.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tail {
    /// Nothing.
    End,
    /// One of these.
    Set(&'static [&'static str]),
    /// Suffixes by slots, one after another.
    Chain(&'static chain::Chain),
}

/// A stem of a word, and what may follow it.
#[derive(Debug)]
pub(super) struct Stem<'a> {
    pub(super) letters: &'a [char],
    pub(super) tail: Tail,
    /// The stem stands only before a vowel.
    pub(super) before_vowel: bool,
    /// Marks count for nothing in the stem.
    pub(super) bare: bool,
}

impl Script {
    pub(super) fn of(letters: impl Iterator<Item = char>) -> Self {
        let mut counts = [0_usize; 4];
        for c in letters {
            let script = match c {
                c if fold::is_latin(c) => Self::Latin,
                c if fold::is_cyrillic(c) => Self::Cyrillic,
                '\u{600}'..='\u{6FF}' | '\u{750}'..='\u{77F}' => Self::Arabic,
                c if c.is_alphabetic() => Self::Other,
                _ => continue,
            };
            counts[script as usize] += 1;
        }
        let all = [Self::Latin, Self::Cyrillic, Self::Arabic, Self::Other];
        // Digits alone are read as Latin: 2026'da, 7's.
        all.into_iter().rev().max_by_key(|s| counts[*s as usize]).unwrap_or(Self::Latin)
    }

    /// Every grammar of the script.
    pub(super) fn grammars(self) -> &'static [Grammar] {
        match self {
            Self::Latin => &[
                Grammar::English,
                Grammar::Turkish,
                Grammar::Azerbaijani,
                Grammar::Turkmen,
                Grammar::UzbekLatin,
                Grammar::Hungarian,
                Grammar::German,
                Grammar::French,
            ],
            Self::Cyrillic => &[
                Grammar::Russian,
                Grammar::Ukrainian,
                Grammar::Kazakh,
                Grammar::Kyrgyz,
                Grammar::Tatar,
                Grammar::Bashkir,
                Grammar::UzbekCyrillic,
            ],
            Self::Arabic => &[Grammar::Arabic, Grammar::Persian, Grammar::Uyghur],
            Self::Other => &[Grammar::Plain],
        }
    }

    /// The grammars for a text in `language`: its own where it is written in this script. A language that is not
    /// known, or is written otherwise, says nothing about the keyword, so all of the script's apply.
    pub(super) fn grammars_in(self, language: Option<&str>) -> &'static [Grammar] {
        let Some(language) = language else { return self.grammars() };
        let code = language.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match (self, code.as_str()) {
            (Self::Latin, "tr" | "crh" | "gag") => &[Grammar::Turkish],
            (Self::Latin, "az") => &[Grammar::Azerbaijani],
            (Self::Latin, "tk") => &[Grammar::Turkmen],
            (Self::Latin, "uz") => &[Grammar::UzbekLatin],
            (Self::Latin, "hu") => &[Grammar::Hungarian],
            (Self::Latin, "de") => &[Grammar::German],
            (Self::Latin, "fr") => &[Grammar::French],
            (Self::Latin, "en" | "es" | "pt" | "it" | "nl") => &[Grammar::English],
            (Self::Cyrillic, "uz") => &[Grammar::UzbekCyrillic],
            (Self::Cyrillic, "kk" | "kaa") => &[Grammar::Kazakh],
            (Self::Cyrillic, "ky") => &[Grammar::Kyrgyz],
            (Self::Cyrillic, "tt") => &[Grammar::Tatar],
            (Self::Cyrillic, "ba") => &[Grammar::Bashkir],
            (Self::Cyrillic, "ru") => &[Grammar::Russian],
            (Self::Cyrillic, "uk") => &[Grammar::Ukrainian],
            (Self::Arabic, "ug") => &[Grammar::Uyghur],
            (Self::Arabic, "ar") => &[Grammar::Arabic],
            (Self::Arabic, "fa") => &[Grammar::Persian],
            _ => self.grammars(),
        }
    }
}

impl Grammar {
    /// True when the letters of `token` are a form of `word`. `loose`: diacritics may be left off.
    pub(super) fn accepts(self, word: &[char], token: &[char], place: Place, loose: bool) -> bool {
        let same = |k: char, t: char| self.same(k, t) || (loose && fold::bare(k) == t);
        if self == Self::Arabic {
            return arabic::accepts(word, token, place);
        }
        let mut found = false;
        self.stems(word, place, &mut |stem| {
            if found || token.len() < stem.letters.len() {
                return;
            }
            let (start, rest) = token.split_at(stem.letters.len());
            let fits = |k: char, t: char| same(k, t) || (stem.bare && fold::bare(k) == fold::bare(t));
            found = stem.letters.iter().zip(start).all(|(k, t)| fits(*k, *t))
                && (!stem.before_vowel || rest.first().is_some_and(|c| self.is_vowel(*c)))
                && stem.tail.accepts(rest, &same);
        });
        found
    }

    /// True when the letters of `token` are those of `word`.
    pub(super) fn equals(self, word: &[char], token: &[char], loose: bool) -> bool {
        word.len() == token.len()
            && word.iter().zip(token).all(|(k, t)| self.same(*k, *t) || (loose && fold::bare(*k) == *t))
    }

    /// Tells every stem of `word` there is at this place.
    pub(super) fn stems(self, word: &[char], place: Place, tell: &mut dyn FnMut(Stem<'_>)) {
        match self {
            Self::Russian => slavic::russian(word, tell),
            Self::Ukrainian => slavic::ukrainian(word, tell),
            Self::Hungarian => hungarian::stems(word, place, tell),
            Self::German => western::german(word, tell),
            Self::French => western::french(word, tell),
            Self::English => western::english(word, place, tell),
            Self::Arabic => arabic::arabic(word, tell),
            Self::Persian => arabic::persian(word, tell),
            Self::Plain => tell(Stem::whole(word, Tail::End)),
            _ => turkic::stems(self, word, place, tell),
        }
    }

    /// True when an apostrophe is part of a word's spelling, not its end.
    pub(super) fn spells_apostrophes(self) -> bool {
        matches!(self, Self::UzbekLatin | Self::Ukrainian)
    }

    /// The word as this grammar spells it: where apostrophes are spelling, only oʻ and gʻ keep theirs.
    pub(super) fn spelt(self, word: &[char]) -> Vec<char> {
        let mut out = Vec::with_capacity(word.len());
        for (i, c) in word.iter().enumerate() {
            let letter = self == Self::UzbekLatin && i > 0 && matches!(word[i - 1], 'o' | 'g');
            if *c != APOSTROPHE || letter {
                out.push(*c);
            }
        }
        out
    }

    fn same(self, k: char, t: char) -> bool {
        k == t || self.letter(k) == self.letter(t)
    }

    /// What a language does not tell apart.
    fn letter(self, c: char) -> char {
        match self {
            Self::Turkish | Self::Azerbaijani => match c {
                'â' => 'a',
                'î' => 'i',
                'û' => 'u',
                _ => c,
            },
            Self::English => fold::bare(c),
            Self::Arabic | Self::Persian => match c {
                'أ' | 'إ' | 'ٱ' => 'ا',
                'آ' if self == Self::Arabic => 'ا',
                'ي' | 'ى' => 'ی',
                'ك' => 'ک',
                _ => c,
            },
            Self::Uyghur if c == 'ک' => 'ك',
            _ => c,
        }
    }

    fn is_vowel(self, c: char) -> bool {
        match self {
            Self::Uyghur => "اەېىوۇۆۈ".contains(c),
            _ => "aeiouyöüäəáéíóúőű".contains(c) || "аеиоуыэюяәөүұіїє".contains(c),
        }
    }
}

impl<'a> Stem<'a> {
    pub(super) fn whole(letters: &'a [char], tail: Tail) -> Self {
        Self { letters, tail, before_vowel: false, bare: false }
    }

    pub(super) fn before_vowel(letters: &'a [char], tail: Tail) -> Self {
        Self { letters, tail, before_vowel: true, bare: false }
    }
}

impl Tail {
    fn accepts(self, rest: &[char], same: &dyn Fn(char, char) -> bool) -> bool {
        match self {
            Self::End => rest.is_empty(),
            Self::Set(tails) => tails.iter().any(|tail| {
                tail.chars().count() == rest.len() && tail.chars().zip(rest).all(|(k, t)| same(k, *t))
            }),
            Self::Chain(chain) => chain.accepts(rest, same),
        }
    }
}

/// The word up to `drop` letters before its end, if that many follow a first letter.
fn less(word: &[char], drop: usize) -> &[char] {
    &word[..word.len().saturating_sub(drop)]
}

fn ends_with(word: &[char], end: &str) -> bool {
    let mut letters = word.iter().rev();
    end.chars().rev().all(|c| letters.next() == Some(&c))
}

/// `stem` with `end` put after it.
fn with(stem: &[char], end: &str) -> Vec<char> {
    stem.iter().copied().chain(end.chars()).collect()
}
