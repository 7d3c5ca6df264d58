//! The real binary: `kill -9` under load, graceful stop, its log, its commands.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "helpers of tests")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex};

use common::{Buyer, Lease, Worker, peek_result, soon};
use lull_protocol::cbor::ByteVec;
use lull_protocol::cose::{self, Signed};
use lull_protocol::message::RefusedCode;
use lull_protocol::rejection::Appeal;
use lull_protocol::statement::{Verdict, WorkResult};
use lull_protocol::{Hash, Item, Timestamp, ToCoordinator, ToWorker};
use lull_store::Reader;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

const BINARY: &str = env!("CARGO_BIN_EXE_lull-coordinator");

struct Process {
    child: Child,
    address: String,
}

impl Process {
    async fn start(data: &Path, extra: &[&str]) -> Self {
        let mut command = Command::new(BINARY);
        command.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).args(extra);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = soon("the ready line", lines.next_line()).await.unwrap().expect("a ready line");
        let ready: Value = serde_json::from_str(&line).unwrap();
        Self { address: ready["listening"].as_str().unwrap().to_owned(), child }
    }

    /// SIGTERM; the exit status and the whole log.
    async fn stop(mut self) -> (bool, String) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().await.unwrap().success());
        let mut log = String::new();
        soon("the log's end", self.child.stderr.take().unwrap().read_to_string(&mut log)).await.unwrap();
        (soon("the exit", self.child.wait()).await.unwrap().success(), log)
    }
}

async fn command(data: &Path, args: &[&str]) -> Output {
    Command::new(BINARY).args(args).arg("--data").arg(data).output().await.unwrap()
}

async fn add_buyer(data: &Path, address: &str) -> Buyer {
    let added = command(data, &["requester", "add", "Harbour Library", "--deposit", "1000000000"]).await;
    assert!(added.status.success(), "{}", String::from_utf8_lossy(&added.stderr));
    let key = String::from_utf8(added.stdout).unwrap();
    assert!(key.starts_with("lull_") && key.trim().len() == 5 + 64);
    Buyer::new(address, key.trim())
}

/// What a worker keeps on its disk: results that were signed, and those that were acknowledged.
#[derive(Default)]
struct Disk {
    outbox: BTreeMap<Hash, (Signed<WorkResult>, Vec<u8>)>,
    acknowledged: BTreeMap<Hash, Hash>,
}

/// Works until the connection breaks; tells of every acknowledgement.
async fn toil(address: String, seed: u8, disk: Arc<Mutex<Disk>>, acks: mpsc::UnboundedSender<()>) {
    let mut worker = Worker::connect(&address, seed, 0).await;
    let left: Vec<_> = disk.lock().unwrap().outbox.values().cloned().collect();
    for (result, body) in left {
        if !hand_in(&mut worker, &result, &body, &disk, &acks).await {
            return;
        }
    }
    loop {
        if worker.try_send(2, 0).await.is_err() {
            return;
        }
        let Some(lease) = worker.next_lease().await else { return };
        let body = common::page(usize::from(seed), 1_000 + usize::from(seed) * 37_000);
        let result = worker.fetched(&lease, &body);
        disk.lock().unwrap().outbox.insert(lease.hash, (result.clone(), body.clone()));
        if !hand_in(&mut worker, &result, &body, &disk, &acks).await {
            return;
        }
    }
}

