//! Pictures of judgments: loaded ahead for every lease held, checked against the item's hash before
//! anyone sees them, forgotten with the lease, or once its answer can't be taken back. So at most two for each of
//! `JUDGMENT_LEASES_MAX` are in memory.

use base64ct::{Base64, Encoding};
use litemap::LiteMap;
use lull_protocol::item::Picture;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::{ByteCount, Content, Hash, Item, Task, Timestamp, ToCoordinator};

use crate::lease::Lease;
use crate::{Worker, limits};

/// Pictures that are there, and the one that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// In base64, as a view shows them.
    whole: LiteMap<Hash, String>,
    coming: Option<Coming>,
}

#[derive(Debug)]
struct Coming {
    hash: Hash,
    total: u64,
    bytes: Vec<u8>,
    /// When to ask (again) for what is missing.
    ask_at: Timestamp,
}

impl Pictures {
    /// A picture whose bytes have this hash.
    pub(crate) fn base64(&self, hash: &Hash) -> Option<&str> {
        self.whole.get(hash).map(String::as_str)
    }
    /// When the one on its way is asked for again.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        self.coming.as_ref().map(|c| c.ask_at)
    }
    /// A new connection: what is missing is asked for at once.
    pub(crate) fn ask_again(&mut self, now: Timestamp) {
        if let Some(coming) = &mut self.coming {
            coming.ask_at = now;
        }
    }
}

/// The pictures of a lease that is still to be answered.
fn pictures_of(lease: &Lease) -> impl Iterator<Item = &Picture> {
    let task = match &lease.item {
        Item::Judgment(item) => Some(&item.task),
        Item::Fetch(_) => None,
    };
    task.into_iter().flat_map(Task::contents).filter_map(|content| match content {
        Content::Picture(picture) => Some(picture),
        Content::Text(_) | Content::Code(_) => None,
    })
}

impl Worker {
    /// Whether everything a judgment shows is there.
    pub(crate) fn is_showable(&self, lease: &Lease) -> bool {
        !lease.is_done
            && matches!(lease.item, Item::Judgment(_))
            && pictures_of(lease).all(|picture| self.pictures.base64(&picture.hash).is_some())
    }

    /// Forgets pictures without a lease and asks for the next one, in the order of the row.
    pub(crate) fn load_pictures(&mut self, now: Timestamp) {
        let held = self.held.iter().map(|held| &held.lease);
        let needed = self.leases.works().chain(held).flat_map(pictures_of).map(|p| (p.hash, p.bytes.get()));
        let needed: Vec<(Hash, u64)> = needed.collect();
        let is_needed = |hash: &Hash| needed.iter().any(|(h, _)| h == hash);
        self.pictures.whole.retain(|hash, _| is_needed(hash));
        if self.pictures.coming.as_ref().is_some_and(|c| !is_needed(&c.hash)) {
            self.pictures.coming = None;
        }
        if !self.is_ready() {
            return;
        }
        if self.pictures.coming.is_none() {
            let next = needed.iter().find(|(hash, _)| self.pictures.base64(hash).is_none());
            self.pictures.coming =
                next.map(|(hash, total)| Coming { hash: *hash, total: *total, bytes: Vec::new(), ask_at: now });
        }
        let Some(coming) = &mut self.pictures.coming else { return };
        coming.ask_at = coming.ask_at.min(now.plus(limits::BLOB_STALL_MS));
        if now >= coming.ask_at {
            coming.ask_at = now.plus(limits::BLOB_STALL_MS);
            let offset = ByteCount::new(coming.bytes.len() as u64).unwrap_or(ByteCount::ZERO);
            let hash = coming.hash;
            self.send(&ToCoordinator::GetBlob { hash, offset });
        }
    }

    /// A piece of the picture on its way. Pieces that were not asked for are ignored.
    pub(crate) fn picture_piece(
        &mut self,
        hash: &Hash,
        total: ByteCount,
        offset: ByteCount,
        bytes: &[u8],
        now: Timestamp,
    ) {
        let Some(coming) = &mut self.pictures.coming else { return };
        let have = coming.bytes.len() as u64;
        if coming.hash != *hash || offset.get() != have || bytes.is_empty() {
            return;
        }
        if total.get() != coming.total || have + bytes.len() as u64 > coming.total {
            return self.picture_is_broken(hash);
        }
        coming.bytes.extend_from_slice(bytes);
        coming.ask_at = now.plus(limits::BLOB_STALL_MS);
        if coming.bytes.len() as u64 == coming.total
            && let Some(whole) = self.pictures.coming.take()
        {
            if Hash::of(&whole.bytes) == *hash {
                self.pictures.whole.insert(*hash, Base64::encode_string(&whole.bytes));
                self.changed();
            } else {
                self.picture_is_broken(hash);
            }
        }
    }

    /// The coordinator refused to send the picture on its way; whether the refusal was about one.
    pub(crate) fn picture_refused(&mut self, hash: &Hash, code: RefusedCode) -> bool {
        let is_coming = self.pictures.coming.as_ref().is_some_and(|c| c.hash == *hash);
        // What may pass is asked for again after `BLOB_STALL_MS`.
        if is_coming && code.is_final() {
            self.picture_is_broken(hash);
        }
        is_coming
    }

    fn picture_is_broken(&mut self, hash: &Hash) {
        self.pictures.coming = None;
        let shows_it = |lease: &Lease| !lease.is_done && pictures_of(lease).any(|p| p.hash == *hash);
        let broken: Vec<Hash> = self.leases.iter().filter(|(_, l)| shows_it(l)).map(|(offer, _)| *offer).collect();
        for offer in broken {
            self.give_back(offer, ReturnReason::Broken, None);
        }
    }
}
