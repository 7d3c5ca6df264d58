//! Payouts against an adversarial chain: every payout is paid exactly once or held, whatever happens.
//!
//! The store, the shell and the chain are small ones of this test's own; the decisions are the crate's. A run follows
//! from its seed.

#[path = "model/chain.rs"]
mod chain;
mod common;
#[path = "model/store.rs"]
mod store;
#[path = "model/world.rs"]
mod world;

use world::World;

const SEEDS: u64 = 60;
const STEPS: usize = 1_500;

#[test]
fn every_payout_is_paid_once_or_held() {
    let mut ends = [0; 3];
    for seed in 0..SEEDS {
        println!("seed {seed}");
        let mut world = World::new(seed);
        for _ in 0..STEPS {
            world.step();
            world.check();
        }
        world.settle_down();
        world.check_end();
        for (sum, count) in ends.iter_mut().zip(world.told()) {
            *sum += count;
        }
    }
    // The adversary did what it is for: restored databases were noticed, transactions failed, batches were cancelled.
    assert!(ends.iter().all(|count| *count > 10), "too tame: {ends:?}");
}
