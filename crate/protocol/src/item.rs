//! Items: one URL to fetch or one question to judge. An item's hash is SHA-256 of its deterministic
//! CBOR; the offer names it, so what is signed is what was asked.

use crate::cbor::{self, Cbor, CborError, Reader, Writer};
use crate::limits::{BLOB_BYTES_MAX, BODY_BYTES_MAX, ITEM_BYTES_MAX, LABEL_BYTES_MAX, URL_BYTES_MAX};
use crate::picture::PICTURE_TYPES;
use crate::practice::BlobRef;
use crate::task::{Choice, Task, look};
use crate::units::{ByteCount, Hash, OrderId};
use crate::warning::WarningSet;
use crate::{choices, codes, fields};

/// One piece of work, as the requester described it.
#[allow(clippy::large_enum_variant, reason = "few are held at a time, and most of those are judgments")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// A public page to fetch.
    Fetch(FetchItem),
    /// A question to answer.
    Judgment(JudgmentItem),
}
choices!(Item { 0 Fetch, 1 Judgment });

/// One URL to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchItem {
    /// The order it belongs to.
    pub order: OrderId,
    /// The requester's public name.
    pub requester: String,
    /// What the requester says it is for.
    pub purpose: String,
    /// WHATWG-serialised, ASCII host, no fragment.
    pub url: String,
    /// GET or HEAD.
    pub method: Method,
    /// Ceiling of the decoded body.
    pub bytes_max: ByteCount,
    /// Whether plain http on port 80 is allowed.
    pub http_allowed: bool,
}
fields!(FetchItem { 0 order, 1 requester, 2 purpose, 3 url, 4 method, 5 bytes_max, 6 http_allowed });

/// The request methods there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// GET (RFC 9110 §9.3.1).
    Get,
    /// HEAD (RFC 9110 §9.3.2).
    Head,
}
codes!(Method { 0 Get, 1 Head });

/// One question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JudgmentItem {
    /// The project it belongs to.
    pub order: OrderId,
    /// The requester's public name.
    pub requester: String,
    /// The project's title.
    pub title: String,
    /// The version of the guideline.
    pub guideline_version: u32,
    /// How to decide, in Markdown.
    pub guideline: String,
    /// The question.
    pub question: String,
    /// What is judged, and between what.
    pub task: Task,
    /// What it may show that some would rather not see.
    pub warnings: WarningSet,
    /// The [`Practice`](crate::Practice) that comes before the project's items.
    pub practice: Option<BlobRef>,
}

/// A choice has two fields of its own, which were there before there were other types; another type has one.
impl Cbor for JudgmentItem {
    fn write(&self, to: &mut Writer) {
        let map = to.map();
        to.field(map, 0, &self.order);
        to.field(map, 1, &self.requester);
        to.field(map, 2, &self.title);
        to.field(map, 3, &self.guideline_version);
        to.field(map, 4, &self.guideline);
        to.field(map, 5, &self.question);
        if let Task::Choice(Choice { content, options }) = &self.task {
            to.field(map, 6, content);
            to.field(map, 7, options);
        } else {
            to.field(map, 8, &self.task);
        }
        to.field(map, 9, &self.warnings);
        to.field(map, 10, &self.practice);
    }
    fn read(from: &mut Reader<'_>) -> Self {
        let mut left = from.map();
        let (order, requester) = (from.field(&mut left, 0), from.field(&mut left, 1));
        let (title, guideline_version) = (from.field(&mut left, 2), from.field(&mut left, 3));
        let (guideline, question) = (from.field(&mut left, 4), from.field(&mut left, 5));
        // A choice written as another type is would be written again as it should be, and so is not read.
        let task = match from.field::<Option<Content>>(&mut left, 6) {
            Some(content) => Task::Choice(Choice { content, options: from.field(&mut left, 7) }),
            None => from.field(&mut left, 8),
        };
        let (warnings, practice) = (from.field(&mut left, 9), from.field(&mut left, 10));
        from.end(left);
        Self { order, requester, title, guideline_version, guideline, question, task, warnings, practice }
    }
}

