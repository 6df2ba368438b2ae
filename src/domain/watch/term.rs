//! A keyword, read: its words, what stands between them, and how they are found and recognised in a text.

use std::collections::BTreeSet;
use std::ops::Range;
use std::rc::Rc;

use super::KeywordError;
use super::fold::{self, APOSTROPHE, Unit, Word, Words};
use super::grammar::{Grammar, Place, Script};

/// A keyword, ready to be compared with a place in a text.
#[derive(Debug)]
pub(super) enum Term {
    /// Words that inflect: `Türk Devletleri Teşkilatı`, `OTS`, `C++`.
    Phrase(Phrase),
    /// `=Word`: these characters and no others.
    Exact(Exact),
    /// Writing without spaces: a run of letters, wherever it stands.
    Run(Run),
}

#[derive(Debug)]
pub(super) struct Phrase {
    words: Vec<Piece>,
    /// Signs that stand right before the first word: `.NET`.
    before: Vec<char>,
    script: Script,
    /// Capitals only: `OTS`.
    acronym: bool,
}

#[derive(Debug)]
struct Piece {
    folded: Vec<char>,
    raw: Vec<char>,
    /// What follows the word.
    joint: Joint,
    /// Skeleton bytes that every form of the word begins with; empty where that is not known.
    prefix: Vec<u8>,
}

#[derive(Debug)]
enum Joint {
    /// Nothing more.
    End,
    /// White space, a hyphen or quotation marks.
    Gap,
    /// These signs; a space stands for any white space.
    Signs(Vec<char>),
}

#[derive(Debug)]
pub(super) struct Exact {
    before: Vec<char>,
    chars: Vec<char>,
}

#[derive(Debug)]
pub(super) struct Run {
    skeleton: Vec<u8>,
    /// Its letters, and the signs among them.
    chars: Vec<char>,
    /// Signs after the last letter: `欧佩克+`.
    after: Vec<char>,
}

/// Bytes of a skeleton that stand wherever the term stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Anchor {
    pub(super) bytes: Vec<u8>,
    /// How many words before the one it is in the term begins.
    pub(super) back: usize,
}

impl Term {
    pub(super) fn parse(keyword: &str) -> Result<Self, KeywordError> {
        let (exact, text) = match keyword.trim().strip_prefix('=') {
            Some(rest) => (true, rest.trim()),
            None => (false, keyword.trim()),
        };
        if text.is_empty() {
            return Err(KeywordError::Empty);
        }
        if text.chars().count() > KeywordError::LONGEST {
            return Err(KeywordError::TooLong { keyword: keyword.to_owned() });
        }
        let mut letters = Vec::new();
        each_char(text, |_, _, c, is_letter| letters.extend(is_letter.then_some(c)));
        if letters.is_empty() {
            return Err(KeywordError::NoLetters { keyword: keyword.to_owned() });
        }
        if letters.iter().any(|c| fold::is_unspaced(*c)) {
            return Ok(Self::Run(Run::parse(text)));
        }
        Ok(if exact { Self::Exact(Exact::parse(text)) } else { Self::Phrase(Phrase::parse(text)) })
    }

    /// Sets of anchors, any of which finds every place of the term.
    pub(super) fn anchors(&self) -> Vec<Vec<Anchor>> {
        match self {
            Self::Phrase(phrase) => (0..phrase.words.len()).map(|at| phrase.anchors(at)).collect(),
            Self::Exact(exact) => exact.anchors(),
            Self::Run(run) => vec![vec![Anchor { bytes: run.skeleton.clone(), back: 0 }]],
        }
    }

    /// The term's place, where an anchor was found in the word that starts at `word` and ended at `end`.
    ///
    /// The language costs a guess where the text does not say it, so it is asked for last.
    pub(super) fn find<'a>(
        &self,
        words: &mut Words<'_>,
        word: usize,
        end: usize,
        back: usize,
        language: &dyn Fn() -> Option<&'a str>,
    ) -> Option<Range<usize>> {
        let text = words.text;
        let mut start = word;
        if !matches!(self, Self::Run(_)) {
            for _ in 0..back {
                start = fold::word_before(text, start)?;
            }
        }
        match self {
            Self::Phrase(phrase) => phrase.find(words, start, language),
            Self::Exact(exact) => exact.find(text, start),
            Self::Run(run) => run.find(text, end),
        }
    }
}

