//! One body on its way from a worker: strictly in order, inside the window that was asked for, hashed as it
//! comes. Pure.

use lull_protocol::Hash;
use lull_protocol::limits::{BODY_WINDOW_BYTES, CHUNK_BYTES_MAX};
use lull_protocol::message::RefusedCode;
use sha2::{Digest, Sha256};

/// A body under transfer.
#[derive(Debug)]
pub(super) struct Upload {
    expected_hash: Hash,
    expected_bytes: u64,
    window_end: u64,
    hasher: Sha256,
    body: Vec<u8>,
}

/// What a chunk led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progress {
    /// The window has room left.
    Inside,
    /// Ask for this next range: offset and length.
    Want(u64, u64),
    /// The whole body is here and has the signed hash.
    Whole(Vec<u8>),
}

impl Upload {
    /// A body that a result states; the first window is to be asked for.
    pub(super) fn new(expected_hash: Hash, expected_bytes: u64) -> (Self, Progress) {
        let mut upload = Self { expected_hash, expected_bytes, window_end: 0, hasher: Sha256::new(), body: Vec::new() };
        let first = upload.next_window();
        (upload, first)
    }

    /// Whether a chunk is the next one and as large as it can be: then the transfer goes on as it should.
    pub(super) fn is_next_whole(&self, offset: u64, bytes: usize) -> bool {
        let at = self.body.len() as u64;
        offset == at && bytes > 0 && bytes as u64 == (self.window_end - at).min(CHUNK_BYTES_MAX as u64)
    }

    /// Takes a chunk; an error ends the transfer.
    pub(super) fn take(&mut self, offset: u64, bytes: &[u8]) -> Result<Progress, RefusedCode> {
        let at = self.body.len() as u64;
        let end = at + bytes.len() as u64;
        if bytes.is_empty() || bytes.len() > CHUNK_BYTES_MAX || offset != at || end > self.window_end {
            return Err(RefusedCode::BodyRange);
        }
        self.hasher.update(bytes);
        self.body.extend_from_slice(bytes);
        if end == self.expected_bytes {
            let hash = Hash(std::mem::take(&mut self.hasher).finalize().into());
            return if hash == self.expected_hash {
                Ok(Progress::Whole(std::mem::take(&mut self.body)))
            } else {
                Err(RefusedCode::BodyHash)
            };
        }
        Ok(if end == self.window_end { self.next_window() } else { Progress::Inside })
    }

    fn next_window(&mut self) -> Progress {
        let start = self.window_end;
        self.window_end = (start + BODY_WINDOW_BYTES).min(self.expected_bytes);
        Progress::Want(start, self.window_end - start)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i % 251) as u8).collect()
    }

    #[test]
    fn windows_follow_each_other_to_the_end() {
        let body = body(BODY_WINDOW_BYTES as usize + 10);
        let (mut upload, first) = Upload::new(Hash::of(&body), body.len() as u64);
        assert_eq!(first, Progress::Want(0, BODY_WINDOW_BYTES));
        let mut wants = Vec::new();
        for (i, chunk) in body.chunks(CHUNK_BYTES_MAX).enumerate() {
            match upload.take((i * CHUNK_BYTES_MAX) as u64, chunk).unwrap() {
                Progress::Inside => {}
                Progress::Want(offset, bytes) => wants.push((offset, bytes)),
                Progress::Whole(whole) => assert_eq!(whole, body),
            }
        }
        assert_eq!(wants, [(BODY_WINDOW_BYTES, 10)]);
    }

    #[test]
    fn out_of_order_out_of_window_and_wrong_bytes_are_refused() {
        let body = body(CHUNK_BYTES_MAX * 2);
        let fresh = || Upload::new(Hash::of(&body), body.len() as u64).0;
        assert_eq!(fresh().take(1, &body[1..9]), Err(RefusedCode::BodyRange));
        assert_eq!(fresh().take(0, &[]), Err(RefusedCode::BodyRange));
        assert_eq!(fresh().take(0, &body), Err(RefusedCode::BodyRange));
        let mut upload = fresh();
        assert_eq!(upload.take(0, &body[..CHUNK_BYTES_MAX]), Ok(Progress::Inside));
        assert_eq!(upload.take(0, &body[..CHUNK_BYTES_MAX]), Err(RefusedCode::BodyRange));
        assert!(upload.is_next_whole(CHUNK_BYTES_MAX as u64, CHUNK_BYTES_MAX));
        assert!(!upload.is_next_whole(0, CHUNK_BYTES_MAX) && !upload.is_next_whole(CHUNK_BYTES_MAX as u64, 1));
        let mut other = body[CHUNK_BYTES_MAX..].to_vec();
        other[7] ^= 1;
        assert_eq!(upload.take(CHUNK_BYTES_MAX as u64, &other), Err(RefusedCode::BodyHash));
        let mut small = Upload::new(Hash::of(&body), 10).0;
        assert_eq!(small.take(0, &body[..11]), Err(RefusedCode::BodyRange));
    }
}
