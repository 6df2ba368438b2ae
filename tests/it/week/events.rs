//! What happens in the simulated week besides the daemon's own doing, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use habar::io::store::requests::Request;
use habar::time::{DAY, HOUR, MINUTE, SECOND, Timestamp};

use super::chance::Chance;
use super::daemon::Point;
use super::{Size, Week};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    Publish(usize),
    Flood,
    Reprint,
    Edit,
    Rewrite,
    OtherIds,
    Break,
    MailStops,
    Reload,
    AddSource(usize),
    Kill,
    Jump,
    Farther,
    ClockRight,
    Sleep,
    DiskFills,
    DiskHasRoom,
    PauseSource,
    ResumeSource(usize),
    PauseWatch,
    ResumeWatch(usize),
    Poll,
    Look,
}

/// How often things happen: for each source and day, in thousandths.
const OF_SOURCES: [(Event, usize); 6] = [
    (Event::Reprint, 700),
    (Event::Edit, 1000),
    (Event::Rewrite, 100),
    (Event::OtherIds, 30),
    (Event::Flood, 8),
    (Event::Break, 150),
];

/// How often things happen: a day, in thousandths.
const OF_ALL: [(Event, usize); 12] = [
    (Event::MailStops, 1500),
    (Event::Reload, 6000),
    (Event::Kill, 20_000),
    (Event::Jump, 1000),
    (Event::Farther, 300),
    (Event::Sleep, 700),
    (Event::DiskFills, 700),
    (Event::PauseSource, 1500),
    (Event::PauseWatch, 1500),
    (Event::Poll, 5000),
    (Event::Look, 48_000),
    (Event::Edit, 0),
];

/// What is to come.
pub struct Queue {
    events: BTreeMap<(Timestamp, usize), Event>,
    count: usize,
}

impl Queue {
    /// All of a run.
    pub fn fill(size: Size, start: Timestamp, mut chance: Chance) -> Self {
        let mut queue = Self { events: BTreeMap::new(), count: 0 };
        for outlet in 0..size.sources {
            let a_day = *chance.pick(&[300, 1000, 3000, 6000, 12_000, 24_000]);
            queue.scatter(Event::Publish(outlet), a_day, size.time, start, &mut chance);
        }
        for (event, thousandths) in OF_SOURCES {
            queue.scatter(event, thousandths * size.sources, size.time, start, &mut chance);
        }
        for (event, thousandths) in OF_ALL {
            queue.scatter(event, thousandths, size.time, start, &mut chance);
        }
        queue
    }

    fn scatter(&mut self, event: Event, a_day: usize, time: Duration, start: Timestamp, chance: &mut Chance) {
        let whole = a_day * usize::try_from(time.as_secs()).unwrap() / 86_400;
        let count = whole / 1000 + usize::from(chance.below(1000) < whole % 1000);
        for _ in 0..count {
            self.push(start + chance.time(SECOND, time), event);
        }
    }

    pub fn push(&mut self, at: Timestamp, event: Event) {
        self.count += 1;
        self.events.insert((at, self.count), event);
    }

    /// The next that is due.
    pub fn due(&mut self, now: Timestamp) -> Option<Event> {
        let first = self.events.first_entry()?;
        if first.key().0 <= now { Some(first.remove()) } else { None }
    }

    pub fn next(&self) -> Option<Timestamp> {
        self.events.first_key_value().map(|((at, _), _)| *at)
    }

    /// Only what ends something still comes, and that at once.
    pub fn clear(&mut self) {
        let ends = |event: &Event| {
            matches!(event, Event::ResumeSource(_) | Event::ResumeWatch(_) | Event::ClockRight)
        };
        self.events.retain(|_, event| ends(event));
    }
}

impl Week {
    pub(super) async fn happen(&mut self, event: Event) {
        match event {
            Event::Publish(outlet) => {
                self.sites().publish(outlet);
            }
            Event::Flood | Event::Reprint | Event::Edit | Event::Rewrite | Event::OtherIds | Event::Break => {
                self.write_news(event);
            }
            Event::MailStops => {
                self.post.down = Some(self.now() + self.chance.time(10 * MINUTE, 8 * HOUR));
            }
            Event::Kill => {
                let points = [Point::AfterClaim, Point::AfterWork, Point::InsideSettle];
                self.daemon.dies = Some(*self.chance.pick(&points));
            }
            Event::Jump | Event::Farther | Event::ClockRight | Event::Sleep => {
                self.confuse_clock(event).await;
            }
            Event::DiskFills if !self.daemon.full => {
                self.set_disk(true).await;
                self.queue.push(self.now() + self.chance.time(5 * MINUTE, HOUR), Event::DiskHasRoom);
            }
            Event::DiskHasRoom => self.set_disk(false).await,
            Event::Look => self.look_after().await,
            // Other processes and the reload find no room either, and are tried again by people.
            _ if self.daemon.full => {
                if matches!(event, Event::AddSource(_) | Event::ResumeSource(_) | Event::ResumeWatch(_)) {
                    self.queue.push(self.now() + 10 * MINUTE, event);
                }
            }
            Event::Reload => {
                self.change_config();
                self.put_in_force().await;
            }
            Event::AddSource(outlet) => {
                self.roster.sources.insert(outlet);
                self.oracle.excuse(outlet, self.now());
                self.put_in_force().await;
            }
            _ => self.ask(event).await,
        }
    }

