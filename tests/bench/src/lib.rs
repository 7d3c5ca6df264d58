//! Signing as the background does it, for a page that times it. `cargo xtask bench main` builds it with the
//! extension's own profile and lays it beside the package that it measures.

use lull_protocol::cose::Signed;
use lull_protocol::statement::{ChoiceAnswer, Input, Report, WorkResult};
use lull_protocol::{Hash, SigningKey, Timestamp};
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
            report: Report::Choice(ChoiceAnswer { option: 1, input: Input::Keyboard }),
            started_at: answered_at,
            finished_at: answered_at,
        }
    });
    results.map(|result| Signed::sign(result, &key).bytes().len()).sum()
}
