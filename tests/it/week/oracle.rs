//! What the world saw, and what must be true of it in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use habar::time::{DAY, HOUR, MINUTE, Timestamp};
use rusqlite::{Connection, OptionalExtension};

use super::Figures;
use super::daemon::Held;
use super::people::{FOLD_AFTER, Times, WATCHES, Words};
use super::post::{Fate, Post};
use super::web::{Item, Request, Served, Sites, Went, item_of};
use crate::smtp_server::Taken;

const FLOOR: Duration = Duration::from_mins(15);
const CEILING: Duration = Duration::from_hours(1);
const HOST_GAP: Duration = Duration::from_secs(2);
/// A subscription that was in force for so long after a feed showed an item has to be told of it.
const SOON: Duration = Duration::from_hours(36);
/// What is as old as this when its source is first seen may be too old; clocks are off by hours.
const OLD: Duration = Duration::from_hours(18);

/// See the top of this file.
#[derive(Default)]
pub struct Oracle {
    /// Since when a settled document shows that a text has a word, by outlet and item.
    seen: BTreeMap<(usize, usize, usize), (Timestamp, Timestamp, usize)>,
    settled_items: HashSet<usize>,
    /// They may have been too old to be told when their source was first seen.
    old_items: HashSet<usize>,
    settled_versions: HashSet<(usize, u32)>,
    first_seen: HashSet<usize>,
    polled_at: HashMap<usize, i64>,
    /// From when to when the daemon was not itself: it was down, its clock jumped, its disk was full.
    disturbances: Vec<(Timestamp, Timestamp)>,
    jumps: Vec<Jump>,
    full_since: Option<Timestamp>,
    room_at: Vec<Timestamp>,
    excused: Vec<(usize, Timestamp)>,
    rewritten: HashSet<usize>,
    kills: usize,
    wrong: Vec<String>,
}

/// The daemon's clock before and after it jumped, and when that was.
struct Jump {
    from: Timestamp,
    to: Timestamp,
    shown: (Timestamp, Timestamp),
}

/// What has to be told to whoever waits for it.
struct Due {
    text: usize,
    word: usize,
    item: usize,
    /// Since when the daemon may know of it.
    since: Timestamp,
    /// Since when it does.
    at: Timestamp,
    outlet: usize,
}

/// A mail as the oracle reads it.
struct Mail {
    to: String,
    /// The text of each story by its link.
    stories: Vec<(String, usize)>,
}

/// Whether the store has every entry of a document; it has none of one that there was no room for.
fn are_stored(look: &Connection, address: &str, served: &Served) -> bool {
    let mut links = look
        .prepare_cached("SELECT e.link FROM entries e JOIN feeds f ON f.id = e.feed_id WHERE f.url = ?1")
        .unwrap();
    let links = links.query_map([address], |row| row.get::<_, Option<String>>(0)).unwrap();
    let stored: HashSet<_> = links.filter_map(|link| item_of(&link.unwrap()?)).collect();
    served.items.iter().all(|shown| stored.contains(&shown.item))
}

/// From when and until when a server wants the feeds of its host to rest.
type Rest = (Timestamp, Timestamp);

impl Oracle {
    /// A poll is settled, or was taken away: the store says which.
    pub fn polled(&mut self, sites: &Sites, look: &Connection, address: &str, now: Timestamp) {
        let number = (0..sites.outlets.len()).find(|n| sites.feed_address(*n) == address);
        let Some(number) = number else { return };
        let outlet = &sites.outlets[number];
        if let Some(version) = outlet.echoed
            && !self.settled_versions.contains(&(number, version))
        {
            self.wrong(
                now,
                format!(
                    "the validators of version {version} of {address} came back, its entries are not stored"
                ),
            );
        }
        let polled_at: Option<i64> = look
            .query_row("SELECT polled_at FROM feeds WHERE url = ?1", [address], |row| row.get(0))
            .optional()
            .unwrap()
            .flatten();
        let Some(polled_at) = polled_at else { return };
        if self.polled_at.insert(number, polled_at) == Some(polled_at) {
            return;
        }
        if let Some(served) = outlet.served.clone().filter(|served| are_stored(look, address, served)) {
            self.settled(number, &served, now);
        }
    }

