//! Deliver: a message goes out, and the server's reply is kept as the ledger.

use std::sync::Arc;
use std::time::Duration;

use super::{Pipeline, Stage, Window};
use crate::domain::text;
use crate::io::mail::{Delivery, Envelope};
use crate::io::store::Error;
use crate::io::store::lease::{Lease, Settled};
use crate::io::store::notices::{MAIL_NOT_DELIVERED, NoticeChange, mail_subject};
use crate::io::store::outbox::{DELIVERY_LEASE, DeliveryPlan, DueMessage};
use crate::time::{HOUR, Timestamp, show_duration};

/// A message is tried for this long, unless the server refuses it for good.
const PATIENCE: Duration = Duration::from_hours(5 * 24);
/// And at least this often: a machine may have slept, or its clock have jumped.
const TRIES: u32 = 8;

/// The fourth stage.
pub struct Deliver {
    pipeline: Arc<Pipeline>,
}

impl Deliver {
    /// The stage on `pipeline`.
    pub fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }
}

/// How a delivery ended.
pub struct Tried {
    delivery: Delivery,
    retry: Duration,
}

impl Stage for Deliver {
    const NAME: &'static str = "deliver";
    const DEADLINE: Duration = DELIVERY_LEASE;
    type Lease = Lease<DueMessage>;
    type Outcome = Tried;

    async fn claim(&self, window: Window, limit: usize) -> Result<Vec<Self::Lease>, Error> {
        self.pipeline.store.claim_messages(window.now, self.pipeline.plan().via.clone(), limit).await
    }

    async fn perform(&self, lease: &Self::Lease) -> Tried {
        let plan = self.pipeline.plan();
        let message = &lease.job;
        let refused = |reason| Delivery::Retry { reason, unknown: false, transport: true };
        let delivery = if message.goes_by != plan.via {
            refused(format!("the way mail goes has been changed to {}", plan.via))
        } else if !message.via.is_empty() && message.via != plan.via {
            // Another way would not know the copy by its Message-ID.
            refused(format!(
                "may have been sent by {} already; set that way again, or `habar outbox retry --any-way` or drop it",
                message.via
            ))
        } else {
            let envelope = Envelope {
                from: &plan.from_address,
                to: &message.to,
                message_id: &message.message_id,
                bytes: &message.body,
            };
            plan.mailer.send(&envelope, &mut |_| {}).await
        };
        Tried { delivery, retry: plan.mail_retry }
    }

    async fn settle(&self, lease: Self::Lease, tried: Tried) -> Result<(), Error> {
        let _steady = self.pipeline.hold_clock().await;
        let now = self.pipeline.clock.now();
        let (to, subject) = (lease.job.to.clone(), lease.job.subject.clone());
        let (attempts, message_id) = (lease.attempts, lease.job.message_id.clone());
        let plan = decide(&lease.job, attempts, tried, now);
        let outcome = plan.clone();
        if self.pipeline.store.settle_delivery(lease, plan, now).await? == Settled::Lost {
            tracing::debug!(message_id, "delivery was taken away");
            return Ok(());
        }
        match outcome {
            DeliveryPlan::Sent { reply } => tracing::info!(to, subject, message_id, reply, "mail sent"),
            DeliveryPlan::Retry { at, error, .. } if is_told(attempts) => {
                tracing::warn!(to, subject, message_id, attempts, error, next = %at, "mail not sent yet");
            }
            DeliveryPlan::Retry { at, error, .. } => {
                tracing::debug!(to, subject, message_id, attempts, error, next = %at, "mail still not sent");
            }
            DeliveryPlan::Dead { reply, .. } => {
                tracing::error!(to, subject, message_id, reply, "mail given up");
            }
        }
        Ok(())
    }
}

/// The first failure is told, and then ever more rarely that it lasts: after 7 minutes, 2 hours, 10 hours.
fn is_told(attempts: u32) -> bool {
    attempts == 1 || (attempts >= 4 && attempts.is_power_of_two())
}

fn decide(message: &DueMessage, attempts: u32, tried: Tried, now: Timestamp) -> DeliveryPlan {
    // What an earlier attempt may have done, a refusal does not undo.
    let via = |unknown| if unknown { message.goes_by.clone() } else { message.via.clone() };
    match tried.delivery {
        Delivery::Sent { reply } => DeliveryPlan::Sent { reply },
        Delivery::Dead { reply } => dead(message, reply, via(false)),
        Delivery::Retry { reason, unknown, .. }
            if attempts >= TRIES && now.since(message.since) >= PATIENCE =>
        {
            dead(message, format!("not sent for {}: {reason}", show_duration(PATIENCE)), via(unknown))
        }
        Delivery::Retry { reason, unknown, .. } => {
            DeliveryPlan::Retry { at: now + backoff(tried.retry, attempts), error: reason, via: via(unknown) }
        }
    }
}

