//! The chain's JSON-RPC: requests as text, answers as types. A shell only carries the text.
//!
//! ```
//! use lull_payout::rpc::{self, Commitment};
//!
//! let call = rpc::slot(Commitment::Finalized);
//! assert_eq!(call.body(7), r#"{"jsonrpc":"2.0","id":7,"method":"getSlot","params":[{"commitment":"finalized"}]}"#);
//! let slot: u64 = call.answer(7, br#"{"jsonrpc":"2.0","result":42,"id":7}"#)?;
//! assert_eq!(slot, 42);
//! # Ok::<(), rpc::RpcError>(())
//! ```

use std::collections::BTreeMap;
use std::str::FromStr;

use base64ct::{Base64, Encoding};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

use crate::address::Address;
use crate::facts::{InstructionError, Landing, Seen, TransactionError};
use crate::token::{Account, Mint};
use crate::transaction;
use crate::units::{Nonce, Signature};

/// The longest answer that is read.
pub const ANSWER_BYTES_MAX: usize = 4 << 20;
/// Accounts that one `getMultipleAccounts` may ask for.
pub const ACCOUNTS_MAX: usize = 100;
/// Signatures that one `getSignatureStatuses` may ask for.
pub const STATUSES_MAX: usize = 256;
/// Signatures that one `getSignaturesForAddress` answers with; older ones are asked for by `before`.
pub const HISTORY_MAX: usize = 1_000;

/// How sure a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Commitment {
    /// It may still be dropped.
    Processed,
    /// Most of the network voted for it.
    Confirmed,
    /// It stays.
    Finalized,
}

impl Commitment {
    fn word(self) -> &'static str {
        match self {
            Self::Processed => "processed",
            Self::Confirmed => "confirmed",
            Self::Finalized => "finalized",
        }
    }
}

/// A request, and how its answer is read.
pub struct Call<T> {
    method: &'static str,
    params: Value,
    read: fn(Value) -> Option<T>,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum RpcError {
    /// Not of the form that was asked for; the method.
    #[error("the answer to {0} is malformed")]
    Malformed(&'static str),
    /// The RPC refuses: its number and words.
    #[error("the RPC refuses ({code}): {message}")]
    Refused {
        /// Its number.
        code: i64,
        /// Its words.
        message: String,
    },
}

#[derive(Deserialize)]
struct Envelope {
    id: Option<u64>,
    #[serde(default, deserialize_with = "there")]
    result: Option<Value>,
    error: Option<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: i64,
    message: String,
}

/// `null` is an answer, too.
fn there<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(from).map(Some)
}

impl<T> Call<T> {
    /// The body of the POST; `Content-Type: application/json`.
    pub fn body(&self, id: u64) -> String {
        let params = &self.params;
        format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{}","params":{params}}}"#, self.method)
    }
    /// The method's name, for logs and metrics.
    pub fn method(&self) -> &'static str {
        self.method
    }
    /// Reads the answer to the request of this id.
    pub fn answer(&self, id: u64, body: &[u8]) -> Result<T, RpcError> {
        let malformed = || RpcError::Malformed(self.method);
        let body = Some(body).filter(|body| body.len() <= ANSWER_BYTES_MAX).ok_or_else(malformed)?;
        let envelope: Envelope = serde_json::from_slice(body).map_err(|_| malformed())?;
        if let Some(Refusal { code, message }) = envelope.error {
            return Err(RpcError::Refused { code, message });
        }
        if envelope.id != Some(id) {
            return Err(malformed());
        }
        envelope.result.and_then(self.read).ok_or_else(malformed)
    }
    fn new(method: &'static str, params: Value, read: fn(Value) -> Option<T>) -> Self {
        Self { method, params, read }
    }
}

/// `getSlot`.
pub fn slot(commitment: Commitment) -> Call<u64> {
    Call::new("getSlot", json!([{ "commitment": commitment.word() }]), plain)
}

/// `getGenesisHash`: which chain it is.
pub fn genesis() -> Call<Nonce> {
    Call::new("getGenesisHash", json!([]), |value| parsed(&value).map(|hash: Address| Nonce(hash.to_bytes())))
}

/// `getLatestBlockhash`: for the transaction that makes lanes. It stands where a nonce's value would.
pub fn latest_blockhash() -> Call<Nonce> {
    Call::new("getLatestBlockhash", json!([{ "commitment": "finalized" }]), |value| {
        parsed(value.get("value")?.get("blockhash")?).map(|hash: Address| Nonce(hash.to_bytes()))
    })
}

