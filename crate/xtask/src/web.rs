//! The pages that the coordinator serves, as one folder: `target/web`. The coordinator's `pages.rs` lists the same files.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::setup::Tools;
use crate::shell::{repo, target};
use crate::wasm::web_module;

/// Of the pages alone.
const OWN: [&str; 3] = ["connect.html", "connect.js", "connect.css"];
/// As the extension has them.
const SHARED: [&str; 3] = ["tokens.css", "ground.css", "contrast.css"];
/// What wasm-pack writes.
const BUILT: [&str; 2] = ["lull_web.js", "lull_web_bg.wasm"];

/// Builds the module and brings the folder up to date.
pub(crate) fn pages(tools: &Tools) -> Result<PathBuf> {
    let built = web_module(tools)?;
    let (own, shared) = (repo().join("crate/web/page"), repo().join("static"));
    let out = target()?.join("web");
    fs::create_dir_all(&out).with_context(|| format!("can't make {}", out.display()))?;
    for (dir, names) in [(&own, &OWN[..]), (&shared, &SHARED[..]), (&built, &BUILT[..])] {
        for name in names {
            update(&dir.join(name), &out.join(name))?;
        }
    }
    update(&shared.join("icons/32.png"), &out.join("icon.png"))?;
    Ok(out)
}

/// Only what has changed, and each file whole: a coordinator that starts meanwhile reads the folder.
fn update(from: &Path, to: &Path) -> Result<()> {
    let bytes = fs::read(from).with_context(|| format!("can't read {}", from.display()))?;
    if fs::read(to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let partial = to.with_extension("partial");
    fs::write(&partial, bytes).with_context(|| format!("can't write {}", partial.display()))?;
    fs::rename(&partial, to).with_context(|| format!("can't make {}", to.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coordinator_serves_these_files_and_no_others() {
        let list = fs::read_to_string(repo().join("crate/coordinator/src/pages.rs")).unwrap();
        let list = list.split_once("const FILES").and_then(|(_, rest)| rest.split_once("];")).unwrap().0;
        let names = OWN.iter().chain(&SHARED).chain(&BUILT).chain(&["icon.png"]);
        for name in names.clone() {
            assert!(list.contains(&format!("\"{name}\"")), "{name}");
        }
        assert_eq!(list.matches("(\"/connect").count(), names.count());
    }

    #[test]
    fn a_file_that_is_as_it_was_is_left_alone() {
        let dir = std::env::temp_dir().join(format!("lull-web-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let (from, to) = (dir.join("from.css"), dir.join("to.css"));
        fs::write(&from, "one").unwrap();
        update(&from, &to).unwrap();
        let written = fs::metadata(&to).unwrap().modified().unwrap();
        update(&from, &to).unwrap();
        assert_eq!(fs::metadata(&to).unwrap().modified().unwrap(), written);
        fs::write(&from, "two").unwrap();
        update(&from, &to).unwrap();
        assert_eq!(fs::read_to_string(&to).unwrap(), "two");
        fs::remove_dir_all(&dir).unwrap();
    }
}
