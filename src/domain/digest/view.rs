//! A letter as the templates see it: clean text, checked links, times as people read them.

use std::ops::Range;

use jiff::tz::TimeZone;
use serde::Serialize;
use url::Url;

use super::language;
use super::mail::{Letter, Mark, Notice, NoticeLine, Outlet, Told};
use super::wrap::cut;
use crate::domain::watch::Field;
use crate::domain::{health, text};
use crate::time::Timestamp;

/// Stories told in full; what comes after them is listed by title.
const FULL: usize = 20;
/// Sentences quoted of one story.
const QUOTES: usize = 5;
/// Outlets that get a link of their own under one story; the others are named.
const LINKED_OUTLETS: usize = 12;
/// Characters of the text that are shown.
const EXCERPT: usize = 420;

/// What `alert.txt` and `alert.html` tell.
#[derive(Serialize)]
pub(super) struct Alert {
    watch: String,
    when: String,
    count: usize,
    stories: Vec<Story>,
    listed: Vec<Story>,
    later: Vec<LaterCopies>,
}

/// One story.
#[derive(Serialize)]
struct Story {
    number: usize,
    title: Marked,
    link: Option<String>,
    outlet: String,
    /// Author, time and language, as far as they are known.
    meta: Vec<String>,
    language: Option<String>,
    rtl: bool,
    quotes: Vec<Marked>,
    more_quotes: usize,
    excerpt: Option<Marked>,
    also_in: Vec<Place>,
    also_named: Vec<String>,
    matched: Vec<Matched>,
    also_watches: Vec<String>,
}

/// A text with its matches, for HTML in pieces and for plain text with brackets.
#[derive(Serialize)]
struct Marked {
    pieces: Vec<Piece>,
    plain: String,
    rtl: bool,
}

/// A stretch of text that is a match or is none.
#[derive(Serialize)]
struct Piece {
    text: String,
    mark: bool,
}

/// An outlet with its link, if it has one that may be followed.
#[derive(Serialize)]
struct Place {
    name: String,
    link: Option<String>,
}

/// A keyword and a form of it that was found.
#[derive(Serialize, PartialEq)]
struct Matched {
    term: String,
    form: String,
    field: &'static str,
    times: usize,
}

/// Later copies of a story told before.
#[derive(Serialize)]
struct LaterCopies {
    title: String,
    outlets: Vec<Place>,
}

impl Alert {
    /// How many things there are to render.
    pub(super) fn size(&self) -> usize {
        let parts =
            |story: &Story| 2 + story.also_in.len() + story.also_named.len() + story.also_watches.len();
        let stories: usize = self.stories.iter().chain(&self.listed).map(parts).sum();
        stories + self.later.iter().map(|later| 1 + later.outlets.len()).sum::<usize>()
    }
}

/// The view of an alert mail.
pub(super) fn alert(letter: &Letter) -> Alert {
    let told = |(index, told): (usize, &Told)| story(index + 1, told, &letter.zone);
    let mut stories: Vec<Story> = letter.stories.iter().enumerate().map(told).collect();
    let listed = stories.split_off(stories.len().min(FULL));
    let later = letter.later.iter().map(|later| LaterCopies {
        title: or_untitled(text::clean(&later.title)),
        outlets: later.outlets.iter().map(place).collect(),
    });
    Alert {
        watch: text::clean(&letter.watch),
        when: show_time(letter.date, &letter.zone),
        count: letter.stories.len(),
        stories,
        listed,
        later: later.collect(),
    }
}