    fn settled(&mut self, outlet: usize, served: &Served, now: Timestamp) {
        self.settled_versions.insert((outlet, served.version));
        let first = self.first_seen.insert(outlet);
        for shown in &served.items {
            let new = self.settled_items.insert(shown.item);
            let old = shown.dated.is_some_and(|at| now.since(at) > OLD);
            if first && new && old {
                self.old_items.insert(shown.item);
            }
            if self.old_items.contains(&shown.item) {
                continue;
            }
            for word in shown.words.each() {
                self.seen.entry((shown.text, word, shown.item)).or_insert((shown.since, now, outlet));
            }
        }
    }

    /// The process died with these in its hands.
    pub fn died(&mut self, sites: &mut Sites, held: &[Held], now: Timestamp) {
        self.kills += 1;
        for held in held {
            match held {
                Held::Feed(address) => {
                    let outlet = (0..sites.outlets.len()).find(|n| sites.feed_address(*n) == *address);
                    self.excused.extend(outlet.map(|outlet| (outlet, now)));
                }
                // It may be left alone from now on, with what its feed says.
                Held::Page(link, crashes) if *crashes >= 2 => {
                    if let Some(item) = item_of(link) {
                        let text = sites.items[item].text;
                        sites.texts[text].troubled = true;
                    }
                }
                Held::Page(..) | Held::Other => {}
            }
        }
    }

    /// The daemon was down, or away, from one time to the other.
    pub fn disturbed(&mut self, from: Timestamp, to: Timestamp) {
        self.disturbances.push((from, to));
    }

    /// The daemon's clock jumped, or time passed it by.
    pub fn jumped(&mut self, from: Timestamp, to: Timestamp, before: Timestamp, after: Timestamp) {
        self.disturbed(from, to);
        self.jumps.push(Jump { from, to, shown: (before, after) });
    }

    /// The disk is full, or has room again.
    pub fn disk(&mut self, now: Timestamp, full: bool) {
        match (full, self.full_since) {
            (true, None) => self.full_since = Some(now),
            (false, Some(since)) => {
                self.full_since = None;
                self.room_at.push(now);
                self.disturbed(since, now);
            }
            _ => {}
        }
    }

    /// Somebody has asked for something that makes this feed due, or not due.
    pub fn excuse(&mut self, outlet: usize, now: Timestamp) {
        self.excused.push((outlet, now));
    }

    /// This text was replaced by another one.
    pub fn rewritten(&mut self, text: usize) {
        self.rewritten.insert(text);
    }

    fn wrong(&mut self, now: Timestamp, what: impl fmt::Display) {
        self.wrong.push(format!("{now}: {what}"));
    }

    /// What must hold at every time.
    pub fn look(&mut self, look: &Connection, now: Timestamp) {
        const UNHEARD: &str = "SELECT count(*) FROM alerts a JOIN subscriptions s ON s.id = a.subscription_id
            JOIN recipients r ON r.id = s.recipient_id
            WHERE a.state = 'open' AND r.owner IS NULL AND (r.due_at IS NULL OR r.due_at > a.release_at)";
        let unheard: i64 = look.query_row(UNHEARD, [], |row| row.get(0)).unwrap();
        if unheard > 0 {
            self.wrong(now, format!("{unheard} open alerts have no recipient who is due for them"));
        }
    }

    /// Compares everything at the end.
    pub fn judge(
        mut self,
        sites: &Sites,
        look: &Connection,
        post: &Post,
        taken: &[Taken],
        times: &Times,
        now: Timestamp,
    ) -> Result<Figures, String> {
        self.look(look, now);
        self.judge_requests(sites, look, now);
        let mails = self.judge_ledger(look, post, taken, now);
        let told = self.judge_mails(sites, look, &mails, times, now);
        self.judge_losses(sites, look, &told, times, now);
        self.judge_pace(look, now);
        self.judge_rest(look, now);
        if let Some(dir) = std::env::var_os("HABAR_WEEK_KEEP") {
            self.keep(Path::new(&dir), sites, look, taken);
        }
        if self.wrong.is_empty() { Ok(self.figures(sites, look, taken, &mails)) } else { Err(self.report()) }
    }

