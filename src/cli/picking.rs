//! Which source or watch a person means: by its name, or by any part of it that fits nothing else.

use super::output::{self, Table};
use super::{Exit, Failure, Result};
use crate::config::suggest;
use crate::domain::story;
use crate::domain::text::remembered;

/// What can be named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// "watch" or "source".
    pub kind: &'static str,
    /// What tells it from all others: a watch's name, a source's address.
    pub key: String,
    /// What else it is called, the best name first.
    pub names: Vec<String>,
}

/// How well words fit a name, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    Exact,
    /// But for case, marks and punctuation; or another way to write the address.
    Same,
    Part,
}

impl Named {
    /// How it is called: its name, else its address.
    pub fn shown(&self) -> &str {
        self.names.first().unwrap_or(&self.key)
    }

    fn all(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str).chain([self.key.as_str()])
    }

    fn fit(&self, words: &str) -> Option<Fit> {
        let letters = remembered(words);
        let address = story::canonical(words);
        let of = |name: &str| {
            let own = remembered(name);
            match () {
                () if name == words => Some(Fit::Exact),
                () if !letters.is_empty() && own == letters => Some(Fit::Same),
                () if address.is_some() && story::canonical(name) == address => Some(Fit::Same),
                () if !letters.is_empty() && own.contains(&letters) => Some(Fit::Part),
                () => None,
            }
        };
        self.all().filter_map(of).min()
    }
}

/// The one that is meant. `word` may begin with `watch:` or `source:`.
pub fn pick<'a>(word: &str, among: &'a [Named]) -> Result<&'a Named> {
    let asked_for = ["watch", "source"].into_iter().find_map(|kind| {
        let name = word.strip_prefix(kind)?.strip_prefix(':')?.trim();
        among.iter().any(|named| named.kind == kind).then_some((kind, name))
    });
    let (kind, words) = asked_for.map_or((None, word.trim()), |(kind, name)| (Some(kind), name));
    let of_kind = || among.iter().filter(|named| kind.is_none_or(|kind| named.kind == kind));
    let fits: Vec<(Fit, &Named)> = of_kind().filter_map(|named| Some((named.fit(words)?, named))).collect();
    let best = fits.iter().map(|(fit, _)| *fit).min();
    let mut meant: Vec<&Named> =
        fits.iter().filter(|(fit, _)| Some(*fit) == best).map(|(_, named)| *named).collect();
    match (meant.len(), best) {
        (1, _) => Ok(meant.remove(0)),
        (0, _) => Err(nothing(words, of_kind())),
        (2, Some(Fit::Exact | Fit::Same)) if meant[0].kind != meant[1].kind => Err(both(words, &meant)),
        _ => Err(several(words, &meant)),
    }
}

fn nothing<'a>(words: &str, among: impl Iterator<Item = &'a Named>) -> Failure {
    let among: Vec<&Named> = among.collect();
    let mut kinds: Vec<&str> = among.iter().map(|named| named.kind).collect();
    kinds.dedup();
    let kinds = if kinds.is_empty() { "source or watch".to_owned() } else { kinds.join(" or ") };
    let failure = Failure::new(
        Exit::NoInput,
        format!("no {kinds} has \u{201c}{}\u{201d} in its name", output::plain(words)),
    );
    match suggest(words, among.iter().flat_map(|named| named.all())) {
        Some(close) => failure.help(format!("did you mean \u{201c}{}\u{201d}?", output::plain(close))),
        None => failure.help("`habar feeds` and `habar watches` list them"),
    }
}

fn both(words: &str, meant: &[&Named]) -> Failure {
    let failure = Failure::new(
        Exit::Usage,
        format!("\u{201c}{}\u{201d} is a watch and a source; say which", output::plain(words)),
    );
    meant.iter().fold(failure, |failure, named| {
        let other_way = if named.kind == "source" { format!(", or {}", named.key) } else { String::new() };
        failure.help(format!("the {}: \"{}:{}\"{other_way}", named.kind, named.kind, output::plain(words)))
    })
}

fn several(words: &str, meant: &[&Named]) -> Failure {
    let mut table = Table::new(&["KIND", "NAME", "ADDRESS"]);
    for named in meant {
        let address = if named.kind == "source" { named.key.as_str() } else { "" };
        table.row([named.kind, named.shown(), address]);
    }
    let what = format!("\u{201c}{}\u{201d} fits {} of them; say more", output::plain(words), meant.len());
    Failure::new(Exit::Usage, what).details(table.text())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(url: &str, names: &[&str]) -> Named {
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Named { kind: "source", key: url.to_owned(), names }
    }

    fn watch(name: &str) -> Named {
        Named { kind: "watch", key: name.to_owned(), names: Vec::new() }
    }

    fn all() -> Vec<Named> {
        vec![
            watch("Kazinform"),
            watch("Organization of Turkic States"),
            source("https://www.inform.kz/rss/", &["Kazinform", "News of Kazakhstan"]),
            source("https://kun.uz/news/rss", &["Kun.uz", "Oʻzbekiston yangiliklari"]),
            source("https://uza.uz/rss", &["UzA"]),
        ]
    }

    fn key(word: &str) -> String {
        pick(word, &all()).unwrap_or_else(|failure| panic!("{failure:?}")).key.clone()
    }

    #[test]
    fn what_fits_one_thing_means_it() {
        for (word, meant) in [
            ("https://www.inform.kz/rss/", "https://www.inform.kz/rss/"),
            ("http://inform.kz/rss", "https://www.inform.kz/rss/"),
            ("inform.kz", "https://www.inform.kz/rss/"),
            ("news of kazakhstan", "https://www.inform.kz/rss/"),
            ("source:kazinform", "https://www.inform.kz/rss/"),
            ("watch:Kazinform", "Kazinform"),
            ("turkic", "Organization of Turkic States"),
            ("oʻzbek", "https://kun.uz/news/rss"),
            ("uza", "https://uza.uz/rss"), // the whole name of one, a part of no other's
        ] {
            assert_eq!(key(word), meant, "{word}");
        }
    }

    #[test]
    fn what_fits_nothing_or_several_is_told() {
        for (word, said) in [
            ("Kazinform", "is a watch and a source"),
            ("uz", "fits 2 of them"),
            ("Orgnization of Turkic States", "did you mean \u{201c}Organization of Turkic States\u{201d}?"),
            ("source:Organization of Turkic States", "no source has"),
            ("", "no watch or source has"),
        ] {
            let failure = pick(word, &all()).err().unwrap_or_else(|| panic!("{word} was taken"));
            assert!(failure.to_string().contains(said), "{word}: {failure}");
        }
    }
}
