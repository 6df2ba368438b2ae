//! SIGKILL again and again while feeds publish: `cargo bench --bench kills -- 1000`, or `-- 1000 5000` for those
//! lives that come after the first 5000. Prints one line of figures, and fails when a story is lost, told under two Message-IDs, or the store is damaged.
//!
//! Lives last from 5 ms to 2 s, the same ones at each run; in every fourth the mail server takes a mail and
//! drops the line without a word.

use std::time::{Duration, Instant};

use killing::{End, Life, live};

#[path = "../tests/it/killing.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod killing;
#[path = "../tests/it/program.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod program;
#[path = "../tests/it/smtp_server.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod smtp_server;
#[path = "../tests/it/web.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod web;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let (count, first) = (numbers.next().unwrap_or(100), numbers.next().unwrap_or(0));
    let began = Instant::now();
    let tally = live((first..first + count).map(life), End::Kill).await;
    println!(
        "kills {}, with mail under way {}, lines dropped after a mail {}, stories {}, lost {}, doubled with the \
         same Message-ID {}, changed between copies {}, under two Message-IDs {}, quick_check failed {} of {}, {:.0} s",
        tally.lives,
        tally.with_mail_under_way,
        tally.drops,
        tally.stories,
        tally.lost.len(),
        tally.copies,
        tally.changed.len(),
        tally.told_twice.len(),
        tally.unsound.len(),
        tally.lives + 1,
        began.elapsed().as_secs_f64()
    );
    let clean =
        [&tally.lost, &tally.changed, &tally.told_twice, &tally.unsound].iter().all(|bad| bad.is_empty());
    assert!(clean, "{tally:?}");
}

fn life(number: u64) -> Life {
    let random = xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes());
    Life { lasts: Duration::from_millis(5 + random % 1996), drops: number % 4 == 3 }
}
