//! Every corpus and every input that once broke something, through its target.
#![allow(clippy::unwrap_used, clippy::panic)] // A test: failing is its way to tell.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lull_fuzz::{TARGETS, Target};

const CORPUS_BYTES_MAX: u64 = 1 << 20;
const ALL_BYTES_MAX: u64 = 5 << 20;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The names in a folder, in order.
fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

/// Says which input it was if its target panics.
struct Running<'a>(&'a Path);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the input is {}", self.0.display());
        }
    }
}

fn replay(target: Target, inputs: &Path) {
    for name in names(inputs) {
        let path = inputs.join(name);
        let bytes = fs::read(&path).unwrap();
        let _running = Running(&path);
        target(&bytes);
    }
}

/// One thread per target: the slowest says how long it takes.
fn each(kind: &str) {
    let there = names(&folder(kind));
    std::thread::scope(|scope| {
        for (name, target) in TARGETS.iter().filter(|(name, _)| there.contains(*name)) {
            scope.spawn(move || replay(*target, &folder(kind).join(name)));
        }
    });
}

#[test]
fn every_corpus_replays() {
    each("corpus");
}

#[test]
fn what_once_broke_something_passes() {
    each("regressions");
}

#[test]
fn every_target_has_a_corpus_and_every_folder_a_target() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&folder("corpus")), targets);
    let strays: Vec<String> = names(&folder("regressions")).difference(&targets).cloned().collect();
    assert_eq!(strays, Vec::<String>::new());
    let manifest = fs::read_to_string(folder("libfuzzer/Cargo.toml")).unwrap();
    let programs = manifest.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    assert_eq!(programs.filter(|name| *name != "lull-libfuzzer").map(str::to_owned).collect::<BTreeSet<_>>(), targets);
}

#[test]
fn corpora_stay_small() {
    let bytes = |name: &str| -> u64 {
        let folder = folder("corpus").join(name);
        names(&folder).iter().map(|file| fs::metadata(folder.join(file)).unwrap().len()).sum()
    };
    let sizes: Vec<(&str, u64)> = TARGETS.iter().map(|(name, _)| (*name, bytes(name))).collect();
    assert!(sizes.iter().all(|(_, bytes)| *bytes <= CORPUS_BYTES_MAX), "{sizes:?}");
    assert!(sizes.iter().map(|(_, bytes)| bytes).sum::<u64>() <= ALL_BYTES_MAX, "{sizes:?}");
}

#[test]
fn targets_take_nothing_and_much() {
    for (_, target) in TARGETS {
        target(&[]);
        target(&[0; 300]);
        target(&[0xff; 300]);
    }
}
