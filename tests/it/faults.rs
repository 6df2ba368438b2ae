//! Faults met calmly: what can go wrong around the program, what has to come of it, and the tests that hold it.
//!
//! | fault | what holds | tests |
//! |---|---|---|
//! | killed at any moment | nothing lost, a copy is the same mail | `kill::`, `benches/kills.rs` |
//! | told to stop under load | 0 within 40 s, nothing twice | [`load`], `daemon::a_page_that_stalls_does_not_hold_up_the_end_and_is_no_suspect`, `daemon::a_mail_under_way_is_waited_for_and_no_longer_than_granted` |
//! | two daemons on one state | the second is sent away with 75 | `daemon::a_second_daemon_and_once_are_sent_away`, `store::file::a_second_process_is_locked_out_until_the_first_is_gone` |
//! | the disk fails | 74, nothing written after it, the next start goes on | `disk::a_disk_that_fails_ends_it_and_the_next_start_goes_on`, `writer::after_the_disk_failed_nothing_more_is_written` |
//! | the disk is full | nothing sent without room to record it, one line a minute, on it goes by itself | [`disk`], `store::disk::sent_survives_a_full_disk` |
//! | full for a day | nothing asked more often, nothing lost that is still listed | `disk::a_day_with_a_full_disk_costs_nothing_but_the_day` |
//! | another process holds the lock | delay | [`lock`], `watchdog::a_lock_of_another_process_and_an_answer_that_takes_its_time_do_not` |
//! | the file is damaged | 65 and left as it is, or it works | [`damage`], `daemon::a_store_that_is_not_ours_or_damaged_is_refused_and_left_as_it_is`, `store::file::an_emptied_file_is_no_new_store` |
//! | a state that cannot be used, or is taken away | 73, 77, 74 with the path | [`place`], `store::file::a_file_of_another_program_or_version_is_refused_and_left_as_it_is` |
//! | the clock is set, the machine slept | nobody asked sooner, nobody starved, nothing twice | [`clock`], `store::clocks::`, `steps::what_the_machine_slept_was_not_set`, `release::one_digest_a_local_day_through_both_changes` for summer time |
//! | odd bytes in feeds | the entry kept, the keyword found, the mail sound | `text::odd_bytes_keep_the_entry_the_keyword_and_a_sound_mail` |
//! | entities in feeds | no file, no page, no cost | `text::entities_reach_no_file_and_no_page_and_cost_nothing` |
//! | died between an answer and its settle | it is asked for again, whole | [`validators`], `crash::a_crash_in_poll_changes_nothing` |
//! | few files may be open | less at once, nobody blamed | [`limits`] |
//! | something hangs | the watchdog hears nothing more | [`watchdog`], `driver::what_is_performed_for_longer_than_it_can_take_has_hung` |
//! | reloads without end | the good ones obeyed, the broken ones told, nothing twice | [`load`], `daemon::a_save_is_read_told_and_obeyed` |

mod clock;
mod damage;
mod disk;
mod limits;
mod load;
mod lock;
mod place;
mod text;
mod validators;
mod watchdog;

use url::Url;

use crate::program::{Item, rss};
use crate::smtp_server::SmtpServer;
use crate::web::{Answer, Web};

/// How often a fault is tried: so often, or as `HABAR_ROUNDS` says.
fn rounds(usual: usize) -> usize {
    std::env::var("HABAR_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(usual)
}

/// An outlet with one feed at `/feed.xml`, whose entries have no pages.
struct Outlet {
    web: Web,
    entries: Vec<Item>,
}

async fn outlet_with(titles: &[&str]) -> Outlet {
    let mut outlet = Outlet { web: Web::start().await, entries: Vec::new() };
    outlet.web.page("/feed.xml", Answer::feed(rss(&[])));
    for title in titles {
        outlet.publish(title);
    }
    outlet
}

impl Outlet {
    fn url(&self, path: &str) -> Url {
        self.web.url(path)
    }

    /// An entry of which no two are alike.
    fn publish(&mut self, title: &str) {
        let words: Vec<_> = title.chars().map(|c| format!("{c}{}", u32::from(c))).collect();
        let entry =
            Item { guid: title.to_owned(), title: title.to_owned(), summary: words.join(" "), link: None };
        self.entries.insert(0, entry);
        self.web.page("/feed.xml", Answer::feed(rss(&self.entries)));
    }
}

/// Words that no other number has.
fn words(number: usize, count: usize) -> String {
    (0..count).map(|n| format!("w{number}x{n}")).collect::<Vec<_>>().join(" ")
}

fn via(smtp: &SmtpServer) -> String {
    format!("smtp://127.0.0.1:{}?tls=none", smtp.port)
}

/// Waits for a mail that tells this.
async fn mail_about(smtp: &SmtpServer, title: &str) {
    loop {
        let taken = smtp.taken();
        if taken.iter().any(|mail| String::from_utf8_lossy(&mail.bytes).contains(title)) {
            return;
        }
        smtp.wait_for(taken.len() + 1).await;
    }
}
