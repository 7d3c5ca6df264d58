//! Blobs of judgments: pictures, loaded ahead for every lease held, and the practice of the first lease that waits for
//! one, with its own pictures. Each is checked against the item's hash, and a picture for what its head says,
//! before anyone sees or decodes it, and is forgotten with the
//! lease, once its answer can't be taken back, or when the practice is done. So in memory are at most two pictures for
//! each of `JUDGMENT_LEASES_MAX`, one practice, and its `PRACTICE_PICTURES_BYTES_MAX`.

use base64ct::{Base64, Encoding};
use litemap::LiteMap;
use lull_protocol::item::Picture;
use lull_protocol::message::{RefusedCode, ReturnReason};
use lull_protocol::picture::picture_size;
use lull_protocol::{BlobRef, ByteCount, Content, Hash, Item, Practice, Task, Timestamp, ToCoordinator};
use lull_view::Notice;

use crate::lease::Lease;
use crate::{Worker, limits};

/// Blobs that are there, and the one that is on its way.
#[derive(Debug, Default)]
pub(crate) struct Blobs {
    /// In base64, as a view shows them.
    pictures: LiteMap<Named, String>,
    practice: Option<(Hash, Practice)>,
    coming: Option<Coming>,
    /// How often each was put off: asked for `BLOB_TRIES` times without a byte.
    put_off: LiteMap<Hash, u32>,
}

/// A picture as an item names it: by its hash and its media type, for the same file may be named as two types and is
/// one.
type Named = (Hash, String);

fn named(picture: &Picture) -> Named {
    (picture.hash, picture.media_type.clone())
}

#[derive(Debug)]
struct Coming {
    blob: Needed,
    bytes: Vec<u8>,
    /// How often it was asked for since the last byte came.
    tries: u32,
    /// When to ask (again) for what is missing.
    ask_at: Timestamp,
}

/// What is shown of a blob.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Picture { media_type: String },
    Practice,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Needed {
    kind: Kind,
    hash: Hash,
    total: u64,
}

impl Blobs {
    /// A picture whose bytes have this hash and are of this type.
    pub(crate) fn base64(&self, picture: &Picture) -> Option<&str> {
        self.pictures.get(&named(picture)).map(String::as_str)
    }
    /// A practice whose bytes have this hash.
    pub(crate) fn practice(&self, hash: &Hash) -> Option<&Practice> {
        self.practice.as_ref().filter(|(there, _)| there == hash).map(|(_, practice)| practice)
    }
    fn has(&self, blob: &Needed) -> bool {
        match &blob.kind {
            Kind::Picture { media_type } => self.pictures.get(&(blob.hash, media_type.clone())).is_some(),
            Kind::Practice => self.practice(&blob.hash).is_some(),
        }
    }
    /// When the one on its way is asked for again.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        self.coming.as_ref().map(|c| c.ask_at)
    }
    /// A new connection: what is missing is asked for at once, and what never came may have been lost with the old one.
    pub(crate) fn ask_again(&mut self, now: Timestamp) {
        self.put_off.clear();
        if let Some(coming) = &mut self.coming {
            (coming.ask_at, coming.tries) = (now, 0);
        }
    }
}

fn pictures<'a>(contents: impl Iterator<Item = &'a Content>) -> impl Iterator<Item = &'a Picture> {
    contents.filter_map(|content| match content {
        Content::Picture(picture) => Some(picture),
        Content::Text(_) | Content::Code(_) | Content::Markdown(_) => None,
    })
}

/// The pictures of a lease that is still to be answered.
fn pictures_of(lease: &Lease) -> impl Iterator<Item = &Picture> {
    let task = match &lease.item {
        Item::Judgment(item) => Some(&item.task),
        Item::Fetch(_) => None,
    };
    pictures(task.into_iter().flat_map(Task::contents))
}

impl Worker {
    /// Whether everything that a judgment shows next is there: its practice, or itself.
    pub(crate) fn is_showable(&self, lease: &Lease) -> bool {
        let has = |picture: &Picture| self.blobs.base64(picture).is_some();
        !lease.is_done
            && matches!(lease.item, Item::Judgment(_))
            && match self.practice_before(lease) {
                Some(blob) => self.blobs.practice(&blob.hash).is_some_and(|p| pictures(p.contents()).all(has)),
                None => pictures_of(lease).all(has),
            }
    }

