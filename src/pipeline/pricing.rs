//! The price of a request: one for all feeds, found anew at times so that together they spend the budget.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::plan::SourcePlan;
use super::{Pipeline, Plan};
use crate::domain::schedule::price::{Demand, Price};
use crate::domain::schedule::rate::Rate;
use crate::io::store::Error;
use crate::io::store::pacing::Paced;

/// The price at present, and what was spent since it was found.
pub(super) struct Pricing {
    price: Mutex<Price>,
    polls: AtomicUsize,
}

impl Pricing {
    /// The price while nothing is known of the feeds of `plan`.
    pub(super) fn new(plan: &Plan) -> Self {
        let demand = |source: &SourcePlan| source.rhythm(plan.rhythm).demand(Rate::UNKNOWN, None);
        let feeds: Vec<Demand> = plan.sources.values().map(demand).collect();
        let price = Mutex::new(Price::first(plan.rhythm.budget, &feeds));
        Self { price, polls: AtomicUsize::new(0) }
    }

    /// A poll was made that the budget pays for.
    pub(super) fn count(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    fn current(&self) -> Price {
        *self.price.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pipeline {
    /// What a request costs at present, in seconds of delay of one item.
    pub fn request_price(&self) -> f64 {
        self.pricing.current().seconds()
    }

    /// Goes on with the price of the process before this one.
    pub async fn recall_price(&self) -> Result<(), Error> {
        if let Some(price) = self.store.price().await? {
            *self.pricing.price.lock().unwrap_or_else(PoisonError::into_inner) = price;
        }
        self.find_price(Duration::ZERO).await
    }

    /// Finds the price anew, so long after it was found last.
    pub async fn find_price(&self, elapsed: Duration) -> Result<(), Error> {
        let plan = self.plan();
        let feeds = demands(&plan, &self.store.paced().await?);
        let mut price = self.pricing.current();
        let polls = self.pricing.polls.swap(0, Ordering::Relaxed);
        price.adjust(elapsed, plan.rhythm.budget, &feeds, polls);
        *self.pricing.price.lock().unwrap_or_else(PoisonError::into_inner) = price;
        tracing::debug!(feeds = feeds.len(), polls, seconds = price.seconds(), "price of a request found");
        self.store.keep_price(price).await
    }
}

fn demands(plan: &Plan, paced: &[Paced]) -> Vec<Demand> {
    let demand = |feed: &Paced| {
        let source = plan.sources.get(&feed.feed)?;
        Some(source.rhythm(plan.rhythm).demand(feed.level, feed.fresh_for))
    };
    paced.iter().filter_map(demand).collect()
}
