//! Settings of paying: the table `[payout]` of the file, `LULL_PAYOUT_*`, `--payout-*`. Without a chain nobody is paid.

use std::path::PathBuf;

use lull_payout::address::Address;
use lull_payout::plan::Limits;
use lull_payout::rpc::Commitment;
use lull_protocol::Amount;
use lull_protocol::siws::Chain;
use serde::Deserialize;
use thiserror::Error;
use url::Url;

/// Lanes of a treasury.
pub const LANES_MAX: u16 = 64;
/// RPCs that are asked.
pub const RPCS_MAX: usize = 8;
/// Base units' digits after the point, unless set otherwise: as USDC has.
const DECIMALS: u8 = 6;
const LANES: u16 = 2;
/// What a transaction may offer for being taken soon, unless set otherwise, lamports.
const PRIORITY_LAMPORTS_MAX: u64 = 10_000;
/// A payment that nobody has seen for this long is cancelled, unless set otherwise, milliseconds.
const PATIENCE_MS: u64 = 120_000;
/// Time between two looks at the chain, unless set otherwise, milliseconds.
const POLL_MS: u64 = 1_000;
/// The same on a chain of one's own.
const POLL_LOCAL_MS: u64 = 100;

/// What can be set about paying. `None`: not set here.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
#[command(next_help_heading = "Payouts (in the file under [payout], without the prefix)")]
pub struct PaySettings {
    /// The chain: localnet, devnet or mainnet; without it nobody is paid
    #[arg(id = "payout_chain", long = "payout-chain", env = "LULL_PAYOUT_CHAIN", global = true)]
    pub chain: Option<Profile>,
    /// RPC URLs, two or more, of different providers (one is enough on localnet)
    #[arg(id = "payout_rpc", long = "payout-rpc", env = "LULL_PAYOUT_RPC", global = true, value_delimiter = ',')]
    pub rpc: Option<Vec<String>>,
    /// The mint's address; one base unit of it is one base unit of the ledger
    #[arg(id = "payout_mint", long = "payout-mint", env = "LULL_PAYOUT_MINT", global = true)]
    pub mint: Option<String>,
    /// Digits after the mint's point, compared with the chain [default: 6]
    #[arg(id = "payout_decimals", long = "payout-decimals", env = "LULL_PAYOUT_DECIMALS", global = true)]
    pub decimals: Option<u8>,
    /// File of the treasury's key, as solana-keygen writes it, readable by its owner alone
    #[arg(id = "payout_key", long = "payout-key", env = "LULL_PAYOUT_KEY", global = true)]
    pub key: Option<PathBuf>,
    /// Program that signs for the treasury instead, over JSON lines on its standard input and output
    #[arg(id = "payout_signer", long = "payout-signer", env = "LULL_PAYOUT_SIGNER", global = true)]
    pub signer: Option<PathBuf>,
    /// How many batches may be on their way at once, 1 to 64 [default: 2]
    #[arg(id = "payout_lanes", long = "payout-lanes", env = "LULL_PAYOUT_LANES", global = true)]
    pub lanes: Option<u16>,
    /// The most that leaves in an hour, base units
    #[arg(id = "payout_hour_max", long = "payout-hour-max", env = "LULL_PAYOUT_HOUR_MAX", global = true)]
    pub hour_max: Option<u64>,
    /// The most that one person gets in 24 hours, base units
    #[arg(
        id = "payout_person_day_max",
        long = "payout-person-day-max",
        env = "LULL_PAYOUT_PERSON_DAY_MAX",
        global = true
    )]
    pub person_day_max: Option<u64>,
    /// The most that a transaction offers for being taken soon, lamports [default: 10000]
    #[arg(
        id = "payout_priority_lamports_max",
        long = "payout-priority-lamports-max",
        env = "LULL_PAYOUT_PRIORITY_LAMPORTS_MAX",
        global = true
    )]
    pub priority_lamports_max: Option<u64>,
    /// What one SOL is worth, base units of the mint: fees are told and booked by it
    #[arg(id = "payout_sol_price", long = "payout-sol-price", env = "LULL_PAYOUT_SOL_PRICE", global = true)]
    pub sol_price: Option<u64>,
    /// How many payouts share a transaction's fee, by your reckoning [default: 1]
    #[arg(id = "payout_sharing", long = "payout-sharing", env = "LULL_PAYOUT_SHARING", global = true)]
    pub sharing: Option<u32>,
    /// Addresses that nobody may pay: `dated 2026-11-29`, then one a line; read anew when it changes, and no older
    /// than 7 days (localnet can do without)
    #[arg(id = "payout_sanctions", long = "payout-sanctions", env = "LULL_PAYOUT_SANCTIONS", global = true)]
    pub sanctions: Option<PathBuf>,
    /// How sure blocks must be in which wallets and the treasury are looked at: confirmed or finalized
    /// [default: confirmed]
    #[arg(id = "payout_commitment", long = "payout-commitment", env = "LULL_PAYOUT_COMMITMENT", global = true)]
    pub commitment: Option<Looking>,
    /// A payment that nobody has seen for this long is cancelled and made anew, milliseconds [default: 120000]
    #[arg(id = "payout_patience_ms", long = "payout-patience-ms", env = "LULL_PAYOUT_PATIENCE_MS", global = true)]
    pub patience_ms: Option<u64>,
    /// Time between two looks at the chain, milliseconds [default: 1000, on localnet 100]
    #[arg(id = "payout_poll_ms", long = "payout-poll-ms", env = "LULL_PAYOUT_POLL_MS", global = true)]
    pub poll_ms: Option<u64>,
}

