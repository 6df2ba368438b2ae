//! The four stages: each claims due work, performs it, decides, and settles in one transaction.
//!
//! ```text
//! poll ──entries──▶ read ──alerts──▶ compose ──messages──▶ deliver
//! ```
//!
//! A stage's `perform` meets the outside world, whose failures are data in its outcome; `Err` means
//! that the store could not settle.

pub mod compose;
pub mod deliver;
pub mod driver;
pub mod plan;
pub mod poll;
mod pricing;
pub mod read;
mod slots;

use std::future::Future;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::Semaphore;

use crate::io::store::lease::Pick;
use crate::io::store::{Error, Store};
use crate::time::{Clock, Timestamp};

pub use plan::Plan;
use pricing::Pricing;

/// What all stages share: the store, the clock and the plan in force.
pub struct Pipeline {
    /// The queue and the truth.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    plan: RwLock<Arc<Plan>>,
    pricing: Pricing,
    readers: Semaphore,
    steps: tokio::sync::RwLock<()>,
}

/// Documents that are taken apart at once: a hostile one may want a hundred megabytes for it.
const READERS: usize = 4;

impl Pipeline {
    /// A pipeline under `plan`.
    pub fn new(store: Store, clock: Clock, plan: Plan) -> Arc<Self> {
        Arc::new(Self {
            store,
            clock,
            pricing: Pricing::new(&plan),
            plan: RwLock::new(Arc::new(plan)),
            readers: Semaphore::new(READERS),
            steps: tokio::sync::RwLock::default(),
        })
    }

    /// The plan in force now.
    pub fn plan(&self) -> Arc<Plan> {
        Arc::clone(&self.plan.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Holds the clock: from the moment at which something is decided until it is stored, no step of the wall
    /// clock may come in between, or the one would be moved by it and the other not.
    pub async fn hold_clock(&self) -> tokio::sync::RwLockReadGuard<'_, ()> {
        self.steps.read().await
    }

    /// Waits until nobody holds the clock.
    pub async fn let_clock_step(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.steps.write().await
    }

    /// Puts another plan in force; work under way ends under the old one, or is lost to it.
    pub fn replace_plan(&self, plan: Plan) {
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(plan);
    }

    /// Runs heavy work where it holds up nobody. A panic in it is the input's doing: `None`.
    async fn off_thread<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        // Never closed; without a permit the work would still be right.
        let _permit = self.readers.acquire().await.ok();
        tokio::task::spawn_blocking(work).await.ok()
    }
}

/// Which work a claim may take.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// The present.
    pub now: Timestamp,
    /// Feeds due later than this are left alone.
    pub polls_by: Timestamp,
    /// Usual work, or what was held when a process died.
    pub pick: Pick,
}

/// One of the four stages.
pub trait Stage: Send + Sync + 'static {
    /// Its name in logs.
    const NAME: &'static str;
    /// Performing takes no longer than this, which is how long a claim holds; what does has hung.
    const DEADLINE: Duration;
    /// What a claim hands out.
    type Lease: Send + Sync + 'static;
    /// What performing it yields.
    type Outcome: Send + 'static;

    /// Takes up to `limit` pieces of due work.
    fn claim(
        &self,
        window: Window,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Self::Lease>, Error>> + Send;

    /// Does the work and decides; failures of the outside world are part of the outcome.
    fn perform(&self, lease: &Self::Lease) -> impl Future<Output = Self::Outcome> + Send;

    /// Writes the outcome in one transaction.
    fn settle(
        &self,
        lease: Self::Lease,
        outcome: Self::Outcome,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}
