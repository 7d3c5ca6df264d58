//! What a picture's file says of itself: its type and its size, without decoding it. So a picture that would fill a
//! browser's memory is refused before anything decodes it, and one that could do more than be looked at is none.

use thiserror::Error;

use crate::limits::{PICTURE_PIXELS_MAX, PICTURE_SIDE_PX_MAX, SVG_BYTES_MAX, SVG_ELEMENTS_MAX};

/// Media types of pictures.
pub const PICTURE_TYPES: [&str; 5] = ["image/png", "image/jpeg", "image/webp", "image/avif", "image/svg+xml"];

/// The elements that an SVG may have, by their local names: shapes, text, gradients, clips. None runs, loads, moves, or
/// repeats others.
pub const SVG_ELEMENTS: [&str; 20] = [
    "svg",
    "g",
    "defs",
    "title",
    "desc",
    "style",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "text",
    "tspan",
    "textPath",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
];

/// Why a file isn't shown.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum PictureError {
    /// Not a file of that type, or not a whole one.
    #[error("are not those of a file of that type")]
    Other,
    /// It moves.
    #[error("are those of a picture that moves: a picture stands still")]
    Moves,
    /// It has too many pixels.
    #[error(
        "are those of a picture with more than {PICTURE_PIXELS_MAX} pixels (PICTURE_PIXELS_MAX), or a side longer than \
         {PICTURE_SIDE_PX_MAX} (PICTURE_SIDE_PX_MAX)"
    )]
    TooLarge,
    /// An SVG that is longer than is allowed.
    #[error(
        "are those of an SVG of more than {SVG_BYTES_MAX} bytes (SVG_BYTES_MAX) or {SVG_ELEMENTS_MAX} elements \
         (SVG_ELEMENTS_MAX)"
    )]
    TooLong,
    /// An SVG with more than an SVG may have.
    #[error("are those of an SVG with what none may have here: a DOCTYPE, or an element other than shapes and text")]
    NotAllowed,
}

/// Width and height, pixels, as the file's head says.
pub fn picture_size(media_type: &str, bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let (width, height) = match media_type {
        "image/png" => png(bytes)?,
        "image/jpeg" => jpeg(bytes)?,
        "image/webp" => webp(bytes)?,
        "image/avif" => avif(bytes)?,
        "image/svg+xml" => svg(bytes)?,
        _ => return Err(PictureError::Other),
    };
    let pixels = u64::from(width) * u64::from(height);
    if width == 0 || height == 0 {
        Err(PictureError::Other)
    } else if pixels > PICTURE_PIXELS_MAX || width.max(height) > PICTURE_SIDE_PX_MAX {
        Err(PictureError::TooLarge)
    } else {
        Ok((width, height))
    }
}

/// Reads from the front. What isn't there is [`PictureError::Other`].
struct Bytes<'b>(&'b [u8]);

impl<'b> Bytes<'b> {
    fn take(&mut self, count: usize) -> Result<&'b [u8], PictureError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(PictureError::Other)?;
        self.0 = rest;
        Ok(taken)
    }
    fn expect(&mut self, bytes: &[u8]) -> Result<(), PictureError> {
        if self.take(bytes.len())? == bytes { Ok(()) } else { Err(PictureError::Other) }
    }
    /// Most significant byte first.
    fn big(&mut self, bytes: usize) -> Result<u32, PictureError> {
        Ok(self.take(bytes)?.iter().fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }
    /// Least significant byte first.
    fn little(&mut self, bytes: usize) -> Result<u32, PictureError> {
        Ok(self.take(bytes)?.iter().rev().fold(0, |n, byte| n << 8 | u32::from(*byte)))
    }
    fn skip(&mut self, count: u32) -> Result<(), PictureError> {
        self.take(usize::try_from(count).unwrap_or(usize::MAX)).map(drop)
    }
}