    fn write_news(&mut self, event: Event) {
        let now = self.now();
        let mut sites = self.sites.lock().unwrap();
        let outlet = self.chance.below(sites.outlets.len());
        let latest = sites.items.len().min(200);
        if latest == 0 {
            return;
        }
        let item = sites.items.len() - 1 - self.chance.below(latest);
        match event {
            Event::Flood => sites.flood(outlet),
            Event::Reprint if sites.items[item].outlet != outlet => {
                sites.reprint(item, outlet);
            }
            Event::Edit => sites.edit(item),
            // What is replaced before it was told is told no more.
            Event::Rewrite if now.since(sites.items[item].published) > 12 * HOUR => {
                self.oracle.rewritten(sites.items[item].text);
                sites.rewrite(item);
            }
            Event::OtherIds => sites.give_other_ids(outlet),
            Event::Break => {
                let fault = sites.some_fault();
                sites.outlets[outlet].fault = Some((now + self.chance.time(10 * MINUTE, DAY), fault));
            }
            _ => {}
        }
    }

    async fn confuse_clock(&mut self, event: Event) {
        if self.daemon.is_full() {
            // The step is taken once what is stored can be brought along.
            return self.queue.push(self.now() + MINUTE, event);
        }
        let (before, from) = (self.clocks.shown(), self.now());
        let step = match event {
            Event::Jump => {
                let off = self.chance.time(Duration::ZERO, 3 * HOUR).as_secs();
                let off = i64::try_from(off).unwrap() * 1000;
                self.clocks.off_by(if self.chance.one_in(2) { -off } else { off })
            }
            Event::Farther => {
                self.queue.push(self.now() + self.chance.time(MINUTE, 30 * MINUTE), Event::ClockRight);
                self.clocks.off_by(4 * 86_400_000)
            }
            Event::ClockRight => self.clocks.off_by(0),
            _ => self.clocks.sleep(self.chance.time(10 * MINUTE, 10 * HOUR)),
        };
        self.daemon.take_step(step).await;
        self.oracle.jumped(from, self.now(), before, self.clocks.shown());
    }

    async fn look_after(&mut self) {
        self.daemon.clean(365 * DAY).await;
        self.oracle.look(self.daemon.look(), self.clocks.now());
    }

    /// Somebody edits the config: a source goes or comes, a recipient or a watch does.
    fn change_config(&mut self) {
        let outlets = self.sites().outlets.len();
        if self.chance.one_in(3) {
            let outlet = self.chance.below(outlets);
            if self.roster.sources.remove(&outlet) {
                let back = self.now() + self.chance.time(MINUTE, 6 * HOUR);
                self.queue.push(back, Event::AddSource(outlet));
            }
            return;
        }
        // Those of the first watches are never touched.
        let watch = 6 + self.chance.below(4);
        let pair = (watch, self.chance.below(super::people::WATCHES[watch].to.len()));
        if !self.roster.subscriptions.remove(&pair) {
            self.roster.subscriptions.insert(pair);
        }
    }

    async fn ask(&mut self, event: Event) {
        let outlets: Vec<usize> = self.roster.sources.iter().copied().collect();
        let some = *self.chance.pick(&outlets);
        let (outlet, source) = match event {
            Event::ResumeSource(outlet) => (outlet, self.sites().feed_address(outlet)),
            _ => (some, self.sites().feed_address(some)),
        };
        let request = match event {
            Event::Poll => Request::Poll(source),
            Event::PauseSource if self.roster.still.insert(outlet) => {
                let until = self.now() + self.chance.time(MINUTE, 6 * HOUR);
                self.queue.push(until, Event::ResumeSource(outlet));
                Request::PauseSource(source, true)
            }
            Event::ResumeSource(_) => {
                self.roster.still.remove(&outlet);
                Request::PauseSource(source, false)
            }
            Event::PauseWatch => {
                let watch = 6 + self.chance.below(4);
                let named = self.roster.subscriptions.iter().any(|(w, _)| *w == watch);
                if !named || !self.roster.paused.insert(watch) {
                    return;
                }
                let until = self.now() + self.chance.time(MINUTE, 6 * HOUR);
                self.queue.push(until, Event::ResumeWatch(watch));
                Request::PauseWatch(super::people::WATCHES[watch].name.to_owned(), true)
            }
            Event::ResumeWatch(watch) => {
                self.roster.paused.remove(&watch);
                Request::PauseWatch(super::people::WATCHES[watch].name.to_owned(), false)
            }
            _ => return,
        };
        self.oracle.excuse(outlet, self.now());
        self.request(&request);
        self.put_in_force().await;
    }
}
