//! What a store of 200,000 articles costs beside an empty one: commands, polls, retention, a copy.
//!
//! Runs the release binary as a process of its own, in turn on both stores. Prints one line a figure: the
//! empty store first, then the full one. Arguments: the number of articles, the number of letters in each, and
//! the parts to run (commands, cold, polls, copy, retention; all without any).

#[path = "../tests/it/grown.rs"]
mod grown;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use habar::io::store::{FILE_NAME, Store};
use habar::time::{Clock, DAY};
use rusqlite::Connection;

const FEEDS: usize = 500;
/// So many of them have news in each round.
const BUSY: usize = 100;
const ENTRIES: usize = 30;
const ROUNDS: usize = 5;
const LOOKS: usize = 15;

fn main() {
    let figures: Vec<i64> = std::env::args().filter_map(|argument| argument.parse().ok()).collect();
    let articles = figures.first().copied().unwrap_or(200_000);
    let letters = figures.get(1).and_then(|letters| usize::try_from(*letters).ok()).unwrap_or(3000);
    let news = News::serve();
    let dir = tempfile::tempdir().expect("a folder for the run");
    let file = |full_text| {
        let path = dir.path().join(format!("{full_text}.toml"));
        fs::write(&path, news.config(full_text)).expect("the config is written");
        path
    };
    let begun = Instant::now();
    let bench = Bench {
        empty: stored(&dir.path().join("empty"), 0, letters, &news),
        full: stored(&dir.path().join("full"), articles, letters, &news),
        config: file(false),
        config_with_pages: file(true),
        news,
    };
    let bytes = fs::metadata(bench.full.join(FILE_NAME)).map_or(0, |file| file.len());
    println!(
        "bigstore made {articles} articles, {} MB in {:.1} s",
        bytes / 1_000_000,
        begun.elapsed().as_secs_f64()
    );
    let parts: [(&str, Part); 5] = [
        ("commands", Bench::commands),
        ("cold", Bench::cold),
        ("polls", Bench::polls),
        ("copy", Bench::copy),
        ("retention", Bench::retention),
    ];
    let asked: Vec<String> = std::env::args().collect();
    let all = !parts.iter().any(|(name, _)| asked.iter().any(|asked| asked == name));
    for (name, part) in parts {
        if all || asked.iter().any(|asked| asked == name) {
            part(&bench);
        }
    }
}

fn stored(dir: &Path, articles: i64, text: usize, news: &News) -> PathBuf {
    let messages = if articles == 0 { 0 } else { 5000 };
    let size = grown::Size { articles, messages, text, mail: 12_000, days: 300 };
    let sources: Vec<String> = (0..FEEDS).map(|feed| news.address(feed)).collect();
    grown::grow(dir, &sources, size, Clock::System.now()).expect("the store is filled");
    dir.to_owned()
}

type Part = fn(&Bench);

struct Bench {
    empty: PathBuf,
    full: PathBuf,
    config: PathBuf,
    config_with_pages: PathBuf,
    news: News,
}

impl Bench {
    fn habar(&self, state: &Path, arguments: &[&str]) -> Cost {
        habar(&self.config, state, arguments)
    }