impl Phrase {
    fn parse(text: &str) -> Self {
        let mut words = Vec::new();
        let mut before = Vec::new();
        let mut signs: Vec<char> = Vec::new();
        let mut at = 0;
        while at < text.len() {
            let (unit, end) = fold::unit(text, at, &mut Vec::new());
            match unit {
                Unit::Letters => {
                    let word = Word::at(text, at);
                    close(&mut words, &mut before, &mut signs);
                    words.push(Piece {
                        raw: word.letters.iter().map(|l| l.raw).collect(),
                        folded: word.folded,
                        joint: Joint::End,
                        prefix: Vec::new(),
                    });
                    at = word.end;
                    continue;
                }
                Unit::Separator(c) => signs.push(c),
                Unit::Apostrophe => signs.push(APOSTROPHE),
                Unit::Ignored => {}
            }
            at = end;
        }
        while signs.last().is_some_and(|c| is_gap(*c)) {
            signs.pop();
        }
        if let (Some(last), false) = (words.last_mut(), signs.is_empty()) {
            last.joint = Joint::Signs(signs);
        }
        let script = Script::of(words.iter().flat_map(|w| w.folded.iter().copied()));
        let acronym = matches!(&words[..], [word] if is_acronym(&word.raw));
        let mut phrase = Self { words, before, script, acronym };
        phrase.note_prefixes();
        phrase
    }

    /// Makes a glance at the neighbours possible, except where clitics stand before a word or an apostrophe in it
    /// may be missing.
    fn note_prefixes(&mut self) {
        let plain =
            self.script != Script::Arabic && self.words.iter().all(|w| !w.folded.contains(&APOSTROPHE));
        if !plain || self.words.len() < 2 {
            return;
        }
        for at in 0..self.words.len() {
            let stems = self.stems(at);
            self.words[at].prefix = common(&stems).to_vec();
        }
    }

    /// The skeletons of a word's stems.
    fn stems(&self, at: usize) -> BTreeSet<Vec<u8>> {
        let word = &self.words[at];
        let mut stems = BTreeSet::from([fold::skeleton_of(&word.folded)]);
        self.each_stem(at, &mut |stem| {
            stems.insert(fold::skeleton_of(stem));
        });
        stems
    }

    fn each_stem(&self, at: usize, tell: &mut dyn FnMut(&[char])) {
        let word = &self.words[at];
        let place = self.place(at);
        let rigid = self.acronym || matches!(word.joint, Joint::Signs(_));
        let grammars: &[Grammar] = match (rigid, self.script) {
            (true, Script::Arabic) => &[Grammar::Arabic],
            (true, _) => &[],
            (false, script) => script.grammars(),
        };
        for grammar in grammars {
            grammar.stems(&word.folded, place, &mut |stem| tell(stem.letters));
        }
    }

    fn place(&self, at: usize) -> Place {
        Place { first: at == 0, last: at + 1 == self.words.len() }
    }

