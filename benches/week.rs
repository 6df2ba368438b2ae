//! A week of faults at full size: `cargo bench --bench week -- --seed 7 --days 7 --sources 200 [--seeds 20]`.
//!
//! Prints one line a figure for each seed. A run that ends wrong prints its seed and what differed, and the
//! same seed has the same run again.

use std::process::ExitCode;
use std::time::Instant;

use habar::time::{DAY, HOUR};

#[path = "../tests/it/smtp_server.rs"]
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
mod smtp_server;
#[path = "../tests/it/web.rs"]
#[expect(dead_code, reason = "shared with the tests, which use more of it")]
mod web;
#[path = "../tests/it/week.rs"]
mod week;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    let number = |name: &str, usual: u64| {
        let at = arguments.iter().position(|argument| argument == name);
        at.map_or(usual, |at| arguments[at + 1].parse().expect("a number"))
    };
    let (first, seeds) = (number("--seed", 1), number("--seeds", 1));
    let days = u32::try_from(number("--days", 7)).expect("days");
    let sources = usize::try_from(number("--sources", 200)).expect("sources");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime");
    let mut failed = 0;
    for seed in first..first + seeds {
        let begun = Instant::now();
        let size = week::Size { seed, sources, time: days * DAY, calm: 30 * HOUR };
        let ended = runtime.block_on(week::run(size));
        println!("week seed {seed}");
        println!("week seconds {:.1}", begun.elapsed().as_secs_f64());
        match ended {
            Ok(figures) => print!("{figures}"),
            Err(wrong) => {
                failed += 1;
                println!("seed {seed}, {days} days, {sources} sources: {wrong}");
            }
        }
    }
    println!("week seeds-wrong {failed}");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