    /// Forgets blobs without a lease and asks for the next one, in the order of the row.
    pub(crate) fn load_blobs(&mut self, now: Timestamp) {
        self.give_back_misfits();
        self.put_off_what_never_comes(now);
        let needed = self.needed_blobs();
        let is_needed = |kind: &Kind, hash: &Hash| needed.iter().any(|blob| blob.kind == *kind && blob.hash == *hash);
        self.blobs
            .pictures
            .retain(|(hash, media_type), _| is_needed(&Kind::Picture { media_type: media_type.clone() }, hash));
        self.blobs.practice.take_if(|(hash, _)| !is_needed(&Kind::Practice, hash));
        self.blobs.put_off.retain(|hash, _| needed.iter().any(|blob| blob.hash == *hash));
        self.blobs.coming.take_if(|coming| !is_needed(&coming.blob.kind, &coming.blob.hash));
        if !self.is_ready() {
            return;
        }
        if self.blobs.coming.is_none() {
            let missing = needed.into_iter().filter(|blob| !self.blobs.has(blob));
            let next = missing.min_by_key(|blob| self.blobs.put_off.get(&blob.hash).copied().unwrap_or_default());
            self.blobs.coming = next.map(|blob| Coming { blob, bytes: Vec::new(), tries: 0, ask_at: now });
        }
        let Some(coming) = &mut self.blobs.coming else { return };
        coming.ask_at = coming.ask_at.min(now.plus(limits::BLOB_STALL_MS));
        if now >= coming.ask_at {
            coming.ask_at = now.plus(limits::BLOB_STALL_MS);
            coming.tries = coming.tries.saturating_add(1);
            let offset = ByteCount::new(coming.bytes.len() as u64).unwrap_or(ByteCount::ZERO);
            let hash = coming.blob.hash;
            self.send(&ToCoordinator::GetBlob { hash, offset });
        }
    }

    /// What was asked for often enough waits behind the others, and in the end nothing waits for it any more.
    fn put_off_what_never_comes(&mut self, now: Timestamp) {
        let is_ready = self.is_ready();
        let is_late = |coming: &&Coming| is_ready && coming.tries >= limits::BLOB_TRIES && now >= coming.ask_at;
        let Some(hash) = self.blobs.coming.as_ref().filter(is_late).map(|coming| coming.blob.hash) else { return };
        let count = self.blobs.put_off.get(&hash).map_or(1, |count| count.saturating_add(1));
        if count >= limits::BLOB_PUT_OFF_MAX {
            self.blobs.put_off.remove(&hash);
            return self.blob_is_broken();
        }
        self.blobs.put_off.insert(hash, count);
        self.blobs.coming = None;
    }

    /// All that is shown of the leases, each lease's practice before itself.
    fn needed_blobs(&self) -> Vec<Needed> {
        let picture = |p: &Picture| {
            let kind = Kind::Picture { media_type: p.media_type.clone() };
            Needed { kind, hash: p.hash, total: p.bytes.get() }
        };
        let open = self.leases.works().filter(|lease| !lease.is_done);
        let next = open.filter_map(|lease| self.practice_before(lease)).next();
        let mut needed = Vec::new();
        for lease in self.leases.works().chain(self.held.iter().map(|held| &held.lease)) {
            if let Some(BlobRef { hash, bytes }) = next.filter(|next| self.practice_before(lease) == Some(*next)) {
                needed.push(Needed { kind: Kind::Practice, hash, total: bytes.get() });
                let practice = self.blobs.practice(&hash).into_iter();
                needed.extend(pictures(practice.flat_map(Practice::contents)).map(picture));
            }
            needed.extend(pictures_of(lease).map(picture));
        }
        needed
    }