    fn find<'a>(
        &self,
        words: &mut Words<'_>,
        start: usize,
        language: &dyn Fn() -> Option<&'a str>,
    ) -> Option<Range<usize>> {
        let text = words.text;
        if !fold::words_begin(text, start, self.words.iter().map(|w| &w.prefix[..])) {
            return None;
        }
        let (tokens, end) = self.tokens(words, start)?;
        let begin = starts_after(&self.before, text, start)?;
        let language = language();
        let grammars = self.script.grammars_in(language);
        let within = follows_apostrophe(text, start);
        for grammar in grammars {
            if within && grammar.spells_apostrophes() && language.is_some() {
                continue;
            }
            if let Some(last) = self.accepts(*grammar, &tokens, language.is_none()) {
                return Some(begin..end.unwrap_or(last));
            }
        }
        None
    }

    /// The words of the text that stand where the phrase's words would, if what is between them agrees; with the
    /// end of the signs after the last.
    fn tokens(&self, words: &mut Words<'_>, start: usize) -> Option<(Vec<Rc<Word>>, Option<usize>)> {
        let text = words.text;
        let mut tokens = Vec::with_capacity(self.words.len());
        let mut at = start;
        let mut end = None;
        for (i, piece) in self.words.iter().enumerate() {
            let token = words.at(at);
            if token.letters.is_empty() {
                return None;
            }
            at = token.end;
            tokens.push(token);
            match &piece.joint {
                Joint::End => {}
                Joint::Gap => at = gap_end(text, at)?,
                Joint::Signs(signs) => {
                    at = signs_end(signs, text, at)?;
                    if i + 1 == self.words.len() {
                        if goes_on(text, at, signs) {
                            return None;
                        }
                        end = Some(at);
                    }
                }
            }
        }
        Some((tokens, end))
    }

    /// The end of the last word, if every token is a form of its word in this grammar.
    fn accepts(&self, grammar: Grammar, tokens: &[Rc<Word>], unsure: bool) -> Option<usize> {
        let mut end = 0;
        for (i, (piece, token)) in self.words.iter().zip(tokens).enumerate() {
            end = self.accepts_word(grammar, i, piece, token, unsure)?;
        }
        Some(end)
    }

    fn accepts_word(
        &self,
        grammar: Grammar,
        i: usize,
        piece: &Piece,
        token: &Word,
        unsure: bool,
    ) -> Option<usize> {
        let rigid = matches!(piece.joint, Joint::Signs(_));
        let place = self.place(i);
        let loose = self.words.len() > 1;
        let fits = |letters: &[char]| {
            grammar.equals(&piece.folded, letters, loose)
                || (!rigid && grammar.accepts(&piece.folded, letters, place, loose))
        };
        if self.acronym && !capitals_agree(&piece.raw, token) {
            return None;
        }
        let letters = &token.folded[..];
        if fits(letters) {
            return Some(token.end);
        }
        let has_apostrophe = letters.contains(&APOSTROPHE) || piece.folded.contains(&APOSTROPHE);
        if !has_apostrophe {
            return None;
        }
        if !self.acronym && (grammar.spells_apostrophes() || unsure || piece.folded.contains(&APOSTROPHE)) {
            let word = grammar.spelt(&piece.folded);
            let token_word = grammar.spelt(letters);
            if grammar.equals(&word, &token_word, loose) || grammar.accepts(&word, &token_word, place, loose)
            {
                return Some(token.end);
            }
            if loose && grammar == Grammar::UzbekLatin && !letters.contains(&APOSTROPHE) {
                let word = Grammar::Plain.spelt(&piece.folded);
                if grammar.equals(&word, letters, loose) || grammar.accepts(&word, letters, place, loose) {
                    return Some(token.end);
                }
            }
        }
        if !place.last {
            return None;
        }
        // An apostrophe ends the word; what follows is its suffix, or another word.
        let cuts = letters.iter().enumerate().filter(|(_, c)| **c == APOSTROPHE).map(|(at, _)| at);
        let letter_before = |at: usize| {
            grammar == Grammar::UzbekLatin
                && !unsure
                && matches!(letters.get(at.wrapping_sub(1)), Some('o' | 'g'))
        };
        let mut cuts = cuts.filter(|at| self.acronym || !letter_before(*at));
        let at = cuts.find(|at| fits(&letters[..*at]))?;
        Some(token.letters[at - 1].end)
    }

    /// What finds the phrase by its word `at`.
    fn anchors(&self, at: usize) -> Vec<Anchor> {
        let word = &self.words[at];
        let apostrophes = |words: &[Piece]| -> usize {
            words.iter().map(|w| w.folded.iter().filter(|c| **c == APOSTROPHE).count()).sum()
        };
        let earlier = apostrophes(&self.words[..at]);
        let pieces: Vec<&[char]> = word.folded.split(|c| *c == APOSTROPHE).collect();
        let longest = (0..pieces.len()).max_by_key(|i| pieces[*i].len()).unwrap_or(0);
        let mut cut = BTreeSet::new();
        let mut fused = BTreeSet::new();
        let mut note = |stem: &[char]| {
            let piece = stem.split(|c| *c == APOSTROPHE).nth(longest).unwrap_or_default();
            cut.insert(fold::skeleton_of(piece));
            let whole: Vec<char> = stem.iter().copied().filter(|c| *c != APOSTROPHE).collect();
            fused.insert(fold::skeleton_of(&whole));
        };
        note(&word.folded);
        self.each_stem(at, &mut note);
        let mut anchors = Vec::new();
        let mut add = |stems: &BTreeSet<Vec<u8>>, within: usize| {
            for stem in shortest(stems) {
                let gap = if self.script == Script::Arabic { &[][..] } else { &[fold::GAP] };
                for before in BTreeSet::from([0, earlier]) {
                    anchors.push(Anchor { bytes: [gap, &stem].concat(), back: at + before + within });
                }
            }
        };
        add(&cut, longest);
        if pieces.len() > 1 {
            add(&fused, 0);
        }
        anchors
    }
}

