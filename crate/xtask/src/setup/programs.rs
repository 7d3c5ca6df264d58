//! Programs that belong to the system: found on the PATH, installed from Debian's packages if we are root.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail};

use super::Tools;
use crate::shell::{capture, command, logged, repo, which};
use crate::version::{major, parse, show};

/// Node older than this can't run what npm's binaryen is made of.
const NODE_MAJOR_MIN: u32 = 18;

/// Node.js and npm.
pub(super) fn node() -> Result<String> {
    let node = asked("node", "--version")?;
    if node.first() < Some(&NODE_MAJOR_MIN) {
        bail!("Node.js {} is too old", show(&node));
    }
    let npm = asked("npm", "--version")?;
    Ok(format!("{} and {}", show(&node), show(&npm)))
}

/// Chromium, not older than the manifest's minimum, and a chromedriver of the same major version.
pub(super) fn browser() -> Result<String> {
    let (chromium, driver) = (chromium()?, chromedriver()?);
    let version = asked(&chromium.to_string_lossy(), "--version")?;
    let least = chromium_major_min()?;
    if version.first() < Some(&least) {
        bail!("{} is version {}, Lull needs {least} or newer", chromium.display(), show(&version));
    }
    let of_driver = asked(&driver.to_string_lossy(), "--version")?;
    if version.first() != of_driver.first() {
        bail!("chromedriver is {}, Chromium is {}: their first numbers must agree", show(&of_driver), show(&version));
    }
    Ok(show(&version))
}

/// Where Chromium is: `LULL_CHROMIUM`, else the PATH.
pub(crate) fn chromium() -> Result<PathBuf> {
    place("LULL_CHROMIUM", &["chromium", "chromium-browser"])
}

/// Where chromedriver is: `LULL_CHROMEDRIVER`, else the PATH.
pub(crate) fn chromedriver() -> Result<PathBuf> {
    place("LULL_CHROMEDRIVER", &["chromedriver"])
}

/// Firefox, not older than the extension's Firefox package allows.
pub(super) fn firefox_ready() -> Result<String> {
    let program = firefox()?;
    let version = asked(&program.to_string_lossy(), "--version")?;
    let least = crate::package::firefox_major_min()?;
    if version.first() < Some(&least) {
        bail!("{} is version {}, Lull needs {least} or newer", program.display(), show(&version));
    }
    Ok(show(&version))
}

/// Where Firefox is: `LULL_FIREFOX`, else the PATH.
pub(crate) fn firefox() -> Result<PathBuf> {
    place("LULL_FIREFOX", &["firefox-esr", "firefox"])
}

/// A network namespace can be made here, and `ip` can put addresses into it.
pub(super) fn network() -> Result<String> {
    if !cfg!(target_os = "linux") {
        bail!("only Linux has them");
    }
    which("ip").context("`ip` is not here (Debian: apt-get install iproute2)")?;
    let flags = if is_root() { "-nm" } else { "-rnm" };
    capture(command("unshare").args([flags, "ip", "link", "set", "lo", "up"]))?;
    Ok(format!("unshare {flags}"))
}

/// Python that can make a virtual environment with pip in it.
pub(super) fn python() -> Result<String> {
    capture(command("python3").args(["-c", "import venv, ensurepip"]))?;
    Ok(show(&asked("python3", "--version")?))
}

/// A nightly toolchain of rustup's.
pub(super) fn nightly() -> Result<String> {
    let said = capture(command("cargo").args(["+nightly", "--version"]))?;
    Ok(show(&parse(&said).context("cargo names no version")?))
}

/// age's own tool, and `script`, which gives it a terminal to ask on.
pub(super) fn age() -> Result<String> {
    which("script").context("`script` is not here (Debian: apt-get install bsdutils)")?;
    Ok(show(&asked("age", "--version")?))
}

/// The C++ compiler that build scripts ask for.
pub(super) fn cxx() -> Result<String> {
    Ok(show(&asked("c++", "--version")?))
}

/// ffmpeg, for the recording.
pub(super) fn recorder() -> Result<String> {
    Ok(show(&asked("ffmpeg", "-version")?))
}

/// Installs Debian packages where that is possible, which is for root on Debian; elsewhere it does nothing,
/// and the check that follows says what is missing.
pub(super) fn apt_install(packages: &[&str], tools: &Tools) -> Result<()> {
    if which("apt-get").is_none() || !is_root() {
        return Ok(());
    }
    let apt = |args: &[&str], log: &str| {
        logged(command("apt-get").env("DEBIAN_FRONTEND", "noninteractive").args(args), &tools.log(log))
    };
    apt(&["update", "-q"], "apt-update")?;
    let mut args = vec!["install", "-qy", "--no-install-recommends"];
    args.extend(packages);
    apt(&args, "apt-install")
}

/// Whether we are root.
fn is_root() -> bool {
    capture(Command::new("id").arg("-u")).is_ok_and(|id| id == "0")
}

fn place(variable: &str, names: &[&str]) -> Result<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Ok(PathBuf::from(path));
    }
    names.iter().find_map(|name| which(name)).with_context(|| format!("no {} on the PATH", names.join(" or ")))
}

/// The version a program prints.
fn asked(program: &str, flag: &str) -> Result<Vec<u32>> {
    let said = capture(command(program).arg(flag))?;
    parse(&said).with_context(|| format!("{program} names no version"))
}

/// The manifest's `minimum_chrome_version`: the one place that says it.
fn chromium_major_min() -> Result<u32> {
    let manifest = fs::read_to_string(repo().join("manifest.json")).context("manifest.json")?;
    let manifest: serde_json::Value = serde_json::from_str(&manifest).context("manifest.json")?;
    let least = manifest.get("minimum_chrome_version").and_then(|v| v.as_str()).and_then(major);
    least.context("manifest.json has no minimum_chrome_version")
}
