//! `kill -9` at any moment, and a disk that takes no more: what was acknowledged is there. The child is
//! this test binary itself.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use lull_market::{Command, Context, Lease, Reply};
use lull_protocol::statement::{Input, JudgmentReport, Report, WorkResult};
use lull_protocol::units::Nonce;
use lull_protocol::{Answer, Filter, Hash, Signed, TaskSet};
use lull_store::{Reader, Store, StoreError};

use crate::bench::{BUYER, amount, context, key, project};

/// Where the child finds its database, and which round it is: nonces must be fresh.
const DATABASE: &str = "LULL_TEST_KILL_DATABASE";
const ROUND: &str = "LULL_TEST_KILL_ROUND";

#[test]
fn what_was_acknowledged_survives() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lull.sqlite");
    set_up(&path, 5_000);
    let mut acknowledged = BTreeMap::new();
    for round in 0..6_u64 {
        // Spread over a batch's life by a fixed generator, so that a failure can be repeated.
        let lines = 1 + (round * 7_919 + 13) % 97;
        let said = killed_after(&path, round, lines);
        assert!(said.len() as u64 >= lines);
        acknowledged.extend(said);
        are_there(&path, &acknowledged);
    }
    assert!(acknowledged.len() > 200);
}

/// The kernel refuses to let a file grow: a real write fails in the middle of a commit.
#[test]
fn a_failed_write_is_an_error_and_takes_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lull.sqlite");
    set_up(&path, 500);
    // `ulimit -f` counts blocks of 512 bytes; with its signal ignored, a write beyond it fails.
    let mut shell = Process::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let mut child = child_of(&mut shell, &path, 0).spawn().unwrap();
    let mut acknowledged = BTreeMap::new();
    let mut error = None;
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        acknowledged.extend(ack(&line));
        error = error.or(line.strip_prefix("error ").map(str::to_owned));
    }
    assert!(child.wait().unwrap().success());
    assert_eq!(error.as_deref(), Some("transient"));
    assert!(!acknowledged.is_empty());
    are_there(&path, &acknowledged);
    let said = killed_after(&path, 1, 10);
    acknowledged.extend(said);
    are_there(&path, &acknowledged);
}

fn set_up(path: &Path, contents: usize) {
    let set_up = [
        Command::AddRequester { requester: BUYER, name: "Buyer".into(), key_hash: Hash::of(b"key") },
        Command::Deposit { requester: BUYER, amount: amount(1 << 50), reference: "first".into() },
        Command::CreateProject(project(1, contents, 2, 3)),
    ];
    let replies = Store::open(path).unwrap().apply(&context(), &set_up).unwrap();
    assert!(replies.iter().all(Result::is_ok));
}

fn are_there(path: &Path, acknowledged: &BTreeMap<Hash, Hash>) {
    let reader = Reader::open(path).unwrap();
    for (offer, result) in acknowledged {
        assert_eq!(reader.lease(offer).unwrap().unwrap().result, Some(*result));
    }
    assert_eq!(reader.check_ledger().unwrap().problems, Vec::<String>::new());
    assert!(reader.statistics().unwrap().judgments >= acknowledged.len() as u64);
}

/// Runs the child until it has printed so many acknowledgements, kills it, reads what else it said.
fn killed_after(path: &Path, round: u64, lines: u64) -> Vec<(Hash, Hash)> {
    let mut program = Process::new(std::env::current_exe().unwrap());
    let mut child = child_of(&mut program, path, round).spawn().unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        said.extend(ack(&line));
        if said.len() as u64 == lines {
            child.kill().unwrap();
        }
    }
    assert_eq!(child.wait().unwrap().signal(), Some(9));
    said
}

fn child_of<'a>(program: &'a mut Process, path: &Path, round: u64) -> &'a mut Process {
    program
        .args(["--exact", "kill::child", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
}

/// Offer and result of a line; the last line of a killed child may be cut off.
fn ack(line: &str) -> Option<(Hash, Hash)> {
    let (offer, result) = line.strip_prefix("ack ")?.split_once(' ')?;
    Some((Hash::from_hex(offer)?, Hash::from_hex(result)?))
}

/// The child: without its environment there is nothing to do.
#[test]
fn child() {
    let (Some(path), Ok(round)) = (std::env::var_os(DATABASE), std::env::var(ROUND)) else { return };
    let error = work(Path::new(&path), round.parse().unwrap()).unwrap_err();
    println!("error {}", if error.is_transient() { "transient" } else { "final" });
}

/// Works until it is killed or the store fails.
fn work(path: &Path, round: u64) -> Result<(), StoreError> {
    let mut cx = context();
    cx.now = cx.now.plus(round * 1_000);
    let mut store = Store::open(path)?;
    let mut nonce = round << 32;
    let mut out = std::io::stdout();
    loop {
        let claims: Vec<_> = (1..=9)
            .map(|seed| {
                let nonces = (0..4)
                    .map(|_| {
                        nonce += 1;
                        Nonce((u128::from(nonce)).to_be_bytes())
                    })
                    .collect();
                Command::Claim {
                    worker: key(seed).public(),
                    fetch: 0,
                    judgment: 4,
                    tasks: TaskSet::ALL,
                    warnings: lull_protocol::WarningSet::ALL,
                    filter: Filter::default(),
                    nonces,
                }
            })
            .collect();
        let mut submits = Vec::new();
        for (seed, reply) in (1..).zip(store.apply(&cx, &claims)?) {
            let Ok(Reply::Leases(leases)) = reply else { panic!("{reply:?}") };
            submits.extend(leases.iter().map(|lease| answer(seed, lease, &cx)));
        }
        // Leases of a round before this one are still open: let their time pass.
        if submits.is_empty() {
            cx.now = cx.now.plus(cx.terms.judgment_lease_ms + 1);
            assert!(store.apply(&cx, &[Command::Sweep])?[0].is_ok());
        }
        for (command, reply) in submits.iter().zip(store.apply(&cx, &submits)?) {
            let (Command::Submit { result, .. }, Ok(Reply::Stored { result: stored, .. })) = (command, reply) else {
                panic!("every answer is stored");
            };
            writeln!(out, "ack {} {stored}", result.payload().offer).unwrap();
        }
        out.flush().unwrap();
    }
}

fn answer(seed: u8, lease: &Lease, cx: &Context) -> Command {
    let result = WorkResult {
        offer: Hash::of(&lease.offer),
        report: Report::Judgment(JudgmentReport { answer: Answer::Choice(seed % 2), input: Input::Replay }),
        started_at: cx.now,
        finished_at: cx.now,
    };
    Command::Submit { result: Box::new(Signed::sign(result, &key(seed))), body: vec![] }
}
