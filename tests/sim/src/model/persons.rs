//! Who is one person, once more in few words: all workers that were ever paid to one wallet, and to wallets of theirs.

use std::collections::BTreeSet;

use lull_market::connect::Request;
use lull_protocol::connect::Purpose;
use lull_protocol::{PublicKey, Timestamp, Wallet};

use super::{Lease, Model};

/// Those who share, each set with its wallets.
#[derive(Debug, Default)]
pub(super) struct Persons(Vec<(BTreeSet<Wallet>, BTreeSet<PublicKey>)>);

impl Persons {
    fn is_paid_to(&mut self, worker: PublicKey, wallet: Wallet) {
        let mut all = (BTreeSet::from([wallet]), BTreeSet::from([worker]));
        for (wallets, workers) in std::mem::take(&mut self.0) {
            if wallets.contains(&wallet) || workers.contains(&worker) {
                all.0.extend(wallets);
                all.1.extend(workers);
            } else {
                self.0.push((wallets, workers));
            }
        }
        self.0.push(all);
    }

    pub(super) fn are_one(&self, one: &PublicKey, other: &PublicKey) -> bool {
        one == other || self.0.iter().any(|(_, workers)| workers.contains(one) && workers.contains(other))
    }
}

impl Model {
    /// A step on the way to a wallet is committed.
    pub(super) fn wallet_step(&mut self, request: &Request, at: Timestamp) {
        let Request::Agree(yes) = request else { return };
        self.paying.agreed(yes, at);
        if yes.payload().purpose != Purpose::Unlink {
            self.persons.is_paid_to(*yes.signer(), yes.payload().wallet);
        }
    }

    /// Whether a lease is of this worker's person.
    pub(super) fn is_of_person(&self, lease: &Lease, worker: &PublicKey) -> bool {
        self.persons.are_one(&lease.worker, worker)
    }

    /// One of each person: who comes first, in the order of their leases.
    pub(super) fn first_of_each<'a>(&self, leases: &[&'a Lease]) -> Vec<&'a Lease> {
        let mut leases = leases.to_vec();
        leases.sort_by_key(|lease| lease.offer.issued_at);
        let mut first: Vec<&Lease> = Vec::new();
        for lease in leases {
            if !first.iter().any(|known| self.is_of_person(known, &lease.worker)) {
                first.push(lease);
            }
        }
        first
    }
}
