//! What a poll of 1000 feeds with 30 entries each costs: first all news, then nothing new (304).
//!
//! Runs the release binary as a process of its own against a small server in this one, three times,
//! and where newsboat is installed, that beside it in the same run. Prints one line a figure, medians.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

const FEEDS: usize = 1000;
const ENTRIES: usize = 30;
const RUNS: usize = 3;

const WORDS: [&str; 24] = [
    "minister",
    "summit",
    "economy",
    "trade",
    "corridor",
    "pipeline",
    "market",
    "health",
    "region",
    "border",
    "president",
    "railway",
    "port",
    "transit",
    "culture",
    "festival",
    "weather",
    "snow",
    "climate",
    "river",
    "dam",
    "budget",
    "parliament",
    "wheat",
];

fn main() {
    let site = serve();
    let (mut first, mut again, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        let dir = tempfile::tempdir().expect("a folder for the run");
        let config = dir.path().join("habar.toml");
        fs::write(&config, habar_config(site)).expect("the config is written");
        let state = dir.path().join("state");
        let habar = |all: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_habar"));
            command
                .arg("--quiet")
                .arg("--config")
                .arg(&config)
                .arg("--state")
                .arg(&state)
                .arg("once")
                .args(all);
            cost(&command)
        };
        first.push(habar(&[]));
        again.push(habar(&["--all"]));
        theirs.extend(newsboat(dir.path(), site));
    }
    let (first, again) = (median(&first), median(&again));
    println!("ingest first-poll {:.2} CPU s, {:.0} MiB", first.cpu, first.mib);
    println!("ingest not-modified {:.2} CPU s, {:.0} MiB", again.cpu, again.mib);
    if !theirs.is_empty() {
        let theirs = median(&theirs);
        println!("ingest newsboat-first-poll {:.2} CPU s, {:.0} MiB", theirs.cpu, theirs.mib);
        println!("ingest first-poll/newsboat {:.3}", first.cpu / theirs.cpu);
        println!("ingest not-modified/newsboat {:.3}", again.cpu / theirs.cpu);
    }
}

#[derive(Clone, Copy)]
struct Cost {
    cpu: f64,
    mib: f64,
}

fn median(costs: &[Cost]) -> Cost {
    let middle = |mut figures: Vec<f64>| {
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Cost {
        cpu: middle(costs.iter().map(|cost| cost.cpu).collect()),
        mib: middle(costs.iter().map(|cost| cost.mib).collect()),
    }
}

/// CPU seconds and peak memory of a command, as the shell's `times` and the kernel tell them.
fn cost(command: &Command) -> Cost {
    // The shell's own child is the command: its times are exact, and its memory is read while it runs.
    let script = "\"$@\" >/dev/null 2>&1 & echo $!; wait $!; times";
    let mut shell = Command::new("bash");
    shell.arg("-c").arg(script).arg("bash").arg(command.get_program()).args(command.get_args());
    let mut shell = shell.stdout(Stdio::piped()).spawn().expect("bash is there");
    let mut lines = BufReader::new(shell.stdout.take().expect("a pipe")).lines().map_while(Result::ok);
    let pid = lines.next().unwrap_or_default();
    let watch = std::thread::spawn(move || peak_memory(&pid));
    let times: Vec<String> = lines.collect();
    shell.wait().expect("bash ends");
    let cpu = times.last().map_or(0.0, |children| children.split_whitespace().map(seconds).sum());
    Cost { cpu, mib: watch.join().unwrap_or(0.0) }
}

/// `1m2.345s` in seconds.
fn seconds(text: &str) -> f64 {
    let (minutes, rest) = text.split_once('m').unwrap_or(("0", text));
    let number = |text: &str| text.trim_end_matches('s').parse::<f64>().unwrap_or(0.0);
    number(minutes) * 60.0 + number(rest)
}

fn peak_memory(pid: &str) -> f64 {
    let mut peak: f64 = 0.0;
    while let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) {
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let Some(line) = line else { break };
        peak = peak.max(line.trim().trim_end_matches("kB").trim().parse::<f64>().unwrap_or(0.0) / 1024.0);
        std::thread::sleep(Duration::from_millis(5));
    }
    peak
}

