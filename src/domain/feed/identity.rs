//! What an entry is known by from one poll to the next, whatever its publisher does to its id.
//!
//! First comes the id as the feed gives it. An entry whose id is unknown may still be an old one under a new id:
//! it is where that one is ([`place`]) and has its title. And an id that is known may have been given to another
//! entry: see [`likeness`].

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::{Entry, hash};
use crate::domain::{story, text};
use crate::time::Timestamp;

/// What an entry is known by, as hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub ident: i64,
    /// Its address, where no other entry of the document has the same.
    pub place: Option<i64>,
}

/// What each entry is known by, in their order.
pub fn identities(entries: &[Entry]) -> Vec<Identity> {
    let places: Vec<_> = entries.iter().map(|entry| entry.link.as_deref().and_then(place)).collect();
    let mut counts: HashMap<i64, usize> = HashMap::with_capacity(entries.len());
    for place in places.iter().flatten() {
        *counts.entry(*place).or_default() += 1;
    }
    let own = |place: &i64| counts.get(place) == Some(&1);
    ids(entries)
        .iter()
        .zip(places)
        .map(|(id, place)| Identity { ident: number(id), place: place.filter(own) })
        .collect()
}

/// The id of each entry, as long as it is its own.
///
/// Some publishers give every item the same guid, or the same link and no guid. Such items are known by
/// their links, and where these are one too by their words, so that none hides another.
pub(super) fn ids(entries: &[Entry]) -> Vec<String> {
    let mut known: Vec<String> = entries.iter().map(|entry| entry.id.clone()).collect();
    let by_link = shared(&known, entries, |entry| entry.link.clone());
    for (known, entry) in known.iter_mut().zip(entries).filter(|(known, _)| by_link.contains(*known)) {
        if let Some(link) = &entry.link {
            known.clone_from(link);
        }
    }
    let by_words = shared(&known, entries, |entry| entry.title.clone());
    for (known, entry) in known.iter_mut().zip(entries).filter(|(known, _)| by_words.contains(*known)) {
        *known = hash(&format!("{known}\n{}\n{}", entry.title, entry.summary));
    }
    known
}

/// The identities of entries that differ in this trait.
fn shared<T: PartialEq>(known: &[String], entries: &[Entry], by: impl Fn(&Entry) -> T) -> HashSet<String> {
    let mut first: HashMap<&str, T> = HashMap::with_capacity(entries.len());
    let mut shared = HashSet::new();
    for (known, entry) in known.iter().zip(entries) {
        let own = by(entry);
        match first.get(known.as_str()) {
            None => drop(first.insert(known, own)),
            Some(other) if *other != own => drop(shared.insert(known.clone())),
            Some(_) => {}
        }
    }
    shared
}

/// Where a link leads, whatever it is dressed in: scheme, tracking parameters. None for a home page.
pub fn place(link: &str) -> Option<i64> {
    story::canonical(link).map(|address| number(&address))
}

/// Another id for an entry whose own belongs to an older one.
pub fn apart(ident: i64, link: Option<&str>, title: &str) -> i64 {
    let link = link.and_then(story::canonical).unwrap_or_default();
    number(&format!("{ident}\n{link}\n{}", text::remembered(title)))
}

/// What is remembered of an entry beside its id when it is forgotten: what comes again at the same place, under the
/// same title and of the same date is the same.
pub fn memory(place: i64, title: &str, published: Option<Timestamp>) -> i64 {
    let date = published.map(Timestamp::millis).unwrap_or_default();
    number(&format!("{place}\n{}\n{date}", text::remembered(title)))
}

/// The words of an entry, as they are stored or as they come.
#[derive(Clone, Copy, Debug)]
pub struct Words<'a> {
    /// Its title.
    pub title: &'a str,
    /// Its link.
    pub link: Option<&'a str>,
    /// Its summary.
    pub summary: &'a str,
}

/// What an entry that comes is to the stored one with its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// The same, at most in another dress.
    Same,
    /// The same, with other words.
    Edited,
    /// Another one: the publisher gives ids twice.
    Another,
}

