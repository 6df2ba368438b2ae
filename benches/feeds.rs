//! How fast feeds are read, by which reader, and what those cost that mean harm:
//! `cargo bench --bench feeds -- DIR_OR_INDEX`, on one thread.
//!
//! The argument is a folder of feeds, or a JSONL file that names one in `file` on each line (from its own folder;
//! `content_type` and `url` where they are known). Without one, feeds are made up. `mutants N` reads so many feeds
//! at random in place of all that. Prints one line a figure.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use habar::domain::feed;
use url::Url;

#[path = "../tests/it/week/chance.rs"]
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
mod chance;
#[path = "../tests/it/feeds/hostile.rs"]
mod hostile;
#[path = "../tests/it/feeds/mutants.rs"]
mod mutants;

/// The same documents are read so many times; the median counts.
const ROUNDS: usize = 5;
/// As much as is ever read of a document.
const LONGEST: usize = 16 * 1024 * 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [mode, count] = arguments.as_slice() {
        assert_eq!(mode, "mutants");
        return many_mutants(count.parse().expect("a number"));
    }
    let documents = match arguments.first() {
        Some(path) => stored(Path::new(path)),
        None => made_up(),
    };
    speed(&documents);
    harm();
}

struct Document {
    body: Vec<u8>,
    content_type: Option<String>,
    url: Option<Url>,
}

impl Document {
    fn read(&self) -> Result<feed::Document, feed::FeedError> {
        feed::parse(&self.body, self.content_type.as_deref(), self.url.as_ref())
    }
}

fn speed(documents: &[Document]) {
    let bytes: usize = documents.iter().map(|document| document.body.len()).sum();
    let (mut readers, mut entries) = (BTreeMap::<String, (usize, usize)>::new(), 0);
    for document in documents {
        let reader = document.read().map_or("none".to_owned(), |read| {
            entries += read.entries.len();
            read.reader.to_string()
        });
        let (count, length) = readers.entry(reader).or_default();
        *count += 1;
        *length += document.body.len();
    }
    let took = median((0..ROUNDS).map(|_| {
        let begun = seconds();
        for document in documents {
            drop(std::hint::black_box(document.read()));
        }
        seconds() - begun
    }));
    println!("feeds documents {} of {:.1} MB", documents.len(), mega(bytes));
    println!("feeds parse {:.1} MB/s", mega(bytes) / took);
    println!("feeds entries {:.0} entries/s", share(entries, 1) / took);
    for (reader, (count, length)) in readers {
        println!(
            "feeds read-by {reader}: {:.1} % of documents, {:.1} % of bytes",
            100.0 * share(count, documents.len()),
            100.0 * share(length, bytes)
        );
    }
}

/// What is asked of no publisher, as long as a document may be.
fn harm() {
    let mut costs: Vec<(f64, f64, String)> = Vec::new();
    for (name, body) in hostile::documents(LONGEST - 1024) {
        forget_peak();
        let before = peak();
        let begun = seconds();
        drop(std::hint::black_box(feed::parse(&body, None, None)));
        costs.push((seconds() - begun, peak() - before, name));
    }
    let items = |number: usize| {
        format!(
            "<item><title>Title {number}</title><link>https://a.example/{number}</link><guid>{number}</guid></item>"
        )
    };
    let many: String = (0..100_000).map(items).collect();
    let many = format!("<rss version=\"2.0\"><channel>{many}</channel></rss>");
    forget_peak();
    let (before, begun) = (peak(), seconds());
    let read = feed::parse(many.as_bytes(), None, None).expect("they can be read");
    println!(
        "feeds 100000-entries {:.2} CPU s, {:.0} MiB over {} entries",
        seconds() - begun,
        peak() - before,
        read.entries.len()
    );
    let most = |of: fn(&(f64, f64, String)) -> f64| {
        costs.iter().max_by(|a, b| of(a).total_cmp(&of(b))).expect("there are some")
    };
    let (slowest, largest) = (most(|cost| cost.0), most(|cost| cost.1));
    println!("feeds hostile {} documents of {:.0} MB", costs.len(), mega(LONGEST));
    println!("feeds hostile-slowest {:.2} CPU s: {}", slowest.0, slowest.2);
    println!("feeds hostile-largest {:.0} MiB beside the document: {}", largest.1, largest.2);
}