    /// Leaves in a folder what a search for the cause needs.
    fn keep(&self, dir: &Path, sites: &Sites, look: &Connection, taken: &[Taken]) {
        let file = |name: &str| dir.join(name);
        look.execute("VACUUM INTO ?1", [file("week.db").display().to_string()]).unwrap();
        for mail in taken {
            std::fs::write(file(&mail.message_id), &mail.bytes).unwrap();
        }
        let mut notes = String::new();
        for Request { at, host, hop, feed, .. } in &sites.log {
            let feed = feed.map(|(feed, _)| feed);
            let _ = writeln!(notes, "{at} {host} hop: {hop}, feed: {feed:?}");
        }
        for (number, item) in sites.items.iter().enumerate() {
            let Item { outlet, texts, published, page_served, .. } = item;
            let troubled = sites.texts[item.text].troubled;
            let _ = writeln!(
                notes,
                "item {number} of {outlet}, texts {texts:?}, {published}, page {page_served:?}, troubled: {troubled}"
            );
        }
        for (from, to) in &self.disturbances {
            let _ = writeln!(notes, "not itself from {from} to {to}");
        }
        std::fs::write(file("notes"), notes).unwrap();
    }

    fn report(&self) -> String {
        let shown = self.wrong.iter().take(40).cloned().collect::<Vec<_>>().join("\n");
        format!("{} things are wrong:\n{shown}", self.wrong.len())
    }

    fn figures(
        &self,
        sites: &Sites,
        look: &Connection,
        taken: &[Taken],
        mails: &BTreeMap<String, Mail>,
    ) -> Figures {
        let count =
            |sql: &str| -> usize { look.query_row(sql, [], |row| row.get::<_, u32>(0)).unwrap() as usize };
        let admin = mails.values().filter(|mail| mail.to.starts_with("admin")).count();
        Figures(vec![
            ("requests", sites.log.len()),
            ("polls", sites.log.iter().filter(|request| request.feed.is_some()).count()),
            ("items", sites.items.len()),
            ("texts", sites.texts.len()),
            ("entries", count("SELECT count(*) FROM entries")),
            ("stories", count("SELECT count(*) FROM stories")),
            ("alerts", count("SELECT count(*) FROM alerts")),
            ("mails", mails.len() - admin),
            ("notices", admin),
            ("copies", taken.len() - mails.len()),
            ("refused-for-good", count("SELECT count(*) FROM messages WHERE state = 'dead'")),
            ("cancelled", count("SELECT count(*) FROM messages WHERE state = 'cancelled'")),
            ("kills", self.kills),
            ("jumps", self.jumps.len()),
        ])
    }

    /// Each host has its gap, each feed its floor and its ceiling.
    fn judge_requests(&mut self, sites: &Sites, look: &Connection, now: Timestamp) {
        let sql = "SELECT url FROM feeds WHERE active = 1 AND paused = 0";
        let active: HashSet<String> = column(look, sql).into_iter().collect();
        let mut last_of_host: HashMap<&str, Timestamp> = HashMap::new();
        let mut last_of_feed: HashMap<usize, &Request> = HashMap::new();
        let mut wrong = Vec::new();
        let mut rests: HashMap<&str, Vec<Rest>> = HashMap::new();
        for request in &sites.log {
            if let Some(until) = request.rest_until {
                rests.entry(&request.host).or_default().push((request.at, until));
            }
        }
        let none = Vec::new();
        for request in &sites.log {
            // Redirects do not wait, and who was on the way to their host already does not wait for them.
            if request.hop {
                continue;
            }
            let before = last_of_host.insert(&request.host, request.at);
            if let Some(before) = before
                && request.at.since(before) < HOST_GAP
                && !self.jumped_between(before, request.at)
            {
                wrong.push((
                    request.at,
                    format!("{} was asked after {:?}", request.host, request.at.since(before)),
                ));
            }
            let Some((feed, _)) = request.feed else { continue };
            if let Some(before) = last_of_feed.insert(feed, request) {
                let rests = rests.get(&*before.host).unwrap_or(&none);
                let what = self.judge_interval(before, rests, request.at, feed);
                wrong.extend(what.map(|what| (request.at, what)));
            }
        }
        for (feed, request) in last_of_feed {
            if active.contains(&sites.feed_address(feed)) {
                let rests = rests.get(&*request.host).unwrap_or(&none);
                wrong.extend(self.too_late(request, rests, now, feed).map(|what| (now, what)));
            }
        }
        for (at, what) in wrong {
            self.wrong(at, what);
        }
    }