/// Whether it was acknowledged before the connection broke.
async fn hand_in(
    worker: &mut Worker,
    result: &Signed<WorkResult>,
    body: &[u8],
    disk: &Mutex<Disk>,
    acks: &mpsc::UnboundedSender<()>,
) -> bool {
    let offer = result.payload().offer;
    let Some(hash) = worker.try_deliver(result, body).await else { return false };
    assert_eq!(hash, result.hash());
    let mut disk = disk.lock().unwrap();
    disk.outbox.remove(&offer);
    disk.acknowledged.insert(offer, hash);
    acks.send(()).is_ok()
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9_and_is_credited_once() {
    const WORKERS: u8 = 4;
    const ACKS_PER_ROUND: usize = 40;
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let disks: Vec<_> = (0..WORKERS).map(|_| Arc::new(Mutex::new(Disk::default()))).collect();
    let mut process = Process::start(&data, &[]).await;
    let buyer = add_buyer(&data, &process.address).await;
    let paths: Vec<String> = (0..1_000).map(|n| format!("/3/{n}")).collect();
    buyer.order(&paths.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for _ in 0..3 {
        let (sender, mut acks) = mpsc::unbounded_channel();
        let tasks: Vec<_> = disks
            .iter()
            .enumerate()
            .map(|(i, disk)| tokio::spawn(toil(process.address.clone(), i as u8 + 1, disk.clone(), sender.clone())))
            .collect();
        drop(sender);
        for _ in 0..ACKS_PER_ROUND {
            soon("an ack", acks.recv()).await.unwrap();
        }
        process.child.kill().await.unwrap();
        for task in tasks {
            soon("the worker's end", task).await.unwrap();
        }
        process = Process::start(&data, &[]).await;
    }

    let reader = Reader::open(&data.join("lull.sqlite")).unwrap();
    let mut credited = 0;
    for (i, disk) in disks.iter().enumerate() {
        let disk = disk.lock().unwrap();
        let worker = common::key(i as u8 + 1).public();
        let verdicts = reader.verdicts_after(&worker, 0, 10_000).unwrap();
        let judged: Vec<Verdict> = verdicts.iter().map(|v| cose::peek(&v.statement).unwrap()).collect();
        for hash in disk.acknowledged.values() {
            assert_eq!(judged.iter().filter(|v| v.result == *hash).count(), 1, "acknowledged, so there, once");
        }
        let results: Vec<Hash> = disk.outbox.values().map(|(result, _)| result.hash()).collect();
        let unknown = judged
            .iter()
            .filter(|v| !results.contains(&v.result) && !disk.acknowledged.values().any(|h| *h == v.result));
        assert_eq!(unknown.count(), 0, "only what the worker signed has a verdict");
        let earned: u64 = judged.iter().map(|v| v.amount.get()).sum();
        assert_eq!(reader.account(&worker, common::now()).unwrap().earned.get(), earned);
        credited += judged.len();
    }
    let ledger = command(&data, &["export", "ledger"]).await;
    let entries = String::from_utf8(ledger.stdout).unwrap();
    assert_eq!(entries.lines().filter(|line| line.contains("\"cause\":\"verdict\"")).count(), credited);
    let receipts = command(&data, &["export", "receipts"]).await;
    assert_eq!(String::from_utf8(receipts.stdout).unwrap().lines().count(), credited);
    assert!(command(&data, &["check"]).await.status.success());
    assert!(process.stop().await.0);
}

#[tokio::test]
async fn a_term_signal_stops_gracefully() {
    let dir = TempDir::new().unwrap();
    let process = Process::start(dir.path(), &[]).await;
    let mut worker = Worker::connect(&process.address, 1, 0).await;
    let ((stopped_well, _), code) = tokio::join!(process.stop(), worker.bye());
    assert!(stopped_well);
    assert_eq!(code, RefusedCode::Stopping);
}

#[tokio::test]
async fn an_older_backup_is_noticed_and_gives_no_number_twice() {
    let dir = TempDir::new().unwrap();
    let (data, backup) = (dir.path().join("data"), dir.path().join("backup"));
    let process = Process::start(&data, &[]).await;
    let buyer = add_buyer(&data, &process.address).await;
    buyer.order(&["/3/a", "/3/b"]).await;
    let mut worker = Worker::connect(&process.address, 1, 0).await;
    worker.want(1, 0).await;
    let lease = worker.lease().await;
    worker.deliver(&worker.fetched(&lease, b"first"), b"first").await;
    assert_eq!(worker.verdict().await.0, 1);
    assert!(process.stop().await.0);
    let copied = Command::new("cp").arg("-r").args([&data, &backup]).status().await.unwrap();
    assert!(copied.success());

    let process = Process::start(&data, &[]).await;
    let mut worker = Worker::connect(&process.address, 1, 1).await;
    worker.want(1, 0).await;
    let lease = worker.lease().await;
    worker.deliver(&worker.fetched(&lease, b"second"), b"second").await;
    assert_eq!(worker.verdict().await.0, 2);
    let (stopped_well, log) = process.stop().await;
    assert!(stopped_well && !log.contains("backup"), "{log}");

    let process = Process::start(&backup, &[]).await;
    let mut worker = Worker::connect(&process.address, 1, 2).await;
    assert_eq!(worker.bye().await, RefusedCode::Unavailable);
    let mut other = Worker::connect(&process.address, 2, 0).await;
    other.want(1, 0).await;
    other.lease().await;
    let (stopped_well, log) = process.stop().await;
    assert!(stopped_well && log.contains("was an older backup restored?"), "{log}");
}

#[tokio::test]
async fn nothing_private_reaches_the_log() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let process = Process::start(&data, &["--log", "json"]).await;
    let buyer = add_buyer(&data, &process.address).await;
    let order = buyer.order(&["/3/private/page.html?token=secret"]).await;
    buyer.judge(&["a very private question"]).await;
    let mut private: Vec<String> = vec![
        buyer.key.clone(),
        buyer.key.trim_start_matches("lull_").to_owned(),
        "docs.python.org".into(),
        "token=secret".into(),
        "very private question".into(),
        "Harbour Library".into(),
        "a test".into(),
        "127.0.0.1".into(),
        order,
    ];
    for name in ["operator.token", "coordinator.key"] {
        private.push(std::fs::read_to_string(data.join(name)).unwrap());
    }
    for seed in [1, 2] {
        let mut worker = Worker::connect(&process.address, seed, 0).await;
        private.push(worker.key.public().to_string());
        worker.want(1, 1).await;
        for _ in 0..if seed == 1 { 2 } else { 1 } {
            let lease = worker.lease().await;
            let (result, body) = match &lease.item {
                Item::Fetch(_) => (worker.fetched(&lease, b"<private>"), b"<private>".as_slice()),
                Item::Judgment(_) => (worker.answered(&lease, 1), b"".as_slice()),
            };
            worker.deliver(&result, body).await;
            private.push(lease.hash.to_string());
        }
        // Refusals and broken frames are logged too.
        worker.send_frame(b"GET https://docs.python.org/3/ nonsense".to_vec()).await;
        assert_eq!(worker.bye().await, RefusedCode::Malformed);
    }
    assert_eq!(buyer.get("/v1/orders/unknown").await.0, 404);
    let (stopped_well, log) = process.stop().await;
    assert!(stopped_well);
    assert!(log.contains("worker connected") && log.contains("Malformed"), "the log says something: {log}");
    for line in log.lines() {
        assert!(serde_json::from_str::<Value>(line).is_ok(), "not JSON: {line}");
        for secret in &private {
            assert!(!line.contains(secret.as_str()), "{secret} is in {line}");
        }
        assert!(!line.contains("ERROR") && !line.contains("WARN"), "{line}");
    }
}

#[tokio::test]
async fn a_pause_and_appeals_are_logged_by_their_ids_and_decided_together() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let process = Process::start(&data, &["--log", "json"]).await;
    let buyer = add_buyer(&data, &process.address).await;
    let contents: Vec<Value> = (0..3).map(|i| json!({"text": format!("word {i}")})).collect();
    let rule = json!({"agree": 1, "people": 1});
    let asked = json!({"options": ["bad", "good"], "contents": contents, "review": true, "rule": rule});
    let order = buyer.project(asked).await;
    let mut worker = Worker::connect(&process.address, 1, 0).await;
    let mut reject = vec![];
    for _ in 0..3 {
        worker.want(0, 1).await;
        let lease = worker.lease().await;
        worker.deliver(&worker.answered(&lease, 1), b"").await;
        reject.push(json!({"offer": lease.hash.to_string(), "evidence": "secret evidence"}));
    }
    let path = format!("/v1/orders/{order}/review");
    let (status, said) = buyer.json(buyer.request("POST", &path).json(&json!({"reject": reject}))).await;
    assert_eq!((status, &said["progress"]["review"]["state"]), (200, &json!("paused")));
    let mut rejections = vec![];
    for _ in 0..2 {
        let statement = worker.wait("a rejection", |message| match message {
            ToWorker::Rejected { statement } => Some(statement.to_vec()),
            _ => None,
        });
        let rejection = Hash::of(&statement.await);
        let appeal = Appeal { rejection, words: Some("secret words".into()), at: Timestamp::ZERO };
        let statement: ByteVec = Signed::sign(appeal, &worker.key).bytes().to_vec().into();
        for _ in 0..2 {
            worker.send(&ToCoordinator::Appeal { statement: statement.clone() }).await;
            worker.wait("its word", |m| matches!(m, ToWorker::Appealed { .. }).then_some(())).await;
        }
        rejections.push(rejection.to_string());
    }
    let shown = command(&data, &["appeals", "--order", &order]).await;
    assert_eq!(String::from_utf8(shown.stdout).unwrap().lines().count(), 3);
    let decided = command(&data, &["deny", &rejections[0], &rejections[1]]).await;
    let line =
        |hash| format!("order {order} rejection {hash} denied: the answer is not paid, and somebody else is asked\n");
    assert_eq!(String::from_utf8(decided.stdout).unwrap(), line(&rejections[0]) + &line(&rejections[1]));
    let again = command(&data, &["deny", &rejections[0], &"ab".repeat(32)]).await;
    assert!(!again.status.success() && String::from_utf8(again.stdout).unwrap().contains("was decided so before"));
    let (stopped_well, log) = process.stop().await;
    assert!(stopped_well);
    let told = |what: &str, id: &str| log.lines().filter(|line| line.contains(what) && line.contains(id)).count();
    assert_eq!(told("a project is paused", &order), 1);
    assert_eq!([0, 1].map(|i| told("an appeal waits", &rejections[i])), [1, 1], "each once");
    let worker = worker.key.public().to_string();
    assert!(["secret", "word ", "good", worker.as_str()].iter().all(|private| !log.contains(private)), "{log}");
}

