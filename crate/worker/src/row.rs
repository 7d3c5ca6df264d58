//! Work in a row: leases, results and receipts, each found by its offer and kept in the order of its place.

use lull_protocol::Hash;

/// Work that has a place in the row.
pub(crate) trait Placed {
    /// Its place: later work has a higher number.
    fn seq(&self) -> u64;
}

/// Work by offer, in the order of the row. A look-up goes through the list: the longest one has
/// `REVIEWED_MAX` entries and some, and a map would be a multiple of the code.
#[derive(Debug)]
pub(crate) struct Row<T> {
    places: Vec<(Hash, Box<T>)>,
}

impl<T> Default for Row<T> {
    fn default() -> Self {
        Self { places: Vec::new() }
    }
}

impl<T: Placed> Row<T> {
    /// Adds work whose offer is not in the row yet.
    pub(crate) fn insert(&mut self, offer: Hash, work: T) {
        let place = self.places.partition_point(|(_, other)| other.seq() <= work.seq());
        self.places.insert(place, (offer, Box::new(work)));
    }
    pub(crate) fn remove(&mut self, offer: &Hash) -> Option<T> {
        let place = self.place(offer)?;
        Some(*self.places.remove(place).1)
    }
    pub(crate) fn get(&self, offer: &Hash) -> Option<&T> {
        self.places.get(self.place(offer)?).map(|(_, work)| &**work)
    }
    pub(crate) fn get_mut(&mut self, offer: &Hash) -> Option<&mut T> {
        let place = self.place(offer)?;
        self.places.get_mut(place).map(|(_, work)| &mut **work)
    }
    pub(crate) fn contains(&self, offer: &Hash) -> bool {
        self.place(offer).is_some()
    }
    /// By its place.
    pub(crate) fn by_seq(&self, seq: u64) -> Option<(&Hash, &T)> {
        let place = self.places.binary_search_by_key(&seq, |(_, work)| work.seq()).ok()?;
        self.places.get(place).map(|(offer, work)| (offer, &**work))
    }
    pub(crate) fn len(&self) -> usize {
        self.places.len()
    }
    /// Offers and work, the first in the row first.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = (&Hash, &T)> {
        self.places.iter().map(|(offer, work)| (offer, &**work))
    }
    pub(crate) fn offers(&self) -> impl DoubleEndedIterator<Item = Hash> {
        self.iter().map(|(offer, _)| *offer)
    }
    pub(crate) fn works(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.iter().map(|(_, work)| work)
    }
    pub(crate) fn works_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.places.iter_mut().map(|(_, work)| &mut **work)
    }
    /// The place behind the last.
    pub(crate) fn next_seq(&self) -> u64 {
        self.works().next_back().map_or(0, |last| last.seq().saturating_add(1))
    }
    fn place(&self, offer: &Hash) -> Option<usize> {
        self.places.iter().position(|(other, _)| other == offer)
    }
}
