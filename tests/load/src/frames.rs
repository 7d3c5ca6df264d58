//! WebSocket frames as bytes (RFC 6455 §5.2), as few cycles each as can be: the load generator shares its
//! cores with what it measures.

use anyhow::{Result, bail};
use lull_protocol::message::Message as _;
use lull_protocol::{Hash, ToCoordinator, ToWorker};

/// Final binary frame.
const BINARY: u8 = 0x82;
const MASKED: u8 = 0x80;

/// A message as a client's frame. The mask is zero, which leaves the payload as it is.
pub(crate) fn client_frame(message: &ToCoordinator) -> Vec<u8> {
    let payload = message.to_frame();
    let mut frame = vec![BINARY];
    match u16::try_from(payload.len()) {
        Ok(len @ 0..=125) => frame.push(MASKED | len as u8),
        Ok(len) => {
            frame.push(MASKED | 126);
            frame.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            frame.push(MASKED | 127);
            frame.extend_from_slice(&(payload.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&payload);
    frame
}

/// The first whole frame's payload, and how many bytes it took.
pub(crate) fn server_frame(bytes: &[u8]) -> Result<Option<(&[u8], usize)>> {
    let (len, head) = match bytes {
        [BINARY, len @ 0..=125, ..] => (usize::from(*len), 2),
        [BINARY, 126, a, b, ..] => (usize::from(u16::from_be_bytes([*a, *b])), 4),
        [BINARY, 126, ..] | [BINARY] | [] => return Ok(None),
        [first, ..] => bail!("a frame that no coordinator sends here: it begins with {first:#x}"),
    };
    Ok(bytes.get(head..head + len).map(|payload| (payload, head + len)))
}

/// What came, decoded as far as a measurement needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A result of this offer is durable.
    Ack(Hash),
    /// A verdict.
    Verdict,
    /// A lease: the hash of its offer.
    Lease(Hash),
    /// A heartbeat's answer.
    Pong,
    /// The account.
    Account,
}

/// Reads a payload; what refuses or ends is an error, since nothing here should.
pub(crate) fn seen(payload: &[u8]) -> Result<Seen> {
    // An enum is an array of its variant's number and its fields: these are too many to decode each.
    match payload {
        [0x82, 5, ..] => return Ok(Seen::Verdict),
        [0x82, 6, ..] => return Ok(Seen::Account),
        [0x82, 10, ..] => return Ok(Seen::Pong),
        // {0: offer, 1: result}
        [0x82, 4, 0xa2, 0, 0x58, 32, rest @ ..] => {
            if let Some(offer) = rest.get(..32).and_then(Hash::from_slice) {
                return Ok(Seen::Ack(offer));
            }
        }
        _ => {}
    }
    match ToWorker::from_frame(payload)? {
        ToWorker::Assign { offer, .. } => Ok(Seen::Lease(Hash::of(&offer))),
        other => bail!("the coordinator said {other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lull_protocol::{Amount, Timestamp};

    #[test]
    fn what_is_seen_is_what_was_sent() {
        let hash = Hash([7; 32]);
        let zero = Amount::ZERO;
        let account = ToWorker::Account {
            earned: zero,
            pending: zero,
            payable: zero,
            earned_today: zero,
            day_start: Timestamp::ZERO,
            reversed: None,
        };
        let verdict = ToWorker::Verdict { number: 1, statement: vec![1; 200].into() };
        let cases = [
            (ToWorker::Ack { offer: hash, result: Hash([8; 32]) }, Seen::Ack(hash)),
            (verdict, Seen::Verdict),
            (account, Seen::Account),
            (ToWorker::Pong { now: Timestamp::ZERO }, Seen::Pong),
            (
                ToWorker::Assign {
                    offer: vec![1].into(),
                    item: vec![2].into(),
                    extension: None,
                    pace: None,
                    record: None,
                    skips_left: None,
                },
                Seen::Lease(Hash::of(&[1])),
            ),
        ];
        for (message, expected) in cases {
            assert_eq!(seen(&message.to_frame()).unwrap(), expected);
        }
        assert!(seen(&ToWorker::Bye { code: lull_protocol::message::RefusedCode::Busy }.to_frame()).is_err());
    }

    #[test]
    fn a_frame_is_whole_or_waited_for() {
        for len in [0, 125, 126, 1_000] {
            let mut bytes = vec![BINARY];
            if len < 126 {
                bytes.push(len as u8);
            } else {
                bytes.push(126);
                bytes.extend_from_slice(&(len as u16).to_be_bytes());
            }
            bytes.extend(vec![9; len]);
            for cut in 0..bytes.len() {
                assert_eq!(server_frame(&bytes[..cut]).unwrap(), None);
            }
            let whole = bytes.len();
            bytes.push(BINARY);
            assert_eq!(server_frame(&bytes).unwrap(), Some((&vec![9; len][..], whole)));
        }
        assert!(server_frame(&[0x88, 0]).is_err());
    }
}
