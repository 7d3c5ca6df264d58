//! How requesters pay in: a Solana Pay transfer request, and what a finalized transaction that names its reference comes
//! to.
//!
//! A [`Reference`] is 32 bytes that a wallet adds to its transaction's accounts, so that the payment can be found by
//! them. What arrived is credited, whatever was asked for: less, more, or twice; each transaction once, by its
//! signature. See the [Solana Pay specification](https://github.com/solana-foundation/solana-pay/blob/master/SPEC.md).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use lull_protocol::{Amount, SigningKey, Timestamp};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::address::Address;
use crate::facts::Landing;
use crate::rpc::Transaction;
use crate::transaction::Treasury;
use crate::units::Signature;

/// References of one requester that are looked at, at most.
pub const OPEN_MAX: usize = 20;
/// Transactions of one reference that are judged at one look, at most, the oldest first; the others come next.
pub const JUDGED_MAX: usize = 32;
/// A reference younger than this is young, milliseconds.
pub const YOUNG_MS: u64 = 15 * 60_000;
/// Time between two looks at a young one, milliseconds.
pub const LOOK_YOUNG_MS: u64 = 2_000;
/// Time between two looks in its first day, milliseconds.
pub const LOOK_DAY_MS: u64 = 60_000;
/// Time between two looks after that, milliseconds.
pub const LOOK_OLD_MS: u64 = 600_000;
/// After this nobody looks any more unless asked to, milliseconds: 14 days.
pub const LOOKED_MS: u64 = 14 * DAY_MS;

const DAY_MS: u64 = 86_400_000;
/// What `encodeURIComponent` leaves as it is.
const WORDS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
/// What makes a requester's references.
const PURPOSE: &str = "deposit reference";

/// Names a payment on the chain before it is made; no key is behind it.
///
/// Half of it is fresh, and half is the coordinator's mark of that and of the requester. So a coordinator whose database
/// was restored from an older copy still knows whose it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference(pub [u8; 32]);

impl Reference {
    /// A requester's, of 16 fresh bytes.
    pub fn new(fresh: [u8; 16], requester: &[u8; 16], key: &SigningKey) -> Self {
        let mark = key.mark(PURPOSE, &[fresh, *requester].concat());
        let mut bytes = [0; 32];
        for (byte, from) in bytes.iter_mut().zip(fresh.iter().chain(&mark.0)) {
            *byte = *from;
        }
        Self(bytes)
    }
    /// Whether the coordinator of this key made it for this requester.
    pub fn is_of(&self, requester: &[u8; 16], key: &SigningKey) -> bool {
        self.0.first_chunk().is_some_and(|fresh| Self::new(*fresh, requester, key) == *self)
    }
    /// As it stands among a transaction's accounts.
    pub fn address(&self) -> Address {
        Address::from(self.0)
    }
}

impl FromStr for Reference {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        text.parse::<Address>().map(|address| Self(address.to_bytes())).map_err(drop)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.address().fmt(f)
    }
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The link that a wallet opens, and that a QR code holds: pay so much to the treasury, and name the reference.
pub fn link(treasury: &Treasury, amount: Amount, reference: &Reference, label: &str, message: &str) -> String {
    let Treasury { owner, mint } = treasury;
    let (amount, mint) = (decimal(amount, mint.decimals()), mint.address());
    let (label, message) = (utf8_percent_encode(label, WORDS), utf8_percent_encode(message, WORDS));
    format!("solana:{owner}?amount={amount}&spl-token={mint}&reference={reference}&label={label}&message={message}")
}

/// An amount in whole tokens, exact: `25`, `0.000001`.
pub fn decimal(amount: Amount, decimals: u8) -> String {
    let width = usize::from(decimals) + 1;
    let digits = format!("{:0>width$}", amount.get());
    let (whole, part) = digits.split_at(digits.len() - usize::from(decimals));
    match part.trim_end_matches('0') {
        "" => whole.to_owned(),
        part => format!("{whole}.{part}"),
    }
}

