//! Chance that can be had again: numbers that follow from a seed and nothing else.

use std::time::Duration;

/// A generator of numbers (splitmix64).
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The generator of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5DEE_CE66)
    }

    /// Another generator, whose numbers do not change when more is drawn from this one.
    pub fn branch(&self, name: u64) -> Self {
        Self(self.clone().draw() ^ name.wrapping_mul(0xD6E8_FEB8_6659_FD93))
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number under `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.draw() % bound as u64).unwrap_or(0)
    }

    /// True once in `many` times.
    pub fn one_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// One of these.
    pub fn pick<'a, T>(&mut self, these: &'a [T]) -> &'a T {
        &these[self.below(these.len())]
    }

    /// A time between the two, in whole seconds.
    pub fn time(&mut self, least: Duration, most: Duration) -> Duration {
        let room = most.saturating_sub(least).as_secs() + 1;
        least + Duration::from_secs(self.draw() % room)
    }

    /// These in another order.
    pub fn shuffle<T>(&mut self, these: &mut [T]) {
        for last in (1..these.len()).rev() {
            these.swap(last, self.below(last + 1));
        }
    }

    /// Words that mean nothing.
    pub fn words(&mut self, count: usize) -> String {
        const SYLLABLES: [&str; 24] = [
            "ba", "dor", "ke", "lim", "mu", "nar", "ot", "pes", "ri", "sul", "ta", "ven", "wo", "yk", "zel",
            "gan", "hu", "jo", "fra", "quo", "ix", "emb", "ost", "und",
        ];
        let word = |chance: &mut Self| -> String {
            let length = 2 + chance.below(3);
            (0..length).map(|_| *chance.pick(&SYLLABLES)).collect()
        };
        let words: Vec<String> = (0..count).map(|_| word(self)).collect();
        words.join(" ")
    }
}