/// A chain's profile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// A chain on one machine; test money.
    Localnet,
    /// The developers' chain; test money.
    Devnet,
    /// Where tokens are money.
    Mainnet,
}

impl Profile {
    /// The chain, as workers are told.
    pub fn chain(self) -> Chain {
        match self {
            Self::Localnet => Chain::Localnet,
            Self::Devnet => Chain::Devnet,
            Self::Mainnet => Chain::Mainnet,
        }
    }

    /// How the hash of its first block begins (CAIP-2).
    pub(crate) fn genesis(self) -> Option<&'static str> {
        match self {
            Self::Localnet => None,
            Self::Devnet => Some("EtWTRABZaYq6iMfeYKouRu166VU2xqa1"),
            Self::Mainnet => Some("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"),
        }
    }
}

/// How sure what is looked at must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Looking {
    /// Most of the network voted for it.
    Confirmed,
    /// It stays.
    Finalized,
}

/// Settings of paying that make sense.
#[derive(Clone, Debug)]
pub struct PayConfig {
    /// The chain.
    pub profile: Profile,
    /// RPCs; how many of them must say the same follows.
    pub rpcs: Vec<Url>,
    /// The mint.
    pub mint: Address,
    /// Its digits after the point.
    pub decimals: u8,
    /// Who signs.
    pub signer: SignerConfig,
    /// Lanes.
    pub lanes: u16,
    /// What may leave.
    pub limits: Limits,
    /// The most that a transaction offers, lamports.
    pub priority_lamports_max: u64,
    /// What one SOL is worth, base units.
    pub sol_price: Amount,
    /// How many payouts share a fee.
    pub sharing: u32,
    /// The sanctions list's file.
    pub sanctions: Option<PathBuf>,
    /// How sure what is looked at must be.
    pub commitment: Commitment,
    /// After this a payment that nobody has seen is cancelled, milliseconds.
    pub patience_ms: u64,
    /// Time between two looks, milliseconds.
    pub poll_ms: u64,
}

impl PayConfig {
    /// How many RPCs must say the same.
    pub fn agree_min(&self) -> usize {
        self.rpcs.len().min(2)
    }
}

/// Who signs for the treasury.
#[derive(Clone, Debug)]
pub enum SignerConfig {
    /// A key in this file.
    Key(PathBuf),
    /// This program.
    Program(PathBuf),
}

/// Why settings of paying were refused.
#[derive(Debug, Error)]
pub enum PayConfigError {
    /// Settings without a chain.
    #[error(
        "payout settings are there, but no payout.chain: set it to localnet, devnet or mainnet, or remove them all"
    )]
    NoChain,
    /// Money on verdicts that can't bear it.
    #[error(
        "payout.chain = \"mainnet\" is refused: verdicts still rest on plain agreement of few people, which is no \
         ground to pay real money on; use devnet until truth inference is in"
    )]
    Mainnet,
    /// A setting is missing.
    #[error("payout.{0} is missing: {1}")]
    Missing(&'static str, &'static str),
    /// A setting makes no sense.
    #[error("payout.{0}: {1}")]
    Wrong(&'static str, &'static str),
    /// Test money is no money.
    #[error("payout.chain pays in test money, so demo = true is needed: workers must not take it for money")]
    NotDemo,
}

type Refused = PayConfigError;