/// An amount that was given in whole tokens, exact: `25`, `0.5`; `None` if it is none, or finer than the mint.
pub fn units(text: &str, decimals: u8) -> Option<Amount> {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let are_digits = [whole, part].iter().all(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    if !are_digits || whole.is_empty() || part.is_empty() {
        return None;
    }
    let (part, width) = (part.trim_end_matches('0'), usize::from(decimals));
    let digits = (part.len() <= width).then(|| format!("{whole}{part:0<width$}"))?;
    digits.parse().ok().and_then(Amount::new)
}

/// The least that is credited: a hundredth of a token. Less than that isn't worth its line in the ledger.
pub fn least(decimals: u8) -> Amount {
    let units = 10_u64.checked_pow(u32::from(decimals.saturating_sub(2)));
    units.and_then(Amount::new).unwrap_or_default().max(Amount::new(1).unwrap_or_default())
}

/// When a reference is looked at next, by when it was asked for; `None`: never, unless asked for again.
pub fn next_look(asked_at: Timestamp, now: Timestamp) -> Option<Timestamp> {
    let pause = match now.get().saturating_sub(asked_at.get()) {
        age if age < YOUNG_MS => LOOK_YOUNG_MS,
        age if age < DAY_MS => LOOK_DAY_MS,
        age if age < LOOKED_MS => LOOK_OLD_MS,
        _ => return None,
    };
    Some(now.plus(pause))
}

/// Why a transaction that names a reference is credited to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Uncredited {
    /// It landed with an error, so nothing arrived.
    Failed,
    /// Nothing arrived anywhere, or the treasury paid.
    Nothing,
    /// Tokens of another mint moved.
    OtherMint,
    /// Tokens of the mint went to somebody else.
    OtherRecipient,
    /// Less than [`least`].
    Dust,
    /// More than the ledger can hold.
    TooMuch,
    /// It names references of two requesters.
    TwoRequesters,
    /// Something else was counted under its signature.
    Counted,
    /// Its parts don't fit each other.
    Unreadable,
}

impl Uncredited {
    /// Whether tokens of the mint arrived all the same: the operator must hear of it.
    pub fn has_arrived(self) -> bool {
        matches!(self, Self::TooMuch | Self::TwoRequesters | Self::Counted | Self::Unreadable)
    }
}

