//! Who watches for what, and the configuration that says so.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use habar::time::Timestamp;

use super::chance::Chance;
use super::web::Sites;

/// What is watched for.
const WORDS: [&str; 10] =
    ["railway", "harbour", "wheat", "glacier", "senate", "lantern", "copper", "violin", "orchard", "tunnel"];

/// Some of the words that are watched for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(u16);

impl Words {
    /// This one.
    pub fn of(word: usize) -> Self {
        Self(1 << word)
    }

    pub fn has(self, word: usize) -> bool {
        self.0 & (1 << word) != 0
    }

    pub fn add(&mut self, word: usize) {
        self.0 |= 1 << word;
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Their numbers.
    pub fn each(self) -> impl Iterator<Item = usize> {
        (0..WORDS.len()).filter(move |word| self.has(*word))
    }
}

/// The words as they are written.
pub fn written(words: Words) -> String {
    words.each().map(|word| WORDS[word]).collect::<Vec<_>>().join(" ")
}

/// One of them.
pub fn a_word(chance: &mut Chance) -> usize {
    chance.below(WORDS.len())
}

/// What a new item has in its title and summary, and what on its page besides. Most have nothing.
pub fn some_words(chance: &mut Chance) -> (Words, Words) {
    let (mut told, mut body) = (Words::default(), Words::default());
    match chance.below(12) {
        0 | 1 => told.add(a_word(chance)),
        2 => body.add(a_word(chance)),
        3 => {
            told.add(a_word(chance));
            body.add(a_word(chance));
        }
        _ => {}
    }
    (told, body)
}

/// Those that stand in the title, and those that stand in the summary.
pub fn parted(words: Words) -> (Words, Words) {
    (Words(words.0 & 0b01_0101_0101), Words(words.0 & 0b10_1010_1010))
}

/// A watch as it can be configured.
pub struct Watch {
    pub name: &'static str,
    pub words: &'static [usize],
    pub to: &'static [&'static str],
    pub deliver: &'static str,
    pub more: &'static str,
    /// Only outlets whose number is even.
    pub even_only: bool,
}

const fn watch(
    name: &'static str,
    words: &'static [usize],
    to: &'static [&'static str],
    deliver: &'static str,
) -> Watch {
    Watch { name, words, to, deliver, more: "", even_only: false }
}

/// All that ever are, in the order of the config.
pub const WATCHES: [Watch; 10] = [
    watch("W0", &[0], &["anna@test.example"], "now"),
    watch("W1", &[1], &["anna@test.example", "boris@test.example"], "now"),
    watch("W2", &[2], &["boris@test.example"], "hourly"),
    watch("W3", &[3, 9], &["clara@test.example"], "daily 08:00"),
    Watch { more: "quiet = \"22:00-07:00\"\n", ..watch("W4", &[4], &["clara@test.example"], "now") },
    Watch {
        more: "sources = [\"tag:even\"]\n",
        even_only: true,
        ..watch("W5", &[5], &["dora@test.example"], "now")
    },
    watch("W6", &[0, 6], &["anna@test.example"], "now"),
    watch("W7", &[7], &["boris@test.example"], "now"),
    watch("W8", &[8, 2], &["emil@test.example", "dora@test.example"], "now"),
    watch("W9", &[6, 8], &["emil@test.example"], "hourly"),
];

impl Watch {
    /// What it looks for.
    pub fn wanted(&self) -> Words {
        self.words.iter().fold(Words::default(), |all, word| all.and(Words::of(*word)))
    }

    /// Whether it looks at this outlet.
    pub fn admits(&self, outlet: usize) -> bool {
        !self.even_only || outlet.is_multiple_of(2)
    }
}

/// What is configured at present.
#[derive(Clone, Default)]
pub struct Roster {
    /// Watch and recipient, by their places in [`WATCHES`].
    pub subscriptions: BTreeSet<(usize, usize)>,
    /// Outlets that are polled.
    pub sources: BTreeSet<usize>,
    /// Watches that somebody paused.
    pub paused: BTreeSet<usize>,
    /// Sources that somebody paused.
    pub still: BTreeSet<usize>,
}

impl Roster {
    /// Everything.
    pub fn all(outlets: usize) -> Self {
        let pairs =
            WATCHES.iter().enumerate().flat_map(|(w, watch)| (0..watch.to.len()).map(move |r| (w, r)));
        Self { subscriptions: pairs.collect(), sources: (0..outlets).collect(), ..Self::default() }
    }

    /// The config that says so.
    pub fn config(&self, sites: &Sites, mail_port: u16) -> String {
        let mut text = format!(
            "[mail]\nfrom = \"Habar <habar@test.example>\"\nto = [\"desk@test.example\"]\ntimezone = \"UTC\"\n\
             via = \"smtp://127.0.0.1:{mail_port}?tls=none\"\n\
             [http]\nhost_gap = \"2s\"\nallow_private = [\"127.0.0.0/8\"]\n\
             [delivery]\nfold_after = {FOLD_AFTER}\n[admin]\nto = [\"admin@test.example\"]\n"
        );
        for outlet in &self.sources {
            let even = if outlet.is_multiple_of(2) { "tags = [\"even\"]\n" } else { "" };
            let full = if sites.outlets[*outlet].full_text { "" } else { "full_text = false\n" };
            let _ = write!(text, "[[source]]\nurl = \"{}\"\n{even}{full}", sites.feed_address(*outlet));
        }
        for (number, watch) in WATCHES.iter().enumerate() {
            let to: Vec<String> = (0..watch.to.len())
                .filter(|r| self.subscriptions.contains(&(number, *r)))
                .map(|r| format!("\"{}\"", watch.to[r]))
                .collect();
            if to.is_empty() {
                continue;
            }
            let words: Vec<String> = watch.words.iter().map(|word| format!("\"{}\"", WORDS[*word])).collect();
            let _ = write!(
                text,
                "[[watch]]\nname = \"{}\"\nkeywords = [{}]\nto = [{}]\ndeliver = \"{}\"\n{}",
                watch.name,
                words.join(", "),
                to.join(", "),
                watch.deliver,
                watch.more
            );
        }
        text
    }
}

/// Mails an hour to one person.
pub const FOLD_AFTER: usize = 6;

/// When each subscription was in force.
#[derive(Default)]
pub struct Times(Vec<((usize, usize), Timestamp, Option<Timestamp>)>);

impl Times {
    /// The roster changes.
    pub fn note(&mut self, roster: &Roster, now: Timestamp) {
        let live =
            |pair: &(usize, usize)| roster.subscriptions.contains(pair) && !roster.paused.contains(&pair.0);
        for (pair, _, until) in &mut self.0 {
            if until.is_none() && !live(pair) {
                *until = Some(now);
            }
        }
        for pair in roster.subscriptions.iter().filter(|pair| live(pair)) {
            if !self.0.iter().any(|(known, _, until)| known == pair && until.is_none()) {
                self.0.push((*pair, now, None));
            }
        }
    }

    /// Whether the subscription was in force all that time.
    pub fn through(&self, pair: (usize, usize), from: Timestamp, to: Timestamp) -> bool {
        self.0.iter().any(|(p, since, until)| *p == pair && *since <= from && until.is_none_or(|u| u >= to))
    }

    /// Whether it was in force at some time between.
    pub fn ever(&self, pair: (usize, usize), from: Timestamp, to: Timestamp) -> bool {
        self.0.iter().any(|(p, since, until)| *p == pair && *since <= to && until.is_none_or(|u| u >= from))
    }
}
