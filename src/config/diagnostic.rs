//! What is wrong with a config and where: file, line, column, the line itself with a caret, and what to
//! write instead.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

/// How much a [`Diagnostic`] weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The config is refused.
    Error,
    /// The config is used as it is.
    Warning,
}

/// One thing that is wrong with a config, for people; `Display` gives several lines without the last newline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Refused or only told.
    pub severity: Severity,
    /// The file, as it was named.
    pub path: PathBuf,
    /// Where in the file; `None` is about the file as a whole.
    pub place: Option<Place>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// A place in a file, with the text that stands there. Secrets in the text are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The line, or the part of a long one around the place.
    pub excerpt: String,
    /// Characters of the excerpt before the caret.
    pub indent: usize,
    /// Characters under which the caret stands.
    pub width: usize,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.path.display())?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, " {severity}: {}", self.message)?;
        if let Some(place) = &self.place {
            let caret = "^".repeat(place.width);
            write!(f, "\n  {}\n  {:indent$}{caret}", place.excerpt, "", indent = place.indent)?;
        }
        if let Some(help) = &self.help {
            write!(f, "\n  help: {help}")?;
        }
        Ok(())
    }
}

/// Why a config is refused: everything that is wrong with it, in the order of the files and lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errors {
    /// Errors and warnings; at least one error.
    pub diagnostics: Vec<Diagnostic>,
    /// The files to watch until it is mended, as [`crate::config::Config::files`].
    pub files: Vec<PathBuf>,
}

impl std::error::Error for Errors {}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, diagnostic) in self.diagnostics.iter().enumerate() {
            let gap = if n == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{diagnostic}")?;
        }
        Ok(())
    }
}

/// A span of bytes in one of the files of a [`Report`].
#[derive(Clone, Debug)]
pub(super) struct At {
    pub file: usize,
    pub span: Range<usize>,
}

/// The files read so far and what was found wrong with them.
#[derive(Debug, Default)]
pub(super) struct Report {
    files: Vec<(PathBuf, String)>,
    found: Vec<(usize, usize, Diagnostic)>,
}

impl Report {
    /// Remembers a file, so that diagnostics can show its lines.
    pub fn add_file(&mut self, path: &Path, text: String) -> usize {
        self.files.push((path.to_owned(), text));
        self.files.len() - 1
    }

    pub fn path(&self, file: usize) -> &Path {
        self.files.get(file).map_or(Path::new(""), |(path, _)| path)
    }

    pub fn text(&self, file: usize) -> &str {
        self.files.get(file).map_or("", |(_, text)| text)
    }

    /// `file:line` of a place, for messages that point at a second one.
    pub fn locate(&self, at: &At) -> String {
        let line = place(self.text(at.file), &at.span).line;
        format!("{}:{line}", self.path(at.file).display())
    }

    pub fn error(&mut self, at: &At, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.push(Severity::Error, at, &message.into(), help.into().as_deref());
    }

    pub fn warn(&mut self, at: &At, message: impl Into<String>, help: impl Into<Option<String>>) {
        self.push(Severity::Warning, at, &message.into(), help.into().as_deref());
    }

    /// About a file as a whole, or one that could not be read at all.
    pub fn about_file(&mut self, severity: Severity, path: &Path, message: String, help: Option<String>) {
        let diagnostic = Diagnostic { severity, path: path.to_owned(), place: None, message, help };
        self.found.push((0, usize::MAX, diagnostic));
    }

    /// Whether the config is refused already.
    pub fn refuses(&self) -> bool {
        self.found.iter().any(|(_, _, diagnostic)| diagnostic.severity == Severity::Error)
    }

    fn push(&mut self, severity: Severity, at: &At, message: &str, help: Option<&str>) {
        let path = self.path(at.file).to_owned();
        let place = Some(place(self.text(at.file), &at.span));
        let (message, help) = (conceal_users(message), help.map(conceal_users));
        let diagnostic = Diagnostic { severity, path, place, message, help };
        self.found.push((at.file, at.span.start, diagnostic));
    }

    /// What was found, in reading order: the warnings when nothing is refused, else all of it.
    pub fn finish(mut self) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        let refuses = self.refuses();
        self.found.sort_by_key(|(file, start, _)| (*file, *start));
        let found: Vec<_> = self.found.into_iter().map(|(_, _, diagnostic)| diagnostic).collect();
        if refuses { Err(found) } else { Ok(found) }
    }
}

