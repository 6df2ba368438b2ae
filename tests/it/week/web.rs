//! The outlets of the simulated web: what they have published, how they answer, and what they were asked.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use habar::daemon::steps::Step;
use habar::time::{Clock, HOUR, MINUTE, SECOND, Timestamp};

use super::chance::Chance;
use super::people::{self, Words};
use crate::web::{Answer, Asked, Manner};

/// What time it is, and what the daemon's clock shows.
#[derive(Clone)]
pub struct Clocks {
    real: Arc<AtomicI64>,
    shown: Arc<AtomicI64>,
    /// How long the last answer takes.
    slow: Arc<AtomicI64>,
}

impl Clocks {
    /// Both show `at`.
    pub fn new(at: Timestamp) -> Self {
        let clock = || Arc::new(AtomicI64::new(at.millis()));
        Self { real: clock(), shown: clock(), slow: Arc::default() }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.real.load(Ordering::SeqCst))
    }

    /// What the daemon takes for it.
    pub fn shown(&self) -> Timestamp {
        Timestamp::from_millis(self.shown.load(Ordering::SeqCst))
    }

    /// Time passes.
    pub fn pass(&self, time: Duration) {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.real.fetch_add(millis, Ordering::SeqCst);
        self.shown.fetch_add(millis, Ordering::SeqCst);
    }

    /// The answer that is given now takes so long.
    fn dawdle(&self, time: Duration) {
        self.slow.fetch_add(i64::try_from(time.as_millis()).unwrap(), Ordering::SeqCst);
    }

    /// When the answer that was given last has come.
    pub fn answered(&self) -> Timestamp {
        Timestamp::from_millis(self.now().millis() + self.slow.swap(0, Ordering::SeqCst))
    }

    /// Somebody sets the wall clock, so many milliseconds off the time: the step for the daemon to take.
    pub fn off_by(&self, millis: i64) -> Step {
        Step { set: self.now().millis() + millis - self.shown().millis(), slept: 0 }
    }

    /// The machine sleeps: the step for the daemon to take.
    pub fn sleep(&self, time: Duration) -> Step {
        let millis = i64::try_from(time.as_millis()).unwrap();
        self.real.fetch_add(millis, Ordering::SeqCst);
        Step { set: 0, slept: millis }
    }

    /// The daemon's clock.
    pub fn clock(&self) -> Clock {
        Clock::Manual(Arc::clone(&self.shown))
    }
}

/// An outlet and its feed.
pub struct Outlet {
    /// Its host, an address of this machine.
    pub host: String,
    /// Whether the daemon reads its pages.
    pub full_text: bool,
    /// Its items, the newest first.
    pub items: Vec<usize>,
    /// What the feed does until when.
    pub fault: Option<(Timestamp, Fault)>,
    /// The last document that was served whole.
    pub served: Option<Served>,
    /// The version whose validators came back last.
    pub echoed: Option<u32>,
    /// How many items the feed shows.
    window: usize,
    dated: bool,
    tagged: bool,
    packed: bool,
    version: u32,
    max_age: Option<u32>,
}

/// What a document said.
#[derive(Clone)]
pub struct Served {
    /// Of the feed, counted from 1.
    pub version: u32,
    /// Its items.
    pub items: Vec<Shown>,
}

/// An item as a document showed it.
#[derive(Clone, Copy)]
pub struct Shown {
    /// Which one.
    pub item: usize,
    /// Its text at that time.
    pub text: usize,
    /// The words in its title and summary.
    pub words: Words,
    /// Since when it is shown so, be it in documents that broke off.
    pub since: Timestamp,
    /// Its date, if the feed tells it.
    pub dated: Option<Timestamp>,
}

/// One item.
pub struct Item {
    /// Whose it is.
    pub outlet: usize,
    /// What it says: reprints of a text share its number.
    pub text: usize,
    /// All that it has said.
    pub texts: Vec<usize>,
    /// When it was published.
    pub published: Timestamp,
    /// The words that its title and summary have.
    pub told: Words,
    /// The words that its page has besides.
    pub body: Words,
    /// What the page that was served last had to say, if it was served whole.
    pub page_served: Option<(usize, Words, Timestamp)>,
    /// When a document first showed it as it is.
    pub shown: Option<Timestamp>,
    title: String,
    summary: String,
    page: String,
    kind: PageKind,
    asked: u32,
    guid: u32,
    edited: bool,
}

