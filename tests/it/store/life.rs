//! Which article a person means, by its link or its title, and what the store tells of it.

use super::*;
use habar::io::store::life::{self, Candidate};
use habar::io::store::open_read_only;

const TITLES: [(&str, &str); 5] = [
    ("Tokayev backs OTS+ format in Gabala", "https://www.pages.example/news/gabala?utm_source=rss"),
    ("Türk Devletleri Teşkilatının zirvesi", "https://pages.example/news/zirve/"),
    ("Саммит в Габале: итоги", "https://pages.example/news/itogi"),
    ("Weather", "https://pages.example/weather/1"),
    ("Weather", "https://pages.example/weather/2"),
];

/// Entries of these titles and links, numbered from 1.
async fn rig() -> Rig {
    let rig = Rig::new(&[FEED]).await;
    let entries = (1..).zip(TITLES).map(|(number, (title, link))| NewEntry {
        title: title.to_owned(),
        link: Some(link.to_owned()),
        host: None,
        ..entry(number)
    });
    let newest_first: Vec<_> = entries.collect::<Vec<_>>().into_iter().rev().collect();
    rig.publish(NOW, newest_first).await;
    rig
}

fn ids(found: rusqlite::Result<Vec<Candidate>>) -> Vec<i64> {
    found.unwrap().into_iter().map(|article| article.id).collect()
}

#[tokio::test]
async fn an_article_is_found_by_any_way_to_write_its_link() {
    let rig = rig().await;
    let connection = open_read_only(rig.path()).unwrap();
    for (link, found) in [
        ("https://www.pages.example/news/gabala?utm_source=rss", &[1][..]),
        ("http://pages.example/news/gabala", &[1]),
        ("https://pages.example/news/gabala/?fbclid=1#top", &[1]),
        ("https://www.pages.example/news/zirve", &[2]),
        ("https://pages.example/news/gab", &[]),
        ("https://pages.example/", &[]),
        ("https://other.example/news/gabala", &[]),
    ] {
        assert_eq!(ids(life::by_link(&connection, link)), found, "{link}");
    }
}

#[tokio::test]
async fn an_article_is_found_by_the_address_that_its_page_names() {
    let rig = rig().await;
    for lease in rig.claim_pageless(NOW).await {
        let own = format!("https://pages.example/own/{}", lease.job.id);
        let plan = ReadPlan { article: Some(article(Some(&own), Some(words(lease.job.id)))), ..read(NOW) };
        assert_eq!(rig.settle_read(lease, plan).await, Settled::Written);
    }
    let connection = open_read_only(rig.path()).unwrap();
    assert_eq!(ids(life::by_link(&connection, "http://www.pages.example/own/3?utm_medium=x")), [3]);
}

#[tokio::test]
async fn an_article_is_found_by_a_part_of_its_title() {
    let rig = rig().await;
    rig.run("INSERT INTO stories (first_at) VALUES (0);
         INSERT INTO articles (entry_id, story_id, full, title, placed_at) VALUES (4, 1, 1, 'Storm over Baku', 0)");
    let connection = open_read_only(rig.path()).unwrap();
    for (title, found) in [
        ("Tokayev backs OTS+ format in Gabala", &[1][..]),
        ("tokayev BACKS ots", &[1]),
        ("turk devletleri teskilatinin", &[]), // ı is a letter of its own
        ("türk devletleri teşkilatının", &[2]),
        ("turk devletleri", &[2]),
        ("саммит в габале итоги", &[3]),
        ("Weather", &[5, 4]),
        ("weath", &[5, 4]),
        ("storm over", &[4]),
        ("Storm over Baku", &[4]),
        ("nothing like it", &[]),
        ("…", &[]),
    ] {
        assert_eq!(ids(life::by_title(&connection, title)), found, "{title}");
    }
}

#[tokio::test]
async fn an_address_that_nobody_brought_has_sources_that_it_would_come_by() {
    let rig = rig().await;
    let connection = open_read_only(rig.path()).unwrap();
    for (link, sources) in [
        ("https://news.example/1", &[FEED][..]),
        ("https://www.news.example/1", &[FEED]),
        ("https://pages.example/never/seen", &[FEED]), // where its entries lead
        ("https://elsewhere.example/1", &[]),
    ] {
        let found = life::sources_of_site(&connection, link).unwrap();
        let urls: Vec<_> = found.iter().map(|source| source.url.as_str()).collect();
        assert_eq!(urls, sources, "{link}");
    }
}

#[tokio::test]
async fn a_life_has_the_alerts_of_the_story_and_their_mails() {
    let rig = Rig::new(&[FEED]).await;
    rig.told(NOW, entry(1), &[1], NOW).await;
    let open = life::of(&open_read_only(rig.path()).unwrap(), 1).unwrap().unwrap();
    assert_eq!((open.alerts[0].state.as_str(), open.alerts[0].release_at), ("open", NOW));
    assert_eq!((open.entry.found_at, open.article.unwrap().full), (NOW, false));
    let lease = one(rig.claim_recipients(NOW).await);
    let told = NewMessage { alerts: vec![1], ..message(1, b"mail".to_vec()) };
    let plan = ComposePlan { messages: vec![told], ..composed(NOW) };
    let _ = rig.store().settle_compose(lease, plan).await.unwrap();
    let told = life::of(&open_read_only(rig.path()).unwrap(), 1).unwrap().unwrap();
    let mail = told.alerts[0].message.as_ref().unwrap();
    assert_eq!((told.alerts[0].to.as_str(), mail.line.message_id.as_str()), (ANNA, "<1@example.org>"));
    assert_eq!((told.hits.len(), told.others.len()), (1, 0));
    assert!(life::of(&open_read_only(rig.path()).unwrap(), 2).unwrap().is_none());
}