/// What a judgment shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Plain text.
    Text(String),
    /// A picture, fetched by hash.
    Picture(Picture),
    /// Plain text, shown as code.
    Code(String),
    /// Text in Markdown; nothing in it is followed or loaded.
    Markdown(String),
}
choices!(Content { 0 Text, 1 Picture, 2 Code, 3 Markdown });

/// A picture by its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// SHA-256 of the file.
    pub hash: Hash,
    /// One of [`PICTURE_TYPES`].
    pub media_type: String,
    /// Size of the file.
    pub bytes: ByteCount,
    /// A description that does not give the answer away.
    pub alt: String,
}
fields!(Picture { 0 hash, 1 media_type, 2 bytes, 3 alt });

impl Item {
    /// The deterministic encoding.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(self)
    }
    /// Whether a picture is part of it.
    pub fn has_picture(&self) -> bool {
        let is_picture = |content: &Content| matches!(content, Content::Picture(_));
        matches!(self, Self::Judgment(item) if item.task.contents().any(is_picture))
    }
    /// Reads an item and checks each field's bounds.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CborError> {
        let item: Self = cbor::decode(bytes, ITEM_BYTES_MAX)?;
        item.check().map_err(CborError::Malformed)?;
        Ok(item)
    }
    /// The item's hash.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.to_bytes())
    }
    /// The order it belongs to.
    pub fn order(&self) -> OrderId {
        match self {
            Self::Fetch(f) => f.order,
            Self::Judgment(j) => j.order,
        }
    }
    /// The requester's public name.
    pub fn requester(&self) -> &str {
        match self {
            Self::Fetch(f) => &f.requester,
            Self::Judgment(j) => &j.requester,
        }
    }
    /// Checks each field's bounds.
    pub fn check(&self) -> Result<(), &'static str> {
        match self {
            Self::Fetch(f) => f.check(),
            Self::Judgment(j) => j.check(),
        }
    }
}

/// Text that shows something, and isn't too long.
pub(crate) fn is_label(text: &str) -> Result<(), &'static str> {
    if look(text).all(char::is_whitespace) {
        Err("a text is empty")
    } else if text.len() > LABEL_BYTES_MAX {
        Err("a text is longer than LABEL_BYTES_MAX")
    } else {
        Ok(())
    }
}

impl FetchItem {
    fn check(&self) -> Result<(), &'static str> {
        is_label(&self.requester)?;
        is_label(&self.purpose)?;
        if self.url.len() > URL_BYTES_MAX || !self.url.is_ascii() {
            return Err("the URL is longer than URL_BYTES_MAX or not ASCII");
        }
        if self.bytes_max.get() > BODY_BYTES_MAX {
            return Err("bytes_max is above BODY_BYTES_MAX");
        }
        Ok(())
    }
}

impl JudgmentItem {
    fn check(&self) -> Result<(), &'static str> {
        for text in [&self.requester, &self.title, &self.guideline, &self.question] {
            is_label(text)?;
        }
        self.practice.map_or(Ok(()), |practice| practice.check())?;
        if self.practice.is_some() && !self.warnings.is_empty() {
            return Err("what is practised isn't covered, so there is none of sensitive content");
        }
        self.task.check()
    }
}

impl Content {
    pub(crate) fn check(&self, text_bytes_max: usize) -> Result<(), &'static str> {
        match self {
            Self::Text(text) | Self::Code(text) | Self::Markdown(text)
                if text.trim().is_empty() || text.len() > text_bytes_max =>
            {
                Err("the text is empty or longer than CONTENT_TEXT_BYTES_MAX or COMPARED_TEXT_BYTES_MAX")
            }
            Self::Picture(p) if p.bytes.get() == 0 || p.bytes.get() > BLOB_BYTES_MAX => {
                Err("the picture is empty or larger than BLOB_BYTES_MAX")
            }
            Self::Picture(p) if !PICTURE_TYPES.contains(&p.media_type.as_str()) => {
                Err("a picture is PNG, JPEG, WebP, AVIF or SVG")
            }
            Self::Picture(p) => is_label(&p.alt),
            Self::Text(_) | Self::Code(_) | Self::Markdown(_) => Ok(()),
        }
    }
}