    fn judge_interval(&self, before: &Request, rests: &[Rest], at: Timestamp, feed: usize) -> Option<String> {
        let interval = at.since(before.at);
        if self.excused.iter().any(|(outlet, when)| *outlet == feed && (before.at..=at).contains(when)) {
            return None;
        }
        // Where nothing at all could be written, the poll comes again as soon as there is room.
        let room = self.room_at.iter().any(|room| *room <= at && at.since(*room) < MINUTE);
        if interval < FLOOR && !room && !self.jumped_between(before.at, at) {
            return Some(format!("feed {feed} was polled after {interval:?}"));
        }
        self.too_late(before, rests, at, feed)
    }

    /// A healthy feed is asked once an hour, one that fails once a day, one that is gone once a week; none of a
    /// host that rests.
    fn too_late(&self, before: &Request, rests: &[Rest], at: Timestamp, feed: usize) -> Option<String> {
        let rested = rests.iter().filter(|(from, _)| *from < at).map(|(_, until)| *until).max();
        let interval = at.since(rested.unwrap_or_default().max(before.at));
        let longest = match before.feed?.1 {
            Went::Well => CEILING.mul_f64(1.05) + 2 * MINUTE,
            Went::Otherwise => 26 * HOUR,
            Went::Gone => 8 * DAY,
        };
        let disturbed = self.disturbances.iter().any(|(from, to)| *from <= at && *to >= before.at);
        (!disturbed && interval > longest)
            .then(|| format!("feed {feed} was not polled for {interval:?} after {}", before.at))
    }

    fn jumped_between(&self, from: Timestamp, to: Timestamp) -> bool {
        self.jumps.iter().any(|jump| jump.from <= to && jump.to >= from)
    }

    /// The ledger says sent of exactly what the server took.
    fn judge_ledger(
        &mut self,
        look: &Connection,
        post: &Post,
        taken: &[Taken],
        now: Timestamp,
    ) -> BTreeMap<String, Mail> {
        let mut first: BTreeMap<&str, (&Taken, usize)> = BTreeMap::new();
        for mail in taken {
            let (known, count) = first.entry(&mail.message_id).or_insert((mail, 0));
            *count += 1;
            if known.bytes != mail.bytes || known.to != mail.to {
                self.wrong(now, format!("{} went twice, and not the same", mail.message_id));
            }
        }
        let mut statement = look.prepare("SELECT message_id, state, reply FROM messages").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let mut ledger: BTreeMap<String, (String, String)> = BTreeMap::new();
        for row in rows {
            let (id, state, reply): (String, String, String) = row.unwrap();
            ledger.insert(id, (state, reply));
        }
        for (id, (state, reply)) in &ledger {
            let fates = post.fates.get(id).map_or(&[][..], Vec::as_slice);
            let right = match state.as_str() {
                "sent" => first.contains_key(id.as_str()),
                "dead" => fates.contains(&Fate::Refused),
                "cancelled" => fates.is_empty(),
                _ => false,
            };
            if !right {
                self.wrong(now, format!("{id} is {state} ({}), and its server says {fates:?}", reply.trim()));
            }
        }
        for (id, (mail, count)) in &first {
            let fates = &post.fates[*id];
            let state = ledger.get(*id).map_or("not in the ledger", |(state, _)| state);
            let unheard = fates.iter().filter(|fate| **fate == Fate::TakenUnheard).count();
            // A copy may be refused that was taken the first time, when the process died or the reply was lost.
            let copy_refused = state == "dead" && fates.len() > 1 && fates.last() == Some(&Fate::Refused);
            if state != "sent" && !copy_refused {
                self.wrong(now, format!("{id} was taken, and the ledger says {state}"));
            }
            if *count > 1 + unheard + self.kills + self.jumps.len() {
                self.wrong(now, format!("{id} to {:?} went {count} times: {fates:?}", mail.to));
            }
        }
        first.into_iter().map(|(id, (mail, _))| (id.to_owned(), read_mail(mail))).collect()
    }

