//! One spelling of many, without an allocation.

/// Longer words are in no list.
const WORD_BYTES_MAX: usize = 24;

/// A label or segment percent-decoded, in lower case, without `-` and `_`, up to the first `.` or `;`
/// (`/Sign-In.aspx;id=7` is `signin`).
pub(super) struct Word {
    bytes: [u8; WORD_BYTES_MAX],
    /// None: longer than any word of a list.
    len: Option<usize>,
}

impl Word {
    pub(super) fn of(text: &str) -> Self {
        let mut word = Self { bytes: [0; WORD_BYTES_MAX], len: Some(0) };
        for byte in decoded(text).take_while(|byte| !matches!(byte, b'.' | b';')) {
            if !matches!(byte, b'-' | b'_') {
                word.push(byte.to_ascii_lowercase());
            }
        }
        word
    }

    fn push(&mut self, byte: u8) {
        self.len = match self.len.map(|len| (len, self.bytes.get_mut(len))) {
            Some((len, Some(place))) => {
                *place = byte;
                Some(len + 1)
            }
            _ => None,
        };
    }

    /// Whether it is one of the words of a list, which a space parts.
    pub(super) fn is_in(&self, list: &str) -> bool {
        let Some(word) = self.len.and_then(|len| self.bytes.get(..len)) else { return false };
        !word.is_empty() && list.split(' ').any(|listed| listed.as_bytes() == word)
    }

    pub(super) fn starts_with(&self, start: &str) -> bool {
        self.bytes.starts_with(start.as_bytes())
    }

    pub(super) fn contains(&self, byte: u8) -> bool {
        self.bytes.contains(&byte)
    }
}

/// The bytes of a text with those decoded that needn't be encoded: percent-encoded graphic ASCII.
pub(super) fn decoded(text: &str) -> impl Iterator<Item = u8> {
    let mut bytes = text.as_bytes();
    core::iter::from_fn(move || {
        if let [b'%', high, low, rest @ ..] = bytes
            && let Some(byte) = hex(*high, *low).filter(u8::is_ascii_graphic)
        {
            bytes = rest;
            return Some(byte);
        }
        let (first, rest) = bytes.split_first()?;
        bytes = rest;
        Some(*first)
    })
}

/// The byte of two hexadecimal digits.
pub(super) fn hex(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? << 4 | digit(low)?)
}
