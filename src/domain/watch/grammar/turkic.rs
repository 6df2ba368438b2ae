//! The Turkic languages: one chain of slots for all of them.
//!
//! `plural? possessive? case? (ki plural? possessive? case?)? copula?`, wholly in back or wholly in front vowels.
//! The stem's own vowels are not asked: loans break harmony (*saati*, *rolü*).

use std::sync::LazyLock;

use super::chain::{Chain, Slot};
use super::{Grammar, Place, Stem, Tail, less, with};

/// A language's suffixes. `A` is a low vowel, `I` a high one, `D` d or t; `?` and `()` mean that it may lack.
struct Table {
    low: [&'static str; 2],
    high: [&'static str; 2],
    plural: &'static str,
    possessive: &'static str,
    case: &'static str,
    ki: &'static str,
    copula: &'static str,
    /// What the last consonant becomes before a vowel.
    softens: &'static [(char, &'static str)],
    /// Vowels that a closed last syllable loses before a vowel.
    drops: &'static str,
}

/// The chains of one language: after any stem, and after the head of an izafet name that lost its possessive.
struct Chains {
    plain: Chain,
    izafet: Chain,
}

pub(super) fn stems(grammar: Grammar, word: &[char], place: Place, tell: &mut dyn FnMut(Stem<'_>)) {
    let Some((table, chains)) = of(grammar) else { return };
    let Some(&last) = word.last() else { return };
    if !place.last {
        // Inside a name nothing inflects.
        return tell(Stem::whole(word, Tail::End));
    }
    let tail = Tail::Chain(&chains.plain);
    tell(Stem::whole(word, tail));
    if word.len() < 2 {
        return;
    }
    let stem = less(word, 1);
    let softened = || table.softens.iter().filter(move |(hard, _)| *hard == last).map(|(_, soft)| *soft);
    for soft in softened() {
        tell(Stem::before_vowel(&with(stem, soft), tail));
    }
    let (vowel, before) = (stem[stem.len() - 1], stem.get(stem.len().wrapping_sub(2)));
    if table.drops.contains(vowel) && word.len() >= 4 && before.is_some_and(|c| !grammar.is_vowel(*c)) {
        let mut short = less(word, 2).to_vec();
        short.push(last);
        tell(Stem::before_vowel(&short, tail));
        for soft in softened() {
            tell(Stem::before_vowel(&with(less(word, 2), soft), tail));
        }
    }
    match (grammar, last) {
        (Grammar::Turkish, _) if !grammar.is_vowel(last) && word.len() <= 5 => {
            tell(Stem::before_vowel(&with(word, last.encode_utf8(&mut [0; 4])), tail));
        }
        (Grammar::Turkmen, 'e') => tell(Stem::whole(&with(stem, "ä"), tail)),
        (Grammar::Kazakh | Grammar::Kyrgyz | Grammar::Tatar | Grammar::Bashkir, 'ь' | 'й') => {
            tell(Stem::whole(stem, tail));
        }
        (Grammar::Uyghur, _) => raise(word, tail, tell),
        _ => {}
    }
    if !place.first {
        izafet(grammar, table, chains, word, tell);
    }
}

/// A head that bears a possessive may bear a plural before it: *Bakanlığı*, *Bakanlıkları*.
fn izafet(
    grammar: Grammar,
    table: &Table,
    chains: &'static Chains,
    word: &[char],
    tell: &mut dyn FnMut(Stem<'_>),
) {
    let high = |c: char| table.high.iter().any(|class| class.contains(c));
    if grammar == Grammar::Uyghur || !word.last().is_some_and(|c| high(*c)) || word.len() < 3 {
        return;
    }
    let tail = Tail::Chain(&chains.izafet);
    let base = less(word, 1);
    tell(Stem::whole(base, tail));
    let last = base[base.len() - 1];
    if matches!(last, 's' | 'с' | 'һ') {
        tell(Stem::whole(less(base, 1), tail));
    }
    for (hard, soft) in table.softens {
        if soft.chars().eq([last]) {
            tell(Stem::whole(&with(less(base, 1), hard.encode_utf8(&mut [0; 4])), tail));
        }
    }
}

/// Uyghur vowels that grow narrow before a suffix: بالا, بالىنىڭ.
fn raise(word: &[char], tail: Tail, tell: &mut dyn FnMut(Stem<'_>)) {
    let Some(at) = word.iter().rposition(|c| matches!(c, 'ا' | 'ە' | 'ې')) else { return };
    if at + 2 < word.len() {
        return;
    }
    let mut raised = word.to_vec();
    raised[at] = 'ى';
    tell(Stem::whole(&raised, tail));
    let Some(last) = word.last() else { return };
    for (hard, soft) in UYGHUR.softens {
        if hard == last {
            tell(Stem::before_vowel(&with(less(&raised, 1), soft), tail));
        }
    }
}

fn of(grammar: Grammar) -> Option<(&'static Table, &'static Chains)> {
    macro_rules! chains {
        ($table:ident) => {{
            static CHAINS: LazyLock<Chains> = LazyLock::new(|| compile(&$table));
            Some((&$table, &*CHAINS))
        }};
    }
    match grammar {
        Grammar::Turkish => chains!(TURKISH),
        Grammar::Azerbaijani => chains!(AZERBAIJANI),
        Grammar::Turkmen => chains!(TURKMEN),
        Grammar::UzbekLatin => chains!(UZBEK_LATIN),
        Grammar::UzbekCyrillic => chains!(UZBEK_CYRILLIC),
        Grammar::Kazakh => chains!(KAZAKH),
        Grammar::Kyrgyz => chains!(KYRGYZ),
        Grammar::Tatar => chains!(TATAR),
        Grammar::Bashkir => chains!(BASHKIR),
        Grammar::Uyghur => chains!(UYGHUR),
        _ => None,
    }
}

fn compile(table: &Table) -> Chains {
    let mut plain = Vec::new();
    let mut izafet = Vec::new();
    for class in 0..2 {
        if class == 1 && table.low[1].is_empty() {
            break;
        }
        let slot = |notation: &str, optional: bool| Slot {
            forms: notation.split(' ').flat_map(|form| expand(form, table, class)).collect(),
            optional,
        };
        let tail = |group: bool| {
            let mut slots = vec![slot(table.case, true)];
            if group {
                slots.push(slot(table.ki, false));
                slots.extend([
                    slot(table.plural, true),
                    slot(table.possessive, true),
                    slot(table.case, true),
                ]);
            }
            slots.push(slot(table.copula, true));
            slots
        };
        for group in [false, true] {
            let free = [slot(table.plural, true), slot(table.possessive, true)];
            plain.push(free.into_iter().chain(tail(group)).collect());
            let owned = [slot(table.plural, false), slot(table.possessive, false)];
            izafet.push(owned.into_iter().chain(tail(group)).collect());
        }
    }
    Chains { plain: Chain(plain), izafet: Chain(izafet) }
}

/// Every spelling of one suffix in one vowel class.
fn expand(notation: &str, table: &Table, class: usize) -> Vec<Vec<char>> {
    let mut spellings = vec![Vec::new()];
    let mut rest = notation;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        let group = |close: char| rest.split_once(close).unwrap_or((rest, ""));
        let (choices, after): (Vec<Vec<char>>, &str) = match c {
            '[' => (group(']').0.chars().map(|c| vec![c]).collect(), group(']').1),
            '(' => {
                let mut inner = expand(group(')').0, table, class);
                inner.push(Vec::new());
                (inner, group(')').1)
            }
            'A' => (table.low[class].chars().map(|c| vec![c]).collect(), rest),
            'I' => (table.high[class].chars().map(|c| vec![c]).collect(), rest),
            'D' => (vec![vec!['d'], vec!['t']], rest),
            c => (vec![vec![c]], rest),
        };
        rest = after;
        let lacking = rest.strip_prefix('?');
        rest = lacking.unwrap_or(rest);
        let before = spellings;
        spellings = before.iter().flat_map(|s| choices.iter().map(|c| [&s[..], c].concat())).collect();
        if lacking.is_some() {
            spellings.extend(before);
        }
    }
    spellings
}

// Folding makes ı an i, so the back vowels of Turkish are written i and u here.

static TURKISH: Table = Table {
    low: ["a", "e"],
    high: ["iu", "iü"],
    plural: "lAr",
    possessive: "ImIz InIz mIz nIz I?m I?n sI I",
    case: "n?DAn n?DA [yn]?A [yn]?I n?In y?lA ncA",
    ki: "n?DAki n?Inki",
    copula: "DIr DIrlAr y?DI(lAr) y?mIş(tIr) y?sA y?ken y?I[mz] sIn(Iz)",
    softens: &[('k', "ğ"), ('k', "g"), ('ç', "c"), ('t', "d"), ('p', "b"), ('g', "ğ")],
    drops: "iuü",
};

static AZERBAIJANI: Table = Table {
    low: ["a", "ə"],
    high: ["iu", "iü"],
    plural: "lAr",
    possessive: "ImIz InIz mIz nIz I?m I?n sI I",
    case: "n?dAn n?dA [yn]?A [yn]?I n?In y?lA nAn ncA",
    ki: "n?dAkI n?InkI",
    copula: "dIr(lAr) y?Iq mIş",
    softens: &[('k', "y"), ('q', "ğ"), ('t', "d"), ('ç', "c"), ('p', "b")],
    drops: "iuü",
};

static TURKMEN: Table = Table {
    low: ["a", "eä"],
    high: ["yu", "iü"],
    plural: "lAr",
    possessive: "ImIz IňIz I?m I?ň sI I",
    case: "n?Iň n?dAn n?dA n?A n?I",
    ki: "n?dAkI",
    copula: "dIr mIş sA",
    softens: &[('k', "g"), ('p', "b"), ('t', "d"), ('ç', "j")],
    drops: "yiuü",
};

static UZBEK_LATIN: Table = Table {
    low: ["a", ""],
    high: ["i", ""],
    plural: "lar",
    possessive: "imiz ingiz im ing m ng si i yi",
    case: "ning ni [gkq]acha [gkq]a g'a dan da day dek cha",
    ki: "dagi niki",
    copula: "dir man san miz mi chi u yu am",
    softens: &[('k', "g"), ('q', "g'")],
    drops: "iua",
};

static UZBEK_CYRILLIC: Table = Table {
    low: ["а", ""],
    high: ["и", ""],
    plural: "лар",
    possessive: "имиз ингиз им инг м нг си и йи",
    case: "нинг ни [гкқ]ача [гкқ]а ға а дан да дай дек ча",
    ki: "даги ники",
    copula: "дир ман миз ми чи у ю ям",
    softens: &[('к', "г"), ('қ', "ғ")],
    drops: "иуа",
};

static KAZAKH: Table = Table {
    low: ["а", "е"],
    high: ["ы", "і"],
    plural: "[лдт]Aр",
    possessive: "I?мIз I?ңIз(дAр) I?м I?ң с?I",
    case: "[ндт]Iң [дтн]Aн н?[дт]A [ғгқк]A н?A [ндт]I н [мбп]ен(ен) [дт]Aй",
    ki: "н?[дт]A[ғг]I дIкI тIкI",
    copula: "[дт]Iр [мбп]Iн мIз",
    softens: &[('к', "г"), ('қ', "ғ"), ('п', "б")],
    drops: "ыіу",
};

static KYRGYZ: Table = Table {
    low: ["ао", "еөэ"],
    high: ["ыу", "иү"],
    plural: "[лдт]Aр",
    possessive: "I?бIз I?ңIз(дAр) I?м I?ң с?I",
    case: "[ндт]Iн [дтн]Aн н?[дт]A [гк]A н?A [ндт]I н чA [дт]Aй Aн",
    ki: "н?[дт]AгI дIкI тIкI",
    copula: "[дт]Iр мIн бIз [бп]I",
    softens: &[('к', "г"), ('п', "б")],
    drops: "ыуиү",
};

static TATAR: Table = Table {
    low: ["а", "ә"],
    high: ["ы", "е"],
    plural: "[лн]Aр",
    possessive: "I?бIз I?гIз I?м I?ң с?I",
    case: "нIң н?[дтн]Aн н?[дт]A [гк]A н?A н?I н н?чA [дт]Aй дI",
    ki: "н?[дт]AгI",
    copula: "[дт]Iр мIн бIз",
    softens: &[('к', "г"), ('п', "б")],
    drops: "ыеи",
};

static BASHKIR: Table = Table {
    low: ["а", "ә"],
    high: ["ыо", "еө"],
    plural: "[лтдҙ]Aр",
    possessive: "I?бI[ҙз] I?[ғг]I[ҙз] I?м I?ң [һс]?I",
    case: "[нтдҙ]Iң [дтнҙ]Aн н?[дтлҙ]A [ғгҡк]A н?A [нтдҙ]I н сA",
    ki: "н?[дтлҙ]A[ғг]I",
    copula: "[дтлҙ]Iр мIн",
    softens: &[('к', "г"), ('ҡ', "ғ"), ('п', "б")],
    drops: "ыеоө",
};

static UYGHUR: Table = Table {
    low: ["اە", ""],
    high: ["ىۇۈ", ""],
    plural: "ل[اەى]ر",
    possessive: "I?م I?ڭ سI I IمIز",
    case: "نىڭ نى [غقگك]A [غقگك]ىچە [دت]A [دت]ىن [دت]Aك چە",
    ki: "[دت]ىكى نىكى",
    copula: "دۇر مۇ كى چۇ",
    softens: &[('ق', "غ"), ('ك', "گ"), ('پ', "ۋ"), ('پ', "ب"), ('ب', "ۋ")],
    drops: "ىۇۈ",
};
