//! Sign In With Solana: the text that a wallet signs, and whether it did.
//!
//! The text follows the ABNF of the specification (github.com/phantom/sign-in-with-solana), field by field in its order,
//! each of ours present but `Not Before`. It lives in this crate, for the coordinator that checks it and the page that
//! hands it to wallets without `solana:signIn` share no other one (`web → view, protocol`). Nothing is ever read out of a
//! text: what must have been signed is built anew from what was stored, and bytes are compared.

use thiserror::Error;

use crate::calendar::iso_8601;
use crate::cbor::{self, CborError};
use crate::connect::Purpose;
use crate::cose::SignerKey;
use crate::limits::{SIGN_IN_AT_MAX_MS, SIGN_IN_BYTES_MAX};
use crate::trust::origin_of;
use crate::units::{Hash, Nonce, PublicKey, Timestamp};
use crate::wallet::Wallet;
use crate::{codes, fields};

/// Which chain, in the specification's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Chain {
    /// The one where tokens are money.
    Mainnet,
    /// Solana's own test chain.
    Testnet,
    /// The developers' chain.
    Devnet,
    /// A chain on one machine.
    Localnet,
}
codes!(Chain { 0 Mainnet, 1 Testnet, 2 Devnet, 3 Localnet });

impl Chain {
    /// The word in the text and in configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mainnet => "mainnet",
            Self::Testnet => "testnet",
            Self::Devnet => "devnet",
            Self::Localnet => "localnet",
        }
    }
}

/// What a sign-in consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The coordinator's origin, as in the handshake: `wss://lull.example`.
    pub origin: String,
    /// On which chain payouts are.
    pub chain: Chain,
    /// What the ticket is for; one that a wallet signs.
    pub purpose: Purpose,
    /// Who asked for it.
    pub worker: PublicKey,
    /// SHA-256 of the ticket.
    pub ticket: Hash,
    /// Fresh for each.
    pub nonce: Nonce,
    /// When, coordinator's clock.
    pub issued_at: Timestamp,
    /// Until when it is good.
    pub expires_at: Timestamp,
}
fields!(Asked {
    0 origin, 1 chain, 2 purpose, 3 worker, 4 ticket, 5 nonce, 6 issued_at, 7 expires_at,
});

/// A sign-in that a wallet can be asked for: its text is one of the specification's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn(Asked);

/// Why there can be no such sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SignInError {
    /// Not an origin.
    #[error("the origin is not wss://host, or ws:// to 127.0.0.1, [::1] or localhost")]
    Origin,
    /// No wallet signs this.
    #[error("unlinking needs no wallet's signature")]
    Purpose,
    /// Times that can't be, or that RFC 3339 has no text for.
    #[error("the times are out of order, or beyond the year 9999")]
    Times,
    /// Not readable.
    #[error("not a sign-in: {0}")]
    Cbor(#[from] CborError),
}

/// The input of a wallet's `solana:signIn`, under the names of its fields in camel case. There is no `notBefore`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Host, and port unless it is the scheme's: as a browser's `location.host` has it.
    pub domain: String,
    /// What the person agrees to.
    pub statement: String,
    /// The page.
    pub uri: String,
    /// Of the specification.
    pub version: &'static str,
    /// Which chain.
    pub chain_id: &'static str,
    /// 32 digits.
    pub nonce: String,
    /// RFC 3339.
    pub issued_at: String,
    /// RFC 3339.
    pub expiration_time: String,
    /// The ticket's hash.
    pub request_id: String,
    /// The worker key's whole fingerprint (RFC 6920 §7).
    pub resources: [String; 1],
}

/// What a wallet answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The account that it says it signed with.
    pub wallet: Wallet,
    /// The bytes that it says it signed.
    pub message: Vec<u8>,
    /// Its signature.
    pub signature: [u8; 64],
}

/// Why a wallet's answer is no proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Error)]
pub enum Problem {
    /// It came too late.
    #[error("this took longer than five minutes: start again from Lull")]
    Expired,
    /// It was signed for another site.
    #[error("the wallet signed for another site: check this page's address, then start again from Lull")]
    OtherDomain,
    /// It was signed for another account than the wallet says.
    #[error("the wallet signed for another account than it shows: choose the account in the wallet, then sign again")]
    OtherAccount,
    /// It was signed for something else.
    #[error("the wallet signed another statement than this page asked for: start again from Lull")]
    OtherStatement,
    /// It was signed for another sign-in: an old one, or somebody else's.
    #[error("the wallet signed for another attempt: start again from Lull")]
    Replayed,
    /// It isn't the text in some other way.
    #[error("the wallet changed the text before it signed: use another wallet, or bring this one up to date")]
    OtherText,
    /// The signature isn't the account's over the text.
    #[error("the wallet's signature does not hold: sign again, or use another wallet")]
    Signature,
}
codes!(Problem {
    0 Expired, 1 OtherDomain, 2 OtherAccount, 3 OtherStatement, 4 Replayed, 5 OtherText, 6 Signature,
});

