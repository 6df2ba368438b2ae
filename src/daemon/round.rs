//! The first round: what a person who has just started the daemon wants to know within a minute.

use std::time::{Duration, Instant};

use crate::io::store;
use crate::io::store::overview::Round;
use crate::pipeline::Pipeline;
use crate::time::{MINUTE, SECOND, Timestamp};

/// A round that takes longer is told of before it is done.
const SOON: Duration = Duration::from_secs(45);
/// What has not been asked so long after the last poll was due is held up by its host.
const LATE: Duration = MINUTE;

/// The polls that a start found due, until they are done.
pub struct FirstRound {
    start: Timestamp,
    over: Duration,
    began: Instant,
    told: bool,
}

impl FirstRound {
    /// The round of a start at `start` whose overdue polls are spread over `over`.
    pub fn new(start: Timestamp, over: Duration) -> Self {
        Self { start, over, began: Instant::now(), told: false }
    }

    /// Tells how it goes when that is due; true when there is nothing more to tell.
    pub async fn look(&mut self, pipeline: &Pipeline) -> Result<bool, store::Error> {
        let round = pipeline.store.round(self.start, self.start + self.over).await?;
        let elapsed = self.began.elapsed();
        let is_over = round.left == 0 || elapsed > self.over + LATE;
        let line = if is_over {
            (round.asked > 0).then(|| result(&round))
        } else {
            (elapsed >= SOON && !self.told).then(|| progress(&round, self.over.saturating_sub(elapsed)))
        };
        if let Some(line) = line {
            self.told = true;
            tracing::info!(mail = pipeline.plan().via, "first round: {line}");
        }
        Ok(is_over)
    }
}

fn result(round: &Round) -> String {
    let Round { asked, answered, left } = round;
    match asked + left - answered {
        0 => format!("{answered} of {asked} sources answered"),
        silent => format!(
            "{answered} of {} sources answered, {silent} did not; `habar feeds` says why",
            asked + left
        ),
    }
}

fn progress(round: &Round, rest: Duration) -> String {
    let Round { asked, answered, left } = round;
    format!(
        "{asked} of {} sources asked, {answered} answered, {} did not; the rest within {}s",
        asked + left,
        asked - answered,
        rest.max(SECOND).as_secs()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_is_told_in_one_line() {
        let round = |asked, answered, left| Round { asked, answered, left };
        let cases = [
            (result(&round(151, 151, 0)), "151 of 151 sources answered"),
            (result(&round(151, 120, 0)), "120 of 151 sources answered, 31 did not; `habar feeds` says why"),
            (result(&round(150, 120, 1)), "120 of 151 sources answered, 31 did not; `habar feeds` says why"),
            (
                progress(&round(90, 70, 61), Duration::from_millis(30_500)),
                "90 of 151 sources asked, 70 answered, 20 did not; the rest within 30s",
            ),
            (
                progress(&round(90, 90, 1), Duration::ZERO),
                "90 of 91 sources asked, 90 answered, 0 did not; the rest within 1s",
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(line, expected);
        }
    }
}
