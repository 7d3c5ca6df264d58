//! Configuration: a TOML file, then environment variables, then flags; the later one counts. The three
//! share their names: `fee_bp` in the file is `LULL_FEE_BP` and `--fee-bp`.

use std::net::SocketAddr;
use std::path::PathBuf;

use lull_market::Terms;
use lull_protocol::Timestamp;
use lull_protocol::cose::Statement;
use lull_protocol::siws::Chain;
use lull_protocol::statement::OperatorCard;
use lull_protocol::trust::origin_of;
use serde::Deserialize;
use thiserror::Error;

use crate::pay::config::{PayConfig, PayConfigError, PaySettings};

/// What can be set. `None`: not set here.
#[derive(Clone, Debug, Default, Deserialize, clap::Args)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:7340]
    #[arg(long, env = "LULL_LISTEN", global = true)]
    pub listen: Option<SocketAddr>,
    /// Folder of the database, the key and the operator's token [default: lull-data]
    #[arg(long, env = "LULL_DATA", global = true)]
    pub data: Option<PathBuf>,
    /// The public address workers dial, such as wss://work.example; needed beyond loopback
    #[arg(long, env = "LULL_ORIGIN", global = true)]
    pub origin: Option<String>,
    /// Folder of the pages for people, as `cargo xtask build` writes it: target/web; without it /connect says that
    /// there are none
    #[arg(long, env = "LULL_PAGES", global = true)]
    pub pages: Option<PathBuf>,
    /// Size that the database may not exceed, bytes; when it is reached, results wait with their workers and
    /// requests get 503 [default: the disk's]
    #[arg(long, env = "LULL_STORE_BYTES_MAX", global = true)]
    pub store_bytes_max: Option<u64>,
    /// Form of the log: text or json [default: text]
    #[arg(long, env = "LULL_LOG", global = true)]
    pub log: Option<LogForm>,
    /// What is logged, as tracing's filter [default: info]
    #[arg(long, env = "LULL_LOG_FILTER", global = true)]
    pub log_filter: Option<String>,
    /// The operator's name
    #[arg(long, env = "LULL_OPERATOR_NAME", global = true)]
    pub operator_name: Option<String>,
    /// Where the operator is established (ISO 3166-1 alpha-2)
    #[arg(long, env = "LULL_OPERATOR_COUNTRY", global = true)]
    pub operator_country: Option<String>,
    /// How to reach a human
    #[arg(long, env = "LULL_OPERATOR_CONTACT", global = true)]
    pub operator_contact: Option<String>,
    /// The fee on top of each price, basis points (1/10,000) [default: 0]
    #[arg(long, env = "LULL_FEE_BP", global = true, value_parser = clap::value_parser!(u16).range(..=10_000))]
    pub fee_bp: Option<u16>,
    /// The asset of all amounts [default: demo credits]
    #[arg(long, env = "LULL_ASSET", global = true)]
    pub asset: Option<String>,
    /// Whether the asset is play money [default: true]
    #[arg(long, env = "LULL_DEMO", global = true, num_args = 0..=1, default_missing_value = "true")]
    pub demo: Option<bool>,
    /// How long a fetch lease lasts, milliseconds [default: 120000]
    #[arg(long, env = "LULL_FETCH_LEASE_MS", global = true)]
    pub fetch_lease_ms: Option<u64>,
    /// How long a judgment lease lasts, milliseconds [default: 600000]
    #[arg(long, env = "LULL_JUDGMENT_LEASE_MS", global = true)]
    pub judgment_lease_ms: Option<u64>,
    /// After a lease's deadline, a result without a verdict is approved this much later, milliseconds
    /// [default: 86400000]
    #[arg(long, env = "LULL_APPROVAL_MS", global = true)]
    pub approval_ms: Option<u64>,
    /// How long pending money stays open to dispute, milliseconds [default: 86400000]
    #[arg(long, env = "LULL_DISPUTE_MS", global = true)]
    pub dispute_ms: Option<u64>,
    /// How long a worker may appeal against a rejection, milliseconds [default: 604800000]
    #[arg(long, env = "LULL_APPEAL_MS", global = true)]
    pub appeal_ms: Option<u64>,
    /// How long a human has to decide about an appeal before the worker is right, milliseconds [default: 1209600000]
    #[arg(long, env = "LULL_APPEAL_DECISION_MS", global = true)]
    pub appeal_decision_ms: Option<u64>,
    /// Paying.
    #[command(flatten)]
    pub payout: PaySettings,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogForm {
    /// For eyes.
    Text,
    /// One JSON object per line.
    Json,
}

