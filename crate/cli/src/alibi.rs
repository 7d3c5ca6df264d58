//! `lull verify-alibi`: does an alibi hold? Pure and offline: a file's text and a key in, facts or an error out.

use data_encoding::BASE64;
use lull_protocol::PublicKey;
use lull_view::{ALIBI_FORMAT, AlibiError, AlibiFacts, AlibiParts};
use serde::Deserialize;
use thiserror::Error;

/// Bytes of a file at most: four parts of the protocol's largest, in base64, and the words.
pub const ALIBI_BYTES_MAX: usize = 1024 * 1024;

/// Why a file is no alibi.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum Unproven {
    /// Larger than any alibi.
    #[error("the file is larger than {ALIBI_BYTES_MAX} bytes")]
    TooLarge,
    /// Not an alibi's JSON.
    #[error("the file can't be read: {0}")]
    Json(String),
    /// Of another form.
    #[error("format {0:?} is not {ALIBI_FORMAT:?}")]
    Format(String),
    /// A part is not base64.
    #[error("{0}: not base64")]
    Base64(&'static str),
    /// The file names another key than the one given.
    #[error("coordinator: the file names another key than the one you gave")]
    Coordinator,
    /// The parts don't hold.
    #[error(transparent)]
    Parts(#[from] AlibiError),
    /// The words are not those of the parts.
    #[error("words: line {0} says something else than the signed parts")]
    Words(usize),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: String,
    coordinator: String,
    words: Vec<String>,
    card: String,
    item: String,
    offer: String,
    result: String,
}

/// Checks a file against the coordinator's key.
pub fn verify_alibi(text: &str, coordinator: &PublicKey) -> Result<AlibiFacts, Unproven> {
    if text.len() > ALIBI_BYTES_MAX {
        return Err(Unproven::TooLarge);
    }
    let File { format, coordinator: named, words, card, item, offer, result } =
        serde_json::from_str(text).map_err(|error| Unproven::Json(error.to_string()))?;
    if format != ALIBI_FORMAT {
        return Err(Unproven::Format(format));
    }
    if named != coordinator.to_string() {
        return Err(Unproven::Coordinator);
    }
    let decode = |name: &'static str, text: &str| BASE64.decode(text.as_bytes()).map_err(|_| Unproven::Base64(name));
    let bytes = [decode("card", &card)?, decode("item", &item)?, decode("offer", &offer)?, decode("result", &result)?];
    let [card_bytes, item_bytes, offer_bytes, result_bytes] = bytes.each_ref().map(Vec::as_slice);
    let bytes = AlibiParts { card: card_bytes, item: item_bytes, offer: offer_bytes, result: result_bytes };
    let facts = AlibiFacts::read(coordinator, &bytes, AlibiParts { card, item, offer, result })?;
    let lines = facts.lines();
    let differs = (0..lines.len().max(words.len())).find(|index| lines.get(*index) != words.get(*index));
    match differs {
        Some(index) => Err(Unproven::Words(index + 1)),
        None => Ok(facts),
    }
}

#[cfg(test)]
#[path = "alibi_tests.rs"]
mod tests;
