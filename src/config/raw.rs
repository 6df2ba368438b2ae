//! The config as it is written: texts, numbers and lists with their places, nothing checked but their types.
//!
//! Every table is read key by key when something in it is wrong, so that all mistakes of a file are told at
//! once. An unknown key is always an error: a setting that is silently ignored is worse than none.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _, MapAccess, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use super::diagnostic::{At, Report, suggest};

/// A text, where it is given.
pub type Text = Option<Spanned<String>>;
/// A list of texts, where it is given.
pub type Texts = Option<Spanned<Vec<Spanned<String>>>>;
/// A whole number, where it is given.
pub type Number = Option<Spanned<u32>>;
/// A switch, where it is given.
pub type Switch = Option<Spanned<bool>>;
/// A table of texts, where it is given.
pub type Table = Option<Spanned<BTreeMap<Spanned<String>, Spanned<Entry>>>>;

/// A text in a table, or where it is: `{ file = "…" }`.
#[derive(Clone, PartialEq, Eq)]
pub enum Entry {
    /// The text; it may be a secret.
    Text(String),
    /// The name of the file it is in.
    File(Spanned<String>),
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(…)"),
            Self::File(file) => f.debug_tuple("File").field(file).finish(),
        }
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrFile;

        impl<'de> Visitor<'de> for TextOrFile {
            type Value = Entry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or { file = \"…\" }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Entry, E> {
                Ok(Entry::Text(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entry, A::Error> {
                let Some(key) = map.next_key::<String>()? else {
                    return Err(A::Error::missing_field("file"));
                };
                if key != "file" {
                    return Err(A::Error::unknown_field(&key, &["file"]));
                }
                let file = map.next_value()?;
                match map.next_key::<String>()? {
                    None => Ok(Entry::File(file)),
                    Some(other) => Err(A::Error::unknown_field(&other, &["file"])),
                }
            }
        }

        deserializer.deserialize_any(TextOrFile)
    }
}

/// Names of keys, each with an example.
type Keys = &'static [(&'static str, &'static str)];

/// A table of the config: its keys, each with a value that shows what is meant, and those of later versions.
pub trait Section: Default + DeserializeOwned {
    /// How the table begins in the file.
    const HEADER: &'static str;
    /// Every key with an example.
    const KEYS: Keys;
    /// Keys this version refuses by name, each with what to do instead.
    const LATER: Keys;
    /// Tells it whether a key of its table was refused.
    fn set_flawed(&mut self, flawed: bool);
}

/// Declares a section: its struct, its keys and their examples in one place.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident $header:literal { $($key:ident: $kind:ident = $example:literal,)* } later { $($late:literal = $instead:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            $(#[doc = concat!("`", stringify!($key), " = ", $example, "`")] pub $key: $kind,)*
            /// Whether a key was refused: then nothing is said of what is missing.
            #[serde(skip)]
            pub flawed: bool,
        }

        impl Section for $name {
            const HEADER: &'static str = $header;
            const KEYS: Keys = &[$((stringify!($key), $example),)*];
            const LATER: Keys = &[$(($late, $instead),)*];

            fn set_flawed(&mut self, flawed: bool) {
                self.flawed = flawed;
            }
        }
    };
}

section! {
    /// Who is told, by whom, and how mail leaves.
    Mail "[mail]" {
        from: Text = r#""Habar <habar@example.org>""#,
        to: Texts = r#"["desk@example.org"]"#,
        via: Text = r#""smtps://mail.example.org""#,
        user: Text = r#""habar@example.org""#,
        password_file: Text = r#""/etc/habar/smtp.password""#,
        token_file: Text = r#""/etc/habar/smtp.token""#,
        timezone: Text = r#""Asia/Almaty""#,
        language: Text = r#""en""#,
    } later {}
}

