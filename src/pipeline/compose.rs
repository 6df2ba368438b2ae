//! Compose: the open alerts of a person become messages, with their final bytes and Message-IDs.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::read::Found;
use super::{Pipeline, Plan, Stage, Window};
use crate::domain::digest::release::quiet_until;
use crate::domain::digest::{self, Later, Letter, Mail, MailError, Mark, NoticeLine, Outlet, Told};
use crate::domain::watch::Field;
use crate::io::store::Error;
use crate::io::store::lease::{Lease, Settled};
use crate::io::store::outbox::{COMPOSE_LEASE, ComposePlan, DueRecipient, LateCopy, NewMessage, OpenAlert};
use crate::time::{HOUR, Timestamp};

/// The third stage.
pub struct Compose {
    pipeline: Arc<Pipeline>,
}

impl Compose {
    /// The stage on `pipeline`.
    pub fn new(pipeline: Arc<Pipeline>) -> Self {
        Self { pipeline }
    }
}

impl Stage for Compose {
    const NAME: &'static str = "compose";
    const DEADLINE: Duration = COMPOSE_LEASE;
    type Lease = Lease<DueRecipient>;
    type Outcome = ComposePlan;

    async fn claim(&self, window: Window, limit: usize) -> Result<Vec<Self::Lease>, Error> {
        self.pipeline.store.claim_recipients(window.now, limit).await
    }

    async fn perform(&self, lease: &Self::Lease) -> ComposePlan {
        let plan = self.pipeline.plan();
        let now = self.pipeline.clock.now();
        let ids = Ids { store: self.pipeline.store.id(), claim: lease.unique(), now };
        decide(&plan, &lease.job, &ids, now)
    }

    async fn settle(&self, lease: Self::Lease, plan: ComposePlan) -> Result<(), Error> {
        let to = lease.job.address.clone();
        let alerts: usize = plan.messages.iter().map(|message| message.alerts.len()).sum();
        let (messages, cancelled) = (plan.messages.len(), plan.cancelled.len());
        if self.pipeline.store.settle_compose(lease, plan).await? == Settled::Written {
            if messages > 0 {
                tracing::debug!(to, messages, alerts, "mail composed");
            }
            if cancelled > 0 {
                tracing::info!(to, cancelled, "alerts cancelled: their watch or recipient is gone");
            }
        }
        Ok(())
    }
}

/// What Message-IDs are made of: nothing that another store or another claim has. A store that was restored
/// from a backup counts its claims anew, and mail servers drop what bears the id of an earlier mail.
struct Ids<'a> {
    store: &'a str,
    claim: String,
    now: Timestamp,
}

impl Ids<'_> {
    fn message(&self, number: usize, sender: &str) -> String {
        let domain = sender.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        format!("<{}.{}.{number}.{}@{domain}>", self.store, self.claim, self.now.millis())
    }
}

fn decide(plan: &Plan, recipient: &DueRecipient, ids: &Ids<'_>, now: Timestamp) -> ComposePlan {
    let (loud, quiet) = parted(plan, recipient, now);
    let mut decided = ComposePlan { now, messages: Vec::new(), cancelled: Vec::new(), quiet, put_off: None };
    for alert in recipient.alerts.iter().filter(|alert| !alert.active) {
        let why = format!(
            "cancelled: the watch \u{201c}{}\u{201d} or this recipient is no longer configured",
            alert.watch
        );
        decided.cancelled.push((alert.id, alert.subscription, why));
    }
    let (groups, put_off) = grouped(&loud, recipient, plan.fold_after, now);
    decided.put_off = put_off;
    for group in groups {
        let id = ids.message(decided.messages.len(), &plan.from_address);
        let copies: Vec<_> =
            recipient.copies.iter().filter(|c| c.subscription == group[0].subscription).collect();
        match letter(plan, recipient, &group, &copies, id, now) {
            Ok(message) => decided.messages.push(message),
            // The alerts stay open; an hour later another try may find other words.
            Err(error) => {
                tracing::error!(to = recipient.address, %error, "mail cannot be composed");
                decided.put_off = Some(now + HOUR);
            }
        }
    }
    if !recipient.notices.is_empty() {
        let id = ids.message(decided.messages.len(), &plan.from_address);
        match notice(plan, recipient, id, now) {
            Ok(message) => decided.messages.push(message),
            Err(error) => tracing::error!(to = recipient.address, %error, "notice cannot be composed"),
        }
    }
    decided
}

/// The alerts that may be told now, and until when each of the others waits: sleep, a clock that was set and
/// a full hour can bring an alert into quiet hours that was released before them.
fn parted<'a>(
    plan: &Plan,
    recipient: &'a DueRecipient,
    now: Timestamp,
) -> (Vec<&'a OpenAlert>, Vec<(i64, Timestamp)>) {
    let (mut loud, mut quiet) = (Vec::new(), Vec::new());
    for alert in recipient.alerts.iter().filter(|alert| alert.active) {
        let watch = plan.watches.iter().find(|watch| watch.name == alert.watch);
        match watch.and_then(|watch| quiet_until(&watch.timing, now)) {
            Some(until) => quiet.push((alert.id, until)),
            None => loud.push(alert),
        }
    }
    (loud, quiet)
}

/// The alerts of one mail: those of its subscription, and those of other watches on the same stories.
type Group<'a> = Vec<&'a OpenAlert>;

