//! Real SIGKILLs of the built program while feeds publish, against a mail server that also takes a mail and
//! drops the line: nothing is lost, and what comes twice is the same mail. `benches/kills.rs` does it a
//! thousand times.

use std::time::Duration;

use crate::killing::{End, Life, live};

/// How long each life lasts, in milliseconds.
const LIVES: [u64; 14] = [90, 1400, 260, 900, 150, 650, 1700, 330, 60, 1100, 480, 800, 200, 1250];
/// The lives in which the mail server drops the line after a mail it has taken.
const DROPS: [usize; 4] = [1, 3, 6, 9];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_and_a_second_copy_is_the_same_mail() {
    let lives = LIVES
        .into_iter()
        .enumerate()
        .map(|(life, millis)| Life { lasts: Duration::from_millis(millis), drops: DROPS.contains(&life) });
    let tally = live(lives, End::Kill).await;
    assert!(tally.lost.is_empty(), "every story is told: {tally:?}");
    assert!(tally.told_twice.is_empty(), "each by one mail: {tally:?}");
    assert!(tally.changed.is_empty(), "a copy is the same mail: {tally:?}");
    assert!(tally.unsound.is_empty(), "{tally:?}");
    assert!(tally.copies >= DROPS.len(), "each mail taken without a word comes again: {tally:?}");
    assert!(tally.copies <= LIVES.len() + DROPS.len(), "{tally:?}");
}