section! {
    /// One feed, sitemap or page to poll.
    Source "[[source]]" {
        url: Text = r#""https://example.org/feed.xml""#,
        name: Text = r#""Example""#,
        tags: Texts = r#"["kz", "agency"]"#,
        max_interval: Text = r#""20m""#,
        kind: Text = r#""page""#,
        item: Text = r#""article.card""#,
        link: Text = r#""a""#,
        title: Text = r#""h2""#,
        date: Text = r#""time""#,
        summary: Text = r#""p.lead""#,
        full_text: Switch = "true",
        allow_private: Switch = "false",
        headers: Table = r#"{ Accept-Language = "tr", X-Api-Key = { file = "/etc/habar/example.key" } }"#,
        auth: Table = r#"{ user = "habar", password_file = "/etc/habar/example.password" }"#,
        proxy: Text = r#""socks5h://127.0.0.1:9050""#,
        proxy_password_file: Text = r#""/etc/habar/proxy.password""#,
    } later {
        "article" = "take it out: the main text of a page is found by itself",
    }
}

section! {
    /// What is looked for, for whom, and when it is told.
    Watch "[[watch]]" {
        name: Text = r#""Organization of Turkic States""#,
        keywords: Texts = r#"["Organization of Turkic States", "OTS"]"#,
        to: Texts = r#"["desk@example.org"]"#,
        sources: Texts = r#"["tag:kz", "-Sputnik"]"#,
        languages: Texts = r#"["tr", "az"]"#,
        deliver: Text = r#""daily 08:00""#,
        quiet: Text = r#""22:00-07:00""#,
        timezone: Text = r#""Asia/Almaty""#,
    } later {
        "query" = "list what to look for: keywords = [\"…\"]",
        "language" = "take it out: mails are written in English",
    }
}

section! {
    /// How often feeds are asked.
    Polling "[polling]" {
        budget: Number = "48",
        floor: Text = r#""15m""#,
        ceiling: Text = r#""60m""#,
    } later {}
}

section! {
    /// How the web is asked.
    Http "[http]" {
        contact: Text = r#""news@example.org""#,
        host_gap: Text = r#""2s""#,
        allow_private: Texts = r#"["127.0.0.0/8"]"#,
        proxy: Text = r#""http://proxy.example.org:3128""#,
        proxy_password_file: Text = r#""/etc/habar/proxy.password""#,
        ca_file: Text = r#""/etc/habar/ca.pem""#,
    } later {}
}

section! {
    /// How pages are read.
    Reading "[reading]" {
        retry: Text = r#""10m""#,
    } later {}
}

section! {
    /// How mail is paced.
    Delivery "[delivery]" {
        gather: Text = r#""45s""#,
        retry: Text = r#""1m""#,
        fold_after: Number = "20",
    } later {}
}

section! {
    /// How long things are kept.
    Store "[store]" {
        keep: Text = r#""1y""#,
    } later {}
}

section! {
    /// Who is told about trouble.
    Admin "[admin]" {
        to: Texts = r#"["admin@example.org"]"#,
    } later {}
}

/// One file, read.
#[derive(Debug, Default)]
pub struct Document {
    /// Packs to read as well.
    pub include: Vec<Spanned<String>>,
    /// `[mail]`
    pub mail: Mail,
    /// `[[source]]`, each with the place of its header.
    pub sources: Vec<Spanned<Source>>,
    /// `[[watch]]`, each with the place of its header.
    pub watches: Vec<Spanned<Watch>>,
    /// `[polling]`
    pub polling: Polling,
    /// `[http]`
    pub http: Http,
    /// `[reading]`
    pub reading: Reading,
    /// `[delivery]`
    pub delivery: Delivery,
    /// `[store]`
    pub store: Store,
    /// `[admin]`
    pub admin: Admin,
}

/// What a file may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Everything.
    Main,
    /// Sources, watches and further packs.
    Pack,
}

