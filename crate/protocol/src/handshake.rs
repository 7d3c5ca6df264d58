//! The handshake's rules: which version, and is the peer who it must be.

use thiserror::Error;

use crate::cose::{Signed, SigningKey, StatementError};
use crate::limits::VERSIONS;
use crate::statement::{CoordinatorProof, OperatorCard, Transcript, WorkerProof};
use crate::units::{Challenge, Hash, PublicKey};

/// Why a handshake failed.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum HandshakeError {
    /// The ranges don't meet.
    #[error("no common protocol version")]
    Version,
    /// Another key than the pinned one.
    #[error("the coordinator has another key than the one you trusted")]
    OtherKey {
        /// The pinned fingerprint.
        pinned: Hash,
        /// The key that answered.
        found: PublicKey,
    },
    /// A proof that does not hold.
    #[error("proof: {0}")]
    Proof(#[from] StatementError),
    /// A proof over something else.
    #[error("the proof is about another connection")]
    OtherTranscript,
    /// The origin is not this coordinator's.
    #[error("the worker dialled another address than this coordinator's")]
    Origin,
}

/// The highest version in both ranges (lowest, highest).
pub fn common_version(ours: (u16, u16), theirs: (u16, u16)) -> Option<u16> {
    let highest = ours.1.min(theirs.1);
    (highest >= ours.0.max(theirs.0)).then_some(highest)
}

/// What a worker sent in its hello.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerHello {
    /// Lowest and highest version offered.
    pub versions: (u16, u16),
    /// Who it says it is.
    pub worker: PublicKey,
    /// Its challenge.
    pub challenge: Challenge,
    /// What it dialled.
    pub origin: String,
}

/// The coordinator's answer to a hello: the transcript and the signed proof.
pub fn answer(
    hello: WorkerHello,
    origin: &str,
    challenge: Challenge,
    key: &SigningKey,
) -> Result<(Transcript, Signed<CoordinatorProof>), HandshakeError> {
    if hello.origin != origin {
        return Err(HandshakeError::Origin);
    }
    let version = common_version(VERSIONS, hello.versions).ok_or(HandshakeError::Version)?;
    let transcript = Transcript {
        origin: hello.origin,
        worker: hello.worker,
        coordinator: key.public(),
        worker_challenge: hello.challenge,
        coordinator_challenge: challenge,
        offered: hello.versions,
        version,
    };
    Ok((transcript.clone(), Signed::sign(CoordinatorProof(transcript), key)))
}

/// What a coordinator sent in its hello.
#[derive(Clone, Debug)]
pub struct CoordinatorHello<'a> {
    /// The version chosen.
    pub version: u16,
    /// Who it says it is.
    pub coordinator: PublicKey,
    /// Its challenge.
    pub challenge: Challenge,
    /// `Signed<CoordinatorProof>`.
    pub proof: &'a [u8],
    /// `Signed<OperatorCard>`.
    pub card: &'a [u8],
}

/// The worker's check of the coordinator, and its own proof.
pub fn confirm(
    hello: WorkerHello,
    theirs: &CoordinatorHello<'_>,
    pinned: &Hash,
    key: &SigningKey,
) -> Result<(Signed<WorkerProof>, Signed<OperatorCard>), HandshakeError> {
    if theirs.coordinator.fingerprint() != *pinned {
        return Err(HandshakeError::OtherKey { pinned: *pinned, found: theirs.coordinator });
    }
    if common_version(VERSIONS, (theirs.version, theirs.version)).is_none() {
        return Err(HandshakeError::Version);
    }
    let transcript = Transcript {
        origin: hello.origin,
        worker: hello.worker,
        coordinator: theirs.coordinator,
        worker_challenge: hello.challenge,
        coordinator_challenge: theirs.challenge,
        offered: hello.versions,
        version: theirs.version,
    };
    let proof = Signed::<CoordinatorProof>::verify(theirs.proof, &theirs.coordinator)?;
    if proof.payload().0 != transcript {
        return Err(HandshakeError::OtherTranscript);
    }
    let card = Signed::<OperatorCard>::verify(theirs.card, &theirs.coordinator)?;
    Ok((Signed::sign(WorkerProof(transcript), key), card))
}

/// The coordinator's check of the worker's proof.
pub fn admit(transcript: &Transcript, proof: &[u8]) -> Result<(), HandshakeError> {
    let proof = Signed::<WorkerProof>::verify(proof, &transcript.worker)?;
    if proof.payload().0 == *transcript { Ok(()) } else { Err(HandshakeError::OtherTranscript) }
}