    /// No mail tells what nobody asked for, nor a text twice. Says what each watch told whom, by text.
    fn judge_mails(
        &mut self,
        sites: &Sites,
        look: &Connection,
        mails: &BTreeMap<String, Mail>,
        times: &Times,
        now: Timestamp,
    ) -> HashSet<(String, String, usize)> {
        let words = words_by_text(sites);
        let mut tellings: BTreeMap<(&str, usize), BTreeSet<&str>> = BTreeMap::new();
        for (id, mail) in mails {
            for (link, text) in &mail.stories {
                tellings.entry((&mail.to, *text)).or_default().insert(id);
                let Some(item) = item_of(link).map(|item| &sites.items[item]) else { continue };
                let asked = matching(words[*text], item.outlet, &mail.to)
                    .any(|pair| times.ever(pair, item.published, now));
                if !asked {
                    self.wrong(
                        now,
                        format!("{id} tells {} of {link}, text {text}, which no watch wants", mail.to),
                    );
                }
            }
        }
        let (told, by_watch) = told(look, mails);
        for ((to, watch, text), ids) in &by_watch {
            if ids.len() > 1 && !sites.texts[*text].troubled {
                self.wrong(now, format!("{watch} told {to} of text {text} more than once: {ids:?}"));
            }
        }
        told
    }

    /// Whatever a settled document or a page showed was told to everybody who waited for it.
    fn judge_losses(
        &mut self,
        sites: &Sites,
        look: &Connection,
        told: &HashSet<(String, String, usize)>,
        times: &Times,
        now: Timestamp,
    ) {
        let settled = settled_otherwise(look);
        let mut due: Vec<Due> = self
            .seen
            .iter()
            .map(|((text, word, item), (since, at, outlet))| Due {
                text: *text,
                word: *word,
                item: *item,
                since: *since,
                at: *at,
                outlet: *outlet,
            })
            .collect();
        for (number, item) in sites.items.iter().enumerate() {
            let Some((text, body, at)) = item.page_served else { continue };
            if self.settled_items.contains(&number) {
                due.extend(body.each().map(|word| Due {
                    text,
                    word,
                    item: number,
                    since: at,
                    at,
                    outlet: item.outlet,
                }));
            }
        }
        // The daemon's clock may be off by hours.
        let day = Timestamp::from_millis(now.millis() - now.millis().rem_euclid(86_400_000));
        let last_digest = day + 4 * HOUR;
        for Due { text, word, item, since, at, outlet } in due {
            if self.rewritten.contains(&text) {
                continue;
            }
            for pair in wanting(word, outlet) {
                if WATCHES[pair.0].deliver.starts_with("daily") && at > last_digest {
                    continue;
                }
                let (watch, to) = (WATCHES[pair.0].name, WATCHES[pair.0].to[pair.1]);
                let key = (to.to_owned(), watch.to_owned(), text);
                let in_force = times.through(pair, since, (at + SOON).min(now));
                if in_force
                    && !told.contains(&key)
                    && !settled.contains(&(to.to_owned(), watch.to_owned(), item))
                {
                    self.wrong(now, format!("{watch} never told {to} of text {text}, item {item} of outlet {outlet}, seen {at}"));
                }
            }
        }
    }