/// The longest line that is shown whole.
const LONGEST: usize = 100;
/// What is shown of a longer line before the place.
const BEFORE: usize = 40;

fn place(text: &str, span: &Range<usize>) -> Place {
    let start = text.floor_char_boundary(span.start);
    let line_start = text[..start].rfind('\n').map_or(0, |n| n + 1);
    let line_end = text[start..].find('\n').map_or(text.len(), |n| start + n);
    let end = text.floor_char_boundary(span.end).clamp(start, line_end);
    let before = text[line_start..start].chars().count();
    let width = text[start..end].trim_end().chars().count().max(1);
    let in_secrets = text[..line_start]
        .lines()
        .rev()
        .find(|line| line.trim_start().starts_with('['))
        .is_some_and(|header| header.contains(".headers") || header.contains(".auth"));
    let shown = conceal(&text[line_start..line_end], in_secrets);

    let (mut excerpt, mut indent, mut under) = (shown.clone(), before, width);
    if shown.len() > LONGEST {
        let skip = before.saturating_sub(BEFORE);
        let window = &shown[skip.min(shown.len())..(skip + LONGEST).min(shown.len())];
        let (left, right) =
            (if skip > 0 { "…" } else { "" }, if skip + LONGEST < shown.len() { "…" } else { "" });
        excerpt = left.chars().chain(window.iter().copied()).chain(right.chars()).collect();
        indent = before - skip + left.chars().count();
        under = width.min((excerpt.len() + 1).saturating_sub(indent)).max(1);
    }
    // A place in what is concealed is where it is concealed.
    let last = excerpt.len().saturating_sub(1);
    if indent >= last && excerpt.last() == Some(&'…') {
        (indent, under) = (last, 1);
    }
    let excerpt: String = excerpt.iter().collect();
    let excerpt = excerpt.trim_end().to_owned();
    Place {
        line: text[..line_start].matches('\n').count() + 1,
        column: before + 1,
        excerpt,
        indent,
        width: under,
    }
}

/// The characters of a line fit for a terminal and a log: no controls, and no secret. In a table of secrets
/// every value is one.
fn conceal(line: &str, in_secrets: bool) -> Vec<char> {
    let mut shown: Vec<char> =
        conceal_users(line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let secret =
        (0..shown.len()).find(|&at| shown[at] == '=' && (in_secrets || names_a_secret(&shown[..at])));
    if let Some(at) = secret {
        shown.truncate(at + 1);
        shown.extend([' ', '…']);
    }
    shown
}

/// A text with the users and passwords of its addresses masked, in their length.
fn conceal_users(text: &str) -> String {
    let mut shown: Vec<char> = text.chars().collect();
    for at in 0..shown.len() {
        if shown[at..].starts_with(&[':', '/', '/']) {
            mask_user(&mut shown[at + 3..]);
        }
    }
    shown.into_iter().collect()
}

fn mask_user(authority: &mut [char]) {
    let end = authority.iter().position(|c| matches!(c, '/' | '"' | '\'' | ' ')).unwrap_or(authority.len());
    if let Some(at_sign) = authority[..end].iter().rposition(|c| *c == '@') {
        authority[..at_sign].fill('*');
    }
}

fn names_a_secret(before_equals: &[char]) -> bool {
    let name: String = before_equals.iter().collect::<String>().trim_end().to_lowercase();
    let name = name.rsplit(|c: char| !c.is_alphanumeric() && c != '_' && c != '-').next().unwrap_or("");
    let secret = ["pass", "secret", "token", "auth", "cookie", "headers"];
    !name.ends_with("_file") && (name.ends_with("key") || secret.iter().any(|word| name.contains(word)))
}

/// The candidate that was probably meant by `word`.
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let close = word.chars().count().max(3) / 3;
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let lower = candidate.to_lowercase();
            let distance = strsim::damerau_levenshtein(&word, &lower);
            let part =
                word.len() >= 4 && (lower.contains(&word) || (lower.len() >= 4 && word.contains(&lower)));
            (distance <= close || part).then_some((distance, candidate))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}
