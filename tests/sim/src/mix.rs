//! Randomness that follows from a seed, a stream per purpose; and the hash that tells whether two runs were
//! the same.

use fastrand::Rng;

/// 64-bit FNV prime.
const PRIME: u64 = 0x0100_0000_01b3;

/// The stream of a purpose: what one draws does not move the others.
pub(crate) fn stream(seed: u64, purpose: &str, number: u64) -> Rng {
    let mut mix = Mix::default();
    mix.number(seed);
    mix.bytes(purpose.as_bytes());
    mix.number(number);
    Rng::with_seed(mix.value())
}

/// Whether something with this chance, of a thousand, happens.
pub(crate) fn chance(rng: &mut Rng, of_thousand: u32) -> bool {
    rng.u32(..1_000) < of_thousand
}

/// One of these.
pub(crate) fn pick<'a, T>(rng: &mut Rng, from: &'a [T]) -> Option<&'a T> {
    if from.is_empty() { None } else { from.get(rng.usize(..from.len())) }
}

/// Random bytes.
pub(crate) fn bytes<const N: usize>(rng: &mut Rng) -> [u8; N] {
    let mut bytes = [0; N];
    rng.fill(&mut bytes);
    bytes
}

/// A running hash of everything that happens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mix(u64);

impl Default for Mix {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Mix {
    /// Takes a number in.
    pub(crate) fn number(&mut self, number: u64) {
        self.0 = (self.0 ^ number).wrapping_mul(PRIME);
        self.0 ^= self.0 >> 29;
    }

    /// Takes bytes in.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks::<8>();
        words.iter().for_each(|word| self.number(u64::from_le_bytes(*word)));
        rest.iter().for_each(|byte| self.number(u64::from(*byte)));
    }

    /// The hash so far.
    pub(crate) fn value(self) -> u64 {
        let mut value = self.0;
        value ^= value >> 33;
        value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
        value ^ (value >> 33)
    }
}