    /// A piece of the blob on its way. Pieces that were not asked for are ignored.
    pub(crate) fn blob_piece(
        &mut self,
        hash: &Hash,
        total: ByteCount,
        offset: ByteCount,
        bytes: &[u8],
        now: Timestamp,
    ) {
        let Some(coming) = &mut self.blobs.coming else { return };
        let have = coming.bytes.len() as u64;
        if coming.blob.hash != *hash || offset.get() != have || bytes.is_empty() {
            return;
        }
        if total.get() != coming.blob.total || have + bytes.len() as u64 > coming.blob.total {
            return self.blob_is_broken();
        }
        coming.bytes.extend_from_slice(bytes);
        coming.tries = 0;
        coming.ask_at = now.plus(limits::BLOB_STALL_MS);
        if coming.bytes.len() as u64 == coming.blob.total {
            self.blob_is_whole();
        }
    }

    fn blob_is_whole(&mut self) {
        let Some(Coming { blob: Needed { kind, hash, .. }, bytes, .. }) = &self.blobs.coming else { return };
        let is_it = Hash::of(bytes) == *hash;
        match kind {
            Kind::Picture { media_type } if is_it && picture_size(media_type, bytes).is_ok() => {
                let (named, base64) = ((*hash, media_type.clone()), Base64::encode_string(bytes));
                self.blobs.pictures.insert(named, base64);
            }
            Kind::Practice if is_it => match Practice::from_bytes(bytes) {
                Ok(practice) => self.blobs.practice = Some((*hash, practice)),
                Err(_) => return self.blob_is_broken(),
            },
            Kind::Picture { .. } | Kind::Practice => return self.blob_is_broken(),
        }
        self.blobs.coming = None;
        self.changed();
    }

    /// The coordinator refused to send the blob on its way; whether the refusal was about one.
    pub(crate) fn blob_refused(&mut self, hash: &Hash, code: RefusedCode) -> bool {
        let is_coming = self.blobs.coming.as_ref().is_some_and(|c| c.blob.hash == *hash);
        // What may pass is asked for again after `BLOB_STALL_MS`, `BLOB_TRIES` times in a row.
        if is_coming && code.is_final() {
            self.blob_is_broken();
        }
        is_coming
    }

    /// Hands back what can't be shown without the blob on its way.
    fn blob_is_broken(&mut self) {
        let Some(Coming { blob: broken, .. }) = self.blobs.coming.take() else { return };
        let is_it = |picture: &Picture| matches!(&broken.kind, Kind::Picture { media_type } if named(picture) == (broken.hash, media_type.clone()));
        let shows_it = |lease: &Lease| {
            pictures_of(lease).any(is_it)
                || self.practice_before(lease).is_some_and(|blob| {
                    let practice = self.blobs.practice(&blob.hash).into_iter();
                    (broken.kind == Kind::Practice && blob.hash == broken.hash)
                        || pictures(practice.flat_map(Practice::contents)).any(is_it)
                })
        };
        self.give_back_broken(self.open_leases(shows_it));
    }

    /// The UI can't show a picture of this judgment, whose bytes are those that its item names.
    pub(crate) fn is_unshowable(&mut self, offer: &str) {
        let offer = self.showable_offer(offer);
        let broken = self.open_leases(|lease| pictures_of(lease).next().is_some());
        self.give_back_broken(broken.into_iter().filter(|broken| Some(*broken) == offer).collect());
    }

    /// Hands these back, and says so if the person was to see one of them now.
    fn give_back_broken(&mut self, broken: Vec<Hash>) {
        let first = self.judgment_row().first().map(|(offer, _)| **offer);
        let is_missed = broken.iter().any(|offer| Some(*offer) == first || Some(*offer) == self.current);
        for offer in broken {
            self.give_back(offer, ReturnReason::Broken, None);
        }
        if is_missed {
            self.notice(Notice::Broken);
        }
    }

    /// Hands back what has a practice of another type than its own.
    fn give_back_misfits(&mut self) {
        let is_misfit = |lease: &Lease| {
            let Item::Judgment(item) = &lease.item else { return false };
            let practice = self.practice_before(lease).and_then(|blob| self.blobs.practice(&blob.hash));
            practice.is_some_and(|practice| practice.kind() != Some(item.task.kind()))
        };
        self.give_back_broken(self.open_leases(is_misfit));
    }

    fn open_leases(&self, test: impl Fn(&Lease) -> bool) -> Vec<Hash> {
        self.leases.iter().filter(|(_, l)| !l.is_done && test(l)).map(|(offer, _)| *offer).collect()
    }
}