/// `getMinimumBalanceForRentExemption`: what an account of this length must hold, lamports.
pub fn rent(bytes: u64) -> Call<u64> {
    Call::new("getMinimumBalanceForRentExemption", json!([bytes]), plain)
}

/// `getRecentPrioritizationFees`: what recent transactions that wrote to these accounts offered, millionths of a
/// lamport per compute unit.
pub fn recent_prices(accounts: &[Address]) -> Call<Vec<u64>> {
    #[derive(Deserialize)]
    struct Price {
        #[serde(rename = "prioritizationFee")]
        price: u64,
    }
    let accounts: Vec<String> = accounts.iter().map(Address::to_string).collect();
    Call::new("getRecentPrioritizationFees", json!([accounts]), |value| {
        Some(plain::<Vec<Price>>(value)?.into_iter().map(|one| one.price).collect())
    })
}

/// `getAccountInfo`.
pub fn account(address: &Address, commitment: Commitment) -> Call<Option<Account>> {
    let config = json!({ "encoding": "base64", "commitment": commitment.word() });
    Call::new("getAccountInfo", json!([address.to_string(), config]), |value| {
        plain::<Option<AccountText>>(within(value)?)?.map(AccountText::read).map_or(Some(None), |read| read.map(Some))
    })
}

/// `getMultipleAccounts`, at most [`ACCOUNTS_MAX`], in the order asked.
pub fn accounts(addresses: &[Address], commitment: Commitment) -> Call<Vec<Option<Account>>> {
    let addresses: Vec<String> = addresses.iter().map(Address::to_string).collect();
    let config = json!({ "encoding": "base64", "commitment": commitment.word() });
    Call::new("getMultipleAccounts", json!([addresses, config]), |value| {
        let accounts = plain::<Vec<Option<AccountText>>>(within(value)?)?;
        let read = |one: Option<AccountText>| one.map(AccountText::read).map_or(Some(None), |read| read.map(Some));
        accounts.into_iter().map(read).collect()
    })
}

#[derive(Deserialize)]
struct AccountText {
    lamports: u64,
    owner: String,
    data: (String, String),
}

impl AccountText {
    fn read(self) -> Option<Account> {
        let (data, encoding) = self.data;
        let data = (encoding == "base64").then(|| Base64::decode_vec(&data).ok())??;
        Some(Account { lamports: self.lamports, owner: self.owner.parse().ok()?, data })
    }
}

/// How far a transaction is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its slot.
    pub slot: u64,
    /// How sure that is.
    pub commitment: Commitment,
    /// It landed with an error: the fee is spent, and nothing else happened.
    pub is_failed: bool,
}

/// What one RPC says of a transaction: its status, and, once that is finalized, how it landed.
pub fn seen(status: Option<Status>, landing: Option<Landing>) -> Seen {
    match (status, landing) {
        (_, Some(landing)) => Seen::Finalized(landing),
        (None, None) => Seen::Nothing,
        (Some(Status { commitment: Commitment::Processed, .. } | Status { is_failed: true, .. }), None) => {
            Seen::Processed
        }
        (Some(_), None) => Seen::Confirmed,
    }
}

/// `getSignatureStatuses`, at most [`STATUSES_MAX`], in the order asked; in all of the RPC's history. `None` proves
/// nothing.
pub fn statuses(signatures: &[Signature]) -> Call<Vec<Option<Status>>> {
    #[derive(Deserialize)]
    struct Text {
        slot: u64,
        #[serde(rename = "confirmationStatus")]
        commitment: Option<Commitment>,
        err: Option<Value>,
    }
    let signatures: Vec<String> = signatures.iter().map(Signature::to_string).collect();
    let config = json!({ "searchTransactionHistory": true });
    Call::new("getSignatureStatuses", json!([signatures, config]), |value| {
        let status = |Text { slot, commitment, err }| Status {
            slot,
            commitment: commitment.unwrap_or(Commitment::Processed),
            is_failed: err.is_some(),
        };
        Some(plain::<Vec<Option<Text>>>(within(value)?)?.into_iter().map(|one| one.map(status)).collect())
    })
}

/// `getTransaction`, finalized; `None` proves nothing.
pub fn transaction(signature: &Signature) -> Call<Option<Transaction>> {
    let config = json!({ "encoding": "base64", "commitment": "finalized", "maxSupportedTransactionVersion": 0 });
    Call::new("getTransaction", json!([signature.to_string(), config]), |value| {
        plain::<Option<TransactionText>>(value)?.map(TransactionText::read).map_or(Some(None), |read| read.map(Some))
    })
}

