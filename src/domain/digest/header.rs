//! Header fields written strictly: RFC 2047 encoded-words, RFC 5322 folding and phrases, RFC 2919 list ids.
//!
//! lettre's own encoder leaves a literal `=?utf-8?q?…?=` in a text alone, which readers then decode,
//! and never folds or encodes a long word; so the fields are encoded here and given to it ready-made.

use icu_normalizer::DecomposingNormalizer;
use jiff::fmt::rfc2822;
use jiff::tz::TimeZone;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, header::ContentTransferEncoding};
use unicode_segmentation::UnicodeSegmentation as _;
use xxhash_rust::xxh3::xxh3_64;

use crate::time::Timestamp;

/// Lines break before this column where they can.
const LINE: usize = 76;
/// `=?utf-8?b?` and `?=`.
const FRAME: usize = 12;
/// What 63 base64 characters can carry: an encoded-word is at most 75 long.
const WORD_BYTES: usize = 45;

/// A field of free text, such as the subject.
pub(super) fn text(name: &'static str, value: &str) -> HeaderValue {
    let mut line = Line::new(name);
    let words: Vec<&str> = value.split_whitespace().collect();
    // White space between two encoded-words is not part of the text, so neighbours go into one run.
    for run in words.chunk_by(|a, b| needs_encoding(a) == needs_encoding(b)) {
        if run.first().is_some_and(|word| needs_encoding(word)) {
            line.encoded(&run.join(" "));
        } else {
            for word in run {
                line.token(word);
            }
        }
    }
    line.finish(value)
}

/// A field of tokens that may not be encoded, such as message ids; folded between them.
pub(super) fn tokens<'a>(name: &'static str, tokens: impl IntoIterator<Item = &'a str>) -> HeaderValue {
    let mut line = Line::new(name);
    tokens.into_iter().for_each(|token| line.token(token));
    let raw = line.out.clone();
    line.finish(&raw)
}

/// `From` or `To`: one mailbox, with a domain that any server takes.
pub(super) fn mailbox(name: &'static str, mailbox: &Mailbox) -> HeaderValue {
    let address = ascii_address(mailbox);
    let mut line = Line::new(name);
    match mailbox.name.as_deref().map(str::trim).filter(|name| !name.is_empty()) {
        Some(phrase) => {
            line.phrase(phrase);
            line.token(&format!("<{address}>"));
        }
        None => line.token(&address),
    }
    // lettre reads the plain value of `From` again before it builds.
    line.finish(&address)
}

/// `Date` on the reader's clock.
pub(super) fn date(at: Timestamp, zone: &TimeZone) -> HeaderValue {
    // The years that a mail header can name: 1970 to 9999.
    let at = at.calendar().clamp(jiff::Timestamp::UNIX_EPOCH, LAST_DATE);
    let shown = rfc2822::to_string(&at.to_zoned_datetime(zone.clone())).unwrap_or_default();
    // lettre puts the machine's time in place of a date whose plain value it cannot read.
    let plain = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&at).unwrap_or_default();
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str("Date"), plain, shown)
}

/// A week before the year 10000, so that it is that year in no zone.
const LAST_DATE: jiff::Timestamp = jiff::Timestamp::constant(253_401_696_000, 0);

/// The address with its domain in ASCII (`müller.de` as `xn--mller-kva.de`).
pub(super) fn ascii_address(mailbox: &Mailbox) -> String {
    let domain = mailbox.email.domain();
    let ascii = match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii,
        _ => domain.to_owned(),
    };
    format!("{}@{ascii}", mailbox.email.user())
}

/// `List-Id` of a list that people know as `phrase`, under `domain`.
pub(super) fn list_id(phrase: &str, domain: &str) -> HeaderValue {
    let mut line = Line::new("List-Id");
    line.phrase(phrase);
    line.token(&format!("<{}.habar.{domain}>", slug(phrase)));
    line.finish(phrase)
}