    /// Both stores in turn, so that what else the machine does hits both.
    fn both(&self, rounds: usize, arguments: &[&str]) -> (Cost, Cost) {
        let (mut empty, mut full) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            empty.push(self.habar(&self.empty, arguments));
            full.push(self.habar(&self.full, arguments));
        }
        (median(&empty), median(&full))
    }

    fn commands(&self) {
        for arguments in [&["--version"][..], &["status"], &["feeds"], &["outbox"], &["once"]] {
            let (empty, full) = self.both(LOOKS, arguments);
            let name = arguments.join(" ");
            println!("bigstore {name} {:.1} ms, {:.1} ms", empty.millis, full.millis);
            println!("bigstore {name} memory {:.0} MiB, {:.0} MiB", empty.mib, full.mib);
        }
    }

    /// Nothing of the file is in memory.
    fn cold(&self) {
        for command in ["status", "feeds", "outbox", "once"] {
            let cold = |state: &Path| {
                let _ = Command::new("sync").status();
                fs::write("/proc/sys/vm/drop_caches", "3").ok()?;
                // What the program itself is made of is warm.
                self.habar(state, &["--version"]);
                Some(self.habar(state, &[command]).millis)
            };
            if let (Some(empty), Some(full)) = (cold(&self.empty), cold(&self.full)) {
                println!("bigstore {command} cold {empty:.1} ms, {full:.1} ms");
            }
        }
    }

    /// Feeds whose words are all that is read, and feeds whose pages are read.
    fn polls(&self) {
        self.poll("poll", &self.config, ROUNDS);
        self.poll("poll-and-pages", &self.config_with_pages, 2);
    }

    fn poll(&self, name: &str, config: &Path, rounds: usize) {
        let (mut empty, mut full) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            self.news.round.fetch_add(1, Ordering::Relaxed);
            for (state, costs) in [(&self.empty, &mut empty), (&self.full, &mut full)] {
                // Only what the program itself does is counted: the pages written before are on the disk.
                let _ = Command::new("sync").status();
                call(state);
                costs.push(habar(config, state, &["once"]));
            }
        }
        let (empty, full) = (median(&empty), median(&full));
        println!("bigstore {name}-{BUSY}x{ENTRIES} {:.2} CPU s, {:.2} CPU s", empty.cpu, full.cpu);
        println!("bigstore {name}-{BUSY}x{ENTRIES} {:.0} ms, {:.0} ms", empty.millis, full.millis);
        println!("bigstore {name}-{BUSY}x{ENTRIES} {:.0} MiB, {:.0} MiB", empty.mib, full.mib);
        println!(
            "bigstore {name} full/empty {:.2} CPU, {:.2} wall",
            full.cpu / empty.cpu,
            full.millis / empty.millis
        );
    }

    /// A copy is made while somebody writes.
    fn copy(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let store = Store::open(&self.full, Clock::System.now()).expect("the store opens");
        let (source, target) = (self.full.join(FILE_NAME), self.full.join("copy.db"));
        let done = Arc::new(AtomicBool::new(false));
        let copied = Arc::clone(&done);
        let copying = std::thread::spawn(move || {
            let begun = Instant::now();
            let connection = Connection::open(source).expect("it can be read");
            connection.execute("VACUUM INTO ?1", [target.to_string_lossy()]).expect("it can be copied");
            copied.store(true, Ordering::Relaxed);
            begun.elapsed()
        });
        let mut writes = Vec::new();
        while !done.load(Ordering::Relaxed) {
            let begun = Instant::now();
            runtime.block_on(store.heed_requests()).expect("it can be written");
            writes.push(millis(begun.elapsed()));
            std::thread::sleep(Duration::from_millis(2));
        }
        let took = copying.join().expect("the copy is made");
        println!("bigstore copy {:.1} s, writes beside it {}", took.as_secs_f64(), spread(writes));
    }

    /// Everything is too old at once: how long one step holds the writer.
    fn retention(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let now = Clock::System.now();
        let begun = Instant::now();
        let store = Store::open(&self.full, now).expect("the store opens");
        println!("bigstore open {:.1} ms", millis(begun.elapsed()));
        let (mut steps, mut rows) = (Vec::new(), 0);
        let started = Instant::now();
        loop {
            let begun = Instant::now();
            let step = runtime.block_on(store.forget_before(now + DAY)).expect("it can be written");
            steps.push(millis(begun.elapsed()));
            rows += step;
            if step == 0 {
                break;
            }
        }
        println!(
            "bigstore retention {rows} rows in {:.1} s, steps {}",
            started.elapsed().as_secs_f64(),
            spread(steps)
        );
        drop(store);
        let kept = Connection::open(self.full.join(FILE_NAME)).expect("the store opens");
        let pages =
            |of: &str| kept.query_row(&format!("PRAGMA {of}"), [], |row| row.get::<_, i64>(0)).unwrap_or(0);
        let (all, free) = (pages("page_count"), pages("freelist_count"));
        println!(
            "bigstore after retention {} MB in use of {} MB",
            (all - free) * 4096 / 1_000_000,
            all * 4096 / 1_000_000
        );
    }
}

fn habar(config: &Path, state: &Path, arguments: &[&str]) -> Cost {
    let mut command = Command::new(env!("CARGO_BIN_EXE_habar"));
    command.arg("--quiet").arg("--config").arg(config).arg("--state").arg(state).args(arguments);
    cost(&command)
}

/// The busy feeds are due; another process asks for them.
fn call(state: &Path) {
    let store = Connection::open(state.join(FILE_NAME)).expect("the store opens");
    store
        .execute(
            "UPDATE feeds SET due_at = 1, due_reason = 'rhythm' WHERE id <= ?1",
            [i64::try_from(BUSY).unwrap_or(0)],
        )
        .expect("it can be written");
}

fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn spread(mut figures: Vec<f64>) -> String {
    figures.sort_by(f64::total_cmp);
    let at = |part: usize| {
        figures.get((figures.len() * part / 100).min(figures.len() - 1)).copied().unwrap_or(0.0)
    };
    format!("{} of median {:.1} ms, p99 {:.1} ms, most {:.1} ms", figures.len(), at(50), at(99), at(100))
}