fn story(number: usize, told: &Told, zone: &TimeZone) -> Story {
    let tag = told.language.as_deref();
    let title = title_of(told);
    let excerpt = excerpt_of(told, &title);
    let mut sheet = Sheet { title, excerpt, ..Sheet::default() };
    told.hits.iter().for_each(|mark| sheet.place(mark));
    let known = [
        told.author.as_deref().map(|author| cut(&text::clean(author), 120)),
        told.published.map(|at| show_time(at, zone)),
        tag.and_then(language::name).map(str::to_owned),
    ];
    let mut outlets: Vec<Place> = told.also_in.iter().map(place).collect();
    let named = outlets.split_off(outlets.len().min(LINKED_OUTLETS));
    let more_quotes = sheet.quotes.len().saturating_sub(QUOTES);
    sheet.quotes.truncate(QUOTES);
    Story {
        number,
        link: told.link.as_deref().and_then(safe_link),
        outlet: text::clean(&told.outlet),
        meta: known.into_iter().flatten().filter(|part| !part.is_empty()).collect(),
        language: tag.filter(|tag| language::name(tag).is_some()).map(|tag| tag.trim().replace('_', "-")),
        rtl: language::right_to_left(&sheet.title, tag),
        excerpt: (!sheet.excerpt.is_empty()).then(|| Marked::new(&sheet.excerpt, sheet.in_excerpt, tag)),
        quotes: sheet.quotes.into_iter().map(|(text, spans)| Marked::new(&text, spans, tag)).collect(),
        title: Marked::new(&sheet.title, sheet.in_title, tag),
        more_quotes,
        also_in: outlets,
        also_named: named.into_iter().map(|place| place.name).collect(),
        matched: matched(&told.hits),
        also_watches: told.also_watches.iter().map(|watch| text::clean(watch)).collect(),
    }
}

/// The title, else the first words of the text.
pub(super) fn title_of(told: &Told) -> String {
    let title = cut(&text::clean(&told.title), 300);
    let beginning = || cut(&text::clean(&beginning(&told.text, 400)), 100);
    or_untitled(if title.is_empty() { beginning() } else { title })
}

fn or_untitled(title: String) -> String {
    if title.is_empty() { "Untitled".to_owned() } else { title }
}

/// The first lines of the text, unless they only repeat the title.
fn excerpt_of(told: &Told, title: &str) -> String {
    let text = text::clean(&beginning(&told.text, 4 * EXCERPT));
    if text == title { String::new() } else { cut(&text, EXCERPT) }
}

