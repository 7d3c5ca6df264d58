//! What a store's reviewer rebuilds: an archive of the tracked sources that the package is made from, with
//! `BUILD.md`. Built in any folder it gives the same package, byte for byte; `--verify` shows that.

use std::fs;
use std::io::{Cursor, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};
use zip::ZipArchive;

use super::{Files, add, zip_of};
use crate::setup::Tools;
use crate::shell::{capture, command, remove_dir, repo, stream, target};
use crate::store::build_page;

/// What of the repository goes in whole: folders end with a slash.
const WHOLE: [&str; 11] = [
    ".cargo/",
    "crate/",
    "extension/",
    "static/",
    "store/",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "manifest.json",
];
/// Of what is left, members of the workspace: cargo reads their manifests and looks for their sources, though
/// none of them is built.
const MEMBERS: &str = "tests/";
/// The archives that a build writes, by their path under `target`; those that are there are compared.
const PACKAGES: [&str; 2] = ["extension/chromium.zip", "extension/firefox.zip"];

/// Writes the archive; returns its path. With `verify` it is unpacked and built twice, in different places.
pub(super) fn package(tools: &Tools, verify: bool) -> Result<PathBuf> {
    let mut files = Files::new();
    let listed = capture(command("git").args(["ls-files", "-z"])).context("the sources are those that git tracks")?;
    for path in listed.split('\0').filter(|path| is_needed(path)) {
        add(&mut files, path.to_owned(), &repo().join(path))?;
    }
    let rustc = capture(tools.wasm_command("rustc")?.arg("--version"))?;
    files.insert("BUILD.md".to_owned(), build_page(&rustc).into_bytes());
    let archive = zip_of(&files)?;
    let path = target()?.join(format!("lull-{}-source.zip", env!("CARGO_PKG_VERSION")));
    fs::create_dir_all(path.parent().unwrap_or(&path))?;
    fs::write(&path, &archive)?;
    println!("{} files, {} KB: {}", files.len(), archive.len().div_ceil(1_000), path.display());
    println!("sha256 {}", sha256(&archive));
    if capture(command("git").args(["status", "--porcelain", "--untracked-files=no"])).is_ok_and(|s| !s.is_empty()) {
        println!("note: it has changes that are not committed");
    }
    if verify {
        twice(tools, &archive)?;
    }
    Ok(path)
}

fn is_needed(path: &str) -> bool {
    let is_whole = WHOLE.iter().any(|whole| path == *whole || (whole.ends_with('/') && path.starts_with(whole)));
    let is_member = path.starts_with(MEMBERS) && (path.ends_with(".rs") || path.ends_with("/Cargo.toml"));
    is_whole || is_member
}

/// Two folders that share neither path nor depth nor target folder.
fn twice(tools: &Tools, archive: &[u8]) -> Result<()> {
    let one = target()?.join("source-check");
    let other =
        std::env::temp_dir().join(format!("lull-source-check-{}", std::process::id())).join("in a deeper place");
    let built = [&one, &other].map(|dir| build(tools, archive, dir));
    remove_dir(&one)?;
    remove_dir(other.parent().unwrap_or(&other))?;
    let [first, second] = built;
    let (first, second) = (first?, second?);
    for ((name, one), (_, other)) in first.iter().zip(&second) {
        println!("{name}\n  {one}\n  {other}");
    }
    ensure!(!first.is_empty() && first == second, "two builds of the same sources differ");
    println!("both builds are the same, byte for byte");
    Ok(())
}

/// Unpacks and builds as BUILD.md says; gives each package's name and hash.
fn build(tools: &Tools, archive: &[u8], dir: &Path) -> Result<Vec<(String, String)>> {
    remove_dir(dir)?;
    let mut zip = ZipArchive::new(Cursor::new(archive))?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index)?;
        let name = entry.enclosed_name().context("a path that leaves the archive")?;
        let path = dir.join(name);
        fs::create_dir_all(path.parent().unwrap_or(dir))?;
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        fs::write(path, bytes)?;
    }
    println!("building in {}", dir.display());
    let mut cargo = command("cargo");
    cargo.args(["xtask", "package"]).args(tools.forced().then_some("--force-debian-target"));
    stream(cargo.current_dir(dir).env_remove("CARGO_TARGET_DIR"))?;
    let mut hashes = Vec::new();
    for name in PACKAGES {
        let path = dir.join("target").join(name);
        if path.is_file() {
            hashes.push((name.to_owned(), sha256(&fs::read(path)?)));
        }
    }
    Ok(hashes)
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_build_reads_goes_in_and_the_rest_stays_out() {
        for needed in [
            "crate/policy/src/lib.rs",
            "manifest.json",
            "static/lull.css",
            "tests/sim/disk/Cargo.toml",
            ".cargo/config.toml",
        ] {
            assert!(is_needed(needed), "{needed}");
        }
        for other in
            ["tests/demo/pictures/photo-001.jpg", "docs/pictures/home.png", "tests/fuzz/corpus/x", "manifest.json.bak"]
        {
            assert!(!is_needed(other), "{other}");
        }
    }

    #[test]
    fn hashes_are_sha_256() {
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
