//! Habar polls news feeds, reads the articles behind them, keeps one copy of each story and mails
//! the people who watch for it.
//!
//! This page is the map: the path of the data, the layers, what must hold, and what is left out on
//! purpose. Each module tells the rest.
//!
//! # The path of the data
//!
//! ```text
//!   a feed            a page                                                  a mailbox
//!     │ GET             │ GET                                                     ▲ SMTP, Maildir, sendmail
//! ┌───▼──┐ entries  ┌───▼──┐ alerts    ┌─────────┐ messages    ┌─────────┐        │
//! │ poll ├─────────▶│ read ├──────────▶│ compose ├────────────▶│ deliver ├────────┘
//! └───┬──┘          └───┬──┘           └────┬────┘             └────┬────┘
//!     │ validators,     │ article, story,   │ the final bytes,      │ the reply:
//!     │ next poll       │ hits, release     │ the Message-ID        │ the ledger
//! ════╧═════════════════╧═══════════════════╧═══════════════════════╧═══════ the store, which is the queue
//! ```
//!
//! The four [stages](pipeline::Stage) work alike. They *claim* what is due in a table, perform the
//! work (the only part that meets the outside world), decide by pure functions, and *settle*: one
//! transaction writes what was found out and when to act next.
//!
//! | stage | claims | performs | decides | settles |
//! |---|---|---|---|---|
//! | [`poll`](pipeline::poll) | a due feed | [`io::http`] | [`domain::feed`], [`domain::schedule`], [`domain::health`] | [`io::store::feeds`] |
//! | [`read`](pipeline::read) | a due entry | [`io::http`] | [`domain::article`], [`domain::watch`], [`domain::story`] | [`io::store::entries`], [`io::store::stories`] |
//! | [`compose`](pipeline::compose) | a due recipient | nothing | [`domain::digest`] | [`io::store::outbox`] |
//! | [`deliver`](pipeline::deliver) | a due message | [`io::mail`] | the fate of the mail | [`io::store::outbox`] |
//!
//! `due_at` of a row is its schedule, its backoff and its lease in one. A claim sets the row's `owner`,
//! pushes `due_at` past the deadline of the work and raises `claim`; a settle first looks whether `claim`
//! is still its own. A crash is a claim that nobody settled, and the next start makes it due again:
//! there is no state "running", and no other code that recovers. See [`io::store::lease`].
//!
//! The [`pipeline::driver`] claims as slots get free. Wake-ups between stages carry no data and may be lost.
//!
//! # Layers
//!
//! ```text
//! time                         one clock, durations
//! domain                       what needs nobody's answer: pure, synchronous, `now` and ids are arguments
//! io: http · mail · store      adapters; they know the domain, and never one another (tls and secret serve the first two)
//! pipeline                     the stages and their driver
//! config · daemon · cli        wiring, signals, commands
//! ```
//!
//! A module imports only from the layers above it in this list; `tests/it/tidy.rs` holds that, and
//! that functions fit on a screen. Failures of the outside world (a timeout, a broken feed, a refused
//! mail) are data in a stage's outcome; `Err` means that the store could not settle.
//!
//! # What must hold
//!
//! 1. **What happened is written, whoever holds the work; what comes next is written by its holder only.**
//!    "The server said 250" is recorded whatever the claim says, so a mail that is known to be sent never
//!    goes again. When to try again and when to give up are plans, and a late settle writes none.
//!    What was done waits while another process holds the lock of the database.
//!    Tests: `claims::facts_are_written_whatever_the_claim_says_and_plans_are_not`,
//!    `lock::what_was_sent_while_another_process_held_the_lock_is_recorded`,
//!    `claims::an_expired_lease_is_claimed_again_and_the_late_settle_writes_no_plan`,
//!    `claims::settle_is_all_or_nothing`, `crash::what_is_known_to_be_sent_never_goes_again`,
//!    `crash::a_plan_needs_its_claim`.
//! 2. **Nothing is swallowed.** A page that cannot be read settles with the feed's own title and summary,
//!    and is matched by them. An open alert has a release, and its recipient a time to be told.
//!    The validators with which a server says "nothing new" are stored with the entries they stand for.
//!    Whatever a publisher does to an entry's id, address, date or place, it is not new a second time; and an id
//!    that is given twice hides nothing ([`domain::feed::identity`]).
//!    Tests: `polls::validators_come_with_the_entries_and_byte_for_byte`,
//!    `polls::first_sight_ends_with_the_settle_that_stores_the_validators`,
//!    `poll::validators_go_back_byte_for_byte_and_304_is_no_news`,
//!    `poll::first_sight_waits_until_each_page_was_tried_and_each_source_asked`,
//!    `read::a_page_that_never_comes_leaves_the_words_of_the_feed`,
//!    `outbox::an_open_alert_always_has_a_recipient_who_is_due_for_it`,
//!    `compose::a_watch_that_comes_back_before_the_release_has_lost_nothing`,
//!    `identity::no_life_of_a_feed_makes_an_old_entry_new_or_hides_a_new_one`,
//!    `identity::an_id_that_is_given_to_another_entry_hides_it_not`.
//! 3. **An article joins a story timidly, and stories never merge.** A summary joins by its address or by
//!    equal title and text. A page that comes later places the article again, and its alerts go along:
//!    an unsent one that the story has already is dropped, a sent one counts as told. An edit near the old
//!    text stays in its story and alerts only watches that had no hit. See [`domain::story`].
//!    Tests: `story::where_an_article_goes`, `read::reprints_are_one_story_and_one_alert`,
//!    `read::a_late_page_is_matched_again`, `read::an_edit_alerts_a_watch_that_had_no_hit`,
//!    `read::an_edit_that_says_something_else_is_a_story_of_its_own`,
//!    `read::a_page_that_belongs_to_a_told_story_takes_its_unsent_alert_there`,
//!    `read::a_page_that_belongs_to_another_story_takes_its_told_alert_there`.
//! 4. **One text opens one story.** It is looked for and placed inside the settle's transaction, and an
//!    article leaves at most three rows by which later ones find it.
//!    Tests: `stories::two_workers_never_open_two_stories_for_one_text`, `stories::stories_never_merge`,
//!    `read::reprints_are_one_story_and_one_alert`,
//!    `story::equal_texts_share_a_key_whatever_their_dress`, `story::addresses_that_lead_to_one_page_are_one`.
//! 5. **Poison ends.** What was held when the process died runs alone after the start. What has killed the
//!    process alone three times is settled without being performed, and reported. A mail is never given up for this.
//!    What hangs longer than it can take stops the watchdog's pings, and is a suspect at the next start.
//!    Tests: `crash::what_was_held_when_the_process_died_runs_alone`,
//!    `crash::a_page_that_kills_the_process_alone_three_times_is_left_alone_and_reported`,
//!    `crash::a_feed_that_kills_the_process_alone_three_times_is_left_alone_and_reported`,
//!    `crash::a_message_is_never_given_up_for_a_crash`.
//! 6. **Hosts are asked one request at a time, with a gap, over restarts; and share fairly.** A claim takes
//!    at most one row of a free host, polls before pages unless a page has waited a minute. A redirect does
//!    not wait, but pushes the next time of the host it reaches. A server that asks for time has it for all feeds of
//!    its host. See [`io::store::hosts`].
//!    Tests: `hosts::at_no_time_do_two_leases_hold_one_host`,
//!    `hosts::a_host_with_a_thousand_due_pages_holds_up_nobody`,
//!    `hosts::polls_go_before_pages_unless_a_page_has_waited_a_minute`,
//!    `hosts::the_next_time_of_a_host_outlives_the_process`,
//!    `read::a_redirect_counts_against_the_host_that_it_reaches`,
//!    `asking::row_9_a_server_that_asks_for_time_has_it_for_all_its_feeds_over_restarts`,
//!    `asking::row_9_what_a_relay_says_of_one_feed_holds_for_that_one`.
//! 7. **"Sent" survives a full disk.** A delivery settles by changing columns that exist since compose, and
//!    nothing is sent without room to record it: a file of ballast is given up for it when there is no other.
//!    A giant feed is stored in chunks, its validators with the last.
//!    A failing disk, or a store that was taken away, ends the process before anything more is sent.
//!    Tests: `disk::sent_survives_a_full_disk`, `disk::a_day_with_a_full_disk_costs_nothing_but_the_day`,
//!    `disk::a_disk_that_fails_ends_it_and_the_next_start_goes_on`, `place::a_store_that_is_taken_away_while_habar_runs_ends_it`,
//!    `damage::a_damaged_store_is_refused_and_left_as_it_is_or_works`, `polls::a_giant_document_is_stored_in_chunks_with_its_validators_in_the_last`,
//!    `poll::a_giant_feed_is_stored_in_chunks_and_its_validators_last`.
//! 8. **Clocks lie.** The daemon's clock goes on steadily; a step of the wall clock is taken together with all
//!    that is due ([`daemon::steps`]), so nobody is asked sooner for it. At the start and after a step, no row is
//!    due later than the bound of its reason: the ceiling for the rhythm, a day for cache headers, a week for
//!    backoff and Retry-After, and the next time of its rule for an alert.
//!    Tests: `clock::a_clock_that_is_set_has_nobody_asked_sooner_or_starved`,
//!    `clock::a_mail_under_way_is_not_taken_again_whatever_the_clock`, `clock::after_a_sleep_what_is_overdue_is_spread`,
//!    `clocks::a_feed_is_due_at_the_latest_at_the_bound_of_its_reason`,
//!    `clocks::an_alert_is_told_at_the_latest_at_the_next_time_of_its_rule`, `schedule::no_due_time_lies_beyond_the_bound_of_its_reason`.
//! 9. **Other processes write too.** They ask by columns of their own ([`io::store::requests`]); a settle takes the
//!    earlier of its plan and what was asked. The daemon notices within a second, and a changed config takes
//!    the work under way from its holder, as does the drop of a mail; a mail that is to go again waits for
//!    the delivery under way. Only a second daemon is locked out.
//!    Tests: `requests::a_settle_takes_the_earlier_of_its_plan_and_the_request`,
//!    `requests::a_reload_takes_away_what_is_read_under_the_old_watches`,
//!    `mail_requests::a_retry_waits_for_the_delivery_that_is_under_way`,
//!    `mail_requests::a_drop_takes_a_mail_from_its_holder_and_a_250_is_written_all_the_same`,
//!    `daemon::other_processes_ask_and_the_daemon_heeds`, `daemon::what_was_asked_while_nothing_ran_is_heeded`,
//!    `commands::polls_and_pauses_are_heeded_by_the_daemon_at_once`,
//!    `commands::what_is_asked_while_nothing_runs_is_heeded_at_the_next_start`,
//!    `commands::a_mail_that_was_given_up_goes_again_or_is_dropped`,
//!    `commands::what_root_asks_for_leaves_the_store_to_its_owner`,
//!    `daemon::a_save_is_read_told_and_obeyed`, `daemon::a_second_daemon_and_once_are_sent_away`.
//! 10. **The administrator is a recipient like any other.** Trouble is told once, until it is over
//!     ([`io::store::notices`]), through the same outbox; a notice that cannot be delivered makes no notice.
//!     Tests: `deliver::what_is_refused_for_good_is_dead_and_told_once`, `deliver::a_dead_notice_makes_no_notice`,
//!     `poll::a_feed_that_fails_for_a_day_is_told_once_each_time`,
//!     `care::a_feed_that_loses_entries_is_asked_more_often_at_once_and_told_once`,
//!     `care::a_feed_that_falls_silent_is_told_once_until_it_speaks_again`,
//!     `poll::sources_that_never_worked_are_one_list_after_a_day`.
//! 11. **Killing the process at any moment loses no alert, and doubles none but by its own copy.** Delivery is at
//!     least once: when a *250* is lost to a crash, the same bytes with the same Message-ID go again.
//!     When the reply to the final dot is lost, only the way that may have taken the mail is tried again.
//!     Tests: `crash::a_crash_in_poll_changes_nothing`, `crash::a_crash_in_read_changes_nothing`,
//!     `crash::a_crash_in_compose_changes_nothing`, `crash::a_crash_in_deliver_sends_the_same_mail_again`,
//!     `kill::nothing_is_lost_and_a_second_copy_is_the_same_mail`,
//!     `week::a_day_of_faults_loses_nothing_and_tells_nothing_twice`,
//!     `deliver::a_mail_of_unknown_fate_goes_by_no_other_way`,
//!     `crash::a_mail_that_was_under_way_when_the_process_died_goes_by_no_other_way`,
//!     `backup::a_copy_taken_beside_the_daemon_takes_the_place_of_the_store`,
//!     `backup::a_mail_composed_after_a_restore_bears_no_id_of_the_time_that_was_lost`.
//! 12. **A stranger's input costs a bounded amount, reaches nothing private and learns no secret.** Bodies are capped
//!     on the wire and decoded, every address is checked at every hop and connected to as it was checked
//!     ([`io::http`]), servers that dawdle hold up nobody, and no feed or page makes the program panic. The headers
//!     and the login of a source go to its own origin only.
//!     Tests: `guard::every_way_to_write_a_private_address_is_seen_through`, `decode::bombs_stop_at_the_limit`,
//!     `guard::a_redirect_into_a_closed_network_sends_no_packet_there`,
//!     `sources::an_index_leads_neither_to_itself_nor_elsewhere`, `sources::a_gigabyte_in_a_small_gzip_is_refused`,
//!     `proxy::what_is_seen_to_be_private_from_here_is_not_asked_through_a_proxy_either`,
//!     `network::fifty_hosts_that_dawdle_do_not_hold_up_the_rest`,
//!     `credentials::they_follow_a_redirect_inside_their_origin_and_to_no_other`,
//!     `credentials::no_log_and_no_store_holds_a_secret`.
//!
//! # Left out on purpose
//!
//! - **A message broker, a scheduler, jobs in memory.** The store's four tables are the queue; what is under way
//!   lives nowhere else.
//! - **A trait for HTTP or for the clock.** Tests run a server on loopback and a clock that stands still.
//! - **Exactly-once delivery.** SMTP cannot promise it.
//! - **The proxies of the environment.** They would pass the guard by; a proxy is configured.
//! - **HTML that loads anything.** A mail has no images, no tracking and nothing to fetch.
//! - **A global configuration.** Each part is handed its own section.
//! - **Language models and stemming dictionaries.** Inflection is tables ([`domain::watch`]), so that a hit can be explained.

pub mod cli;
pub mod config;
pub mod daemon;
pub mod domain;
pub mod io;
pub mod pipeline;
pub mod time;
