//! Whether a feed lets go of entries before they are seen: its document shows only its newest.

use std::time::Duration;

use crate::time::{DAY, Timestamp};

/// A loss is trouble for this long.
const REMEMBERED: Duration = Duration::from_hours(7 * 24);
/// A document of fewer entries shares nothing with the one before whenever there is news.
const SMALL: usize = 3;
/// So much evidence makes it trouble: one loss of a document that shows enough, two in a day of one that does not.
const TROUBLE: u32 = 2;

/// What a document shares with what was known of its feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overlap {
    /// Entries of the document.
    pub entries: usize,
    /// Those of them that were seen before.
    pub known: usize,
    /// The document before had entries.
    pub shown_before: bool,
}

/// Whether entries may have come and gone since the last document: nothing of it is left.
pub fn is_gap(overlap: Overlap) -> bool {
    overlap.shown_before && overlap.entries > 0 && overlap.known == 0
}

/// What is remembered of the losses of a feed.
#[must_use]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// When the last one was seen.
    pub at: Option<Timestamp>,
    /// How much speaks for it.
    pub evidence: u32,
    /// The longest wait for the next poll since.
    pub most: Option<Duration>,
}

impl Losses {
    /// After a document that was read at `now`, `interval` after the last poll that worked. A loss halves the wait at
    /// once, down to `floor`; it grows again when a day has passed, and half of a document was known.
    pub fn after(self, overlap: Overlap, interval: Duration, floor: Duration, now: Timestamp) -> Self {
        let ago = self.at.map(|at| now.since(at));
        if is_gap(overlap) {
            let small = overlap.entries < SMALL;
            let forgets = if small { DAY } else { REMEMBERED };
            let before = if ago.is_some_and(|ago| ago < forgets) { self.evidence } else { 0 };
            let half = interval.min(self.most.unwrap_or(interval)) / 2;
            return Self {
                at: Some(now),
                evidence: before.saturating_add(if small { 1 } else { TROUBLE }),
                most: Some(half.max(floor)),
            };
        }
        let calm = ago.is_none_or(|ago| ago >= DAY) && overlap.known * 2 >= overlap.entries;
        let most = if calm { self.most.map(|most| most * 2).filter(|most| *most < DAY) } else { self.most };
        Self { most, ..self }
    }

    /// The ceiling of a feed that loses entries.
    pub fn bound(&self, ceiling: Duration) -> Duration {
        self.most.unwrap_or(ceiling).min(ceiling)
    }

    /// Since when the last loss is known, as long as it is trouble.
    pub fn trouble(&self, now: Timestamp) -> Option<Timestamp> {
        self.at.filter(|at| self.evidence >= TROUBLE && now.since(*at) < REMEMBERED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, MINUTE};

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const FLOOR: Duration = Duration::from_mins(15);

    fn overlap(entries: usize, known: usize) -> Overlap {
        Overlap { entries, known, shown_before: true }
    }

    #[test]
    fn a_gap_is_a_document_of_which_nothing_is_known() {
        let cases = [
            (overlap(30, 0), true),
            (overlap(1, 0), true),
            (overlap(30, 1), false),
            (overlap(0, 0), false),
            (Overlap { shown_before: false, ..overlap(30, 0) }, false),
        ];
        for (overlap, gap) in cases {
            assert_eq!(is_gap(overlap), gap, "{overlap:?}");
        }
    }

    #[test]
    fn the_wait_shrinks_at_once_and_grows_when_all_is_well_for_a_day() {
        let steps = [
            (1, overlap(30, 0), Some(30)),
            (2, overlap(30, 0), Some(15)),
            (3, overlap(30, 0), Some(15)),
            (4, overlap(30, 20), Some(15)),
            (28, overlap(30, 20), Some(30)),
            (29, overlap(30, 10), Some(30)),
            (30, overlap(30, 15), Some(60)),
            (31, overlap(30, 15), Some(120)),
        ];
        let mut losses = Losses::default();
        for (hour, overlap, minutes) in steps {
            losses = losses.after(overlap, HOUR, FLOOR, START + hour * HOUR);
            assert_eq!(losses.most, minutes.map(|minutes: u32| minutes * MINUTE), "hour {hour}");
        }
        for hour in 32..36 {
            losses = losses.after(overlap(30, 30), HOUR, FLOOR, START + hour * HOUR);
        }
        assert_eq!(losses.most, None, "as if nothing had been");
    }

    #[test]
    fn a_loss_is_trouble_for_a_week() {
        let lost = Losses::default().after(overlap(30, 0), HOUR, FLOOR, START);
        assert_eq!(lost.trouble(START + 6 * DAY), Some(START));
        assert_eq!(lost.trouble(START + 7 * DAY), None);
    }

    #[test]
    fn a_document_of_one_entry_is_trouble_at_its_second_loss_in_a_day() {
        let first = Losses::default().after(overlap(1, 0), HOUR, FLOOR, START);
        assert_eq!((first.trouble(START), first.most), (None, Some(30 * MINUTE)));
        let next_week = first.after(overlap(1, 0), HOUR, FLOOR, START + 7 * DAY);
        assert_eq!(next_week.trouble(START + 7 * DAY), None, "news once a week is no loss");
        let at = START + 5 * HOUR;
        assert_eq!(first.after(overlap(1, 0), HOUR, FLOOR, at).trouble(at), Some(at));
    }
}
