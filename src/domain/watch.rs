//! Watches: which articles mention what people asked to be told about.
//!
//! A keyword is found in its inflected forms, whatever its case, as whole words that stand together. The path of a
//! text: `fold` makes its skeleton, `matcher` walks it once for all keywords, `term` compares a keyword with
//! a place, `grammar` knows which forms are forms of a word.

mod fold;
mod grammar;
mod guess;
mod matcher;
mod sentence;
mod term;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use matcher::Matcher;
pub use sentence::sentence;

/// What is looked through.
#[derive(Debug, Clone, Copy, Default)]
pub struct Text<'a> {
    /// The title, plain.
    pub title: &'a str,
    /// The text, plain.
    pub body: &'a str,
    /// The language as a BCP 47 tag, if it is known.
    pub language: Option<&'a str>,
}

/// One place where a watch's keyword stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The watch, by its place in the list that was compiled.
    pub watch: usize,
    /// The keyword as configured.
    pub term: String,
    /// Where it stands.
    pub field: Field,
    /// Where in that field, in bytes.
    pub span: Range<usize>,
}

/// A part of an article.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The title.
    Title,
    /// The text.
    Text,
}

/// Why something cannot be a keyword.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeywordError {
    /// Nothing, or white space.
    #[error("a keyword is empty")]
    Empty,
    /// Signs only.
    #[error("the keyword {keyword:?} has no letter or digit")]
    NoLetters {
        /// The keyword.
        keyword: String,
    },
    /// Longer than any name.
    #[error("the keyword {keyword:?} is longer than {} characters", Self::LONGEST)]
    TooLong {
        /// The keyword.
        keyword: String,
    },
    /// More than can be compiled.
    #[error("there are too many keywords")]
    TooMany,
}

impl KeywordError {
    /// Characters of a keyword at most.
    pub const LONGEST: usize = 200;
}

/// Says whether a keyword can be watched for.
pub fn check_keyword(keyword: &str) -> Result<(), KeywordError> {
    term::Term::parse(keyword).map(drop)
}
