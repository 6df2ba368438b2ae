//! The log of a year can be read: what comes with every poll is not in it, and what changes is, once.

use std::io;
use std::sync::{Arc, Mutex};

use habar::time::HOUR;
use tracing::Level;

use crate::web::Answer;
use crate::world::{World, item, rss};

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn lines(&self) -> Vec<String> {
        let bytes = self.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The lines at `info` of so many sources in so many days. In ten of them one never works, one stops working
/// for a day, and one fails at every seventh poll; the others have news every few hours, and every 20th
/// news is a hit.
async fn lines(sources: usize, days: usize) -> Vec<String> {
    let (kept, _listening) = listen();
    let mut world = World::new(&config(sources)).await;
    let mut number = 0;
    for hour in 0..24 * days {
        for source in 0..sources {
            match source % 10 {
                1 if hour == 0 => world.page(&address(source), Answer::status(500)),
                2 if hour == 24 => world.page(&address(source), Answer::status(503)),
                2 if hour == 48 => world.page(&address(source), Answer::feed(rss(&[]))),
                3 if hour == 0 => {
                    let answer = |n| if n % 7 == 6 { Answer::status(502) } else { Answer::feed(rss(&[])) };
                    world.pages(&address(source), (0..100 * days).map(answer));
                }
                _ if hour == 0 => world.page(&address(source), Answer::feed(rss(&[]))),
                1..=3 => {}
                _ if (source + hour) % 4 == 0 => {
                    number += 1;
                    let about = if number % 20 == 0 { "railway" } else { "weather" };
                    let link = format!("http://a.test/{number}.html");
                    let summary = format!("{about} {}", format!("word{number} ").repeat(30));
                    world.publish(
                        &address(source),
                        item(&link, &format!("Number {number}")).summary(&summary),
                    );
                }
                _ => {}
            }
        }
        world.pass(HOUR).await;
    }
    kept.lines()
}

/// Keeps what is logged at `info` on this thread, as long as the second lives.
fn listen() -> (Kept, (tracing::subscriber::DefaultGuard, tracing::Dispatch)) {
    // With one subscriber alone, tracing asks that of the thread on which an event comes first, which may be another
    // test's and have none; nobody would ever see such an event then.
    let second = tracing::Dispatch::new(tracing_subscriber::registry());
    let kept = Kept::default();
    let writer = kept.clone();
    let log = tracing_subscriber::fmt().with_max_level(Level::INFO).with_ansi(false).without_time();
    let listening = tracing::subscriber::set_default(log.with_writer(move || writer.clone()).finish());
    (kept, (listening, second))
}

fn address(source: usize) -> String {
    format!("http://{}.test/{source}.xml", ["a", "b", "c", "d", "e", "f"][source % 6])
}

fn config(sources: usize) -> String {
    let source = |n| format!("[[source]]\nurl = \"{}\"\nfull_text = false\n", address(n));
    let sources: String = (0..sources).map(source).collect();
    format!("[[watch]]\nname = \"Rail\"\nkeywords = [\"railway\"]\n{sources}")
}

#[tokio::test]
async fn what_changes_is_logged_once_and_polls_are_not() {
    let lines = lines(10, 3).await;
    let count = |words: &str| lines.iter().filter(|line| line.contains(words)).count();
    assert_eq!(count("source works source"), 9, "{lines:#?}");
    assert_eq!(count("source does not work"), 1, "{lines:#?}");
    assert_eq!(
        (count("source fails"), count("source works again")),
        (1, 1),
        "hiccups are not told: {lines:#?}"
    );
    let mails = count("mail sent");
    assert!(mails > 3, "{lines:#?}");
    assert_eq!(count("sources have never worked"), 1, "{lines:#?}");
    assert_eq!(lines.len(), 13 + mails, "and nothing else: {lines:#?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_source_that_works_is_logged_when_it_begins_and_when_it_ends() {
    let (kept, _listening) = listen();
    let world = World::new(&format!("{}{}", config(1), crate::asking::SLOW)).await;
    let page = |newest: usize| {
        let story = |n: usize| item(&format!("http://a.test/{n}.html"), &format!("Number {n}"));
        world
            .page(&address(0), Answer::feed(rss(&(newest..newest + 5).rev().map(story).collect::<Vec<_>>())));
    };
    page(1);
    world.pass(7 * HOUR).await;
    page(50);
    world.pass(7 * HOUR).await;
    world.page(&address(0), Answer::status(500));
    world.pass(30 * HOUR).await;
    page(51);
    world.pass(190 * HOUR).await;
    let lines = kept.lines();
    let told: Vec<&str> = lines.iter().filter_map(|line| line.split("care: ").nth(1)).collect();
    let told: Vec<&str> = told.iter().map(|line| line.split(" source=").next().unwrap_or_default()).collect();
    let expected = ["source works", "source may lose entries", "source has lost nothing for a week"];
    assert_eq!(told, expected, "{lines:#?}");
}

/// A week of as many sources as a region has: `cargo test --test it logs:: -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "takes minutes and prints a figure"]
async fn a_week_of_150_sources() {
    let lines = lines(150, 7).await;
    let mails = lines.iter().filter(|line| line.contains("mail sent")).count();
    println!("a week of 150 sources: {} lines, of which {mails} are mails sent", lines.len());
}