/// One mail a subscription; a story that several watches hit is told by the first. What is over the
/// limit of an hour waits for the end of that hour.
fn grouped<'a>(
    alerts: &[&'a OpenAlert],
    recipient: &DueRecipient,
    fold_after: usize,
    now: Timestamp,
) -> (Vec<Group<'a>>, Option<Timestamp>) {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for alert in alerts.iter().copied() {
        let tells = |group: &&mut Group<'_>| group.iter().any(|told| told.story == alert.story);
        if let Some(group) = groups.iter_mut().find(tells) {
            group.push(alert);
        } else if let Some(group) = groups.iter_mut().find(|g| g[0].subscription == alert.subscription) {
            group.push(alert);
        } else {
            groups.push(vec![alert]);
        }
    }
    let room = fold_after.saturating_sub(recipient.recent.len());
    if groups.len() <= room {
        return (groups, None);
    }
    groups.truncate(room);
    let hour_began = recipient.recent.first().copied().unwrap_or(now);
    (groups, Some(hour_began + HOUR))
}

fn letter(
    plan: &Plan,
    recipient: &DueRecipient,
    group: &[&OpenAlert],
    copies: &[&LateCopy],
    message_id: String,
    now: Timestamp,
) -> Result<NewMessage, MailError> {
    let first = group[0];
    let watch = plan.watches.iter().find(|w| w.name == first.watch);
    let letter = Letter {
        from: plan.from.clone(),
        to: recipient.address.clone(),
        watch: first.watch.clone(),
        message_id: message_id.clone(),
        references: references(copies),
        date: now,
        zone: watch.map_or_else(|| plan.zone.clone(), |w| w.timing.zone.clone()),
        stories: stories(plan, group),
        later: later(plan, copies),
    };
    let Mail { subject, bytes } = digest::compose(&letter)?;
    Ok(NewMessage {
        subscription: first.subscription,
        message_id,
        subject,
        body: bytes,
        alerts: group.iter().map(|alert| alert.id).collect(),
        copies: copies.iter().map(|copy| copy.alert).collect(),
        notices: Vec::new(),
    })
}

fn references(copies: &[&LateCopy]) -> Vec<String> {
    let mut seen = HashSet::new();
    copies.iter().map(|copy| copy.told_by.clone()).filter(|id| seen.insert(id.clone())).collect()
}

fn stories(plan: &Plan, group: &[&OpenAlert]) -> Vec<Told> {
    let mut told: Vec<Told> = Vec::new();
    for alert in group {
        match told.iter_mut().find(|story| story.story == alert.story) {
            Some(story) => {
                story.also_watches.push(alert.watch.clone());
                story.hits.extend(marks(&alert.found));
            }
            None => told.push(story(plan, alert)),
        }
    }
    told
}

fn story(plan: &Plan, alert: &OpenAlert) -> Told {
    let article = &alert.article;
    let also_in = alert.also_in.iter().map(|copy| Outlet {
        name: plan.outlet(&copy.source, copy.feed_title.as_deref()),
        link: copy.link.clone(),
    });
    Told {
        story: alert.story,
        title: article.title.clone(),
        link: article.link.clone(),
        outlet: plan.outlet(&article.source, article.feed_title.as_deref()),
        author: article.author.clone(),
        published: article.published,
        language: article.language.clone(),
        text: article.text.clone(),
        hits: marks(&alert.found),
        also_in: also_in.collect(),
        also_watches: Vec::new(),
    }
}

/// The stored hits; a row that cannot be read tells no sentence, but its story is told all the same.
fn marks(found: &str) -> Vec<Mark> {
    let found: Vec<Found> = serde_json::from_str(found).unwrap_or_default();
    let mark = |hit: Found| Mark {
        term: hit.term,
        field: if hit.in_title { Field::Title } else { Field::Text },
        before: hit.before,
        matched: hit.matched,
        after: hit.after,
    };
    found.into_iter().map(mark).collect()
}

fn later(plan: &Plan, copies: &[&LateCopy]) -> Vec<Later> {
    let mut later: Vec<(i64, Later)> = Vec::new();
    for copy in copies {
        let outlet =
            Outlet { name: plan.outlet(&copy.source, copy.feed_title.as_deref()), link: copy.link.clone() };
        match later.iter_mut().find(|(alert, _)| *alert == copy.alert) {
            Some((_, known)) => known.outlets.push(outlet),
            None => later.push((copy.alert, Later { title: copy.title.clone(), outlets: vec![outlet] })),
        }
    }
    later.into_iter().map(|(_, later)| later).collect()
}

fn notice(
    plan: &Plan,
    recipient: &DueRecipient,
    message_id: String,
    now: Timestamp,
) -> Result<NewMessage, MailError> {
    let lines = recipient.notices.iter().map(|(_, _, notice)| NoticeLine {
        kind: notice.kind.clone(),
        subject: notice.subject.clone(),
        message: notice.message.clone(),
        since: notice.since,
    });
    let Mail { subject, bytes } = digest::notice(&digest::Notice {
        from: plan.from.clone(),
        to: recipient.address.clone(),
        message_id: message_id.clone(),
        date: now,
        zone: plan.zone.clone(),
        lines: lines.collect(),
    })?;
    Ok(NewMessage {
        subscription: recipient.notices.first().map_or(0, |(_, subscription, _)| *subscription),
        message_id,
        subject,
        body: bytes,
        alerts: Vec::new(),
        copies: Vec::new(),
        notices: recipient.notices.iter().map(|(id, ..)| *id).collect(),
    })
}
