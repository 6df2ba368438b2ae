//! A world to run Habar in: a web on loopback, a mailer that keeps what it takes, and a clock that stands still.
//!
//! The hosts `a.test` to `f.test` are addresses of this machine; texts and mails name them as people would.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use habar::config::{self, Config};
use habar::daemon::assemble::assemble;
use habar::daemon::steps::{Step, adopt};
use habar::io::mail::{Kept, Mailer, Memory};
use habar::io::store::{Error, FILE_NAME, Store, open_read_only, outbox};
use habar::pipeline::Pipeline;
use habar::pipeline::driver::{Driver, Grace};
use habar::pipeline::poll::look_after_sources;
use habar::time::{Clock, MINUTE, SECOND, Timestamp};
use rusqlite::types::FromSql;
use tempfile::TempDir;

use crate::web::{Answer, Web};

/// Friday, 15 January 2027, 08:00 UTC.
pub const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// An article that mentions the railway.
pub const RAIL: &str = "The ministers of five countries met in the old town on Tuesday to speak about the railway \
    between the two seas. They agreed that freight shall cost a tenth less from the first day of spring. A joint \
    company will be founded before the summer, and its seat rotates every second year among the capitals. Engineers \
    have until autumn to survey the pass, where snow closes the line for six weeks in an average winter.";

/// An article that mentions the harbour.
pub const PORT: &str = "Divers have begun to lift the grain barge that sank in the harbour mouth during the storm of \
    last week. The pilots expect the channel to be open again by Sunday evening, when eleven vessels wait outside. \
    Insurers put the damage at four million, most of it for demurrage, and blame a buoy that had drifted. A new \
    dredger was ordered in May; it is delivered, the port captain says, a month later than promised.";

/// An article that mentions neither.
pub const WHEAT: &str = "Wheat was brought in two weeks early this year, and the silos of the north are full to the \
    brim. Farmers ask for a second drying hall near the mill, since every wet autumn costs them a third of the \
    price. The cooperative will vote on a loan in November. Younger members want to plant lentils instead, which \
    need less water and fetch more abroad, yet nobody in the valley has the machines to clean them.";

/// One person who watches for the railway, and two outlets.
pub const RAILWAY: &str = r#"
    [[watch]]
    name = "Rail"
    keywords = ["railway"]

    [[source]]
    url = "http://a.test/a.xml"
    name = "Alpha"

    [[source]]
    url = "http://b.test/b.xml"
    name = "Beta"
"#;

/// See the top of this file.
pub struct World {
    /// The web.
    pub web: Web,
    /// Takes the mails.
    pub mailer: Memory,
    clock: Clock,
    dir: TempDir,
    config: Config,
    pipeline: Option<Arc<Pipeline>>,
    feeds: HashMap<String, Vec<Item>>,
}

/// One item of a feed.
#[derive(Clone)]
pub struct Item {
    guid: String,
    link: String,
    title: String,
    summary: String,
    date: Date,
}

#[derive(Clone, Copy)]
enum Date {
    Present,
    Missing,
    At(Timestamp),
}

/// An item that carries the date of its publication.
pub fn item(link: &str, title: &str) -> Item {
    Item {
        guid: link.to_owned(),
        link: link.to_owned(),
        title: title.to_owned(),
        summary: String::new(),
        date: Date::Present,
    }
}

impl Item {
    /// With a summary.
    pub fn summary(self, summary: &str) -> Self {
        Self { summary: summary.to_owned(), ..self }
    }

    /// With a date of its own.
    pub fn dated(self, at: Timestamp) -> Self {
        Self { date: Date::At(at), ..self }
    }

    /// Without a date.
    pub fn undated(self) -> Self {
        Self { date: Date::Missing, ..self }
    }

    /// With an id that is not its link.
    pub fn guid(self, guid: &str) -> Self {
        Self { guid: guid.to_owned(), ..self }
    }