/// The top-level names, in the order of the shipped file, with the keys below them.
pub const TOP: [(&str, &str, Keys); 9] = [
    ("mail", Mail::HEADER, Mail::KEYS),
    ("source", Source::HEADER, Source::KEYS),
    ("watch", Watch::HEADER, Watch::KEYS),
    ("polling", Polling::HEADER, Polling::KEYS),
    ("http", Http::HEADER, Http::KEYS),
    ("reading", Reading::HEADER, Reading::KEYS),
    ("delivery", Delivery::HEADER, Delivery::KEYS),
    ("store", Store::HEADER, Store::KEYS),
    ("admin", Admin::HEADER, Admin::KEYS),
];

/// What follows from a first syntax error is mostly noise.
const SYNTAX_ERRORS: usize = 20;

/// Reads a file that the report knows. Mistakes go into the report; what can be read is returned.
pub fn read(file: usize, role: Role, report: &mut Report) -> Document {
    let text = report.text(file).to_owned();
    let (table, errors) = DeTable::parse_recoverable(&text);
    for error in errors.iter().take(SYNTAX_ERRORS) {
        let span = error.span().unwrap_or(0..0);
        let (message, help) = syntax(error.message(), text.get(span.clone()).unwrap_or(""));
        report.error(&At { file, span }, message, help);
    }
    let mut document = Document::default();
    if errors.is_empty() {
        let mut reader = Reader { report, file };
        for (key, value) in table.get_ref() {
            reader.top(&mut document, role, key, value);
        }
    }
    document
}

/// The parser's words, with what to write where that is clear.
fn syntax(message: &str, text: &str) -> (String, Option<String>) {
    if message == "duplicate key" {
        return (format!("{text:?} is there twice"), Some("take one of the two out".to_owned()));
    }
    if message.starts_with("string values must be quoted") {
        return (
            "text must stand in quotes".to_owned(),
            Some("for example: name = \"Kazinform\"".to_owned()),
        );
    }
    (message.to_owned(), None)
}

type Key<'i> = Spanned<std::borrow::Cow<'i, str>>;

struct Reader<'r> {
    report: &'r mut Report,
    file: usize,
}