    /// Nobody gets more mails an hour than may be, and none in quiet hours.
    fn judge_pace(&mut self, look: &Connection, now: Timestamp) {
        let sql = "SELECT r.address, w.name, m.composed_at FROM messages m JOIN recipients r ON r.id = m.recipient_id
            JOIN subscriptions s ON s.id = m.subscription_id JOIN watches w ON w.id = s.watch_id
            WHERE m.state <> 'cancelled' ORDER BY m.id";
        let mut statement = look.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
        let mut by_person: BTreeMap<String, Vec<Timestamp>> = BTreeMap::new();
        for row in rows {
            let (to, watch, at): (String, String, i64) = row.unwrap();
            let at = Timestamp::from_millis(at);
            let hour = at.millis().rem_euclid(86_400_000) / 3_600_000;
            if watch == "W4" && !(7..22).contains(&hour) {
                self.wrong(now, format!("{watch} told {to} in quiet hours: {at}"));
            }
            by_person.entry(to).or_default().push(at);
        }
        self.judge_notices(look, now);
        for (to, times) in by_person {
            for window in times.windows(FOLD_AFTER + 1) {
                let (first, last) = (window[0], window[FOLD_AFTER]);
                let jumped = !window.is_sorted()
                    || self.jumps.iter().any(|jump| {
                        [jump.shown.0, jump.shown.1]
                            .iter()
                            .any(|at| *at >= first - HOUR && *at <= last + HOUR)
                    });
                if last.since(first) < HOUR && !jumped {
                    self.wrong(now, format!("{to} had {} mails from {first} to {last}", FOLD_AFTER + 1));
                }
            }
        }
    }

    /// Troubles of a quarter of an hour share a mail.
    fn judge_notices(&mut self, look: &Connection, now: Timestamp) {
        let sql = "SELECT m.composed_at FROM messages m JOIN subscriptions s ON s.id = m.subscription_id
            WHERE s.watch_id IS NULL ORDER BY m.id";
        let times: Vec<Timestamp> = column(look, sql).into_iter().map(Timestamp::from_millis).collect();
        for pair in times.windows(2) {
            let jumped = self.jumps.iter().any(|jump| {
                [jump.shown.0, jump.shown.1].iter().any(|at| *at >= pair[0] - HOUR && *at <= pair[1] + HOUR)
            });
            if pair[0] <= pair[1] && pair[1].since(pair[0]) < 15 * MINUTE && !jumped {
                self.wrong(now, format!("notices came at {} and {}", pair[0], pair[1]));
            }
        }
    }

