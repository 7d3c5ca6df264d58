//! Changes to bytes: anywhere, and in the tokens of CBOR.

use minicbor::data::{Int, Token};
use minicbor::{Decoder, Encoder};

use crate::feed::Feed;

/// Changes bytes anywhere: flips, sets, inserts, drops, cuts, repeats.
pub(crate) fn bytes(feed: &mut Feed<'_>, bytes: &mut Vec<u8>) {
    let at = feed.below(bytes.len().max(1));
    let to = at + feed.below(9).min(bytes.len().saturating_sub(at));
    match feed.below(6) {
        0 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << feed.below(8)),
        1 => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = feed.byte()),
        2 => drop(bytes.splice(at.min(bytes.len())..at.min(bytes.len()), feed.bytes(9))),
        3 => drop(bytes.drain(at.min(bytes.len())..to)),
        4 => bytes.truncate(at),
        _ => {
            let piece = bytes.get(at..to).unwrap_or_default().to_vec();
            drop(bytes.splice(to.min(bytes.len())..to.min(bytes.len()), piece));
        }
    }
}

/// Changes one token and encodes all of them anew: shortest forms, whatever their sense. Bytes that are no
/// CBOR stay as they are.
pub(crate) fn token(feed: &mut Feed<'_>, bytes: &mut Vec<u8>) {
    let whole = bytes.clone();
    let mut decoder = Decoder::new(&whole);
    let Ok(mut tokens) = decoder.tokens().collect::<Result<Vec<Token<'_>>, _>>() else { return };
    let at = feed.below(tokens.len());
    let Some(chosen) = tokens.get(at).copied() else { return };
    let (mut content, number) = (Vec::new(), feed.number());
    if let Token::Bytes(inner) = chosen {
        content = inner.to_vec();
        crate::edit::bytes(feed, &mut content);
    }
    if let Token::String(inner) = chosen {
        content = inner.as_bytes().to_vec();
        crate::edit::bytes(feed, &mut content);
    }
    let text = String::from_utf8_lossy(&content).into_owned();
    match feed.below(5) {
        0 => drop(tokens.remove(at)),
        1 => tokens.insert(at, chosen),
        2 => tokens.insert(at, Token::U64(number)),
        _ => {
            let changed = match chosen {
                Token::Bytes(_) => Token::Bytes(&content),
                Token::String(_) => Token::String(&text),
                Token::Array(n) => Token::Array(n ^ (number & 3)),
                Token::Map(n) => Token::Map(n ^ (number & 3)),
                Token::Bool(value) => Token::Bool(!value),
                Token::Null => Token::U64(number),
                Token::I8(_) | Token::I16(_) | Token::I32(_) | Token::I64(_) => Token::Int(Int::from(number as i64)),
                _ if number.is_multiple_of(7) => Token::Null,
                _ if number.is_multiple_of(5) => Token::Int(Int::from((number as i64).wrapping_neg())),
                _ => Token::U64(number),
            };
            tokens.iter_mut().skip(at).take(1).for_each(|token| *token = changed);
        }
    }
    let mut out = Vec::new();
    Encoder::new(&mut out).tokens(&tokens).expect("writing to a Vec can't fail");
    *bytes = out;
}

/// One of the two ways.
pub(crate) fn any(feed: &mut Feed<'_>, content: &mut Vec<u8>) {
    if feed.one_in(2) { token(feed, content) } else { bytes(feed, content) }
}