/// `newsboat -x reload` over the same feeds; nothing where it is not installed.
fn newsboat(dir: &Path, site: u16) -> Option<Cost> {
    Command::new("newsboat").arg("-v").output().ok()?;
    let file = |name: &str| dir.join(name);
    fs::write(file("urls"), (0..FEEDS).map(|n| address(site, n) + "\n").collect::<String>()).ok()?;
    fs::write(file("config"), "reload-threads 8\n").ok()?;
    let mut command = Command::new("newsboat");
    command
        .arg("-q")
        .arg("-u")
        .arg(file("urls"))
        .arg("-C")
        .arg(file("config"))
        .arg("-c")
        .arg(file("cache.db"));
    command.args(["-x", "reload"]);
    Some(cost(&command))
}

fn address(site: u16, feed: usize) -> String {
    format!("http://127.1.{}.{}:{site}/f/{feed}.xml", feed % 200 / 250, feed % 200 + 1)
}

fn habar_config(site: u16) -> String {
    let mut config = String::from(
        "[mail]\nfrom = \"Habar <habar@example.org>\"\nto = [\"desk@example.org\"]\n\
         [http]\nallow_private = [\"127.0.0.0/8\"]\nhost_gap = \"0s\"\n\
         [[watch]]\nname = \"OTS\"\nkeywords = [\"Organization of Turkic States\"]\n",
    );
    for feed in 0..FEEDS {
        let _ = write!(config, "[[source]]\nurl = \"{}\"\nfull_text = false\n", address(site, feed));
    }
    config
}

/// Serves the feeds on every loopback address, and says on which port.
fn serve() -> u16 {
    let feeds: HashMap<String, (String, String)> = (0..FEEDS)
        .map(|feed| (format!("/f/{feed}.xml"), (format!("\"{feed}-1\""), document(feed))))
        .collect();
    let feeds = Arc::new(feeds);
    let listener = TcpListener::bind("0.0.0.0:0").expect("a port is free");
    let port = listener.local_addr().expect("it is bound").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let feeds = Arc::clone(&feeds);
            std::thread::spawn(move || answer(stream, &feeds));
        }
    });
    port
}

/// Answers the requests of one connection until it closes.
fn answer(stream: TcpStream, feeds: &HashMap<String, (String, String)>) -> Option<()> {
    let mut requests = BufReader::new(stream.try_clone().ok()?).lines();
    let mut stream = stream;
    loop {
        let path = requests.next()?.ok()?.split(' ').nth(1)?.to_owned();
        let mut known = None;
        loop {
            let line = requests.next()?.ok()?;
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(": ") {
                known =
                    if name.eq_ignore_ascii_case("if-none-match") { Some(value.to_owned()) } else { known };
            }
        }
        let reply = match feeds.get(&path) {
            Some((tag, _)) if known.as_ref() == Some(tag) => {
                format!("HTTP/1.1 304 Not Modified\r\nETag: {tag}\r\n\r\n")
            }
            Some((tag, body)) => format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/rss+xml\r\nETag: {tag}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ),
            None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_owned(),
        };
        stream.write_all(reply.as_bytes()).ok()?;
    }
}

fn document(feed: usize) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel><title>Outlet {feed}</title>\
         <link>http://outlet{feed}.example/</link><description>World feed {feed}</description>"
    );
    for entry in 0..ENTRIES {
        let mut words = Words((feed * 1_000_003 + entry) as u64 + 1);
        let hit = if (feed + entry).is_multiple_of(100) {
            " Leaders of the Organization of Turkic States met."
        } else {
            ""
        };
        let _ = write!(
            text,
            "<item><title>{}</title><link>http://outlet{feed}.example/a/{entry}.html</link>\
             <guid isPermaLink=\"false\">feed{feed}-item{entry}</guid><description>{}{hit} {}</description></item>",
            words.take(9),
            words.take(44),
            words.take(44)
        );
    }
    text + "</channel></rss>"
}

/// Words in an order that is the same at every run.
struct Words(u64);

impl Words {
    fn take(&mut self, count: usize) -> String {
        let words: Vec<&str> = (0..count)
            .map(|_| {
                self.0 =
                    self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                WORDS[usize::try_from(self.0 >> 33).unwrap_or(0) % WORDS.len()]
            })
            .collect();
        words.join(" ") + "."
    }
}
