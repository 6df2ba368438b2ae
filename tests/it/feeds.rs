//! Feeds that mean harm, and feeds at random: none makes the reader panic, none costs more than it should.

#[path = "feeds/hostile.rs"]
pub mod hostile;
#[path = "feeds/mutants.rs"]
pub mod mutants;

use std::time::{Duration, Instant};

use habar::domain::feed;

use crate::week::chance;

#[test]
fn hostile_documents_cost_in_proportion_to_their_length() {
    for (name, body) in hostile::documents(25_000) {
        let began = Instant::now();
        let _ = feed::parse(&body, None, None);
        assert!(began.elapsed() < Duration::from_secs(2), "{name}: {:?}", began.elapsed());
    }
}

#[test]
fn of_endless_lists_the_first_are_read() {
    let items = "<item/>".repeat(100_010);
    let rss = format!("<rss version='2.0'><channel>{items}</channel></rss>");
    let json = format!(
        "{{\"version\":\"https://jsonfeed.org/version/1\",\"items\":[{}{{}}]}}",
        "{},".repeat(100_010)
    );
    for body in [rss, json] {
        assert_eq!(feed::parse(body.as_bytes(), None, None).unwrap().entries.len(), 100_000);
    }
}

#[test]
fn no_mutant_of_a_feed_breaks_the_reader() {
    mutants::read_many(1, 1500);
}

#[test]
fn no_text_breaks_the_reader_of_dates() {
    mutants::read_dates(2, 6000);
}
