//! Slots: how much of a stage's work is under way at once.
//!
//! Work that waits for strangers' servers gives its slot up when that takes long: hosts that dawdle must not
//! hold up the rest.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// A server that takes longer than this dawdles.
const PROMPT: Duration = Duration::from_secs(1);
/// So many times its slots a stage may have under way with those that dawdle.
const DAWDLING: usize = 4;

/// The slots of one stage.
pub(super) struct Slots {
    free: Arc<Semaphore>,
    most: usize,
    given_up: Option<Arc<Notify>>,
}

/// One slot; free again when dropped.
pub(super) struct Slot {
    permit: Option<OwnedSemaphorePermit>,
    given_up: Option<Arc<Notify>>,
}

impl Slots {
    /// So many, each kept to the end of its work.
    pub(super) fn kept(count: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), most: count, given_up: None }
    }

    /// So many for what is prompt; `given_up` is told of each that was given up.
    pub(super) fn for_the_prompt(count: usize, given_up: &Arc<Notify>) -> Self {
        Self { most: count * DAWDLING, given_up: Some(Arc::clone(given_up)), ..Self::kept(count) }
    }

    /// How many are free while so much is under way.
    pub(super) fn free(&self, under_way: usize) -> usize {
        self.free.available_permits().min(self.most.saturating_sub(under_way))
    }

    /// Takes one that was seen to be free.
    pub(super) fn take(&self) -> Slot {
        Slot { permit: Arc::clone(&self.free).try_acquire_owned().ok(), given_up: self.given_up.clone() }
    }
}

impl Slot {
    /// Does the work in this slot, or at last without.
    pub(super) async fn during<T>(self, work: impl Future<Output = T>) -> T {
        let Self { permit, given_up } = self;
        let mut work = pin!(work);
        if let Some(given_up) = given_up {
            if let Ok(outcome) = tokio::time::timeout(PROMPT, &mut work).await {
                return outcome;
            }
            drop(permit);
            given_up.notify_one();
            return work.await;
        }
        let outcome = work.await;
        drop(permit);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_slot_is_held_during_its_work() {
        let given_up = Arc::default();
        for slots in [Slots::kept(2), Slots::for_the_prompt(2, &given_up)] {
            assert_eq!(slots.take().during(async { slots.free(1) }).await, 1);
            assert_eq!(slots.free(0), 2);
        }
        assert_eq!(Slots::kept(2).free(2), 0);
        let prompt = Slots::for_the_prompt(2, &given_up);
        assert_eq!((prompt.free(6), prompt.free(7), prompt.free(8)), (2, 1, 0), "however many dawdle");
    }
}