/// A text that one or more items carry.
#[derive(Clone, Default)]
pub struct Text {
    /// A page of it could not be read at once, or an edited one was reprinted, or an outlet has it twice: it may
    /// rightly be told once for each of them.
    pub troubled: bool,
    /// It is in more than one outlet.
    reprinted: bool,
}

/// How a page answers.
#[derive(Clone, Copy)]
enum PageKind {
    Fine,
    /// Not at first.
    Late(u32),
    /// Never.
    Missing,
    Paywall,
    Empty,
    Moved,
    Binary,
}

/// What a feed does instead of its duty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Status(u16),
    RetryAfter(u16, u32),
    Cut,
    CutQuietly,
    BadPacking,
    Garbage,
    HangUp,
    Moved,
    Refused,
    Loop,
    Slow,
    Lost,
    Shuffled,
    Untagged,
}

/// Faults that a feed has now and then.
const FAULTS: [Fault; 20] = [
    Fault::Status(500),
    Fault::Status(404),
    Fault::Status(403),
    Fault::Status(410),
    Fault::Status(429),
    Fault::RetryAfter(503, 1200),
    Fault::RetryAfter(503, 7200),
    Fault::RetryAfter(429, 3600),
    Fault::Cut,
    Fault::CutQuietly,
    Fault::BadPacking,
    Fault::Garbage,
    Fault::HangUp,
    Fault::Moved,
    Fault::Refused,
    Fault::Loop,
    Fault::Slow,
    Fault::Lost,
    Fault::Shuffled,
    Fault::Untagged,
];

/// One request.
pub struct Request {
    /// When it came.
    pub at: Timestamp,
    /// The host that was asked.
    pub host: String,
    /// It followed a redirect.
    pub hop: bool,
    /// The feed that was asked for, and how that went.
    pub feed: Option<(usize, Went)>,
    /// Until when the server wants all feeds of its host to rest.
    pub rest_until: Option<Timestamp>,
}

/// How a poll went, as far as the next one is concerned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Went {
    /// The server asked for no rest.
    Well,
    /// It failed, or the server asked for rest.
    Otherwise,
    /// The server said that the feed is gone.
    Gone,
}

/// All outlets.
pub struct Sites {
    pub clocks: Clocks,
    pub outlets: Vec<Outlet>,
    pub items: Vec<Item>,
    pub texts: Vec<Text>,
    /// What was asked, in order.
    pub log: Vec<Request>,
    /// Whether anything goes wrong by chance.
    pub faulty: bool,
    chance: Chance,
    port: u16,
}

impl Sites {
    /// So many outlets that have published nothing yet.
    pub fn new(clocks: Clocks, outlets: usize, port: u16, mut chance: Chance) -> Self {
        let outlets = (0..outlets).map(|n| outlet(n, &mut chance)).collect();
        let (items, texts, log) = (Vec::new(), Vec::new(), Vec::new());
        Self { clocks, outlets, items, texts, log, faulty: true, chance, port }
    }

    /// The configured address of an outlet's feed.
    pub fn feed_address(&self, outlet: usize) -> String {
        format!("http://{}:{}/f/{outlet}.xml", self.outlets[outlet].host, self.port)
    }

    /// An outlet publishes something new; `words` are what watches look for.
    pub fn publish(&mut self, outlet: usize) -> usize {
        let text = self.texts.len();
        self.texts.push(Text::default());
        let words = self.chance.words(70);
        let (told, body) = people::some_words(&mut self.chance);
        let page = format!("{words} {} {}.", people::written(body), self.chance.words(5));
        self.add(outlet, text, told, body, page)
    }

    /// An outlet publishes a lot at once, and its feed shows all of it.
    pub fn flood(&mut self, outlet: usize) {
        let count = 20 + self.chance.below(700);
        for _ in 0..count {
            self.publish(outlet);
        }
        let outlet = &mut self.outlets[outlet];
        outlet.window = outlet.window.max(count + 10);
    }

    /// An outlet reprints an item of another.
    pub fn reprint(&mut self, item: usize, outlet: usize) -> usize {
        let Item { text, told, body, page, .. } = &self.items[item];
        let (text, told, body, page) = (*text, *told, *body, page.clone());
        self.texts[text].reprinted = true;
        // Under another title, one feed's equal texts are what its site says on each page.
        let again = self.outlets[outlet].items.iter().any(|own| self.items[*own].text == text);
        self.texts[text].troubled |= self.items[item].edited || again;
        self.add(outlet, text, told, body, page)
    }

