//! Seeded chance. The same seed gives the same numbers on every machine, for ever.
use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng},
};

/// A stream of random numbers, named by a seed and a path, so that no two users share one.
#[derive(Clone, Debug)]
pub struct Rng(ChaCha8Rng);

impl Rng {
    /// The stream of `seed` for one purpose: say `[connection, direction, event]`.
    pub fn new(seed: u64, path: &[u64]) -> Self {
        let mixed = path.iter().fold(mix(seed), |acc, step| mix(acc ^ mix(*step)));
        Self(ChaCha8Rng::seed_from_u64(mixed))
    }
    /// Any 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }
    /// A number in `[0, 1)`.
    pub fn fraction(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }
    /// A number in `[0, n)`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(n)) >> 64) as u64
    }
}

/// SplitMix64's finalizer: spreads neighbouring numbers far apart.
fn mix(n: u64) -> u64 {
    let z = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A scenario must replay years later, so these numbers may never change.
    #[test]
    fn the_numbers_of_a_seed_are_fixed() {
        let mut rng = Rng::new(7, &[1, 2]);
        let first = [rng.next_u64(), rng.next_u64()];
        assert_eq!(first, [4_368_998_654_108_767_079, 7_345_990_020_762_877_880]);
    }

    #[test]
    fn paths_do_not_share_numbers() {
        let draw = |path: &[u64]| Rng::new(7, path).next_u64();
        assert_ne!(draw(&[1, 2]), draw(&[2, 1]));
        assert_ne!(draw(&[1]), draw(&[1, 0]));
    }

    #[test]
    fn below_stays_below() {
        let mut rng = Rng::new(1, &[]);
        assert!((0..1000).all(|_| rng.below(3) < 3));
        assert_eq!(rng.below(0), 0);
    }
}
