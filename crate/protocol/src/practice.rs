//! Practice: tasks with their answers and why, which a person may try before a project's paid items. It pays nothing,
//! and what they say to it goes to nobody.
//!
//! A practice is a blob; a project's items name it ([`JudgmentItem::practice`](crate::JudgmentItem)). Whether what
//! somebody says is right is [`Answer::agrees`]: what would count as agreement between two people.

use crate::cbor::{self, CborError};
use crate::fields;
use crate::item::{Content, is_label};
use crate::limits::{BLOB_BYTES_MAX, ITEM_BYTES_MAX, PRACTICE_ITEMS_MAX, PRACTICE_PICTURES_BYTES_MAX};
use crate::task::{Answer, Task, TaskKind};
use crate::units::{ByteCount, Hash};

// Each of its items, whose texts are no longer than an item's, would be an item.
const _: () = assert!(((PRACTICE_ITEMS_MAX + 1) * ITEM_BYTES_MAX) as u64 <= BLOB_BYTES_MAX);

/// A blob by its hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlobRef {
    /// SHA-256 of it.
    pub hash: Hash,
    /// Its size, 1 to [`BLOB_BYTES_MAX`].
    pub bytes: ByteCount,
}
fields!(BlobRef { 0 hash, 1 bytes });

impl BlobRef {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.bytes.get() == 0 || self.bytes.get() > BLOB_BYTES_MAX {
            return Err("the blob is empty or larger than BLOB_BYTES_MAX");
        }
        Ok(())
    }
}

/// What may be tried, in its order: one to [`PRACTICE_ITEMS_MAX`] tasks, all different and of one type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Practice {
    /// They.
    pub items: Vec<PracticeItem>,
}
fields!(Practice { 0 items });

/// A task that is solved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PracticeItem {
    /// What is asked.
    pub task: Task,
    /// The right answer.
    pub answer: Answer,
    /// Why that is right, bytes of UTF-8 up to `LABEL_BYTES_MAX`.
    pub explanation: String,
}
fields!(PracticeItem { 0 task, 1 answer, 2 explanation });

impl Practice {
    /// The deterministic encoding: the blob.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// Reads a blob and checks each field's bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        let bytes_max = usize::try_from(BLOB_BYTES_MAX).unwrap_or(usize::MAX);
        let practice: Self = cbor::decode(bytes, bytes_max)?;
        practice.check().map_err(CborError::Malformed)?;
        Ok(practice)
    }
    /// How an item names it.
    pub fn blob(&self) -> BlobRef {
        let bytes = self.to_bytes();
        let size = ByteCount::new(bytes.len() as u64).expect("nothing in memory has 2^53 bytes");
        BlobRef { hash: Hash::of(&bytes), bytes: size }
    }
    /// The type of its tasks; `None` if it has none.
    pub fn kind(&self) -> Option<TaskKind> {
        self.items.first().map(|item| item.task.kind())
    }
    /// The texts and pictures of all its tasks.
    pub fn contents(&self) -> impl Iterator<Item = &Content> {
        self.items.iter().flat_map(|item| item.task.contents())
    }
    /// Checks each field's bounds.
    pub fn check(&self) -> Result<(), &'static str> {
        if self.items.is_empty() || self.items.len() > PRACTICE_ITEMS_MAX {
            return Err("a practice has between one and PRACTICE_ITEMS_MAX items");
        }
        for (i, item) in self.items.iter().enumerate() {
            item.task.check()?;
            item.task.takes(&item.answer)?;
            is_label(&item.explanation)?;
            if Some(item.task.kind()) != self.kind() {
                return Err("a practice has tasks of several types");
            }
            if self.items.iter().take(i).any(|other| other.task == item.task) {
                return Err("a practice has a task twice");
            }
        }
        if pictures_bytes(self.contents()) > PRACTICE_PICTURES_BYTES_MAX {
            return Err("the pictures are larger than PRACTICE_PICTURES_BYTES_MAX");
        }
        Ok(())
    }
}

/// All pictures among these together, bytes; one that is there twice is shown twice.
pub fn pictures_bytes<'a>(contents: impl Iterator<Item = &'a Content>) -> u64 {
    let sizes = contents.map(|content| match content {
        Content::Picture(picture) => picture.bytes.get(),
        Content::Text(_) | Content::Code(_) | Content::Markdown(_) => 0,
    });
    sizes.fold(0, u64::saturating_add)
}