    fn add(&mut self, outlet: usize, text: usize, told: Words, body: Words, page: String) -> usize {
        let number = self.items.len();
        let kind = self.page_kind();
        let mut item = Item {
            outlet,
            text,
            texts: vec![text],
            published: self.clocks.now(),
            told,
            body,
            page_served: None,
            shown: None,
            title: String::new(),
            summary: String::new(),
            page,
            kind,
            asked: 0,
            guid: 0,
            edited: false,
        };
        self.word(&mut item);
        self.items.push(item);
        let outlet = &mut self.outlets[outlet];
        outlet.items.insert(0, number);
        outlet.version += 1;
        if !outlet.full_text {
            self.texts[text].troubled = true;
        }
        number
    }

    /// Title and summary, with the words they have to have, and a mark by which mails show the text.
    fn word(&mut self, item: &mut Item) {
        let (in_title, in_summary) = people::parted(item.told);
        let chance = &mut self.chance;
        let title = format!("{} t{}x {}", chance.words(4), item.text, people::written(in_title));
        let length = if in_summary.is_empty() && chance.one_in(3) { 0 } else { 20 };
        let summary = format!("{} {}", chance.words(length), people::written(in_summary));
        (item.title, item.summary) = (title.trim().to_owned(), summary.trim().to_owned());
    }

    fn page_kind(&mut self) -> PageKind {
        match self.chance.below(40) {
            0 | 1 => PageKind::Late(1),
            2 => PageKind::Late(3),
            3 => PageKind::Missing,
            4 => PageKind::Paywall,
            5 => PageKind::Empty,
            6 | 7 => PageKind::Moved,
            8 => PageKind::Binary,
            _ => PageKind::Fine,
        }
    }

    /// An item is edited a little: it has one more word that somebody may look for.
    pub fn edit(&mut self, item: usize) {
        let word = people::a_word(&mut self.chance);
        let more = self.chance.words(3);
        let item = &mut self.items[item];
        (item.edited, item.shown) = (true, None);
        let text = &mut self.texts[item.text];
        text.troubled |= text.reprinted;
        if item.told.has(word) {
            item.title = format!("{} {more}", item.title);
        } else {
            item.summary = format!("{} {} {more}", item.summary, people::written(Words::of(word)));
            item.told.add(word);
        }
        item.page = format!("{} {} {more}.", item.page, people::written(Words::of(word)));
        item.body.add(word);
        self.outlets[item.outlet].version += 1;
    }

    /// An item is replaced by another one under its address.
    pub fn rewrite(&mut self, item: usize) {
        let text = self.texts.len();
        self.texts.push(Text::default());
        let page = format!("{} {}.", self.chance.words(70), people::written(self.items[item].body));
        let outlet = self.items[item].outlet;
        self.texts[text].troubled = !self.outlets[outlet].full_text;
        let (mut item, at) = (std::mem::replace(&mut self.items[item], placeholder()), item);
        (item.text, item.page) = (text, page);
        item.texts.push(text);
        item.shown = None;
        self.word(&mut item);
        self.items[at] = item;
        self.outlets[outlet].version += 1;
    }

    /// An outlet gives all its items other ids.
    pub fn give_other_ids(&mut self, outlet: usize) {
        let outlet = &mut self.outlets[outlet];
        outlet.version += 1;
        for item in &outlet.items {
            self.items[*item].guid += 1;
        }
    }

    /// One of the faults, for a while.
    pub fn some_fault(&mut self) -> Fault {
        *self.chance.pick(&FAULTS)
    }

    /// Answers a request.
    pub fn answer(&mut self, asked: &Asked) -> Answer {
        let host = String::from_utf8_lossy(asked.header("host").unwrap_or_default()).into_owned();
        let host = host.split(':').next().unwrap_or_default().to_owned();
        let path = asked.path.split('?').next().unwrap_or_default();
        let number = |rest: &str| rest.trim_end_matches(".xml").parse::<usize>().ok();
        let (place, rest) = path.trim_start_matches('/').split_once('/').unwrap_or((path, ""));
        let hop = matches!(place, "m" | "q" | "l");
        self.log.push(Request { at: self.clocks.now(), host, hop, feed: None, rest_until: None });
        match (place, number(rest)) {
            ("f", Some(outlet)) => self.feed(outlet, asked),
            ("m", Some(outlet)) => self.document(outlet, None),
            ("p", Some(item)) => self.page(item),
            ("q", Some(item)) => self.article(item),
            ("l", Some(number)) => Answer::moved(302, format!("/l/{}", 1 - number.min(1))),
            _ => Answer::status(404),
        }
    }