/// PNG (third edition) §5.2, §11.2.1; an animated one has `acTL` before its data (§11.3.3).
fn png(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut from = Bytes(bytes);
    from.expect(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR")?;
    let size = (from.big(4)?, from.big(4)?);
    from.skip(5 + 4)?;
    while !from.0.is_empty() {
        let (len, name) = (from.big(4)?, from.take(4)?);
        match name {
            b"acTL" => return Err(PictureError::Moves),
            b"IDAT" => return Ok(size),
            _ => {}
        }
        from.skip(len.checked_add(4).ok_or(PictureError::Other)?)?;
    }
    Err(PictureError::Other)
}

/// ITU T.81 annex B: segments up to the frame's head.
fn jpeg(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut from = Bytes(bytes);
    from.expect(&[0xff, 0xd8])?;
    loop {
        from.expect(&[0xff])?;
        let mut marker = from.big(1)?;
        while marker == 0xff {
            marker = from.big(1)?;
        }
        let len = from.big(2)?;
        match marker {
            // Frames; C4, C8 and CC are none.
            0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf => {
                from.skip(1)?;
                let (height, width) = (from.big(2)?, from.big(2)?);
                return Ok((width, height));
            }
            // Segments that have a length and come before the frame.
            0xc4 | 0xcc | 0xdb | 0xdd | 0xe0..=0xef | 0xfe => {
                from.skip(len.checked_sub(2).ok_or(PictureError::Other)?)?;
            }
            _ => return Err(PictureError::Other),
        }
    }
}

/// RFC 9649 §2.
fn webp(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut from = Bytes(bytes);
    from.expect(b"RIFF")?;
    from.skip(4)?;
    from.expect(b"WEBP")?;
    let kind = from.take(4)?;
    from.skip(4)?;
    match kind {
        b"VP8 " => {
            from.skip(3)?;
            from.expect(&[0x9d, 0x01, 0x2a])?;
            Ok((from.little(2)? & 0x3fff, from.little(2)? & 0x3fff))
        }
        b"VP8L" => {
            from.expect(&[0x2f])?;
            let bits = from.little(4)?;
            Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
        }
        b"VP8X" => {
            if from.little(1)? & 0x02 != 0 {
                return Err(PictureError::Moves);
            }
            from.skip(3)?;
            Ok((from.little(3)? + 1, from.little(3)? + 1))
        }
        _ => Err(PictureError::Other),
    }
}

/// AVIF 1.1 §6.2 by its major brand, ISO/IEC 14496-12 §4.2 (boxes), 23008-12 §6.5.3 (`ispe`). A grid has a size of its
/// own beside those of its tiles: the largest counts. A sequence (`avis`) moves.
fn avif(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let mut from = Bytes(bytes);
    let (name, mut head) = next_box(&mut from)?;
    if name != *b"ftyp" {
        return Err(PictureError::Other);
    }
    match head.take(4)? {
        b"avif" => {}
        b"avis" => return Err(PictureError::Moves),
        _ => return Err(PictureError::Other),
    }
    let mut meta = find(&mut from, b"meta")?;
    meta.skip(4)?;
    let mut properties = find(&mut find(&mut meta, b"iprp")?, b"ipco")?;
    let mut largest = None::<(u32, u32)>;
    while !properties.0.is_empty() {
        let (name, mut property) = next_box(&mut properties)?;
        if name == *b"ispe" {
            property.skip(4)?;
            let (width, height) = (property.big(4)?, property.big(4)?);
            largest = Some(largest.map_or((width, height), |(w, h)| (w.max(width), h.max(height))));
        }
    }
    largest.ok_or(PictureError::Other)
}

fn find<'b>(from: &mut Bytes<'b>, wanted: &[u8; 4]) -> Result<Bytes<'b>, PictureError> {
    loop {
        let (name, content) = next_box(from)?;
        if name == *wanted {
            return Ok(content);
        }
    }
}

fn next_box<'b>(from: &mut Bytes<'b>) -> Result<([u8; 4], Bytes<'b>), PictureError> {
    let size = from.big(4)?;
    let name = from.take(4)?.try_into().map_err(|_| PictureError::Other)?;
    let len = match size {
        0 => from.0.len(),
        // A length of 64 bits, of which a file of ours needs 32.
        1 => {
            from.expect(&[0; 4])?;
            from.big(4)?.checked_sub(16).ok_or(PictureError::Other)? as usize
        }
        size => size.checked_sub(8).ok_or(PictureError::Other)? as usize,
    };
    Ok((name, Bytes(from.take(len)?)))
}