impl PaySettings {
    /// These settings, and where they say nothing, those `below`.
    pub fn over(self, below: Self) -> Self {
        Self {
            chain: self.chain.or(below.chain),
            rpc: self.rpc.or(below.rpc),
            mint: self.mint.or(below.mint),
            decimals: self.decimals.or(below.decimals),
            key: self.key.or(below.key),
            signer: self.signer.or(below.signer),
            lanes: self.lanes.or(below.lanes),
            hour_max: self.hour_max.or(below.hour_max),
            person_day_max: self.person_day_max.or(below.person_day_max),
            priority_lamports_max: self.priority_lamports_max.or(below.priority_lamports_max),
            sol_price: self.sol_price.or(below.sol_price),
            sharing: self.sharing.or(below.sharing),
            sanctions: self.sanctions.or(below.sanctions),
            commitment: self.commitment.or(below.commitment),
            patience_ms: self.patience_ms.or(below.patience_ms),
            poll_ms: self.poll_ms.or(below.poll_ms),
        }
    }

    /// Fills in the defaults and checks the whole; `None`: nobody is paid.
    pub fn finish(self, demo: bool) -> Result<Option<PayConfig>, PayConfigError> {
        let Some(profile) = self.chain else {
            return if self == Self::default() { Ok(None) } else { Err(Refused::NoChain) };
        };
        match profile {
            Profile::Mainnet => return Err(Refused::Mainnet),
            Profile::Localnet | Profile::Devnet if !demo => return Err(Refused::NotDemo),
            Profile::Localnet | Profile::Devnet => {}
        }
        let is_local = profile == Profile::Localnet;
        let rpcs = rpcs(self.rpc.unwrap_or_default(), is_local)?;
        let mint = self.mint.ok_or(Refused::Missing("mint", "the address of the mint that is paid in"))?;
        let mint = mint.parse().map_err(|_| Refused::Wrong("mint", "it is not an address in base58"))?;
        let signer = match (self.key, self.signer) {
            (Some(key), None) => SignerConfig::Key(key),
            (None, Some(program)) => SignerConfig::Program(program),
            (Some(_), Some(_)) => return Err(Refused::Wrong("signer", "there is a key as well; keep one of them")),
            (None, None) => return Err(Refused::Missing("key", "the treasury's key file, or payout.signer")),
        };
        if self.sanctions.is_none() && !is_local {
            return Err(Refused::Missing("sanctions", "a dated list of addresses that nobody may pay"));
        }
        let hour = amount("hour_max", self.hour_max, "the most that leaves in an hour, base units")?;
        let person_day = amount("person_day_max", self.person_day_max, "the most that a person gets in 24 hours")?;
        if hour < person_day {
            return Err(Refused::Wrong("hour_max", "it is below person_day_max; set it to that at least"));
        }
        let lanes = self.lanes.unwrap_or(LANES);
        if lanes == 0 || lanes > LANES_MAX {
            return Err(Refused::Wrong("lanes", "from 1 to 64"));
        }
        let poll_ms = self.poll_ms.unwrap_or(if is_local { POLL_LOCAL_MS } else { POLL_MS });
        if !(20..=60_000).contains(&poll_ms) {
            return Err(Refused::Wrong("poll_ms", "from 20 to 60,000 ms"));
        }
        let patience_ms = self.patience_ms.unwrap_or(PATIENCE_MS);
        if !(1_000..=3_600_000).contains(&patience_ms) {
            return Err(Refused::Wrong("patience_ms", "from 1,000 ms to 3,600,000 ms (an hour)"));
        }
        Ok(Some(PayConfig {
            profile,
            rpcs,
            mint,
            decimals: self.decimals.unwrap_or(DECIMALS),
            signer,
            lanes,
            limits: Limits { hour, person_day },
            priority_lamports_max: self.priority_lamports_max.unwrap_or(PRIORITY_LAMPORTS_MAX),
            sol_price: amount("sol_price", self.sol_price, "what one SOL is worth, base units of the mint")?,
            sharing: self.sharing.unwrap_or(1).max(1),
            sanctions: self.sanctions,
            commitment: match self.commitment {
                Some(Looking::Finalized) => Commitment::Finalized,
                Some(Looking::Confirmed) | None => Commitment::Confirmed,
            },
            patience_ms,
            poll_ms,
        }))
    }
}

fn rpcs(texts: Vec<String>, is_local: bool) -> Result<Vec<Url>, PayConfigError> {
    let least = if is_local { 1 } else { 2 };
    if texts.len() < least {
        return Err(Refused::Missing("rpc", "two URLs of different providers, so that neither is believed alone"));
    }
    if texts.len() > RPCS_MAX {
        return Err(Refused::Wrong("rpc", "at most 8"));
    }
    let mut urls = Vec::<Url>::new();
    for text in texts {
        let url: Url = text.parse().map_err(|_| Refused::Wrong("rpc", "an entry is not a URL"))?;
        if url.scheme() != "https" && !(is_local && url.scheme() == "http") {
            return Err(Refused::Wrong("rpc", "https only (http on localnet)"));
        }
        let is_same = |other: &Url| host(other) == host(&url) && (!is_local || other.port() == url.port());
        if urls.iter().any(is_same) {
            return Err(Refused::Wrong("rpc", "two entries of one host are one opinion: name another provider"));
        }
        urls.push(url);
    }
    Ok(urls)
}

