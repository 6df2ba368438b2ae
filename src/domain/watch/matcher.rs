//! All keywords of all watches, looked for in one pass.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::{contiguous, noncontiguous};
use aho_corasick::{Anchored, MatchKind, dfa};

use super::term::{Anchor, RARE, Term};
use super::{Field, Hit, KeywordError, Text, fold, guess};

/// Every keyword of every watch, compiled.
///
/// One automaton walks the text's skeleton once, whatever the number of keywords; where an anchor of a keyword
/// stands, that keyword alone is compared with the place, under the grammars of the text's language.
#[derive(Debug, Clone)]
pub struct Matcher(Arc<Compiled>);

#[derive(Debug)]
struct Compiled {
    engine: Engine,
    /// For each pattern of the engine, the terms that it may stand for.
    leads: Vec<Vec<Lead>>,
    keywords: Vec<Keyword>,
    watches: usize,
}

#[derive(Debug)]
struct Keyword {
    text: String,
    term: Term,
    /// The watches that have it, in order.
    watches: Vec<usize>,
}

/// Where to look for a term when its pattern stands in a word.
#[derive(Debug, Clone, Copy)]
struct Lead {
    keyword: usize,
    back: usize,
}

#[derive(Debug)]
enum Engine {
    Empty,
    Dense(dfa::DFA),
    Sparse(contiguous::NFA),
}

/// Hits that are told of one watch in one article.
const HITS_AT_MOST: usize = 20;
/// Bytes of patterns up to which the quick, large automaton is built: some 20 MB.
const DENSE_AT_MOST: usize = 60_000;

impl Matcher {
    /// Compiles the keyword lists of the watches, one list a watch, in the order of the configuration.
    pub fn new<'a>(watches: impl IntoIterator<Item = &'a [String]>) -> Result<Self, KeywordError> {
        let mut keywords: Vec<Keyword> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut count = 0;
        for (watch, list) in watches.into_iter().enumerate() {
            count = watch + 1;
            for text in list {
                let at = *known.entry(text).or_insert(keywords.len());
                if at == keywords.len() {
                    keywords.push(Keyword {
                        text: text.clone(),
                        term: Term::parse(text)?,
                        watches: Vec::new(),
                    });
                }
                if keywords[at].watches.last() != Some(&watch) {
                    keywords[at].watches.push(watch);
                }
            }
        }
        let leads = leads(&keywords);
        let engine = Engine::build(leads.keys())?;
        let leads = leads.into_values().collect();
        Ok(Self(Arc::new(Compiled { engine, leads, keywords, watches: count })))
    }

    /// The places where the watches' keywords stand: by watch, field and position, at most 20 a watch.
    pub fn hits(&self, text: &Text<'_>) -> Vec<Hit> {
        let mut found = Found {
            compiled: &self.0,
            // Most texts hold no anchor at all, and need no guess.
            language: LazyCell::new(Box::new(|| {
                let told = text.language.filter(|l| !l.is_empty());
                told.or_else(|| guess::language([text.title, text.body]))
            })),
            told: vec![0; self.0.watches],
            hits: Vec::new(),
        };
        found.read(Field::Title, text.title);
        found.read(Field::Text, text.body);
        found.hits.sort_by(|a, b| {
            (a.watch, a.field, a.span.start, a.span.end).cmp(&(b.watch, b.field, b.span.start, b.span.end))
        });
        found.hits.dedup_by(|a, b| (a.watch, a.field, &a.span) == (b.watch, b.field, &b.span));
        found.hits
    }
}

/// The hits of one article so far.
struct Found<'a> {
    compiled: &'a Compiled,
    language: LazyCell<Option<&'a str>, Box<dyn FnOnce() -> Option<&'a str> + 'a>>,
    /// Hits of each watch.
    told: Vec<usize>,
    hits: Vec<Hit>,
}

