//! One message, from the alerts it tells to its final bytes.
//!
//! Whatever a feed or page wrote is text to us: it is stripped of controls and bidi overrides,
//! escaped by the templates, and never reaches a header unencoded. The same letter gives the same bytes.

use jiff::tz::TimeZone;
use lettre::address::Envelope;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, Message, MultiPart, SinglePart};
use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use super::wrap::cut;
use super::{header, template, view};
use crate::domain::text;
use crate::domain::watch::Field;
use crate::time::Timestamp;

/// What one mail tells: the open alerts of one watch for one recipient.
#[derive(Clone, Debug)]
pub struct Letter {
    /// The sender, as in `Habar <habar@example.org>`.
    pub from: String,
    /// The recipient, with or without a name.
    pub to: String,
    /// The name of the watch.
    pub watch: String,
    /// The Message-ID with its angle brackets.
    pub message_id: String,
    /// Message-IDs of earlier mails that told of the same stories, oldest first.
    pub references: Vec<String>,
    /// When the mail is composed.
    pub date: Timestamp,
    /// The reader's time zone.
    pub zone: TimeZone,
    /// The stories told here for the first time.
    pub stories: Vec<Told>,
    /// Later copies of stories that an earlier mail has told.
    pub later: Vec<Later>,
}

/// A story as a mail tells it.
#[derive(Clone, Debug)]
pub struct Told {
    /// The story's id in the store.
    pub story: i64,
    /// The headline; may be empty.
    pub title: String,
    /// Where to read it.
    pub link: Option<String>,
    /// The name of the source.
    pub outlet: String,
    /// Who wrote it.
    pub author: Option<String>,
    /// When it was published.
    pub published: Option<Timestamp>,
    /// Its language, as a tag (`kk`).
    pub language: Option<String>,
    /// The text; its first lines are shown.
    pub text: String,
    /// Where the watch matched.
    pub hits: Vec<Mark>,
    /// Who else has it.
    pub also_in: Vec<Outlet>,
    /// Other watches of the same recipient that it hit.
    pub also_watches: Vec<String>,
}

/// A hit as a mail shows it: its sentence in three pieces.
#[derive(Clone, Debug)]
pub struct Mark {
    /// The keyword as configured.
    pub term: String,
    /// Where it matched.
    pub field: Field,
    /// The sentence up to the match.
    pub before: String,
    /// The form that was found.
    pub matched: String,
    /// The rest of the sentence.
    pub after: String,
}

/// An outlet that printed a story.
#[derive(Clone, Debug)]
pub struct Outlet {
    /// Its name.
    pub name: String,
    /// Its copy of the story.
    pub link: Option<String>,
}

/// A story told earlier, and who has printed it since.
#[derive(Clone, Debug)]
pub struct Later {
    /// The headline that was told.
    pub title: String,
    /// The outlets of the later copies.
    pub outlets: Vec<Outlet>,
}

/// A mail to an administrator.
#[derive(Clone, Debug)]
pub struct Notice {
    /// The sender.
    pub from: String,
    /// The administrator.
    pub to: String,
    /// The Message-ID with its angle brackets.
    pub message_id: String,
    /// When the mail is composed.
    pub date: Timestamp,
    /// The administrator's time zone.
    pub zone: TimeZone,
    /// The troubles.
    pub lines: Vec<NoticeLine>,
}

/// One trouble.
#[derive(Clone, Debug)]
pub struct NoticeLine {
    /// The kind of trouble, in words; lines of one kind stand together.
    pub kind: String,
    /// What it is about: a source, a recipient.
    pub subject: String,
    /// What happened and what to do.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
}

/// A finished message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mail {
    /// The subject, decoded.
    pub subject: String,
    /// The message as it goes over the wire.
    pub bytes: Vec<u8>,
}

