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
    let mut price = Price::first(rhythm.budget, &demands(&feeds, rhythm));
    let (mut tick, mut polls) = (start + price::INTERVAL, 0);
    while let Some(Reverse((now, n))) = due.pop().filter(|Reverse((now, _))| *now < end) {
        while tick <= now {
            price.adjust(price::INTERVAL, rhythm.budget, &demands(&feeds, rhythm), polls);
            (tick, polls) = (tick + price::INTERVAL, 0);
        }
        let next = feeds[n].poll(now, rhythm, price.seconds(), &scored, n);
        polls += 1;
        due.push(Reverse((next, n)));
    }
    summary(feeds, &scored)
}

fn demands(feeds: &[Feed<'_>], rhythm: &Rhythm) -> Vec<Demand> {
    feeds.iter().map(|feed| rhythm.demand(feed.rate.level(), feed.fresh_for())).collect()
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
        let pace =
            Pace { rate: &self.rate, price, window: u32::try_from(self.trace.window).unwrap_or(u32::MAX) };
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

#[cfg(test)]
mod tests {
    use super::*;

    const DAYS: u32 = 42;

    /// So many items a day, most of them by day, at times that look random and are the same in every run.
    fn trace(feed: u32, per_day: u32) -> Trace {
        let mut state = u64::from(feed) + 1;
        let mut below = |bound: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from((state >> 33) % bound).unwrap()
        };
        let mut times = Vec::new();
        for day in 0..DAYS {
            for _ in 0..per_day {
                let hour = if below(4) == 0 { below(24) } else { 6 + below(12) };
                times.push(f64::from(day * 86_400 + hour * 3600 + below(3600)));
            }
        }
        times.sort_by(f64::total_cmp);
        Trace { feed: feed.to_string(), window: 30, min_interval: 0.0, times }
    }

    fn rhythm(budget: u32, ceiling: Duration) -> Rhythm {
        Rhythm { budget, floor: Duration::from_mins(15), ceiling, max_interval: None }
    }

    #[test]
    fn the_budget_is_spent_where_news_comes() {
        let traces: Vec<_> = (0..).zip([1, 1, 4, 10, 20, 40, 80, 150]).map(|(n, a)| trace(n, a)).collect();
        let told = replay(&traces, &rhythm(36, Duration::from_hours(2)));
        let spent = told.requests_per_feed_day;
        assert!((34.5..37.5).contains(&spent), "{spent} requests a feed and day of 36");
        let even = 86_400.0 / 36.0 / 2.0 / 60.0;
        assert!(
            told.mean_min.unwrap() < even * 0.8,
            "{:?} minutes, where an even rhythm has {even}",
            told.mean_min
        );
        let feeds = &told.feeds;
        assert!(feeds[7].requests_per_day > 2.0 * feeds[0].requests_per_day);
        assert_eq!(told.missed, 0);
    }

    #[test]
    fn floor_and_ceiling_hold_whatever_the_budget() {
        let traces = [trace(0, 1), trace(1, 150)];
        for budget in [1, 48, 5000] {
            let told = replay(&traces, &rhythm(budget, Duration::from_hours(1)));
            for feed in told.feeds {
                for pair in feed.polls.windows(2) {
                    let gap = pair[1] - pair[0];
                    assert!((899.99..=3600.01).contains(&gap), "budget {budget}: {gap} s");
                }
            }
        }
    }

    #[test]
    fn a_server_that_calls_its_answer_fresh_is_not_asked_sooner() {
        let told =
            replay(&[Trace { min_interval: 5400.0, ..trace(0, 80) }], &rhythm(48, Duration::from_hours(1)));
        assert!(told.feeds[0].polls.windows(2).all(|pair| pair[1] - pair[0] > 5399.99));
    }
}