impl SignIn {
    /// A sign-in of these parts, if their text is one of the specification's.
    pub fn new(asked: Asked) -> Result<Self, SignInError> {
        if origin_of(&asked.origin) != Some(&asked.origin) {
            return Err(SignInError::Origin);
        }
        if !asked.purpose.needs_wallet() {
            return Err(SignInError::Purpose);
        }
        if asked.expires_at < asked.issued_at || asked.expires_at.get() > SIGN_IN_AT_MAX_MS {
            return Err(SignInError::Times);
        }
        Ok(Self(asked))
    }
    /// Reads what [`SignIn::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SignInError> {
        Self::new(cbor::decode(bytes, SIGN_IN_BYTES_MAX)?)
    }
    /// As it is stored and as the page gets it: deterministic CBOR.
    pub fn to_bytes(&self) -> Vec<u8> {
        cbor::encode(&self.0)
    }
    /// Its parts.
    pub fn asked(&self) -> &Asked {
        &self.0
    }

    /// What a wallet that knows `solana:signIn` is given.
    pub fn input(&self) -> Input {
        let asked = &self.0;
        let (scheme, domain) = site(&asked.origin);
        Input {
            uri: format!("{scheme}://{domain}/connect"),
            domain: domain.to_owned(),
            statement: statement(asked.purpose, &asked.worker),
            version: "1",
            chain_id: asked.chain.as_str(),
            nonce: asked.nonce.to_string(),
            issued_at: iso_8601(asked.issued_at.get()),
            expiration_time: iso_8601(asked.expires_at.get()),
            request_id: asked.ticket.to_string(),
            resources: [format!("nih:sha-256;{}", asked.worker.fingerprint())],
        }
    }

    /// What the wallet signs: the specification's `sign-in-with-solana`.
    pub fn text(&self, wallet: &Wallet) -> String {
        let Input {
            domain,
            statement,
            uri,
            version,
            chain_id,
            nonce,
            issued_at,
            expiration_time,
            request_id,
            resources,
        } = self.input();
        let [resource] = resources;
        format!(
            "{domain} wants you to sign in with your Solana account:\n{wallet}\n\n{statement}\n\nURI: {uri}\n\
             Version: {version}\nChain ID: {chain_id}\nNonce: {nonce}\nIssued At: {issued_at}\n\
             Expiration Time: {expiration_time}\nRequest ID: {request_id}\nResources:\n- {resource}"
        )
    }

    /// Whether the wallet has signed this text, in time.
    pub fn verify(&self, proof: &Proof, now: Timestamp) -> Result<(), Problem> {
        if now >= self.0.expires_at {
            return Err(Problem::Expired);
        }
        let text = self.text(&proof.wallet);
        if text.as_bytes() != proof.message {
            return Err(difference(&text, &proof.message));
        }
        let key = SignerKey::new(&proof.wallet.key()).map_err(|_| Problem::Signature)?;
        key.check(text.as_bytes(), &proof.signature).map_err(|_| Problem::Signature)
    }
}

/// What the person agrees to, in the few characters that the specification allows: no quotes, nothing beyond ASCII.
fn statement(purpose: Purpose, worker: &PublicKey) -> String {
    let action = match purpose {
        Purpose::Link => "Pay what this browser earns to this wallet",
        Purpose::Change => "Pay what this browser earns to this wallet and no longer to the one before",
        Purpose::Rebind => "Let this browser take the place of one of this wallet's browsers whose key is lost",
        Purpose::Unlink => "Pay what this browser earns to no wallet",
        Purpose::PutOut => "Let this browser put out another one, which is then no longer paid to this wallet",
    };
    let key = worker.short();
    format!(
        "{action}: {key}. Sign only if Lull's own window shows these digits too. It costs nothing and sends nothing."
    )
}

/// Scheme and authority of the page of a coordinator's origin, as a browser writes them.
fn site(origin: &str) -> (&'static str, &str) {
    let (scheme, authority) = origin.split_once("://").unwrap_or_default();
    let (scheme, port) = if scheme == "wss" { ("https", ":443") } else { ("http", ":80") };
    (scheme, authority.strip_suffix(port).unwrap_or(authority))
}

/// What is the first line that differs about?
fn difference(text: &str, signed: &[u8]) -> Problem {
    let lines = text.split('\n').zip(signed.split(|&byte| byte == b'\n'));
    let differs = lines.map(|(ours, theirs)| ours.as_bytes() != theirs).position(|differs| differs);
    match differs {
        Some(0 | 5) => Problem::OtherDomain,
        Some(1) => Problem::OtherAccount,
        Some(3) => Problem::OtherStatement,
        Some(8..=11) => Problem::Replayed,
        _ => Problem::OtherText,
    }
}