/// Why no mail could be made.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// There is nothing to tell.
    #[error("a mail without a story")]
    Empty,
    /// The sender or recipient is no mail address.
    #[error("\"{0}\" is no mail address")]
    Address(String),
    /// The Message-ID is none.
    #[error("\"{0}\" is no Message-ID")]
    MessageId(String),
    /// A template failed.
    #[error("the mail's template: {0:#}")]
    Template(#[from] minijinja::Error),
    /// The parts did not make a message.
    #[error("the mail could not be put together: {0}")]
    Build(#[from] lettre::error::Error),
}

/// The mail of one watch to one recipient.
pub fn compose(letter: &Letter) -> Result<Mail, MailError> {
    if letter.stories.is_empty() && letter.later.is_empty() {
        return Err(MailError::Empty);
    }
    let ids: Vec<String> = letter.stories.iter().map(|told| told.story.to_string()).collect();
    let mut fields = vec![header::text("X-Habar-Watch", &text::clean(&letter.watch))];
    if !ids.is_empty() {
        fields.push(header::tokens("X-Habar-Story", ids.iter().map(String::as_str)));
    }
    fields.extend(references(&letter.references));
    let view = view::alert(letter);
    let head = Head {
        from: &letter.from,
        to: &letter.to,
        message_id: &letter.message_id,
        date: letter.date,
        zone: &letter.zone,
        list: &letter.watch,
        subject: alert_subject(letter),
    };
    assemble(head, fields, "alert", &view, view.size())
}

/// One calm mail that lists what an administrator should know.
pub fn notice(notice: &Notice) -> Result<Mail, MailError> {
    let Some(first) = notice.lines.first() else { return Err(MailError::Empty) };
    let more = notice.lines.len() - 1;
    let about = cut(&text::clean(&first.subject), 60);
    let kind = cut(&text::clean(&first.kind), 60);
    let subject = match more {
        0 => format!("[Habar] {kind}: {about}"),
        _ => format!("[Habar] {kind}: {about} +{more}"),
    };
    let view = view::notice(notice);
    let head = Head {
        from: &notice.from,
        to: &notice.to,
        message_id: &notice.message_id,
        date: notice.date,
        zone: &notice.zone,
        list: "Habar notices",
        subject,
    };
    assemble(head, Vec::new(), "notice", &view, notice.lines.len())
}

/// The mail of `habar test-mail`.
pub fn test_mail(
    from: &str,
    to: &str,
    message_id: &str,
    date: Timestamp,
    zone: &TimeZone,
) -> Result<Mail, MailError> {
    let view = view::test(date, zone, from, to);
    let subject = "[Habar] Test mail: this way works · Әлем, Dünya, мир, 世界".to_owned();
    let head = Head { from, to, message_id, date, zone, list: "Habar notices", subject };
    assemble(head, Vec::new(), "test", &view, 0)
}

/// `[Watch] First title · Outlet +3`, at most 150 characters; a long title gives way first.
fn alert_subject(letter: &Letter) -> String {
    const LONGEST: usize = 150;
    let (title, outlet) = match (letter.stories.first(), letter.later.first()) {
        (Some(told), _) => (view::title_of(told), told.outlet.as_str()),
        (None, Some(later)) => {
            (text::clean(&later.title), later.outlets.first().map_or("", |outlet| outlet.name.as_str()))
        }
        (None, None) => (String::new(), ""),
    };
    let watch = cut(&text::clean(&letter.watch), 50);
    let outlet = cut(&text::clean(outlet), 40);
    let mut tail = String::new();
    if !outlet.is_empty() {
        tail = format!(" · {outlet}");
    }
    if letter.stories.len() > 1 {
        tail = format!("{tail} +{}", letter.stories.len() - 1);
    }
    let head = format!("[{watch}] ");
    let room = LONGEST.saturating_sub(head.chars().count() + tail.chars().count());
    format!("{head}{}{tail}", cut(&title, room))
}

/// What every mail has.
struct Head<'a> {
    from: &'a str,
    to: &'a str,
    message_id: &'a str,
    date: Timestamp,
    zone: &'a TimeZone,
    /// What the `List-Id` is made of: the name that a filter can hold on to.
    list: &'a str,
    subject: String,
}

