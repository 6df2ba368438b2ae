//! Arabic and Persian.

use std::sync::LazyLock;

use super::{Grammar, Place, Stem, Tail, less};

const ARTICLE: [char; 2] = ['ا', 'ل'];
const TAILS: &[&str] = &["", "ا", "ان", "ين", "ون", "ات", "ه", "ها", "هم", "هما", "هن", "ك", "كم", "نا", "ي"];
const PRONOUNS: &[&str] = &["ه", "ها", "هم", "هما", "هن", "ك", "كم", "نا", "ي", "ا", "ان", "ين"];

/// The stems that stand in every form of the word; its clitics are read by [`accepts`].
pub(super) fn arabic(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    let word = word.strip_prefix(&ARTICLE).filter(|rest| rest.len() > 1).unwrap_or(word);
    tell(Stem::whole(if word.last() == Some(&'ة') { less(word, 1) } else { word }, Tail::End));
}

/// Clitics before, the article, the word, an ending: *وبالمنظمة*.
pub(super) fn accepts(word: &[char], token: &[char], place: Place) -> bool {
    let stem = word.strip_prefix(&ARTICLE).filter(|rest| rest.len() > 1);
    let mut starts = vec![0];
    if place.first {
        let and = usize::from(matches!(token.first(), Some('و' | 'ف')));
        for at in [0, and] {
            starts.push(at);
            starts.push(at + usize::from(matches!(token.get(at), Some('ب' | 'ك' | 'ک'))));
            starts.push(at + usize::from(token.get(at) == Some(&'ل')));
        }
    }
    starts.into_iter().any(|start| {
        let rest = &token[start..];
        let after_article = if stem.is_none() { rest.strip_prefix(&ARTICLE) } else { None };
        // لل stands for ل + ال.
        let after_lam = if start > 0 && token[start - 1] == 'ل' { rest.strip_prefix(&['ل']) } else { None };
        inflects(word, rest)
            || after_article.is_some_and(|rest| inflects(word, rest))
            || after_lam.is_some_and(|rest| inflects(stem.unwrap_or(word), rest))
    })
}

fn inflects(word: &[char], token: &[char]) -> bool {
    let same = |k: char, t: char| Grammar::Arabic.same(k, t);
    let fits = |stem: &[char], tails: Tail| {
        token.len() >= stem.len()
            && stem.iter().zip(token).all(|(k, t)| same(*k, *t))
            && tails.accepts(&token[stem.len()..], &same)
    };
    // With an alef more, the adjective of a people is the name of its country: كوري, كوريا.
    let country = word.last().is_some_and(|c| same(*c, 'ي'))
        && token.len() == word.len() + 1
        && token.ends_with(&['ا']);
    if !country && fits(word, Tail::Set(TAILS)) {
        return true;
    }
    if word.last() == Some(&'ة') {
        let mut stem = less(word, 1).to_vec();
        stem.push('ت');
        return fits(&stem, Tail::Set(PRONOUNS));
    }
    false
}

/// Any word may take ezafe, a plural, a pronoun; the zero-width non-joiner is gone already.
pub(super) fn persian(word: &[char], tell: &mut dyn FnMut(Stem<'_>)) {
    tell(Stem::whole(word, Tail::Set(&PERSIAN)));
    if word.last() == Some(&'ه') && word.len() > 2 {
        tell(Stem::whole(less(word, 1), Tail::Set(&PERSIAN_PEOPLE)));
    }
}

static PERSIAN: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let alone = ["ی", "یی", "ای", "هایی", "ند", "است", "ست", "را"];
    let owners = ["", "ی", "م", "ت", "ش", "مان", "تان", "شان", "اش", "ام", "اند"];
    let plurals = ["", "ها", "های", "ان", "گان", "ات", "ین"];
    let mut tails = all(&plurals, &owners);
    tails.extend(alone);
    tails
});

static PERSIAN_PEOPLE: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| all(&["گان"], &["", "ی", "م", "ت", "ش", "مان", "تان", "شان"]));

/// Every pair, kept for as long as the program runs.
fn all(firsts: &[&str], seconds: &[&str]) -> Vec<&'static str> {
    firsts.iter().flat_map(|a| seconds.iter().map(move |b| &*format!("{a}{b}").leak())).collect()
}
