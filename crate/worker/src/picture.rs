//! Pictures of judgments: loaded ahead for every lease held, checked against the item's hash and for what their heads
//! say of them before anyone sees or decodes them, forgotten with the lease, or once its answer can't be taken back. So at most two for each of
//! `JUDGMENT_LEASES_MAX` are in memory.

use base64ct::{Base64, Encoding};
use litemap::LiteMap;
use lull_protocol::item::Picture;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::picture::picture_size;
use lull_protocol::{ByteCount, Content, Hash, Item, Task, Timestamp, ToCoordinator};

use crate::lease::Lease;
use crate::{Worker, limits};

/// Pictures that are there, and the one that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    /// In base64, as a view shows them.
    whole: LiteMap<Named, String>,
    coming: Option<Coming>,
}

/// A file as an item names it: by its hash and its media type, for the same file may be named as two types and is one.
type Named = (Hash, String);

fn named(picture: &Picture) -> Named {
    (picture.hash, picture.media_type.clone())
}

#[derive(Debug)]
struct Coming {
    named: Named,
    total: u64,
    bytes: Vec<u8>,
    /// When to ask (again) for what is missing.
    ask_at: Timestamp,
}

impl Pictures {
    /// A picture whose bytes have this hash and are of this type.
    pub(crate) fn base64(&self, picture: &Picture) -> Option<&str> {
        self.whole.get(&named(picture)).map(String::as_str)
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
        Content::Text(_) | Content::Code(_) | Content::Markdown(_) => None,
    })
}

impl Worker {
    /// Whether everything a judgment shows is there.
    pub(crate) fn is_showable(&self, lease: &Lease) -> bool {
        !lease.is_done
            && matches!(lease.item, Item::Judgment(_))
            && pictures_of(lease).all(|picture| self.pictures.base64(picture).is_some())
    }

    /// Forgets pictures without a lease and asks for the next one, in the order of the row.
    pub(crate) fn load_pictures(&mut self, now: Timestamp) {
        let held = self.held.iter().map(|held| &held.lease);
        let needed = self.leases.works().chain(held).flat_map(pictures_of).map(|p| (named(p), p.bytes.get()));
        let needed: Vec<(Named, u64)> = needed.collect();
        let is_needed = |named: &Named| needed.iter().any(|(n, _)| n == named);
        self.pictures.whole.retain(|named, _| is_needed(named));
        if self.pictures.coming.as_ref().is_some_and(|c| !is_needed(&c.named)) {
            self.pictures.coming = None;
        }
        if !self.is_ready() {
            return;
        }
        if self.pictures.coming.is_none() {
            let next = needed.into_iter().find(|(named, _)| self.pictures.whole.get(named).is_none());
            self.pictures.coming = next.map(|(named, total)| Coming { named, total, bytes: Vec::new(), ask_at: now });
        }
        let Some(coming) = &mut self.pictures.coming else { return };
        coming.ask_at = coming.ask_at.min(now.plus(limits::BLOB_STALL_MS));
        if now >= coming.ask_at {
            coming.ask_at = now.plus(limits::BLOB_STALL_MS);
            let offset = ByteCount::new(coming.bytes.len() as u64).unwrap_or(ByteCount::ZERO);
            let (hash, _) = coming.named;
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
        if coming.named.0 != *hash || offset.get() != have || bytes.is_empty() {
            return;
        }
        if total.get() != coming.total || have + bytes.len() as u64 > coming.total {
            return self.picture_is_broken();
        }
        coming.bytes.extend_from_slice(bytes);
        coming.ask_at = now.plus(limits::BLOB_STALL_MS);
        if coming.bytes.len() as u64 != coming.total {
            return;
        }
        let is_whole = Hash::of(&coming.bytes) == *hash && picture_size(&coming.named.1, &coming.bytes).is_ok();
        if !is_whole {
            return self.picture_is_broken();
        }
        if let Some(whole) = self.pictures.coming.take() {
            self.pictures.whole.insert(whole.named, Base64::encode_string(&whole.bytes));
            self.changed();
        }
    }

    /// The coordinator refused to send the picture on its way; whether the refusal was about one.
    pub(crate) fn picture_refused(&mut self, hash: &Hash, code: RefusedCode) -> bool {
        let is_coming = self.pictures.coming.as_ref().is_some_and(|c| c.named.0 == *hash);
        // What may pass is asked for again after `BLOB_STALL_MS`.
        if is_coming && code.is_final() {
            self.picture_is_broken();
        }
        is_coming
    }

    /// What shows the picture on its way goes back.
    fn picture_is_broken(&mut self) {
        let Some(Coming { named: broken, .. }) = self.pictures.coming.take() else { return };
        let shows_it = |lease: &Lease| !lease.is_done && pictures_of(lease).any(|p| named(p) == broken);
        let broken: Vec<Hash> = self.leases.iter().filter(|(_, l)| shows_it(l)).map(|(offer, _)| *offer).collect();
        for offer in broken {
            self.give_back(offer, ReturnReason::Broken);
        }
    }
}