impl Exact {
    fn parse(text: &str) -> Self {
        let chars = fold::composed(text);
        let first = chars.iter().position(|c| fold::is_word_char(*c)).unwrap_or(0);
        let (before, chars) = chars.split_at(first);
        Self { before: before.to_vec(), chars: chars.to_vec() }
    }

    fn find(&self, text: &str, start: usize) -> Option<Range<usize>> {
        let begin = starts_after(&self.before, text, start)?;
        if begin == start
            && text[..start].chars().rev().find(|c| !fold::is_ignored(*c)).is_some_and(fold::is_word_char)
        {
            return None;
        }
        let mut expected = &self.chars[..];
        let mut at = start;
        while !expected.is_empty() {
            let end = fold::cluster_end(text, at)?;
            let found = fold::composed(&text[at..end]);
            expected = expected.strip_prefix(&found[..])?;
            at = end;
        }
        let next = text[at..].chars().find(|c| !fold::is_ignored(*c));
        let last = self.chars.last()?;
        let inside =
            next.is_some_and(|c| fold::is_word_char(c) || (!fold::is_word_char(*last) && c == *last));
        (!inside).then_some(begin..at)
    }

    fn anchors(&self) -> Vec<Vec<Anchor>> {
        let text: String = self.chars.iter().collect();
        let mut words: Vec<Vec<u8>> = Vec::new();
        fold::skeleton(&text, |class, _, _| match words.last_mut() {
            Some(word) if class != fold::GAP => word.push(class),
            _ => words.push(vec![fold::GAP]),
        });
        words.into_iter().enumerate().map(|(back, bytes)| vec![Anchor { bytes, back }]).collect()
    }
}

impl Run {
    fn parse(text: &str) -> Self {
        let mut chars = Vec::new();
        let (mut first, mut last, mut letters) = (None, 0, 0);
        each_char(text, |start, end, c, is_letter| {
            if is_letter {
                first.get_or_insert(start);
                last = end;
                letters = chars.len() + 1;
            }
            if first.is_some() {
                chars.push(c);
            }
        });
        let after = chars.split_off(letters);
        let mut skeleton = Vec::new();
        fold::skeleton(&text[first.unwrap_or(0)..last], |class, _, _| skeleton.push(class));
        if chars.first().is_some_and(|c| fold::is_unspaced(*c)) {
            skeleton.remove(0);
        }
        Self { skeleton, chars, after: after.into_iter().filter(|c| !is_gap(*c)).collect() }
    }