fn beginning(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

/// Where the matches of a story are shown: in its title or first lines where their sentence stands
/// there, else quoted.
#[derive(Default)]
struct Sheet {
    title: String,
    in_title: Vec<Range<usize>>,
    excerpt: String,
    in_excerpt: Vec<Range<usize>>,
    quotes: Vec<(String, Vec<Range<usize>>)>,
}

impl Sheet {
    fn place(&mut self, mark: &Mark) {
        let (sentence, span) = sentence_of(mark);
        let moved = |by: usize| span.start + by..span.end + by;
        let in_title = (mark.field == Field::Title).then(|| self.title.find(&sentence)).flatten();
        if let Some(at) = in_title {
            self.in_title.push(moved(at));
        } else if let Some(at) = self.excerpt.find(&sentence) {
            self.in_excerpt.push(moved(at));
        } else if let Some((_, spans)) = self.quotes.iter_mut().find(|(quoted, _)| *quoted == sentence) {
            spans.push(span);
        } else {
            self.quotes.push((sentence, vec![span]));
        }
    }
}

/// The sentence of a hit on one line, and where in it the match stands.
fn sentence_of(mark: &Mark) -> (String, Range<usize>) {
    let before = keep_edges(&mark.before).trim_start().to_owned();
    let matched = keep_edges(&mark.matched);
    let after = keep_edges(&mark.after);
    let span = before.len()..before.len() + matched.len();
    (format!("{before}{matched}{}", after.trim_end()), span)
}

/// [`text::clean`] for a piece of a sentence: the white space at its ends belongs to the sentence.
fn keep_edges(piece: &str) -> String {
    let clean = text::clean(piece);
    if clean.is_empty() {
        return if piece.is_empty() { clean } else { " ".to_owned() };
    }
    let space = |at_edge: bool| if at_edge { " " } else { "" };
    let (start, end) = (piece.starts_with(char::is_whitespace), piece.ends_with(char::is_whitespace));
    format!("{}{clean}{}", space(start), space(end))
}

impl Marked {
    fn new(text: &str, mut spans: Vec<Range<usize>>, language: Option<&str>) -> Self {
        spans.sort_by_key(|span| span.start);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut push = |range: Range<usize>, mark: bool| {
            if let Some(text) = text.get(range).filter(|text| !text.is_empty()) {
                pieces.push(Piece { text: text.to_owned(), mark });
            }
        };
        let mut done = 0;
        for span in spans {
            // A keyword inside another's match is marked with it.
            if span.start >= done {
                push(done..span.start, false);
                push(span.clone(), true);
                done = span.end;
            }
        }
        push(done..text.len(), false);
        let show = |piece: &Piece| if piece.mark { format!("[{}]", piece.text) } else { piece.text.clone() };
        let plain = pieces.iter().map(show).collect();
        Self { pieces, plain, rtl: language::right_to_left(text, language) }
    }
}

/// Each keyword with each form found, in the order of the hits.
fn matched(hits: &[Mark]) -> Vec<Matched> {
    let mut all: Vec<Matched> = Vec::new();
    for hit in hits {
        let field = match hit.field {
            Field::Title => "title",
            Field::Text => "text",
        };
        let (term, form) = (text::clean(&hit.term), text::clean(&hit.matched));
        let known = all.iter_mut().find(|one| one.term == term && one.form == form && one.field == field);
        match known {
            Some(one) => one.times += 1,
            None => all.push(Matched { term, form, field, times: 1 }),
        }
    }
    all
}

fn place(outlet: &Outlet) -> Place {
    let link = outlet.link.as_deref().and_then(safe_link);
    let name = text::clean(&outlet.name);
    let host = || link.as_deref().and_then(|link| Some(Url::parse(link).ok()?.host_str()?.to_owned()));
    Place {
        name: if name.is_empty() { host().unwrap_or_else(|| "another outlet".to_owned()) } else { name },
        link,
    }
}

/// The link, if it is one to a web page: nothing else may be followed from a mail, and no name
/// before an `@` may pose as the host.
fn safe_link(link: &str) -> Option<String> {
    let mut url = Url::parse(link.trim()).ok()?;
    if !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    let text = String::from(url);
    (text.len() <= 2048).then_some(text)
}

/// `Wed 25 Nov 2026 09:12 GMT+5`, or with the zone's own abbreviation where it has one (`CET`).
fn show_time(at: Timestamp, zone: &TimeZone) -> String {
    let info = zone.to_offset_info(at.calendar());
    let name = info.abbreviation();
    let name = if name.starts_with(|c: char| c.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        let minutes = info.offset().seconds() / 60;
        let sign = if minutes < 0 { '-' } else { '+' };
        let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
        if rest == 0 { format!("GMT{sign}{hours}") } else { format!("GMT{sign}{hours}:{rest:02}") }
    };
    let clock = zone.to_datetime(at.calendar()).strftime("%a %-d %b %Y %H:%M").to_string();
    format!("{clock} {name}")
}

/// What `notice.txt` and `notice.html` tell.
#[derive(Serialize)]
pub(super) struct Trouble {
    when: String,
    count: usize,
    kinds: Vec<Kind>,
}

/// The troubles of one kind.
#[derive(Serialize)]
struct Kind {
    name: String,
    help: Option<&'static str>,
    lines: Vec<TroubleLine>,
}

#[derive(Serialize)]
struct TroubleLine {
    subject: String,
    message: String,
    since: String,
}

/// The view of a notice: kinds in the order in which they first come.
pub(super) fn notice(notice: &Notice) -> Trouble {
    let mut kinds: Vec<Kind> = Vec::new();
    for line in &notice.lines {
        let name = text::clean(&line.kind);
        let shown = trouble_line(line, &notice.zone);
        match kinds.iter_mut().find(|kind| kind.name == name) {
            Some(kind) => kind.lines.push(shown),
            None => kinds.push(Kind { help: help(&name), name, lines: vec![shown] }),
        }
    }
    Trouble { when: show_time(notice.date, &notice.zone), count: notice.lines.len(), kinds }
}

/// What to do about all troubles of a kind, said once.
fn help(kind: &str) -> Option<&'static str> {
    match kind {
        health::NEVER_WORKED => Some(
            "They have failed since they were added, and stay on trial. `habar check --online` asks them again \
             and prints the [[source]] lines worth commenting out.",
        ),
        _ => None,
    }
}

fn trouble_line(line: &NoticeLine, zone: &TimeZone) -> TroubleLine {
    TroubleLine {
        subject: cut(&text::clean(&line.subject), 300),
        message: cut(&text::clean(&line.message), 2000),
        since: show_time(line.since, zone),
    }
}

/// What `test.txt` and `test.html` tell.
#[derive(Serialize)]
pub(super) struct Test {
    when: String,
    from: String,
    to: String,
}

/// The view of a test mail.
pub(super) fn test(date: Timestamp, zone: &TimeZone, from: &str, to: &str) -> Test {
    Test { when: show_time(date, zone), from: text::clean(from), to: text::clean(to) }
}