    fn feed(&mut self, number: usize, asked: &Asked) -> Answer {
        let now = self.clocks.now();
        let tag = String::from_utf8_lossy(asked.header("if-none-match").unwrap_or_default()).into_owned();
        let outlet = &mut self.outlets[number];
        outlet.echoed = tag.trim_matches(['"', 'v']).parse().ok();
        let fault = match outlet.fault {
            Some((until, fault)) if until > now => Some(fault),
            _ if self.faulty && self.chance.one_in(25) => Some(*self.chance.pick(&FAULTS)),
            _ => None,
        };
        let harmless =
            matches!(fault, None | Some(Fault::Shuffled | Fault::Untagged | Fault::Slow | Fault::Moved));
        let went = match fault {
            Some(Fault::Status(410)) => Went::Gone,
            _ if harmless && self.outlets[number].max_age.is_none() => Went::Well,
            _ => Went::Otherwise,
        };
        if let Some(request) = self.log.last_mut() {
            request.feed = Some((number, went));
            if let Some(Fault::RetryAfter(_, seconds)) = fault {
                request.rest_until = Some(now + SECOND * seconds);
            }
        }
        match fault {
            None => self.document(number, None),
            Some(fault) => self.fail(number, fault),
        }
    }

    fn fail(&mut self, number: usize, fault: Fault) -> Answer {
        match fault {
            Fault::Status(status) => Answer::status(status),
            Fault::RetryAfter(status, seconds) => {
                Answer::status(status).header("Retry-After", seconds.to_string())
            }
            Fault::Garbage => Answer::ok("text/html", "<html><body>We are doing repairs.</body></html>"),
            Fault::HangUp => Answer::status(200).manner(Manner::HangUp),
            Fault::Moved => {
                let other = self.chance.below(self.outlets.len());
                let host = &self.outlets[other].host;
                Answer::moved(302, format!("http://{host}:{}/m/{number}.xml", self.port))
            }
            Fault::Refused => Answer::moved(302, "http://127.0.0.1:1/feed"),
            Fault::Loop => Answer::moved(302, "/l/0"),
            Fault::Slow => {
                let time = self.chance.time(SECOND, 50 * SECOND);
                self.clocks.dawdle(time);
                self.document(number, None)
            }
            Fault::Lost => {
                self.clocks.dawdle(MINUTE);
                Answer::status(200).manner(Manner::HangUp)
            }
            Fault::Cut | Fault::CutQuietly | Fault::BadPacking | Fault::Shuffled | Fault::Untagged => {
                self.document(number, Some(fault))
            }
        }
    }

    /// The feed's document, with one of the faults that concern it.
    fn document(&mut self, number: usize, fault: Option<Fault>) -> Answer {
        let outlet = &self.outlets[number];
        let mut items: Vec<usize> = outlet.items.iter().copied().take(outlet.window).collect();
        if fault == Some(Fault::Shuffled) {
            self.chance.shuffle(&mut items);
        }
        let text = self.rss(number, &items);
        for item in &items {
            let now = self.clocks.now();
            self.items[*item].shown.get_or_insert(now);
        }
        let outlet = &mut self.outlets[number];
        let mut answer = Answer::feed(text.clone());
        // One that breaks off is sent with the validators of the whole.
        if outlet.tagged && fault != Some(Fault::Untagged) {
            answer = answer.header("ETag", format!("\"v{}\"", outlet.version));
        }
        if let Some(age) = outlet.max_age {
            answer = answer.header("Cache-Control", format!("max-age={age}"));
        }
        match fault {
            Some(Fault::Cut) => return answer.manner(Manner::CutAfter(text.len() / 2)),
            Some(Fault::CutQuietly) => {
                return answer.body(&text.as_bytes()[..text.len() * 2 / 3]).manner(Manner::UntilClosed);
            }
            Some(Fault::BadPacking) => {
                let packed = gzip(text.as_bytes());
                return answer.header("Content-Encoding", "gzip").body(&packed[..packed.len() / 2]);
            }
            _ => {}
        }
        let show = |item: &usize| {
            let shown = &self.items[*item];
            let dated = outlet.dated.then_some(shown.published);
            let since = shown.shown.unwrap_or_default();
            Shown { item: *item, text: shown.text, words: shown.told, dated, since }
        };
        let items = items.iter().map(show).collect();
        outlet.served = Some(Served { version: outlet.version, items });
        if outlet.packed {
            answer = answer.header("Content-Encoding", "gzip").body(gzip(text.as_bytes()));
        }
        answer
    }