/// A finalized transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transaction {
    slot: u64,
    bytes: Vec<u8>,
    error: Option<TransactionError>,
    fee_lamports: u64,
    lamports: (Vec<u64>, Vec<u64>),
    tokens: (Vec<Balance>, Vec<Balance>),
    loaded: Vec<Address>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Balance {
    account: usize,
    mint: Address,
    amount: u64,
}

impl Transaction {
    /// How it landed, as far as tokens of this mint moved; `None` if its parts don't fit each other.
    pub fn landing(&self, mint: &Mint) -> Option<Landing> {
        let accounts = self.accounts(mint)?;
        let mut moved = BTreeMap::<Address, i128>::new();
        let signs = [(&self.tokens.0, -1), (&self.tokens.1, 1)];
        for (balance, sign) in signs.iter().flat_map(|(balances, sign)| balances.iter().map(move |one| (one, sign))) {
            let account = *accounts.get(balance.account)?;
            if balance.mint == mint.address() {
                *moved.entry(account).or_default() += sign * i128::from(balance.amount);
            }
        }
        moved.retain(|_, by| *by != 0);
        let (before, after) = (self.lamports.0.first()?, self.lamports.1.first()?);
        Some(Landing {
            bytes: self.bytes.clone(),
            slot: self.slot,
            error: self.error.clone(),
            fee_lamports: self.fee_lamports,
            spent_lamports: before.saturating_sub(*after),
            moved,
        })
    }
    /// In which slot it landed.
    pub fn slot(&self) -> u64 {
        self.slot
    }
    /// All its accounts, those that it looked up in tables too; `None` if it can't be read.
    pub fn accounts(&self, mint: &Mint) -> Option<Vec<Address>> {
        Some([transaction::read(&self.bytes, mint)?.accounts, self.loaded.clone()].concat())
    }
    /// Whether an account has more tokens of another mint than before.
    pub fn raised_another(&self, mint: &Mint) -> bool {
        let before = |after: &Balance| self.tokens.0.iter().find(|one| one.account == after.account);
        let others = self.tokens.1.iter().filter(|after| after.mint != mint.address());
        others.into_iter().any(|after| after.amount > before(after).map_or(0, |before| before.amount))
    }
    /// As [`transaction::read`] sees it.
    pub fn read(&self, mint: &Mint) -> Option<transaction::OnChain> {
        transaction::read(&self.bytes, mint)
    }
}