#[tokio::test]
async fn commands_say_what_is_wrong() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let process = Process::start(&data, &[]).await;
    let fails = async |args: &[&str], words: &str| {
        let output = command(&data, args).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(words), "{args:?}: {said}");
    };
    fails(&["serve", "--listen", "127.0.0.1:0"], "another coordinator is running").await;
    fails(&["serve", "--listen", "0.0.0.0:0"], "wss://").await;
    fails(&["serve", "--origin", "work.example"], "is not an origin").await;
    fails(&["deposit", "Nobody", "5"], "no such requester").await;
    fails(&["serve", "--fee-pb", "1"], "--fee-pb").await;
    let file = dir.path().join("lull.toml");
    std::fs::write(&file, "asset = \"tea\"\nunknown = 1\n").unwrap();
    fails(&["serve", "--config", file.to_str().unwrap()], "unknown").await;
    add_buyer(&data, &process.address).await;
    fails(&["requester", "add", "Harbour Library"], "already taken").await;

    let help = Command::new(BINARY).arg("--help").output().await.unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("Examples:"));
    let key: Value = serde_json::from_slice(&command(&data, &["key"]).await.stdout).unwrap();
    assert_eq!(key["fingerprint"].as_str().unwrap().len(), 64);
    assert!(process.stop().await.0);
}