/// A configuration that makes sense.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen.
    pub listen: SocketAddr,
    /// The data folder.
    pub data: PathBuf,
    /// The public origin.
    pub origin: Option<String>,
    /// The folder of the pages for people.
    pub pages: Option<PathBuf>,
    /// Size that the database may not exceed, bytes.
    pub store_bytes_max: Option<u64>,
    /// Form of the log.
    pub log: LogForm,
    /// Filter of the log.
    pub log_filter: String,
    /// The operator; `signed_at` is filled when the card is signed.
    pub card: OperatorCard,
    /// The operator's terms.
    pub terms: Terms,
    /// Where workers are paid; `None`: nobody is.
    pub chain: Option<Chain>,
    /// File of the sanctions list.
    pub sanctions: Option<PathBuf>,
    /// How workers are paid; `None`: nobody is.
    pub payout: Option<PayConfig>,
}

/// Why a configuration was refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file is not TOML of the known keys.
    #[error("configuration file: {0}")]
    File(#[from] toml::de::Error),
    /// Reachable from other machines, but workers would have no safe address to dial.
    #[error(
        "listen = {0} can be reached from other machines, and workers only trust wss:// there: \
         set origin to the public wss:// address of the TLS proxy in front, or listen on 127.0.0.1"
    )]
    NotLoopback(SocketAddr),
    /// Not an origin.
    #[error("origin = {0:?} is not an origin: give scheme, host and port only, such as wss://work.example")]
    Origin(String),
    /// The card would not pass a worker's check.
    #[error("operator card: {0}")]
    Card(&'static str),
    /// A span that makes no sense.
    #[error("{0} must be between 1,000 ms and 31,536,000,000 ms (a year)")]
    Span(&'static str),
    /// Settings of paying.
    #[error(transparent)]
    Payout(#[from] PayConfigError),
    /// Real money needs a real operator.
    #[error("demo = false needs operator_name, operator_country and operator_contact")]
    Nobody,
}

impl Settings {
    /// Reads a configuration file's text; unknown keys are errors.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Ok(toml::from_str(text)?)
    }

    /// These settings, and where they say nothing, those `below`.
    pub fn over(self, below: Self) -> Self {
        Self {
            listen: self.listen.or(below.listen),
            data: self.data.or(below.data),
            origin: self.origin.or(below.origin),
            pages: self.pages.or(below.pages),
            store_bytes_max: self.store_bytes_max.or(below.store_bytes_max),
            log: self.log.or(below.log),
            log_filter: self.log_filter.or(below.log_filter),
            operator_name: self.operator_name.or(below.operator_name),
            operator_country: self.operator_country.or(below.operator_country),
            operator_contact: self.operator_contact.or(below.operator_contact),
            fee_bp: self.fee_bp.or(below.fee_bp),
            asset: self.asset.or(below.asset),
            demo: self.demo.or(below.demo),
            fetch_lease_ms: self.fetch_lease_ms.or(below.fetch_lease_ms),
            judgment_lease_ms: self.judgment_lease_ms.or(below.judgment_lease_ms),
            approval_ms: self.approval_ms.or(below.approval_ms),
            dispute_ms: self.dispute_ms.or(below.dispute_ms),
            appeal_ms: self.appeal_ms.or(below.appeal_ms),
            appeal_decision_ms: self.appeal_decision_ms.or(below.appeal_decision_ms),
            payout: self.payout.over(below.payout),
        }
    }

    /// Fills in the defaults and checks the whole.
    pub fn finish(self) -> Result<Config, ConfigError> {
        let demo = self.demo.unwrap_or(true);
        let named = self.operator_name.is_some() && self.operator_country.is_some() && self.operator_contact.is_some();
        if !demo && !named {
            return Err(ConfigError::Nobody);
        }
        let card = OperatorCard {
            name: self.operator_name.unwrap_or_else(|| "Demonstration operator".into()),
            country: self.operator_country.unwrap_or_else(|| "ZZ".into()),
            contact: self.operator_contact.unwrap_or_else(|| "the person who started this server".into()),
            fee_bp: self.fee_bp.unwrap_or(0),
            asset: self.asset.unwrap_or_else(|| "demo credits".into()),
            demo,
            signed_at: Timestamp::ZERO,
        };
        card.check().map_err(ConfigError::Card)?;
        let listen = self.listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], DEFAULT_PORT)));
        check_origin(listen, self.origin.as_deref())?;
        let payout = self.payout.finish(demo)?;
        let terms = Terms {
            asset: card.asset.clone(),
            fee_bp: card.fee_bp,
            fetch_lease_ms: span("fetch_lease_ms", self.fetch_lease_ms, 2 * MINUTE_MS)?,
            judgment_lease_ms: span("judgment_lease_ms", self.judgment_lease_ms, 10 * MINUTE_MS)?,
            approval_ms: span("approval_ms", self.approval_ms, DAY_MS)?,
            dispute_ms: span("dispute_ms", self.dispute_ms, DAY_MS)?,
            appeal_ms: span("appeal_ms", self.appeal_ms, 7 * DAY_MS)?,
            appeal_decision_ms: span("appeal_decision_ms", self.appeal_decision_ms, 14 * DAY_MS)?,
        };
        Ok(Config {
            listen,
            data: self.data.unwrap_or_else(|| "lull-data".into()),
            origin: self.origin,
            pages: self.pages,
            store_bytes_max: self.store_bytes_max,
            log: self.log.unwrap_or(LogForm::Text),
            log_filter: self.log_filter.unwrap_or_else(|| "info".into()),
            card,
            terms,
            chain: payout.as_ref().map(|payout| payout.profile.chain()),
            sanctions: payout.as_ref().and_then(|payout| payout.sanctions.clone()),
            payout,
        })
    }
}

