//! What the background does between events, for a page that times it, and for a native program: signing, policy's
//! decisions. `cargo xtask bench` builds it with the extension's own profile and lays it beside the package that it
//! measures.

#[path = "../../../crate/policy/tests/table/ordinary.rs"]
mod ordinary;

use std::hint::black_box;

use lull_policy::{judge_address, judge_url};
use lull_protocol::cose::Signed;
use lull_protocol::statement::{Input, JudgmentReport, Report, WorkResult};
use lull_protocol::{Answer, Hash, SigningKey, Timestamp};
use ordinary::ORDINARY;
use url::Url;
use wasm_bindgen::prelude::wasm_bindgen;
use zeroize::Zeroizing;

/// Signs this many results of judgments, each another one. Gives the bytes of them all.
#[wasm_bindgen]
pub fn sign_results(count: u32) -> usize {
    let key = SigningKey::from_seed(&Zeroizing::new([7; 32]));
    let offer = Hash([9; 32]);
    let results = (0..count).map(|n| {
        let answered_at = Timestamp::ZERO.plus(1_700_000_000_000 + u64::from(n));
        WorkResult {
            offer,
            report: Report::Judgment(JudgmentReport { answer: Answer::Choice(1), input: Input::Keyboard }),
            started_at: answered_at,
            finished_at: answered_at,
        }
    });
    results.map(|result| Signed::sign(result, &key).bytes().len()).sum()
}

/// The address that answers, as a browser writes it.
const ADDRESS: &str = "93.184.215.14";

/// Judges the table of ordinary URLs so many times, each URL with the address that answers, as each hop is. Gives
/// how many passed.
#[wasm_bindgen]
pub fn judge_urls(rounds: u32) -> usize {
    let passes =
        |url: &&str| judge_url(black_box(url), false).is_ok() && judge_address(Some(black_box(ADDRESS))).is_ok();
    (0..rounds).map(|_| ORDINARY.iter().filter(|url| passes(url)).count()).sum()
}

/// Parses the same URLs as often, as any program does that fetches. Gives how many could be.
#[wasm_bindgen]
pub fn parse_urls(rounds: u32) -> usize {
    (0..rounds).map(|_| ORDINARY.iter().filter(|url| Url::parse(black_box(url)).is_ok()).count()).sum()
}