#[tokio::test]
async fn what_it_cannot_start_on_it_names_and_says_what_to_do() {
    let dir = TempDir::new().unwrap();
    let data = dir.path().join("data");
    let fails = async |data: &Path, args: &[&str], words: [&str; 2]| {
        let output = soon("the end", command(data, args)).await;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(words.iter().all(|word| said.contains(word)), "{args:?}: {said}");
        assert!(output.stdout.is_empty() && !said.contains("panicked"), "{said}");
    };
    let serve = ["serve", "--listen", "127.0.0.1:0"];
    let process = Process::start(&data, &[]).await;
    let taken = ["serve", "--listen", &process.address];
    fails(&dir.path().join("other"), &taken, ["another program", "--listen"]).await;
    assert!(process.stop().await.0);

    let (key, database) = (data.join("coordinator.key"), data.join("lull.sqlite"));
    let kept = dir.path().join("coordinator.key");
    std::fs::rename(&key, &kept).unwrap();
    fails(&data, &serve, ["coordinator.key is missing", "restore it"]).await;
    std::fs::write(&key, "half a k").unwrap();
    fails(&data, &serve, ["coordinator.key can be read by others", "chmod 600"]).await;
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    fails(&data, &serve, ["coordinator.key is not", "restore it"]).await;
    std::fs::rename(&kept, &key).unwrap();

    let whole = std::fs::read(&database).unwrap();
    let noise: Vec<u8> = whole.iter().map(|byte| byte ^ 0x5a).collect();
    std::fs::write(&database, &noise).unwrap();
    for args in [&serve[..], &["check"], &["export", "ledger"], &["requester", "add", "Buyer"]] {
        fails(&data, args, ["the database is damaged", "restore"]).await;
    }
    assert_eq!(std::fs::read(&database).unwrap(), noise, "what is damaged is left as it is");
    std::fs::write(&database, &whole).unwrap();
    assert!(Process::start(&data, &[]).await.stop().await.0);

    let kept = dir.path().join("backup.sqlite");
    let backup = Command::new(BINARY).args(["backup"]).arg(&kept).arg("--data").arg(&data).output().await.unwrap();
    assert!(backup.status.success(), "{backup:?}");
    for gone in [false, true] {
        for end in ["", "-wal", "-shm"] {
            // A file may not be there.
            let _ = std::fs::remove_file(data.join(format!("lull.sqlite{end}")));
        }
        if !gone {
            std::fs::write(&database, "").unwrap();
        }
        for args in [&serve[..], &["requester", "add", "Buyer"]] {
            fails(&data, args, ["lull.sqlite is missing or empty", "restore the newest backup"]).await;
        }
    }
    std::fs::copy(&kept, &database).unwrap();
    assert!(Process::start(&data, &[]).await.stop().await.0);

    let file = dir.path().join("file");
    std::fs::write(&file, "no folder").unwrap();
    fails(&file, &serve, ["data folder", "exists"]).await;
}