impl Reader<'_> {
    fn top(&mut self, into: &mut Document, role: Role, key: &Key<'_>, value: &Spanned<DeValue<'_>>) {
        let name: &str = key.get_ref();
        let known = TOP.iter().find(|(top, _, _)| *top == name);
        if let (Role::Pack, Some((_, header, _))) =
            (role, known.filter(|(top, ..)| !matches!(*top, "source" | "watch")))
        {
            let message = format!("{header} is not allowed in an included file");
            let help = "a pack holds [[source]] and [[watch]]; put the rest into the main file".to_owned();
            return self.report.error(&self.at(key.span()), message, help);
        }
        match name {
            "include" => into.include = self.include(key, value),
            "mail" => into.mail = self.table(key, value),
            "source" => into.sources = self.tables(key, value),
            "watch" => into.watches = self.tables(key, value),
            "polling" => into.polling = self.table(key, value),
            "http" => into.http = self.table(key, value),
            "reading" => into.reading = self.table(key, value),
            "delivery" => into.delivery = self.table(key, value),
            "store" => into.store = self.table(key, value),
            "admin" => into.admin = self.table(key, value),
            "webhook" => self.later(key, "use addresses as recipients: to = [\"desk@example.org\"]"),
            _ => self.unknown_top(key),
        }
    }

    fn include(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Spanned<String>> {
        let read = ValueDeserializer::from(value.clone());
        Vec::deserialize(read).unwrap_or_else(|error| {
            self.wrong_type(key.get_ref(), r#"["sources/*.toml"]"#, error.span().unwrap_or(value.span()));
            Vec::new()
        })
    }

    fn table<T: Section>(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>) -> T {
        if let DeValue::Table(table) = value.get_ref() {
            return self.section(table);
        }
        self.wrong_shape::<T>(key);
        T::default()
    }

    fn tables<T: Section>(&mut self, key: &Key<'_>, value: &Spanned<DeValue<'_>>) -> Vec<Spanned<T>> {
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_shape::<T>(key);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for item in items {
            if let DeValue::Table(table) = item.get_ref() {
                tables.push(Spanned::new(item.span(), self.section(table)));
            } else {
                self.wrong_shape::<T>(key);
            }
        }
        tables
    }

    fn section<T: Section>(&mut self, table: &DeTable<'_>) -> T {
        let mut good = DeTable::new();
        let mut flawed = false;
        for (key, value) in table {
            let name: &str = key.get_ref();
            if let Some((_, instead)) = T::LATER.iter().find(|(late, _)| *late == name) {
                self.later(key, instead);
                flawed = true;
                continue;
            }
            let Some((_, example)) = T::KEYS.iter().find(|(known, _)| *known == name) else {
                self.unknown::<T>(key);
                flawed = true;
                continue;
            };
            let mut alone = DeTable::new();
            alone.insert(key.clone(), value.clone());
            match parse::<T>(alone) {
                Ok(_) => drop(good.insert(key.clone(), value.clone())),
                Err(error) => {
                    self.wrong_type(name, example, error.span().unwrap_or(value.span()));
                    flawed = true;
                }
            }
        }
        let mut section: T = parse(good).unwrap_or_default();
        section.set_flawed(flawed);
        section
    }

    fn later(&mut self, key: &Key<'_>, instead: &str) {
        let message = format!("{:?} is not supported yet by this version of habar", key.get_ref());
        self.report.error(&self.at(key.span()), message, instead.to_owned());
    }

    fn unknown<T: Section>(&mut self, key: &Key<'_>) {
        let name: &str = key.get_ref();
        let known = T::KEYS.iter().map(|(key, _)| *key);
        let help = if let Some(meant) = suggest(name, known.clone()) {
            format!("did you mean {meant:?}?")
        } else if name == "include" {
            "include stands at the top of the file, above the first [section]".to_owned()
        } else if let Some((_, header, _)) = TOP.iter().find(|top| has(top.2, name)) {
            format!("{name:?} belongs under {header}")
        } else {
            format!("{} has {}", T::HEADER, known.collect::<Vec<_>>().join(", "))
        };
        self.report.error(&self.at(key.span()), format!("unknown key {name:?} in {}", T::HEADER), help);
    }

    fn unknown_top(&mut self, key: &Key<'_>) {
        let name: &str = key.get_ref();
        let known = TOP.iter().map(|(top, ..)| *top).chain(["include"]);
        let help = if let Some(meant) = suggest(name, known.clone()) {
            format!("did you mean {meant:?}?")
        } else if let Some((_, header, _)) = TOP.iter().find(|top| has(top.2, name)) {
            format!("{name:?} belongs under {header}")
        } else {
            format!("the file has {}", known.collect::<Vec<_>>().join(", "))
        };
        self.report.error(&self.at(key.span()), format!("unknown key {name:?}"), help);
    }

    fn wrong_type(&mut self, name: &str, example: &str, span: std::ops::Range<usize>) {
        let expected = match example.chars().next() {
            Some('"') => "a text in quotes",
            Some('[') => "a list of texts in quotes",
            Some('{') => "a table of names and texts in quotes",
            Some('t' | 'f') => "true or false",
            _ => "a whole number from 1",
        };
        let message = format!("{name:?} must be {expected}");
        self.report.error(&self.at(span), message, format!("for example: {name} = {example}"));
    }

    fn wrong_shape<T: Section>(&mut self, key: &Key<'_>) {
        let message = format!("{:?} is written as {}", key.get_ref(), T::HEADER);
        let help = format!("write {} on a line of its own and the keys below it", T::HEADER);
        self.report.error(&self.at(key.span()), message, help);
    }

    fn at(&self, span: std::ops::Range<usize>) -> At {
        At { file: self.file, span }
    }
}

fn parse<T: Section>(table: DeTable<'_>) -> Result<T, toml::de::Error> {
    T::deserialize(ValueDeserializer::from(Spanned::new(0..0, DeValue::Table(table))))
}

fn has(keys: &[(&str, &str)], name: &str) -> bool {
    keys.iter().any(|(key, _)| *key == name)
}