    fn xml(&self) -> String {
        let date = match self.date {
            Date::At(at) => {
                let at = at.calendar().to_zoned_datetime(jiff::tz::TimeZone::UTC);
                format!("<pubDate>{}</pubDate>", jiff::fmt::rfc2822::to_string(&at).unwrap())
            }
            Date::Present | Date::Missing => String::new(),
        };
        format!(
            "<item><guid isPermaLink=\"false\">{}</guid><link>{}</link><title>{}</title><description>{}</description>{date}</item>",
            self.guid, self.link, self.title, self.summary
        )
    }
}

/// An RSS document.
pub fn rss(items: &[Item]) -> String {
    let items: String = items.iter().map(Item::xml).collect();
    format!("<rss version=\"2.0\"><channel><title>A feed</title>{items}</channel></rss>")
}

/// A page with an article.
pub fn article(title: &str, text: &str) -> Answer {
    let page = format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>{title}</title></head>
         <body><article><h1>{title}</h1><p>{text}</p></article></body></html>"
    );
    Answer::ok("text/html; charset=utf-8", page)
}

/// A mail as its reader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The recipient.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: String,
    /// Message-ID, with its angle brackets.
    pub id: String,
    /// Message-IDs it refers to.
    pub references: Vec<String>,
    /// As it went over the wire.
    pub bytes: Vec<u8>,
}

impl Letter {
    /// How often the text has these words, whatever its line breaks.
    pub fn count(&self, words: &str) -> usize {
        let text: Vec<&str> = self.text.split_whitespace().collect();
        text.join(" ").matches(words).count()
    }

    /// Whether the text has these words.
    pub fn has(&self, words: &str) -> bool {
        self.count(words) > 0
    }
}

impl World {
    /// A world under this config; its watches tell `desk@test.example` unless they name others, and trouble
    /// goes to `admin@test.example`.
    pub async fn new(config: &str) -> Self {
        let mut world = Self::before_its_start(config).await;
        world.start().await;
        world
    }

    /// A world whose state directory has a store already: what this SQL makes.
    pub async fn over(config: &str, store: &str) -> Self {
        let mut world = Self::before_its_start(config).await;
        std::fs::create_dir(world.state()).unwrap();
        let file = rusqlite::Connection::open(world.state().join(FILE_NAME)).unwrap();
        file.execute_batch(&world.placed(store)).unwrap();
        drop(file);
        world.start().await;
        world
    }

    async fn before_its_start(config: &str) -> Self {
        let web = Web::at("0.0.0.0").await;
        let dir = TempDir::new().unwrap();
        let clock = Clock::manual(START);
        web.keep_time(clock.clone());
        let config = load(&dir, &web, config);
        Self { web, mailer: Memory::new(), clock, dir, config, pipeline: None, feeds: HashMap::new() }
    }

    /// A world whose feeds have been polled once, when they were empty: first sight is over.
    pub async fn settled(config: &str) -> Self {
        let mut world = Self::new(config).await;
        let sources: Vec<String> =
            world.config.sources.iter().map(|source| world.shown(source.url.as_str())).collect();
        for source in sources {
            world.serve(&source, Vec::new());
        }
        world.run_until_idle().await;
        world.web.take_log();
        world
    }

    async fn start(&mut self) {
        let store = Store::open(&self.state(), self.now()).unwrap();
        let mailer = Some(Mailer::Memory(self.mailer.clone()));
        let plan = assemble(&self.config, &store, self.now(), mailer).await.unwrap();
        store.clamp(self.now(), plan.clamp(self.now())).await.unwrap();
        let pipeline = Pipeline::new(store, self.clock.clone(), plan);
        pipeline.recall_price().await.unwrap();
        self.pipeline = Some(pipeline);
    }

    /// The process ends; [`World::restart`] starts another.
    pub fn stop(&mut self) {
        self.pipeline = None;
    }

    /// The process dies and another one starts: what was held is still owned by the dead one.
    pub async fn restart(&mut self) {
        self.pipeline = None;
        self.start().await;
    }

    /// Another config is put in force.
    pub async fn reload(&mut self, config: &str) {
        self.config = load(&self.dir, &self.web, config);
        let mailer = Some(Mailer::Memory(self.mailer.clone()));
        let plan = assemble(&self.config, &self.pipeline().store, self.now(), mailer).await.unwrap();
        self.pipeline().replace_plan(plan);
    }