#[tokio::test]
async fn the_environment_counts_before_the_file_and_a_flag_before_both() {
    let dir = TempDir::new().unwrap();
    let file: PathBuf = dir.path().join("lull.toml");
    std::fs::write(&file, "asset = \"of the file\"\noperator_name = \"File\"\noperator_contact = \"File\"\n").unwrap();
    let mut command = Command::new(BINARY);
    command.args(["--listen", "127.0.0.1:0", "--operator-contact", "Flag", "--config"]).arg(&file);
    command.env("LULL_DATA", dir.path().join("data")).env("LULL_OPERATOR_NAME", "Environment");
    command.env("LULL_OPERATOR_CONTACT", "Environment");
    let mut child = command.stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let line = soon("the ready line", lines.next_line()).await.unwrap().unwrap();
    let ready: Value = serde_json::from_str(&line).unwrap();
    let buyer = Buyer::new(ready["listening"].as_str().unwrap(), "");
    let card = buyer.get("/v1/card").await.1;
    let bytes = data_encoding::BASE64.decode(card["card"].as_str().unwrap().as_bytes()).unwrap();
    let card: lull_protocol::statement::OperatorCard = cose::peek(&bytes).unwrap();
    assert_eq!([card.asset, card.name, card.contact], ["of the file", "Environment", "Flag"]);
    child.kill().await.unwrap();
}

/// Steps that may find the connection broken.
impl Worker {
    async fn try_send(&mut self, fetch: u8, judgment: u8) -> Result<(), ()> {
        use lull_protocol::message::Message as _;
        let want = lull_protocol::ToCoordinator::want(fetch, judgment);
        self.try_send_frame(want.to_frame()).await.map_err(|_| ())
    }

    async fn next_lease(&mut self) -> Option<Lease> {
        loop {
            if let ToWorker::Assign { offer, item, .. } = self.next().await? {
                let hash = Hash::of(&offer);
                let item = Item::from_bytes(&item).unwrap();
                return Some(Lease { offer: cose::peek(&offer).unwrap(), hash, item });
            }
        }
    }

    async fn try_deliver(&mut self, result: &Signed<WorkResult>, body: &[u8]) -> Option<Hash> {
        use lull_protocol::message::Message as _;
        let offer = peek_result(result.bytes()).offer;
        let statement = result.bytes().to_vec().into();
        let message = lull_protocol::ToCoordinator::Result { statement };
        self.try_send_frame(message.to_frame()).await.ok()?;
        let mut kept = Vec::new();
        let acked = loop {
            match self.next().await? {
                ToWorker::Ack { offer: about, result } if about == offer => break result,
                ToWorker::BodyWanted { offset, bytes, .. } => {
                    let (start, end) = (offset.get() as usize, (offset.get() + bytes.get()) as usize);
                    for (i, chunk) in body[start..end].chunks(60_000).enumerate() {
                        let offset = lull_protocol::ByteCount::new((start + i * 60_000) as u64).unwrap();
                        let bytes = chunk.to_vec().into();
                        let chunk = lull_protocol::ToCoordinator::BodyChunk { offer, offset, bytes };
                        self.try_send_frame(chunk.to_frame()).await.ok()?;
                    }
                }
                ToWorker::Refused { about, code } if about == Some(offer) => panic!("refused with {code:?}"),
                other => kept.push(other),
            }
        };
        self.keep(kept);
        Some(acked)
    }
}