/// Renders both parts and puts the message together.
fn assemble<V: Serialize>(
    head: Head<'_>,
    fields: Vec<HeaderValue>,
    template: &str,
    view: &V,
    size: usize,
) -> Result<Mail, MailError> {
    let from = mailbox(head.from)?;
    let to = mailbox(head.to)?;
    if !is_message_id(head.message_id) {
        return Err(MailError::MessageId(head.message_id.to_owned()));
    }
    let sender = header::ascii_address(&from);
    let domain = sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
    let rendered = template::render(template, view, size)?;

    let mut message = Message::builder()
        .envelope(Envelope::new(Some(from.email.clone()), vec![to.email.clone()])?)
        .raw_header(header::mailbox("From", &from))
        .raw_header(header::mailbox("To", &to))
        .raw_header(header::text("Subject", &head.subject))
        .raw_header(header::date(head.date, head.zone))
        .raw_header(ready("Message-ID", head.message_id))
        .raw_header(header::list_id(&text::clean(head.list), domain))
        .raw_header(ready("Auto-Submitted", "auto-generated"))
        .raw_header(ready("Precedence", "bulk"));
    for field in fields {
        message = message.raw_header(field);
    }
    // `=_` stands in neither quoted-printable nor base64, so no text can contain the boundary.
    let boundary = format!("=_habar_{:032x}", xxh3_128(head.message_id.as_bytes()));
    let parts = MultiPart::alternative()
        .boundary(boundary)
        .singlepart(part(ContentType::TEXT_PLAIN, rendered.text))
        .singlepart(part(ContentType::TEXT_HTML, rendered.html));
    Ok(Mail { subject: head.subject, bytes: message.multipart(parts)?.formatted() })
}

fn mailbox(text: &str) -> Result<Mailbox, MailError> {
    let parsed: Mailbox = text.trim().parse().map_err(|_| MailError::Address(text.to_owned()))?;
    let name = parsed.name.map(|name| text::clean(&name));
    Ok(Mailbox::new(name, parsed.email))
}

/// A field whose value is known to be short printable ASCII.
fn ready(name: &'static str, value: &str) -> HeaderValue {
    let name = HeaderName::new_from_ascii_str(name);
    HeaderValue::dangerous_new_pre_encoded(name, value.to_owned(), value.to_owned())
}

/// A body in whichever encoding is shorter; both keep every line under 77 columns.
fn part(content_type: ContentType, text: String) -> SinglePart {
    let plain = text.bytes().filter(|byte| byte.is_ascii_graphic() || *byte == b' ').count();
    let encoding = if plain * 5 >= text.len() * 4 {
        ContentTransferEncoding::QuotedPrintable
    } else {
        ContentTransferEncoding::Base64
    };
    let body = Body::new_with_encoding(text, encoding)
        .unwrap_or_else(|text| Body::dangerous_pre_encoded(text, ContentTransferEncoding::Binary));
    SinglePart::builder().content_type(content_type).body(body)
}

/// `References` to all earlier mails, the first and the last twenty of many, and `In-Reply-To` the last.
fn references(ids: &[String]) -> Vec<HeaderValue> {
    let mut known: Vec<&str> = Vec::new();
    for id in ids.iter().map(|id| id.trim()).filter(|id| is_message_id(id)) {
        if !known.contains(&id) {
            known.push(id);
        }
    }
    if known.len() > 21 {
        known.drain(1..known.len() - 20);
    }
    let Some(last) = known.last() else { return Vec::new() };
    vec![header::tokens("In-Reply-To", [*last]), header::tokens("References", known.iter().copied())]
}

/// `<left@right>` in printable ASCII, short enough for one line.
fn is_message_id(text: &str) -> bool {
    let inner = text.strip_prefix('<').and_then(|text| text.strip_suffix('>'));
    let halves = inner.and_then(|inner| inner.split_once('@'));
    halves.is_some_and(|(left, right)| {
        let sane = |half: &str| {
            !half.is_empty()
                && half.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>@\"(),;\\".contains(&byte))
        };
        text.len() <= 250 && sane(left) && sane(right)
    })
}

#[cfg(test)]
mod tests;