#[derive(Deserialize)]
struct TransactionText {
    slot: u64,
    transaction: (String, String),
    meta: Meta,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    err: Option<Value>,
    fee: u64,
    pre_balances: Vec<u64>,
    post_balances: Vec<u64>,
    #[serde(default)]
    pre_token_balances: Option<Vec<BalanceText>>,
    #[serde(default)]
    post_token_balances: Option<Vec<BalanceText>>,
    #[serde(default)]
    loaded_addresses: Option<Loaded>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BalanceText {
    account_index: usize,
    mint: String,
    ui_token_amount: AmountText,
}

#[derive(Deserialize)]
struct AmountText {
    amount: String,
}

#[derive(Deserialize)]
struct Loaded {
    writable: Vec<String>,
    readonly: Vec<String>,
}

impl TransactionText {
    fn read(self) -> Option<Transaction> {
        let (bytes, encoding) = self.transaction;
        let Meta { err, fee, pre_balances, post_balances, pre_token_balances, post_token_balances, loaded_addresses } =
            self.meta;
        let balances = |texts: Option<Vec<BalanceText>>| -> Option<Vec<Balance>> {
            let read = |one: BalanceText| {
                let (mint, amount) = (one.mint.parse().ok()?, one.ui_token_amount.amount.parse().ok()?);
                Some(Balance { account: one.account_index, mint, amount })
            };
            texts.unwrap_or_default().into_iter().map(read).collect()
        };
        let loaded = loaded_addresses.map_or_else(Vec::new, |loaded| [loaded.writable, loaded.readonly].concat());
        Some(Transaction {
            slot: self.slot,
            bytes: (encoding == "base64").then(|| Base64::decode_vec(&bytes).ok())??,
            error: err.map(error),
            fee_lamports: fee,
            lamports: (pre_balances, post_balances),
            tokens: (balances(pre_token_balances)?, balances(post_token_balances)?),
            loaded: loaded.iter().map(|address| address.parse().ok()).collect::<Option<_>>()?,
        })
    }
}

/// `getSignaturesForAddress`, finalized, newest first, at most [`HISTORY_MAX`]: those after `until`, and before
/// `before`.
pub fn history(address: &Address, before: Option<&Signature>, until: Option<&Signature>) -> Call<Vec<Signature>> {
    signatures(address, Commitment::Finalized, before, until)
}

/// As [`history`], of what is confirmed: it may still be dropped.
pub fn heard(address: &Address, until: Option<&Signature>) -> Call<Vec<Signature>> {
    signatures(address, Commitment::Confirmed, None, until)
}

fn signatures(
    address: &Address,
    commitment: Commitment,
    before: Option<&Signature>,
    until: Option<&Signature>,
) -> Call<Vec<Signature>> {
    #[derive(Deserialize)]
    struct Text {
        signature: String,
    }
    let mut config = json!({ "commitment": commitment.word(), "limit": HISTORY_MAX });
    for (name, signature) in [("before", before), ("until", until)] {
        if let (Some(signature), Some(config)) = (signature, config.as_object_mut()) {
            config.insert(name.to_owned(), signature.to_string().into());
        }
    }
    Call::new("getSignaturesForAddress", json!([address.to_string(), config]), |value| {
        plain::<Vec<Text>>(value)?.iter().map(|one| one.signature.parse().ok()).collect()
    })
}

/// `simulateTransaction` of one that nobody signed: compute units, or why it fails.
pub fn simulation(transaction: &[u8]) -> Call<Result<u64, TransactionError>> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Text {
        err: Option<Value>,
        units_consumed: Option<u64>,
    }
    // On what is confirmed, as wallets' accounts are looked at: one that was made a moment ago counts in both.
    let config = json!({ "encoding": "base64", "sigVerify": false, "commitment": "confirmed" });
    Call::new("simulateTransaction", json!([Base64::encode_string(transaction), config]), |value| {
        let Text { err, units_consumed } = plain(within(value)?)?;
        match err {
            Some(err) => Some(Err(error(err))),
            None => units_consumed.map(Ok),
        }
    })
}

/// `sendTransaction`: no preflight, for what it would say is known, and no retries of the RPC's own, for they are ours.
/// The answer is the signature and proves nothing.
pub fn send(transaction: &[u8]) -> Call<Signature> {
    let config = json!({ "encoding": "base64", "skipPreflight": true, "maxRetries": 0 });
    Call::new("sendTransaction", json!([Base64::encode_string(transaction), config]), |value| parsed(&value))
}

/// A transaction's error: `"BlockhashNotFound"`, `{"InstructionError":[4,{"Custom":17}]}`.
fn error(value: Value) -> TransactionError {
    #[derive(Deserialize)]
    struct OfInstruction {
        #[serde(rename = "InstructionError")]
        error: (usize, Value),
    }
    #[derive(Deserialize)]
    struct Custom {
        #[serde(rename = "Custom")]
        number: u32,
    }
    let word = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    match OfInstruction::deserialize(&value) {
        Ok(OfInstruction { error: (index, why) }) => {
            let why = match Custom::deserialize(&why) {
                Ok(Custom { number }) => InstructionError::Custom(number),
                Err(_) => InstructionError::Named(word(&why)),
            };
            TransactionError::Instruction { index, why }
        }
        Err(_) => TransactionError::Whole(word(&value)),
    }
}

/// The value beside the slot it is of.
fn within(value: Value) -> Option<Value> {
    match value {
        Value::Object(mut fields) => fields.remove("value"),
        _ => None,
    }
}

fn plain<T: DeserializeOwned>(value: Value) -> Option<T> {
    serde_json::from_value(value).ok()
}

