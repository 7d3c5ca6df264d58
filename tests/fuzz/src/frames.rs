//! Frames and items: bytes that a peer sends before anything else about it is known.

use std::fmt::Debug;

use lull_protocol::limits::{
    BLOB_BYTES_MAX, CHUNK_BYTES_MAX, FRAME_BYTES_MAX, ITEM_BYTES_MAX, LABEL_BYTES_MAX, ORIGIN_BYTES_MAX,
    PRACTICE_ITEMS_MAX, STATEMENT_BYTES_MAX, URL_BYTES_MAX,
};
use lull_protocol::message::Message;
use lull_protocol::{Item, Practice, ToCoordinator, ToWorker};

use crate::feed::Feed;
use crate::{edit, make, oracle};

/// What is read is within its limits, deterministic, and written again as the same bytes; what is built
/// within the limits is read; a changed frame is refused or means something else.
pub(crate) fn frames(bytes: &[u8]) {
    read::<ToWorker>(bytes);
    read::<ToCoordinator>(bytes);
    read_item(bytes);
    read_practice(bytes);
    let mut feed = Feed::new(bytes);
    match feed.below(4) {
        0 => built(make::to_worker(&mut feed, make::hash), &mut feed),
        1 => built(make::to_coordinator(&mut feed, make::hash), &mut feed),
        3 => built_practice(&make::practice(&mut feed), &mut feed),
        _ => built_item(&make::item(&mut feed), &mut feed),
    }
}

/// How long a message's parts may be, in the words of this crate.
trait Parts: Message + PartialEq + Debug {
    /// Length and limit of each part.
    fn parts(&self) -> Vec<(usize, usize)>;
}

impl Parts for ToWorker {
    fn parts(&self) -> Vec<(usize, usize)> {
        match self {
            Self::Hello { proof, card, .. } => {
                vec![(proof.len(), STATEMENT_BYTES_MAX), (card.len(), STATEMENT_BYTES_MAX)]
            }
            Self::Assign { offer, item, extension, .. } => {
                let extension = extension.as_ref().map(|extension| (extension.len(), STATEMENT_BYTES_MAX));
                let parts = [(offer.len(), STATEMENT_BYTES_MAX), (item.len(), ITEM_BYTES_MAX)];
                parts.into_iter().chain(extension).collect()
            }
            Self::Verdict { statement, .. } | Self::Extended { statement } | Self::Rejected { statement } => {
                vec![(statement.len(), STATEMENT_BYTES_MAX)]
            }
            Self::BlobChunk { bytes, .. } => vec![(bytes.len(), CHUNK_BYTES_MAX)],
            _ => vec![],
        }
    }
}

impl Parts for ToCoordinator {
    fn parts(&self) -> Vec<(usize, usize)> {
        match self {
            Self::Hello { origin, .. } => vec![(origin.len(), ORIGIN_BYTES_MAX)],
            Self::Want { filter, .. } => filter.never.iter().map(|name| (name.len(), LABEL_BYTES_MAX)).collect(),
            Self::Proof { statement, .. } | Self::Result { statement } | Self::Appeal { statement } => {
                vec![(statement.len(), STATEMENT_BYTES_MAX)]
            }
            Self::BodyChunk { bytes, .. } => vec![(bytes.len(), CHUNK_BYTES_MAX)],
            _ => vec![],
        }
    }
}

fn fits(parts: &[(usize, usize)]) -> bool {
    parts.iter().all(|(len, max)| len <= max)
}

fn read<M: Parts>(bytes: &[u8]) -> Option<M> {
    let message = M::from_frame(bytes).ok()?;
    assert!(bytes.len() <= FRAME_BYTES_MAX && fits(&message.parts()), "a limit is not held");
    assert_eq!(message.to_frame(), bytes, "written again as other bytes");
    assert!(oracle::is_deterministic(bytes), "not deterministic");
    Some(message)
}

fn built<M: Parts>(message: M, feed: &mut Feed<'_>) {
    let mut frame = message.to_frame();
    assert_eq!(read::<M>(&frame).is_some(), fits(&message.parts()), "{message:?}");
    let before = frame.clone();
    edit::any(feed, &mut frame);
    let after = read::<M>(&frame);
    assert!(frame == before || after.is_none_or(|after| after != message), "two frames mean the same");
}

fn read_item(bytes: &[u8]) -> Option<Item> {
    let item = Item::from_bytes(bytes).ok()?;
    assert!(bytes.len() <= ITEM_BYTES_MAX);
    assert_eq!(item.to_bytes(), bytes, "written again as other bytes");
    assert!(oracle::is_deterministic(bytes), "not deterministic");
    if let Item::Fetch(fetch) = &item {
        assert!(fetch.url.len() <= URL_BYTES_MAX);
    }
    Some(item)
}

fn built_item(item: &Item, feed: &mut Feed<'_>) {
    let mut bytes = item.to_bytes();
    let is_right = item.check().is_ok() && bytes.len() <= ITEM_BYTES_MAX;
    assert_eq!(read_item(&bytes).is_some(), is_right, "{item:?}");
    let before = bytes.clone();
    edit::any(feed, &mut bytes);
    let after = read_item(&bytes);
    assert!(bytes == before || after.is_none_or(|after| after != *item), "two encodings mean the same");
}

fn read_practice(bytes: &[u8]) -> Option<Practice> {
    let practice = Practice::from_bytes(bytes).ok()?;
    assert!(bytes.len() as u64 <= BLOB_BYTES_MAX && practice.items.len() <= PRACTICE_ITEMS_MAX);
    assert_eq!(practice.to_bytes(), bytes, "written again as other bytes");
    assert!(oracle::is_deterministic(bytes), "not deterministic");
    for item in &practice.items {
        assert!(item.task.takes(&item.answer).is_ok() && item.answer.agrees(&item.answer), "an answer to another task");
        assert!(item.explanation.len() <= LABEL_BYTES_MAX);
    }
    Some(practice)
}

fn built_practice(practice: &Practice, feed: &mut Feed<'_>) {
    let mut bytes = practice.to_bytes();
    assert_eq!(read_practice(&bytes).is_some(), practice.check().is_ok(), "{practice:?}");
    let before = bytes.clone();
    edit::any(feed, &mut bytes);
    let after = read_practice(&bytes);
    assert!(bytes == before || after.is_none_or(|after| after != *practice), "two encodings mean the same");
}
