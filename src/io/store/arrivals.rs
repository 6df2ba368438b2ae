//! Entries as they come: which of them are new, which are known in other words, and which were known long ago.
//!
//! An entry is looked for by its id; where that is unknown, by where it is and by its title, since publishers
//! give new ids to old entries. Almost every entry of a poll is found by its id, and none is read for it.

use std::borrow::Cow;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::feeds::{Brought, NewEntry};
use super::hosts;
use crate::domain::feed::identity::{self, Likeness, Words};
use crate::time::Timestamp;

/// So many edits of an entry are read at once. Some feeds change their texts at every poll: what is edited
/// more often is read again at most as often as this.
const PROMPT_EDITS: u32 = 8;
const EDIT_PAUSE: std::time::Duration = std::time::Duration::from_hours(6);

/// So many entries with one address are looked at.
const NEIGHBOURS: u32 = 8;

/// Stores what is new or edited of these entries, which stand in the order of their document.
pub(super) fn store_entries(
    tx: &Connection,
    feed: i64,
    first_sight: bool,
    entries: &[NewEntry],
    now: Timestamp,
) -> rusqlite::Result<Brought> {
    let mut brought = Brought::default();
    // Newest last, so that ids grow with time: feeds list the newest first.
    for entry in entries.iter().rev() {
        let (entry, met) = meet(tx, feed, entry)?;
        match met {
            Met::Same => continue,
            Met::New => {
                insert(tx, feed, first_sight, &entry, now)?;
                brought.new.push(entry.published);
            }
            Met::Forgotten => {
                insert(tx, feed, first_sight, &entry, now)?;
                brought.edited += 1;
            }
            Met::Edited(old) => {
                edit(tx, &old, &entry, now)?;
                // Its page may stand on another host now.
                if let Some(host) = old.host {
                    hosts::refresh(tx, host)?;
                }
                brought.edited += 1;
            }
        }
        if let (Some(host), false) = (&entry.host, entry.quiet) {
            let host = hosts::ensure(tx, host)?;
            hosts::refresh(tx, host)?;
        }
    }
    Ok(brought)
}

/// What an entry is to the store.
enum Met {
    /// It is there, and says what it said.
    Same,
    /// It is there, and said something else.
    Edited(Known),
    /// It was there and was forgotten, and said something else: it is stored anew.
    Forgotten,
    New,
}

/// Looks for an entry; where its id belongs to another one, it comes back with an id of its own.
fn meet<'e>(tx: &Connection, feed: i64, entry: &'e NewEntry) -> rusqlite::Result<(Cow<'e, NewEntry>, Met)> {
    let mut entry = Cow::Borrowed(entry);
    if let Some(old) = known(tx, feed, entry.ident)? {
        if old.content == entry.content {
            settle_at(tx, &old, &entry)?;
            return Ok((entry, Met::Same));
        }
        match likeness(tx, &old, &entry)? {
            Likeness::Same => return Ok((entry, Met::Same)),
            Likeness::Edited => return Ok((entry, Met::Edited(old))),
            Likeness::Another => {
                let apart = identity::apart(entry.ident, entry.link.as_deref(), &entry.title);
                entry.to_mut().ident = apart;
            }
        }
    }
    let old = match neighbour(tx, feed, &entry)? {
        None if matches!(entry, Cow::Owned(_)) => known(tx, feed, entry.ident)?,
        old => old,
    };
    let met = match old {
        Some(old) if old.content == entry.content => Met::Same,
        Some(old) if likeness(tx, &old, &entry)? == Likeness::Same => Met::Same,
        Some(old) => Met::Edited(old),
        None => remembered(tx, feed, &entry)?,
    };
    Ok((entry, met))
}

/// A stored entry.
struct Known {
    id: i64,
    content: i64,
    quiet: bool,
    edits: u32,
    host: Option<i64>,
    place: Option<i64>,
}

impl Known {
    fn from_row(row: &Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            id: row.get(0)?,
            content: row.get(1)?,
            quiet: row.get(2)?,
            edits: row.get(3)?,
            host: row.get(4)?,
            place: row.get(5)?,
        })
    }
}

fn known(tx: &Connection, feed: i64, ident: i64) -> rusqlite::Result<Option<Known>> {
    tx.prepare_cached(
        "SELECT id, content, quiet, edits, host_id, place FROM entries WHERE feed_id = ?1 AND ident = ?2",
    )?
    .query_row([feed, ident], Known::from_row)
    .optional()
}

/// The entry that is in the place of this one, and is this one under another id.
fn neighbour(tx: &Connection, feed: i64, entry: &NewEntry) -> rusqlite::Result<Option<Known>> {
    let Some(place) = entry.place else { return Ok(None) };
    let mut statement = tx.prepare_cached(
        "SELECT id, content, quiet, edits, host_id, place, title, link, summary, published FROM entries
         WHERE feed_id = ?1 AND place = ?2 ORDER BY id DESC LIMIT ?3",
    )?;
    let mut rows = statement.query(params![feed, place, NEIGHBOURS])?;
    let date = entry.published.map(Timestamp::millis);
    while let Some(row) = rows.next()? {
        let (title, link): (String, Option<String>) = (row.get(6)?, row.get(7)?);
        let summary: String = row.get(8)?;
        let same_date = date.is_some() && row.get::<_, Option<i64>>(9)? == date;
        let stored = Words { title: &title, link: link.as_deref(), summary: &summary };
        if identity::is_again(&stored, &words(entry), same_date) {
            return Known::from_row(row).map(Some);
        }
    }
    Ok(None)
}