/// Doubles from `first` to an hour.
fn backoff(first: Duration, attempts: u32) -> Duration {
    first.saturating_mul(1 << attempts.saturating_sub(1).min(20)).min(HOUR.max(first))
}

fn dead(message: &DueMessage, reply: String, via: String) -> DeliveryPlan {
    let notice = if message.is_notice {
        NoticeChange::None
    } else {
        NoticeChange::Raise {
            kind: MAIL_NOT_DELIVERED.to_owned(),
            subject: mail_subject(&message.message_id, &message.to),
            message: format!("\u{201c}{}\u{201d}: {reply}", text::cut(&message.subject, 120)),
        }
    };
    DeliveryPlan::Dead { reply, via, notice }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{DAY, MINUTE, SECOND};

    fn message() -> DueMessage {
        DueMessage {
            id: 1,
            to: "desk@example.org".to_owned(),
            message_id: "<1@example.org>".to_owned(),
            subject: "[OTS] News".to_owned(),
            body: Vec::new(),
            since: Timestamp::from_millis(0),
            via: String::new(),
            goes_by: "smtps://mail.example.org".to_owned(),
            is_notice: false,
        }
    }

    fn after(wait: Duration, attempts: u32, delivery: Delivery) -> DeliveryPlan {
        let tried = Tried { delivery, retry: MINUTE };
        decide(&message(), attempts, tried, Timestamp::from_millis(0) + wait)
    }

    fn retry(unknown: bool) -> Delivery {
        Delivery::Retry { reason: "451 later".to_owned(), unknown, transport: false }
    }

    #[test]
    fn a_failure_is_told_at_once_and_then_ever_more_rarely() {
        let told: Vec<u32> = (1..=130).filter(|attempts| is_told(*attempts)).collect();
        assert_eq!(told, [1, 4, 8, 16, 32, 64, 128]);
    }

    #[test]
    fn retries_double_from_a_minute_to_an_hour_for_five_days() {
        for (attempts, minutes) in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (100, 60)] {
            assert_eq!(backoff(MINUTE, attempts), minutes * MINUTE, "attempt {attempts}");
        }
        assert!(matches!(after(4 * DAY, 90, retry(false)), DeliveryPlan::Retry { .. }));
        assert!(matches!(after(5 * DAY, 90, retry(false)), DeliveryPlan::Dead { .. }));
        assert!(matches!(after(9 * DAY, 1, retry(false)), DeliveryPlan::Retry { .. }), "the machine slept");
    }

    #[test]
    fn an_unknown_fate_is_tied_to_its_way() {
        let via = |unknown| match after(SECOND, 1, retry(unknown)) {
            DeliveryPlan::Retry { via, .. } => via,
            other => panic!("{other:?}"),
        };
        assert_eq!(via(true), "smtps://mail.example.org");
        assert_eq!(via(false), "");
        let tried = Tried { delivery: retry(false), retry: MINUTE };
        let message = DueMessage { via: "smtps://mail.example.org".to_owned(), ..message() };
        match decide(&message, 2, tried, Timestamp::from_millis(0)) {
            DeliveryPlan::Retry { via, .. } => {
                assert_eq!(via, "smtps://mail.example.org", "an earlier one's too");
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_mail_that_is_given_up_stays_tied_to_the_way_that_may_have_taken_it() {
        let via = |delivery| match after(9 * DAY, 90, delivery) {
            DeliveryPlan::Dead { via, .. } => via,
            other => panic!("{other:?}"),
        };
        assert_eq!(via(retry(true)), "smtps://mail.example.org");
        assert_eq!(via(retry(false)), "");
        assert_eq!(via(Delivery::Dead { reply: "550 no".to_owned() }), "", "a refusal is no unknown fate");
    }

    #[test]
    fn a_dead_mail_is_told_and_a_dead_notice_is_not() {
        let refuse = || Delivery::Dead { reply: "550 no such user".to_owned() };
        let told = |plan: &DeliveryPlan| match plan {
            DeliveryPlan::Dead { notice, .. } => *notice != NoticeChange::None,
            other => panic!("{other:?}"),
        };
        assert!(told(&after(SECOND, 1, refuse())));
        let tried = Tried { delivery: refuse(), retry: MINUTE };
        let notice = DueMessage { is_notice: true, ..message() };
        assert!(!told(&decide(&notice, 1, tried, Timestamp::from_millis(0))));
    }
}
