//! What a request costs: one price for all feeds, found so that together they spend the budget.

use std::time::Duration;

use super::number;
use crate::time::DAY;

/// How often the price is found anew: feeds that were just added are soon known.
pub const INTERVAL: Duration = Duration::from_mins(10);

/// What was spent counts half after this: it has to outlast the rhythm of a week.
const HALF_LIFE: f64 = 7.0 * 86_400.0;
/// As long as fewer polls than a day of the budget were counted, the forecast is believed.
const FIRST_DAYS: f64 = 1.0;
/// Steps of the bisection: it ends within a millionth of the price.
const STEPS: u32 = 26;

/// What one feed would spend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// Items a second.
    pub level: f64,
    /// The shortest time between two of its polls.
    pub floor: Duration,
    /// The longest.
    pub ceiling: Duration,
}

/// The same in numbers that a price is quickly tried on, in seconds.
struct Curve {
    /// The wait at a price of 1; it grows with the root of the price.
    wait: f64,
    floor: f64,
    ceiling: f64,
}

impl From<&Demand> for Curve {
    fn from(demand: &Demand) -> Self {
        let floor = demand.floor.as_secs_f64().max(1e-3);
        let ceiling = demand.ceiling.as_secs_f64().max(floor);
        Self { wait: (2.0 / demand.level.max(1e-12)).sqrt(), floor, ceiling }
    }
}

/// The price of a request in seconds of delay, and how its forecasts have turned out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Price {
    seconds: f64,
    spent: f64,
    foreseen: f64,
}

impl Price {
    /// Before anything was spent.
    pub fn first(budget: u32, feeds: &[Demand]) -> Self {
        let mut price = Self { seconds: 1.0, spent: 0.0, foreseen: 0.0 };
        price.seconds = price.find(budget, &curves(feeds));
        price
    }

    /// In seconds of delay of one item.
    pub fn seconds(&self) -> f64 {
        self.seconds
    }

    /// Finds the price anew, `polls` having been made in the time that has `elapsed` since it was found last.
    ///
    /// Requests fall steadily as the price rises, so it is found by bisection. The forecast takes each
    /// feed's level as steady; what it is wrong by, as a whole, shows in what was spent.
    pub fn adjust(&mut self, elapsed: Duration, budget: u32, feeds: &[Demand], polls: usize) {
        let elapsed = elapsed.as_secs_f64();
        let kept = (-elapsed / HALF_LIFE).exp2();
        self.spent = self.spent * kept + number(polls);
        let curves = curves(feeds);
        self.foreseen = self.foreseen * kept + forecast(&curves, self.seconds) * elapsed;
        // While none can be had, what they cost is not known.
        if !curves.is_empty() {
            self.seconds = self.find(budget, &curves);
        }
    }

    /// What the store keeps.
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.seconds, self.spent, self.foreseen].into_iter().flat_map(f64::to_le_bytes).collect()
    }

    /// Reads what [`Self::to_bytes`] wrote; none of anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks() else { return None };
        let [seconds, spent, foreseen] = *numbers else { return None };
        let [seconds, spent, foreseen] = [seconds, spent, foreseen].map(f64::from_le_bytes);
        let sound = [seconds, spent, foreseen].iter().all(|number| number.is_finite() && *number >= 0.0);
        sound.then_some(Self { seconds, spent, foreseen })
    }

    fn find(&self, budget: u32, feeds: &[Curve]) -> f64 {
        let a_day = f64::from(budget) * number(feeds.len());
        let (budget, firm) = (a_day / DAY.as_secs_f64(), a_day * FIRST_DAYS);
        let bias = ((self.spent + firm) / (self.foreseen + firm).max(f64::MIN_POSITIVE)).clamp(0.5, 2.0);
        let (mut low, mut high) = (-7.0_f64, 35.0_f64);
        for _ in 0..STEPS {
            let middle = f64::midpoint(low, high);
            if forecast(feeds, middle.exp()) * bias > budget { low = middle } else { high = middle }
        }
        high.exp()
    }
}

fn curves(feeds: &[Demand]) -> Vec<Curve> {
    feeds.iter().map(Curve::from).collect()
}

/// Requests a second at a price.
fn forecast(feeds: &[Curve], price: f64) -> f64 {
    let root = price.sqrt();
    feeds.iter().map(|feed| (feed.wait * root).min(feed.ceiling).max(feed.floor).recip()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{HOUR, MINUTE};

    fn demand(per_day: f64) -> Demand {
        Demand { level: per_day / 86_400.0, floor: 15 * MINUTE, ceiling: 2 * HOUR }
    }

    fn per_day(feeds: &[Demand], price: Price) -> f64 {
        forecast(&curves(feeds), price.seconds()) * 86_400.0 / number(feeds.len())
    }

    #[test]
    fn the_price_spends_the_budget() {
        let feeds: Vec<_> = [0.1, 1.0, 5.0, 20.0, 80.0, 300.0].map(demand).to_vec();
        for budget in [24, 36, 48, 72] {
            let spent = per_day(&feeds, Price::first(budget, &feeds));
            assert!((spent - f64::from(budget)).abs() < 0.1, "{budget}: {spent}");
        }
    }

    #[test]
    fn what_the_floor_cannot_spend_stays_unspent() {
        let feeds = [demand(10.0)];
        assert!((per_day(&feeds, Price::first(1000, &feeds)) - 96.0).abs() < 0.1);
        assert!((per_day(&feeds, Price::first(1, &feeds)) - 12.0).abs() < 0.1, "nor the ceiling be passed");
    }

    #[test]
    fn a_forecast_that_was_too_low_is_made_good() {
        let feeds: Vec<_> = [5.0, 20.0, 80.0].map(demand).to_vec();
        let mut price = Price::first(48, &feeds);
        let before = price.seconds();
        for hour in 1..=24 * 7 {
            // A tenth more than was foreseen.
            price.adjust(HOUR, 48, &feeds, if hour % 5 == 0 { 8 } else { 6 + usize::from(hour % 2 == 0) });
        }
        assert!(price.seconds() > before, "{} after {before}", price.seconds());
    }

    #[test]
    fn what_is_stored_comes_back() {
        let feeds: Vec<_> = [5.0, 20.0, 80.0].map(demand).to_vec();
        let mut price = Price::first(48, &feeds);
        price.adjust(HOUR, 48, &feeds, 7);
        assert_eq!(Price::from_bytes(&price.to_bytes()), Some(price));
        assert_eq!(Price::from_bytes(&price.to_bytes()[1..]), None);
        assert_eq!(Price::from_bytes(&[0xFF; 24]), None, "not a number");
    }

    #[test]
    fn nothing_to_poll_has_a_price_too() {
        let mut price = Price::first(48, &[]);
        price.adjust(HOUR, 48, &[], 0);
        assert!(price.seconds().is_finite());
        let mut price = Price::first(48, &[demand(10.0)]);
        let before = price.seconds();
        price.adjust(HOUR, 48, &[], 0);
        assert_eq!(price.seconds().to_bits(), before.to_bits(), "while no feed can be had it stays");
    }
}
