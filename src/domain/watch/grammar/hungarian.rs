//! Hungarian: `plural? possessive? é? case?` on the last word, and the stem's own changes.

use std::sync::LazyLock;

use super::chain::{Chain, Slot};
use super::{Place, Stem, Tail, ends_with, less, with};

pub(super) fn stems(word: &[char], place: Place, tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::End));
    let Some(&last) = word.last() else { return };
    if !place.last || word.len() < 2 {
        return;
    }
    let tail = Tail::Chain(&TAILS);
    tell(Stem::whole(word, tail));
    let stem = less(word, 1);
    if let Some(long) = long(last) {
        tell(Stem::whole(&with(stem, long), tail));
        if place.last && !place.first && matches!(last, 'a' | 'e') {
            // Many heads of one owner: Szervezete, Szervezetei.
            tell(Stem::whole(word, Tail::Chain(&MANY)));
            tell(Stem::whole(stem, Tail::Chain(&MANY)));
        }
    }
    if is_vowel(last) {
        return;
    }
    tell(Stem::whole(&doubled(word), Tail::Set(&["al", "el", "á", "é"])));
    if word.len() < 4 || !is_vowel(word[word.len() - 2]) {
        return;
    }
    let vowel = stem[stem.len() - 1];
    let short = match vowel {
        'é' => Some('e'),
        'á' => Some('a'),
        'ú' => Some('u'),
        'í' => Some('i'),
        'ű' => Some('ü'),
        _ => None,
    };
    if let Some(short) = short {
        let mut stem = less(word, 2).to_vec();
        stem.extend([short, last]);
        tell(Stem::before_vowel(&stem, tail));
    }
    if matches!(vowel, 'e' | 'o' | 'ö' | 'a') && !is_vowel(word[word.len() - 3]) {
        let mut stem = less(word, 2).to_vec();
        stem.push(last);
        tell(Stem::before_vowel(&stem, tail));
    }
}

fn long(vowel: char) -> Option<&'static str> {
    match vowel {
        'a' => Some("á"),
        'e' => Some("é"),
        'o' => Some("ó"),
        'ö' => Some("ő"),
        _ => None,
    }
}

/// The last consonant doubled, as -val and -vá want it: *Parlamenttel*, *Budapesttel*, *jeggyel*.
fn doubled(word: &[char]) -> Vec<char> {
    let mut out = word.to_vec();
    let digraph = ["sz", "gy", "ny", "cs", "zs", "ly", "ty", "dz"].iter().any(|d| ends_with(word, d));
    let at = word.len() - if digraph { 2 } else { 1 };
    out.insert(at, word[at]);
    out
}

fn is_vowel(c: char) -> bool {
    "aáeéiíoóöőuúüű".contains(c)
}

/// A plural, or an owner with one thing or many.
const NUMBER: &str = "k ok ek ök ak om em öm am m od ed öd ad d a e ja je unk ünk nk tok tek tök otok etek ötök atok \
    uk ük juk jük im id ink itek itok ik aim eim jaim jeim aid eid jaid jeid ai ei jai jei aink eink jaink jeink aik \
    eik jaik jeik aitok eitek";
/// Endings of an owner's thing that stand only before a case; -i alone makes an adjective.
const BOUND: &str = "á é já jé i";
const OF: &str = "é éi";
const CASE: &str = "t ot et öt at nak nek ban ben ba be ból ből on en ön n ra re ról ről hoz hez höz nál nél tól től \
    val vel vá vé ért ig ként kor ul ül";
/// -val and -vá after a consonant: *házakkal*, *jogunkkal*.
const ASSIMILATED: &str = "kal kel ká ké mal mel dal del";

static TAILS: LazyLock<Chain> = LazyLock::new(|| {
    Chain(vec![
        vec![Slot::of(NUMBER, true), Slot::of(CASE, true)],
        vec![Slot::of(NUMBER, false), Slot::of(ASSIMILATED, false)],
        vec![Slot::of(NUMBER, true), Slot::of(OF, false), Slot::of(CASE, false)],
        vec![Slot::of(BOUND, false), Slot::of(CASE, false)],
    ])
});

/// What makes a head plural under its owner.
static MANY: LazyLock<Chain> =
    LazyLock::new(|| Chain(vec![vec![Slot::of("i ai ei jai jei ik", false), Slot::of(CASE, true)]]));