const DEFAULT_PORT: u16 = 7340;
const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn check_origin(listen: SocketAddr, origin: Option<&str>) -> Result<(), ConfigError> {
    match origin {
        Some(origin) if origin_of(origin) != Some(origin) => Err(ConfigError::Origin(origin.to_owned())),
        Some(origin) if origin.starts_with("wss://") => Ok(()),
        _ if listen.ip().is_loopback() => Ok(()),
        _ => Err(ConfigError::NotLoopback(listen)),
    }
}

fn span(name: &'static str, given: Option<u64>, default: u64) -> Result<u64, ConfigError> {
    let ms = given.unwrap_or(default);
    if (1_000..=365 * DAY_MS).contains(&ms) { Ok(ms) } else { Err(ConfigError::Span(name)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_sources_win_and_unknown_keys_are_errors() {
        let file = Settings::from_toml("asset = \"tea\"\nfee_bp = 500\nlog = \"json\"").unwrap();
        let flags = Settings { fee_bp: Some(700), ..Settings::default() };
        let config = flags.over(file).finish().unwrap();
        assert_eq!((config.terms.fee_bp, config.card.fee_bp, config.card.asset.as_str()), (700, 700, "tea"));
        assert_eq!(config.log, LogForm::Json);
        let error = Settings::from_toml("fee_pb = 1").unwrap_err().to_string();
        assert!(error.contains("fee_pb"), "{error}");
        let error = Settings::from_toml("[payout]\nchains = \"devnet\"").unwrap_err().to_string();
        assert!(error.contains("chains"), "{error}");
        let mainnet = Settings::from_toml("[payout]\nchain = \"mainnet\"").unwrap();
        assert!(matches!(mainnet.finish(), Err(ConfigError::Payout(PayConfigError::Mainnet))));
    }

    #[test]
    fn only_loopback_without_a_wss_origin() {
        let at = |listen: &str, origin: Option<&str>| {
            Settings { listen: Some(listen.parse().unwrap()), origin: origin.map(str::to_owned), ..Settings::default() }
                .finish()
        };
        assert!(at("127.0.0.1:0", None).is_ok());
        assert!(at("[::1]:1", Some("ws://localhost:1")).is_ok());
        assert!(at("0.0.0.0:443", Some("wss://work.example")).is_ok());
        assert!(matches!(at("0.0.0.0:443", None), Err(ConfigError::NotLoopback(_))));
        assert!(matches!(at("0.0.0.0:443", Some("ws://localhost")), Err(ConfigError::NotLoopback(_))));
        assert!(matches!(at("127.0.0.1:1", Some("wss://work.example/x")), Err(ConfigError::Origin(_))));
    }

    #[test]
    fn terms_and_card_are_checked() {
        let bad = Settings { dispute_ms: Some(0), ..Settings::default() }.finish();
        assert!(matches!(bad, Err(ConfigError::Span("dispute_ms"))));
        let bad = Settings { operator_country: Some("Germany".into()), ..Settings::default() }.finish();
        assert!(matches!(bad, Err(ConfigError::Card(_))));
        assert!(matches!(Settings { demo: Some(false), ..Settings::default() }.finish(), Err(ConfigError::Nobody)));
    }
}