#[derive(Clone, Copy)]
struct Cost {
    millis: f64,
    cpu: f64,
    mib: f64,
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |figure: fn(&Cost) -> f64| {
        let mut figures: Vec<f64> = costs.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Cost { millis: middle(|c| c.millis), cpu: middle(|c| c.cpu), mib: middle(|c| c.mib) }
}

/// Time on the wall and on the processors, and peak memory, of a command.
fn cost(command: &Command) -> Cost {
    // The shell's own child is the command: its times are exact.
    let script = "TIMEFORMAT='%R %U %S'; time { \"$@\" >/dev/null 2>&1 & echo $!; wait $!; }";
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(script).arg("bash").arg(command.get_program()).args(command.get_args());
    let mut shell = shell.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("bash is there");
    let mut pid = String::new();
    let read = BufReader::new(shell.stdout.take().expect("a pipe")).read_line(&mut pid);
    let watch = std::thread::spawn(move || peak_memory(pid.trim()));
    let times = BufReader::new(shell.stderr.take().expect("a pipe")).lines().map_while(Result::ok).last();
    shell.wait().expect("bash ends");
    read.expect("it says which process it is");
    let times: Vec<f64> = times.unwrap_or_default().split(' ').filter_map(|time| time.parse().ok()).collect();
    let [wall, user, system] = times[..] else { panic!("bash tells the time: {times:?}") };
    Cost { millis: wall * 1000.0, cpu: user + system, mib: watch.join().unwrap_or(0.0) }
}

fn peak_memory(pid: &str) -> f64 {
    let mut peak: f64 = 0.0;
    while let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let Some(line) = line else { break };
        peak = peak.max(line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0);
        std::thread::sleep(Duration::from_millis(2));
    }
    peak
}

/// Feeds that have other entries in every round.
struct News {
    port: u16,
    round: Arc<AtomicUsize>,
}

impl News {
    fn serve() -> Self {
        let listener = TcpListener::bind("0.0.0.0:0").expect("a port is free");
        let port = listener.local_addr().expect("it is bound").port();
        let round = Arc::new(AtomicUsize::new(0));
        let present = Arc::clone(&round);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let present = Arc::clone(&present);
                std::thread::spawn(move || answer(stream, &present));
            }
        });
        Self { port, round }
    }

    fn address(&self, feed: usize) -> String {
        format!("http://127.1.{}.{}:{}/f/{feed}.xml", feed / 250, feed % 250 + 1, self.port)
    }

    fn config(&self, full_text: bool) -> String {
        let mut config = String::from(
            "[mail]\nfrom = \"Habar <habar@example.org>\"\nto = [\"desk@example.org\"]\n\
             [http]\nallow_private = [\"127.0.0.0/8\"]\nhost_gap = \"0s\"\n\
             [[watch]]\nname = \"Rail\"\nkeywords = [\"Organization of Turkic States\"]\n",
        );
        for feed in 0..FEEDS {
            let _ = write!(config, "[[source]]\nurl = \"{}\"\nfull_text = {full_text}\n", self.address(feed));
        }
        config
    }
}

fn answer(stream: TcpStream, round: &AtomicUsize) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines();
    let mut stream = stream;
    let host = stream.local_addr().ok()?.to_string();
    loop {
        let request = lines.next()?.ok()?;
        while !lines.next()?.ok()?.is_empty() {}
        let mut path = request.split(' ').nth(1)?.split(['/', '.']).skip(1);
        let (kind, number) = (path.next()?, path.next().and_then(|number| number.parse().ok()));
        let (status, body) = match (kind, number) {
            ("f", Some(feed)) => ("200 OK", document(&host, feed, round.load(Ordering::Relaxed))),
            ("p", Some(number)) => ("200 OK", page(number)),
            _ => ("404 Not Found", String::new()),
        };
        let kind = if kind == "f" { "application/rss+xml" } else { "text/html; charset=utf-8" };
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n", body.len());
        stream.write_all((head + &body).as_bytes()).ok()?;
    }
}

fn document(host: &str, feed: usize, round: usize) -> String {
    let mut text = format!("<rss version=\"2.0\"><channel><title>Outlet {feed}</title>");
    for entry in 0..ENTRIES {
        let number = (round * FEEDS + feed) * ENTRIES + entry;
        let _ = write!(
            text,
            "<item><title>Number {number} of the news</title><link>http://{host}/p/{number}.html</link>\
             <guid isPermaLink=\"false\">{number}</guid><description>{}</description></item>",
            words(number, 60)
        );
    }
    text + "</channel></rss>"
}

/// An article of 3 kB between as much else as sites have.
fn page(number: usize) -> String {
    let link = |n: usize| format!("<li class=\"menu-item\"><a href=\"/section/{n}\">Section {n}</a></li>");
    let menu = (0..120).fold(String::new(), |all, n| all + &link(n));
    let paragraphs = (0..8).fold(String::new(), |all, n| all + "<p>" + &words(number * 8 + n, 40) + "</p>");
    format!(
        "<!DOCTYPE html><html lang=\"en\"><head><title>Number {number} of the news</title></head><body>\
         <nav><ul>{menu}</ul></nav><article><h1>Number {number} of the news</h1>{paragraphs}</article>\
         <aside><ul>{menu}</ul></aside></body></html>"
    )
}

fn words(number: usize, count: usize) -> String {
    let hit = if number.is_multiple_of(100) { "The Organization of Turkic States met. " } else { "" };
    (0..count).fold(hit.to_owned(), |text, word| text + &format!("word{} ", number * count + word))
}
