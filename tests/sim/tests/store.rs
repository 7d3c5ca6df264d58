//! The store on a disk that fails: what the simulator found, once more in a few lines.

#[cfg(test)]
mod tests {
    use lull_disk::{Disk, Weather};
    use lull_market::{Command, Context, RequesterId, Terms};
    use lull_protocol::{Hash, SigningKey, Timestamp};
    use lull_store::Store;
    use zeroize::Zeroizing;

    fn context() -> Context {
        let terms = Terms {
            asset: "demo credits".into(),
            fee_bp: 0,
            fetch_lease_ms: 1,
            judgment_lease_ms: 1,
            approval_ms: 1,
            dispute_ms: 1,
            appeal_ms: 1,
            appeal_decision_ms: 1,
        };
        Context {
            now: Timestamp::ZERO,
            key: SigningKey::from_seed(&Zeroizing::new([1; 32])),
            terms,
            listed: Default::default(),
        }
    }

    /// Whether a requester could be added.
    fn adds(store: &mut Store, number: u8) -> bool {
        let requester = RequesterId([number; 16]);
        let command = Command::AddRequester { requester, name: number.to_string(), key_hash: Hash([number; 32]) };
        matches!(store.apply_each(&context(), &[command]).replies.first(), Some(Ok(Ok(_))))
    }

    #[test]
    fn what_is_committed_after_a_failed_sync_and_a_restart_survives_a_power_cut() {
        Disk::install();
        for seed in 0..40 {
            let disk = Disk::new(seed);
            let path = disk.path("lull.sqlite");
            let mut store = Store::open(&path).unwrap();
            assert!(adds(&mut store, 1));
            disk.set_weather(Weather { sync: 1_000, ..Weather::FAIR });
            assert!(!adds(&mut store, 2), "its sync failed");
            disk.set_weather(Weather::FAIR);
            disk.stop();
            drop(store);
            disk.kill();
            let mut store = Store::open(&path).unwrap();
            assert!(adds(&mut store, 3));
            disk.stop();
            drop(store);
            disk.cut_power();
            let db = lull_store::Reader::open(&path).unwrap();
            let is_there = |number: u8| db.requester_by_key(&Hash([number; 32])).unwrap().is_some();
            assert!(is_there(1) && is_there(3), "seed {seed}: what was acknowledged is gone");
        }
    }
}
