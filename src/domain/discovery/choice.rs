//! Which of the feeds behind an address is meant.

use std::collections::HashSet;

use url::Url;

use super::{How, is_below};
use crate::domain::feed::Document;
use crate::time::{DAY, Timestamp};

/// A feed whose newest entry is so much older than that of another was left by its publisher.
const STALE: std::time::Duration = DAY.saturating_mul(60);

/// What is known of a feed that answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Where it is.
    pub url: Url,
    /// How it was found.
    pub how: How,
    /// It has comments of readers.
    pub is_comments: bool,
    /// So many entries.
    pub entries: usize,
    /// The date of the newest.
    pub newest: Option<Timestamp>,
    /// Its language, without a country.
    pub language: Option<String>,
    /// By what each entry is known: its link, else its title.
    pub known_by: HashSet<String>,
}

impl Fact {
    /// What a document says.
    pub fn new(url: Url, how: How, is_comments: bool, document: &Document) -> Self {
        let language =
            document.language.as_deref().map(super::primary).filter(|language| !language.is_empty());
        let known_by = document.entries.iter().take(200).map(|entry| match &entry.link {
            Some(link) => link.trim_end_matches('/').to_owned(),
            None => entry.title.clone(),
        });
        Self {
            url,
            how,
            is_comments,
            entries: document.entries.len(),
            newest: document.entries.iter().filter_map(|entry| entry.published.or(entry.modified)).max(),
            language,
            known_by: known_by.collect(),
        }
    }

    /// Whether another feed has mostly the same entries, as RSS and Atom of one site do.
    pub fn is_like(&self, other: &Self) -> bool {
        let least = self.known_by.len().min(other.known_by.len());
        least > 0 && self.known_by.intersection(&other.known_by).count() * 10 >= least * 8
    }
}

/// What to take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The numbers of the feeds, from the best to the worst.
    pub order: Vec<usize>,
    /// So many of the first are equally good; 1 when the best is clear, 0 when none is any good.
    pub equals: usize,
}

/// Ranks the feeds behind `page`, whose language may be known.
pub fn choose(facts: &[Fact], page: &Url, language: Option<&str>) -> Choice {
    let freshest = facts.iter().filter(|fact| !fact.is_comments).filter_map(|fact| fact.newest).max();
    let is_stale = |fact: &Fact| match (fact.newest, freshest) {
        (Some(newest), Some(freshest)) => freshest.since(newest) > STALE,
        _ => false,
    };
    let rank = |fact: &Fact| {
        (fact.is_comments, fact.entries == 0, is_stale(fact), fact.how, !is_below(&fact.url, page))
    };
    let mut order: Vec<usize> = (0..facts.len()).collect();
    order.sort_by_key(|at| rank(&facts[*at]));
    let Some(first) = order.first().map(|at| &facts[*at]) else { return Choice { order, equals: 0 } };
    if first.how == How::Itself {
        return Choice { order, equals: 1 };
    }
    if first.is_comments || first.entries == 0 {
        return Choice { order, equals: 0 };
    }
    // The rules of a site say which of its feeds is meant.
    if first.how == How::Site {
        return Choice { order, equals: 1 };
    }
    let rivals: Vec<usize> =
        order.iter().copied().take_while(|at| rank(&facts[*at]) == rank(first)).collect();
    let mut others: Vec<usize> = Vec::new();
    for at in &rivals {
        if !others.iter().any(|other| facts[*other].is_like(&facts[*at])) {
            others.push(*at);
        }
    }
    if let Some(winner) = winner(facts, &others, language) {
        order.retain(|at| *at != winner);
        order.insert(0, winner);
        return Choice { order, equals: 1 };
    }
    let equals = others.len();
    order.retain(|at| !others.contains(at));
    Choice { order: others.into_iter().chain(order).collect(), equals }
}

/// The one of several that stands out: the only one, the only one in the page's language, or the one of which
/// the others are parts.
fn winner(facts: &[Fact], rivals: &[usize], language: Option<&str>) -> Option<usize> {
    let in_language: Vec<usize> = rivals
        .iter()
        .copied()
        .filter(|at| language.is_some() && facts[*at].language.as_deref() == language)
        .collect();
    match (rivals, &in_language[..]) {
        ([only], _) | (_, [only]) => return Some(*only),
        _ => {}
    }
    let stem = |at: usize| facts[at].url.path().trim_end_matches(".xml").trim_end_matches('/');
    let holds = |at: usize, other: usize| {
        let rest = stem(other).strip_prefix(stem(at));
        stem(at).len() > 1
            && facts[at].url.query().is_none()
            && rest.is_some_and(|rest| rest.starts_with(['/', '-', '_']))
    };
    rivals.iter().copied().find(|at| rivals.iter().all(|other| at == other || holds(*at, *other)))
}