    /// The run whose last letter ends at `end`; white space in it counts for nothing.
    fn find(&self, text: &str, end: usize) -> Option<Range<usize>> {
        let mut expected = self.chars.iter().rev().peekable();
        let mut start = end;
        for (i, c) in text[..end].char_indices().rev() {
            if expected.peek().is_none() {
                break;
            }
            let mut agrees = true;
            let mut found = Vec::new();
            each_char(&text[i..i + c.len_utf8()], |_, _, c, _| found.push(c));
            for c in found.iter().rev() {
                agrees &= expected.next() == Some(c);
            }
            if !agrees {
                return None;
            }
            start = i;
        }
        if expected.next().is_some() {
            return None;
        }
        let touches = |edge: Option<&char>, next: Option<char>| match (edge, next) {
            (Some(edge), Some(next)) => {
                (is_katakana(*edge) && is_katakana(next)) || (edge.is_ascii() && next.is_ascii_alphanumeric())
            }
            _ => false,
        };
        if touches(self.chars.first(), text[..start].chars().next_back()) {
            return None;
        }
        if self.after.is_empty() {
            let next = text[end..].chars().next();
            return (!touches(self.chars.last(), next)).then_some(start..end);
        }
        let end = signs_end(&self.after, text, end)?;
        (!text[end..].starts_with(&self.after[..])).then_some(start..end)
    }
}

/// Tells every letter, folded, and every sign but white space, with its place and whether it is a letter.
fn each_char(text: &str, mut tell: impl FnMut(usize, usize, char, bool)) {
    let (mut at, mut letters) = (0, Vec::new());
    while at < text.len() {
        letters.clear();
        let (unit, end) = fold::unit(text, at, &mut letters);
        match unit {
            Unit::Letters => letters.iter().for_each(|l| tell(at, end, l.folded, true)),
            Unit::Separator(c) if c.is_whitespace() => {}
            // The dot inside a foreign name is typed in several ways.
            Unit::Separator('·' | '・' | '‧' | '•' | '･') => tell(at, end, '·', false),
            Unit::Separator(c) => tell(at, end, c, false),
            Unit::Apostrophe => tell(at, end, APOSTROPHE, false),
            Unit::Ignored => {}
        }
        at = end;
    }
}

fn is_katakana(c: char) -> bool {
    matches!(c, '\u{30A1}'..='\u{30FA}' | 'ー' | '\u{31F0}'..='\u{31FF}' | '\u{FF66}'..='\u{FF9F}')
}

/// Gives the signs read so far to the word before them, or to the start of the phrase.
fn close(words: &mut [Piece], before: &mut Vec<char>, signs: &mut Vec<char>) {
    let read = std::mem::take(signs);
    match words.last_mut() {
        Some(word) if read.iter().all(|c| is_gap(*c)) => word.joint = Joint::Gap,
        Some(word) => {
            let mut signs = read;
            signs.dedup_by(|a, b| *a == ' ' && *b == ' ');
            word.joint = Joint::Signs(signs);
        }
        None => *before = read.into_iter().filter(|c| !is_gap(*c)).collect(),
    }
}

fn is_gap(c: char) -> bool {
    c.is_whitespace() || c == '-' || c == APOSTROPHE || is_quotation(c)
}

fn is_quotation(c: char) -> bool {
    matches!(c, '"' | '“' | '”' | '„' | '‟' | '«' | '»' | '‹' | '›' | '‚' | '″' | '「' | '」' | '『' | '』')
}

/// Where the next word starts, if only white space, a dash and quotation marks stand before it.
fn gap_end(text: &str, mut at: usize) -> Option<usize> {
    let (mut seen, mut hyphens, mut letters) = (false, 0, Vec::new());
    for _ in 0..fold::LONGEST_WORD {
        let (unit, end) = fold::unit(text, at, &mut letters);
        match unit {
            Unit::Letters => return (seen && hyphens < 3).then_some(at),
            Unit::Separator('-') => {
                hyphens += 1;
                seen = true;
            }
            Unit::Separator(c) if is_gap(c) => seen = true,
            Unit::Apostrophe | Unit::Ignored => {}
            Unit::Separator(_) => return None,
        }
        at = end;
    }
    None
}