    /// At the end nothing waits that should not.
    fn judge_rest(&mut self, look: &Connection, now: Timestamp) {
        for (what, sql) in [
            ("messages wait", "SELECT count(*) FROM messages WHERE state = 'waiting'"),
            ("pieces of work have an owner", "SELECT (SELECT count(*) FROM entries WHERE owner IS NOT NULL)
                + (SELECT count(*) FROM feeds WHERE owner IS NOT NULL AND due_at < (SELECT max(polled_at) FROM feeds))"),
            ("recipients are late", "SELECT count(*) FROM recipients WHERE due_at < (SELECT max(polled_at) FROM feeds) - 120000"),
            ("active feeds are due never", "SELECT count(*) FROM feeds WHERE active = 1 AND paused = 0 AND due_at IS NULL"),
            ("entries were due two hours ago", "SELECT count(*) FROM entries e LEFT JOIN hosts h ON h.id = e.host_id
                WHERE max(e.due_at, ifnull(h.held_until, 0)) < (SELECT max(polled_at) FROM feeds) - 7200000"),
        ] {
            let count: i64 = look.query_row(sql, [], |row| row.get(0)).unwrap();
            if count > 0 {
                self.wrong(now, format!("{count} {what}"));
            }
        }
    }
}

fn column<T: rusqlite::types::FromSql>(look: &Connection, sql: &str) -> Vec<T> {
    let mut statement = look.prepare(sql).unwrap();
    statement.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
}

/// The words that anything of a text ever had.
fn words_by_text(sites: &Sites) -> Vec<Words> {
    let mut words = vec![Words::default(); sites.texts.len()];
    for item in &sites.items {
        for text in &item.texts {
            words[*text] = words[*text].and(item.told).and(item.body);
        }
    }
    words
}

/// Watch and recipient of everybody who waits for one of these words from this outlet, and is this person.
fn matching(words: Words, outlet: usize, to: &str) -> impl Iterator<Item = (usize, usize)> {
    WATCHES
        .iter()
        .enumerate()
        .filter(move |(_, watch)| watch.wanted().meets(words) && watch.admits(outlet))
        .flat_map(move |(number, watch)| {
            watch
                .to
                .iter()
                .enumerate()
                .filter(move |(_, address)| **address == to)
                .map(move |(r, _)| (number, r))
        })
}

/// Watch and recipient of everybody who waits for this word from this outlet.
fn wanting(word: usize, outlet: usize) -> impl Iterator<Item = (usize, usize)> {
    WATCHES
        .iter()
        .enumerate()
        .filter(move |(_, watch)| watch.words.contains(&word) && watch.admits(outlet))
        .flat_map(|(number, watch)| (0..watch.to.len()).map(move |recipient| (number, recipient)))
}

type Tellings = BTreeMap<(String, String, usize), BTreeSet<String>>;

/// Recipient, watch and text of every alert that the store calls told and a taken mail tells.
fn told(look: &Connection, mails: &BTreeMap<String, Mail>) -> (HashSet<(String, String, usize)>, Tellings) {
    let sql = "SELECT r.address, w.name, e.link, m.message_id FROM alerts a
        JOIN subscriptions s ON s.id = a.subscription_id JOIN watches w ON w.id = s.watch_id
        JOIN recipients r ON r.id = s.recipient_id JOIN entries e ON e.id = a.entry_id
        JOIN messages m ON m.id = a.message_id WHERE a.state = 'told'";
    let mut statement = look.prepare(sql).unwrap();
    let rows =
        statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    let mut by_watch = Tellings::new();
    for row in rows {
        let (to, watch, link, id): (String, String, String, String) = row.unwrap();
        let Some(mail) = mails.get(&id).filter(|mail| mail.to == to) else { continue };
        for (_, text) in mail.stories.iter().filter(|(told, _)| *told == link) {
            by_watch.entry((to.clone(), watch.clone(), *text)).or_default().insert(id.clone());
        }
    }
    (by_watch.keys().cloned().collect(), by_watch)
}

/// Recipient, watch and item of alerts whose mail was refused for good, or that came due when nobody waited.
fn settled_otherwise(look: &Connection) -> HashSet<(String, String, usize)> {
    let sql = "SELECT r.address, w.name, e.link FROM alerts a
        JOIN subscriptions s ON s.id = a.subscription_id JOIN watches w ON w.id = s.watch_id
        JOIN recipients r ON r.id = s.recipient_id
        JOIN articles x ON x.story_id = a.story_id JOIN entries e ON e.id = x.entry_id
        JOIN messages m ON m.id = a.message_id WHERE m.state IN ('dead', 'cancelled')";
    let mut statement = look.prepare(sql).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).unwrap();
    rows.map(Result::unwrap)
        .filter_map(|(to, watch, link): (String, String, String)| Some((to, watch, item_of(&link)?)))
        .collect()
}

/// The stories of a mail: a link on a line of its own, under a title that bears the mark of its text.
fn read_mail(taken: &Taken) -> Mail {
    let parsed = mail_parser::MessageParser::default().parse(&taken.bytes).unwrap();
    let text = parsed.body_text(0).unwrap_or_default().into_owned();
    let mut stories = Vec::new();
    let mut mark = None;
    for line in text.lines().map(str::trim) {
        if line == "Told before, now also in" {
            break;
        }
        if line.starts_with("http://") && !line.contains(' ') {
            stories.extend(mark.take().map(|text| (line.to_owned(), text)));
        }
        mark = line.split_whitespace().find_map(marked).or(mark);
    }
    Mail { to: taken.to.join(","), stories }
}

fn marked(word: &str) -> Option<usize> {
    word.strip_prefix('t')?.strip_suffix('x')?.parse().ok()
}