/// A stable label of ASCII letters, digits and hyphens; names that differ get labels that differ.
pub(super) fn slug(name: &str) -> String {
    let decomposed = DecomposingNormalizer::new_nfkd().normalize(name).to_lowercase();
    let mut slug = String::new();
    for c in decomposed.chars() {
        match c {
            'a'..='z' | '0'..='9' => slug.push(c),
            'ı' => slug.push('i'),
            ' ' | '-' | '_' if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
        if slug.len() == 40 {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if !slug.is_empty() && name.to_lowercase().replace(' ', "-") == slug {
        return slug.to_owned();
    }
    let hash = format!("{:08x}", xxh3_64(name.as_bytes()) >> 32);
    if slug.is_empty() { format!("watch-{hash}") } else { format!("{slug}-{hash}") }
}

/// Whether a word cannot stand in a header as it is.
fn needs_encoding(word: &str) -> bool {
    word.len() > 60 || word.contains("=?") || !word.bytes().all(|byte| byte.is_ascii_graphic())
}

/// One header field while it is written.
struct Line {
    name: &'static str,
    out: String,
    column: usize,
}

impl Line {
    fn new(name: &'static str) -> Self {
        Self { name, out: String::new(), column: name.len() + 2 }
    }

    /// Appends one word that may not be broken, on a line of its own where it does not fit.
    fn token(&mut self, token: &str) {
        self.separate(token.len());
        self.push(token);
    }

    /// Appends a display name: bare words, a quoted string, or encoded-words.
    fn phrase(&mut self, phrase: &str) {
        let words: Vec<&str> = phrase.split_whitespace().collect();
        let squeezed = words.join(" ");
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        if words.iter().any(|word| needs_encoding(word)) || squeezed.len() > 200 {
            self.encoded(&squeezed);
        } else if words.iter().all(|word| word.chars().all(atom)) {
            for word in words {
                self.token(word);
            }
        } else {
            let quoted = squeezed.replace('\\', "\\\\").replace('"', "\\\"");
            self.token(&format!("\"{quoted}\""));
        }
    }

    /// Appends encoded-words that together carry `text`, none of which splits a character.
    fn encoded(&mut self, text: &str) {
        let mut rest = text;
        while !rest.is_empty() {
            let separator = usize::from(!self.out.is_empty());
            let room = LINE.saturating_sub(self.column + separator + FRAME) / 4 * 3;
            let mut head = head(rest, room.min(WORD_BYTES));
            if head.len() < rest.len() && head.len() < 12 {
                head = self::head(rest, WORD_BYTES);
            }
            let word = format!("=?utf-8?b?{}?=", base64(head));
            self.token(&word);
            rest = rest.get(head.len()..).unwrap_or_default();
        }
    }

    fn separate(&mut self, length: usize) {
        if self.out.is_empty() {
            return;
        }
        if self.column + 1 + length > LINE {
            self.out.push_str("\r\n");
            self.column = 0;
        }
        self.push(" ");
    }

    fn push(&mut self, text: &str) {
        self.out.push_str(text);
        self.column += text.len();
    }

    fn finish(self, raw: &str) -> HeaderValue {
        let name = HeaderName::new_from_ascii_str(self.name);
        HeaderValue::dangerous_new_pre_encoded(name, raw.to_owned(), self.out)
    }
}

/// The longest beginning of at most `bytes` bytes that ends between graphemes; of a grapheme
/// longer than any encoded-word, that ends between characters.
fn head(text: &str, bytes: usize) -> &str {
    let ends = |mut pieces: Box<dyn Iterator<Item = (usize, usize)> + '_>| {
        let mut end = 0;
        while let Some((start, length)) = pieces.next()
            && start + length <= bytes
        {
            end = start + length;
        }
        end
    };
    let mut end = ends(Box::new(text.grapheme_indices(true).map(|(at, piece)| (at, piece.len()))));
    if end == 0 && text.graphemes(true).next().is_some_and(|piece| piece.len() > WORD_BYTES) {
        end = ends(Box::new(text.char_indices().map(|(at, c)| (at, c.len_utf8()))));
    }
    text.get(..end).unwrap_or_default()
}

/// At most 45 bytes, so on one line.
fn base64(text: &str) -> String {
    let encoded = Body::new_with_encoding(text.as_bytes().to_vec(), ContentTransferEncoding::Base64);
    String::from_utf8(encoded.map_or_else(|bytes| bytes, Body::into_vec)).unwrap_or_default()
}