/// Compares an entry that comes with the stored one of its id. Of another one both link and title are others.
pub fn likeness(stored: &Words<'_>, comes: &Words<'_>) -> Likeness {
    let place =
        |words: &Words<'_>| words.link.and_then(story::canonical).or_else(|| words.link.map(str::to_owned));
    let same_place = place(stored) == place(comes);
    if same_place && stored.title == comes.title && stored.summary == comes.summary {
        return Likeness::Same;
    }
    let moved = !same_place && stored.link.is_some() && comes.link.is_some();
    if moved && !same_title(stored.title, comes.title) && !story::near(stored.title, comes.title) {
        Likeness::Another
    } else {
        Likeness::Edited
    }
}

/// Whether an entry of another id, which comes to the place of a stored one, is that one again: it has its title, and
/// its date or nearly its summary. A review of every morning has neither.
pub fn is_again(stored: &Words<'_>, comes: &Words<'_>, same_date: bool) -> bool {
    let wordless = stored.summary.is_empty() || comes.summary.is_empty();
    same_title(stored.title, comes.title)
        && (same_date || wordless || story::near(stored.summary, comes.summary))
}

/// Whether two titles are one but for case, marks and punctuation.
fn same_title(one: &str, other: &str) -> bool {
    one == other || text::remembered(one) == text::remembered(other)
}

/// A text as a number.
pub fn number(text: &str) -> i64 {
    xxh3_64(text.as_bytes()).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STORED: Words<'static> = Words {
        title: "Ministers meet in the old town",
        link: Some("http://www.news.example/a/1?utm_source=rss"),
        summary: "They spoke of rail.",
    };

    #[test]
    fn the_same_an_edit_or_another() {
        let link = Some("https://news.example/a/1");
        let moved = Some("https://news.example/a/ministers-meet-again");
        for (name, comes, expected) in [
            ("another dress", Words { link, ..STORED }, Likeness::Same),
            ("another summary", Words { summary: "They ate.", ..STORED }, Likeness::Edited),
            ("another title at its place", Words { title: "Wheat is in", ..STORED }, Likeness::Edited),
            (
                "its title and its address edited",
                Words { title: "Ministers meet again in the old town", link: moved, ..STORED },
                Likeness::Edited,
            ),
            ("another address", Words { link: moved, ..STORED }, Likeness::Edited),
            (
                "another title, and no address",
                Words { title: "Wheat is in", link: None, ..STORED },
                Likeness::Edited,
            ),
            (
                "another title elsewhere",
                Words { title: "Wheat is in", link: moved, ..STORED },
                Likeness::Another,
            ),
        ] {
            assert_eq!(likeness(&STORED, &comes), expected, "{name}");
        }
    }

    #[test]
    fn an_entry_of_another_id_at_the_same_place() {
        let shouted = Words { title: "MINISTERS MEET in the old town!", ..STORED };
        let review = Words { summary: "What the papers said on Monday.", ..STORED };
        for (name, comes, same_date, expected) in [
            ("with a new date", STORED, false, true),
            ("in capitals", shouted, false, true),
            ("without a summary", Words { summary: "", ..STORED }, false, true),
            ("another summary of that date", review, true, true),
            ("another summary and date", review, false, false),
            ("another title", Words { title: "Wheat is in", ..STORED }, true, false),
        ] {
            assert_eq!(is_again(&STORED, &comes, same_date), expected, "{name}");
        }
    }

    #[test]
    fn a_place_that_two_entries_share_is_nobodys() {
        let entry = |id: &str, link: &str| Entry {
            id: id.to_owned(),
            link: Some(link.to_owned()),
            ..Entry::default()
        };
        let entries = [
            entry("1", "https://a.example/live#1"),
            entry("2", "https://a.example/live#2"),
            entry("3", "https://a.example/3"),
            entry("4", "https://a.example/"),
        ];
        let places: Vec<_> = identities(&entries).iter().map(|identity| identity.place).collect();
        assert_eq!(places, [None, None, place("http://www.a.example/3?fbclid=x"), None]);
    }

    #[test]
    fn what_is_remembered_knows_the_date() {
        let of =
            |link, date| memory(place(link).unwrap(), "Holiday notice", Some(Timestamp::from_millis(date)));
        assert_eq!(of("http://a.example/1?utm_source=x", 1), of("https://a.example/1", 1));
        assert_ne!(of("https://a.example/1", 1), of("https://a.example/1", 2));
        assert_ne!(of("https://a.example/1", 1), of("https://a.example/2", 1));
    }
}
