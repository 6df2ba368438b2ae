//! The language of a text that does not say it, by its commonest small words.
//!
//! It only has to be sure or silent: a silent guess lets every grammar of a script apply.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::fold;

/// Words of a text that are looked at.
const WORDS_AT_MOST: usize = 300;
/// Small words of one language before it is believed.
const VOTES: usize = 2;

/// The language, if its small words stand out.
pub(super) fn language(texts: [&str; 2]) -> Option<&'static str> {
    let mut votes = [0_usize; LANGUAGES.len()];
    let mut word = String::new();
    let mut words = 0;
    // The space at the end closes the last word.
    for c in texts.into_iter().flat_map(|text| text.chars().chain([' '])) {
        if fold::is_apostrophe(c) && !word.is_empty() {
            word.push(fold::APOSTROPHE);
        } else if fold::is_in_word(c) {
            word.push(fold::lower(c));
        } else if !word.is_empty() {
            vote(&word, &mut votes);
            word.clear();
            words += 1;
            if words == WORDS_AT_MOST {
                break;
            }
        }
    }
    let best = (0..votes.len()).max_by_key(|i| votes[*i])?;
    let second = (0..votes.len()).filter(|i| *i != best).map(|i| votes[i]).max()?;
    (votes[best] >= VOTES && votes[best] >= 2 * second).then_some(LANGUAGES[best].0)
}

fn vote(word: &str, votes: &mut [usize]) {
    let speakers = SPEAKERS.get(word).copied().unwrap_or(0);
    let own = LETTERS.iter().filter(|_| !word.is_ascii()).find(|(letters, _)| word.contains(*letters));
    if speakers == 0 && own.is_none() {
        return;
    }
    for (at, votes) in votes.iter_mut().enumerate() {
        if speakers & (1 << at) != 0 || own.is_some_and(|(_, language)| *language == LANGUAGES[at].0) {
            *votes += 1;
        }
    }
}

/// For each small word, the languages that have it, as bits.
static SPEAKERS: LazyLock<HashMap<&'static str, u32>> = LazyLock::new(|| {
    let mut speakers: HashMap<&str, u32> = HashMap::new();
    for (at, (_, words)) in LANGUAGES.iter().enumerate() {
        for word in *words {
            *speakers.entry(word).or_default() |= 1 << at;
        }
    }
    speakers
});

/// Letters that only one of the languages has.
const LETTERS: &[(&[char], &str)] = &[
    (&['ə'], "az"),
    (&['ő', 'ű'], "hu"),
    (&['ß'], "de"),
    (&['ň', 'ý'], "tk"),
    (&['ў', 'ҳ'], "uz-Cyrl"),
    (&['ұ'], "kk"),
    (&['ҙ', 'ҫ', 'ҡ'], "ba"),
    (&['җ'], "tt"),
    (&['ї', 'є', 'ґ'], "uk"),
    (&['ڭ', 'ې', 'ۈ'], "ug"),
    (&['œ', 'ê', 'è', 'ù'], "fr"),
];

const LANGUAGES: [(&str, &[&str]); 19] = [
    (
        "en",
        &["the", "of", "and", "to", "is", "that", "was", "for", "with", "are", "this", "by", "from", "it"],
    ),
    (
        "fr",
        &["le", "la", "les", "des", "et", "du", "une", "est", "dans", "qui", "pour", "par", "au", "sur", "à"],
    ),
    (
        "de",
        &[
            "der", "die", "das", "und", "ist", "den", "von", "nicht", "ein", "eine", "mit", "dem", "im",
            "des", "für",
        ],
    ),
    ("hu", &["az", "és", "hogy", "nem", "egy", "is", "a", "meg", "volt", "de", "csak", "ez", "mint", "el"]),
    (
        "tr",
        &[
            "ve", "bir", "bu", "için", "ile", "de", "da", "olarak", "çok", "daha", "olan", "gibi", "kadar",
            "sonra",
        ],
    ),
    (
        "az",
        &[
            "və", "bir", "bu", "üçün", "ilə", "də", "da", "olan", "edir", "daha", "sonra", "kimi", "ki",
            "onun",
        ],
    ),
    (
        "tk",
        &["we", "bir", "bu", "üçin", "bilen", "hem", "boýunça", "bolan", "boldy", "her", "ýa", "onuň", "öz"],
    ),
    (
        "uz",
        &[
            "va", "bir", "bu", "uchun", "bilan", "ham", "bo'lgan", "bo'lib", "deb", "uning", "edi", "har",
            "esa", "emas",
        ],
    ),
    (
        "uz-Cyrl",
        &["ва", "бир", "бу", "учун", "билан", "ҳам", "бўлган", "деб", "унинг", "эди", "ҳар", "эса", "эмас"],
    ),
    (
        "kk",
        &[
            "және",
            "мен",
            "бұл",
            "бір",
            "үшін",
            "деп",
            "туралы",
            "оның",
            "осы",
            "бар",
            "де",
            "еді",
            "екен",
            "ол",
        ],
    ),
    (
        "ky",
        &["жана", "менен", "бул", "бир", "үчүн", "деп", "болгон", "анын", "ошол", "бар", "эле", "эмес", "да"],
    ),
    (
        "tt",
        &["һәм", "белән", "бу", "бер", "өчен", "дип", "булган", "аның", "шул", "бар", "иде", "түгел", "да"],
    ),
    (
        "ba",
        &[
            "һәм",
            "менән",
            "был",
            "бер",
            "өсөн",
            "тип",
            "булған",
            "уның",
            "шул",
            "бар",
            "ине",
            "түгел",
            "тигән",
        ],
    ),
    (
        "ru",
        &["и", "в", "на", "не", "что", "с", "по", "из", "для", "как", "это", "от", "был", "его", "к", "но"],
    ),
    (
        "uk",
        &[
            "і", "в", "у", "на", "не", "що", "з", "та", "й", "до", "для", "як", "це", "від", "його", "про",
            "є",
        ],
    ),
    ("ar", &["في", "من", "على", "إلى", "أن", "التي", "عن", "مع", "هذا", "الذي", "هذه", "ما", "كان"]),
    ("fa", &["در", "و", "به", "از", "که", "این", "را", "است", "با", "برای", "آن", "می", "یک", "شد"]),
    ("ug", &["ۋە", "بىر", "بۇ", "ئۈچۈن", "بىلەن", "دەپ", "ئۇ", "شۇ", "بولغان", "ئىدى", "ھەم", "مەن"]),
    ("es", &["el", "los", "las", "del", "que", "en", "por", "con", "una", "para", "se", "como", "y", "su"]),
];