fn parsed<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn answer<T>(call: &Call<T>, result: &str) -> Result<T, RpcError> {
        call.answer(1, format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#).as_bytes())
    }

    const SIGNATURE: Signature = Signature([1; 64]);

    #[test]
    fn an_answer_is_read_or_refused_whole() {
        let call = slot(Commitment::Confirmed);
        assert_eq!(answer(&call, "42"), Ok(42));
        for result in ["-1", "null", "\"42\"", "[42]", "1e3", "{}"] {
            assert_eq!(answer(&call, result), Err(RpcError::Malformed("getSlot")), "{result}");
        }
        assert_eq!(call.answer(2, br#"{"jsonrpc":"2.0","id":1,"result":42}"#), Err(RpcError::Malformed("getSlot")));
        let refused = call.answer(1, br#"{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"behind"}}"#);
        assert_eq!(refused, Err(RpcError::Refused { code: -32_005, message: "behind".into() }));
    }

    #[test]
    fn accounts_are_read() {
        let owner = Address::default();
        let text =
            format!(r#"{{"lamports":5,"owner":"{owner}","data":["AQI=","base64"],"rentEpoch":18446744073709551615}}"#);
        let read = Account { lamports: 5, owner, data: vec![1, 2] };
        let one = account(&owner, Commitment::Finalized);
        assert_eq!(answer(&one, &format!(r#"{{"context":{{"slot":1}},"value":{text}}}"#)), Ok(Some(read.clone())));
        assert_eq!(answer(&one, r#"{"context":{"slot":1},"value":null}"#), Ok(None));
        assert!(answer(&one, "null").is_err());
        let many = accounts(&[owner, owner], Commitment::Finalized);
        assert_eq!(answer(&many, &format!(r#"{{"value":[null,{text}]}}"#)), Ok(vec![None, Some(read)]));
        assert!(answer(&one, &format!(r#"{{"value":{}}}"#, text.replace("AQI=", "AQI"))).is_err());
    }

    #[test]
    fn statuses_and_errors_are_read() {
        let call = statuses(&[SIGNATURE, SIGNATURE]);
        let text = r#"{"value":[null,{"slot":3,"confirmations":null,"err":null,"confirmationStatus":"finalized"}]}"#;
        let status = Status { slot: 3, commitment: Commitment::Finalized, is_failed: false };
        assert_eq!(answer(&call, text), Ok(vec![None, Some(status)]));
        assert_eq!(seen(Some(status), None), Seen::Confirmed);
        assert_eq!(seen(Some(Status { is_failed: true, ..status }), None), Seen::Processed);
        let call = simulation(&[]);
        let error = |text: &str| answer(&call, &format!(r#"{{"value":{{"err":{text},"logs":[],"unitsConsumed":9}}}}"#));
        let instruction = |index, why| Ok(Err(TransactionError::Instruction { index, why }));
        assert_eq!(error("null"), Ok(Ok(9)));
        assert_eq!(error(r#"{"InstructionError":[4,{"Custom":17}]}"#), instruction(4, InstructionError::Custom(17)));
        let named = InstructionError::Named("InvalidAccountData".into());
        assert_eq!(error(r#"{"InstructionError":[5,"InvalidAccountData"]}"#), instruction(5, named));
        assert_eq!(error(r#""BlockhashNotFound""#), Ok(Err(TransactionError::Whole("BlockhashNotFound".into()))));
        let rent = r#"{"InsufficientFundsForRent":{"account_index":0}}"#;
        let whole = r#"{"InsufficientFundsForRent":{"account_index":0}}"#.to_owned();
        assert_eq!(error(rent), Ok(Err(TransactionError::Whole(whole))));
    }

    #[test]
    fn requests_say_what_they_ask() {
        let call = history(&Address::default(), None, Some(&SIGNATURE));
        let body = call.body(3);
        assert!(body.starts_with(r#"{"jsonrpc":"2.0","id":3,"method":"getSignaturesForAddress","params":["1111"#));
        assert!(body.contains(r#""commitment":"finalized""#) && body.contains(&format!(r#""until":"{SIGNATURE}""#)));
        assert!(!body.contains("before"));
        assert_eq!(answer(&call, &format!(r#"[{{"signature":"{SIGNATURE}","slot":1}}]"#)), Ok(vec![SIGNATURE]));
        assert_eq!(answer(&recent_prices(&[]), r#"[{"slot":1,"prioritizationFee":7}]"#), Ok(vec![7]));
    }

    proptest! {
        #[test]
        fn no_answer_panics(body in prop::collection::vec(any::<u8>(), 0..200), text in "[\\[\\]{}\":,a-zA-Z0-9 ]{0,120}") {
            for body in [&body[..], text.as_bytes(), format!(r#"{{"id":1,"result":{text}}}"#).as_bytes()] {
                let _ = slot(Commitment::Finalized).answer(1, body);
                let _ = account(&Address::default(), Commitment::Finalized).answer(1, body);
                let _ = statuses(&[]).answer(1, body);
                let _ = transaction(&SIGNATURE).answer(1, body);
                let _ = simulation(&[]).answer(1, body);
                let _ = history(&Address::default(), None, None).answer(1, body);
            }
        }
    }
}