/// Where the text goes on after these signs.
fn signs_end(signs: &[char], text: &str, mut at: usize) -> Option<usize> {
    let mut letters = Vec::new();
    for sign in signs {
        loop {
            let (unit, end) = fold::unit(text, at, &mut letters);
            let matched = match unit {
                Unit::Ignored if end > at => {
                    at = end;
                    continue;
                }
                Unit::Separator(c) => c == *sign,
                Unit::Apostrophe => *sign == APOSTROPHE,
                Unit::Letters | Unit::Ignored => false,
            };
            if !matched {
                return None;
            }
            at = end;
            break;
        }
        if *sign == ' ' {
            while let (Unit::Separator(' '), end) = fold::unit(text, at, &mut letters) {
                at = end;
            }
        }
    }
    Some(at)
}

/// True when a term that ends in signs runs on into a longer word.
fn goes_on(text: &str, at: usize, signs: &[char]) -> bool {
    let next = text[at..].chars().find(|c| !fold::is_ignored(*c));
    next.is_some_and(|c| fold::is_word_char(c) || signs.last() == Some(&c))
}

/// Where the term begins, if its leading signs stand before `start` and no word runs into them.
fn starts_after(signs: &[char], text: &str, start: usize) -> Option<usize> {
    let mut begin = start;
    for sign in signs.iter().rev() {
        let c = text[..begin].chars().next_back()?;
        if c != *sign {
            return None;
        }
        begin -= c.len_utf8();
    }
    let runs_in = |c: char| fold::is_word_char(c) || signs.first() == Some(&c);
    if !signs.is_empty() && text[..begin].chars().next_back().is_some_and(runs_in) {
        return None;
    }
    Some(begin)
}

/// True when the place stands right after an apostrophe that follows a letter.
fn follows_apostrophe(text: &str, start: usize) -> bool {
    let mut before = text[..start].chars().rev().filter(|c| !fold::is_ignored(*c));
    before.next().is_some_and(fold::is_apostrophe) && before.next().is_some_and(fold::is_word_char)
}

/// Two to six characters, capitals and digits, with two capitals at least.
fn is_acronym(raw: &[char]) -> bool {
    (2..=6).contains(&raw.len())
        && raw.iter().all(|c| c.is_uppercase() || c.is_numeric())
        && raw.iter().filter(|c| c.is_uppercase()).count() >= 2
}

/// An acronym as it was written, and after it small letters only.
fn capitals_agree(raw: &[char], token: &Word) -> bool {
    let written = || token.letters.iter().map(|l| l.raw);
    token.letters.len() >= raw.len()
        && written().zip(raw).all(|(t, k)| t == *k)
        && written().skip(raw.len()).take_while(|c| *c != APOSTROPHE).all(|c| !c.is_uppercase())
}

/// Prefixes that stand in every one of the stems: one if it is long enough to be rare, else the shortest stems.
fn shortest(stems: &BTreeSet<Vec<u8>>) -> Vec<Vec<u8>> {
    let common = common(stems);
    if common.len() >= RARE {
        return vec![common[..common.len().min(LONGEST)].to_vec()];
    }
    let mut kept: Vec<Vec<u8>> = Vec::new();
    for stem in stems {
        if !kept.last().is_some_and(|k| stem.starts_with(k)) {
            kept.push(stem[..stem.len().min(LONGEST)].to_vec());
        }
    }
    kept
}

/// The prefix of all of a set: in its order the first and the last differ soonest.
fn common(stems: &BTreeSet<Vec<u8>>) -> &[u8] {
    let (Some(first), Some(last)) = (stems.first(), stems.last()) else { return &[] };
    &first[..first.iter().zip(last).take_while(|(a, b)| a == b).count()]
}

/// Letters after which a prefix is rare enough in running text.
pub(super) const RARE: usize = 4;
/// More letters than this find nothing better.
const LONGEST: usize = 12;
