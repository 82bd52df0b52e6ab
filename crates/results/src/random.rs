//! Random numbers from a seed, the same on every machine and with every version: a run's order and its intervals can
//! be computed again.

use rand_core::Rng as _;
use rand_pcg::Pcg64;

/// A stream of random numbers. Streams of one seed are independent of each other.
#[derive(Debug, Clone)]
pub(crate) struct Random(Pcg64);

/// What a stream is for, so that no two uses of one seed share their numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum SeedPurpose {
    Order,
    Estimate,
    Compare,
    Scale,
    Recommend,
}

impl Random {
    /// The stream number `index` of `seed` for `purpose`.
    pub(crate) fn new(seed: u64, purpose: SeedPurpose, index: u64) -> Self {
        let stream = (purpose as u128) << 64 | u128::from(index);
        let mut random = Self(Pcg64::new(u128::from(seed), stream));
        // Neighbouring seeds give related first numbers.
        for _ in 0..8 {
            random.0.next_u64();
        }
        random
    }

    /// A whole number from 0 to `limit` − 1, each as likely as the others to within `limit` / 2^64.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        let wide = u128::from(self.0.next_u64()) * limit as u128;
        usize::try_from(wide >> 64).expect("it is below `limit`")
    }

    /// Any order of `items` is as likely as any other (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

#[cfg(any(test, feature = "testing"))]
impl Random {
    /// A number from 0 to 1, both excluded.
    pub(crate) fn unit(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// A draw from the normal distribution with mean 0 and deviation 1 (Box and Muller).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.unit().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.unit()).cos()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_numbers_for_ever() {
        let mut random = Random::new(42, SeedPurpose::Order, 0);
        let drawn: Vec<usize> = (0..8).map(|_| random.below(1000)).collect();
        assert_eq!(drawn, [902, 145, 919, 720, 220, 207, 517, 126]);
    }

    #[test]
    fn seeds_purposes_and_streams_do_not_share_their_numbers() {
        let first = |seed, purpose, index| Random::new(seed, purpose, index).0.next_u64();
        let drawn = [
            first(1, SeedPurpose::Order, 0),
            first(2, SeedPurpose::Order, 0),
            first(1, SeedPurpose::Order, 1),
            first(1, SeedPurpose::Estimate, 0),
        ];
        let distinct: std::collections::BTreeSet<_> = drawn.iter().collect();
        assert_eq!(distinct.len(), drawn.len());
    }

    #[test]
    fn every_number_below_the_limit_is_about_as_likely() {
        let mut random = Random::new(7, SeedPurpose::Order, 0);
        let mut seen = [0_u32; 6];
        for _ in 0..60_000 {
            seen[random.below(6)] += 1;
        }
        assert!(
            seen.iter().all(|count| (9_600..10_400).contains(count)),
            "{seen:?}"
        );
    }
}