impl Found<'_> {
    fn read(&mut self, field: Field, text: &str) {
        let compiled = self.compiled;
        let mut words = fold::Words::of(text);
        let mut seen = HashSet::new();
        // A pattern of one letter may stand in a word many times, and one comparison with the word is enough.
        let (mut current, mut tried) = (usize::MAX, Vec::new());
        compiled.engine.scan(text, |pattern, word, end| {
            if word != current {
                tried.clear();
                current = word;
            }
            if tried.contains(&pattern) {
                return;
            }
            tried.push(pattern);
            for lead in &compiled.leads[pattern] {
                let keyword = &compiled.keywords[lead.keyword];
                if keyword.watches.iter().all(|watch| self.told[*watch] >= HITS_AT_MOST) {
                    continue;
                }
                let language = || *self.language;
                let Some(span) = keyword.term.find(&mut words, word, end, lead.back, &language) else {
                    continue;
                };
                if !seen.insert((lead.keyword, span.start)) {
                    continue;
                }
                for watch in &keyword.watches {
                    if self.told[*watch] < HITS_AT_MOST {
                        self.told[*watch] += 1;
                        let term = keyword.text.clone();
                        self.hits.push(Hit { watch: *watch, term, field, span: span.clone() });
                    }
                }
            }
        });
    }
}

/// The patterns to look for, each with the terms it may stand for. Of each term the word is taken that fewest
/// other terms share, so that a hundred names of one ministry are not all tried at each "ministry".
fn leads(keywords: &[Keyword]) -> BTreeMap<Vec<u8>, Vec<Lead>> {
    let choices: Vec<Vec<Vec<Anchor>>> = keywords.iter().map(|k| k.term.anchors()).collect();
    let mut shared: HashMap<&[u8], usize> = HashMap::new();
    for anchor in choices.iter().flatten().flatten() {
        *shared.entry(&anchor.bytes).or_default() += 1;
    }
    let mut leads: BTreeMap<Vec<u8>, Vec<Lead>> = BTreeMap::new();
    for (keyword, choices) in choices.iter().enumerate() {
        let best = choices.iter().min_by_key(|anchors| {
            let shortest = anchors.iter().map(|a| a.bytes.len()).min().unwrap_or(0);
            let others = anchors.iter().filter_map(|a| shared.get(&a.bytes[..])).max();
            (shortest <= RARE, others, std::cmp::Reverse(shortest))
        });
        for anchor in best.into_iter().flatten() {
            let list = leads.entry(anchor.bytes.clone()).or_default();
            list.push(Lead { keyword, back: anchor.back });
        }
    }
    leads
}

impl Engine {
    fn build<'a>(patterns: impl ExactSizeIterator<Item = &'a Vec<u8>> + Clone) -> Result<Self, KeywordError> {
        if patterns.len() == 0 {
            return Ok(Self::Empty);
        }
        let size: usize = patterns.clone().map(Vec::len).sum();
        let mut builder = noncontiguous::Builder::new();
        let too_many = |_| KeywordError::TooMany;
        let nfa = builder.match_kind(MatchKind::Standard).build(patterns).map_err(too_many)?;
        if size <= DENSE_AT_MOST {
            let mut builder = dfa::Builder::new();
            builder.match_kind(MatchKind::Standard).start_kind(aho_corasick::StartKind::Unanchored);
            return builder.build_from_noncontiguous(&nfa).map(Self::Dense).map_err(too_many);
        }
        contiguous::Builder::new().build_from_noncontiguous(&nfa).map(Self::Sparse).map_err(too_many)
    }

    /// Tells every pattern that stands in the text: its number, the start of the word it ends in, its end.
    fn scan(&self, text: &str, tell: impl FnMut(usize, usize, usize)) {
        match self {
            Self::Empty => {}
            Self::Dense(automaton) => scan(automaton, text, tell),
            Self::Sparse(automaton) => scan(automaton, text, tell),
        }
    }
}

fn scan(automaton: &impl Automaton, text: &str, mut tell: impl FnMut(usize, usize, usize)) {
    let Ok(mut state): Result<StateID, _> = automaton.start_state(Anchored::No) else { return };
    fold::skeleton(text, |class, word, end| {
        state = automaton.next_state(Anchored::No, state, class);
        if automaton.is_special(state) && automaton.is_match(state) {
            for i in 0..automaton.match_len(state) {
                tell(automaton.match_pattern(state, i).as_usize(), word, end);
            }
        }
    });
}