    fn rss(&self, number: usize, items: &[usize]) -> String {
        use std::fmt::Write as _;
        let outlet = &self.outlets[number];
        let mut text = format!("<rss version=\"2.0\"><channel><title>Outlet {number}</title>");
        for number in items {
            let item = &self.items[*number];
            let link = format!("http://{}:{}/p/{number}", outlet.host, self.port);
            let date = if outlet.dated {
                let at = item.published.calendar().to_zoned_datetime(jiff::tz::TimeZone::UTC);
                format!("<pubDate>{}</pubDate>", jiff::fmt::rfc2822::to_string(&at).unwrap())
            } else {
                String::new()
            };
            let _ = write!(
                text,
                "<item><guid isPermaLink=\"false\">{number}.{}</guid><link>{link}</link><title>{}</title><description>{}</description>{date}</item>",
                item.guid, item.title, item.summary
            );
        }
        text + "</channel></rss>"
    }

    fn page(&mut self, number: usize) -> Answer {
        let item = &mut self.items[number];
        item.asked += 1;
        item.page_served = None;
        let trouble = self.faulty && self.chance.one_in(20);
        let answer = match item.kind {
            _ if trouble => self.page_fault(),
            PageKind::Late(times) if item.asked <= times => Answer::status(404),
            PageKind::Missing => Answer::status(404),
            PageKind::Paywall => paywall(&item.title),
            PageKind::Empty => Answer::ok("text/html", ""),
            PageKind::Binary => Answer::ok("application/pdf", "%PDF-1.4"),
            PageKind::Moved => return Answer::moved(301, format!("/q/{number}")),
            PageKind::Fine | PageKind::Late(_) => return self.article(number),
        };
        self.texts[self.items[number].text].troubled = true;
        answer
    }

    fn page_fault(&mut self) -> Answer {
        match self.chance.below(6) {
            0 => Answer::status(500),
            1 => Answer::status(503).header("Retry-After", "1800"),
            2 => Answer::status(200).manner(Manner::HangUp),
            3 => Answer::ok("text/html", "<html><body>half a").manner(Manner::CutAfter(9)),
            4 => Answer::moved(302, "/l/0"),
            _ => {
                self.clocks.dawdle(MINUTE);
                Answer::status(429)
            }
        }
    }

    fn article(&mut self, number: usize) -> Answer {
        let now = self.clocks.now();
        let item = &mut self.items[number];
        item.page_served = Some((item.text, item.body, now));
        let Item { title, page, .. } = item;
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><head><title>{title}</title></head>
             <body><article><h1>{title}</h1><p>{page}</p></article></body></html>"
        );
        Answer::ok("text/html; charset=utf-8", page)
    }
}

/// The item that a link leads to.
pub fn item_of(link: &str) -> Option<usize> {
    link.rsplit_once("/p/").and_then(|(_, number)| number.parse().ok())
}

fn outlet(number: usize, chance: &mut Chance) -> Outlet {
    // Every tenth shares a host with the one before it.
    let machine = if number % 10 == 9 { number - 1 } else { number };
    Outlet {
        host: format!("127.1.{}.{}", machine / 200, machine % 200 + 1),
        full_text: !chance.one_in(8),
        items: Vec::new(),
        fault: None,
        served: None,
        echoed: None,
        window: 8 + chance.below(30),
        dated: !chance.one_in(4),
        tagged: !chance.one_in(4),
        packed: chance.one_in(6),
        version: 1,
        max_age: chance.one_in(10).then_some(HOUR.as_secs().try_into().unwrap()),
    }
}

fn placeholder() -> Item {
    Item {
        outlet: 0,
        text: 0,
        texts: Vec::new(),
        published: Timestamp::default(),
        told: Words::default(),
        body: Words::default(),
        page_served: None,
        shown: None,
        title: String::new(),
        summary: String::new(),
        page: String::new(),
        kind: PageKind::Fine,
        asked: 0,
        guid: 0,
        edited: false,
    }
}

fn paywall(title: &str) -> Answer {
    let page = format!(
        "<html><head><title>{title}</title><meta property=\"article:content_tier\" content=\"locked\"></head>
         <body><article><h1>{title}</h1><p>A few words.</p><div class=\"paywall\">Subscribe to read.</div></article></body></html>"
    );
    Answer::ok("text/html", page)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}
