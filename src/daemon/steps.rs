//! Steps of the wall clock: somebody set it, or the machine slept.
//!
//! The daemon's clock is steady, and takes a step only once what is stored has been brought along. What is
//! due after a time stays due after that time, however the clock is set: a host is not asked sooner for it,
//! and no source waits for the year in which the clock stood. Time that was slept through has passed.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use tokio::time::timeout;

use crate::domain::schedule;
use crate::io::store;
use crate::pipeline::Pipeline;
use crate::time::{Clock, SECOND, Timestamp};

/// A wall clock that is this far off the steady one has stepped; less than that is adopted as it comes.
const STEP: Duration = Duration::from_secs(5);

/// The keeper has other things to do as well.
const PATIENCE: Duration = SECOND;

/// What happened to the wall clock, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// It was set by so much.
    pub set: i64,
    /// The machine slept for so long.
    pub slept: i64,
}

impl Step {
    fn whole(self) -> i64 {
        self.set.saturating_add(self.slept)
    }
}

/// Looks for steps.
#[derive(Debug)]
pub struct Steps {
    /// The two clocks of the machine that cannot be set: with the time it slept, and without. As they were when
    /// the last step was taken, or when there was none.
    since: (Duration, Instant),
}

impl Steps {
    /// Steps from now on.
    pub fn new() -> Self {
        Self { since: (since_boot(), Instant::now()) }
    }

    /// The step that has not been taken yet, if there is one; smaller ones are adopted at once.
    pub fn look(&mut self, clock: &Clock) -> Option<Step> {
        let (boot, awake) = (since_boot(), Instant::now());
        let slept = boot.saturating_sub(self.since.0).saturating_sub(awake - self.since.1);
        let drift = Clock::System.now().millis().saturating_sub(clock.now().millis());
        let step = judge(drift, slept);
        if step.is_none() {
            clock.shift(drift);
            self.since = (boot, awake);
        }
        step
    }

    /// The step has been taken.
    pub fn taken(&mut self) {
        self.since = (since_boot(), Instant::now());
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

fn since_boot() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Boottime)).unwrap_or_default()
}

fn judge(drift: i64, slept: Duration) -> Option<Step> {
    let slept = if slept >= STEP { i64::try_from(slept.as_millis()).unwrap_or(0) } else { 0 };
    (u128::from(drift.unsigned_abs()) > STEP.as_millis())
        .then(|| Step { set: drift.saturating_sub(slept), slept })
}

/// Takes a step with all that is stored; says when it was after it. None: something is being stored that was
/// decided before, and takes its time.
pub async fn adopt(pipeline: &Pipeline, step: Step) -> Result<Option<Timestamp>, store::Error> {
    let Ok(_alone) = timeout(PATIENCE, pipeline.let_clock_step()).await else { return Ok(None) };
    let (store, clock, by) = (&pipeline.store, &pipeline.clock, step.whole());
    // At no moment may more be due than was: back goes the clock first, ahead goes what is stored.
    let back = by.min(0);
    clock.shift(back);
    if let Err(error) = store.shift(step.set, step.slept).await {
        clock.shift(back.saturating_neg());
        return Err(error);
    }
    let spread = if by > 0 {
        spread(pipeline, Timestamp::from_millis(clock.now().millis() + by)).await
    } else {
        Ok(())
    };
    clock.shift(by.max(0));
    spread?;
    let now = clock.now();
    store.clamp(now, pipeline.plan().clamp(now)).await?;
    Ok(Some(now))
}

/// After a long sleep everything is overdue, as after a start.
async fn spread(pipeline: &Pipeline, now: Timestamp) -> Result<(), store::Error> {
    let overdue = pipeline.store.count_overdue(now).await?;
    let over = schedule::start_spread(overdue, pipeline.plan().rhythm.floor);
    pipeline.store.spread_polls(now, over).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, MINUTE};

    #[test]
    fn what_the_machine_slept_was_not_set() {
        let hour = 3_600_000;
        let cases = [
            (0, Duration::ZERO, None),
            (4_900, Duration::ZERO, None),
            (-4_900, Duration::ZERO, None),
            (hour, Duration::ZERO, Some(Step { set: hour, slept: 0 })),
            (-hour, Duration::ZERO, Some(Step { set: -hour, slept: 0 })),
            (8 * hour, 8 * HOUR, Some(Step { set: 0, slept: 8 * hour })),
            (9 * hour, 8 * HOUR, Some(Step { set: hour, slept: 8 * hour })),
            // The clocks are not read in one instant.
            (hour, SECOND, Some(Step { set: hour, slept: 0 })),
        ];
        for (drift, slept, step) in cases {
            assert_eq!(judge(drift, slept), step, "{drift} ms, {slept:?} asleep");
        }
    }

    #[test]
    fn a_small_step_is_adopted_as_it_comes() {
        let clock = Clock::steady();
        clock.shift(-3000);
        assert_eq!(Steps::new().look(&clock), None);
        assert!(Clock::System.now().since(clock.now()) < SECOND);
        clock.shift(-3_600_000);
        assert!(Steps::new().look(&clock).is_some_and(|step| (3_599_000..3_601_000).contains(&step.set)));
        assert!(Clock::System.now().since(clock.now()) > 59 * MINUTE, "not before it is asked to");
    }
}
