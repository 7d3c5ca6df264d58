//! Deposits that a database restored from an older copy has forgotten: the treasury's transactions name them, and each
//! tells whose it is.

use std::collections::BTreeSet;

use lull_market::RequesterId;
use lull_payout::address::Address;
use lull_payout::deposit::Reference;
use lull_payout::rpc;
use lull_protocol::SigningKey;
use lull_store::{DepositCommand, PayCommand, PayError, Reader};
use serde_json::{Value, json};

use super::operator::{TreasuryError, write};
use super::{Ground, PayoutError, ground};
use crate::config::Config;
use crate::folder::Folder;

/// Reads all transactions of the treasury's token account, and has references that the database doesn't know looked at.
pub async fn deposits(config: &Config) -> Result<Value, TreasuryError> {
    let payout = config.payout.as_ref().ok_or(TreasuryError::NotSet)?;
    let Ground { net, terms, id, .. } = ground(payout).await?;
    let folder = Folder::open(&config.data)?;
    let (reader, key) = (Reader::open(&folder.database())?, folder.key()?);
    let mut forgotten = Forgotten { requesters: reader.requesters()?, key, seen: BTreeSet::new() };
    let mint = &terms.treasury.mint;
    let account = mint.account_of(&terms.treasury.owner);
    let history = net.history(&account, terms.agree_min).await.map_err(PayoutError::from)?;
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for signature in &history {
        let answer = net.agreed(&rpc::transaction(signature), terms.agree_min).await.map_err(PayoutError::from)?;
        let accounts = answer.and_then(|transaction| transaction.accounts(mint));
        let accounts = accounts.ok_or(TreasuryError::Unreadable(*signature))?;
        let known = reader.deposit_owners(&accounts)?;
        for (reference, requester) in forgotten.among(accounts.into_iter().filter(|one| !known.contains_key(one))) {
            let command = DepositCommand::Look { reference, requester, treasury: id };
            match write(config, &PayCommand::Deposit(command)) {
                Ok(_) => found.push(reference.to_string()),
                Err(TreasuryError::Refused(PayError::TooManyDeposits)) => refused.push(reference.to_string()),
                Err(error) => return Err(error),
            }
        }
    }
    // Those that are refused have their turn once the others are credited.
    Ok(json!({ "transactions": history.len(), "found": found, "again_later": refused }))
}

struct Forgotten {
    requesters: Vec<RequesterId>,
    key: SigningKey,
    /// Addresses that were judged; most are in every transaction.
    seen: BTreeSet<Address>,
}

impl Forgotten {
    /// Those addresses that are a requester's references.
    fn among(&mut self, addresses: impl Iterator<Item = Address>) -> Vec<(Reference, RequesterId)> {
        let fresh = addresses.filter(|address| self.seen.insert(*address)).map(|address| Reference(address.to_bytes()));
        let whose = |reference: Reference| {
            let is_theirs = |requester: &&RequesterId| reference.is_of(&requester.0, &self.key);
            self.requesters.iter().find(is_theirs).map(|requester| (reference, *requester))
        };
        fresh.filter_map(whose).collect()
    }
}
