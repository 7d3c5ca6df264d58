//! Choices drawn from a fuzzer's bytes. When the bytes are used up every choice is the first one, so each
//! input is a whole one.

use arbitrary::Unstructured;

/// The bytes still to be drawn from.
pub(crate) struct Feed<'a>(Unstructured<'a>);

/// Numbers at which types and limits end.
const EDGES: [u64; 12] =
    [0, 1, 23, 24, 255, 256, 65_535, u32::MAX as u64, (1 << 53) - 1, 1 << 53, i64::MAX as u64, u64::MAX];

impl<'a> Feed<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or(0)
    }
    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0.int_in_range(0..=end.saturating_sub(1)).unwrap_or(0)
    }
    /// True once in so many times.
    pub(crate) fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 1
    }
    /// Any number; those at the edges of types more often.
    pub(crate) fn number(&mut self) -> u64 {
        match self.below(4) {
            0 | 1 => u64::from(self.byte()),
            2 => *self.pick(&EDGES),
            _ => self.0.arbitrary().unwrap_or(0),
        }
    }
    pub(crate) fn pick<'t, T>(&mut self, from: &'t [T]) -> &'t T {
        let at = self.below(from.len());
        from.get(at).expect("there is something to pick from")
    }
    /// At most `max` bytes.
    pub(crate) fn bytes(&mut self, max: usize) -> Vec<u8> {
        let count = self.below(max + 1).min(self.0.len());
        self.0.bytes(count).unwrap_or_default().to_vec()
    }
    pub(crate) fn array<const N: usize>(&mut self) -> [u8; N] {
        self.0.arbitrary().unwrap_or([0; N])
    }
    /// At most `max` bytes of text.
    pub(crate) fn text(&mut self, max: usize) -> String {
        String::from_utf8_lossy(&self.bytes(max)).into_owned()
    }
}