fn words(entry: &NewEntry) -> Words<'_> {
    Words { title: &entry.title, link: entry.link.as_deref(), summary: &entry.summary }
}

/// An entry that was stored before places were, or while another one was in its place, has it from now on.
fn settle_at(tx: &Connection, old: &Known, entry: &NewEntry) -> rusqlite::Result<()> {
    if old.place.is_none() && entry.place.is_some() {
        tx.prepare_cached("UPDATE entries SET place = ?2 WHERE id = ?1")?
            .execute(params![old.id, entry.place])?;
    }
    Ok(())
}

/// Compares the words of an entry with those that are stored.
fn likeness(tx: &Connection, old: &Known, entry: &NewEntry) -> rusqlite::Result<Likeness> {
    tx.prepare_cached("SELECT title, link, summary, forgotten, published FROM entries WHERE id = ?1")?
        .query_row([old.id], |row| {
            let (title, link): (String, Option<String>) = (row.get(0)?, row.get(1)?);
            let summary: String = row.get(2)?;
            // Its text is gone: its date stands for it.
            let dated = row.get::<_, Option<i64>>(4)? == entry.published.map(Timestamp::millis);
            let summary = if row.get(3)? && dated { &entry.summary } else { &summary };
            Ok(identity::likeness(&Words { title: &title, link: link.as_deref(), summary }, &words(entry)))
        })
}

/// What is remembered of an entry that was forgotten: by its id, and by its place, title and date.
fn remembered(tx: &Connection, feed: i64, entry: &NewEntry) -> rusqlite::Result<Met> {
    if !tx.prepare_cached("SELECT 1 FROM seen WHERE feed_id = ?1 LIMIT 1")?.exists([feed])? {
        return Ok(Met::New);
    }
    let by_id = seen(tx, feed, entry.ident)?;
    // What was old when its source was first seen stays old.
    if by_id.is_some_and(|(content, quiet)| quiet || content == entry.content) {
        return Ok(Met::Same);
    }
    let memory = |place| identity::memory(place, &entry.title, entry.published);
    let by_words = match entry.place.map(memory) {
        Some(memory) => seen(tx, feed, memory)?,
        None => None,
    };
    match (by_id, by_words) {
        (_, Some((summary, quiet))) if quiet || summary == identity::number(&entry.summary) => Ok(Met::Same),
        (None, None) => Ok(Met::New),
        _ => {
            tx.prepare_cached("DELETE FROM seen WHERE feed_id = ?1 AND ident = ?2")?
                .execute(params![feed, entry.ident])?;
            Ok(Met::Forgotten)
        }
    }
}

fn seen(tx: &Connection, feed: i64, ident: i64) -> rusqlite::Result<Option<(i64, bool)>> {
    tx.prepare_cached("SELECT content, quiet FROM seen WHERE feed_id = ?1 AND ident = ?2")?
        .query_row([feed, ident], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn insert(
    tx: &Connection,
    feed: i64,
    first_sight: bool,
    entry: &NewEntry,
    now: Timestamp,
) -> rusqlite::Result<()> {
    let host = entry.host.as_deref().map(|name| hosts::ensure(tx, name)).transpose()?;
    let due_at = (!entry.quiet).then_some(now.millis());
    let fresh = first_sight && !entry.quiet;
    tx.prepare_cached(
        "INSERT INTO entries (feed_id, ident, content, title, link, summary, author, language, published,
             found_at, quiet, first, fresh, host_id, due_at, place, likely)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
    )?
    .execute(params![
        feed,
        entry.ident,
        entry.content,
        entry.title,
        entry.link,
        entry.summary,
        entry.author,
        entry.language,
        entry.published.map(Timestamp::millis),
        now.millis(),
        entry.quiet,
        first_sight,
        fresh,
        host,
        due_at,
        entry.place,
        entry.likely,
    ])?;
    Ok(())
}

fn edit(tx: &Connection, old: &Known, entry: &NewEntry, now: Timestamp) -> rusqlite::Result<()> {
    let host = entry.host.as_deref().map(|name| hosts::ensure(tx, name)).transpose()?;
    // An article that was made of the old words keeps them until the new ones have been read.
    tx.prepare_cached(
        "UPDATE articles SET title = ifnull(title, (SELECT title FROM entries WHERE id = ?1)),
             text = ifnull(text, (SELECT summary FROM entries WHERE id = ?1)) WHERE entry_id = ?1",
    )?
    .execute([old.id])?;
    tx.prepare_cached(
        "UPDATE entries SET content = ?2, title = ?3, link = ?4, summary = ?5, author = ?6, language = ?7,
             published = ?8, edits = edits + 1, edited_at = ?9, forgotten = 0, place = ?10, likely = ?11 WHERE id = ?1",
    )?
    .execute(params![
        old.id,
        entry.content,
        entry.title,
        entry.link,
        entry.summary,
        entry.author,
        entry.language,
        entry.published.map(Timestamp::millis),
        now.millis(),
        entry.place,
        entry.likely,
    ])?;
    if !old.quiet {
        let due_at = if old.edits < PROMPT_EDITS { now } else { now + EDIT_PAUSE };
        // Whoever reads the old text right now has lost it: the new one is to be read.
        tx.prepare_cached(
            "UPDATE entries SET due_at = min(ifnull(due_at, ?2), ?2), host_id = ?3, attempts = 0, claim = claim + 1,
                 owner = NULL WHERE id = ?1",
        )?
        .execute(params![old.id, due_at.millis(), host])?;
    }
    Ok(())
}