/// SVG 2. In well-formed XML `<` begins markup wherever it stands outside of comments, CDATA and processing
/// instructions, so its elements can be told without a parser; what isn't well-formed no browser shows.
fn svg(bytes: &[u8]) -> Result<(u32, u32), PictureError> {
    let text = std::str::from_utf8(bytes).map_err(|_| PictureError::Other)?;
    if text.len() > SVG_BYTES_MAX {
        return Err(PictureError::TooLong);
    }
    let (mut size, mut elements, mut rest) = (None, 0, text);
    while let Some((_, markup)) = rest.split_once('<') {
        let ends = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>")];
        if let Some((begin, end)) = ends.into_iter().find(|(begin, _)| markup.starts_with(begin)) {
            // Two bytes that open a comment can't close it, too.
            let inside = markup.get(begin.len()..).unwrap_or_default();
            rest = inside.split_once(end).ok_or(PictureError::Other)?.1;
            continue;
        }
        rest = markup;
        if markup.starts_with('/') {
            continue;
        }
        let name = markup.split(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>')).next().unwrap_or_default();
        let local = name.rsplit(':').next().unwrap_or_default();
        elements += 1;
        if !SVG_ELEMENTS.contains(&local) {
            return Err(PictureError::NotAllowed);
        }
        if elements > SVG_ELEMENTS_MAX {
            return Err(PictureError::TooLong);
        }
        if size.is_none() {
            let is_root = local == "svg";
            let tag = start_tag(markup).filter(|_| is_root).ok_or(PictureError::Other)?;
            size = Some(svg_size(tag).ok_or(PictureError::Other)?);
        }
    }
    size.ok_or(PictureError::Other)
}

/// The size that the root says: its width and height, or else those of its view box. Fractions and units don't matter
/// to a limit; what is relative to a page says nothing.
fn svg_size(tag: &str) -> Option<(u32, u32)> {
    let side = |name| attribute(tag, name).filter(|value| !value.ends_with('%')).and_then(whole_part);
    if let (Some(width), Some(height)) = (side("width"), side("height")) {
        return Some((width, height));
    }
    let mut sides = attribute(tag, "viewBox")?.split(|c: char| c == ',' || c.is_ascii_whitespace());
    let mut sides = sides.by_ref().filter(|side| !side.is_empty()).skip(2);
    Some((whole_part(sides.next()?)?, whole_part(sides.next()?)?))
}

/// The number before a point or a unit, rounded up to 1.
fn whole_part(value: &str) -> Option<u32> {
    let value = value.trim();
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let whole: u32 = value.get(..digits)?.parse().ok()?;
    // 1e9 is no small number.
    let has_exponent = value.get(digits..)?.trim_start_matches(['.', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
    let is_exponent = has_exponent.strip_prefix(['e', 'E']).is_some_and(|rest| !rest.starts_with(['m', 'x']));
    (!is_exponent).then_some(whole.max(1))
}

/// A start tag up to its end, which is no `>` within a value.
fn start_tag(markup: &str) -> Option<&str> {
    let mut quote = None;
    let end = markup.find(|c: char| {
        match quote {
            Some(open) if open == c => quote = None,
            None if matches!(c, '"' | '\'') => quote = Some(c),
            None => return c == '>',
            Some(_) => {}
        }
        false
    })?;
    markup.get(..end)
}

/// The value of an attribute in a start tag.
fn attribute<'t>(tag: &'t str, name: &str) -> Option<&'t str> {
    let mut rest = tag;
    loop {
        let (before, after) = rest.split_once('=')?;
        let is_it =
            before.trim_end().strip_suffix(name).is_some_and(|left| left.ends_with(|c: char| c.is_ascii_whitespace()));
        let after = after.trim_start();
        let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''))?;
        let (value, next) = after.get(1..)?.split_once(quote)?;
        if is_it {
            return Some(value);
        }
        rest = next;
    }
}

#[cfg(test)]
#[path = "picture_tests.rs"]
mod tests;
