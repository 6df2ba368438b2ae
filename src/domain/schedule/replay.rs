//! The planner on the publication times of real feeds: what it would have spent, and how late it would have been.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::price::{self, Demand, Price};
use super::rate::Rate;
use super::{Outcome, Pace, Rhythm, next_poll, number};
use crate::time::{DAY, Timestamp};

/// The publication times of one feed.
#[derive(Clone, Debug, Deserialize)]
pub struct Trace {
    /// Its name.
    pub feed: String,
    /// How many of its newest items the document shows.
    #[serde(default = "usual_window")]
    pub window: usize,
    /// What its server asks for, in seconds, between two polls.
    #[serde(default)]
    pub min_interval: f64,
    /// When its items were published, in unix seconds, ascending.
    pub times: Vec<f64>,
}

fn usual_window() -> usize {
    30
}

/// The first days are for learning, the last ones for items whose poll lies beyond the trace.
const WARM_UP: Duration = Duration::from_hours(14 * 24);
const TAIL: Duration = Duration::from_hours(2 * 24);

/// How it went with one feed.
#[derive(Clone, Debug, Serialize)]
pub struct Told {
    /// Its name.
    pub feed: String,
    /// Requests a day.
    pub requests_per_day: f64,
    /// Minutes from publication to the poll that shows it, on average; none without items.
    pub mean_min: Option<f64>,
    /// The same for nineteen of twenty items.
    pub p95_min: Option<f64>,
    /// Items that no poll has shown.
    pub missed: usize,
    /// When it was polled, in unix seconds.
    #[serde(skip)]
    pub polls: Vec<f64>,
}

/// How it went with all of them, every item counting the same.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// Requests a day, averaged over the feeds.
    pub requests_per_feed_day: f64,
    /// See [`Told::mean_min`].
    pub mean_min: Option<f64>,
    /// The median.
    pub p50_min: Option<f64>,
    /// See [`Told::p95_min`].
    pub p95_min: Option<f64>,
    /// Items that no poll has shown.
    pub missed: usize,
    /// Each feed by itself: who pays.
    pub feeds: Vec<Told>,
}

struct Feed<'t> {
    trace: &'t Trace,
    rate: Rate,
    /// Items up to here are known.
    known: usize,
    polls: Vec<Timestamp>,
    delays: Vec<f64>,
    missed: usize,
}

/// Polls the traces as the daemon would.
pub fn replay(traces: &[Trace], rhythm: &Rhythm) -> Summary {
    let ends = traces.iter().filter_map(|trace| Some((*trace.times.first()?, *trace.times.last()?)));
    let (first, last) = ends.fold((f64::MAX, 0.0_f64), |(a, b), (first, last)| (a.min(first), b.max(last)));
    let day = DAY.as_secs_f64();
    let (start, end) = (instant((first / day).floor() * day + day), instant(last));
    let scored = start + WARM_UP..end - TAIL;
    let mut feeds: Vec<_> = traces.iter().map(|trace| Feed::new(trace, start)).collect();
    let spread = super::start_spread(feeds.len(), rhythm.floor);
    let mut due: BinaryHeap<_> = (0..feeds.len())
        .map(|n| Reverse((start + spread.mul_f64(number(n) / number(feeds.len())), n)))
        .collect();
    let mut price = Price::first(start, rhythm.budget, &demands(&feeds, rhythm));
    let (mut tick, mut polls) = (start + price::INTERVAL, 0);
    while let Some(Reverse((now, n))) = due.pop().filter(|Reverse((now, _))| *now < end) {
        while tick <= now {
            price.adjust(tick, rhythm.budget, &demands(&feeds, rhythm), polls);
            (tick, polls) = (tick + price::INTERVAL, 0);
        }
        let next = feeds[n].poll(now, rhythm, price.seconds(), &scored, n);
        polls += 1;
        due.push(Reverse((next, n)));
    }
    summary(feeds, &scored)
}

fn demands(feeds: &[Feed<'_>], rhythm: &Rhythm) -> Vec<Demand> {
    feeds.iter().map(|feed| rhythm.demand(&feed.rate, feed.fresh_for())).collect()
}

impl<'t> Feed<'t> {
    fn new(trace: &'t Trace, start: Timestamp) -> Self {
        let known = trace.times.partition_point(|at| instant(*at) <= start);
        let shown = &trace.times[known.saturating_sub(trace.window)..known];
        let dates: Vec<_> = shown.iter().map(|at| instant(*at)).collect();
        Self {
            trace,
            rate: Rate::first(start, &dates),
            known,
            polls: Vec::new(),
            delays: Vec::new(),
            missed: 0,
        }
    }

    fn fresh_for(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.trace.min_interval).ok()
    }

    fn poll(
        &mut self,
        now: Timestamp,
        rhythm: &Rhythm,
        price: f64,
        scored: &std::ops::Range<Timestamp>,
        id: usize,
    ) -> Timestamp {
        let times = &self.trace.times;
        let until = self.known + times[self.known..].partition_point(|at| instant(*at) <= now);
        let shown = self.known.max(until.saturating_sub(self.trace.window));
        for (place, at) in times.iter().enumerate().take(until).skip(self.known) {
            if scored.contains(&instant(*at)) {
                if place < shown {
                    self.missed += 1;
                } else {
                    self.delays.push(now.since(instant(*at)).as_secs_f64() / 60.0);
                }
            }
        }
        let dates: Vec<_> = times[shown..until].iter().map(|at| Some(instant(*at))).collect();
        self.rate.observe(now, &dates);
        self.known = until;
        self.polls.push(now);
        let outcome = Outcome::Worked { fresh_for: self.fresh_for() };
        let pace = Pace { rate: &self.rate, price, window: self.trace.window };
        next_poll(rhythm, Some(&pace), outcome, now, i64::try_from(id).unwrap_or(i64::MAX)).due_at
    }
}

fn summary(feeds: Vec<Feed<'_>>, scored: &std::ops::Range<Timestamp>) -> Summary {
    let days = scored.end.since(scored.start).as_secs_f64() / DAY.as_secs_f64();
    let (mut all, mut missed, mut told) = (Vec::new(), 0, Vec::with_capacity(feeds.len()));
    for mut feed in feeds {
        feed.delays.sort_by(f64::total_cmp);
        let polls = feed.polls.iter().filter(|at| scored.contains(at)).count();
        told.push(Told {
            feed: feed.trace.feed.clone(),
            requests_per_day: number(polls) / days,
            mean_min: mean(&feed.delays),
            p95_min: quantile(&feed.delays, 95),
            missed: feed.missed,
            polls: feed.polls.iter().map(|at| at.since(Timestamp::default()).as_secs_f64()).collect(),
        });
        missed += feed.missed;
        all.append(&mut feed.delays);
    }
    all.sort_by(f64::total_cmp);
    Summary {
        requests_per_feed_day: told.iter().map(|feed| feed.requests_per_day).sum::<f64>()
            / number(told.len().max(1)),
        mean_min: mean(&all),
        p50_min: quantile(&all, 50),
        p95_min: quantile(&all, 95),
        missed,
        feeds: told,
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / number(values.len()))
}

fn quantile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get(sorted.len() * percent / 100).copied()
}

fn instant(seconds: f64) -> Timestamp {
    Timestamp::default() + Duration::try_from_secs_f64(seconds).unwrap_or_default()
}
