//! The clock is set, or the machine slept: no host is asked sooner for it, no source waits longer, no mail
//! goes twice or is given up.

use std::collections::BTreeMap;
use std::time::Duration;

use habar::daemon::steps::Step;
use habar::io::mail::Delivery;
use habar::io::store::lease::Pick;
use habar::pipeline::deliver::Deliver;
use habar::pipeline::{Stage, Window};
use habar::time::{DAY, HOUR, MINUTE, SECOND};

use crate::web::Answer;
use crate::world::{RAILWAY, START, World, item, subjects};

const HOURS: i64 = 3_600_000;
const YEARS: i64 = 365 * 24 * HOURS;
const A: &str = "http://a.test/a.xml";
const B: &str = "http://b.test/b.xml";

fn set(by: i64) -> Step {
    Step { set: by, slept: 0 }
}

/// When each address was asked, by a clock that nobody sets.
#[derive(Default)]
struct Diary {
    passed: Duration,
    asked: BTreeMap<String, Vec<Duration>>,
}

impl Diary {
    async fn pass(&mut self, world: &World, time: Duration) {
        world.advance(time);
        self.passed += time;
        world.run_until_idle().await;
        for address in world.asked() {
            self.asked.entry(address).or_default().push(self.passed);
        }
    }

    /// The shortest and the longest time between two requests for a feed, the last one and the end included.
    fn gaps(&self, address: &str) -> (Duration, Duration) {
        let mut times = self.asked[address].clone();
        let gaps = |times: &[Duration]| {
            times.windows(2).map(|two| two[1].saturating_sub(two[0])).collect::<Vec<_>>()
        };
        let shortest = gaps(&times).into_iter().min().unwrap();
        times.push(self.passed);
        (shortest, gaps(&times).into_iter().max().unwrap())
    }
}

#[tokio::test]
async fn a_clock_that_is_set_has_nobody_asked_sooner_or_starved() {
    let back_and_forth: Vec<_> = (0..240).map(|n| (n, if n % 2 == 0 { HOURS } else { -HOURS })).collect();
    let cases: [(&str, &[(u32, i64)]); 5] = [
        ("ten years ahead", &[(50, 10 * YEARS)]),
        ("a year back", &[(50, -YEARS)]),
        ("to 1970", &[(50, -START.millis())]),
        ("from 1970", &[(0, -START.millis()), (50, START.millis())]),
        ("an hour back and forth every minute", &back_and_forth),
    ];
    for (name, steps) in cases {
        let world = World::settled(RAILWAY).await;
        world.page(B, Answer::status(500));
        let mut diary = Diary::default();
        for minute in 0..300 {
            for (_, by) in steps.iter().filter(|(at, _)| *at == minute) {
                world.step_clock(set(*by)).await;
            }
            diary.pass(&world, MINUTE).await;
        }
        let (shortest, longest) = diary.gaps(A);
        assert!(shortest >= 15 * MINUTE, "{name}: asked again after {shortest:?}");
        assert!(longest <= HOUR + 4 * MINUTE, "{name}: left alone for {longest:?}");
        // A source that fails is asked after an hour, two and four.
        let failing = diary.asked[B].len();
        assert!((2..=4).contains(&failing), "{name}: {failing} requests to one that fails");
    }
}

#[tokio::test]
async fn after_a_sleep_what_is_overdue_is_spread() {
    let sources: String = ["a", "b", "c", "d", "e", "f"]
        .map(|host| format!("[[source]]\nurl = \"http://{host}.test/{host}.xml\"\n"))
        .concat();
    let world = World::settled(&sources).await;
    world.step_clock(Step { set: 0, slept: 8 * HOURS }).await;
    let mut diary = Diary::default();
    diary.pass(&world, Duration::ZERO).await;
    for _ in 0..30 {
        diary.pass(&world, SECOND / 10).await;
    }
    let mut times: Vec<_> = diary.asked.values().flatten().copied().collect();
    times.sort();
    let halves: Vec<_> = (0..6).map(|n| n * SECOND / 2).collect();
    assert_eq!(times, halves, "each once, half a second apart");
}

#[tokio::test]
async fn a_mail_under_way_is_not_taken_again_whatever_the_clock() {
    let steps = [
        set(10 * YEARS),
        set(-YEARS),
        Step { set: 0, slept: 8 * HOURS },
        Step { set: 3 * HOURS, slept: 8 * HOURS },
    ];
    for step in steps {
        let mut world = World::settled(RAILWAY).await;
        let stage = Deliver::new(world.pipeline());
        world.publish(A, item("http://a.test/1", "The railway opens"));
        world.mailer.answer_next([retry()]);
        world.poll_all().await;
        world.advance(2 * MINUTE);
        world.run_until_idle().await;
        world.advance(2 * MINUTE);
        let window = |world: &World| Window { now: world.now(), polls_by: world.now(), pick: Pick::Usual };
        let mut held = stage.claim(window(&world), 4).await.unwrap();
        assert_eq!(held.len(), 1);
        world.step_clock(step).await;
        assert!(stage.claim(window(&world), 4).await.unwrap().is_empty(), "{step:?}");
        let lease = held.remove(0);
        let outcome = stage.perform(&lease).await;
        stage.settle(lease, outcome).await.unwrap();
        world.pass(DAY).await;
        assert_eq!(subjects(&world.mail()).len(), 1, "{step:?}: {:?}", subjects(&world.mail()));
    }
}

fn retry() -> Delivery {
    Delivery::Retry { reason: "451 later".to_owned(), unknown: false, transport: true }
}

#[tokio::test]
async fn a_mail_is_retried_as_if_the_clock_stood_well_and_never_given_up_for_it() {
    for by in [10 * YEARS, -YEARS, HOURS, -HOURS] {
        let mut world = World::settled(RAILWAY).await;
        world.publish(A, item("http://a.test/1", "The railway opens"));
        // Eight tries with pauses of 1, 2, 4, 8, 16, 32 and 60 minutes take two hours.
        world.mailer.answer_next((0..12).map(|_| retry()));
        world.poll_all().await;
        world.pass(2 * MINUTE).await;
        let before = world.mailer.attempts();
        world.step_clock(set(by)).await;
        world.pass(10 * MINUTE).await;
        let tried = world.mailer.attempts() - before;
        assert!((2..=4).contains(&tried), "{by}: {tried} tries in ten minutes");
        world.pass(10 * HOUR).await;
        assert_eq!(subjects(&world.mail()).len(), 1, "{by}: {:?}", subjects(&world.mail()));
        assert!(world.notices().is_empty(), "{by}: {:?}", world.notices());
    }
}
