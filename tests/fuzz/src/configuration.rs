//! The coordinator's configuration file.

use lull_coordinator::config::Settings;
use lull_protocol::cose::Statement;
use lull_protocol::trust::origin_of;
use serde_json::json;

use crate::feed::Feed;
use crate::make;

const KEYS: [&str; 16] = [
    "listen",
    "data",
    "origin",
    "store_bytes_max",
    "log",
    "log_filter",
    "operator_name",
    "operator_country",
    "operator_contact",
    "fee_bp",
    "asset",
    "demo",
    "fetch_lease_ms",
    "judgment_lease_ms",
    "approval_ms",
    "dispute_ms",
];
const VALUES: [&str; 20] = [
    "\"127.0.0.1:0\"",
    "\"0.0.0.0:443\"",
    "\"[::1]:7340\"",
    "\"wss://work.example\"",
    "\"ws://localhost:1\"",
    "\"CH\"",
    "\"json\"",
    "\"text\"",
    "\"info\"",
    "\"\"",
    "true",
    "false",
    "-1",
    "999",
    "1000",
    "10000",
    "31536000000",
    "9223372036854775807",
    "1e3",
    "{ a = [1] }",
];

/// A file is refused with words, or gives a configuration with which a server may start.
pub(crate) fn configuration(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    finished(&text);
    let mut feed = Feed::new(bytes);
    let mut built = String::new();
    for _ in 0..feed.below(8) {
        let value = match feed.below(4) {
            0 => json!(make::label(&mut feed)).to_string(),
            1 => feed.number().to_string(),
            _ => (*feed.pick(&VALUES)).to_owned(),
        };
        built.push_str(&format!("{} = {value}\n", feed.pick(&KEYS)));
    }
    finished(&built);
}

fn finished(text: &str) {
    let settings = match Settings::from_toml(text) {
        Ok(settings) => settings,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(format!("{:?}", settings.clone().over(settings.clone())), format!("{settings:?}"));
    let config = match settings.finish() {
        Ok(config) => config,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert_eq!(config.card.check(), Ok(()), "workers would refuse the card");
    assert_eq!((config.card.fee_bp, &config.card.asset), (config.terms.fee_bp, &config.terms.asset));
    let origin = config.origin.as_deref();
    assert!(origin.is_none_or(|origin| origin_of(origin) == Some(origin)));
    let is_safe = origin.is_some_and(|origin| origin.starts_with("wss://"));
    assert!(is_safe || config.listen.ip().is_loopback(), "workers would have no safe address");
    let terms = &config.terms;
    for ms in [terms.fetch_lease_ms, terms.judgment_lease_ms, terms.approval_ms, terms.dispute_ms] {
        assert!((1_000..=31_536_000_000).contains(&ms));
    }
}
