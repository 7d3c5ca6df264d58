//! What a commit means for others than the one who asked.

use std::collections::BTreeMap;

use lull_protocol::message::RefusedCode;
use lull_protocol::{Hash, PublicKey};

use super::io::Push;
use crate::command::{NumberedVerdict, OpenRejection, Reply, Reviewed};

/// What follows from a committed [`Reply`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct News {
    /// For these workers' connections, if they have one.
    pub pushes: Vec<(PublicKey, Push)>,
    /// Whether there may be new work: connections that wait for some should look.
    pub work: bool,
}

impl News {
    /// Of a reply that is durable.
    pub fn of(reply: &Reply) -> Self {
        match reply {
            Reply::Order { .. } | Reply::Freed { .. } => Self { pushes: Vec::new(), work: true },
            Reply::Stored { verdicts, freed, withdrawn, .. } => {
                Self { pushes: taken(verdicts, withdrawn), work: *freed }
            }
            Reply::Cancelled { verdicts, withdrawn } => Self { pushes: taken(verdicts, withdrawn), work: false },
            Reply::Reviewed(Reviewed { verdicts, rejections, freed }) => {
                Self { pushes: rejected(rejections).chain(by_worker(verdicts)).collect(), work: *freed }
            }
            Reply::Swept { expired, verdicts, settled, freed, wallets } => {
                let withdrawn = |(worker, offer)| (worker, Push::Withdraw(offer, RefusedCode::LeaseExpired));
                let mut pushes = by_worker(verdicts);
                pushes.extend(expired.iter().copied().map(withdrawn));
                pushes.extend(settled.iter().map(|worker| (*worker, Push::Account)));
                pushes.extend(wallets.iter().map(|worker| (*worker, Push::Wallet)));
                Self { pushes, work: *freed || !expired.is_empty() }
            }
            Reply::Wallet { told, .. } => {
                Self { pushes: told.iter().map(|worker| (*worker, Push::Wallet)).collect(), work: false }
            }
            // There may be news of whose word it was.
            Reply::PayoutsChanged(workers) => {
                Self { pushes: workers.iter().map(|worker| (*worker, Push::Wallet)).collect(), work: false }
            }
            Reply::Reversal { worker, .. } | Reply::Ended { worker, .. } => {
                Self { pushes: vec![(*worker, Push::Account)], work: false }
            }
            Reply::Extended(_) | Reply::Done | Reply::Blob(_) | Reply::Leases(_) | Reply::Appealed(_) => {
                Self::default()
            }
        }
    }

    /// Of payouts that are durable: these workers' balances and payouts have changed.
    pub fn of_payouts(workers: &[PublicKey]) -> Self {
        Self { pushes: workers.iter().map(|worker| (*worker, Push::Payouts)).collect(), work: false }
    }
}

/// Verdicts, and leases of items that were stopped.
fn taken(verdicts: &[NumberedVerdict], withdrawn: &[(PublicKey, Hash)]) -> Vec<(PublicKey, Push)> {
    let taken = |(worker, offer)| (worker, Push::Withdraw(offer, RefusedCode::Withdrawn));
    let mut pushes = by_worker(verdicts);
    pushes.extend(withdrawn.iter().copied().map(taken));
    pushes
}

fn rejected<'r>(rejections: impl IntoIterator<Item = &'r OpenRejection>) -> impl Iterator<Item = (PublicKey, Push)> {
    let mut by_worker: BTreeMap<PublicKey, Vec<OpenRejection>> = BTreeMap::new();
    for rejection in rejections {
        by_worker.entry(rejection.worker).or_default().push(rejection.clone());
    }
    by_worker.into_iter().map(|(worker, rejections)| (worker, Push::Rejected(rejections)))
}

fn by_worker(verdicts: &[NumberedVerdict]) -> Vec<(PublicKey, Push)> {
    let mut by_worker: BTreeMap<PublicKey, Vec<NumberedVerdict>> = BTreeMap::new();
    for verdict in verdicts {
        by_worker.entry(verdict.worker).or_default().push(verdict.clone());
    }
    by_worker.into_iter().map(|(worker, verdicts)| (worker, Push::Verdicts(verdicts))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_frees_or_brings_work_wakes() {
        let stored = |freed| Reply::Stored { result: Hash([1; 32]), verdicts: vec![], freed, withdrawn: vec![] };
        let reviewed = |freed| Reply::Reviewed(Reviewed { freed, ..Reviewed::default() });
        let freed = Reply::Freed { skips_left: None };
        assert!(News::of(&freed).work && News::of(&stored(true)).work && News::of(&reviewed(true)).work);
        for nothing in
            [Reply::Done, stored(false), reviewed(false), Reply::Appealed(Hash([1; 32])), Reply::Leases(vec![])]
        {
            assert_eq!(News::of(&nothing), News::default(), "{nothing:?}");
        }
    }

    #[test]
    fn each_worker_hears_of_its_own_in_the_order_of_its_numbers() {
        let [one, two] = [PublicKey([1; 32]), PublicKey([2; 32])];
        let verdict = |worker, number| NumberedVerdict { worker, number, statement: vec![], rejection: None };
        let offer = Hash([9; 32]);
        let verdicts = vec![verdict(two, 4), verdict(one, 7), verdict(two, 5)];
        let (expired, settled, wallets) = (vec![(one, offer)], vec![two], vec![two]);
        let news = News::of(&Reply::Swept { expired, verdicts, settled, freed: false, wallets });
        let pushes = vec![
            (one, Push::Verdicts(vec![verdict(one, 7)])),
            (two, Push::Verdicts(vec![verdict(two, 4), verdict(two, 5)])),
            (one, Push::Withdraw(offer, RefusedCode::LeaseExpired)),
            (two, Push::Account),
            (two, Push::Wallet),
        ];
        assert_eq!(news, News { pushes, work: true });
    }

    #[test]
    fn who_is_rejected_hears_of_it_before_the_verdict() {
        let worker = PublicKey([1; 32]);
        let rejection = OpenRejection { worker, statement: vec![7], is_appealed: false };
        let verdict = NumberedVerdict { worker, number: 1, statement: vec![], rejection: None };
        let (verdicts, rejections) = (vec![verdict.clone()], vec![rejection.clone()]);
        let news = News::of(&Reply::Reviewed(Reviewed { verdicts, rejections, freed: false }));
        let pushes = vec![(worker, Push::Rejected(vec![rejection])), (worker, Push::Verdicts(vec![verdict]))];
        assert_eq!(news, News { pushes, work: false });
    }
}