    /// The running pipeline.
    pub fn pipeline(&self) -> Arc<Pipeline> {
        Arc::clone(self.pipeline.as_ref().unwrap())
    }

    /// The state directory.
    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// The present.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Moves the clock; nothing is done.
    pub fn advance(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// Does what is due now, and what comes of it; the clock stands still.
    pub async fn run_until_idle(&self) {
        Driver::new(self.pipeline()).exhaust(Timestamp::from_millis(i64::MAX)).await.unwrap();
    }

    /// Does what can be done on a store that may refuse: says whether it did. What is under way ends first, as
    /// in a daemon that goes on.
    pub async fn run_until_idle_or_refused(&self) -> Result<(), Error> {
        let mut driver = Driver::new(self.pipeline());
        let ended = driver.exhaust(Timestamp::from_millis(i64::MAX)).await;
        if ended.is_err() {
            driver.drain(Grace { requests: MINUTE, mails: MINUTE }).await?;
        }
        ended
    }

    /// The wall clock steps: it is set, or the machine slept, by so many milliseconds; nothing is done.
    pub async fn step_clock(&self, step: Step) {
        adopt(&self.pipeline(), step).await.unwrap().expect("nobody holds the clock");
    }

    /// Every feed is asked now, whenever it is due: as `once --all` does.
    pub async fn poll_all(&self) {
        self.pipeline().store.make_all_due(self.now()).await.unwrap();
        self.run_until_idle().await;
    }

    /// Time passes, and everything is done when it is due.
    pub async fn pass(&self, time: Duration) {
        let end = self.now() + time;
        loop {
            self.run_until_idle().await;
            look_after_sources(&self.pipeline()).await.unwrap();
            let now = self.now();
            let due = self.pipeline().store.next_due().await.unwrap();
            let next = [due.poll, due.read, due.compose, due.deliver].into_iter().flatten().min();
            let wait = next.map_or(time, |at| at.since(now)).max(SECOND).min(end.since(now));
            self.advance(wait);
            if wait.is_zero() {
                return;
            }
        }
    }

    /// Puts an item at the top of a feed, or in place of the one with its id.
    pub fn publish(&mut self, feed: &str, item: Item) {
        let date = if let Date::Present = item.date { Date::At(self.now()) } else { item.date };
        let item = Item { date, ..item };
        let mut items = self.feeds.remove(feed).unwrap_or_default();
        match items.iter_mut().find(|known| known.guid == item.guid) {
            Some(known) => *known = item,
            None => items.insert(0, item),
        }
        self.serve(feed, items);
    }

    fn serve(&mut self, feed: &str, items: Vec<Item>) {
        self.page(feed, Answer::feed(rss(&items)));
        self.feeds.insert(feed.to_owned(), items);
    }

    /// What an address answers from now on. All hosts share their paths.
    pub fn page(&self, address: &str, answer: Answer) {
        self.pages(address, [answer]);
    }

    /// What an address answers from now on: each answer once, the last for ever.
    pub fn pages(&self, address: &str, answers: impl IntoIterator<Item = Answer>) {
        let url = url::Url::parse(address).unwrap();
        self.web
            .pages(url.path(), answers.into_iter().map(|answer| answer.rewritten(|text| self.placed(text))));
    }

    /// What was asked since this was called last, in order.
    pub fn asked(&self) -> Vec<String> {
        let address = |asked: crate::web::Asked| {
            let host = String::from_utf8_lossy(asked.header("host").unwrap_or_default()).into_owned();
            format!("http://{}{}", self.shown(&host), asked.path)
        };
        self.web.take_log().into_iter().map(address).collect()
    }

    /// All mails so far, those to the administrator left out.
    pub fn mail(&self) -> Vec<Letter> {
        self.letters().into_iter().filter(|letter| letter.to != "admin@test.example").collect()
    }

    /// The only mail so far.
    pub fn one_mail(&self) -> Letter {
        let mut mail = self.mail();
        assert_eq!(mail.len(), 1, "one mail: {:#?}", subjects(&mail));
        mail.remove(0)
    }

    /// All mails to the administrator so far.
    pub fn notices(&self) -> Vec<Letter> {
        self.letters().into_iter().filter(|letter| letter.to == "admin@test.example").collect()
    }

    fn letters(&self) -> Vec<Letter> {
        self.mailer.kept().into_iter().map(|kept| self.letter(&kept)).collect()
    }

    fn letter(&self, kept: &Kept) -> Letter {
        let parsed = mail_parser::MessageParser::default().parse(&kept.bytes).unwrap();
        let bracketed = |id: &str| format!("<{id}>");
        let references = match parsed.references() {
            mail_parser::HeaderValue::Text(id) => vec![bracketed(id)],
            mail_parser::HeaderValue::TextList(ids) => ids.iter().map(|id| bracketed(id)).collect(),
            _ => Vec::new(),
        };
        Letter {
            to: kept.to.clone(),
            subject: parsed.subject().unwrap_or_default().to_owned(),
            text: self.shown(&parsed.body_text(0).unwrap_or_default()),
            id: bracketed(parsed.message_id().unwrap_or_default()),
            references,
            bytes: kept.bytes.clone(),
        }
    }

    /// The ledger, oldest first.
    pub fn ledger(&self) -> Vec<outbox::Entry> {
        let mut lines = outbox::list(&open_read_only(&self.state()).unwrap(), 1000).unwrap();
        lines.reverse();
        lines
    }

    /// The first column of what the store answers.
    pub fn select<T: FromSql>(&self, sql: &str) -> Vec<T> {
        let connection = open_read_only(&self.state()).unwrap();
        let mut statement = connection.prepare(sql).unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// Changes the store as no part of Habar would.
    pub fn tamper(&self, sql: &str) {
        let connection = rusqlite::Connection::open(self.state().join(FILE_NAME)).unwrap();
        connection.busy_timeout(MINUTE).unwrap();
        connection.execute_batch(sql).unwrap();
    }

    /// Texts as the machine needs them: `a.test` is an address on loopback.
    pub fn placed(&self, text: &str) -> String {
        placed(&self.web, text)
    }

    /// The other way round.
    pub fn shown(&self, text: &str) -> String {
        HOSTS
            .iter()
            .zip(1..)
            .fold(text.to_owned(), |text, (host, number)| text.replace(&authority(&self.web, number), host))
    }
}

/// The subjects, for messages of failing tests and for comparisons.
pub fn subjects(mail: &[Letter]) -> Vec<&str> {
    mail.iter().map(|letter| letter.subject.as_str()).collect()
}

const HOSTS: [&str; 6] = ["a.test", "b.test", "c.test", "d.test", "e.test", "f.test"];

fn authority(web: &Web, number: usize) -> String {
    format!("127.0.0.{number}:{}", web.url("/").port().unwrap())
}

fn placed(web: &Web, text: &str) -> String {
    HOSTS
        .iter()
        .zip(1..)
        .fold(text.to_owned(), |text, (host, number)| text.replace(host, &authority(web, number)))
}

/// Reads a config, completed by the sections that every world needs.
fn load(dir: &TempDir, web: &Web, config: &str) -> Config {
    let path = dir.path().join("habar.toml");
    let mut text = placed(web, config);
    let sections: [(&str, &[&str]); 3] = [
        (
            "[mail]",
            &["to = [\"desk@test.example\"]", "from = \"Habar <habar@test.example>\"", "timezone = \"UTC\""],
        ),
        ("[http]", &["host_gap = \"0s\"", "allow_private = [\"127.0.0.0/8\"]"]),
        ("[admin]", &["to = [\"admin@test.example\"]"]),
    ];
    for (section, lines) in sections {
        let (before, own) = text.split_once(section).unwrap_or((&text, ""));
        let missing = lines.iter().filter(|line| {
            let key = line.split(' ').next().unwrap_or_default();
            !own.lines()
                .take_while(|own| !own.trim_start().starts_with('['))
                .any(|own| own.trim_start().starts_with(key))
        });
        let missing: Vec<&str> = missing.copied().collect();
        text = format!("{before}\n{section}\n{}\n{own}", missing.join("\n"));
    }
    std::fs::write(&path, text).unwrap();
    config::load_in(&path, &config::Environment::default()).unwrap_or_else(|errors| panic!("{errors}"))
}