/// A name is the same with its root's dot and without.
fn host(url: &Url) -> Option<&str> {
    url.host_str().map(|host| host.trim_end_matches('.'))
}

fn amount(name: &'static str, given: Option<u64>, what: &'static str) -> Result<Amount, PayConfigError> {
    let given = given.ok_or(Refused::Missing(name, what))?;
    Amount::new(given).filter(|amount| *amount > Amount::ZERO).ok_or(Refused::Wrong(name, "from 1 to 2^53 - 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> PaySettings {
        let url = |host: &str| format!("https://{host}.example/");
        PaySettings {
            chain: Some(Profile::Devnet),
            rpc: Some(vec![url("one"), url("two")]),
            mint: Some("9xQeWvG816bUx9EPjHmaT23yvVM2ZWbrrpZb9PusVFin".into()),
            key: Some("treasury.json".into()),
            hour_max: Some(1_000_000_000),
            person_day_max: Some(50_000_000),
            sol_price: Some(200_000_000),
            sanctions: Some("sanctions.txt".into()),
            ..PaySettings::default()
        }
    }

    #[test]
    fn each_setting_that_is_missing_or_wrong_is_named() {
        assert!(PaySettings::default().finish(true).unwrap().is_none());
        assert_eq!(settings().finish(true).unwrap().unwrap().agree_min(), 2);
        let refused = |change: fn(&mut PaySettings), word: &str| {
            let mut settings = settings();
            change(&mut settings);
            let error = settings.finish(true).unwrap_err().to_string();
            assert!(error.contains(word), "{error}");
        };
        refused(|settings| settings.chain = None, "no payout.chain");
        refused(|settings| settings.chain = Some(Profile::Mainnet), "plain agreement");
        refused(|settings| settings.mint = None, "payout.mint");
        refused(|settings| settings.mint = Some("0x12".into()), "payout.mint");
        refused(|settings| settings.key = None, "payout.key");
        refused(|settings| settings.signer = Some("sign".into()), "payout.signer");
        refused(|settings| settings.sanctions = None, "payout.sanctions");
        refused(|settings| settings.hour_max = None, "payout.hour_max");
        refused(|settings| settings.hour_max = Some(49_999_999), "person_day_max");
        refused(|settings| settings.person_day_max = Some(0), "payout.person_day_max");
        refused(|settings| settings.sol_price = Some(u64::MAX), "payout.sol_price");
        refused(|settings| settings.lanes = Some(65), "payout.lanes");
        refused(|settings| settings.poll_ms = Some(1), "payout.poll_ms");
        refused(|settings| settings.patience_ms = Some(1), "payout.patience_ms");
        refused(|settings| settings.rpc = Some(vec!["https://one.example".into()]), "two URLs");
        refused(
            |settings| settings.rpc = Some(vec!["https://one.example/a".into(), "https://one.example/b".into()]),
            "one host",
        );
        refused(
            |settings| settings.rpc = Some(vec!["https://one.example/".into(), "https://one.example./".into()]),
            "one host",
        );
        refused(
            |settings| settings.rpc = Some(vec!["http://one.example".into(), "https://two.example".into()]),
            "https only",
        );
        let alone: [fn(&mut PaySettings); 7] = [
            |settings| settings.lanes = Some(2),
            |settings| settings.sharing = Some(2),
            |settings| settings.decimals = Some(6),
            |settings| settings.poll_ms = Some(1_000),
            |settings| settings.patience_ms = Some(120_000),
            |settings| settings.priority_lamports_max = Some(1),
            |settings| settings.commitment = Some(Looking::Finalized),
        ];
        for set in alone {
            let mut settings = PaySettings::default();
            set(&mut settings);
            assert!(matches!(settings.finish(true), Err(PayConfigError::NoChain)), "it does nothing without a chain");
        }
        assert!(matches!(settings().finish(false), Err(PayConfigError::NotDemo)));
        let local = PaySettings {
            chain: Some(Profile::Localnet),
            rpc: Some(vec!["http://127.0.0.1:8899".into()]),
            sanctions: None,
            ..settings()
        };
        assert_eq!(local.finish(true).unwrap().unwrap().agree_min(), 1);
    }
}