fn many_mutants(count: usize) {
    let begun = seconds();
    let seed = u64::try_from(count).unwrap_or(0);
    mutants::read_many(seed, count);
    mutants::read_dates(seed, count);
    println!("feeds mutants {count} in {:.1} CPU s", seconds() - begun);
}

fn stored(path: &Path) -> Vec<Document> {
    if path.is_dir() {
        let mut files = Vec::new();
        list(path, &mut files);
        files.sort();
        return files.iter().filter_map(|file| document(file, &serde_json::Value::Null)).collect();
    }
    let index = fs::read_to_string(path).expect("the index can be read");
    let lines = index.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let folder = path.parent().expect("a file lies in a folder");
    lines.filter_map(|line| document(&folder.join(line["file"].as_str()?), &line)).collect()
}

fn document(file: &Path, line: &serde_json::Value) -> Option<Document> {
    Some(Document {
        body: fs::read(file).ok()?,
        content_type: line["content_type"].as_str().map(str::to_owned),
        url: line["url"].as_str().and_then(|url| Url::parse(url).ok()),
    })
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { list(&path, files) } else { files.push(path) }
    }
}

/// As feeds are on the average: most are sound RSS, some name pictures, one in ten is Atom.
fn made_up() -> Vec<Document> {
    let mut chance = chance::Chance::new(1);
    let document = |number: usize, chance: &mut chance::Chance| {
        let body = match number % 20 {
            0 | 1 => atom(chance),
            2 => rss(chance, "<media:thumbnail url='x'/>", "Mon, 23 Nov 2026 10:00:00 +0300"),
            3 => rss(chance, "", "23 Kasım 2026 10:00"),
            4 => rss(chance, "<author>a &b c</author>", "2026-11-23 10:00"),
            5 => json(chance),
            _ => rss(chance, "", "Mon, 23 Nov 2026 10:00:00 +0300"),
        };
        Document { body: body.into_bytes(), content_type: None, url: None }
    };
    (0..600).map(|number| document(number, &mut chance)).collect()
}

fn rss(chance: &mut chance::Chance, more: &str, date: &str) -> String {
    let items = (0..25).map(|number| {
        format!(
            "<item><title>{}</title><link>https://a.example/{number}</link><guid>{number}</guid><pubDate>{date}</pubDate>\
             {more}<description>&lt;p&gt;{}&lt;/p&gt;</description></item>\n",
            chance.words(8),
            chance.words(250)
        )
    });
    format!(
        "<?xml version=\"1.0\"?><rss version=\"2.0\"><channel><title>T</title>{}</channel></rss>",
        items.collect::<String>()
    )
}

fn atom(chance: &mut chance::Chance) -> String {
    let entries = (0..25).map(|number| {
        format!(
            "<entry><id>urn:{number}</id><title>{}</title><link href=\"https://a.example/{number}\"/>\
             <updated>2026-11-23T10:00:00Z</updated><content type=\"html\"><![CDATA[<p>{}</p>]]></content></entry>\n",
            chance.words(8),
            chance.words(250)
        )
    });
    format!(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>T</title>{}</feed>",
        entries.collect::<String>()
    )
}

fn json(chance: &mut chance::Chance) -> String {
    let items: Vec<String> = (0..25)
        .map(|number| {
            format!(
                "{{\"id\":{number},\"url\":\"https://a.example/{number}\",\"title\":\"{}\",\"content_html\":\"<p>{}</p>\"}}",
                chance.words(8),
                chance.words(250)
            )
        })
        .collect();
    format!("{{\"version\":\"https://jsonfeed.org/version/1.1\",\"items\":[{}]}}", items.join(","))
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn mega(bytes: usize) -> f64 {
    share(bytes, 1_000_000)
}

fn share(part: usize, of: usize) -> f64 {
    Duration::from_micros(part as u64).as_secs_f64() / Duration::from_micros(of as u64).as_secs_f64()
}

/// What this process has had of the processors, whoever else wants them.
fn seconds() -> f64 {
    let at = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    let (whole, nanos) = (at.tv_sec.unsigned_abs(), u32::try_from(at.tv_nsec).unwrap_or(0));
    Duration::new(whole, nanos).as_secs_f64()
}

/// The kernel counts the peak of this process's memory anew.
fn forget_peak() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that was in use, in MiB.
fn peak() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0
}