/// What a finalized transaction comes to: how much for whom. `owners`: whose those of its accounts are that are
/// references of this coordinator's.
///
/// Two references of one requester in one transaction are one deposit. Of two requesters nobody can say who is meant:
/// it is credited to none of them, and the operator decides.
pub fn judge<O: Copy + PartialEq>(
    transaction: &Transaction,
    signature: &Signature,
    treasury: &Treasury,
    owners: &BTreeMap<Address, O>,
) -> Result<(O, Amount), Uncredited> {
    let Treasury { owner, mint } = treasury;
    let landing = transaction.landing(mint).ok_or(Uncredited::Unreadable)?;
    let accounts = transaction.accounts(mint).ok_or(Uncredited::Unreadable)?;
    if transaction.read(mint).is_none_or(|read| read.signature != *signature) {
        return Err(Uncredited::Unreadable);
    }
    let Landing { error, moved, .. } = landing;
    if error.is_some() {
        return Err(Uncredited::Failed);
    }
    let arrived = match moved.get(&mint.account_of(owner)) {
        Some(by) if *by > 0 => *by,
        Some(_) => return Err(Uncredited::Nothing),
        None if moved.values().any(|by| *by > 0) => return Err(Uncredited::OtherRecipient),
        None if transaction.raised_another(mint) => return Err(Uncredited::OtherMint),
        None => return Err(Uncredited::Nothing),
    };
    let mut named = accounts.iter().filter_map(|account| owners.get(account));
    let first = named.next().copied().ok_or(Uncredited::Unreadable)?;
    if named.any(|other| *other != first) {
        return Err(Uncredited::TwoRequesters);
    }
    let amount = u64::try_from(arrived).ok().and_then(Amount::new).ok_or(Uncredited::TooMuch)?;
    if amount < least(mint.decimals()) { Err(Uncredited::Dust) } else { Ok((first, amount)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use solana_message::{AccountMeta, Message};
    use spl_token_interface::instruction::transfer_checked;
    use zeroize::Zeroizing;

    use super::*;
    use crate::rpc;
    use base64ct::{Base64, Encoding};

    const OWNER: Address = Address::new_from_array([2; 32]);
    const PAYER: Address = Address::new_from_array([3; 32]);
    const SIGNATURE: Signature = Signature([7; 64]);

    fn treasury() -> Treasury {
        Treasury { owner: OWNER, mint: crate::token::tests::classic() }
    }

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed(&Zeroizing::new([seed; 32]))
    }

    fn reference(number: u8) -> Reference {
        Reference::new([number; 16], &[1; 16], &key(1))
    }

    /// A transfer to the treasury that names these, with these balances of accounts after it (before it they had
    /// none): account, mint, amount.
    fn transaction(references: &[Reference], after: &[(Address, Address, u64)], error: Value) -> Transaction {
        let Treasury { owner, mint } = treasury();
        let (from, to) = (mint.account_of(&PAYER), mint.account_of(&owner));
        let program = mint.program().address();
        let mut transfer =
            transfer_checked(&program, &from, &mint.address(), &to, &PAYER, &[], 5, 6).expect("it is the program's");
        transfer.accounts.extend(references.iter().map(|one| AccountMeta::new_readonly(one.address(), false)));
        let others = after.iter().map(|(account, ..)| AccountMeta::new_readonly(*account, false));
        transfer.accounts.extend(others);
        let message = Message::new(&[transfer], Some(&PAYER));
        let bytes = [&[1][..], &SIGNATURE.0, &message.serialize()].concat();
        let place = |account: &Address| message.account_keys.iter().position(|key| key == account);
        let balance = |(account, mint, amount): &(Address, Address, u64)| json!({ "accountIndex": place(account), "mint": mint.to_string(), "uiTokenAmount": { "amount": amount.to_string() } });
        let after: Vec<Value> = after.iter().map(balance).collect();
        let meta = json!({ "err": error, "fee": 5_000, "preBalances": [9_000], "postBalances": [4_000], "postTokenBalances": after });
        let result = json!({ "slot": 4, "transaction": [Base64::encode_string(&bytes), "base64"], "meta": meta });
        let answer = json!({ "id": 1, "result": result }).to_string();
        rpc::transaction(&SIGNATURE).answer(1, answer.as_bytes()).expect("an answer").expect("a transaction")
    }

    fn own() -> Address {
        treasury().mint.account_of(&OWNER)
    }

    fn judged(references: &[Reference], after: &[(Address, Address, u64)], error: Value) -> Result<u64, Uncredited> {
        let transaction = transaction(references, after, error);
        let owners = BTreeMap::from([1, 2, 3].map(|number| (reference(number).address(), number / 3)));
        judge(&transaction, &SIGNATURE, &treasury(), &owners).map(|(_, amount)| amount.get())
    }

    #[test]
    fn what_arrived_is_credited_and_all_else_is_named() {
        let mint = treasury().mint.address();
        let stranger = Address::new_from_array([8; 32]);
        let paid = |amount| [(own(), mint, amount)];
        let one = [reference(1)];
        assert_eq!(judged(&one, &paid(25_000_000), Value::Null), Ok(25_000_000));
        assert_eq!(judged(&one, &paid(10_000), Value::Null), Ok(10_000));
        assert_eq!(judged(&one, &paid(9_999), Value::Null), Err(Uncredited::Dust));
        assert_eq!(judged(&one, &paid(0), Value::Null), Err(Uncredited::Nothing));
        assert_eq!(judged(&one, &[], Value::Null), Err(Uncredited::Nothing));
        assert_eq!(judged(&one, &paid(u64::MAX), Value::Null), Err(Uncredited::TooMuch));
        assert_eq!(judged(&one, &paid(1 << 53), Value::Null), Err(Uncredited::TooMuch));
        assert_eq!(judged(&one, &[(own(), stranger, 25_000_000)], Value::Null), Err(Uncredited::OtherMint));
        assert_eq!(judged(&one, &[(stranger, mint, 25_000_000)], Value::Null), Err(Uncredited::OtherRecipient));
        let failed = json!({ "InstructionError": [0, { "Custom": 1 }] });
        assert_eq!(judged(&one, &[], failed.clone()), Err(Uncredited::Failed));
        // An error that comes with balances is a lie; nothing is credited for it.
        assert_eq!(judged(&one, &paid(25_000_000), failed), Err(Uncredited::Failed));
        assert_eq!(judged(&[], &paid(25_000_000), Value::Null), Err(Uncredited::Unreadable));
        let other = judge(
            &transaction(&one, &paid(25_000_000), Value::Null),
            &Signature([6; 64]),
            &treasury(),
            &BTreeMap::from([(reference(1).address(), ())]),
        );
        assert_eq!(other, Err(Uncredited::Unreadable), "another transaction than was asked for");
    }

    #[test]
    fn two_references_are_one_deposit_if_they_are_one_requesters() {
        let paid = [(own(), treasury().mint.address(), 25_000_000)];
        assert_eq!(judged(&[reference(1), reference(2)], &paid, Value::Null), Ok(25_000_000));
        assert_eq!(judged(&[reference(1), reference(3)], &paid, Value::Null), Err(Uncredited::TwoRequesters));
        let strangers = Reference([9; 32]);
        assert_eq!(
            judged(&[strangers, reference(1)], &paid, Value::Null),
            Ok(25_000_000),
            "somebody else's is no matter"
        );
    }

    #[test]
    fn looks_grow_rarer_and_end() {
        let at = |ms| Timestamp::ZERO.plus(ms);
        let pause = |age| next_look(at(5), at(5 + age)).map(|next| next.get() - age - 5);
        assert_eq!([0, YOUNG_MS - 1].map(pause), [Some(LOOK_YOUNG_MS); 2]);
        assert_eq!([YOUNG_MS, DAY_MS - 1].map(pause), [Some(LOOK_DAY_MS); 2]);
        assert_eq!([DAY_MS, LOOKED_MS - 1].map(pause), [Some(LOOK_OLD_MS); 2]);
        assert_eq!([LOOKED_MS, u64::MAX >> 12].map(pause), [None; 2]);
        assert_eq!(next_look(at(9), at(1)), Some(at(1 + LOOK_YOUNG_MS)), "a clock that went back");
    }

    #[test]
    fn a_reference_is_its_requesters_alone() {
        let own = reference(5);
        assert!(own.is_of(&[1; 16], &key(1)));
        assert!(!own.is_of(&[2; 16], &key(1)) && !own.is_of(&[1; 16], &key(2)));
        assert_eq!(own.to_string().parse(), Ok(own));
        assert_eq!("0OIl".parse::<Reference>(), Err(()));
    }

    #[test]
    fn an_amount_is_read_exactly_or_not_at_all() {
        for (text, read) in [
            ("25", Some(25_000_000)),
            ("0025.50", Some(25_500_000)),
            ("0.000001", Some(1)),
            ("1.0000000", Some(1_000_000)),
            ("9007199254.740991", Some((1 << 53) - 1)),
            ("9007199254.740992", None),
            ("0.0000001", None),
            ("99999999999999999999999", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("-1", None),
            ("+1", None),
            ("1e3", None),
            ("1,5", None),
            ("1.5.5", None),
            (" 1", None),
            ("٣", None),
        ] {
            assert_eq!(units(text, 6).map(Amount::get), read, "{text}");
        }
    }

    #[test]
    fn the_least_is_a_hundredth() {
        assert_eq!([0, 1, 2, 3, 6, 9, 200].map(|digits| least(digits).get()), [1, 1, 1, 10, 10_000, 10_000_000, 1]);
    }

    proptest! {
        /// By the URL library's own reader.
        #[test]
        fn a_link_reads_back(amount in 0..(1_u64 << 53), label in ".{0,30}", message in "\\PC{0,60}") {
            let (amount, reference) = (Amount::new(amount).expect("small"), reference(1));
            let text = link(&treasury(), amount, &reference, &label, &message);
            prop_assert!(text.is_ascii() && !text.contains([' ', '+', '#']));
            let url = url::Url::parse(&text).expect("a URL");
            prop_assert_eq!(url.scheme(), "solana");
            prop_assert_eq!(url.path(), OWNER.to_string());
            let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
            let mint = treasury().mint.address().to_string();
            let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
            prop_assert_eq!(pairs, vec![
                pair("amount", &decimal(amount, 6)),
                pair("spl-token", &mint),
                pair("reference", &reference.to_string()),
                pair("label", &label),
                pair("message", &message),
            ]);
        }

        #[test]
        fn decimals_are_exact(amount in 0..(1_u64 << 53), decimals in 0..20_u8) {
            let text = decimal(Amount::new(amount).expect("small"), decimals);
            let (whole, part) = text.split_once('.').unwrap_or((&text, ""));
            prop_assert!(!whole.is_empty() && !part.ends_with('0') && !text.ends_with('.'));
            prop_assert!(whole == "0" || !whole.starts_with('0'));
            let digits = format!("{whole}{part:0<width$}", width = usize::from(decimals));
            prop_assert_eq!(digits.parse::<u128>(), Ok(u128::from(amount)));
            prop_assert_eq!(units(&text, decimals), Amount::new(amount));
        }

        /// Whatever the balances say, nothing is credited but what the treasury's account rose by.
        #[test]
        fn only_what_arrived_counts(amounts in prop::collection::vec((0..3_u8, any::<bool>(), any::<u64>()), 0..4)) {
            let mint = treasury().mint.address();
            let account = |to: u8| if to == 0 { own() } else { Address::new_from_array([100 + to; 32]) };
            let balance = |(to, is_ours, amount): &(u8, bool, u64)| {
                (account(*to), if *is_ours { mint } else { PAYER }, *amount)
            };
            let after: Vec<_> = amounts.iter().map(balance).collect();
            let arrived: u128 = after.iter().filter(|one| (one.0, one.1) == (own(), mint)).map(|one| u128::from(one.2)).sum();
            match judged(&[reference(1)], &after, Value::Null) {
                Ok(amount) => prop_assert_eq!(u128::from(amount), arrived),
                Err(Uncredited::TooMuch) => prop_assert!(arrived >= 1 << 53),
                Err(Uncredited::Dust) => prop_assert!((1..10_000).contains(&arrived)),
                Err(_) => prop_assert_eq!(arrived, 0),
            }
        }
    }
}
