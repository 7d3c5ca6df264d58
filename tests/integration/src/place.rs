//! A place of one's own: a network namespace with a public-looking address for the site, so that workers
//! fetch under their real policy, and a mount namespace for disks that may be filled.

use std::net::Ipv4Addr;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

/// Set inside.
const INSIDE: &str = "LULL_INTEGRATION_NAMESPACE";
/// The site that buyers order pages of: a public name and a public-looking address.
pub(crate) const SITE: (&str, Ipv4Addr) = ("harbour-library.org", Ipv4Addr::new(93, 184, 215, 10));

/// Re-executes this program inside new namespaces, unless it is there already. Returns inside. What it starts
/// ends with it.
pub(crate) fn enter() -> Result<()> {
    if std::env::var_os(INSIDE).is_some() {
        run("ip", &["link", "set", "lo", "up"])?;
        return run("ip", &["address", "add", &format!("{}/32", SITE.1), "dev", "lo"]);
    }
    let mut command = Command::new("unshare");
    command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    let id = Command::new("id").arg("-u").output().context("can't start id")?;
    if String::from_utf8_lossy(&id.stdout).trim() != "0" {
        command.args(["--user", "--map-root-user"]);
    }
    command.arg("--").arg(std::env::current_exe()?).args(std::env::args_os().skip(1)).env(INSIDE, "1");
    let error = command.exec();
    bail!("can't make a namespace with unshare (util-linux): {error}")
}

/// A disk of this size, bytes, mounted on a folder; it is memory, and goes with the namespace.
pub(crate) fn small_disk(folder: &Path, bytes: u64) -> Result<()> {
    std::fs::create_dir_all(folder)?;
    let folder = folder.to_str().context("a path that is not UTF-8")?;
    run("mount", &["-t", "tmpfs", "-o", &format!("size={bytes},mode=0700"), "tmpfs", folder])
}

fn run(program: &str, args: &[&str]) -> Result<()> {
    let out = Command::new(program).args(args).output().with_context(|| format!("can't start {program}"))?;
    ensure!(out.status.success(), "{program} {}: {}", args.join(" "), String::from_utf8_lossy(&out.stderr));
    Ok(())
}
